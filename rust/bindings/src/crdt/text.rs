//! The `Text` class.

use pyo3::PyClassInitializer;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyInt, PyList, PySlice, PyString, PyTuple};

use super::delta;
use super::edits::Columns;
use super::handle::{BaseType, Handle, Handled, Home, element_index, gap_index, slice_range};
use super::history::{attribution, delta_between};
use super::snapshot::Snapshot;
use super::sticky_index::StickyIndex;
use crate::errors::NativeError;

/// A text that many can edit at the same time. Indices count what the document's `offsets` say, Unicode
/// code points by default, like Python's own `str`.
///
/// Args:
///     init: what it starts with once it is part of a document.
#[pyclass(frozen, subclass, extends = BaseType, module = "officina.crdt")]
pub(crate) struct Text;

pub(super) fn length(py: Python<'_>, handle: &Handle) -> PyResult<u32> {
    let Home { shared, target } = handle.home()?;
    let frozen = shared.glance(py, |engine, frozen| match frozen {
        Some(frozen) => frozen.len(*target, shared.unit),
        None => Some(engine.len(*target, shared.unit)),
    });
    Ok(frozen.unwrap_or_else(|| shared.read(py, |engine| engine.len(*target, shared.unit))))
}

/// Start and count of what an index or a slice names.
fn range(handle: &Handle, key: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
    let len = length(key.py(), handle)?;
    if let Ok(slice) = key.cast::<PySlice>() {
        let (start, end) = slice_range(slice, len)?;
        return Ok((start, end - start));
    }
    match key.extract() {
        Ok(index) => Ok((element_index(index, len)?, 1)),
        Err(_) if key.is_instance_of::<PyInt>() => {
            Err(NativeError::index(format!("index {key} is out of range for a length of {len}")).into())
        }
        Err(_) => Err(NativeError::local(format!("a text has no index {key}")).into()),
    }
}

pub(super) fn insert_at(py: Python<'_>, handle: &Handle, index: u32, text: &str) -> PyResult<()> {
    let home = handle.home()?;
    let unit = home.shared.unit;
    home.change(py, text.len(), |engine, target| engine.insert_text(target, index, text, unit))
}

pub(super) fn extend(py: Python<'_>, handle: &Handle, text: &str) -> PyResult<()> {
    let home = handle.home()?;
    let unit = home.shared.unit;
    home.change(py, text.len(), |engine, target| {
        engine.insert_text(target, engine.len(target, unit), text, unit)
    })
}

pub(super) fn delete(handle: &Handle, key: &Bound<'_, PyAny>) -> PyResult<()> {
    let (start, count) = range(handle, key)?;
    let home = handle.home()?;
    let unit = home.shared.unit;
    home.change(key.py(), count as usize, |engine, target| engine.delete(target, start, count, unit))
}

pub(super) fn clear(py: Python<'_>, handle: &Handle) -> PyResult<()> {
    let (count, home) = (length(py, handle)?, handle.home()?);
    let unit = home.shared.unit;
    home.change(py, count as usize, |engine, target| engine.delete(target, 0, engine.len(target, unit), unit))
}

pub(super) fn apply_edits(
    py: Python<'_>,
    handle: &Handle,
    positions: &Bound<'_, PyAny>,
    deletions: &Bound<'_, PyAny>,
    insertions: Vec<PyBackedStr>,
) -> PyResult<()> {
    let columns = Columns::read(positions, deletions, insertions)?;
    let Home { shared, target } = handle.home()?;
    let (unit, target) = (shared.unit, *target);
    shared.change_detached(py, |engine| engine.splice_text(target, &columns.splices(), unit))
}

fn read(py: Python<'_>, handle: &Handle) -> PyResult<String> {
    let Home { shared, target } = handle.home()?;
    let frozen = shared.glance(py, |_, frozen| frozen?.text(*target).map(str::to_owned));
    Ok(frozen.unwrap_or_else(|| shared.read_detached(py, |engine| engine.text(*target)).unwrap_or_default()))
}

#[pymethods]
impl Text {
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
        slf.handle().begin_with(init.map(|text| text.into_any().unbind()))
    }

    /// How the text of one version becomes that of another, as a Quill delta. Runs without the GIL.
    ///
    /// Args:
    ///     old: the version to start from.
    ///     new: the version to get to; by default what the text is now.
    ///
    /// Raises:
    ///     LocalProtocolError: content of a version has been dropped; make the document with `skip_gc=True`.
    #[pyo3(signature = (old, new=None))]
    fn delta_between<'py>(
        slf: &Bound<'py, Self>,
        old: &Bound<'py, Snapshot>,
        new: Option<&Bound<'py, Snapshot>>,
    ) -> PyResult<Bound<'py, PyList>> {
        delta_between(slf.py(), slf.handle(), old, new)
    }

    /// Who wrote what: for each stretch by one client its id, where it starts and where it ends, in order.
    ///
    /// Args:
    ///     start: the index to begin at.
    ///     stop: the index to end before; by default the end of the text.
    ///
    /// Raises:
    ///     IndexError: an index is past the end.
    #[pyo3(signature = (start=0, stop=None))]
    fn attribution(slf: &Bound<'_, Self>, start: i64, stop: Option<i64>) -> PyResult<Vec<(u64, u32, u32)>> {
        attribution(slf.py(), slf.handle(), start, stop)
    }

    /// A position that stays with its content when the text around it changes.
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

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        read(slf.py(), slf.handle())
    }

    /// The text; what it starts with while it is not part of a document.
    fn to_py<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        if !slf.handle().is_integrated() {
            return Ok(slf.handle().initial(py).map(|text| text.into_bound(py)));
        }
        Ok(Some(PyString::new(py, &read(py, slf.handle())?).into_any()))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, handle) = (slf.py(), slf.handle());
        if let Ok(slice) = key.cast::<PySlice>()
            && !slice.getattr("step")?.is_none()
        {
            return PyString::new(py, &read(py, handle)?).get_item(slice);
        }
        let (start, count) = range(handle, key)?;
        let unit = handle.home()?.shared.unit;
        let text = handle.read(py, |engine, target| engine.text_range(target, start, start + count, unit))?;
        Ok(PyString::new(py, &text.map_err(NativeError::from)?).into_any())
    }

    fn __setitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, value: &str) -> PyResult<()> {
        let handle = slf.handle();
        if key.cast::<PySlice>().is_err() {
            let length = value.chars().count();
            if length != 1 {
                let message = format!("one character is replaced by one; use a slice for {length}");
                return Err(NativeError::local(message).into());
            }
        }
        let (start, count) = range(handle, key)?;
        let home = handle.home()?;
        let unit = home.shared.unit;
        home.change(slf.py(), value.len().max(count as usize), |engine, target| {
            engine.delete(target, start, count, unit)?;
            engine.insert_text(target, start, value, unit)
        })
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        delete(slf.handle(), key)
    }

    fn __contains__(slf: &Bound<'_, Self>, part: &str) -> PyResult<bool> {
        Ok(read(slf.py(), slf.handle())?.contains(part))
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyString::new(slf.py(), &read(slf.py(), slf.handle())?).try_iter()?.into_any())
    }

    /// Makes many edits as one change, each in the text as the one before left it: at `positions[i]`,
    /// `deletions[i]` units go and `insertions[i]` comes. The GIL is released meanwhile.
    ///
    /// Args:
    ///     positions: integers, as a numpy array or a sequence.
    ///     deletions: integers, as many.
    ///     insertions: strings, as many.
    ///
    /// Raises:
    ///     IndexError: an edit reaches past the end of the text, and which; nothing was changed.
    ///     ValueError: the columns differ in length; nothing was changed. Or an edit lies inside a character
    ///         (with UTF-8 or UTF-16 offsets); those before it were made.
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

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(match Self::to_py(slf)? {
            Some(text) => format!("Text({})", text.repr()?),
            None => "Text()".to_owned(),
        })
    }
}
