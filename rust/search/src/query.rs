//! What is asked of an index.

use crate::error::SearchError;
use crate::schema::{Order, Schema};

/// The most bytes that the text of a query may have.
pub const MAX_QUERY_BYTES: usize = 1 << 20;
/// Words of a query after this one are ignored.
pub const MAX_QUERY_WORDS: usize = 32;
/// The furthest that a page may end; further on, continue from a [`Query::after`].
pub const MAX_PAGE_END: usize = 10_000;
/// How deep filters may be nested.
const MAX_FILTER_DEPTH: usize = 32;
/// How many conditions filters may have: each document may be held against all of them. The values of a facet are one.
pub const MAX_CONDITIONS: usize = 1000;

/// A search.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What was typed; without any word, everything is found.
    pub text: String,
    /// Whether the last word may be unfinished.
    pub prefix: bool,
    /// What the documents must fulfil besides, all of it.
    pub filters: Vec<Filter>,
    /// The column to sort by, after the number of typos; none sorts by relevance.
    pub sort: Option<Order>,
    /// How many to return.
    pub limit: usize,
    /// How many to leave out before.
    pub offset: usize,
    /// Where the page before this one ended; what comes up to there is left out as well.
    pub after: Option<Cursor>,
    /// The facets of which the values are counted.
    pub facets: Vec<String>,
    /// Whether to count all that is found, even when the page is full.
    pub count: bool,
}

impl Query {
    /// The 20 most relevant documents for `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            prefix: false,
            filters: Vec::new(),
            sort: None,
            limit: 20,
            offset: 0,
            after: None,
            facets: Vec::new(),
            count: false,
        }
    }

    /// Checks it against the schema.
    ///
    /// # Errors
    /// [`SearchError::Query`] says what is too long, or which column there is not.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), SearchError> {
        let wrong = |why: String| Err(SearchError::Query(why));
        if self.after.as_ref().is_some_and(|after| after.order.len() != schema.order.len()) {
            return wrong("the cursor is of another index".into());
        }
        if self.text.len() > MAX_QUERY_BYTES {
            return wrong(format!(
                "the query has {} bytes, at most {MAX_QUERY_BYTES} are searched for",
                self.text.len()
            ));
        }
        if self.limit.saturating_add(self.offset) > MAX_PAGE_END {
            return wrong(format!("offset and limit reach beyond {MAX_PAGE_END}: sort or filter instead"));
        }
        if let Some(sort) = &self.sort
            && schema.number(&sort.column).is_none()
        {
            return wrong(format!("sort by {:?}, which is no number column", sort.column));
        }
        if let Some(facet) = self.facets.iter().find(|facet| schema.facet(facet).is_none()) {
            return wrong(format!("{facet:?} is no facet"));
        }
        self.filters.iter().try_for_each(|filter| filter.check(schema, MAX_FILTER_DEPTH))?;
        let conditions: usize = self.filters.iter().map(Filter::conditions).sum();
        if conditions > MAX_CONDITIONS {
            return wrong(format!(
                "the filters have {conditions} conditions, at most {MAX_CONDITIONS} are checked"
            ));
        }
        Ok(())
    }
}

/// The place of a document among all that a query finds; it stays where it is when documents come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) key: u64,
    /// The bits of what is sorted by.
    pub(crate) value: u64,
    /// The bits of the columns of the business order.
    pub(crate) order: Vec<u64>,
    pub(crate) id: i64,
}

impl Cursor {
    /// The cursor as text, to be given to [`Cursor::parse`] later.
    #[must_use]
    pub fn to_text(&self) -> String {
        let numbers = [self.key, self.id.cast_unsigned(), self.value].into_iter();
        let numbers = numbers.chain(self.order.iter().copied());
        numbers.map(|number| format!("{number:016x}")).collect::<Vec<_>>().concat()
    }

    /// Reads the text of a cursor.
    ///
    /// # Errors
    /// [`SearchError::Query`] when it is none.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let wrong = || SearchError::Query("the cursor is not one that a search returned".into());
        let numbers = text.as_bytes().chunks(16).map(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 16)?;
            u64::from_str_radix(digits, 16).ok()
        });
        let numbers: Vec<u64> = numbers.collect::<Option<_>>().ok_or_else(wrong)?;
        let [key, id, value, order @ ..] = numbers.as_slice() else { return Err(wrong()) };
        Ok(Self { key: *key, value: *value, order: order.to_vec(), id: id.cast_signed() })
    }
}

/// What a document must fulfil.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// It has one of these values in a facet.
    OneOf(String, Vec<String>),
    /// Its number is at least the first and at most the second; what has no number is in no range.
    Range(String, Option<f64>, Option<f64>),
    /// It fulfils all of these.
    All(Vec<Filter>),
    /// It fulfils one of these.
    Any(Vec<Filter>),
    /// It does not fulfil this.
    Not(Box<Filter>),
}

impl Filter {
    /// How many conditions it has, itself included; of one that [`Filter::check`] found to be no deeper than allowed.
    fn conditions(&self) -> usize {
        match self {
            Self::OneOf(..) | Self::Range(..) => 1,
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::conditions).sum::<usize>(),
            Self::Not(part) => 1 + part.conditions(),
        }
    }

    fn check(&self, schema: &Schema, depth: usize) -> Result<(), SearchError> {
        let wrong = |why: String| Err(SearchError::Query(why));
        if depth == 0 {
            return wrong(format!("filters are nested more than {MAX_FILTER_DEPTH} deep"));
        }
        match self {
            Self::OneOf(facet, _) if schema.facet(facet).is_none() => wrong(format!("{facet:?} is no facet")),
            Self::Range(column, ..) if schema.number(column).is_none() => {
                wrong(format!("{column:?} is no number column"))
            }
            Self::Range(column, least, most)
                if [least, most].iter().any(|end| end.is_some_and(f64::is_nan)) =>
            {
                wrong(format!("an end of the range of {column:?} is not a number"))
            }
            Self::OneOf(..) | Self::Range(..) => Ok(()),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.check(schema, depth - 1))
            }
            Self::Not(part) => part.check(schema, depth - 1),
        }
    }
}
