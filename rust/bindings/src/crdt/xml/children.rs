//! The nodes in an XML fragment or element.

use officina_crdt::Unit;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use super::{XmlElement, XmlFragment, XmlText};
use crate::crdt::handle::{BaseType, Handle, Home, element_index, gap_index, slice_range};
use crate::crdt::value::{Slot, insert, prelim, value_to_py};

/// The nodes in an XML fragment or element: reads and writes go to the document. Like a list.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct XmlChildrenView {
    home: Home,
}

impl XmlChildrenView {
    pub(super) fn of(home: Home) -> Self {
        Self { home }
    }

    fn len(&self, py: Python<'_>) -> u32 {
        self.home.shared.read(py, |engine| engine.len(self.home.target, Unit::Utf16))
    }

    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let Home { shared, target } = &self.home;
        let values = shared.read_detached(py, |engine| engine.values(*target, 0, u32::MAX));
        let nodes = values.iter().map(|value| value_to_py(py, shared, value));
        PyList::new(py, nodes.collect::<PyResult<Vec<_>>>()?)
    }

    /// Start and count of what an index or a slice names.
    fn range(&self, key: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
        let len = self.len(key.py());
        if let Ok(slice) = key.cast::<PySlice>() {
            let (start, end) = slice_range(slice, len)?;
            return Ok((start, end - start));
        }
        let Ok(index) = key.extract() else {
            let class = key.get_type();
            return Err(PyTypeError::new_err(format!(
                "XML children have no index of type {}",
                class.name()?
            )));
        };
        Ok((element_index(index, len)?, 1))
    }

    /// Puts a node in the place of `count` others; returns it.
    fn put<'py>(&self, index: u32, count: u32, node: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = node.py();
        let node = node_of(node)?;
        let value = prelim(&node, &mut Vec::new())?;
        let Home { shared, target } = &self.home;
        let mut settled = Vec::new();
        shared.change(py, |engine| {
            engine.delete(*target, index, count, Unit::Utf16)?;
            insert(engine, Slot::Index(*target, index), value, &mut settled)
        })?;
        for object in settled {
            object.tell(shared);
        }
        Ok(node)
    }
}

/// What is to be a node: an XML object, or a `str` as an `XmlText`.
///
/// # Errors
/// `TypeError` for anything else, `ValueError` for a node that is part of a document.
pub(in crate::crdt) fn node_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(text) = object.cast::<pyo3::types::PyString>() {
        let handle = Handle::new(Some(text.clone().into_any().unbind()));
        return Ok(Bound::new(object.py(), BaseType::of(handle, XmlText))?.into_any());
    }
    let is_node = object.is_instance_of::<XmlText>()
        || object.is_instance_of::<XmlElement>()
        || object.is_instance_of::<XmlFragment>();
    if !is_node {
        return Err(PyTypeError::new_err(format!("{} cannot be an XML node", object.repr()?)));
    }
    if object.cast::<BaseType>()?.get().handle.is_integrated() {
        let class = object.get_type();
        let message = format!("the {} is part of a document already; insert a new one", class.name()?);
        return Err(PyValueError::new_err(message));
    }
    Ok(object.clone())
}

#[pymethods]
impl XmlChildrenView {
    fn __len__(&self, py: Python<'_>) -> usize {
        self.len(py) as usize
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if key.cast::<PySlice>().is_ok() {
            return self.nodes(py)?.as_any().get_item(key);
        }
        let (index, _) = self.range(key)?;
        let Home { shared, target } = &self.home;
        let value = shared.read(py, |engine| engine.get(*target, index));
        value
            .map_or_else(|| Ok(py.None()), |value| value_to_py(py, shared, &value))
            .map(|node| node.into_bound(py))
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let (start, count) = self.range(key)?;
        self.home.change(key.py(), count as usize, |engine, target| {
            engine.delete(target, start, count, Unit::Utf16)
        })
    }

    fn __setitem__(&self, key: i64, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let index = element_index(key, self.len(value.py()))?;
        self.put(index, 1, value).map(drop)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.nodes(py)?.try_iter()?.into_any().unbind())
    }

    /// Inserts a node before `index` and returns it.
    ///
    /// Args:
    ///     index: from 0 to the number of nodes.
    ///     element: an XmlElement, XmlText or XmlFragment that is not part of a document yet; a `str`
    ///         becomes an XmlText.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    ///     TypeError: `element` is something else.
    ///     ValueError: `element` is part of a document already.
    fn insert<'py>(&self, index: i64, element: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.put(gap_index(index)?, 0, element)
    }

    /// Adds a node at the end and returns it; see `insert`.
    fn append<'py>(&self, element: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.put(self.len(element.py()), 0, element)
    }
}
