//! The ways in which a query can be put: as it was typed, with a synonym of several words, with words joined or split.

use std::ops::Range;

use crate::analysis::Typed;
use crate::schema::Schema;
use crate::words::Wanted;

/// So many ways to put a query with synonyms of several words are looked for; others are ignored.
const MOST_REPHRASED: usize = 64;

/// Words that are looked for together.
pub(crate) struct Wording {
    pub(crate) words: Vec<Wanted>,
    /// Those that are a synonym for what was typed: they have to stand side by side. Empty when all words were typed.
    pub(crate) synonym: Range<usize>,
}

impl Wording {
    /// Words as they were typed.
    pub(crate) fn new(words: impl IntoIterator<Item = Typed>, schema: &Schema) -> Self {
        Self { words: words.into_iter().map(|typed| Wanted::new(typed, schema)).collect(), synonym: 0..0 }
    }

    /// The words, as typed or made.
    pub(crate) fn typed(&self) -> Vec<Typed> {
        self.words.iter().map(|wanted| wanted.typed.clone()).collect()
    }
}

fn is_stop_word(typed: &Typed, schema: &Schema) -> bool {
    !typed.prefix && schema.stop_words.contains(&typed.word)
}

/// The words without the stop words, when there are others; the last is kept when it is unfinished.
pub(crate) fn significant(words: Vec<Typed>, schema: &Schema) -> Vec<Typed> {
    if schema.stop_words.is_empty() || words.iter().all(|typed| is_stop_word(typed, schema)) {
        return words;
    }
    words.into_iter().filter(|typed| !is_stop_word(typed, schema)).collect()
}

/// The words, stop words among them, with some in a row replaced by a synonym of theirs, when one of the two is several
/// words; without the other stop words.
pub(crate) fn rephrased(words: &[Typed], schema: &Schema) -> Vec<Wording> {
    let several = schema.synonyms.iter().filter(|(of, synonym)| of.contains(' ') || synonym.contains(' '));
    let places = several.flat_map(|(of, synonym)| {
        let len = of.split(' ').count();
        let is_here =
            move |at: &usize| words[*at..*at + len].iter().map(|typed| typed.word.as_str()).eq(of.split(' '));
        let starts = 0..(words.len() + 1).saturating_sub(len);
        starts.filter(is_here).map(move |at| (at..at + len, synonym))
    });
    let put = |(replaced, synonym): (Range<usize>, &String)| {
        let typed = |words: &[Typed]| {
            let kept = words.iter().filter(|typed| !is_stop_word(typed, schema));
            kept.map(|typed| Wanted::new(typed.clone(), schema)).collect::<Vec<_>>()
        };
        let mut words_now = typed(&words[..replaced.start]);
        let start = words_now.len();
        words_now.extend(synonym.split(' ').map(|word| Wanted::of_synonym(Typed::made(word, false), schema)));
        let synonym = start..words_now.len();
        words_now.extend(typed(&words[replaced.end..]));
        Wording { words: words_now, synonym }
    };
    places.take(MOST_REPHRASED).map(put).collect()
}

/// The query with one pair of neighbors joined or one word split into halves of two letters at least, where `exists`
/// says that the new words are there, or they have synonyms; of a beginning, that there is a word with it.
pub(crate) fn joined_or_split(
    words: &[Typed],
    schema: &Schema,
    exists: &dyn Fn(&str, bool) -> bool,
) -> Vec<Vec<Typed>> {
    let mut variants = Vec::new();
    let exists = |word: &str, prefix| exists(word, prefix) || schema.synonyms_of(word).next().is_some();
    for at in 1..words.len() {
        let (left, right) = (&words[at - 1], &words[at]);
        let joined = [left.word.as_str(), right.word.as_str()].concat();
        if !left.pair && !right.pair && exists(&joined, right.prefix) {
            variants.push(
                [&words[..at - 1], &[Typed::made(joined.as_str(), right.prefix)], &words[at + 1..]].concat(),
            );
        }
    }
    for (at, whole) in words.iter().enumerate().filter(|(_, typed)| !typed.pair) {
        for (cut, _) in whole.word.char_indices().skip(2) {
            let (left, right) = whole.word.split_at(cut);
            // The longer half is the one that seldom is there.
            let (rare, usual) = match ((left, false), (right, whole.prefix)) {
                (left, right) if left.0.len() < right.0.len() => (right, left),
                halves => halves,
            };
            let is_cut = right.chars().nth(1).is_some();
            if is_cut && exists(rare.0, rare.1) && exists(usual.0, usual.1) {
                let halves = [Typed::made(left, false), Typed::made(right, whole.prefix)];
                variants.push([&words[..at], &halves, &words[at + 1..]].concat());
            }
        }
    }
    variants
}
