//! `officina._native.search`: the fuzzy index.

#![expect(clippy::doc_markdown, reason = "the comments of Python classes become their docstrings")]
#![expect(clippy::needless_pass_by_value, reason = "what Python hands over comes as a value")]

mod document;
mod file;
mod filter;
mod index;
mod results;
mod schema;

use pyo3::prelude::*;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<index::Index>()?;
    module.add_class::<results::Results>()?;
    module.add_class::<results::Hit>()
}
