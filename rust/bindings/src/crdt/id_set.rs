//! The `IdSet` class.

use std::borrow::Cow;

use officina_crdt::lib0::{Reader, Writer};
use officina_crdt::{DecodeError, DeleteSet};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::run;

/// A set of units of content: ranges of clocks for each client.
#[pyclass(frozen, eq, module = "officina.crdt")]
#[derive(PartialEq, Eq)]
pub(crate) struct IdSet {
    pub(super) set: DeleteSet,
}

#[pymethods]
impl IdSet {
    #[new]
    fn new() -> Self {
        Self { set: DeleteSet::new() }
    }

    /// The set as Yjs encodes a delete set.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut writer = Writer::new();
        self.set.encode_into(&mut writer);
        PyBytes::new(py, writer.as_bytes())
    }

    /// Decodes what `encode` or Yjs wrote.
    ///
    /// Raises:
    ///     DecodeError: it is not a set of ids.
    #[staticmethod]
    fn decode(py: Python<'_>, data: Cow<'_, [u8]>) -> PyResult<Self> {
        let set = run(py, || -> Result<_, DecodeError> {
            let mut reader = Reader::new(&data);
            let set = DeleteSet::decode_from(&mut reader)?;
            reader.finish()?;
            Ok(set)
        })?;
        Ok(Self { set })
    }

    /// Whether a unit is in the set.
    fn contains(&self, client: u64, clock: u32) -> bool {
        self.set.contains(client, clock)
    }

    /// The ranges, each as client, first clock and the clock after the last.
    fn ranges(&self) -> Vec<(u64, u32, u32)> {
        self.set.iter().map(|(client, clocks)| (client, clocks.start, clocks.end)).collect()
    }

    fn __bool__(&self) -> bool {
        !self.set.is_empty()
    }

    fn __repr__(&self) -> String {
        let ranges =
            self.ranges().into_iter().map(|(client, start, end)| format!("{client}: {start}..{end}"));
        format!("IdSet({{{}}})", ranges.collect::<Vec<_>>().join(", "))
    }
}
