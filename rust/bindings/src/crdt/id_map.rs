//! The `IdMap` class and what it consists of.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use officina_crdt::{Any, Attribute, AttributedRange, DeleteSet, IdMap as Map};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::id_set::IdSet;
use super::value::{any, any_to_py};
use crate::errors::run;

/// Something noted about a range of units.
///
/// Args:
///     name: what is noted.
///     value: its value: None, bool, int, float, str, or a list, tuple or dict of such.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct ContentAttribute {
    attribute: Arc<Attribute>,
}

/// Whether a value is, or holds, something that JSON cannot say.
fn holds(value: &Any, is_odd: fn(&Any) -> bool) -> bool {
    is_odd(value)
        || match value {
            Any::Array(items) => items.iter().any(|item| holds(item, is_odd)),
            Any::Object(entries) => entries.iter().any(|(_, value)| holds(value, is_odd)),
            _ => false,
        }
}

#[pymethods]
impl ContentAttribute {
    #[new]
    fn new(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let value = any(value)?;
        if holds(&value, |value| matches!(value, Any::Binary(_))) {
            return Err(PyTypeError::new_err("bytes cannot be the value of an attribute"));
        }
        if holds(&value, |value| matches!(value, Any::Float(number) if !number.is_finite())) {
            return Err(PyValueError::new_err("the value of an attribute must be a finite number"));
        }
        Ok(Self { attribute: Arc::new(Attribute { name: name.into(), value }) })
    }

    /// What is noted.
    #[getter]
    fn name(&self) -> &str {
        &self.attribute.name
    }

    /// Its value.
    #[getter]
    fn value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        any_to_py(py, &self.attribute.value)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().attribute == self.attribute)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.attribute.name.hash(&mut hasher);
        let mut value = officina_crdt::lib0::Writer::new();
        self.attribute.value.encode_into(&mut value);
        value.as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ContentAttribute({:?}, {})", self.name(), self.value(py)?.bind(py).repr()?))
    }
}

/// Units of one client that have the same attributes: the clocks from `start` to before `end`.
#[pyclass(frozen, eq, module = "officina.crdt")]
#[derive(PartialEq)]
pub(crate) struct AttrRange {
    range: AttributedRange,
}

#[pymethods]
impl AttrRange {
    /// The first clock.
    #[getter]
    fn start(&self) -> u32 {
        self.range.clocks.start
    }

    /// The clock after the last.
    #[getter]
    fn end(&self) -> u32 {
        self.range.clocks.end
    }

    /// What is noted about the units; nothing for a gap.
    #[getter]
    fn attributes(&self) -> Vec<ContentAttribute> {
        attributes(&self.range.attributes)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let noted = PyList::new(py, attributes(&self.range.attributes))?;
        Ok(format!("AttrRange({}..{}, {})", self.start(), self.end(), noted.repr()?))
    }
}

fn attributes(noted: &[Arc<Attribute>]) -> Vec<ContentAttribute> {
    noted.iter().map(|attribute| ContentAttribute { attribute: Arc::clone(attribute) }).collect()
}

fn noted(attributes: &[Bound<'_, ContentAttribute>]) -> Vec<Arc<Attribute>> {
    attributes.iter().map(|attribute| Arc::clone(&attribute.get().attribute)).collect()
}

fn clocks(clock: u32, length: u32) -> PyResult<Range<u32>> {
    let end = clock.checked_add(length);
    Ok(clock..end.ok_or_else(|| PyOverflowError::new_err("a clock does not fit 32 bits"))?)
}

/// A set of units, each range with attributes.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct IdMap {
    map: Mutex<Map>,
}

/// What a map can be compared or combined with.
#[derive(FromPyObject)]
enum Other<'py> {
    Map(Bound<'py, IdMap>),
    Set(Bound<'py, IdSet>),
}

impl IdMap {
    fn of(map: Map) -> Self {
        Self { map: Mutex::new(map) }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self) -> Map {
        self.map().clone()
    }
}

impl Other<'_> {
    fn units(&self) -> DeleteSet {
        match self {
            Self::Map(map) => map.get().map().to_set(),
            Self::Set(set) => {
                let mut units = set.get().set.clone();
                units.normalize();
                units
            }
        }
    }
}

#[pymethods]
impl IdMap {
    #[new]
    fn new() -> Self {
        Self::of(Map::new())
    }

    /// Adds attributes to `length` units of a client from `clock` on; without any, nothing is added.
    fn insert(
        &self,
        client: u64,
        clock: u32,
        length: u32,
        attributes: Vec<Bound<'_, ContentAttribute>>,
    ) -> PyResult<()> {
        let clocks = clocks(clock, length)?;
        self.map().insert(client, clocks, &noted(&attributes));
        Ok(())
    }

    /// Takes `length` units of a client from `clock` on out.
    fn remove(&self, client: u64, clock: u32, length: u32) -> PyResult<()> {
        let clocks = clocks(clock, length)?;
        self.map().remove(client, clocks);
        Ok(())
    }

    /// Whether a unit is in it.
    fn contains(&self, client: u64, clock: u32) -> bool {
        self.map().contains(client, clock)
    }

    /// Whether there is no unit in it.
    fn is_empty(&self) -> bool {
        self.map().is_empty()
    }

    /// What is noted about `length` units of a client from `clock` on; gaps are ranges without attributes.
    fn attributions(&self, client: u64, clock: u32, length: u32) -> PyResult<Vec<AttrRange>> {
        let found = self.map().attributes_of(client, clocks(clock, length)?);
        Ok(found.into_iter().map(|range| AttrRange { range }).collect())
    }

    /// Every range with its client.
    fn entries(&self) -> Vec<(u64, AttrRange)> {
        self.map().iter().map(|(client, range)| (client, AttrRange { range: range.clone() })).collect()
    }

    /// Adds what is in another map.
    fn merge_with(&self, other: &Bound<'_, Self>) {
        let other = other.get().copy();
        self.map().merge(&other);
    }

    /// What is in any of several maps.
    #[staticmethod]
    fn merge_many(maps: Vec<Bound<'_, Self>>) -> Self {
        let mut merged = Map::new();
        for map in &maps {
            merged.merge(&map.get().map());
        }
        Self::of(merged)
    }

    /// Keeps what is in another map as well, with the attributes of both.
    fn intersect_with(&self, other: &Bound<'_, Self>) {
        let other = other.get().copy();
        self.map().intersect(&other);
    }

    /// Takes out what is in another map or set.
    fn diff_with(&self, other: Other<'_>) {
        let units = other.units();
        self.map().subtract(&units);
    }

    /// A map of the ranges for which `predicate`, called with the list of their attributes, is true.
    fn filter(&self, predicate: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kept = self.copy().filter(|noted| predicate.call1((attributes(noted),))?.is_truthy())?;
        Ok(Self::of(kept))
    }

    /// The units without their attributes.
    fn as_id_set(&self) -> IdSet {
        IdSet { set: self.map().to_set() }
    }

    /// Every unit of a set with the same attributes.
    #[staticmethod]
    fn from_set(id_set: &Bound<'_, IdSet>, attributes: Vec<Bound<'_, ContentAttribute>>) -> Self {
        let mut set = id_set.get().set.clone();
        set.normalize();
        Self::of(Map::from_set(&set, &noted(&attributes)))
    }

    /// The map as pycrdt encodes it.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let map = self.copy();
        PyBytes::new(py, &py.detach(|| map.encode()))
    }

    /// Decodes what `encode` or pycrdt wrote.
    ///
    /// Raises:
    ///     DecodeError: it is not such a map.
    #[staticmethod]
    fn decode(py: Python<'_>, data: Cow<'_, [u8]>) -> PyResult<Self> {
        Ok(Self::of(run(py, || Map::decode(&data))?))
    }

    fn __bool__(&self) -> bool {
        !self.is_empty()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.entries())?.try_iter()?.into_any())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get().copy();
            *self.map() == other
        })
    }

    fn __or__(&self, other: &Bound<'_, Self>) -> Self {
        let joined = Self::of(self.copy());
        joined.merge_with(other);
        joined
    }

    fn __ior__(&self, other: &Bound<'_, Self>) {
        self.merge_with(other);
    }

    fn __and__(&self, other: &Bound<'_, Self>) -> Self {
        let common = Self::of(self.copy());
        common.intersect_with(other);
        common
    }

    fn __iand__(&self, other: &Bound<'_, Self>) {
        self.intersect_with(other);
    }

    fn __sub__(&self, other: Other<'_>) -> Self {
        let rest = Self::of(self.copy());
        rest.diff_with(other);
        rest
    }

    fn __isub__(&self, other: Other<'_>) {
        self.diff_with(other);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("IdMap({})", PyList::new(py, self.entries())?.repr()?))
    }
}
