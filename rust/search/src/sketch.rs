//! A word in 32 bits: which letters it has, and how many. Most words that are not within two typos of another are told from
//! it by these alone, so that many are passed over without being read.

use crate::automaton::MOST;

/// The bits for letters; those above count them.
const LETTER_BITS: u32 = 26;
const LETTERS: u32 = (1 << LETTER_BITS) - 1;

/// The letters of a word, `a` to `z` each on its own bit, others sharing these, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sketch(pub(crate) u32);

impl Sketch {
    /// Of `word`, of at most 63 letters.
    pub(crate) fn of(word: &str) -> Self {
        let mut letters = 0;
        let mut count = 0;
        for c in word.chars() {
            let c = u32::from(c);
            letters |= 1 << (c.wrapping_sub(u32::from('a')) % LETTER_BITS);
            count += 1;
        }
        Self(letters | count << LETTER_BITS)
    }

    /// Whether a word with the sketch `other` may be within two typos: each adds one letter, or drops one, or both.
    #[inline]
    pub(crate) fn may_be_near(self, other: Self) -> bool {
        let missing = self.0 & !other.0 & LETTERS;
        let added = other.0 & !self.0 & LETTERS;
        let longer = (other.0 >> LETTER_BITS).wrapping_sub(self.0 >> LETTER_BITS);
        let is_as_long = longer.wrapping_add(MOST as u32) <= 2 * MOST as u32;
        without_two(missing) | without_two(added) == 0 && is_as_long
    }
}

/// Without the two lowest bits.
#[inline]
fn without_two(bits: u32) -> u32 {
    let without_one = bits & bits.wrapping_sub(1);
    without_one & without_one.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::automaton::Automaton;

    proptest! {
        #[test]
        fn what_is_within_two_typos_may_be_near(word in "[a-dzé]{0,9}", other in "[a-dzé]{0,9}") {
            if Automaton::new(&word).distance(&other, MOST).is_some() {
                prop_assert!(Sketch::of(&word).may_be_near(Sketch::of(&other)));
            }
        }
    }

    #[test]
    fn other_letters_or_another_length_are_told_apart() {
        let sketch = Sketch::of("sofa");
        assert!(!sketch.may_be_near(Sketch::of("chairs")));
        assert!(!sketch.may_be_near(Sketch::of("sofasofa")));
        assert!(sketch.may_be_near(Sketch::of(&"sofa".replace('f', "gh"))));
        assert_ne!(Sketch::of(&"x".repeat(62)), Sketch::of(&"x".repeat(63)));
    }
}
