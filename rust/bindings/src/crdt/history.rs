//! Looking into the past of a sequence, for Python.

use officina_crdt::Difference;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::handle::{Handle, Home, gap_index, gap_range};
use super::snapshot::Snapshot;
use super::value::{json_to_py, value_to_py};

/// How a text of one version becomes that of another, or what it is now, as a Quill delta.
pub(super) fn delta_between<'py>(
    py: Python<'py>,
    handle: &Handle,
    old: &Bound<'py, Snapshot>,
    new: Option<&Bound<'py, Snapshot>>,
) -> PyResult<Bound<'py, PyList>> {
    let Home { shared, target } = handle.home()?;
    let (old, new) = (&old.get().version, new.map(|new| &new.get().version));
    let parts = shared.read_mut_detached(py, |engine| engine.difference(*target, old, new, shared.unit))?;
    let delta = PyList::empty(py);
    for (part, formatting) in &parts {
        let entry = PyDict::new(py);
        match part {
            Difference::Retain(count) => entry.set_item("retain", count)?,
            Difference::Delete(count) => entry.set_item("delete", count)?,
            Difference::Text(text) => entry.set_item("insert", text)?,
            Difference::Value(value) => entry.set_item("insert", value_to_py(py, shared, value)?)?,
        }
        if !formatting.is_empty() {
            let attributes = PyDict::new(py);
            for (name, value) in formatting {
                attributes.set_item(&**name, json_to_py(py, value)?)?;
            }
            entry.set_item("attributes", attributes)?;
        }
        delta.append(entry)?;
    }
    Ok(delta)
}

/// Who wrote what from `start` to `stop`: client, first index and the index after the last.
pub(super) fn attribution(
    py: Python<'_>,
    handle: &Handle,
    start: i64,
    stop: Option<i64>,
) -> PyResult<Vec<(u64, u32, u32)>> {
    let Home { shared, target } = handle.home()?;
    let (start, stop) = match stop {
        Some(stop) => gap_range(start, stop).map(|(start, stop)| (start, Some(stop)))?,
        None => (gap_index(start)?, None),
    };
    let stretches = shared.read_mut_detached(py, |engine| {
        let stop = stop.unwrap_or_else(|| engine.len(*target, shared.unit));
        engine.attribution(*target, start, stop, shared.unit)
    })?;
    Ok(stretches.iter().map(|found| (found.client, found.start, found.end)).collect())
}
