//! The `XmlText` class.

use pyo3::PyClassInitializer;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{XmlAttributesView, following, relative, relatives, written};
use crate::crdt::handle::{BaseType, Handle, Handled, gap_index};
use crate::crdt::text::{clear, delete, extend, insert_at, length};

/// A text inside an XML tree, with formatting and attributes. Indices count as in `Text`.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, subclass, extends = BaseType, module = "officina.crdt")]
pub(crate) struct XmlText;

#[pymethods]
impl XmlText {
    #[new]
    #[pyo3(signature = (init=None))]
    fn new(py: Python<'_>, init: Option<Bound<'_, PyString>>) -> PyClassInitializer<Self> {
        let initial = init.unwrap_or_else(|| PyString::new(py, ""));
        BaseType::of(Handle::new(Some(initial.into_any().unbind())), Self)
    }

    /// The shared type that it stands in; `None` for a root.
    #[getter]
    fn parent(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::parent)
    }

    /// Its attributes, as a view that behaves like a dictionary but iterates over pairs.
    #[getter]
    fn attributes(slf: &Bound<'_, Self>) -> PyResult<XmlAttributesView> {
        Ok(XmlAttributesView::of(slf.handle().home()?.clone()))
    }

    /// The node right after it under the same parent.
    #[getter]
    fn next_sibling(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::next_sibling)
    }

    /// The node right before it under the same parent.
    #[getter]
    fn previous_sibling(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::previous_sibling)
    }

    /// The nodes that follow it under the same parent.
    fn siblings(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<PyAny>>> {
        relatives(slf.py(), slf.handle(), following)
    }

    /// Inserts text before `index`.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    ///     ValueError: `index` lies inside a character (with UTF-8 or UTF-16 offsets).
    fn insert(slf: &Bound<'_, Self>, index: i64, value: &str) -> PyResult<()> {
        insert_at(slf.py(), slf.handle(), gap_index(index)?, value)
    }

    fn __iadd__(slf: &Bound<'_, Self>, value: &str) -> PyResult<()> {
        extend(slf.py(), slf.handle(), value)
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(length(slf.py(), slf.handle())? as usize)
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        delete(slf.handle(), key)
    }

    /// Deletes all of the text.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        clear(slf.py(), slf.handle())
    }

    /// The text with its formatting as tags; what it starts with while it is not part of a document.
    fn to_py(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let (py, handle) = (slf.py(), slf.handle());
        if !handle.is_integrated() {
            return Ok(handle.initial(py));
        }
        Ok(Some(PyString::new(py, &written(py, handle)?).into_any().unbind()))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        written(slf.py(), slf.handle())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let handle = slf.handle();
        Ok(match handle.initial(slf.py()) {
            Some(text) => format!("XmlText({})", text.bind(slf.py()).repr()?),
            None => format!("<XmlText {:?}>", written(slf.py(), handle)?),
        })
    }
}
