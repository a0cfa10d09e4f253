//! The `XmlFragment` class.

use pyo3::PyClassInitializer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::{XmlChildrenView, following, relative, relatives, written};
use crate::crdt::handle::{BaseType, Handle, Handled};

/// A list of XML nodes that many can edit at the same time: the root of an XML tree, or a part of one.
///
/// Args:
///     init: the nodes it starts with once it is part of a document; a `str` becomes an `XmlText`.
#[pyclass(frozen, subclass, extends = BaseType, module = "officina.crdt")]
pub(crate) struct XmlFragment;

#[pymethods]
impl XmlFragment {
    /// A subclass may have any signature, so that all is left to `__init__`.
    #[new]
    #[pyo3(signature = (*_arguments, **_options), text_signature = "(init=None)")]
    fn new(
        _arguments: &Bound<'_, PyTuple>,
        _options: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        BaseType::of(Handle::new(None), Self)
    }

    #[pyo3(signature = (init=None))]
    fn __init__(slf: &Bound<'_, Self>, init: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        slf.handle().begin_with(init.map(list).transpose()?.map(|list| list.into_any().unbind()))
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

    /// The first node in it.
    #[getter]
    fn first_child(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        relative(slf.py(), slf.handle(), officina_crdt::Doc::first_child)
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
        Err(PyValueError::new_err("an XmlFragment has no plain value; str() writes it as XML"))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        written(slf.py(), slf.handle())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let handle = slf.handle();
        Ok(match handle.initial(slf.py()) {
            Some(nodes) => format!("XmlFragment({})", nodes.bind(slf.py()).repr()?),
            None if handle.is_integrated() => format!("<XmlFragment {:?}>", written(slf.py(), handle)?),
            None => "XmlFragment()".to_owned(),
        })
    }
}

/// The members of an iterable.
pub(super) fn list<'py>(members: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(members.py(), members.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}
