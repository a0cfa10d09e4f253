//! The `XmlElement` class.

use pyo3::PyClassInitializer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::fragment::list;
use super::{XmlAttributesView, XmlChildrenView, following, relative, relatives, written};
use crate::crdt::handle::{BaseType, Handle, Handled};

/// An XML element that many can edit at the same time: a tag, attributes and children.
///
/// Args:
///     tag: the name of the element.
///     attributes: what it starts with, as a dictionary or pairs; values are plain.
///     contents: the nodes it starts with; a `str` becomes an `XmlText`.
///
/// Raises:
///     ValueError: there is no `tag`.
#[pyclass(frozen, subclass, extends = BaseType, module = "officina.crdt")]
pub(crate) struct XmlElement;

#[pymethods]
impl XmlElement {
    /// A subclass may have any signature, so that all is left to `__init__`.
    #[new]
    #[pyo3(signature = (*_arguments, **_options), text_signature = "(tag=None, attributes=None, contents=None)")]
    fn new(
        _arguments: &Bound<'_, PyTuple>,
        _options: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        BaseType::of(Handle::new(None), Self)
    }

    #[pyo3(signature = (tag=None, attributes=None, contents=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        tag: Option<&str>,
        attributes: Option<&Bound<'_, PyAny>>,
        contents: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let Some(tag) = tag else { return Err(PyValueError::new_err("an XmlElement needs a tag")) };
        let attributes = match attributes {
            Some(attributes) => match attributes.cast::<PyDict>() {
                Ok(entries) => entries.items(),
                Err(_) => list(attributes)?,
            },
            None => PyList::empty(py),
        };
        let contents = contents.map_or_else(|| Ok(PyList::empty(py)), list)?;
        let initial = (tag, attributes, contents).into_pyobject(py)?;
        slf.handle().begin_with(Some(initial.into_any().unbind()))
    }

    /// The name of the element.
    #[getter]
    fn tag(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        slf.handle().read(slf.py(), |engine, target| engine.name(target).map(str::to_owned))
    }

    /// The shared type that it stands in; `None` for a root.
    #[getter]
    fn parent(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::parent)
    }

    /// The nodes in it, as a view that behaves like a list.
    #[getter]
    fn children(slf: &Bound<'_, Self>) -> PyResult<XmlChildrenView> {
        Ok(XmlChildrenView::of(slf.handle().home()?.clone()))
    }

    /// Its attributes, as a view that behaves like a dictionary but iterates over pairs.
    #[getter]
    fn attributes(slf: &Bound<'_, Self>) -> PyResult<XmlAttributesView> {
        Ok(XmlAttributesView::of(slf.handle().home()?.clone()))
    }

    /// The first node in it.
    #[getter]
    fn first_child(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::first_child)
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

    /// Every node below it, each before what is in it.
    fn descendants(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<PyAny>>> {
        relatives(slf.py(), slf.handle(), officina_crdt::Doc::descendants)
    }

    /// Has no plain value: use `str()`.
    ///
    /// Raises:
    ///     ValueError: always.
    #[expect(clippy::unused_self, reason = "the name that users of pycrdt know")]
    fn to_py(&self) -> PyResult<()> {
        Err(PyValueError::new_err("an XmlElement has no plain value; str() writes it as XML"))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        written(slf.py(), slf.handle())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let handle = slf.handle();
        Ok(match handle.initial(slf.py()) {
            Some(parts) => format!("XmlElement{}", parts.bind(slf.py()).repr()?),
            None => format!("<XmlElement {:?}>", written(slf.py(), handle)?),
        })
    }
}

/// Tag, attributes and contents that an element was made with.
pub(in crate::crdt) fn element_parts<'py>(
    initial: &Bound<'py, PyAny>,
) -> PyResult<(String, Bound<'py, PyList>, Bound<'py, PyList>)> {
    initial.cast::<PyTuple>()?.extract()
}
