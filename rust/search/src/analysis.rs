//! Text to words: folded, so that case, accents and punctuation do not matter.
//!
//! A word is a run of letters and digits, lower-cased and without accents. `WebdriverIO` and `utf8` are also indexed
//! by their parts, at the same position. A run of Chinese, Japanese or Korean characters has no spaces to go by:
//! it becomes overlapping pairs of characters, and its last character once more alone, at the position of the last pair.

use std::ops::Range;

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

use crate::language::Language;

/// Letters of a word after this one are ignored, in documents and in queries alike.
pub(crate) const MAX_LETTERS: usize = 63;

/// A word of a text.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) word: &'a str,
    /// Whether it is a part of the word before it, and stands at the same position: of a word in letters a part, of a
    /// run without spaces the last character.
    pub(crate) part: bool,
    /// Its bytes in the text.
    pub(crate) source: Range<usize>,
    /// Whether it is one or two characters of a script without spaces.
    pub(crate) pair: bool,
}

impl Token<'_> {
    /// Its stem in `language`, when it is a whole word of `text` and its stem another than it.
    pub(crate) fn other_stem(&self, text: &str, language: Option<Language>) -> Option<String> {
        let language = language.filter(|_| !self.part && !self.pair)?;
        language.stem(&text[self.source.clone()]).filter(|stem| stem != self.word)
    }
}

/// Whether `c` belongs to a script that is written without spaces, or, as Korean, is searched for by syllables.
pub(crate) fn is_cjk(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// `text` in folded letters.
pub(crate) fn folded(text: &str) -> String {
    let mut letters = Vec::new();
    text.chars().for_each(|c| fold(c, &mut letters));
    letters.into_iter().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Appends the folded form of `c`: lower case, compatibility forms unified, marks dropped.
fn fold(c: char, out: &mut Vec<char>) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
    } else if (0xAC00..=0xD7AF).contains(&u32::from(c)) {
        out.push(c);
    } else {
        for lower in c.to_lowercase() {
            decompose_compatible(lower, |part| {
                if canonical_combining_class(part) == 0 {
                    out.extend(part.to_lowercase());
                }
            });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
}

fn kind(c: char) -> Kind {
    if c.is_numeric() {
        Kind::Digit
    } else if c.is_uppercase() {
        Kind::Upper
    } else {
        Kind::Lower
    }
}

/// Cuts texts into tokens; keeps its buffers from one text to the next.
#[derive(Default)]
pub(crate) struct Tokenizer {
    word: String,
    /// Where in `word` parts begin: byte in the word, byte in the text.
    cuts: Vec<(usize, usize)>,
    folded: Vec<char>,
}

impl Tokenizer {
    /// Gives every token of `text` to `each`.
    pub(crate) fn tokens(&mut self, text: &str, mut each: impl FnMut(Token<'_>)) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at].is_ascii_alphanumeric() {
                at = self.word(text, at, &mut each);
            } else if bytes[at].is_ascii() {
                at += 1;
            } else {
                let Some(c) = text[at..].chars().next() else { break };
                at = if is_cjk(c) {
                    self.run(text, at, &mut each)
                } else if c.is_alphanumeric() {
                    self.word(text, at, &mut each)
                } else {
                    at + c.len_utf8()
                };
            }
        }
    }

    /// The word that begins at byte `start`; returns where it ends.
    fn word(&mut self, text: &str, start: usize, each: &mut impl FnMut(Token<'_>)) -> usize {
        self.word.clear();
        self.cuts.clear();
        self.cuts.push((0, start));
        let mut letters = 0;
        let mut before = None;
        // Where the last letter begins: byte in the word, byte in the text.
        let mut last_letter = (0, start);
        let mut end = text.len();
        for (offset, c) in text[start..].char_indices() {
            let here = start + offset;
            let plain = c.is_ascii_alphanumeric();
            if !plain && (is_cjk(c) || !(c.is_alphanumeric() || canonical_combining_class(c) != 0)) {
                end = here;
                break;
            }
            if !plain && canonical_combining_class(c) != 0 {
                continue;
            }
            let now = kind(c);
            match before {
                // `HTMLParser`: the part begins with the letter before the first lower-case one.
                Some(Kind::Upper) if now == Kind::Lower => self.cut(last_letter),
                Some(last) if last != now => self.cut((self.word.len(), here)),
                _ => {}
            }
            before = Some(now);
            last_letter = (self.word.len(), here);
            if letters == MAX_LETTERS {
                continue;
            }
            if plain {
                self.word.push(c.to_ascii_lowercase());
                letters += 1;
            } else {
                self.folded.clear();
                fold(c, &mut self.folded);
                for &folded in
                    self.folded.iter().filter(|folded| folded.is_alphanumeric()).take(MAX_LETTERS - letters)
                {
                    self.word.push(folded);
                    letters += 1;
                }
            }
        }
        if !self.word.is_empty() {
            each(Token { word: &self.word, part: false, source: start..end, pair: false });
            self.parts(end, each);
        }
        end
    }

    /// Begins a part, unless one begins there.
    fn cut(&mut self, at: (usize, usize)) {
        if self.cuts.last().is_none_or(|cut| cut.0 != at.0) {
            self.cuts.push(at);
        }
    }

    /// The parts of the word just read, when it has several: those of two letters and more, and numbers.
    fn parts(&self, end: usize, each: &mut impl FnMut(Token<'_>)) {
        if self.cuts.len() < 2 {
            return;
        }
        for (index, &(from, source)) in self.cuts.iter().enumerate() {
            let (to, source_end) = self.cuts.get(index + 1).map_or((self.word.len(), end), |next| *next);
            let part = &self.word[from.min(to)..to];
            let short = part.chars().nth(1).is_none() && !part.starts_with(char::is_numeric);
            if !short && part.len() < self.word.len() {
                each(Token { word: part, part: true, source: source..source_end, pair: false });
            }
        }
    }

    /// The run of characters without spaces that begins at byte `start`; returns where it ends.
    fn run(&mut self, text: &str, start: usize, each: &mut impl FnMut(Token<'_>)) -> usize {
        let mut end = text.len();
        let mut last: Option<(char, usize)> = None;
        let mut pairs = false;
        for (offset, c) in text[start..].char_indices() {
            let here = start + offset;
            if !is_cjk(c) {
                if canonical_combining_class(c) != 0 {
                    continue;
                }
                end = here;
                break;
            }
            self.folded.clear();
            fold(c, &mut self.folded);
            for &folded in &self.folded {
                if let Some((first, from)) = last {
                    self.word.clear();
                    self.word.extend([first, folded]);
                    each(Token {
                        word: &self.word,
                        part: false,
                        source: from..here + c.len_utf8(),
                        pair: true,
                    });
                    pairs = true;
                }
                last = Some((folded, here));
            }
        }
        if let Some((only, from)) = last {
            self.word.clear();
            self.word.push(only);
            each(Token { word: &self.word, part: pairs, source: from..end, pair: true });
        }
        end
    }
}

/// The words of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) word: String,
    /// Whether it matches as the beginning of a word.
    pub(crate) prefix: bool,
    /// Whether it is one or two characters of a script without spaces, in which nothing is misspelt.
    pub(crate) pair: bool,
    /// Its stem, when the index has a language.
    pub(crate) stem: Option<String>,
}

impl Typed {
    /// A word of letters that nobody typed as it is.
    pub(crate) fn made(word: impl Into<String>, prefix: bool) -> Self {
        Self { word: word.into(), prefix, pair: false, stem: None }
    }
}

/// The words of a query text, at most `most`; with `prefix`, the last may be unfinished.
pub(crate) fn query_words(text: &str, prefix: bool, most: usize, language: Option<Language>) -> Vec<Typed> {
    let mut words: Vec<Typed> = Vec::new();
    let mut ends = 0;
    Tokenizer::default().tokens(text, |token| {
        if token.part || words.len() > most {
            return;
        }
        let alone = token.pair && token.word.chars().nth(1).is_none();
        ends = token.source.end;
        let stem = language.filter(|_| !token.pair).and_then(|language| language.stem(&text[token.source]));
        words.push(Typed { word: token.word.into(), prefix: alone, pair: token.pair, stem });
    });
    if words.len() > most {
        words.truncate(most);
    } else if let Some(last) = words.last_mut()
        && prefix
        && ends == text.len()
    {
        last.prefix = true;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, bool, &str)> {
        let mut found = Vec::new();
        Tokenizer::default()
            .tokens(text, |token| found.push((token.word.to_owned(), token.part, &text[token.source])));
        found
    }

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|(word, ..)| word).collect()
    }

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        assert_eq!(words("Crème-Brûlée, ÉTÉ!"), ["creme", "brulee", "ete"]);
        assert_eq!(words("cafe\u{301} ﬁne"), ["cafe", "fine"]);
        assert_eq!(words("snake_case"), ["snake", "case"]);
        assert_eq!(words("  "), Vec::<String>::new());
    }

    #[test]
    fn a_word_is_found_by_its_parts_as_well() {
        assert_eq!(
            tokens("HTMLParser utf8"),
            [
                ("htmlparser".into(), false, "HTMLParser"),
                ("html".into(), true, "HTML"),
                ("parser".into(), true, "Parser"),
                ("utf8".into(), false, "utf8"),
                ("utf".into(), true, "utf"),
                ("8".into(), true, "8"),
            ]
        );
        assert_eq!(words("WebdriverIO"), ["webdriverio", "webdriver", "io"]);
    }

    #[test]
    fn a_part_begins_with_a_whole_letter() {
        let parts = [
            ("abecole".into(), false, "ABÉcole"),
            ("ab".into(), true, "AB"),
            ("ecole".into(), true, "École"),
        ];
        assert_eq!(tokens("ABÉcole"), parts);
    }

    #[test]
    fn an_accent_of_its_own_cuts_nothing() {
        assert_eq!(words("E\u{301}COLE"), words("ÉCOLE"));
    }

    #[test]
    fn a_single_letter_is_no_part_in_any_script() {
        assert_eq!(words("aBcd"), ["abcd", "bcd"]);
        assert_eq!(words("яБвг"), ["ябвг", "бвг"]);
    }

    #[test]
    fn the_last_character_of_a_run_is_no_position_of_its_own() {
        let parts: Vec<bool> = tokens("日本語 語").into_iter().map(|(_, part, _)| part).collect();
        assert_eq!(parts, [false, false, true, false]);
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(words("日本語abc"), ["日本", "本語", "語", "abc"]);
        assert_eq!(words("한국어"), ["한국", "국어", "어"]);
        let typed = query_words("日本語 語", false, 8, None);
        let shown: Vec<_> = typed.iter().map(|typed| (typed.word.as_str(), typed.prefix)).collect();
        assert_eq!(shown, [("日本", false), ("本語", false), ("語", true)]);
    }

    #[test]
    fn only_a_last_word_without_a_space_after_it_is_unfinished() {
        assert!(query_words("blue so", true, 8, None)[1].prefix);
        assert!(!query_words("blue so ", true, 8, None)[1].prefix);
        assert!(!query_words("blue so", false, 8, None)[1].prefix);
        assert_eq!(query_words("a b c d", true, 3, None).len(), 3);
        assert!(!query_words("a b c d", true, 3, None)[2].prefix);
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(words(&"x".repeat(1000)), ["x".repeat(MAX_LETTERS)]);
    }
}
