//! The words of a segment, sorted and numbered in that order, so that the words with one beginning are one range.
//!
//! Words within one typo are found by deletions: two words are within one when they, or what is left of them after
//! dropping a letter, are equal (Garbe's `SymSpell`, 2012). The table holds the first seven letters of every word and what
//! is left of these after dropping each; its candidates are then compared in full. Words within two typos are those
//! among the ones with a near [`Sketch`] that an automaton says are. Words that begin within some typos are found by
//! walking the sorted words with the automaton, skipping what it has given up.

use std::ops::Range;

use crate::analysis::MAX_LETTERS;
use crate::automaton::{Automaton, MOST};
use crate::bytes::{U32s, partition};
use crate::sketch::Sketch;

/// Comes before a word that is a part of another: they are words of their own, which nothing else resembles.
pub(crate) const PART_MARK: &str = "\u{1}";
/// Comes before the stem of a word that is another than the word; of these as well nothing else is like them.
pub(crate) const STEM_MARK: &str = "\u{2}";
/// Letters of a word that the table of deletions looks at.
const HEAD: usize = 7;
/// With fewer words than this, comparing all sketches is as fast, and the table is left out.
const FEW: usize = 512;
/// Sketches that are compared together.
const SKETCHES: usize = 16;

/// The words of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Dictionary<'a> {
    pub(crate) ends: U32s<'a>,
    pub(crate) text: &'a str,
    /// The letters that words begin with, and the first word of each.
    pub(crate) initials: &'a [(char, u32)],
    /// Letters that a word shares with the one before it.
    pub(crate) shared: &'a [u8],
    pub(crate) sketches: U32s<'a>,
    pub(crate) deletions: Deletions<'a>,
}

/// Terms by the hashes of their beginnings with a letter dropped, in buckets.
#[derive(Clone, Copy)]
pub(crate) struct Deletions<'a> {
    pub(crate) buckets: U32s<'a>,
    pub(crate) terms: U32s<'a>,
    pub(crate) checks: &'a [u8],
}

/// Terms that match a word, all with the same number of typos.
pub(crate) type Terms = Range<u32>;

/// Whether `word` is a part of a word or a stem.
pub(crate) fn is_marked(word: &str) -> bool {
    word.starts_with(PART_MARK) || word.starts_with(STEM_MARK)
}

impl<'a> Dictionary<'a> {
    pub(crate) fn len(self) -> usize {
        self.ends.len()
    }

    /// Word number `term`.
    #[inline]
    pub(crate) fn word(self, term: usize) -> &'a str {
        let start = if term == 0 { 0 } else { self.ends.get(term - 1) as usize };
        self.text.get(start..self.ends.get(term) as usize).unwrap_or_default()
    }

    /// The number of `word`.
    pub(crate) fn find(self, word: &str) -> Option<u32> {
        if self.has_deletions() {
            let mut found = None;
            self.deletions.look_up(Head::of(word).hash(None), |term| {
                if self.word(term as usize) == word {
                    found = Some(term);
                }
            });
            return found;
        }
        let at = partition(0, self.len(), |term| self.word(term) < word);
        (at < self.len() && self.word(at) == word).then_some(at as u32)
    }

    /// The words that begin with `beginning`.
    pub(crate) fn beginning(self, beginning: &str) -> Terms {
        let range = self.same_first_letter(beginning);
        let (from, end) = (range.start as usize, range.end as usize);
        let from = partition(from, end, |term| self.word(term) < beginning);
        let mut step = 1;
        while from + step < end && self.word(from + step).starts_with(beginning) {
            step *= 2;
        }
        let to = end.min(from + step + 1);
        let to = partition(from, to, |term| self.word(term).starts_with(beginning));
        from as u32..to as u32
    }

    /// The words one typo from `word`; those with another first letter go to `first`, the others to `within`.
    pub(crate) fn one_typo(
        self,
        word: &str,
        automaton: &Automaton,
        within: &mut Vec<Terms>,
        first: &mut Vec<Terms>,
    ) {
        let mut add = |term: u32, found: &str| {
            if is_marked(found) {
                return;
            }
            let to = if automaton.first_letter(found) == 0 { &mut *within } else { &mut *first };
            to.push(term..term + 1);
        };
        if !self.has_deletions() {
            self.near(0..self.len() as u32, word, automaton, 1, add);
            return;
        }
        self.candidates(word, |term| {
            let found = self.word(term as usize);
            if found.len().abs_diff(word.len()) <= 4 && automaton.distance(found, 1) == Some(1) {
                add(term, found);
            }
        });
        for list in [within, first] {
            list.sort_unstable_by_key(|terms| terms.start);
            list.dedup();
        }
    }

    /// Gives the words to `each` that may be within one typo of `word`, perhaps twice: by the table of deletions, without
    /// which there are none.
    pub(crate) fn candidates(self, word: &str, mut each: impl FnMut(u32)) {
        let head = Head::of(word);
        self.deletions.look_up(head.hash(None), &mut each);
        for dropped in head.droppable() {
            self.deletions.look_up(head.hash(Some(dropped)), &mut each);
        }
    }

    /// The same for every word that is a letter of `firsts` and then `tail`.
    pub(crate) fn candidates_behind(self, firsts: &[char], tail: &str, mut each: impl FnMut(u32)) {
        let head = Head::of_tail(tail);
        self.deletions.look_up(finish(head.fold(None)), &mut each);
        for dropped in std::iter::once(None).chain(head.droppable().map(Some)) {
            let folded = head.fold(dropped);
            for &first in firsts {
                self.deletions.look_up(finish(fold(folded, first.into())), &mut each);
            }
        }
    }

    /// Whether there is a table of deletions.
    pub(crate) fn has_deletions(self) -> bool {
        self.deletions.terms.len() > 0
    }

    /// The words that begin with the letter that `word` begins with; all, if that has none.
    pub(crate) fn same_first_letter(self, word: &str) -> Terms {
        let Some(first) = word.chars().next() else { return 0..self.len() as u32 };
        let at = self.initials.partition_point(|initial| initial.0 < first);
        let start = |at: usize| self.initials.get(at).map_or(self.len() as u32, |initial| initial.1);
        let end = if self.initials.get(at).is_some_and(|initial| initial.0 == first) { at + 1 } else { at };
        start(at)..start(end)
    }

    /// Gives the words of `range` that are exactly `typos` typos from `word` to `each`.
    pub(crate) fn near(
        self,
        range: Terms,
        word: &str,
        automaton: &Automaton,
        typos: u8,
        mut each: impl FnMut(u32, &str),
    ) {
        let sketch = Sketch::of(word);
        let (start, end) = (range.start as usize, self.sketches.len().min(range.end as usize));
        for from in (start..end).step_by(SKETCHES) {
            let few = end - from;
            let near: [bool; SKETCHES] = match self.sketches.array(from) {
                Some(sketches) => sketches.map(|other| sketch.may_be_near(Sketch(other))),
                None => std::array::from_fn(|at| sketch.may_be_near(Sketch(self.sketches.get(from + at)))),
            };
            if !near.contains(&true) {
                continue;
            }
            for (term, _) in (from..).zip(near).take(few).filter(|(_, near)| *near) {
                let found = self.word(term);
                if automaton.distance(found, usize::from(typos)) == Some(typos) {
                    each(term as u32, found);
                }
            }
        }
    }

    /// Gives the words of `range` that begin within `most` typos to `each`: for every such beginning the words that have it,
    /// with the typos of the shortest that is within `most`.
    pub(crate) fn walk(
        self,
        range: Terms,
        automaton: &Automaton,
        most: usize,
        each: &mut dyn FnMut(Terms, u8),
    ) {
        debug_assert!(most <= MOST);
        let (mut at, end) = (range.start as usize, range.end as usize);
        // The states after each letter of the word before, of which the next word shares a beginning.
        let mut states = [Automaton::start(); MAX_LETTERS + 1];
        let mut shared = 0;
        while at < end {
            let word = self.word(at);
            let mut depth = shared;
            let mut matched = None;
            let mut letters = word.chars();
            if shared > 0 {
                letters.nth(shared - 1);
            }
            let mut dead = false;
            for c in letters.take(MAX_LETTERS - shared) {
                states[depth + 1] = automaton.step(&states[depth], c);
                depth += 1;
                dead = Automaton::is_dead(&states[depth], most);
                matched = automaton.matched(&states[depth], most);
                if dead || matched.is_some() {
                    break;
                }
            }
            let next = if dead || matched.is_some() { self.next_branch(at, end, depth) } else { at + 1 };
            if let Some(typos) = matched {
                each(at as u32..next as u32, typos);
            }
            at = next;
            shared = usize::from(self.shared.get(at).copied().unwrap_or(0)).min(depth);
        }
    }

    /// The first word after `at` that does not share its first `letters` letters.
    fn next_branch(self, at: usize, end: usize, letters: usize) -> usize {
        let rest = self.shared.get(at + 1..end).unwrap_or_default();
        rest.iter().position(|&shared| usize::from(shared) < letters).map_or(end, |more| at + 1 + more)
    }
}

impl Deletions<'_> {
    /// Gives the terms that may have `hash` to `each`.
    #[inline]
    fn look_up(self, hash: u32, mut each: impl FnMut(u32)) {
        let bucket = bucket_of(hash, self.buckets.len().saturating_sub(1));
        let start = self.buckets.get(bucket) as usize;
        let end = self.terms.len().min(self.buckets.get(bucket + 1) as usize);
        let check = hash as u8;
        let (mut at, mut left) = (start, end.saturating_sub(start));
        // Eight checks at a time, without a branch on how many there are: what is not in the cache yet is waited for
        // once for many buckets, instead of for each.
        loop {
            let checks = self.checks.get(at..at + 8).and_then(|checks| checks.try_into().ok());
            let checks = u64::from_le_bytes(checks.unwrap_or_default());
            let mut same = zeros(checks ^ u64::from_le_bytes([check; 8])) & lowest_bytes(left);
            while same != 0 {
                each(self.terms.get(at + same.trailing_zeros() as usize / 8));
                same &= same - 1;
            }
            if left <= 8 {
                return;
            }
            at += 8;
            left -= 8;
        }
    }
}

/// The high bit of each byte that is zero.
#[inline]
fn zeros(bytes: u64) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    !(((bytes & LOW) + LOW) | bytes | LOW)
}

/// All bits of the lowest `count` bytes.
#[inline]
fn lowest_bytes(count: usize) -> u64 {
    u64::MAX.checked_shr(64 - 8 * count.min(8) as u32).unwrap_or(0)
}

fn bucket_of(hash: u32, buckets: usize) -> usize {
    ((u64::from(hash) * buckets as u64) >> 32) as usize
}

/// The first letters of a word.
struct Head {
    letters: [u32; HEAD],
    len: usize,
}

impl Head {
    fn of(word: &str) -> Self {
        Self::of_letters(word, HEAD)
    }

    /// What follows the first letter in the head of a word that goes on with `tail`.
    fn of_tail(tail: &str) -> Self {
        Self::of_letters(tail, HEAD - 1)
    }

    fn of_letters(text: &str, most: usize) -> Self {
        let mut head = Self { letters: [0; HEAD], len: 0 };
        for (slot, c) in head.letters[..most].iter_mut().zip(text.chars()) {
            *slot = c.into();
            head.len += 1;
        }
        head
    }

    /// The letters whose dropping leaves something new: of equal neighbors, one.
    fn droppable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len).filter(|&at| at == 0 || self.letters[at] != self.letters[at - 1])
    }

    /// The hash of what is left without letter `dropped`.
    fn hash(&self, dropped: Option<usize>) -> u32 {
        finish(self.fold(dropped))
    }

    /// The letters but `dropped`, folded from the last to the first, so that what ends alike is folded once.
    fn fold(&self, dropped: Option<usize>) -> u64 {
        let letters = self.letters[..self.len].iter().enumerate().rev();
        letters
            .filter(|(at, _)| Some(*at) != dropped)
            .fold(0x9E37_79B9_7F4A_7C15, |folded, (_, &letter)| fold(folded, letter))
    }
}

/// One more letter, in front of those that are folded.
#[inline]
fn fold(folded: u64, letter: u32) -> u64 {
    let folded = (folded ^ u64::from(letter)).wrapping_mul(0x9FB2_1C65_1E98_DF25);
    folded ^ (folded >> 32)
}

/// The hash of the letters that are folded.
#[inline]
fn finish(folded: u64) -> u32 {
    (folded ^ (folded >> 17)) as u32
}

/// The table of deletions for these words: buckets, terms and checks.
pub(crate) fn deletions<'w>(words: impl ExactSizeIterator<Item = &'w str>) -> (Vec<u32>, Vec<u32>, Vec<u8>) {
    if words.len() < FEW {
        return (Vec::new(), Vec::new(), Vec::new());
    }
    let mut keys: Vec<(u32, u32)> = Vec::with_capacity(words.len() * HEAD);
    for (term, word) in words.enumerate() {
        let head = Head::of(word);
        keys.push((head.hash(None), term as u32));
        if is_marked(word) {
            continue;
        }
        keys.extend(head.droppable().map(|dropped| (head.hash(Some(dropped)), term as u32)));
    }
    let count = (keys.len() / 4).max(1);
    let mut buckets = vec![0u32; count + 1];
    for &(hash, _) in &keys {
        buckets[bucket_of(hash, count) + 1] += 1;
    }
    for bucket in 0..count {
        buckets[bucket + 1] += buckets[bucket];
    }
    let mut free = buckets.clone();
    let mut terms = vec![0; keys.len()];
    // Eight are read at a time, at the end as well.
    let mut checks = vec![0; keys.len() + 8];
    for (hash, term) in keys {
        let slot = &mut free[bucket_of(hash, count)];
        terms[*slot as usize] = term;
        checks[*slot as usize] = hash as u8;
        *slot += 1;
    }
    (buckets, terms, checks)
}

/// The letters that the sorted words begin with, `word` giving each of `count`, and the first word of each.
pub(crate) fn initials<'w>(count: usize, word: impl Fn(usize) -> &'w str) -> Vec<(char, u32)> {
    let mut initials = Vec::new();
    let mut at = 0;
    while at < count {
        let first = word(at).chars().next();
        initials.extend(first.map(|first| (first, at as u32)));
        at = partition(at + 1, count, |term| word(term).chars().next() <= first);
    }
    initials
}

/// How many letters each of the sorted `words` shares with the one before it.
pub(crate) fn shared<'w>(words: impl Iterator<Item = &'w str>) -> Vec<u8> {
    let mut before = "";
    words
        .map(|word| {
            let same = word.chars().zip(before.chars()).take_while(|(a, b)| a == b).count();
            before = word;
            same as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    struct Owned {
        ends: Vec<u8>,
        text: String,
        initials: Vec<(char, u32)>,
        shared: Vec<u8>,
        sketches: Vec<u8>,
        deletions: (Vec<u8>, Vec<u8>, Vec<u8>),
    }

    fn bytes(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    impl Owned {
        fn new(words: &BTreeSet<String>) -> Self {
            let mut text = String::new();
            let mut ends = Vec::new();
            for word in words {
                text.push_str(word);
                ends.push(text.len() as u32);
            }
            let (buckets, terms, checks) =
                deletions(words.iter().map(String::as_str).collect::<Vec<_>>().into_iter());
            Self {
                ends: bytes(&ends),
                text,
                initials: {
                    let words: Vec<&String> = words.iter().collect();
                    initials(words.len(), |at| words[at])
                },
                shared: shared(words.iter().map(String::as_str)),
                sketches: bytes(&words.iter().map(|word| Sketch::of(word).0).collect::<Vec<_>>()),
                deletions: (bytes(&buckets), bytes(&terms), checks),
            }
        }

        fn view(&self) -> Dictionary<'_> {
            Dictionary {
                ends: U32s(&self.ends),
                text: &self.text,
                initials: &self.initials,
                shared: &self.shared,
                sketches: U32s(&self.sketches),
                deletions: Deletions {
                    buckets: U32s(&self.deletions.0),
                    terms: U32s(&self.deletions.1),
                    checks: &self.deletions.2,
                },
            }
        }
    }

    #[test]
    fn a_forged_bucket_ends_with_the_terms() {
        let (buckets, terms, checks) = (bytes(&[0, u32::MAX]), bytes(&[7]), [0; 9]);
        let deletions = Deletions { buckets: U32s(&buckets), terms: U32s(&terms), checks: &checks };
        let mut found = Vec::new();
        deletions.look_up(0, |term| found.push(term));
        assert_eq!(found, [7]);
    }

    fn words(least: usize) -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set("[abcdé]{1,10}", least..least + 300)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_finds_what_a_scan_finds(words in prop_oneof![words(1), words(FEW)], word in "[abcdé]{1,10}") {
            let owned = Owned::new(&words);
            let dictionary = owned.view();
            let automaton = Automaton::new(&word);

            prop_assert_eq!(dictionary.find(&word).is_some(), words.contains(&word));
            let list: Vec<&String> = words.iter().collect();
            prop_assert!(list.iter().all(|w| dictionary.find(w).is_some_and(|t| list[t as usize] == *w)));

            let expected: Vec<u32> = (0..list.len() as u32)
                .filter(|&t| list[t as usize].starts_with(&word)).collect();
            prop_assert_eq!(dictionary.beginning(&word).collect::<Vec<_>>(), expected);

            let (mut within, mut first) = (Vec::new(), Vec::new());
            dictionary.one_typo(&word, &automaton, &mut within, &mut first);
            let (mut w, mut f) = (Vec::new(), Vec::new());
            for (term, found) in list.iter().enumerate() {
                if automaton.distance(found, 1) == Some(1) {
                    let to = if automaton.first_letter(found) == 0 { &mut w } else { &mut f };
                    to.push(term as u32..term as u32 + 1);
                }
            }
            prop_assert_eq!(within, w);
            prop_assert_eq!(first, f);

            let mut near = Vec::new();
            dictionary.near(1..list.len() as u32, &word, &automaton, 2, |term, _| near.push(term));
            let expected: Vec<_> = (1..list.len())
                .filter(|&term| automaton.distance(list[term], 2) == Some(2)).map(|term| term as u32).collect();
            prop_assert_eq!(near, expected);

            let mut begun = Vec::new();
            dictionary.walk(0..list.len() as u32, &automaton, 1, &mut |terms, _| begun.extend(terms));
            let expected: Vec<_> = list.iter().enumerate().filter(|(_, found)| {
                let letters: Vec<char> = found.chars().collect();
                (1..=letters.len()).any(|end| {
                    automaton.distance(&letters[..end].iter().collect::<String>(), 1).is_some()
                })
            }).map(|(term, _)| term as u32).collect();
            prop_assert_eq!(begun, expected);
        }
    }
}
