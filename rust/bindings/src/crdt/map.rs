//! The `Map` class.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::doc::{Doc, Subscription};
use super::handle::{Handle, Home};
use super::value::{Prelim, Slot, insert, key_of, prelim, to_py, value_to_py};

/// A dictionary that many can edit at the same time; of values set under one key at once, all replicas keep
/// the same. Keys are strings, values plain or other shared types.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Map {
    pub(super) handle: Handle,
}

impl Map {
    fn entry(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        let Home { shared, target } = self.handle.home()?;
        let value = shared.read(py, |engine| engine.entry(*target, key));
        value.map(|value| value_to_py(py, shared, &value)).transpose()
    }

    fn set_all(&self, py: Python<'_>, entries: Vec<(String, Prelim)>) -> PyResult<()> {
        let mut settled = Vec::new();
        self.handle.change(py, |engine, target| {
            entries
                .into_iter()
                .try_for_each(|(key, value)| insert(engine, Slot::Key(target, &key), value, &mut settled))
        })?;
        let shared = &self.handle.home()?.shared;
        for object in settled {
            object.tell(shared);
        }
        Ok(())
    }
}

#[pymethods]
impl Map {
    #[new]
    #[pyo3(signature = (init=None))]
    fn new(init: Option<Bound<'_, PyDict>>) -> Self {
        Self { handle: Handle::new(init.map(|entries| entries.into_any().unbind())) }
    }

    /// The document that the map is part of.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Py<Doc>> {
        self.handle.document(py)
    }

    /// Whether the map is part of a document.
    #[getter]
    fn is_integrated(&self) -> bool {
        self.handle.is_integrated()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.handle.read(py, |engine, target| engine.entry_count(target))
    }

    fn __getitem__(&self, py: Python<'_>, key: &str) -> PyResult<Py<PyAny>> {
        self.entry(py, key)?.ok_or_else(|| PyKeyError::new_err(key.to_owned()))
    }

    fn __setitem__(&self, py: Python<'_>, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = prelim(value, &mut Vec::new())?;
        self.set_all(py, vec![(key.to_owned(), value)])
    }

    fn __delitem__(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        if self.handle.change(py, |engine, target| engine.remove(target, key))? {
            return Ok(());
        }
        Err(PyKeyError::new_err(key.to_owned()))
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        self.handle.read(py, |engine, target| engine.has_entry(target, key))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.keys(py)?.into_pyobject(py)?.try_iter()?.into_any().unbind())
    }

    /// The value under `key`, or `default_value` if there is none.
    #[pyo3(signature = (key, default_value=None))]
    fn get(
        &self,
        py: Python<'_>,
        key: &str,
        default_value: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        Ok(self.entry(py, key)?.or(default_value))
    }

    /// Removes the entry under `key` and returns its value; a shared type as plain values.
    ///
    /// Raises:
    ///     KeyError: there is none, and no `default_value` was given.
    #[pyo3(signature = (key, *default_value))]
    fn pop(&self, py: Python<'_>, key: &str, default_value: Vec<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let Some(value) = self.entry(py, key)? else {
            return default_value.into_iter().next().ok_or_else(|| PyKeyError::new_err(key.to_owned()));
        };
        let plain =
            if let Ok(inner) = value.bind(py).getattr("to_py") { inner.call0()?.unbind() } else { value };
        self.handle.change(py, |engine, target| engine.remove(target, key))?;
        Ok(plain)
    }

    /// Sets every entry of a dictionary; all of them or, if one cannot be shared, none.
    fn update(&self, py: Python<'_>, value: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut seen = Vec::new();
        let entries = value.iter().map(|(key, value)| Ok((key_of(&key)?, prelim(&value, &mut seen)?)));
        self.set_all(py, entries.collect::<PyResult<_>>()?)
    }

    /// Removes every entry.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.handle.change(py, |engine, target| {
            let keys: Vec<_> = engine.entries(target).into_iter().map(|(key, _)| key.to_owned()).collect();
            keys.iter().try_for_each(|key| engine.remove(target, key).map(drop))
        })
    }

    /// The keys, in the order in which the document first saw them.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.handle.read(py, |engine, target| {
            engine.entries(target).into_iter().map(|(key, _)| key.to_owned()).collect()
        })
    }

    /// The values, in the order of the keys.
    fn values(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        Ok(self.items(py)?.into_iter().map(|(_, value)| value).collect())
    }

    /// Keys and values.
    fn items(&self, py: Python<'_>) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let entries: Vec<_> = self.handle.read(py, |engine, target| {
            engine.entries(target).into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        })?;
        let shared = &self.handle.home()?.shared;
        entries.into_iter().map(|(key, value)| Ok((key, value_to_py(py, shared, &value)?))).collect()
    }

    /// The entries as plain values; what it starts with while it is not part of a document.
    fn to_py(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if !self.handle.is_integrated() {
            return Ok(self.handle.initial(py));
        }
        to_py(py, self.handle.home()?).map(Some)
    }

    /// Calls `callback(event)` with a `MapEvent` after every transaction that changed the map.
    fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<Subscription> {
        self.handle.observe(py, false, callback)
    }

    /// Calls `callback(events)` with a list of events after every transaction that changed the map or
    /// something in it.
    fn observe_deep(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<Subscription> {
        self.handle.observe(py, true, callback)
    }

    /// Ends a subscription.
    #[expect(clippy::unused_self, reason = "the name that users of pycrdt know")]
    fn unobserve(&self, py: Python<'_>, subscription: &Subscription) {
        subscription.drop(py);
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.handle.same(&other.get().handle))
    }

    fn __hash__(&self) -> u64 {
        self.handle.hash()
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.to_py(py)?;
        Ok(py.import("json")?.call_method1("dumps", (value,))?.cast::<PyString>()?.to_str()?.to_owned())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match self.to_py(py)? {
            Some(value) => format!("Map({})", value.bind(py).repr()?),
            None => "Map()".to_owned(),
        })
    }
}
