//! How far a word is from another: insertions, deletions, substitutions, and swaps of neighbors (optimal string
//! alignment), counted up to two by a bit-parallel automaton (Wu and Manber, 1992, with Hyyrö's transpositions).

use crate::analysis::MAX_LETTERS;

/// The most typos that are counted.
pub(crate) const MOST: usize = 2;

/// Recognizes what is within two typos of a word.
pub(crate) struct Automaton {
    /// For each character, where it stands in the word: bit i + 1 for letter i.
    ascii: [u64; 128],
    others: Vec<(char, u64)>,
    first: Option<char>,
    letters: usize,
}

/// How a text matches so far: bit i of row j says that it is within j typos of the first i letters.
#[derive(Clone, Copy)]
pub(crate) struct State {
    rows: [u64; MOST + 1],
    before: [u64; MOST],
    last: u64,
}

impl Automaton {
    /// For `word`, of at most 63 letters.
    pub(crate) fn new(word: &str) -> Self {
        let mut made = Self { ascii: [0; 128], others: Vec::new(), first: word.chars().next(), letters: 0 };
        for (at, c) in word.chars().take(MAX_LETTERS).enumerate() {
            let bit = 1 << (at + 1);
            match made.ascii.get_mut(c as usize) {
                Some(mask) => *mask |= bit,
                None => match made.others.iter_mut().find(|other| other.0 == c) {
                    Some(other) => other.1 |= bit,
                    None => made.others.push((c, bit)),
                },
            }
            made.letters = at + 1;
        }
        made
    }

    /// Before any letter.
    pub(crate) fn start() -> State {
        State { rows: [1, 0b11, 0b111], before: [0; MOST], last: 0 }
    }

    /// After one more letter.
    #[inline]
    pub(crate) fn step(&self, state: &State, c: char) -> State {
        let here = match self.ascii.get(c as usize) {
            Some(mask) => *mask,
            None => self.others.iter().find(|other| other.0 == c).map_or(0, |other| other.1),
        };
        let [r0, r1, r2] = state.rows;
        let swapped = state.last & (here << 1);
        let n0 = (r0 << 1) & here;
        let n1 = ((r1 << 1) & here) | r0 | (r0 << 1) | (n0 << 1) | ((state.before[0] << 2) & swapped);
        let n2 = ((r2 << 1) & here) | r1 | (r1 << 1) | (n1 << 1) | ((state.before[1] << 2) & swapped);
        let within = u64::MAX >> (MAX_LETTERS - self.letters);
        State { rows: [n0 & within, n1 & within, n2 & within], before: [r0, r1], last: here }
    }

    /// Whether nothing that begins like this comes within `most` typos.
    #[inline]
    pub(crate) fn is_dead(state: &State, most: usize) -> bool {
        state.rows[most] == 0
    }

    /// With how many typos the whole word is matched, if at most `most`.
    #[inline]
    pub(crate) fn matched(&self, state: &State, most: usize) -> Option<u8> {
        let whole = 1 << self.letters;
        (0..=most).find(|&typos| state.rows[typos] & whole != 0).map(|typos| typos as u8)
    }

    /// The typos between the word and `other`, if at most `most`.
    pub(crate) fn distance(&self, other: &str, most: usize) -> Option<u8> {
        let mut state = Self::start();
        for c in other.chars() {
            state = self.step(&state, c);
            if Self::is_dead(&state, most) {
                return None;
            }
        }
        self.matched(&state, most)
    }

    /// One more when the first letter is wrong, which people seldom get wrong.
    pub(crate) fn first_letter(&self, other: &str) -> u8 {
        u8::from(other.chars().next() != self.first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Optimal string alignment by its textbook table.
    fn table(a: &str, b: &str) -> usize {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                d[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let mut least = (d[i - 1][j] + 1)
                        .min(d[i][j - 1] + 1)
                        .min(d[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]));
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(d[i - 2][j - 2] + 1);
                    }
                    least
                };
            }
        }
        d[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn it_counts_like_the_table(a in "[abcé]{0,9}", b in "[abcé]{0,9}") {
            let counted = Automaton::new(&a).distance(&b, MOST).map(usize::from);
            let expected = Some(table(&a, &b)).filter(|&typos| typos <= MOST);
            prop_assert_eq!(counted, expected);
        }

        #[test]
        fn a_beginning_matches_as_well_as_the_best_of_its_beginnings(a in "[abc]{1,6}", b in "[abc]{0,9}") {
            let automaton = Automaton::new(&a);
            let mut state = Automaton::start();
            let mut best = None;
            for c in b.chars() {
                state = automaton.step(&state, c);
                best = best.into_iter().chain(automaton.matched(&state, MOST)).min();
            }
            let expected = (1..=b.len()).map(|end| table(&a, &b[..end])).min().filter(|&typos| typos <= MOST);
            prop_assert_eq!(best.map(usize::from), expected);
        }
    }

    #[test]
    fn the_longest_word_fits() {
        let word = "x".repeat(MAX_LETTERS);
        assert_eq!(Automaton::new(&word).distance(&word, 0), Some(0));
        assert_eq!(Automaton::new(&word).distance(&word[2..], 2), Some(2));
    }
}
