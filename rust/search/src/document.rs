//! What is put into an index.

use crate::error::SearchError;
use crate::schema::Schema;

/// The most bytes that the texts of one document may have together.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// A document, its values in the order of the schema's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What it is found, replaced and removed by.
    pub id: i64,
    /// One for each text field; empty where there is none.
    pub text: Vec<String>,
    /// The values of each facet.
    pub facets: Vec<Vec<String>>,
    /// One for each number column; NaN where there is none.
    pub numbers: Vec<f64>,
}

/// New values for some fields of a document, in the order of the schema's fields; those that are none stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// One for each text field.
    pub text: Vec<Option<String>>,
    /// One for each facet.
    pub facets: Vec<Option<Vec<String>>>,
    /// One for each number column; NaN takes the number away.
    pub numbers: Vec<Option<f64>>,
}

impl Change {
    /// Sets the fields that it has a value for.
    pub fn apply(self, document: &mut Document) {
        fn set<T>(fields: &mut [T], values: Vec<Option<T>>) {
            for (field, value) in fields.iter_mut().zip(values) {
                if let Some(value) = value {
                    *field = value;
                }
            }
        }
        set(&mut document.text, self.text);
        set(&mut document.facets, self.facets);
        set(&mut document.numbers, self.numbers);
    }
}

impl Document {
    /// One without any values.
    #[must_use]
    pub fn empty(id: i64, schema: &Schema) -> Self {
        Self {
            id,
            text: vec![String::new(); schema.text.len()],
            facets: vec![Vec::new(); schema.facets.len()],
            numbers: vec![f64::NAN; schema.numbers.len()],
        }
    }

    /// Checks that it has a value for every field, and not too much text.
    ///
    /// # Errors
    /// [`SearchError::Document`] says what does not fit.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), SearchError> {
        let wrong = |why: String| Err(SearchError::Document { id: self.id, why });
        for (what, have, want) in [
            ("text fields", self.text.len(), schema.text.len()),
            ("facets", self.facets.len(), schema.facets.len()),
            ("numbers", self.numbers.len(), schema.numbers.len()),
        ] {
            if have != want {
                return wrong(format!("it has {have} {what}, the index has {want}"));
            }
        }
        let bytes: usize = self.text.iter().chain(self.facets.iter().flatten()).map(String::len).sum();
        if bytes > MAX_TEXT_BYTES {
            return wrong(format!("its text has {bytes} bytes, at most {MAX_TEXT_BYTES} are indexed"));
        }
        Ok(())
    }
}
