//! How words are read: folded, and CJK as overlapping pairs. The same as in `benches/python/search_words.py`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Lower case without accents: NFKD, combining marks dropped.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_lowercase().nfkd().filter(|letter| canonical_combining_class(*letter) == 0).collect()
}

/// The words of a folded text in order.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The same, with each run of CJK letters as its overlapping pairs, for it has no spaces.
pub fn terms(folded: &str) -> Vec<String> {
    if folded.is_ascii() {
        return words(folded).map(str::to_owned).collect();
    }
    let mut terms = Vec::new();
    for word in words(folded) {
        let letters: Vec<char> = word.chars().collect();
        for run in letters.chunk_by(|one, next| is_cjk(*one) == is_cjk(*next)) {
            if is_cjk(run[0]) && run.len() > 1 {
                terms.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
            } else {
                terms.push(run.iter().collect());
            }
        }
    }
    terms
}

/// The words with one space between them.
pub fn whole(folded: &str) -> String {
    words(folded).collect::<Vec<_>>().join(" ")
}

/// Every three letters in a row.
pub fn trigrams(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.windows(3).map(|three| three.iter().collect()).collect()
}

fn is_cjk(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}
