//! The XML types, and what they have in common.

mod attributes;
mod children;
mod element;
mod fragment;
mod text;

use officina_crdt::{Doc as Engine, SharedType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub(super) use attributes::XmlAttributesView;
pub(super) use children::{XmlChildrenView, node_of};
pub(super) use element::{XmlElement, element_parts};
pub(super) use fragment::XmlFragment;
pub(super) use text::XmlText;

use super::handle::{Handle, Home};
use super::value::type_to_py;

/// The shared type that `find` names, if it names one.
fn relative(
    py: Python<'_>,
    handle: &Handle,
    find: impl FnOnce(&Engine, SharedType) -> Option<SharedType>,
) -> PyResult<Option<Py<PyAny>>> {
    let Home { shared, target } = handle.home()?;
    let found = shared.read(py, |engine| find(engine, *target));
    found.map(|found| type_to_py(py, shared, found)).transpose()
}

/// The shared types that `find` names, however many.
fn relatives(
    py: Python<'_>,
    handle: &Handle,
    find: impl FnOnce(&Engine, SharedType) -> Vec<SharedType> + Send,
) -> PyResult<Vec<Py<PyAny>>> {
    let Home { shared, target } = handle.home()?;
    let found = shared.read_detached(py, |engine| find(engine, *target));
    found.into_iter().map(|found| type_to_py(py, shared, found)).collect()
}

/// What follows a type under the same parent, in order.
fn following(engine: &Engine, target: SharedType) -> Vec<SharedType> {
    std::iter::successors(engine.next_sibling(target), |&at| engine.next_sibling(at)).collect()
}

/// The type as Yjs writes it.
fn written(py: Python<'_>, handle: &Handle) -> PyResult<String> {
    let Home { shared, target } = handle.home()?;
    let xml = shared.read_detached(py, |engine| engine.xml(*target));
    xml.map_err(|error| PyValueError::new_err(error.to_string()))
}
