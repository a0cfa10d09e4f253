//! What can be done to updates without a document.

use std::borrow::Cow;

use officina_crdt::{DecodeError, DeletedContent, Encoding, StateVector};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::errors::run;

/// The encoding that Python calls by its number.
pub(super) fn encoding_of(version: u8) -> PyResult<Encoding> {
    match version {
        1 => Ok(Encoding::V1),
        2 => Ok(Encoding::V2),
        other => Err(PyValueError::new_err(format!("version must be 1 or 2, not {other}"))),
    }
}

/// Merges updates into one with the same effect. Runs that continue each other become one, without
/// building a document; time grows linearly with the input.
///
/// Args:
///     updates: in any order.
///     version: of their encoding and of the result's, 1 or 2.
///     keep_deleted: keep content whose deletion is merged with it, as Yjs does, for documents that show
///         earlier versions. It is left out otherwise, as from documents that collect garbage.
///
/// Raises:
///     DecodeError: one of them is not an update.
///     ValueError: there is no such version.
#[pyfunction]
#[pyo3(signature = (*updates, version=1, keep_deleted=false))]
pub(super) fn merge_updates(
    py: Python<'_>,
    updates: Vec<PyBackedBytes>,
    version: u8,
    keep_deleted: bool,
) -> PyResult<Bound<'_, PyBytes>> {
    let content = if keep_deleted { DeletedContent::Kept } else { DeletedContent::Dropped };
    let merged = merge(py, &updates, encoding_of(version)?, content)?;
    Ok(PyBytes::new(py, &merged))
}

pub(super) fn merge(
    py: Python<'_>,
    updates: &[PyBackedBytes],
    encoding: Encoding,
    content: DeletedContent,
) -> PyResult<Vec<u8>> {
    run(py, || -> Result<_, DecodeError> {
        let updates: Vec<&[u8]> = updates.iter().map(|update| &**update).collect();
        officina_crdt::merge_updates_as(&updates, encoding, content)
    })
}

/// The part of an update that a replica with that state lacks, without building a document.
///
/// Args:
///     update: any update.
///     state: what the other replica has.
///     version: of the update's encoding and of the result's, 1 or 2.
///
/// Raises:
///     DecodeError: `update` is not an update or `state` not a state vector.
///     ValueError: there is no such version.
#[pyfunction]
#[pyo3(signature = (update, state, *, version=1))]
pub(super) fn get_update<'py>(
    py: Python<'py>,
    update: Cow<'py, [u8]>,
    state: Cow<'py, [u8]>,
    version: u8,
) -> PyResult<Bound<'py, PyBytes>> {
    let encoding = encoding_of(version)?;
    let diff = run(py, || officina_crdt::diff_update_as(&update, &StateVector::decode(&state)?, encoding))?;
    Ok(PyBytes::new(py, &diff))
}

/// Up to where an update reaches from the start of each client, as a state vector.
///
/// Args:
///     update: any update.
///     version: of its encoding, 1 or 2. State vectors have one encoding only.
///
/// Raises:
///     DecodeError: it is not an update.
///     ValueError: there is no such version.
#[pyfunction]
#[pyo3(signature = (update, *, version=1))]
pub(super) fn get_state<'py>(
    py: Python<'py>,
    update: Cow<'py, [u8]>,
    version: u8,
) -> PyResult<Bound<'py, PyBytes>> {
    let encoding = encoding_of(version)?;
    let state = run(py, || officina_crdt::state_vector_from_update_as(&update, encoding))?;
    Ok(PyBytes::new(py, &state.encode()))
}

/// The same update in another encoding.
///
/// Args:
///     update: any update.
///     source: the version of its encoding, 1 or 2.
///     target: the version of the result's.
///
/// Raises:
///     DecodeError: it is not an update.
///     ValueError: there is no such version.
#[pyfunction]
#[pyo3(signature = (update, *, source, target))]
pub(super) fn convert_update<'py>(
    py: Python<'py>,
    update: Cow<'py, [u8]>,
    source: u8,
    target: u8,
) -> PyResult<Bound<'py, PyBytes>> {
    let (source, target) = (encoding_of(source)?, encoding_of(target)?);
    let converted = run(py, || officina_crdt::convert_update(&update, source, target))?;
    Ok(PyBytes::new(py, &converted))
}
