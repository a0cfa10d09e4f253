//! A fuzzy search index: it finds what was meant, typos or not, and says why.
//!
//! ```
//! use officina_search::{Document, Index, Query, Schema, TextField};
//!
//! let index = Index::new(Schema::new(vec![TextField::new("title", 3), TextField::new("description", 1)]))?;
//! let text = vec!["Blue sofa set".into(), "Twelve parts".into()];
//! index.add(&[Document { id: 7, text, ..Document::default() }])?;
//! let results = index.snapshot().search(&Query::new("bleu sofaa"))?;
//! assert_eq!(results.hits[0].id, 7);
//! # Ok::<(), officina_search::SearchError>(())
//! ```
//!
//! A text goes through `analysis` into words; a `draft` of documents becomes a `segment`, which has a `dictionary` of
//! its words, `postings` for each, the words of each document in their order, `titles` sorted, and columns. A
//! `snapshot` is a list of segments and what was removed from them; an `index` is the newest snapshot. A `query` is
//! answered by `search`, level by level of typos: `wording` says in which ways it can be put, `words` which terms a typed
//! word stands for, `matching` which documents hold them all, `rank` which of these come first.
//!
//! The crate has no clock, thread, file or global state.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "counts of documents, terms and letters are bounded where they enter"
)]

mod analysis;
mod automaton;
mod bytes;
mod dictionary;
mod document;
mod draft;
mod error;
mod explain;
mod filter;
mod index;
mod language;
mod matching;
mod postings;
mod query;
mod rank;
mod saved;
mod schema;
mod search;
mod segment;
mod similar;
mod sketch;
mod snapshot;
mod titles;
mod wording;
mod words;

pub use document::{Change, Document, MAX_TEXT_BYTES};
pub use error::SearchError;
pub use explain::{Explanation, Marked};
pub use index::Index;
pub use language::Language;
pub use query::{Cursor, Filter, MAX_CONDITIONS, MAX_PAGE_END, MAX_QUERY_BYTES, MAX_QUERY_WORDS, Query};
pub use rank::{Exactness, Rank};
pub use schema::{MAX_SYNONYM_WORDS, MAX_SYNONYMS, MAX_TEXT_FIELDS, Order, Schema, TextField, Typos};
pub use snapshot::{Hit, Results, Snapshot};
