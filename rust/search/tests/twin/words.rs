//! Words of texts and queries, and with how many typos one stands for another.

use officina_search::{Language, Schema};
use rust_stemmers::{Algorithm, Stemmer};

/// A word of a document.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) position: usize,
    /// Whether it is a part of a word in letters, which counts as a typo.
    pub(crate) part: bool,
    /// Whether it stands at the position of the word before it.
    pub(crate) here: bool,
    /// Of a word in letters that is no part.
    pub(crate) stem: Option<String>,
}

/// A word of a query.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) text: String,
    pub(crate) prefix: bool,
    /// Whether it is one or two characters of a script without spaces.
    pub(crate) pair: bool,
    pub(crate) stem: Option<String>,
    /// Whether it is a word of a synonym, put there for what was typed: it stands for itself alone.
    pub(crate) in_synonym: bool,
}

impl Typed {
    pub(crate) fn new(text: impl Into<String>, prefix: bool) -> Self {
        Self { text: text.into(), prefix, pair: false, stem: None, in_synonym: false }
    }
}

/// A run of letters and digits, or of characters of a script without spaces, and whether the text ends behind it.
struct Run {
    letters: Vec<char>,
    /// With the marks.
    written: String,
    cjk: bool,
    ends_text: bool,
}

fn is_cjk(c: char) -> bool {
    ('一'..='鿿').contains(&c) || ('가'..='힣').contains(&c)
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for c in text.chars() {
        if let Some(last) = runs.last_mut() {
            last.ends_text = false;
        }
        if is_mark(c) && open {
            let last = runs.last_mut().expect("one is open");
            last.ends_text = true;
            last.written.push(c);
            continue;
        }
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        match runs.last_mut().filter(|run| open && run.cjk == is_cjk(c)) {
            Some(run) => {
                run.letters.push(c);
                run.written.push(c);
                run.ends_text = true;
            }
            None => runs.push(Run { letters: vec![c], written: c.into(), cjk: is_cjk(c), ends_text: true }),
        }
        open = true;
    }
    runs
}

/// Without case and accents.
fn fold(letters: &[char]) -> String {
    let lower = letters.iter().flat_map(|c| c.to_lowercase());
    let plain = |c| match c {
        'á' => 'a',
        'ć' => 'c',
        'é' => 'e',
        c => c,
    };
    lower.map(plain).collect()
}

/// The stem of a word as it was written, without accents.
fn stem(written: &str, language: Option<Language>) -> Option<String> {
    let algorithm = match language?.name() {
        "english" => Algorithm::English,
        "french" => Algorithm::French,
        other => panic!("the twin does not speak {other}"),
    };
    let accented = [("a\u{301}", "á"), ("c\u{301}", "ć"), ("e\u{301}", "é")];
    let composed = accented.iter().fold(written.to_lowercase(), |text, (two, one)| text.replace(two, one));
    let stem: Vec<char> =
        Stemmer::create(algorithm).stem(&composed).chars().filter(|c| !is_mark(*c)).collect();
    Some(fold(&stem))
}

/// The parts of `WebdriverIO`, `HTMLParser` and `utf8`: those of two letters and more, and numbers.
fn parts(letters: &[char]) -> Vec<String> {
    let mut cuts = vec![0, letters.len()];
    for at in 1..letters.len() {
        let (before, here) = (letters[at - 1], letters[at]);
        if before.is_numeric() != here.is_numeric() || !before.is_uppercase() && here.is_uppercase() {
            cuts.push(at);
        } else if before.is_uppercase() && !here.is_uppercase() {
            cuts.push(at - 1);
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    let pieces = cuts.windows(2).map(|cut| &letters[cut[0]..cut[1]]);
    let several = cuts.len() > 2;
    pieces.filter(|piece| several && (piece.len() > 1 || piece[0].is_numeric())).map(fold).collect()
}

/// The words of a document's text.
pub(crate) fn cut(text: &str, language: Option<Language>) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut next = 0;
    let plain = |text, position| Word { text, position, part: false, here: false, stem: None };
    for run in runs(text) {
        if run.cjk {
            for pair in run.letters.windows(2) {
                words.push(plain(fold(pair), next));
                next += 1;
            }
            // The last character once more, alone; it is a word of its own only when it is all there is.
            let here = run.letters.len() > 1;
            let last = fold(&run.letters[run.letters.len() - 1..]);
            words.push(Word { here, ..plain(last, next - usize::from(here)) });
            next += usize::from(!here);
        } else {
            words.push(Word { stem: stem(&run.written, language), ..plain(fold(&run.letters), next) });
            let parts = parts(&run.letters).into_iter();
            words.extend(parts.map(|text| Word { part: true, here: true, ..plain(text, next) }));
            next += 1;
        }
    }
    words
}

/// The words of a query, at most `most`.
pub(crate) fn typed(text: &str, prefix: bool, most: usize, language: Option<Language>) -> Vec<Typed> {
    let mut words = Vec::new();
    let runs = runs(text);
    for run in &runs {
        if !run.cjk {
            words.push(Typed { stem: stem(&run.written, language), ..Typed::new(fold(&run.letters), false) });
        } else if run.letters.len() == 1 {
            words.push(Typed { pair: true, ..Typed::new(fold(&run.letters), true) });
        } else {
            let pairs = run.letters.windows(2);
            words.extend(pairs.map(|pair| Typed { pair: true, ..Typed::new(fold(pair), false) }));
        }
    }
    if words.len() > most {
        words.truncate(most);
    } else if let Some(last) = words.last_mut() {
        last.prefix |= prefix && runs.last().is_some_and(|run| run.ends_text);
    }
    words
}

/// With how many typos `word` stands for `typed`, if it does, and whether it does so in another form.
pub(crate) fn typos(schema: &Schema, typed: &Typed, word: &Word, last_resort: bool) -> Option<(u8, bool)> {
    if typed.in_synonym {
        return (!word.part && word.text == typed.text).then_some((0, true));
    }
    let same = if typed.prefix { word.text.starts_with(&typed.text) } else { word.text == typed.text };
    if word.part {
        return (same && !typed.pair).then_some((1, false));
    }
    if same {
        return Some((0, false));
    }
    let is_stem = |stem: &String| word.stem.as_ref() == Some(stem) || word.text == *stem;
    let is_synonym = schema.synonyms.contains(&(typed.text.clone(), word.text.clone()));
    if is_synonym || typed.stem.as_ref().is_some_and(is_stem) {
        return Some((0, true));
    }
    let (a, b): (Vec<char>, Vec<char>) = (typed.text.chars().collect(), word.text.chars().collect());
    let letters = a.len();
    let at_least = |limit: u8| usize::from(letters >= usize::from(limit));
    let allowed = match last_resort {
        _ if typed.pair => 0,
        false => at_least(schema.typos.one_from) + at_least(schema.typos.two_from),
        true if typed.prefix => at_least(3),
        true => at_least(3) + at_least(6),
    };
    if allowed == 0 || b.len() + allowed < letters || !typed.prefix && b.len() > letters + allowed {
        return None;
    }
    let wrong_first = a[0] != b[0];
    let distance =
        if typed.prefix { (1..=b.len()).map(|end| distance(&a, &b[..end])).min()? } else { distance(&a, &b) };
    // With a wrong first letter, beginnings have no other typo, and words with another are of the same script.
    let same_script = u32::from(a[0]) >> 8 == u32::from(b[0]) >> 8;
    if wrong_first && (typed.prefix && distance > 1 || !same_script && (distance > 1 || typed.prefix)) {
        return None;
    }
    let counted = distance + usize::from(wrong_first && !last_resort);
    (counted <= allowed).then_some((counted as u8, false))
}

/// Optimal string alignment by its textbook table.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                table[i][j] = i + j;
                continue;
            }
            let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = least;
        }
    }
    table[a.len()][b.len()]
}
