//! The words of a segment, sorted and numbered in that order, so that the words with one beginning are one range.
//!
//! Words within one typo are found by deletions: two words are within one when they, or what is left of them after
//! dropping a letter, are equal (Garbe's `SymSpell`, 2012). The table holds the first seven letters of every word and what
//! is left of these after dropping each; its candidates are then compared in full. Words within two typos, and words
//! that begin within some, are found by walking the sorted words with an automaton, skipping what it has given up.

use std::ops::Range;

use crate::analysis::MAX_LETTERS;
use crate::automaton::{Automaton, MOST};
use crate::bytes::{U32s, partition};

/// Comes before a word that is a part of another: they are words of their own, which nothing else resembles.
pub(crate) const PART_MARK: &str = "\u{1}";
/// Letters of a word that the table of deletions looks at.
const HEAD: usize = 7;
/// With fewer words than this the walk is as fast, and the table is left out.
const FEW: usize = 512;

/// The words of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Dictionary<'a> {
    pub(crate) ends: U32s<'a>,
    pub(crate) text: &'a str,
    /// Letters that a word shares with the one before it.
    pub(crate) shared: &'a [u8],
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
        if self.deletions.terms.len() > 0 {
            let head = Head::of(word);
            return self.deletions.bucket(head.hash(None)).find(|&term| self.word(term as usize) == word);
        }
        let at = partition(0, self.len(), |term| self.word(term) < word);
        (at < self.len() && self.word(at) == word).then_some(at as u32)
    }

    /// The words that begin with `beginning`.
    pub(crate) fn beginning(self, beginning: &str) -> Terms {
        let from = partition(0, self.len(), |term| self.word(term) < beginning);
        let mut step = 1;
        while from + step < self.len() && self.word(from + step).starts_with(beginning) {
            step *= 2;
        }
        let to = self.len().min(from + step + 1);
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
            if found.starts_with(PART_MARK) {
                return;
            }
            let to = if automaton.first_letter(found) == 0 { &mut *within } else { &mut *first };
            to.push(term..term + 1);
        };
        if self.deletions.terms.len() == 0 {
            self.walk(0..self.len() as u32, automaton, 1, false, &mut |terms, typos| {
                if typos == 1 {
                    add(terms.start, self.word(terms.start as usize));
                }
            });
            return;
        }
        let head = Head::of(word);
        let mut check = |hash: u32| {
            for term in self.deletions.bucket(hash) {
                let found = self.word(term as usize);
                if found.len().abs_diff(word.len()) <= 4 && automaton.distance(found, 1) == Some(1) {
                    add(term, found);
                }
            }
        };
        check(head.hash(None));
        for dropped in head.droppable() {
            check(head.hash(Some(dropped)));
        }
        for list in [within, first] {
            list.sort_unstable_by_key(|terms| terms.start);
            list.dedup();
        }
    }

    /// The words that begin with the letter that `word` begins with.
    pub(crate) fn same_first_letter(self, word: &str) -> Terms {
        let first = word.chars().next().map_or(0, char::len_utf8);
        self.beginning(&word[..first])
    }

    /// Gives the words of `range` that are within `most` typos, or that begin within them, with their typos to `each`.
    ///
    /// Of a beginning, every word that has it is given at once, with the typos of the shortest that is within `most`.
    pub(crate) fn walk(
        self,
        range: Terms,
        automaton: &Automaton,
        most: usize,
        beginnings: bool,
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
                matched = if beginnings { automaton.matched(&states[depth], most) } else { None };
                if dead || matched.is_some() {
                    break;
                }
            }
            if let Some(typos) = matched {
                let next = self.next_branch(at, end, depth);
                each(at as u32..next as u32, typos);
                at = next;
            } else if dead {
                at = self.next_branch(at, end, depth);
            } else {
                if !beginnings && let Some(typos) = automaton.matched(&states[depth], most) {
                    each(at as u32..at as u32 + 1, typos);
                }
                at += 1;
            }
            shared = usize::from(self.shared.get(at).copied().unwrap_or(0)).min(depth);
        }
    }

    /// The first word after `at` that does not share its first `letters` letters.
    fn next_branch(self, at: usize, end: usize, letters: usize) -> usize {
        let rest = self.shared.get(at + 1..end).unwrap_or_default();
        rest.iter().position(|&shared| usize::from(shared) < letters).map_or(end, |more| at + 1 + more)
    }
}

impl<'a> Deletions<'a> {
    /// The terms that may have `hash`.
    #[inline]
    fn bucket(self, hash: u32) -> impl Iterator<Item = u32> + 'a {
        let buckets = self.buckets.len().saturating_sub(1);
        let bucket = bucket_of(hash, buckets);
        let range = self.buckets.get(bucket) as usize..self.buckets.get(bucket + 1) as usize;
        let check = hash as u8;
        let checks = self.checks.get(range.clone()).unwrap_or_default();
        let terms = self.terms;
        checks
            .iter()
            .enumerate()
            .filter(move |(_, found)| **found == check)
            .map(move |(index, _)| terms.get(range.start + index))
    }
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
        let mut head = Self { letters: [0; HEAD], len: 0 };
        for (slot, c) in head.letters.iter_mut().zip(word.chars()) {
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
        let mut hash: u64 = 0x9E37_79B9_7F4A_7C15;
        for (at, &letter) in self.letters[..self.len].iter().enumerate() {
            if Some(at) != dropped {
                hash = (hash ^ u64::from(letter)).wrapping_mul(0x9FB2_1C65_1E98_DF25);
                hash ^= hash >> 32;
            }
        }
        (hash ^ (hash >> 17)) as u32
    }
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
        if word.starts_with(PART_MARK) {
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
    let mut checks = vec![0; keys.len()];
    for (hash, term) in keys {
        let slot = &mut free[bucket_of(hash, count)];
        terms[*slot as usize] = term;
        checks[*slot as usize] = hash as u8;
        *slot += 1;
    }
    (buckets, terms, checks)
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
        shared: Vec<u8>,
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
                shared: shared(words.iter().map(String::as_str)),
                deletions: (bytes(&buckets), bytes(&terms), checks),
            }
        }

        fn view(&self) -> Dictionary<'_> {
            Dictionary {
                ends: U32s(&self.ends),
                text: &self.text,
                shared: &self.shared,
                deletions: Deletions {
                    buckets: U32s(&self.deletions.0),
                    terms: U32s(&self.deletions.1),
                    checks: &self.deletions.2,
                },
            }
        }
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

            let mut walked = Vec::new();
            dictionary.walk(0..list.len() as u32, &automaton, 2, false, &mut |terms, typos| walked.push((terms.start, typos)));
            let expected: Vec<_> = list.iter().enumerate()
                .filter_map(|(term, found)| automaton.distance(found, 2).map(|typos| (term as u32, typos))).collect();
            prop_assert_eq!(walked, expected);

            let mut begun = Vec::new();
            dictionary.walk(0..list.len() as u32, &automaton, 1, true, &mut |terms, _| begun.extend(terms));
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
