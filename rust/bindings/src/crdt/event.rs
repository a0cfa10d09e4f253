//! What observers are called with. Everything is copied out of the document before they run; what an
//! observer does not look at is not converted.

use std::sync::Arc;

use officina_crdt::lib0::Writer;
use officina_crdt::{
    Changes, Encoding, Event, KeyChange, PathStep, StateVector, States, TypeTag, convert_update,
};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::delta::delta_to_py;
use super::shared::Shared;
use super::transaction::ReadTransaction;
use super::value::{type_to_py, value_to_py};
use crate::errors::run;

/// A transaction that is over, as its observers hear of it. Its update and its states are made when they are
/// asked for; if somebody holds it when the document is about to change, they are made then.
pub(super) struct Announced {
    pub(super) shared: Arc<Shared>,
    pub(super) changes: Changes,
    pub(super) origin: Option<Py<PyAny>>,
    /// Where async callbacks run.
    pub(super) task_group: Option<Py<PyAny>>,
}

impl Announced {
    fn update(&self, py: Python<'_>) -> &[u8] {
        match self.changes.update() {
            Some(update) => update,
            None => self.shared.read(py, |engine| engine.keep_update(&self.changes)),
        }
    }

    fn states(&self, py: Python<'_>) -> &States {
        match self.changes.states() {
            Some(states) => states,
            None => self.shared.read(py, |engine| engine.keep_states(&self.changes)),
        }
    }

    /// The transaction, for reading only.
    pub(super) fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        let origin = self.origin.as_ref().map(|origin| origin.clone_ref(py));
        ReadTransaction::new(py, Arc::clone(&self.shared), origin)
    }
}

/// What one transaction did to a document.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct TransactionEvent {
    announced: Arc<Announced>,
}

impl TransactionEvent {
    pub(super) fn new(announced: Arc<Announced>) -> Self {
        Self { announced }
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
        PyBytes::new(py, self.announced.update(py))
    }

    /// The same update in encoding version 2.
    #[getter]
    fn update_v2<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let update = self.announced.update(py);
        let converted = run(py, || convert_update(update, Encoding::V1, Encoding::V2))?;
        Ok(PyBytes::new(py, &converted))
    }

    /// The state before the transaction, encoded.
    #[getter]
    fn before_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        state_to_py(py, &self.announced.states(py).before)
    }

    /// The state after the transaction, encoded.
    #[getter]
    fn after_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        state_to_py(py, &self.announced.states(py).after)
    }

    /// What the transaction deleted, encoded.
    #[getter]
    fn delete_set<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut writer = Writer::new();
        self.announced.changes.deletes.encode_into(&mut writer);
        PyBytes::new(py, writer.as_bytes())
    }

    /// What `Doc.transaction(origin)` was given; `None` without one.
    #[getter]
    fn origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.announced.origin.as_ref().map(|origin| origin.clone_ref(py))
    }

    /// The transaction, for reading only.
    #[getter]
    fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        self.announced.transaction(py)
    }
}

/// The object for one event of a transaction, as an observer `levels` steps further out sees it.
pub(super) fn object<'py>(
    py: Python<'py>,
    announced: &Arc<Announced>,
    index: usize,
    levels: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let body = Body { announced: Arc::clone(announced), index, levels };
    match body.event().tag {
        TypeTag::Text => TextEvent { body }.into_bound_py_any(py),
        TypeTag::Map | TypeTag::XmlHook => MapEvent { body }.into_bound_py_any(py),
        TypeTag::Array => ArrayEvent { body }.into_bound_py_any(py),
        TypeTag::XmlText => XmlEvent { body, is_text: true }.into_bound_py_any(py),
        TypeTag::XmlElement | TypeTag::XmlFragment => XmlEvent { body, is_text: false }.into_bound_py_any(py),
    }
}

/// A change to one shared type. What nobody looks at is not converted.
struct Body {
    announced: Arc<Announced>,
    /// Which of the transaction's events it is.
    index: usize,
    /// How many steps the path has.
    levels: usize,
}

impl Body {
    fn event(&self) -> &Event {
        &self.announced.changes.events[self.index]
    }

    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        type_to_py(py, &self.announced.shared, self.event().target)
    }

    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let path = &self.event().path;
        let steps = path[path.len() - self.levels..].iter().map(|step| match step {
            PathStep::Key(key) => key.into_py_any(py),
            PathStep::Index(index) => index.into_py_any(py),
        });
        PyList::new(py, steps.collect::<PyResult<Vec<_>>>()?)
    }

    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        delta_to_py(py, &self.announced.shared, &self.event().delta)
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keys = PyDict::new(py);
        for KeyChange { key, old, new } in &self.event().keys {
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
                change.set_item("oldValue", value_to_py(py, &self.announced.shared, old)?)?;
            }
            if let Some(new) = new {
                change.set_item("newValue", value_to_py(py, &self.announced.shared, new)?)?;
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

    /// The change from the start of the text on: `{"retain": n}`, `{"delete": n}` and `{"insert": str}` (or an
    /// embed), counted in the document's unit. What was inserted or formatted has its "attributes", `None`
    /// for one that was taken away.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.body.delta(py)
    }

    /// The transaction that made the change, for reading only.
    #[getter]
    fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        self.body.announced.transaction(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (target, path) = (self.body.target(py)?, self.body.path(py)?);
        let (target, delta) = (target.bind(py).repr()?, self.body.delta(py)?);
        Ok(format!("{{target: {target}, delta: {delta}, path: {path}}}"))
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

    /// The transaction that made the change, for reading only.
    #[getter]
    fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        self.body.announced.transaction(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (target, path) = (self.body.target(py)?, self.body.path(py)?);
        let (target, delta) = (target.bind(py).repr()?, self.body.delta(py)?);
        Ok(format!("{{target: {target}, delta: {delta}, path: {path}}}"))
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

    /// The transaction that made the change, for reading only.
    #[getter]
    fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        self.body.announced.transaction(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (target, path) = (self.body.target(py)?, self.body.path(py)?);
        let (target, keys) = (target.bind(py).repr()?, self.body.keys(py)?);
        Ok(format!("{{target: {target}, keys: {keys}, path: {path}}}"))
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
        (!self.is_text).then_some(self.body.event().touches_sequence)
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

    /// The transaction that made the change, for reading only.
    #[getter]
    fn transaction(&self, py: Python<'_>) -> PyResult<Py<ReadTransaction>> {
        self.body.announced.transaction(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (target, path) = (self.body.target(py)?, self.body.path(py)?);
        let (target, delta, keys) = (target.bind(py).repr()?, self.body.delta(py)?, self.body.keys(py)?);
        Ok(format!("{{target: {target}, delta: {delta}, keys: {keys}, path: {path}}}"))
    }
}
