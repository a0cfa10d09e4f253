//! The `Map` class.

use pyo3::PyClassInitializer;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::handle::{BaseType, Handle, Handled, Home};
use super::value::{Prelim, Slot, insert, key_of, plain, prelim, to_json, to_py, value_to_py, weight};

/// A dictionary that many can edit at the same time; of values set under one key at once, all replicas keep
/// the same. Keys are strings, values plain or other shared types.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, subclass, generic, extends = BaseType, module = "officina.crdt")]
pub(crate) struct Map;

fn entry(py: Python<'_>, handle: &Handle, key: &str) -> PyResult<Option<Py<PyAny>>> {
    let Home { shared, target } = handle.home()?;
    let value = shared.read(py, |engine| engine.entry(*target, key));
    value.map(|value| value_to_py(py, shared, &value)).transpose()
}

fn set_all(py: Python<'_>, handle: &Handle, entries: Vec<(String, Prelim)>) -> PyResult<()> {
    let (home, mut settled) = (handle.home()?, Vec::new());
    let units = weight(entries.len(), entries.iter().map(|(_, value)| value));
    home.change(py, units, |engine, target| {
        entries
            .into_iter()
            .try_for_each(|(key, value)| insert(engine, Slot::Key(target, &key), value, &mut settled))
    })?;
    for object in settled {
        object.tell(&home.shared);
    }
    Ok(())
}

fn missing(key: &str) -> PyErr {
    PyKeyError::new_err(key.to_owned())
}

#[pymethods]
impl Map {
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
    fn __init__(slf: &Bound<'_, Self>, init: Option<Bound<'_, PyDict>>) -> PyResult<()> {
        slf.handle().begin_with(init.map(|entries| entries.into_any().unbind()))
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        slf.handle().read(slf.py(), |engine, target| engine.entry_count(target))
    }

    fn __getitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key_of(key)?;
        entry(slf.py(), slf.handle(), &key)?.ok_or_else(|| missing(&key))
    }

    fn __setitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let key = key_of(key)?;
        if value.cast::<BaseType>().is_ok() {
            let found = slf.handle().read(slf.py(), |engine, target| engine.entry(target, &key))?;
            if slf.handle().holds(found.as_ref(), value) {
                return Ok(());
            }
        }
        let value = prelim(value, &mut Vec::new())?;
        set_all(slf.py(), slf.handle(), vec![(key, value)])
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let key = key_of(key)?;
        if slf.handle().change(slf.py(), |engine, target| engine.remove(target, &key))? {
            return Ok(());
        }
        Err(missing(&key))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(key) = key.extract::<&str>() else { return Ok(false) };
        slf.handle().read(slf.py(), |engine, target| engine.has_entry(target, key))
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(slf.py(), Self::keys(slf)?)?.try_iter()?.into_any())
    }

    /// The value under `key`, or `default_value` if there is none.
    #[pyo3(signature = (key, default_value=None))]
    fn get(
        slf: &Bound<'_, Self>,
        key: &str,
        default_value: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        Ok(entry(slf.py(), slf.handle(), key)?.or(default_value))
    }

    /// Removes the entry under `key` and returns its value; a shared type as plain values.
    ///
    /// Raises:
    ///     KeyError: there is none, and no `default_value` was given.
    #[pyo3(signature = (key, *default_value))]
    fn pop(slf: &Bound<'_, Self>, key: &str, default_value: Vec<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let (py, handle) = (slf.py(), slf.handle());
        let Some(value) = entry(py, handle, key)? else {
            return default_value.into_iter().next().ok_or_else(|| missing(key));
        };
        let value = plain(value.bind(py))?;
        handle.change(py, |engine, target| engine.remove(target, key))?;
        Ok(value)
    }

    /// Sets every entry of a dictionary; all of them or, if one cannot be shared, none.
    fn update(slf: &Bound<'_, Self>, value: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut seen = Vec::new();
        let entries = value.iter().map(|(key, value)| Ok((key_of(&key)?, prelim(&value, &mut seen)?)));
        set_all(slf.py(), slf.handle(), entries.collect::<PyResult<_>>()?)
    }

    /// Removes every entry.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        let count = Self::__len__(slf)?;
        slf.handle().home()?.change(slf.py(), count, |engine, target| {
            let keys: Vec<_> = engine.entries(target).into_iter().map(|(key, _)| key.to_owned()).collect();
            keys.iter().try_for_each(|key| engine.remove(target, key).map(drop))
        })
    }

    /// The keys, in the order in which the document first saw them.
    fn keys(slf: &Bound<'_, Self>) -> PyResult<Vec<String>> {
        let Home { shared, target } = slf.handle().home()?;
        Ok(shared.read_detached(slf.py(), |engine| {
            engine.entries(*target).into_iter().map(|(key, _)| key.to_owned()).collect()
        }))
    }

    /// The values, in the order of the keys.
    fn values(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<PyAny>>> {
        Ok(Self::items(slf)?.into_iter().map(|(_, value)| value).collect())
    }

    /// Keys and values.
    fn items(slf: &Bound<'_, Self>) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let (py, handle) = (slf.py(), slf.handle());
        let Home { shared, target } = handle.home()?;
        let entries: Vec<_> = shared.read_detached(py, |engine| {
            engine.entries(*target).into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        });
        entries.into_iter().map(|(key, value)| Ok((key, value_to_py(py, shared, &value)?))).collect()
    }

    /// The entries as plain values; what it starts with while it is not part of a document.
    fn to_py<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, handle) = (slf.py(), slf.handle());
        if handle.is_integrated() {
            return to_py(py, handle.home()?).map(|value| Some(value.into_bound(py)));
        }
        let Some(initial) = handle.initial(py) else { return Ok(None) };
        let entries = PyDict::new(py);
        for (key, value) in initial.bind(py).cast::<PyDict>()? {
            entries.set_item(key, plain(&value)?)?;
        }
        Ok(Some(entries.into_any()))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        to_json(Self::to_py(slf)?.as_ref())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(match Self::to_py(slf)? {
            Some(value) => format!("Map({})", value.repr()?),
            None => "Map()".to_owned(),
        })
    }
}
