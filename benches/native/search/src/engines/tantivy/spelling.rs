//! Where the words near a mistyped one come from.

use symspell::{SymSpell, UnicodeStringStrategy, Verbosity};

use super::index::Index;

/// Finds the words that a mistyped one may have been meant for.
pub trait Spelling {
    /// Learns all words of the index.
    fn new(index: &Index) -> Self;

    /// Learns the words of one more listing.
    fn learn(&mut self, words: Vec<String>);

    /// The words within so many typos.
    fn near(&self, index: &Index, word: &str, typos: u8) -> Vec<String>;
}

/// A Levenshtein automaton over the term dictionary.
pub struct Walk;

impl Spelling for Walk {
    fn new(_: &Index) -> Self {
        Self
    }

    fn learn(&mut self, _: Vec<String>) {}

    fn near(&self, index: &Index, word: &str, typos: u8) -> Vec<String> {
        index.words_near(word, typos)
    }
}

/// The crate symspell.
pub struct Symspell(SymSpell<UnicodeStringStrategy>);

const SEPARATOR: &str = "\t";

impl Spelling for Symspell {
    fn new(index: &Index) -> Self {
        let mut words = SymSpell::default();
        index.for_each_word(|word, listings| {
            words.load_dictionary_line(&format!("{word}{SEPARATOR}{listings}"), 0, 1, SEPARATOR);
        });
        Self(words)
    }

    fn learn(&mut self, words: Vec<String>) {
        for word in words {
            self.0.load_dictionary_line(&format!("{word}{SEPARATOR}1"), 0, 1, SEPARATOR);
        }
    }

    fn near(&self, _: &Index, word: &str, typos: u8) -> Vec<String> {
        let found = self.0.lookup(word, Verbosity::All, i64::from(typos));
        found.into_iter().map(|near| near.term).collect()
    }
}
