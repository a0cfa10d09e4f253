//! What the classes of shared types have in common: before they are given to a document they hold what they
//! are to start with, afterwards they refer to a shared type in it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use officina_crdt::{Doc as Engine, EditError, SharedType, Value};
use pyo3::prelude::*;
use pyo3::types::PySlice;
use pyo3::{PyClass, PyClassInitializer};

use super::doc::{Doc, Subscription};
use super::observer::Callback;
use super::shared::Shared;
use crate::errors::NativeError;

/// Where a shared type lives.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) shared: Arc<Shared>,
    pub(super) target: SharedType,
}

/// A change to fewer units than this takes less time than handing the GIL over.
const DETACH_FROM: usize = 1024;

impl Home {
    /// Changes the shared type: a change to many units without the GIL.
    pub(super) fn change<T: Send>(
        &self,
        py: Python<'_>,
        units: usize,
        work: impl FnOnce(&mut Engine, SharedType) -> Result<T, EditError> + Send,
    ) -> PyResult<T> {
        if units < DETACH_FROM {
            self.shared.change(py, |engine| work(engine, self.target))
        } else {
            self.shared.change_detached(py, |engine| work(engine, self.target))
        }
    }
}

/// The inside of a Python object for a shared type.
pub(super) struct Handle {
    home: OnceLock<Home>,
    /// What it starts with, until it has a home.
    initial: Mutex<Option<Py<PyAny>>>,
}

impl Handle {
    pub(super) fn new(initial: Option<Py<PyAny>>) -> Self {
        Self { home: OnceLock::new(), initial: Mutex::new(initial) }
    }

    pub(super) fn at(home: Home) -> Self {
        Self { home: OnceLock::from(home), initial: Mutex::new(None) }
    }

    #[inline]
    pub(super) fn home(&self) -> PyResult<&Home> {
        self.home.get().ok_or_else(|| {
            let hint = "it is not part of a document yet; assign it to one first: doc[\"name\"] = ...";
            NativeError::local(hint).into()
        })
    }

    pub(super) fn is_integrated(&self) -> bool {
        self.home.get().is_some()
    }

    /// What the object was made with; [`None`] also once it is part of a document.
    pub(super) fn initial(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner);
        initial.as_ref().map(|value| value.clone_ref(py))
    }

    /// Takes what the object is to start with.
    ///
    /// # Errors
    /// `LocalProtocolError` when it is part of a document.
    pub(super) fn begin_with(&self, initial: Option<Py<PyAny>>) -> PyResult<()> {
        if self.is_integrated() {
            return Err(NativeError::local("it is part of a document and cannot start anew").into());
        }
        let old =
            std::mem::replace(&mut *self.initial.lock().unwrap_or_else(PoisonError::into_inner), initial);
        drop(old);
        Ok(())
    }

    /// Moves the object into a document.
    pub(super) fn settle(&self, home: Home) {
        if self.home.set(home).is_ok() {
            let initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(initial);
        }
    }

    pub(super) fn document(&self, py: Python<'_>) -> PyResult<Py<Doc>> {
        self.home()?.shared.object(py)
    }

    #[inline]
    pub(super) fn read<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine, SharedType) -> T,
    ) -> PyResult<T> {
        let Home { shared, target } = self.home()?;
        Ok(shared.read(py, |engine| work(engine, *target)))
    }

    #[inline]
    pub(super) fn change<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine, SharedType) -> Result<T, EditError>,
    ) -> PyResult<T> {
        let Home { shared, target } = self.home()?;
        shared.change(py, |engine| work(engine, *target))
    }

    fn observe(&self, deep: bool, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let Home { shared, target } = self.home()?;
        let id = shared.observe_type(callback.py(), Some(*target), deep, Callback::of_type(callback)?);
        Ok(Subscription::new(Arc::clone(shared), id))
    }

    /// Whether an element or entry of this shared type is what `object` refers to already: then assigning it
    /// changes nothing, as after `array[0] += "more"`.
    pub(super) fn holds(&self, value: Option<&Value>, object: &Bound<'_, PyAny>) -> bool {
        let (Some(Value::Type(found)), Ok(object)) = (value, object.cast::<BaseType>()) else { return false };
        match (self.home.get(), object.get().handle.home.get()) {
            (Some(ours), Some(home)) => Arc::ptr_eq(&ours.shared, &home.shared) && *found == home.target,
            _ => false,
        }
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.home.get() {
            Some(home) => (Arc::as_ptr(&home.shared) as usize, home.target).hash(&mut hasher),
            None => (std::ptr::from_ref(self) as usize).hash(&mut hasher),
        }
        hasher.finish()
    }

    fn same(&self, other: &Self) -> bool {
        match (self.home.get(), other.home.get()) {
            (Some(a), Some(b)) => Arc::ptr_eq(&a.shared, &b.shared) && a.target == b.target,
            _ => std::ptr::eq(self, other),
        }
    }
}

/// A shared type: what `Text`, `Array`, `Map` and the XML types have in common.
#[pyclass(frozen, subclass, weakref, module = "officina.crdt")]
pub(crate) struct BaseType {
    pub(super) handle: Handle,
}

impl BaseType {
    /// What a subclass is made of: the part that all have, and its own, which is empty.
    pub(super) fn of<T>(handle: Handle, class: T) -> PyClassInitializer<T>
    where
        T: PyClass<BaseType = Self>,
    {
        PyClassInitializer::from(Self { handle }).add_subclass(class)
    }
}

/// Reaches the handle of a subclass of [`BaseType`].
pub(super) trait Handled {
    fn handle(&self) -> &Handle;
}

impl<T: PyClass<BaseType = BaseType>> Handled for Bound<'_, T> {
    #[inline]
    fn handle(&self) -> &Handle {
        &self.as_super().get().handle
    }
}

#[pymethods]
impl BaseType {
    /// The document that it is part of.
    ///
    /// Raises:
    ///     LocalProtocolError: it is not part of one yet.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Py<Doc>> {
        self.handle.document(py)
    }

    /// Whether it is part of a document.
    #[getter]
    fn is_integrated(&self) -> bool {
        self.handle.is_integrated()
    }

    /// Whether it holds what it is to start with, not yet being part of a document.
    #[getter]
    fn is_prelim(&self, py: Python<'_>) -> bool {
        self.handle.initial(py).is_some()
    }

    /// What it is to start with; `None` once it is part of a document.
    #[getter]
    fn prelim(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.handle.initial(py)
    }

    /// Itself, once it is part of a document.
    ///
    /// Raises:
    ///     LocalProtocolError: it is not part of one yet.
    #[getter]
    fn integrated<'a, 'py>(slf: &'a Bound<'py, Self>) -> PyResult<&'a Bound<'py, Self>> {
        slf.get().handle.home().map(|_| slf)
    }

    /// The name of its class in lower case: "text", "array", "map", "xmlelement" and so on.
    #[getter]
    fn type_name(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(slf.get_type().name()?.to_str()?.to_lowercase())
    }

    /// Calls `callback` after every transaction that changed it: with the event, and with the read-only
    /// transaction as well if it takes two arguments.
    ///
    /// Raises:
    ///     LocalProtocolError: it is not part of a document yet.
    fn observe(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        self.handle.observe(false, callback)
    }

    /// Calls `callback` after every transaction that changed it or something in it: with the list of events,
    /// outer types first, and with the read-only transaction as well if it takes two arguments.
    ///
    /// Raises:
    ///     LocalProtocolError: it is not part of a document yet.
    fn observe_deep(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        self.handle.observe(true, callback)
    }

    /// Ends a subscription made by `observe` or `observe_deep`.
    #[expect(clippy::unused_self, reason = "the name that users of pycrdt know")]
    fn unobserve(&self, py: Python<'_>, subscription: &Subscription) {
        subscription.drop(py);
    }

    /// The events of it, to be iterated over: `async with text.events() as events: async for event in events`.
    ///
    /// Args:
    ///     deep: whether to iterate over lists of the events of it and of what is in it.
    ///     max_buffer_size: how many events may wait to be iterated over.
    #[pyo3(signature = (deep=false, max_buffer_size=f64::INFINITY))]
    fn events<'py>(slf: &Bound<'py, Self>, deep: bool, max_buffer_size: f64) -> PyResult<Bound<'py, PyAny>> {
        let observe = slf.getattr(if deep { "observe_deep" } else { "observe" })?;
        let streams = slf.py().import("officina.crdt.streams")?;
        streams.call_method1("events", (observe, max_buffer_size, false))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.handle.same(&other.get().handle))
    }

    fn __hash__(&self) -> u64 {
        self.handle.hash()
    }
}

/// A Python index as one into a sequence of `len`: negative ones count from the end.
///
/// # Errors
/// `IndexError` when there is no such element.
pub(super) fn element_index(index: i64, len: u32) -> PyResult<u32> {
    let from_start = if index < 0 { index + i64::from(len) } else { index };
    match u32::try_from(from_start) {
        Ok(found) if found < len => Ok(found),
        _ => Err(NativeError::index(format!("index {index} is out of range for a length of {len}")).into()),
    }
}

/// A Python index as a gap between elements, where something can be inserted.
///
/// # Errors
/// `IndexError` when it is negative or larger than any length.
pub(super) fn gap_index(index: i64) -> PyResult<u32> {
    u32::try_from(index).map_err(|_| {
        NativeError::index(format!("index {index} is out of range: it must be 0 or more")).into()
    })
}

/// The gaps at which a stretch of a sequence begins and ends.
///
/// # Errors
/// `IndexError` when one is negative or they are in the wrong order.
pub(super) fn gap_range(start: i64, stop: i64) -> PyResult<(u32, u32)> {
    if stop < start {
        return Err(NativeError::index(format!("stop {stop} lies before start {start}")).into());
    }
    Ok((gap_index(start)?, gap_index(stop)?))
}

/// Start and end of a slice, clamped to the length as Python does.
///
/// # Errors
/// `LocalProtocolError` when the slice leaves elements out.
pub(super) fn slice_range(slice: &Bound<'_, PySlice>, len: u32) -> PyResult<(u32, u32)> {
    let len = isize::try_from(len).unwrap_or(isize::MAX);
    let found = slice.indices(len)?;
    if found.step != 1 {
        return Err(NativeError::local("only slices of step 1 can be used here").into());
    }
    let bound = |at: isize| u32::try_from(at).unwrap_or_default();
    Ok((bound(found.start), bound(found.stop.max(found.start))))
}
