//! Columns of edits: positions and counts as arrays, as traces and imports have them.

use officina_crdt::Splice;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::errors::NativeError;

/// Edits as three columns of equal length.
pub(super) struct Columns {
    positions: Vec<u32>,
    deletions: Vec<u32>,
    insertions: Vec<PyBackedStr>,
}

impl Columns {
    /// Reads the columns: arrays of integers (numpy's, or anything with a buffer or the items of a sequence) and
    /// strings.
    ///
    /// # Errors
    /// `ValueError` when the lengths differ, `IndexError` for a number below 0 or above 2**32 - 1, `TypeError`
    /// for anything else.
    pub(super) fn read(
        positions: &Bound<'_, PyAny>,
        deletions: &Bound<'_, PyAny>,
        insertions: Vec<PyBackedStr>,
    ) -> PyResult<Self> {
        let columns = Self { positions: integers(positions)?, deletions: integers(deletions)?, insertions };
        let lengths = [columns.positions.len(), columns.deletions.len(), columns.insertions.len()];
        if lengths.iter().any(|&length| length != lengths[0]) {
            let hint = format!("positions, deletions and insertions must be equally long, not {lengths:?}");
            return Err(NativeError::value(hint).into());
        }
        Ok(columns)
    }

    /// The edits, row by row.
    pub(super) fn splices(&self) -> Vec<Splice<'_>> {
        let numbers = self.positions.iter().zip(&self.deletions);
        let rows = numbers.zip(&self.insertions);
        rows.map(|((&index, &delete), insert)| Splice { index, delete, insert }).collect()
    }
}

fn integers(column: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let read = buffer::<i64>(column)
        .or_else(|| buffer::<i32>(column))
        .or_else(|| buffer::<u64>(column))
        .or_else(|| buffer::<u32>(column));
    match read {
        Some(numbers) => numbers?.into_iter().map(checked).collect(),
        None => column.extract::<Vec<i128>>()?.into_iter().map(checked).collect(),
    }
}

fn buffer<T: Element + Into<i128>>(column: &Bound<'_, PyAny>) -> Option<PyResult<Vec<i128>>> {
    let buffer = PyBuffer::<T>::get(column).ok()?;
    Some(buffer.to_vec(column.py()).map(|numbers| numbers.into_iter().map(Into::into).collect()))
}

fn checked(number: i128) -> PyResult<u32> {
    u32::try_from(number)
        .map_err(|_| NativeError::index(format!("{number} is no position or count in a text")).into())
}
