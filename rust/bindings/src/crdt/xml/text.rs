//! The `XmlText` class.

use pyo3::PyClassInitializer;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::{XmlAttributesView, following, relative, relatives, written};
use crate::crdt::delta;
use crate::crdt::handle::{BaseType, Handle, Handled, gap_index};
use crate::crdt::history::{attribution, delta_between};
use crate::crdt::snapshot::Snapshot;
use crate::crdt::sticky_index::StickyIndex;
use crate::crdt::text::{apply_edits, clear, delete, extend, insert_at, length};

/// A text inside an XML tree, with formatting and attributes. Indices count as in `Text`.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, subclass, extends = BaseType, module = "officina.crdt")]
pub(crate) struct XmlText;

#[pymethods]
impl XmlText {
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
    fn __init__(slf: &Bound<'_, Self>, init: Option<Bound<'_, PyString>>) -> PyResult<()> {
        let initial = init.unwrap_or_else(|| PyString::new(slf.py(), ""));
        slf.handle().begin_with(Some(initial.into_any().unbind()))
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

    /// Inserts text before `index`, with the attributes of what stands before it, or with `attrs` and no others.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    ///     ValueError: `index` lies inside a character (with UTF-8 or UTF-16 offsets).
    #[pyo3(signature = (index, value, attrs=None))]
    fn insert(
        slf: &Bound<'_, Self>,
        index: i64,
        value: &str,
        attrs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        match attrs {
            Some(attrs) => delta::insert_with(slf.py(), slf.handle(), index, value, attrs),
            None => insert_at(slf.py(), slf.handle(), gap_index(index)?, value),
        }
    }

    /// Inserts a value, or a shared type, that takes the room of one unit. It has `attrs` and no others.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    #[pyo3(signature = (index, value, attrs=None))]
    fn insert_embed(
        slf: &Bound<'_, Self>,
        index: i64,
        value: &Bound<'_, PyAny>,
        attrs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        delta::insert_embed(slf.py(), slf.handle(), index, value, attrs)
    }

    /// Gives the units from `start` to `stop` attributes; `None` takes one away.
    ///
    /// Raises:
    ///     IndexError: `stop` is past the end, or before `start`.
    fn format(slf: &Bound<'_, Self>, start: i64, stop: i64, attrs: &Bound<'_, PyDict>) -> PyResult<()> {
        delta::format(slf.py(), slf.handle(), start, stop, attrs)
    }

    /// The runs of text and the embeds, each with its attributes or `None`.
    fn diff(slf: &Bound<'_, Self>) -> PyResult<Vec<delta::Run>> {
        delta::diff(slf.py(), slf.handle())
    }

    /// The same as a Quill delta: `{"insert": ..., "attributes": {...}}`.
    fn to_delta<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        delta::to_delta(slf.py(), slf.handle())
    }

    /// Applies a Quill delta, from the start of the text on: `insert`, `retain` and `delete` operations.
    ///
    /// Args:
    ///     delta: the operations, as dicts. Retaining past the end adds newlines.
    ///     sanitize: as in Yjs: if false, a newline that ends the last insertion is left out at the end of the
    ///         text, because Quill counts one there that is not part of it.
    ///
    /// Raises:
    ///     ValueError: it is not a delta; nothing was changed.
    #[pyo3(signature = (delta, *, sanitize=true))]
    fn apply_delta(slf: &Bound<'_, Self>, delta: &Bound<'_, PyAny>, sanitize: bool) -> PyResult<()> {
        delta::apply_delta(slf.py(), slf.handle(), delta, sanitize)
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

    /// How the text of one version becomes that of another; as `Text.delta_between`.
    #[pyo3(signature = (old, new=None))]
    fn delta_between<'py>(
        slf: &Bound<'py, Self>,
        old: &Bound<'py, Snapshot>,
        new: Option<&Bound<'py, Snapshot>>,
    ) -> PyResult<Bound<'py, PyList>> {
        delta_between(slf.py(), slf.handle(), old, new)
    }

    /// Who wrote what; as `Text.attribution`.
    #[pyo3(signature = (start=0, stop=None))]
    fn attribution(slf: &Bound<'_, Self>, start: i64, stop: Option<i64>) -> PyResult<Vec<(u64, u32, u32)>> {
        attribution(slf.py(), slf.handle(), start, stop)
    }

    /// A position that stays with its content when the text around it changes; as `Text.sticky_index`.
    #[pyo3(signature = (index, assoc=0))]
    fn sticky_index(slf: &Bound<'_, Self>, index: i64, assoc: i64) -> PyResult<StickyIndex> {
        StickyIndex::at(slf.as_super(), index, assoc)
    }

    /// Makes many edits as one change; as `Text.apply_edits`.
    #[pyo3(signature = (positions, deletions, insertions))]
    fn apply_edits(
        slf: &Bound<'_, Self>,
        positions: &Bound<'_, PyAny>,
        deletions: &Bound<'_, PyAny>,
        insertions: Vec<PyBackedStr>,
    ) -> PyResult<()> {
        apply_edits(slf.py(), slf.handle(), positions, deletions, insertions)
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
