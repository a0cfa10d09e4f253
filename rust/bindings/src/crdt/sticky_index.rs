//! The `StickyIndex` class.

use std::borrow::Cow;
use std::sync::Arc;

use officina_crdt::{Anchor, Id, RelativePosition};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};

use super::handle::{BaseType, Home, gap_index};
use super::shared::Shared;
use super::transaction::Transaction;
use crate::errors::NativeError;

/// A position in a sequence that stays with its content, whatever is inserted or deleted around it.
#[pyclass(frozen, eq, module = "officina.crdt")]
pub(crate) struct StickyIndex {
    position: RelativePosition,
    /// The sequence that it was made for or decoded with.
    sequence: Option<Py<BaseType>>,
}

impl PartialEq for StickyIndex {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl StickyIndex {
    /// The position before `index` of a sequence.
    pub(super) fn at(sequence: &Bound<'_, BaseType>, index: i64, assoc: i64) -> PyResult<Self> {
        let Home { shared, target } = sequence.get().handle.home()?;
        let index = gap_index(index)?;
        let position =
            shared.read(sequence.py(), |engine| engine.relative_position(*target, index, shared.unit, assoc));
        Ok(Self { position: position.map_err(NativeError::from)?, sequence: Some(sequence.clone().unbind()) })
    }

    fn index_in(&self, py: Python<'_>, shared: &Arc<Shared>) -> PyResult<u32> {
        let found = shared.read(py, |engine| engine.absolute_position(&self.position, shared.unit));
        found.map(|(_, index)| index).ok_or_else(|| {
            NativeError::local("the document does not have the content that the position belongs to").into()
        })
    }
}

fn id_of(json: &Bound<'_, PyAny>) -> PyResult<Id> {
    Ok(Id { client: json.get_item("client")?.extract()?, clock: json.get_item("clock")?.extract()? })
}

#[pymethods]
impl StickyIndex {
    /// Makes the position before `index` of a sequence.
    ///
    /// Args:
    ///     sequence: a text, an array or an XML type in a document.
    ///     index: the position now, in the document's unit for a text.
    ///     assoc: `Assoc.AFTER` (0) to stay with what follows, `Assoc.BEFORE` (-1) with what precedes.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    #[classmethod]
    fn new(
        _class: &Bound<'_, PyType>,
        sequence: &Bound<'_, BaseType>,
        index: i64,
        assoc: i64,
    ) -> PyResult<Self> {
        Self::at(sequence, index, assoc)
    }

    /// Where the position is now.
    ///
    /// Args:
    ///     transaction: any transaction of the document; needed when the position was decoded without its
    ///         sequence.
    ///
    /// Raises:
    ///     LocalProtocolError: neither a transaction nor a sequence says which document to look in, or that
    ///         document lacks the content.
    #[pyo3(signature = (transaction=None))]
    fn get_index(&self, py: Python<'_>, transaction: Option<&Bound<'_, PyAny>>) -> PyResult<u32> {
        if let Some(transaction) = transaction {
            return self.index_in(py, &transaction.cast::<Transaction>()?.get().shared);
        }
        let Some(sequence) = &self.sequence else {
            return Err(NativeError::local("No transaction available").into());
        };
        self.index_in(py, &sequence.get().handle.home()?.shared)
    }

    /// `Assoc.BEFORE` if it stays with what precedes it, `Assoc.AFTER` if with what follows.
    #[getter]
    fn assoc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let assoc = if self.position.assoc < 0 { "BEFORE" } else { "AFTER" };
        py.import("officina.crdt")?.getattr("Assoc")?.getattr(assoc)
    }

    /// The position as Yjs encodes it.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.position.encode())
    }

    /// The position as a JSON object, as Yjs writes it.
    fn to_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let json = PyDict::new(py);
        let id = |id: &Id| -> PyResult<Py<PyAny>> {
            let object = PyDict::new(py);
            object.set_item("client", id.client)?;
            object.set_item("clock", id.clock)?;
            object.into_py_any(py)
        };
        match &self.position.anchor {
            Anchor::Unit(unit) => json.set_item("item", id(unit)?)?,
            Anchor::Root(name) => json.set_item("tname", &**name)?,
            Anchor::Type(unit) => json.set_item("type", id(unit)?)?,
        }
        json.set_item("assoc", self.position.assoc)?;
        Ok(json)
    }

    /// Decodes what `encode` or Yjs wrote.
    ///
    /// Args:
    ///     data: the bytes.
    ///     sequence: the sequence that it belongs to, so that `get_index` needs no transaction.
    ///
    /// Raises:
    ///     DecodeError: it is not a position.
    #[classmethod]
    #[pyo3(signature = (data, sequence=None))]
    fn decode(
        _class: &Bound<'_, PyType>,
        data: Cow<'_, [u8]>,
        sequence: Option<Py<BaseType>>,
    ) -> PyResult<Self> {
        let position = RelativePosition::decode(&data).map_err(NativeError::from)?;
        Ok(Self { position, sequence })
    }

    /// Reads what `to_json` or Yjs wrote.
    ///
    /// Args:
    ///     data: the JSON object, as a dict.
    ///     sequence: the sequence that it belongs to, so that `get_index` needs no transaction.
    ///
    /// Raises:
    ///     DecodeError: it names no content.
    #[classmethod]
    #[pyo3(signature = (data, sequence=None))]
    fn from_json(
        _class: &Bound<'_, PyType>,
        data: &Bound<'_, PyDict>,
        sequence: Option<Py<BaseType>>,
    ) -> PyResult<Self> {
        let part = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            Ok(data.get_item(name)?.filter(|value| !value.is_none()))
        };
        let anchor = if let Some(item) = part("item")? {
            Anchor::Unit(id_of(&item)?)
        } else if let Some(name) = part("tname")? {
            Anchor::Root(name.extract::<String>()?.into())
        } else if let Some(item) = part("type")? {
            Anchor::Type(id_of(&item)?)
        } else {
            return Err(NativeError::decode("a position names an item, a tname or a type").into());
        };
        let assoc = part("assoc")?.map_or(Ok(0), |assoc| assoc.extract())?;
        Ok(Self { position: RelativePosition { anchor, assoc }, sequence })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("StickyIndex({})", self.to_json(py)?.repr()?))
    }
}
