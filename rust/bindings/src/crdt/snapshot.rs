//! The `Snapshot` class.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use officina_crdt::Snapshot as Version;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::doc::Doc;
use crate::errors::run;

/// A version of a document: what had been inserted and deleted, without the content. That stays in the
/// document if it was made with `skip_gc=True`.
#[pyclass(frozen, eq, module = "officina.crdt")]
#[derive(PartialEq)]
pub(crate) struct Snapshot {
    pub(super) version: Version,
}

#[pymethods]
impl Snapshot {
    /// The version that a document is now.
    #[staticmethod]
    fn from_doc(py: Python<'_>, doc: &Bound<'_, Doc>) -> Self {
        let version = doc.get().shared().read_detached(py, officina_crdt::Doc::snapshot);
        Self { version }
    }

    /// Decodes what `encode` or Yjs wrote.
    ///
    /// Raises:
    ///     DecodeError: it is not a snapshot.
    #[staticmethod]
    fn decode(py: Python<'_>, data: Cow<'_, [u8]>) -> PyResult<Self> {
        Ok(Self { version: run(py, || Version::decode(&data))? })
    }

    /// The version as Yjs encodes it.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.version.encode()))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.version.encode().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let mut state: Vec<_> = self.version.state.iter().collect();
        state.sort_unstable();
        let state: Vec<_> = state.iter().map(|(client, clock)| format!("{client}: {clock}")).collect();
        format!("Snapshot({{{}}})", state.join(", "))
    }
}
