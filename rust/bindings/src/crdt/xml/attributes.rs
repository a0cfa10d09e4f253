//! The attributes of an XML element or text.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::crdt::handle::Home;
use crate::crdt::value::{Slot, insert, prelim, value_to_py};

/// The attributes of an XML node: reads and writes go to the document. Like a dictionary, but iterates over
/// pairs of name and value.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct XmlAttributesView {
    home: Home,
}

impl XmlAttributesView {
    pub(super) fn of(home: Home) -> Self {
        Self { home }
    }

    fn find(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        let Home { shared, target } = &self.home;
        let value = shared.read(py, |engine| engine.entry(*target, key));
        value.map(|value| value_to_py(py, shared, &value)).transpose()
    }
}

#[pymethods]
impl XmlAttributesView {
    /// The value of an attribute; `None` if there is no such attribute.
    fn get(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        self.find(py, key)
    }

    fn __getitem__(&self, py: Python<'_>, key: &str) -> PyResult<Py<PyAny>> {
        self.find(py, key)?.ok_or_else(|| PyKeyError::new_err(key.to_owned()))
    }

    fn __setitem__(&self, py: Python<'_>, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Home { shared, target } = &self.home;
        let value = prelim(value, &mut Vec::new())?;
        let mut settled = Vec::new();
        shared.change(py, |engine| insert(engine, Slot::Key(*target, key), value, &mut settled))?;
        for object in settled {
            object.tell(shared);
        }
        Ok(())
    }

    /// Removes an attribute; does nothing if there is no such attribute.
    fn __delitem__(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        let Home { shared, target } = &self.home;
        shared.change(py, |engine| engine.remove(*target, key)).map(drop)
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> bool {
        let Home { shared, target } = &self.home;
        shared.read(py, |engine| engine.has_entry(*target, key))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        let Home { shared, target } = &self.home;
        shared.read(py, |engine| engine.entry_count(*target))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Home { shared, target } = &self.home;
        let entries: Vec<_> = shared.read(py, |engine| {
            engine.entries(*target).into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        });
        let pairs = entries.into_iter().map(|(key, value)| Ok((key, value_to_py(py, shared, &value)?)));
        let pairs = pairs.collect::<PyResult<Vec<_>>>()?;
        Ok(pairs.into_pyobject(py)?.try_iter()?.into_any().unbind())
    }
}
