//! A document as threads share it: the engine behind a lock, transactions that belong to one thread at
//! a time, observers that are called when nothing is locked.
//!
//! Two rules keep this free of deadlocks. No Python code runs while the lock is held: arguments are
//! converted before, results after, and observers are called once the transaction is over. And whoever has
//! to wait, for the lock or for another thread's transaction, releases the GIL first.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use officina_crdt::{Changes, Doc as Engine, EditError, Listening, SharedType, SpliceError, Unit};
use pyo3::prelude::*;

use super::event::{Observation, TransactionEvent};
use crate::errors::NativeError;

/// How often a thread that waits for another's transaction looks whether it was interrupted.
const INTERRUPT_CHECK: Duration = Duration::from_millis(50);

/// Who listens to a document.
#[derive(Default)]
pub(super) struct Observers {
    next: u64,
    document: Vec<(u64, Py<PyAny>)>,
    types: Vec<TypeObserver>,
}

struct TypeObserver {
    id: u64,
    target: SharedType,
    deep: bool,
    callback: Py<PyAny>,
}

/// The explicit transaction that is open.
pub(super) struct OpenTransaction {
    owner: ThreadId,
    depth: u32,
    pub(super) origin: Option<Py<PyAny>>,
}

pub(super) struct State {
    pub(super) engine: Engine,
    observers: Observers,
    pub(super) transaction: Option<OpenTransaction>,
}

/// A document, shared by every Python object that refers to it.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified when an explicit transaction ends.
    ended: Condvar,
    pub(super) unit: Unit,
}

/// What has to be called once nothing is locked.
struct Announcement {
    changes: Changes,
    origin: Option<Py<PyAny>>,
    document: Vec<Py<PyAny>>,
    types: Vec<Observation>,
}

impl Shared {
    pub(super) fn new(client_id: u64, unit: Unit) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                engine: Engine::new(client_id),
                observers: Observers::default(),
                transaction: None,
            }),
            ended: Condvar::new(),
            unit,
        })
    }

    /// Locks the state. While another thread holds it, the GIL is released.
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        loop {
            match self.state.try_lock() {
                Ok(state) => return state,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => py.detach(|| drop(self.lock_detached())),
            }
        }
    }

    fn lock_detached(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the state for a change, when no other thread's transaction is open.
    fn lock_for_change(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        loop {
            let state = self.lock(py);
            if state.is_open_to_this_thread() {
                return Ok(state);
            }
            drop(state);
            py.detach(|| {
                let state = self.lock_detached();
                if !state.is_open_to_this_thread() {
                    drop(self.ended.wait_timeout(state, INTERRUPT_CHECK));
                }
            });
            py.check_signals()?;
        }
    }

    /// Reads the document.
    pub(super) fn read<T>(&self, py: Python<'_>, work: impl FnOnce(&mut Engine) -> T) -> T {
        work(&mut self.lock(py).engine)
    }

    /// Reads the document without the GIL, for what takes longer than handing it over.
    pub(super) fn read_detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Engine) -> T + Send) -> T {
        py.detach(|| work(&self.lock_detached().engine))
    }

    /// Changes the document in the open transaction, or in one of its own.
    pub(super) fn change<T, E: Into<NativeError>>(
        self: &Arc<Self>,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine) -> Result<T, E>,
    ) -> PyResult<T> {
        let mut state = self.lock_for_change(py)?;
        let (result, announcement) = state.change(py, self, work);
        drop(state);
        finish(py, announcement, result)
    }

    /// The same without the GIL, for what takes longer than handing it over.
    pub(super) fn change_detached<T: Send, E: Into<NativeError> + Send>(
        self: &Arc<Self>,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let mut work = Some(work);
        loop {
            drop(self.lock_for_change(py)?);
            // Another thread may open a transaction between the two locks; then wait again.
            let outcome = py.detach(|| {
                let mut state = self.lock_detached();
                if !state.is_open_to_this_thread() {
                    return None;
                }
                let work = work.take()?;
                let listening = state.begin(self.unit);
                let result = work(&mut state.engine);
                let changes = listening.and_then(|_| state.engine.commit());
                Some((result, changes))
            });
            if let Some((result, changes)) = outcome {
                let announcement = changes.map(|changes| self.lock(py).announcement(py, self, changes, None));
                return finish(py, announcement, result);
            }
        }
    }

    /// Opens a transaction of this thread, or one more level of it.
    pub(super) fn enter(&self, py: Python<'_>, origin: Option<&Py<PyAny>>) -> PyResult<()> {
        let mut state = self.lock_for_change(py)?;
        if let Some(open) = &mut state.transaction {
            open.depth += 1;
            return Ok(());
        }
        state.begin(self.unit);
        let origin = origin.map(|origin| origin.clone_ref(py));
        state.transaction = Some(OpenTransaction { owner: thread::current().id(), depth: 1, origin });
        Ok(())
    }

    /// Closes one level of this thread's transaction; the last one commits and calls the observers.
    pub(super) fn exit(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let mut state = self.lock(py);
        let Some(open) = &mut state.transaction else {
            return Err(NativeError::local("the transaction is not open").into());
        };
        if open.owner != thread::current().id() {
            return Err(NativeError::local("a transaction must be left on the thread that entered it").into());
        }
        open.depth -= 1;
        if open.depth > 0 {
            return Ok(());
        }
        let origin = state.transaction.take().and_then(|open| open.origin);
        let changes = state.engine.commit();
        let announcement = changes.map(|changes| state.announcement(py, self, changes, origin));
        drop(state);
        self.ended.notify_all();
        finish(py, announcement, Ok::<_, NativeError>(()))
    }

    /// The origin of this thread's open transaction.
    pub(super) fn origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = self.lock(py);
        state.transaction.as_ref()?.origin.as_ref().map(|origin| origin.clone_ref(py))
    }

    pub(super) fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> u64 {
        let observers = &mut self.lock(py).observers;
        observers.next += 1;
        observers.document.push((observers.next, callback));
        observers.next
    }

    pub(super) fn observe_type(
        &self,
        py: Python<'_>,
        target: SharedType,
        deep: bool,
        callback: Py<PyAny>,
    ) -> u64 {
        let observers = &mut self.lock(py).observers;
        observers.next += 1;
        observers.types.push(TypeObserver { id: observers.next, target, deep, callback });
        observers.next
    }

    /// Removes an observer; later announcements pass it by.
    pub(super) fn unobserve(&self, py: Python<'_>, id: u64) {
        let mut state = self.lock(py);
        let document: Vec<_> = state.observers.document.extract_if(.., |(known, _)| *known == id).collect();
        let types: Vec<_> = state.observers.types.extract_if(.., |observer| observer.id == id).collect();
        // Dropping a callback can run Python code: only after the lock is released.
        drop(state);
        drop((document, types));
    }
}

impl State {
    fn is_open_to_this_thread(&self) -> bool {
        self.transaction.as_ref().is_none_or(|open| open.owner == thread::current().id())
    }

    /// Begins an implicit transaction if somebody listens and none is open.
    fn begin(&mut self, unit: Unit) -> Option<Listening> {
        if self.transaction.is_some() {
            return None;
        }
        let listening = Listening {
            updates: !self.observers.document.is_empty(),
            events: (!self.observers.types.is_empty()).then_some(unit),
            subdocuments: false,
        };
        if listening != Listening::default() {
            self.engine.begin(listening);
        }
        Some(listening)
    }

    fn change<T, E>(
        &mut self,
        py: Python<'_>,
        shared: &Arc<Shared>,
        work: impl FnOnce(&mut Engine) -> Result<T, E>,
    ) -> (Result<T, E>, Option<Announcement>) {
        match self.begin(shared.unit) {
            Some(listening) if listening != Listening::default() => {
                let result = work(&mut self.engine);
                let changes = self.engine.commit();
                (result, changes.map(|changes| self.announcement(py, shared, changes, None)))
            }
            _ => (work(&mut self.engine), None),
        }
    }

    fn announcement(
        &self,
        py: Python<'_>,
        shared: &Arc<Shared>,
        changes: Changes,
        origin: Option<Py<PyAny>>,
    ) -> Announcement {
        let document = self.observers.document.iter().map(|(_, callback)| callback.clone_ref(py)).collect();
        let types = self
            .observers
            .types
            .iter()
            .filter_map(|observer| {
                let events: Vec<_> = changes
                    .events
                    .iter()
                    .enumerate()
                    .filter(|(_, event)| {
                        event.target == observer.target
                            || (observer.deep && event.lineage.contains(&observer.target))
                    })
                    .map(|(index, _)| index)
                    .collect();
                (!events.is_empty()).then(|| Observation {
                    callback: observer.callback.clone_ref(py),
                    shared: Arc::clone(shared),
                    target: observer.target,
                    deep: observer.deep,
                    events,
                })
            })
            .collect();
        Announcement { changes, origin, document, types }
    }
}

/// Calls the observers, then returns the result of the change. The first error of an observer is raised,
/// further ones are reported as unraisable.
fn finish<T, E: Into<NativeError>>(
    py: Python<'_>,
    announcement: Option<Announcement>,
    result: Result<T, E>,
) -> PyResult<T> {
    let value = result.map_err(|error| PyErr::from(error.into()))?;
    let Some(Announcement { changes, origin, document, types }) = announcement else { return Ok(value) };
    let mut first_error = None;
    let mut call = |callback: &Py<PyAny>, event: PyResult<Py<PyAny>>| {
        let outcome = event.and_then(|event| callback.call1(py, (event,)));
        let Err(error) = outcome else { return };
        if first_error.is_none() {
            first_error = Some(error);
        } else {
            error.write_unraisable(py, Some(callback.bind(py)));
        }
    };
    for observation in &types {
        call(&observation.callback, observation.argument(py, &changes.events));
    }
    if !document.is_empty() {
        let event = Py::new(py, TransactionEvent::new(changes, origin)).map(Py::into_any);
        for callback in &document {
            let event = event.as_ref().map(|event| event.clone_ref(py)).map_err(|error| error.clone_ref(py));
            call(callback, event);
        }
    }
    first_error.map_or(Ok(value), Err)
}

impl From<EditError> for NativeError {
    fn from(error: EditError) -> Self {
        let message = error.to_string();
        match error {
            EditError::OutOfRange { .. } => Self::index(message),
            EditError::InsideCharacter { .. } => Self::value(message),
            EditError::TypeMismatch { .. } => Self::kind(message),
            _ => Self::local(message),
        }
    }
}

impl From<SpliceError> for NativeError {
    fn from(error: SpliceError) -> Self {
        let place = format!("edit {}: ", error.at);
        Self::from(error.error).in_place(&place)
    }
}
