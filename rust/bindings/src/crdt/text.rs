//! The `Text` class.

use officina_crdt::SharedType;
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyString};

use super::doc::{Doc, Subscription};
use super::handle::{Handle, Home, element_index, gap_index, slice_range};
use crate::errors::NativeError;

/// Above this many bytes of text, the GIL is released while it is inserted.
const DETACH_FROM: usize = 4096;

/// A text that many can edit at the same time. Indices count what the document's `offsets` say, Unicode
/// code points by default, like Python's own `str`.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Text {
    pub(super) handle: Handle,
}

impl Text {
    /// Start and count of what an index or a slice names.
    fn range(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
        let len = self.len(py)?;
        if let Ok(slice) = key.cast::<PySlice>() {
            let (start, end) = slice_range(slice, len)?;
            return Ok((start, end - start));
        }
        Ok((element_index(key.extract()?, len)?, 1))
    }

    fn len(&self, py: Python<'_>) -> PyResult<u32> {
        let unit = self.handle.home()?.shared.unit;
        self.handle.read(py, |engine, target| engine.len(target, unit))
    }

    fn insert_at(&self, py: Python<'_>, index: u32, text: &str) -> PyResult<()> {
        let Home { shared, target } = self.handle.home()?;
        let unit = shared.unit;
        if text.len() < DETACH_FROM {
            shared.change(py, |engine| engine.insert_text(*target, index, text, unit))
        } else {
            shared.change_detached(py, |engine| engine.insert_text(*target, index, text, unit))
        }
    }
}

#[pymethods]
impl Text {
    #[new]
    #[pyo3(signature = (init=None))]
    fn new(init: Option<Bound<'_, PyString>>) -> Self {
        Self { handle: Handle::new(init.map(|text| text.into_any().unbind())) }
    }

    /// The document that the text is part of.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Py<Doc>> {
        self.handle.document(py)
    }

    /// Whether the text is part of a document.
    #[getter]
    fn is_integrated(&self) -> bool {
        self.handle.is_integrated()
    }

    /// Inserts text before `index`.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    ///     ValueError: `index` lies inside a character (with UTF-8 or UTF-16 offsets).
    fn insert(&self, py: Python<'_>, index: i64, value: &str) -> PyResult<()> {
        self.insert_at(py, gap_index(index)?, value)
    }

    fn __iadd__(&self, py: Python<'_>, value: &str) -> PyResult<()> {
        let Home { shared, target } = self.handle.home()?;
        let unit = shared.unit;
        shared.change(py, |engine| engine.insert_text(*target, engine.len(*target, unit), value, unit))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.len(py)? as usize)
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let Home { shared, target } = self.handle.home()?;
        let text = shared.read_detached(py, |engine| engine.text(*target));
        Ok(text.unwrap_or_default())
    }

    /// The text; what it starts with while it is not part of a document.
    fn to_py(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if !self.handle.is_integrated() {
            return Ok(self.handle.initial(py));
        }
        Ok(Some(PyString::new(py, &self.__str__(py)?).into_any().unbind()))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
        let (start, count) = self.range(py, key)?;
        let unit = self.handle.home()?.shared.unit;
        let text =
            self.handle.read(py, |engine, target| engine.text_range(target, start, start + count, unit))?;
        Ok(PyString::new(py, &text.map_err(NativeError::from)?))
    }

    fn __setitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>, value: &str) -> PyResult<()> {
        let (start, count) = self.range(py, key)?;
        let unit = self.handle.home()?.shared.unit;
        self.handle.change(py, |engine, target| {
            engine.delete(target, start, count, unit)?;
            engine.insert_text(target, start, value, unit)
        })
    }

    fn __delitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let (start, count) = self.range(py, key)?;
        let unit = self.handle.home()?.shared.unit;
        self.handle.change(py, |engine, target| engine.delete(target, start, count, unit))
    }

    fn __contains__(&self, py: Python<'_>, part: &str) -> PyResult<bool> {
        Ok(self.__str__(py)?.contains(part))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(PyString::new(py, &self.__str__(py)?).try_iter()?.into_any().unbind())
    }

    /// Deletes all of the text.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let unit = self.handle.home()?.shared.unit;
        self.handle
            .change(py, |engine, target: SharedType| engine.delete(target, 0, engine.len(target, unit), unit))
    }

    /// Calls `callback(event)` with a `TextEvent` after every transaction that changed the text.
    fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<Subscription> {
        self.handle.observe(py, false, callback)
    }

    /// Calls `callback(events)` with a list of events after every transaction that changed the text.
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

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match self.to_py(py)? {
            Some(text) => format!("Text({})", text.bind(py).repr()?),
            None => "Text()".to_owned(),
        })
    }
}
