//! The `Array` class.

use std::sync::Arc;

use officina_crdt::{Unit, Value};
use pyo3::PyClassInitializer;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySlice, PyTuple};

use super::handle::{BaseType, Handle, Handled, Home, element_index, gap_index, slice_range};
use super::shared::Shared;
use super::sticky_index::StickyIndex;
use super::value::{Prelim, insert_all, plain, prelim, to_json, to_py, value_to_py, weight};
use crate::errors::NativeError;

/// Many elements are read without the GIL.
const DETACH_FROM: u32 = 1024;

/// A list that many can edit at the same time. Elements are plain values or other shared types.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, subclass, generic, extends = BaseType, module = "officina.crdt")]
pub(crate) struct Array;

fn length(py: Python<'_>, handle: &Handle) -> PyResult<u32> {
    handle.read(py, |engine, target| engine.len(target, Unit::Utf16))
}

fn values(py: Python<'_>, handle: &Handle, start: u32, end: u32) -> PyResult<Vec<Value>> {
    let Home { shared, target } = handle.home()?;
    Ok(if end - start < DETACH_FROM {
        shared.read(py, |engine| engine.values(*target, start, end))
    } else {
        shared.read_detached(py, |engine| engine.values(*target, start, end))
    })
}

/// An element that becomes a Python object where it goes, so that nothing lists the objects on the way.
struct Element<'a> {
    shared: &'a Arc<Shared>,
    value: Value,
}

impl<'py> IntoPyObject<'py> for Element<'_> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    #[inline]
    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value_to_py(py, self.shared, &self.value).map(|object| object.into_bound(py))
    }
}

fn element(py: Python<'_>, handle: &Handle, index: u32) -> PyResult<Py<PyAny>> {
    let Home { shared, target } = handle.home()?;
    let value = shared.read(py, |engine| engine.get(*target, index));
    value_to_py(py, shared, &value.ok_or_else(|| PyIndexError::new_err("array index out of range"))?)
}

fn objects<'py>(py: Python<'py>, handle: &Handle) -> PyResult<Bound<'py, PyList>> {
    let values = values(py, handle, 0, length(py, handle)?)?;
    let shared = &handle.home()?.shared;
    PyList::new(py, values.into_iter().map(|value| Element { shared, value }))
}

/// Replaces `start..end`, or of an array that got shorter meanwhile what is left of it.
fn splice(py: Python<'_>, handle: &Handle, (start, end): (u32, u32), items: Vec<Prelim>) -> PyResult<()> {
    let (home, mut settled) = (handle.home()?, Vec::new());
    let units = weight(items.len().max((end - start) as usize), items.iter());
    home.change(py, units, |engine, target| {
        if end > start {
            engine.delete(target, start, end - start, Unit::Utf16)?;
        }
        insert_all(engine, target, start, items, &mut settled)
    })?;
    for object in settled {
        object.tell(&home.shared);
    }
    Ok(())
}

fn push(py: Python<'_>, handle: &Handle, items: Vec<Prelim>) -> PyResult<()> {
    let (home, mut settled) = (handle.home()?, Vec::new());
    home.change(py, weight(items.len(), items.iter()), |engine, target| {
        let end = engine.len(target, Unit::Utf16);
        insert_all(engine, target, end, items, &mut settled)
    })?;
    for object in settled {
        object.tell(&home.shared);
    }
    Ok(())
}

fn prelims(values: &Bound<'_, PyAny>) -> PyResult<Vec<Prelim>> {
    let mut seen = Vec::new();
    values.try_iter()?.map(|value| prelim(&value?, &mut seen)).collect()
}

/// What an index names.
///
/// # Errors
/// That of `refuse` when it is no integer, `IndexError` when it is out of range.
fn position(handle: &Handle, key: &Bound<'_, PyAny>, refuse: fn(String) -> PyErr) -> PyResult<u32> {
    let Ok(index) = key.extract() else {
        let class = key.get_type();
        return Err(refuse(format!("array indices must be integers or slices, not {}", class.name()?)));
    };
    element_index(index, length(key.py(), handle)?)
}

fn range(handle: &Handle, key: &Bound<'_, PyAny>, refuse: fn(String) -> PyErr) -> PyResult<(u32, u32)> {
    if let Ok(slice) = key.cast::<PySlice>() {
        return slice_range(slice, length(key.py(), handle)?);
    }
    position(handle, key, refuse).map(|index| (index, index + 1))
}

/// The error that pycrdt raises for reading and deleting at what is no index.
fn no_index(message: String) -> PyErr {
    PyTypeError::new_err(message)
}

/// The error that pycrdt raises for writing at what is no index.
fn no_place(message: String) -> PyErr {
    NativeError::local(message).into()
}

#[pymethods]
impl Array {
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
    fn __init__(slf: &Bound<'_, Self>, init: Option<Py<PyAny>>) -> PyResult<()> {
        slf.handle().begin_with(init)
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(length(slf.py(), slf.handle())? as usize)
    }

    /// Moves an element before the one that is at `destination` now, or to the end, as one change. It is deleted
    /// and inserted again: a shared type becomes a new one with the same content, a subdocument stays the same `Doc`.
    /// If two replicas move an element at the same time it is there twice.
    ///
    /// Raises:
    ///     IndexError: an index is past the end.
    fn r#move(slf: &Bound<'_, Self>, source: i64, destination: i64) -> PyResult<()> {
        let py = slf.py();
        let source = element_index(source, length(py, slf.handle())?)?;
        let destination = gap_index(destination)?;
        slf.handle().change(py, |engine, target| engine.move_element(target, source, destination))?;
        Ok(())
    }

    /// A position that stays with its content when the array around it changes.
    ///
    /// Args:
    ///     index: the position now.
    ///     assoc: `Assoc.AFTER` (0) to stay with what follows, `Assoc.BEFORE` (-1) with what precedes.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    #[pyo3(signature = (index, assoc=0))]
    fn sticky_index(slf: &Bound<'_, Self>, index: i64, assoc: i64) -> PyResult<StickyIndex> {
        StickyIndex::at(slf.as_super(), index, assoc)
    }

    /// Adds an element at the end.
    fn append(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        push(slf.py(), slf.handle(), vec![prelim(value, &mut Vec::new())?])
    }

    /// Adds elements at the end; all of them or, if one cannot be shared, none.
    fn extend(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        push(slf.py(), slf.handle(), prelims(value)?)
    }

    fn __iadd__(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::extend(slf, value)
    }

    fn __add__<'py>(slf: Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        Self::extend(&slf, value)?;
        Ok(slf)
    }

    fn __radd__<'py>(slf: Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        splice(slf.py(), slf.handle(), (0, 0), prelims(value)?)?;
        Ok(slf)
    }

    /// Inserts an element before `index`.
    ///
    /// Raises:
    ///     IndexError: `index` is past the end.
    fn insert(slf: &Bound<'_, Self>, index: i64, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let index = gap_index(index)?;
        splice(slf.py(), slf.handle(), (index, index), vec![prelim(object, &mut Vec::new())?])
    }

    /// Removes the element at `index`, the last one by default, and returns it; a shared type as plain values.
    ///
    /// Raises:
    ///     IndexError: there is none.
    #[pyo3(signature = (index=None))]
    fn pop(slf: &Bound<'_, Self>, index: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let (py, handle) = (slf.py(), slf.handle());
        let index = match index {
            Some(index) => position(handle, index, no_place)?,
            None => element_index(-1, length(py, handle)?)?,
        };
        let value = plain(element(py, handle, index)?.bind(py))?;
        splice(py, handle, (index, index + 1), Vec::new())?;
        Ok(value)
    }

    /// Removes every element.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        let count = length(slf.py(), slf.handle())? as usize;
        slf.handle().home()?.change(slf.py(), count, |engine, target| {
            engine.delete(target, 0, engine.len(target, Unit::Utf16), Unit::Utf16)
        })
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, handle) = (slf.py(), slf.handle());
        if key.cast::<PySlice>().is_ok() {
            return objects(py, handle)?.as_any().get_item(key);
        }
        element(py, handle, position(handle, key, no_index)?).map(|value| value.into_bound(py))
    }

    fn __setitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let handle = slf.handle();
        let range = range(handle, key, no_place)?;
        let items = if key.cast::<PySlice>().is_ok() {
            prelims(value)?
        } else {
            if value.cast::<BaseType>().is_ok() {
                let found = handle.read(slf.py(), |engine, target| engine.get(target, range.0))?;
                if handle.holds(found.as_ref(), value) {
                    return Ok(());
                }
            }
            vec![prelim(value, &mut Vec::new())?]
        };
        splice(slf.py(), handle, range, items)
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let handle = slf.handle();
        splice(slf.py(), handle, range(handle, key, no_index)?, Vec::new())
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(objects(slf.py(), slf.handle())?.try_iter()?.into_any())
    }

    fn __reversed__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        objects(slf.py(), slf.handle())?.call_method0("__reversed__")
    }

    fn __contains__(slf: &Bound<'_, Self>, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        objects(slf.py(), slf.handle())?.contains(item)
    }

    /// The elements as plain values; what it starts with while it is not part of a document.
    fn to_py<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, handle) = (slf.py(), slf.handle());
        if handle.is_integrated() {
            return to_py(py, handle.home()?).map(|value| Some(value.into_bound(py)));
        }
        let Some(initial) = handle.initial(py) else { return Ok(None) };
        let items = initial.bind(py).try_iter()?.map(|item| plain(&item?));
        Ok(Some(PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any()))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        to_json(Self::to_py(slf)?.as_ref())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(match Self::to_py(slf)? {
            Some(value) => format!("Array({})", value.repr()?),
            None => "Array()".to_owned(),
        })
    }
}
