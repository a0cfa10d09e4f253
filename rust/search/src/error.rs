//! What can go wrong, and what to do about it.

/// An index, a document or a query that cannot be used; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The schema contradicts itself.
    #[error("{0}")]
    Schema(String),
    /// A document does not fit the schema.
    #[error("document {id}: {why}")]
    Document {
        /// Its id.
        id: i64,
        /// What does not fit.
        why: String,
    },
    /// A query asks for what the index does not have.
    #[error("{0}")]
    Query(String),
    /// The bytes of a saved index are damaged, cut short, or of another version: rebuild it from its source.
    #[error("not a usable index: {0}; rebuild it from its source")]
    Damaged(String),
}
