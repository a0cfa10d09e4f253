//! The `Array` class.

use officina_crdt::Value;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyString};

use super::doc::{Doc, Subscription};
use super::handle::{Handle, Home, element_index, gap_index, slice_range};
use super::value::{Prelim, insert_all, prelim, to_py, value_to_py};

/// Many elements are read without the GIL.
const DETACH_FROM: u32 = 1024;

/// A list that many can edit at the same time. Elements are plain values or other shared types.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Array {
    pub(super) handle: Handle,
}

impl Array {
    fn len(&self, py: Python<'_>) -> PyResult<u32> {
        self.handle.read(py, |engine, target| engine.len(target, officina_crdt::Unit::Utf16))
    }

    fn values(&self, py: Python<'_>, start: u32, end: u32) -> PyResult<Vec<Value>> {
        let Home { shared, target } = self.handle.home()?;
        Ok(if end - start < DETACH_FROM {
            shared.read(py, |engine| engine.values(*target, start, end))
        } else {
            shared.read_detached(py, |engine| engine.values(*target, start, end))
        })
    }

    fn value(&self, py: Python<'_>, index: u32) -> PyResult<Py<PyAny>> {
        let Home { shared, target } = self.handle.home()?;
        let value = shared.read(py, |engine| engine.get(*target, index));
        value_to_py(py, shared, &value.ok_or_else(|| PyIndexError::new_err("array index out of range"))?)
    }

    fn objects(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let values = self.values(py, 0, self.len(py)?)?;
        let shared = &self.handle.home()?.shared;
        values.iter().map(|value| value_to_py(py, shared, value)).collect()
    }

    /// Replaces `start..end`, or of an array that got shorter meanwhile what is left of it.
    fn splice(&self, py: Python<'_>, (start, end): (u32, u32), items: Vec<Prelim>) -> PyResult<()> {
        let mut settled = Vec::new();
        let unit = officina_crdt::Unit::Utf16;
        self.handle.change(py, |engine, target| {
            if end > start {
                engine.delete(target, start, end - start, unit)?;
            }
            insert_all(engine, target, start, items, &mut settled)
        })?;
        let shared = &self.handle.home()?.shared;
        for object in settled {
            object.tell(shared);
        }
        Ok(())
    }

    fn push(&self, py: Python<'_>, items: Vec<Prelim>) -> PyResult<()> {
        let mut settled = Vec::new();
        self.handle.change(py, |engine, target| {
            let end = engine.len(target, officina_crdt::Unit::Utf16);
            insert_all(engine, target, end, items, &mut settled)
        })?;
        let shared = &self.handle.home()?.shared;
        for object in settled {
            object.tell(shared);
        }
        Ok(())
    }
}

fn prelims(values: &Bound<'_, PyAny>) -> PyResult<Vec<Prelim>> {
    let mut seen = Vec::new();
    values.try_iter()?.map(|value| prelim(&value?, &mut seen)).collect()
}

#[pymethods]
impl Array {
    #[new]
    #[pyo3(signature = (init=None))]
    fn new(init: Option<Py<PyAny>>) -> Self {
        Self { handle: Handle::new(init) }
    }

    /// The document that the array is part of.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Py<Doc>> {
        self.handle.document(py)
    }

    /// Whether the array is part of a document.
    #[getter]
    fn is_integrated(&self) -> bool {
        self.handle.is_integrated()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.len(py)? as usize)
    }

    /// Adds an element at the end.
    fn append(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.push(py, vec![prelim(value, &mut Vec::new())?])
    }

    /// Adds elements at the end; all of them or, if one cannot be shared, none.
    fn extend(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.push(py, prelims(value)?)
    }

    fn __iadd__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.extend(py, value)
    }

    /// Inserts an element before `index`.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    fn insert(&self, py: Python<'_>, index: i64, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let index = gap_index(index)?;
        self.splice(py, (index, index), vec![prelim(object, &mut Vec::new())?])
    }

    /// Removes the element at `index`, the last one by default, and returns it; a shared type as plain values.
    #[pyo3(signature = (index=-1))]
    fn pop(&self, py: Python<'_>, index: i64) -> PyResult<Py<PyAny>> {
        let index = element_index(index, self.len(py)?)?;
        let value = self.value(py, index)?;
        let plain =
            if let Ok(inner) = value.bind(py).getattr("to_py") { inner.call0()?.unbind() } else { value };
        self.splice(py, (index, index + 1), Vec::new())?;
        Ok(plain)
    }

    /// Removes every element.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.handle.change(py, |engine, target| {
            let unit = officina_crdt::Unit::Utf16;
            engine.delete(target, 0, engine.len(target, unit), unit)
        })
    }

    fn __getitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        if key.cast::<PySlice>().is_ok() {
            return Ok(self.objects(py)?.into_pyobject(py)?.get_item(key)?.unbind());
        }
        self.value(py, element_index(key.extract()?, self.len(py)?)?)
    }

    fn __setitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let len = self.len(py)?;
        if let Ok(slice) = key.cast::<PySlice>() {
            return self.splice(py, slice_range(slice, len)?, prelims(value)?);
        }
        let index = element_index(key.extract()?, len)?;
        self.splice(py, (index, index + 1), vec![prelim(value, &mut Vec::new())?])
    }

    fn __delitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let len = self.len(py)?;
        let range = if let Ok(slice) = key.cast::<PySlice>() {
            slice_range(slice, len)?
        } else {
            let index = element_index(key.extract()?, len)?;
            (index, index + 1)
        };
        self.splice(py, range, Vec::new())
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.objects(py)?.into_pyobject(py)?.try_iter()?.into_any().unbind())
    }

    fn __contains__(&self, py: Python<'_>, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.objects(py)?.into_pyobject(py)?.contains(item)
    }

    /// The elements as plain values; what it starts with while it is not part of a document.
    fn to_py(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if !self.handle.is_integrated() {
            return Ok(self.handle.initial(py));
        }
        to_py(py, self.handle.home()?).map(Some)
    }

    /// Calls `callback(event)` with an `ArrayEvent` after every transaction that changed the array.
    fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<Subscription> {
        self.handle.observe(py, false, callback)
    }

    /// Calls `callback(events)` with a list of events after every transaction that changed the array or
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
            Some(value) => format!("Array({})", value.bind(py).repr()?),
            None => "Array()".to_owned(),
        })
    }
}
