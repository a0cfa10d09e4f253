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

impl Document {
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
