//! Deltas and formatting attributes, to and from Python; what `Text` and `XmlText` do with them.

use std::sync::Arc;

use officina_crdt::{Attributes, Delta};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::shared::Shared;
use super::value::{json_to_py, value_to_py};

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
