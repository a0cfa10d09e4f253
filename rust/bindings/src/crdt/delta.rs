//! Deltas and formatting attributes, to and from Python; what `Text` and `XmlText` do with them.

use std::sync::Arc;

use officina_crdt::{Attributes, Delta, EditError, Input, Json, TextOp};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::handle::{Handle, Home, gap_index, gap_range};
use super::shared::Shared;
use super::value::{Prelim, Slot, any, fill, insert, json_to_py, key_of, prelim, value_to_py};
use crate::errors::NativeError;

/// Attributes as the user gave them.
///
/// # Errors
/// `TypeError` for a key that is no string or a value that cannot be shared, `ValueError` for one nested too deeply.
pub(super) fn attributes_of(given: Option<&Bound<'_, PyDict>>) -> PyResult<Attributes> {
    let mut attributes = Attributes::new();
    for (key, value) in given.into_iter().flatten() {
        let value = Json::from_any(&any(&value)?).map_err(NativeError::from)?;
        attributes.set(&key_of(&key)?, value);
    }
    Ok(attributes)
}

pub(super) fn insert_with(
    py: Python<'_>,
    handle: &Handle,
    index: i64,
    text: &str,
    attributes: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let (index, attributes) = (gap_index(index)?, attributes_of(Some(attributes))?);
    let home = handle.home()?;
    let unit = home.shared.unit;
    home.change(py, text.len(), |engine, target| {
        engine.insert_text_with(target, index, text, unit, &attributes)
    })
}

pub(super) fn insert_embed(
    py: Python<'_>,
    handle: &Handle,
    index: i64,
    value: &Bound<'_, PyAny>,
    attributes: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let (index, attributes) = (gap_index(index)?, attributes_of(attributes)?);
    let Home { shared, target } = handle.home()?;
    let value = prelim(value, &mut Vec::new())?;
    let slot = Slot::Embed(*target, index, shared.unit, &attributes);
    let settled = shared.change(py, |engine| {
        let mut settled = Vec::new();
        insert(engine, slot, value, &mut settled)?;
        Ok::<_, EditError>(settled)
    })?;
    for object in settled {
        object.tell(shared);
    }
    Ok(())
}

pub(super) fn format(
    py: Python<'_>,
    handle: &Handle,
    start: i64,
    stop: i64,
    attributes: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let (start, stop) = gap_range(start, stop)?;
    let attributes = attributes_of(Some(attributes))?;
    let home = handle.home()?;
    let unit = home.shared.unit;
    let units = (stop - start) as usize;
    home.change(py, units, |engine, target| engine.format(target, start, stop, unit, &attributes))
}

fn runs(py: Python<'_>, handle: &Handle) -> PyResult<Vec<Delta>> {
    let Home { shared, target } = handle.home()?;
    let runs = shared.read_detached(py, |engine| engine.to_delta(*target));
    Ok(runs.map_err(NativeError::from)?)
}

pub(super) fn to_delta<'py>(py: Python<'py>, handle: &Handle) -> PyResult<Bound<'py, PyList>> {
    delta_to_py(py, &handle.home()?.shared, &runs(py, handle)?)
}

/// Content and its attributes.
pub(in crate::crdt) type Run = (Py<PyAny>, Option<Py<PyDict>>);

pub(super) fn diff(py: Python<'_>, handle: &Handle) -> PyResult<Vec<Run>> {
    let shared = &handle.home()?.shared;
    let mut found = Vec::new();
    for run in runs(py, handle)? {
        let (content, attributes) = match run {
            Delta::Text(text, attributes) => (PyString::new(py, &text).into_any().unbind(), attributes),
            Delta::Embed(value, attributes) => (value_to_py(py, shared, &value)?, attributes),
            Delta::Retain(..) | Delta::Delete(_) | Delta::Values(_) => continue,
        };
        let attributes = (!attributes.is_empty()).then(|| attributes_to_py(py, &attributes));
        found.push((content, attributes.transpose()?.map(Bound::unbind)));
    }
    Ok(found)
}

pub(super) fn apply_delta(
    py: Python<'_>,
    handle: &Handle,
    delta: &Bound<'_, PyAny>,
    sanitize: bool,
) -> PyResult<()> {
    let mut new = New::default();
    let ops = delta.try_iter()?.map(|op| op_of(op?.cast::<PyDict>()?, &mut new));
    let ops = ops.collect::<PyResult<Vec<_>>>()?;
    let Home { shared, target } = handle.home()?;
    let unit = shared.unit;
    if new.values.is_empty() {
        return shared
            .change_detached(py, |engine| engine.apply_delta(*target, ops, unit, sanitize).map(drop));
    }
    // Shared types are inserted with the GIL held, so that no other thread inserts them meanwhile.
    let settled = shared.change(py, |engine| {
        let created = engine.apply_delta(*target, ops, unit, sanitize)?;
        let mut settled = Vec::new();
        for (made, value) in created.into_iter().zip(new.values) {
            fill(engine, made, value, &mut settled)?;
        }
        Ok::<_, EditError>(settled)
    })?;
    for object in settled {
        object.tell(shared);
    }
    Ok(())
}

/// The shared types that a delta inserts.
#[derive(Default)]
struct New {
    values: Vec<Prelim>,
    seen: Vec<usize>,
}

impl New {
    /// What is inserted for an embed: a plain value, or a shared type that is filled afterwards.
    ///
    /// # Errors
    /// `TypeError` for what cannot be shared, `LocalProtocolError` for what is part of a document.
    fn input(&mut self, content: &Bound<'_, PyAny>) -> PyResult<Input> {
        let value = prelim(content, &mut self.seen)?;
        match (value.empty(), value) {
            (Some(input), value) => {
                self.values.push(value);
                Ok(input)
            }
            (None, Prelim::Any(value)) => Ok(Input::Any(value)),
            (None, _) => {
                Err(NativeError::value("a delta cannot insert a subdocument; use insert_embed").into())
            }
        }
    }
}

/// One operation of a delta.
///
/// # Errors
/// `ValueError` for a dict that is none.
fn op_of(op: &Bound<'_, PyDict>, new: &mut New) -> PyResult<TextOp> {
    let attributes = match op.get_item("attributes")? {
        Some(given) if !given.is_none() => attributes_of(Some(given.cast::<PyDict>()?))?,
        _ => Attributes::new(),
    };
    if let Some(content) = op.get_item("insert")? {
        return Ok(match content.cast::<PyString>() {
            Ok(text) => TextOp::Text(text.to_str()?.to_owned(), attributes),
            Err(_) => TextOp::Embed(new.input(&content)?, attributes),
        });
    }
    if let Some(count) = op.get_item("retain")? {
        return Ok(TextOp::Retain(gap_index(count.extract()?)?, attributes));
    }
    match op.get_item("delete")? {
        Some(count) => Ok(TextOp::Delete(gap_index(count.extract()?)?)),
        None => Err(NativeError::value("a delta consists of insert, retain and delete operations").into()),
    }
}

/// A delta as a list of dicts. The document must be unlocked.
pub(super) fn delta_to_py<'py>(
    py: Python<'py>,
    shared: &Arc<Shared>,
    delta: &[Delta],
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for part in delta {
        let dict = PyDict::new(py);
        let attributes = match part {
            Delta::Retain(count, attributes) => {
                dict.set_item("retain", count)?;
                Some(attributes)
            }
            Delta::Delete(count) => {
                dict.set_item("delete", count)?;
                None
            }
            Delta::Text(text, attributes) => {
                dict.set_item("insert", text)?;
                Some(attributes)
            }
            Delta::Embed(value, attributes) => {
                dict.set_item("insert", value_to_py(py, shared, value)?)?;
                Some(attributes)
            }
            Delta::Values(values) => {
                let values = values.iter().map(|value| value_to_py(py, shared, value));
                dict.set_item("insert", values.collect::<PyResult<Vec<_>>>()?)?;
                None
            }
        };
        if let Some(attributes) = attributes.filter(|attributes| !attributes.is_empty()) {
            dict.set_item("attributes", attributes_to_py(py, attributes)?)?;
        }
        list.append(dict)?;
    }
    Ok(list)
}

fn attributes_to_py<'py>(py: Python<'py>, attributes: &Attributes) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in attributes.iter() {
        dict.set_item(key, json_to_py(py, value)?)?;
    }
    Ok(dict)
}
