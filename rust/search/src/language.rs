//! Languages: words that differ by their endings alone, and words so common that they say little.
//!
//! Stemming is Snowball's, of the `rust-stemmers` crate; the common words are the lists of the Natural Language Toolkit, of
//! the `stop-words` crate. A stem is taken of a word as it was written, accents and all, and folded afterwards:
//! in many languages the accents tell the endings.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use crate::analysis::{MAX_LETTERS, folded};
use crate::error::SearchError;
use crate::schema::Schema;

/// Names, ISO 639-1 codes, and what stems their words.
const LANGUAGES: [(&str, &str, Algorithm); 18] = [
    ("arabic", "ar", Algorithm::Arabic),
    ("danish", "da", Algorithm::Danish),
    ("dutch", "nl", Algorithm::Dutch),
    ("english", "en", Algorithm::English),
    ("finnish", "fi", Algorithm::Finnish),
    ("french", "fr", Algorithm::French),
    ("german", "de", Algorithm::German),
    ("greek", "el", Algorithm::Greek),
    ("hungarian", "hu", Algorithm::Hungarian),
    ("italian", "it", Algorithm::Italian),
    ("norwegian", "no", Algorithm::Norwegian),
    ("portuguese", "pt", Algorithm::Portuguese),
    ("romanian", "ro", Algorithm::Romanian),
    ("russian", "ru", Algorithm::Russian),
    ("spanish", "es", Algorithm::Spanish),
    ("swedish", "sv", Algorithm::Swedish),
    ("tamil", "ta", Algorithm::Tamil),
    ("turkish", "tr", Algorithm::Turkish),
];

/// A language, of which the endings and the most common words are known.
///
/// ```
/// # use officina_search::Language;
/// let english = Language::named("english")?;
/// assert!(english.stop_words().contains(&"the".to_owned()));
/// assert!(Language::named("klingon").is_err());
/// # Ok::<(), officina_search::SearchError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(usize);

impl Language {
    /// The language with this English name, in lower case.
    ///
    /// # Errors
    /// [`SearchError::Schema`] names those that are known.
    pub fn named(name: &str) -> Result<Self, SearchError> {
        let at = LANGUAGES.iter().position(|(known, ..)| *known == name);
        at.map(Self).ok_or_else(|| {
            let names: Vec<&str> = LANGUAGES.iter().map(|(name, ..)| *name).collect();
            SearchError::Schema(format!("no language {name:?}; there are {}", names.join(", ")))
        })
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANGUAGES.len()).map(Self)
    }

    /// Its English name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        LANGUAGES[self.0].0
    }

    /// Its most common words, for [`Schema::stop_words`]. Of `don't`, which is two words to an index, there is none.
    #[must_use]
    pub fn stop_words(self) -> Vec<String> {
        let listed = stop_words::lookup(LANGUAGES[self.0].1).unwrap_or_default();
        listed.iter().filter_map(|word| Schema::word(word)).collect()
    }

    /// The stem of a word as it stands in a text, folded; a word that is too long to be one has none.
    pub(crate) fn stem(self, written: &str) -> Option<String> {
        let lower: String =
            written.chars().flat_map(char::to_lowercase).nfc().take(MAX_LETTERS + 1).collect();
        if lower.chars().count() > MAX_LETTERS {
            return None;
        }
        let stem = folded(&Stemmer::create(LANGUAGES[self.0].2).stem(&lower));
        Some(stem).filter(|stem| !stem.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stem(language: &str, word: &str) -> Option<String> {
        Language::named(language).expect("a known language").stem(word)
    }

    #[test]
    fn words_that_differ_by_their_endings_share_a_stem() {
        for (language, one, other) in [
            ("english", "Running", "runs"),
            ("english", "shoes", "shoe"),
            ("french", "mangée", "manger"),
            ("french", "mange\u{301}e", "MANGÉES"),
            ("german", "Häuser", "Haus"),
            ("portuguese", "cantávamos", "cantar"),
            ("russian", "красивый", "красивая"),
            ("spanish", "habitación", "habitaciones"),
        ] {
            assert_eq!(stem(language, one), stem(language, other), "{language}: {one}, {other}");
        }
    }

    #[test]
    fn every_language_has_stop_words_and_is_found_by_its_name() {
        for language in Language::all() {
            assert_eq!(Language::named(language.name()), Ok(language));
            assert!(language.stop_words().len() > 20, "{language:?}");
        }
    }

    #[test]
    fn what_is_no_word_has_no_stem() {
        assert_eq!(stem("english", ""), None);
        assert_eq!(stem("english", &"x".repeat(1 << 20)), None);
        assert_eq!(stem("english", &"e\u{301}".repeat(MAX_LETTERS + 1)), None);
    }

    proptest! {
        #[test]
        fn no_word_is_too_strange_to_be_stemmed(
            word in prop_oneof!["\\w{0,20}", "\\PC{0,20}", "[a-zäöüßéèçğışő']{0,20}", "[а-яё]{0,20}", "[ء-ي]{0,20}", "[அ-்]{0,20}", "[ά-ώ]{0,20}"],
        ) {
            for language in Language::all() {
                language.stem(&word);
            }
        }
    }
}
