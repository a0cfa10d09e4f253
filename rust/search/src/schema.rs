//! What an index holds: its text fields, facets and numbers, and the rules of its ranking.

use crate::error::SearchError;
use crate::language::Language;

/// The most text fields that an index can have.
pub const MAX_TEXT_FIELDS: usize = 8;
/// The most synonyms that an index can have.
pub const MAX_SYNONYMS: usize = 10_000;
/// The most words that either side of a synonym can have.
pub const MAX_SYNONYM_WORDS: usize = 8;

/// The fields of an index and how they rank.
///
/// ```
/// # use officina_search::{Schema, TextField};
/// let schema = Schema::new(vec![TextField::new("title", 3), TextField::new("description", 1)])
///     .facets(["category", "kind"])
///     .numbers(["price", "popularity"])
///     .order("-popularity");
/// assert!(schema.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The text fields, the heaviest first: see [`Schema::validate`].
    pub text: Vec<TextField>,
    /// The categorical columns: each document has any number of values in each.
    pub facets: Vec<String>,
    /// The numeric columns: each document has one value or none.
    pub numbers: Vec<String>,
    /// What decides between documents that match equally well: number columns, "-" in front for descending.
    pub order: Vec<Order>,
    /// How many typos a word may have.
    pub typos: Typos,
    /// Words, or several in a row, that also stand for others: a query with the first finds the second, in a row as well.
    pub synonyms: Vec<(String, String)>,
    /// Words that a query may leave unmatched when it has others. What is not a single word is left out.
    pub stop_words: Vec<String>,
    /// The language of which words with the same stem find each other.
    pub language: Option<Language>,
}

/// A text field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextField {
    /// Its name.
    pub name: String,
    /// How much a match in it counts, 1 to 1,000. The heaviest field is the title: see [`crate::Exactness`].
    pub weight: u16,
    /// Whether a misspelt word, or a part of a longer one, may match here. If the document has the word that is meant
    /// in several fields, the heaviest of them decides.
    pub typos: bool,
}

/// A column to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of a number column.
    pub column: String,
    /// The highest value first.
    pub descending: bool,
}

/// How many typos a word may have, by its length in letters: the rule that users of Meilisearch know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typos {
    /// Words of at least so many letters may have one typo.
    pub one_from: u8,
    /// Words of at least so many letters may have two.
    pub two_from: u8,
    /// When nothing at all is found, short words may have one typo and those of six letters two, the first letter
    /// like any other.
    pub last_resort: bool,
}

impl Default for Typos {
    fn default() -> Self {
        Self { one_from: 5, two_from: 9, last_resort: true }
    }
}

impl Typos {
    /// No letter wrong anywhere; a part of a longer word, and words joined or split, still match as one typo.
    pub const NONE: Self = Self { one_from: u8::MAX, two_from: u8::MAX, last_resort: false };

    /// How many typos a word of `letters` letters may have.
    pub(crate) fn allowed(self, letters: usize) -> u8 {
        u8::from(letters >= usize::from(self.one_from)) + u8::from(letters >= usize::from(self.two_from))
    }

    /// How many it may have when nothing was found.
    pub(crate) fn at_last(letters: usize) -> u8 {
        u8::from(letters >= 3) + u8::from(letters >= 6)
    }
}

impl TextField {
    /// A field in which words may be misspelt.
    #[must_use]
    pub fn new(name: impl Into<String>, weight: u16) -> Self {
        Self { name: name.into(), weight, typos: true }
    }
}

impl Order {
    /// Reads `column` or `-column`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(column) => Self { column: column.into(), descending: true },
            None => Self { column: text.into(), descending: false },
        }
    }
}

impl Schema {
    /// An index over these text fields; the heaviest comes first, and of equals the one named first.
    #[must_use]
    pub fn new(mut text: Vec<TextField>) -> Self {
        text.sort_by_key(|field| std::cmp::Reverse(field.weight));
        Self {
            text,
            facets: Vec::new(),
            numbers: Vec::new(),
            order: Vec::new(),
            typos: Typos::default(),
            synonyms: Vec::new(),
            stop_words: Vec::new(),
            language: None,
        }
    }

    /// With these categorical columns.
    #[must_use]
    pub fn facets<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.facets = names.into_iter().map(Into::into).collect();
        self
    }

    /// With these numeric columns.
    #[must_use]
    pub fn numbers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.numbers = names.into_iter().map(Into::into).collect();
        self
    }

    /// `text` as the index knows it, when it is one word.
    #[must_use]
    pub fn word(text: &str) -> Option<String> {
        let mut words = words(text).into_iter();
        words.next().filter(|_| words.next().is_none())
    }

    /// What stands for `word` besides itself, in an index.
    pub(crate) fn synonyms_of<'s>(&'s self, word: &str) -> impl Iterator<Item = &'s str> {
        let first = self.synonyms.partition_point(|(of, _)| of.as_str() < word);
        let count = self.synonyms[first..].iter().take_while(|(of, _)| of == word).count();
        self.synonyms[first..][..count].iter().map(|(_, synonym)| synonym.as_str())
    }

    /// With synonyms and stop words as the index knows them: in lower case, without accents, words apart by a space,
    /// synonyms sorted.
    pub(crate) fn folded(mut self) -> Self {
        let phrase = |text: &String| words(text).join(" ");
        self.synonyms = self.synonyms.iter().map(|(of, other)| (phrase(of), phrase(other))).collect();
        self.synonyms.sort_unstable();
        self.stop_words = self.stop_words.iter().filter_map(|word| Self::word(word)).collect();
        self
    }

    /// With one more column that decides between equal matches: `"-popularity"`.
    #[must_use]
    pub fn order(mut self, column: &str) -> Self {
        self.order.push(Order::parse(column));
        self
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// [`SearchError::Schema`] says what does not: no text field or too many, a weight of 0 or above 1,000, a lighter one before a heavier, a name twice
    /// or empty, an order by something that is no number column, too many synonyms, or one of no word or too many.
    pub fn validate(&self) -> Result<(), SearchError> {
        let wrong = |why: String| Err(SearchError::Schema(why));
        if self.text.is_empty() || self.text.len() > MAX_TEXT_FIELDS {
            return wrong(format!(
                "an index has 1 to {MAX_TEXT_FIELDS} text fields, not {}",
                self.text.len()
            ));
        }
        if let Some(field) = self.text.iter().find(|field| field.weight == 0 || field.weight > 1000) {
            return wrong(format!(
                "the weight of {:?} is {}, it must be 1 to 1000",
                field.name, field.weight
            ));
        }
        if !self.text.is_sorted_by_key(|field| std::cmp::Reverse(field.weight)) {
            return wrong("the heaviest text field comes first".into());
        }
        let mut names: Vec<&str> = self.text.iter().map(|field| field.name.as_str()).collect();
        names.extend(self.facets.iter().chain(&self.numbers).map(String::as_str));
        names.push("id");
        names.sort_unstable();
        let twice = names.iter().zip(&names[1..]).find(|(a, b)| a == b);
        if let Some((twice, _)) = twice {
            return wrong(format!("the name {twice:?} is used twice"));
        }
        if names[0].is_empty() {
            return wrong("a field has an empty name".into());
        }
        if let Some(order) = self.order.iter().find(|order| !self.numbers.contains(&order.column)) {
            return wrong(format!("order by {:?}, which is no number column", order.column));
        }
        if self.synonyms.len() > MAX_SYNONYMS {
            return wrong(format!("{} synonyms, an index has at most {MAX_SYNONYMS}", self.synonyms.len()));
        }
        let sides = self.synonyms.iter().flat_map(|(of, other)| [of, other]);
        let fits = |side: &str| !side.is_empty() && side.split(' ').count() <= MAX_SYNONYM_WORDS;
        if let Some(side) = sides.into_iter().find(|side| !fits(side)) {
            return wrong(format!("synonym {side:?}: it has 1 to {MAX_SYNONYM_WORDS} words"));
        }
        Ok(())
    }

    /// The number column called `name`.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.iter().position(|column| column == name)
    }

    /// The facet called `name`.
    pub(crate) fn facet(&self, name: &str) -> Option<usize> {
        self.facets.iter().position(|column| column == name)
    }
}

/// The words of `text`, as far as there may be several.
fn words(text: &str) -> Vec<String> {
    let words = crate::analysis::query_words(text, false, MAX_SYNONYM_WORDS + 1, None);
    words.into_iter().map(|typed| typed.word).collect()
}
