//! What observers are called with. Everything is copied out of the document before they run; what an
//! observer does not look at is not converted.

use std::sync::Arc;

use officina_crdt::lib0::Writer;
use officina_crdt::{Changes, Delta, Event, KeyChange, PathStep, SharedType, StateVector, TypeTag, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::shared::Shared;
use super::value::{type_to_py, value_to_py};

/// What one transaction did to a document.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct TransactionEvent {
    changes: Changes,
    origin: Option<Py<PyAny>>,
}

impl TransactionEvent {
    pub(super) fn new(changes: Changes, origin: Option<Py<PyAny>>) -> Self {
        Self { changes, origin }
    }
}

fn state_to_py<'py>(py: Python<'py>, state: &StateVector) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &state.encode())
}

#[pymethods]
impl TransactionEvent {
    /// The update that repeats the transaction in another document.
    #[getter]
    fn update<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.changes.update)
    }

    /// The state before the transaction, encoded.
    #[getter]
    fn before_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        state_to_py(py, &self.changes.before())
    }

    /// The state after the transaction, encoded.
    #[getter]
    fn after_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        state_to_py(py, &self.changes.after())
    }

    /// What the transaction deleted, encoded.
    #[getter]
    fn delete_set<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut writer = Writer::new();
        self.changes.deletes.encode_into(&mut writer);
        PyBytes::new(py, writer.as_bytes())
    }

    /// What `Doc.transaction(origin)` was given; `None` without one.
    #[getter]
    fn origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.origin.as_ref().map(|origin| origin.clone_ref(py))
    }
}

/// Which events of a transaction an observer is to be called with.
pub(super) struct Observation {
    pub(super) callback: Py<PyAny>,
    pub(super) shared: Arc<Shared>,
    pub(super) target: SharedType,
    pub(super) deep: bool,
    /// Indices into the transaction's events.
    pub(super) events: Vec<usize>,
}

impl Observation {
    /// The one event, or for a deep observer the list of them.
    pub(super) fn argument(&self, py: Python<'_>, events: &[Event]) -> PyResult<Py<PyAny>> {
        let chosen = self.events.iter().filter_map(|&index| events.get(index));
        let mut objects = chosen.map(|event| self.object(py, event));
        if self.deep {
            return objects.collect::<PyResult<Vec<_>>>()?.into_py_any(py);
        }
        objects.next().unwrap_or_else(|| Ok(py.None()))
    }

    fn object(&self, py: Python<'_>, event: &Event) -> PyResult<Py<PyAny>> {
        let tag = self.shared.read(py, |engine| engine.likely_tag(event.target));
        let levels = event.lineage.iter().position(|&outer| outer == self.target).unwrap_or_default();
        let body = Body {
            shared: Arc::clone(&self.shared),
            target: event.target,
            path: event.path[event.path.len() - levels..].to_vec(),
            delta: event.delta.clone(),
            keys: event.keys.clone(),
        };
        match tag {
            TypeTag::Text => TextEvent { body }.into_py_any(py),
            TypeTag::Map | TypeTag::XmlHook => MapEvent { body }.into_py_any(py),
            TypeTag::Array => ArrayEvent { body }.into_py_any(py),
            TypeTag::XmlText => XmlEvent { body, is_text: true }.into_py_any(py),
            TypeTag::XmlElement | TypeTag::XmlFragment => XmlEvent { body, is_text: false }.into_py_any(py),
        }
    }
}

/// A change to one shared type.
struct Body {
    shared: Arc<Shared>,
    target: SharedType,
    path: Vec<PathStep>,
    delta: Vec<Delta>,
    keys: Vec<KeyChange>,
}

impl Body {
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        type_to_py(py, &self.shared, self.target)
    }

    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let steps = self.path.iter().map(|step| match step {
            PathStep::Key(key) => key.into_py_any(py),
            PathStep::Index(index) => index.into_py_any(py),
        });
        PyList::new(py, steps.collect::<PyResult<Vec<_>>>()?)
    }

    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for part in &self.delta {
            let dict = PyDict::new(py);
            match part {
                Delta::Retain(count) => dict.set_item("retain", count)?,
                Delta::Delete(count) => dict.set_item("delete", count)?,
                Delta::Text(text) => dict.set_item("insert", text)?,
                Delta::Values(values) => dict.set_item("insert", self.values(py, values)?)?,
            }
            list.append(dict)?;
        }
        Ok(list)
    }

    fn values(&self, py: Python<'_>, values: &[Value]) -> PyResult<Vec<Py<PyAny>>> {
        values.iter().map(|value| value_to_py(py, &self.shared, value)).collect()
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keys = PyDict::new(py);
        for KeyChange { key, old, new } in &self.keys {
            let change = PyDict::new(py);
            change.set_item(
                "action",
                match (old, new) {
                    (None, _) => "add",
                    (_, None) => "delete",
                    _ => "update",
                },
            )?;
            if let Some(old) = old {
                change.set_item("oldValue", value_to_py(py, &self.shared, old)?)?;
            }
            if let Some(new) = new {
                change.set_item("newValue", value_to_py(py, &self.shared, new)?)?;
            }
            keys.set_item(&**key, change)?;
        }
        Ok(keys)
    }
}

/// A change to a `Text`.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct TextEvent {
    body: Body,
}

#[pymethods]
impl TextEvent {
    /// The text that changed.
    #[getter]
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.body.target(py)
    }

    /// The keys and indices that lead from the observed type to the target.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.path(py)
    }

    /// The change from the start of the text on: `{"retain": n}`, `{"delete": n}` and `{"insert": str}`,
    /// counted in the document's unit.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.delta(py)
    }
}

/// A change to an `Array`.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct ArrayEvent {
    body: Body,
}

#[pymethods]
impl ArrayEvent {
    /// The array that changed.
    #[getter]
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.body.target(py)
    }

    /// The keys and indices that lead from the observed type to the target.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.path(py)
    }

    /// The change from the start of the array on: `{"retain": n}`, `{"delete": n}` and `{"insert": list}`.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.delta(py)
    }
}

/// A change to a `Map`.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct MapEvent {
    body: Body,
}

#[pymethods]
impl MapEvent {
    /// The map that changed.
    #[getter]
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.body.target(py)
    }

    /// The keys and indices that lead from the observed type to the target.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.path(py)
    }

    /// The keys that changed: for each an "action" ("add", "update" or "delete"), an "oldValue" and a "newValue".
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.body.keys(py)
    }
}

/// A change to an `XmlFragment`, an `XmlElement` or an `XmlText`.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct XmlEvent {
    body: Body,
    is_text: bool,
}

#[pymethods]
impl XmlEvent {
    /// The node that changed.
    #[getter]
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.body.target(py)
    }

    /// The keys and indices that lead from the observed type to the target.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.path(py)
    }

    /// Whether the list of children changed, and not only attributes; `None` for an XmlText, which has none.
    #[getter]
    fn children_changed(&self) -> Option<bool> {
        (!self.is_text).then_some(!self.body.delta.is_empty())
    }

    /// The change to the children, or to the text, from the start on: `{"retain": n}`, `{"delete": n}` and
    /// `{"insert": ...}`, a list of nodes or a str.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.delta(py)
    }

    /// The attributes that changed: for each an "action" ("add", "update" or "delete"), an "oldValue" and a
    /// "newValue".
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.body.keys(py)
    }
}
