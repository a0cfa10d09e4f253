//! A document as threads share it: the engine behind a lock, transactions that belong to one thread at
//! a time, observers that are called when nothing is locked.
//!
//! Two rules keep this free of deadlocks. No Python code runs while the lock is held: arguments are
//! converted before, results after, if they are more than bytes, and observers are called once the transaction
//! is over. And whoever has to wait, for the lock or for another thread's transaction, releases the GIL first.
//!
//! An observer may edit the document. What it changed is announced when all observers have heard of the
//! change that it was called for, so that everybody hears of changes in the order in which they were made.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use officina_crdt::{
    Changes, DecodeError, Doc as Engine, EditError, Frozen, FrozenError, Listening, SharedType, SpliceError,
    Subdocument, Unit,
};
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyWeakrefReference};

use super::doc::Doc;
use super::event::Announced;
use super::gil_lock::{GilLock, Locked, Signal};
use super::observer::{Announcement, Callback, Hearers, Observers, Subject, Told, raise};
use super::subdoc::{Nesting, retire_removed};
use super::transaction::Transaction;
use super::undo::{Captured, Origin, Trackers};
use crate::errors::NativeError;

/// How often a thread that waits for another's transaction looks whether it was interrupted.
const INTERRUPT_CHECK: Duration = Duration::from_millis(50);
/// How often in a row observers may answer a change with another one.
const MAX_ANSWERS: usize = 100;

/// Tells threads apart, also those that are over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ThreadId(u64);

impl ThreadId {
    /// The thread that asks. The standard library's own ids take several times as long to come by.
    #[inline]
    fn here() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static HERE: ThreadId = ThreadId(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        HERE.with(|here| *here)
    }
}

/// The thread that tells observers of an update, if it has nothing else to tell and nobody has answered yet: the
/// most frequent announcement by far, which is over without the document being locked again.
struct Teller(AtomicU64);

impl Teller {
    const NOBODY: u64 = u64::MAX;

    const fn new() -> Self {
        Self(AtomicU64::new(Self::NOBODY))
    }

    /// Makes `thread` the teller if there is none. Only whoever has locked the document may ask for it.
    #[inline]
    fn begin(&self, thread: ThreadId) -> bool {
        let is_free = self.0.load(Ordering::Relaxed) == Self::NOBODY;
        if is_free {
            self.0.store(thread.0, Ordering::Relaxed);
        }
        is_free
    }

    /// Makes it nobody if it is `thread`, which asks; returns whether it was.
    #[inline]
    fn end(&self, thread: ThreadId) -> bool {
        let is_it = self.0.load(Ordering::Relaxed) == thread.0;
        if is_it {
            self.0.store(Self::NOBODY, Ordering::Relaxed);
        }
        is_it
    }
}

/// What is left to do once a closed transaction's document is unlocked.
pub(super) enum Done {
    Nothing,
    /// This thread, the teller now, is to tell observers of the update.
    TellUpdate(Told, ThreadId),
    /// Observers are to hear of it.
    Tell(Announcement),
    /// Undo managers have captured it, and observers may have to hear of it.
    Settle(Vec<Captured>, Option<Announcement>),
}

impl Done {
    #[inline]
    fn telling(announcement: Option<Announcement>) -> Self {
        announcement.map_or(Self::Nothing, Self::Tell)
    }
}

/// The explicit transaction that is open.
pub(super) struct OpenTransaction {
    owner: ThreadId,
    pub(super) depth: u32,
    /// What `Doc.transaction()` returns until it is over.
    pub(super) object: Py<Transaction>,
    pub(super) origin: Option<Py<PyAny>>,
    /// Of a transaction opened by `async with`.
    pub(super) tasks: Option<Tasks>,
    /// Called when it is over.
    over: Vec<Py<PyAny>>,
}

/// What belongs to a transaction opened by `async with`.
pub(super) struct Tasks {
    /// Runs the async callbacks.
    pub(super) group: Py<PyAny>,
    /// The id of the task that opened it.
    pub(super) task: u64,
}

impl Tasks {
    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self { group: self.group.clone_ref(py), task: self.task }
    }
}

/// A thread that is calling observers, and what its observers have changed meanwhile.
struct Announcing {
    thread: ThreadId,
    /// What the observers that are running hear of.
    current: Option<Arc<Announced>>,
    /// How many changes in a row were answers to the one before.
    answers: usize,
    queue: VecDeque<(usize, Announcement)>,
}

impl Announcing {
    fn of(thread: ThreadId, current: Option<Arc<Announced>>) -> Self {
        Self { thread, current, answers: 0, queue: VecDeque::new() }
    }
}

pub(super) struct State {
    pub(super) engine: Engine,
    /// What the engine, a shell so far, is filled with once that is needed.
    frozen: Option<Frozen>,
    /// Why a frozen document could not be thawed.
    damage: Option<DecodeError>,
    observers: Observers,
    pub(super) transaction: Option<OpenTransaction>,
    pub(super) undo: Trackers,
    announcing: Vec<Announcing>,
    /// Threads inside `with` a read-only transaction, once per level.
    reading: Vec<ThreadId>,
    /// Whether some of its subdocuments have been opened.
    has_subdocuments: bool,
}

/// A document, shared by every Python object that refers to it.
pub(super) struct Shared {
    state: GilLock<State>,
    /// Given when an explicit transaction ends.
    ended: Signal,
    teller: Teller,
    pub(super) unit: Unit,
    /// Whether an undo manager was ever attached.
    pub(super) tracked: AtomicBool,
    /// The `Doc` for it, as long as that lives.
    object: Mutex<Option<Py<PyWeakrefReference>>>,
    /// Identifies the document among others.
    pub(super) guid: OnceLock<String>,
    /// What updates from others are checked by before they are applied.
    pub(super) validator: OnceLock<Py<PyAny>>,
    /// What it is as a subdocument.
    pub(super) nesting: Nesting,
}

impl Shared {
    pub(super) fn new(client_id: u64, unit: Unit) -> Arc<Self> {
        Arc::new(Self {
            state: GilLock::new(State {
                engine: Engine::new(client_id),
                frozen: None,
                damage: None,
                observers: Observers::new(unit),
                transaction: None,
                undo: Trackers::default(),
                announcing: Vec::new(),
                reading: Vec::new(),
                has_subdocuments: false,
            }),
            ended: Signal::new(),
            teller: Teller::new(),
            unit,
            tracked: AtomicBool::new(false),
            object: Mutex::new(None),
            guid: OnceLock::new(),
            validator: OnceLock::new(),
            nesting: Nesting::default(),
        })
    }

    /// The Python object for the document: always the same, as long as somebody holds it.
    pub(super) fn object(self: &Arc<Self>, py: Python<'_>) -> PyResult<Py<Doc>> {
        if let Some(object) = self.living_object(py) {
            return Ok(object);
        }
        let made = Bound::new(py, Doc::from_shared(Arc::clone(self)))?;
        self.remember(&made)
    }

    fn living_object(&self, py: Python<'_>) -> Option<Py<Doc>> {
        let object = self.object.lock().unwrap_or_else(PoisonError::into_inner);
        let object = object.as_ref()?.bind(py).upgrade()?;
        object.cast_into::<Doc>().ok().map(Bound::unbind)
    }

    /// Makes `object` the Python object for the document, unless there is one; returns the one there is.
    pub(super) fn remember(&self, object: &Bound<'_, Doc>) -> PyResult<Py<Doc>> {
        let reference = PyWeakrefReference::new(object)?.unbind();
        if let Some(known) = self.living_object(object.py()) {
            return Ok(known);
        }
        let mut slot = self.object.lock().unwrap_or_else(PoisonError::into_inner);
        let old = slot.replace(reference);
        drop(slot);
        drop(old);
        Ok(object.clone().unbind())
    }

    /// Identifies the document among others: what it was given, else something random.
    pub(super) fn guid(&self, py: Python<'_>) -> PyResult<&str> {
        if let Some(guid) = self.guid.get() {
            return Ok(guid);
        }
        let random: String = py.import("uuid")?.call_method0("uuid4")?.str()?.extract()?;
        Ok(self.guid.get_or_init(|| random))
    }

    /// Locks the state, thawed. While another thread holds it, the GIL is released.
    #[inline]
    pub(super) fn lock<'py>(&self, py: Python<'py>) -> Locked<'_, 'py, State> {
        loop {
            let state = self.state.lock(py);
            if state.frozen.is_none() {
                return state;
            }
            state.detached(State::thaw);
        }
    }

    /// Makes an empty document the frozen one.
    pub(super) fn freeze(&self, py: Python<'_>, frozen: Frozen) -> PyResult<()> {
        let mut state = self.lock(py);
        frozen.shell(&mut state.engine).map_err(NativeError::from)?;
        state.frozen = Some(frozen);
        Ok(())
    }

    /// Reads the whole document without the GIL.
    ///
    /// # Errors
    /// `DecodeError` when what it was frozen as was forged.
    pub(super) fn read_whole<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Engine) -> T + Send,
    ) -> PyResult<T> {
        let read = self.lock(py).detached(|state| state.check_sound().map(|()| work(&state.engine)));
        Ok(read?)
    }

    /// Looks at the document without thawing it: at a shell if the second argument is there.
    pub(super) fn glance<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine, Option<&Frozen>) -> T,
    ) -> T {
        let State { engine, frozen, .. } = &mut *self.state.lock(py);
        work(engine, frozen.as_ref())
    }

    /// Locks the state when no other thread's transaction is open.
    ///
    /// # Errors
    /// `TimeoutError` when that takes longer than until `deadline`; the signal handler's error when interrupted.
    fn lock_in_turn<'py>(
        &self,
        py: Python<'py>,
        deadline: Option<Instant>,
    ) -> PyResult<Locked<'_, 'py, State>> {
        loop {
            let state = self.lock(py);
            if state.is_open_to_this_thread() {
                return Ok(state);
            }
            drop(state);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(PyTimeoutError::new_err("another thread's transaction did not end in time"));
            }
            self.ended.expect().wait(py, left.unwrap_or(INTERRUPT_CHECK).min(INTERRUPT_CHECK), || false);
            py.check_signals()?;
        }
    }

    /// Locks the state for a change, when no other thread's transaction is open.
    #[inline]
    pub(super) fn lock_for_change<'py>(&self, py: Python<'py>) -> PyResult<Locked<'_, 'py, State>> {
        if let Some(state) = self.state.try_lock(py)
            && state.is_unhindered()
        {
            return Ok(state);
        }
        self.lock_in_turn_for_change(py)
    }

    fn lock_in_turn_for_change<'py>(&self, py: Python<'py>) -> PyResult<Locked<'_, 'py, State>> {
        writable(self.lock_in_turn(py, None)?)
    }

    /// Waits until no other thread's transaction is open.
    pub(super) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.lock_in_turn(py, None).map(drop)
    }

    /// Reads the document.
    pub(super) fn read<T>(&self, py: Python<'_>, work: impl FnOnce(&mut Engine) -> T) -> T {
        work(&mut self.lock(py).engine)
    }

    /// Reads the document without the GIL, for what takes longer than handing it over.
    pub(super) fn read_detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Engine) -> T + Send) -> T {
        self.lock(py).detached(|state| work(&state.engine))
    }

    /// The same for what rearranges the document's inside without changing what it holds.
    pub(super) fn read_mut_detached<T: Send, E: Into<NativeError> + Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let outcome = self.lock(py).detached(|state| work(&mut state.engine));
        outcome.map_err(|error| PyErr::from(error.into()))
    }

    /// Changes the document in the open transaction, or in one of its own.
    pub(super) fn change<T, E: Into<NativeError>>(
        self: &Arc<Self>,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine) -> Result<T, E>,
    ) -> PyResult<T> {
        let mut state = self.lock_for_change(py)?;
        let begun = state.begin();
        let result = work(&mut state.engine);
        if !begun {
            drop(state);
            return result.map_err(|error| PyErr::from(error.into()));
        }
        let done = state.close_attached(py, self, Origin::Implicit, None, None);
        drop(state);
        self.finish(py, done, result)
    }

    /// The same without the GIL, for what takes longer than handing it over.
    pub(super) fn change_detached<T: Send, E: Into<NativeError> + Send>(
        self: &Arc<Self>,
        py: Python<'_>,
        work: impl FnOnce(&mut Engine) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let (done, result) = self.lock_for_change(py)?.detached(|state| {
            let begun = state.begin();
            let result = work(&mut state.engine);
            let done = if begun { state.close(self, Origin::Implicit, None, None) } else { Done::Nothing };
            (done, result)
        });
        self.finish(py, done, result)
    }

    /// The transaction that is open on this thread, if any: what `look` makes of it.
    pub(super) fn open_here<T>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&mut OpenTransaction) -> T,
    ) -> Option<T> {
        let mut state = self.lock(py);
        let open = state.transaction.as_mut()?;
        (open.owner == ThreadId::here()).then(|| look(open))
    }

    /// Opens a transaction of this thread, or one more level of it.
    ///
    /// # Errors
    /// `TimeoutError` as [`Shared::lock_in_turn`].
    pub(super) fn enter(
        &self,
        object: &Bound<'_, Transaction>,
        origin: Option<Py<PyAny>>,
        deadline: Option<Instant>,
    ) -> PyResult<()> {
        let mut state = writable(self.lock_in_turn(object.py(), deadline)?)?;
        if let Some(open) = &mut state.transaction {
            open.depth += 1;
        } else {
            state.open(object, origin, None);
        }
        Ok(())
    }

    /// Opens a transaction if none is open, on any thread; returns whether it did.
    pub(super) fn try_open(
        &self,
        object: &Bound<'_, Transaction>,
        origin: Option<Py<PyAny>>,
        tasks: Option<Tasks>,
    ) -> PyResult<bool> {
        let mut state = writable(self.lock(object.py()))?;
        if state.transaction.is_some() {
            return Ok(false);
        }
        state.open(object, origin, tasks);
        Ok(true)
    }

    /// Closes one level of this thread's transaction; the last one commits and calls the observers.
    pub(super) fn exit(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let tracked = self.tracked_origin(py)?;
        let mut state = self.lock(py);
        let is_ours = |open: &mut OpenTransaction| open.owner == ThreadId::here();
        let Some(mut open) = state.transaction.take_if(is_ours) else {
            let is_open = state.transaction.is_some();
            drop(state);
            let hint = if is_open {
                "a transaction must be left on the thread that entered it"
            } else {
                "the transaction is not open"
            };
            return Err(NativeError::local(hint).into());
        };
        open.depth -= 1;
        if open.depth > 0 {
            state.transaction = Some(open);
            return Ok(());
        }
        let OpenTransaction { object, origin, tasks, over, .. } = open;
        let group = tasks.map(|tasks| tasks.group);
        let done = state.close_attached(py, self, tracked, origin, group);
        drop(state);
        drop(object);
        self.ended.give(py);
        let finished = self.finish(py, done, Ok::<_, NativeError>(()));
        for callback in over {
            callback.call0(py)?;
        }
        finished
    }

    /// Has `callback` called when the transaction that is open on this thread is over; returns whether one is.
    pub(super) fn when_over(&self, py: Python<'_>, callback: Py<PyAny>) -> bool {
        self.open_here(py, |open| open.over.push(callback)).is_some()
    }

    /// Enters a read-only transaction: this thread may change nothing until it has left it.
    pub(super) fn enter_reading(&self, py: Python<'_>) {
        self.lock(py).reading.push(ThreadId::here());
    }

    /// Leaves a read-only transaction.
    pub(super) fn exit_reading(&self, py: Python<'_>) {
        let reading = &mut self.lock(py).reading;
        let here = ThreadId::here();
        if let Some(last) = reading.iter().rposition(|&thread| thread == here) {
            reading.remove(last);
        }
    }

    pub(super) fn observe(&self, py: Python<'_>, subject: Subject, callback: Arc<Callback>) -> u64 {
        let room = Hearers::room(py);
        self.lock(py).observers.add(py, room, subject, callback)
    }

    pub(super) fn observe_type(
        &self,
        py: Python<'_>,
        target: Option<SharedType>,
        deep: bool,
        callback: Arc<Callback>,
    ) -> u64 {
        let room = Hearers::room(py);
        self.lock(py).observers.add_type(py, room, target, deep, callback)
    }

    /// Notes that subdocuments are opened from now on.
    pub(super) fn expect_subdocuments(&self, py: Python<'_>) {
        self.lock(py).has_subdocuments = true;
    }

    /// The subdocuments; quickly if none was ever opened.
    pub(super) fn subdocuments(&self, py: Python<'_>) -> Vec<Subdocument> {
        let state = self.lock(py);
        if state.has_subdocuments { state.engine.subdocuments() } else { Vec::new() }
    }

    /// Removes every observer.
    pub(super) fn unobserve_all(&self, py: Python<'_>) {
        let removed = self.lock(py).observers.remove_all(py);
        drop(removed);
    }

    /// Removes an observer; later announcements pass it by.
    pub(super) fn unobserve(&self, py: Python<'_>, id: u64) {
        let room = Hearers::room(py);
        let removed = self.lock(py).observers.remove(py, room, id);
        drop(removed);
    }

    /// Calls the observers, of what they change meanwhile too, then returns the result of the change.
    ///
    /// # Errors
    /// That of the change; else those of the observers, as one `ExceptionGroup`.
    #[inline]
    pub(super) fn finish<T, E: Into<NativeError>>(
        &self,
        py: Python<'_>,
        done: Done,
        result: Result<T, E>,
    ) -> PyResult<T> {
        match done {
            Done::Nothing => {}
            Done::TellUpdate(told, teller) => self.tell(py, told, teller)?,
            Done::Tell(announcement) => self.announce(py, announcement, Vec::new())?,
            Done::Settle(captured, announcement) => {
                let settled = self.settle(py, captured);
                if let Some(announcement) = announcement {
                    self.announce(py, announcement, Vec::new())?;
                }
                settled?;
            }
        }
        result.map_err(|error| PyErr::from(error.into()))
    }

    /// Tells observers of an update, and of what they have changed meanwhile.
    #[inline]
    fn tell(&self, py: Python<'_>, told: Told, teller: ThreadId) -> PyResult<()> {
        let (update, hearers) = (told.update.into_bound(py), told.hearers.into_bound(py));
        let mut errors = Vec::new();
        hearers.get().hear(&update, &mut errors);
        let next = if self.teller.end(teller) { None } else { self.lock(py).next_announcement() };
        match next {
            None if errors.is_empty() => Ok(()),
            None => raise(py, errors),
            Some(next) => self.announce(py, next, errors),
        }
    }

    /// Calls the observers, of what they change meanwhile too; raises their errors, and those there are already.
    fn announce(
        &self,
        py: Python<'_>,
        mut announcement: Announcement,
        mut errors: Vec<PyErr>,
    ) -> PyResult<()> {
        loop {
            announcement.call(py, &mut errors);
            if let Some(announced) = announcement.announced() {
                retire_removed(py, &announced.changes.subdocuments);
            }
            let next = self.lock(py).next_announcement();
            // What is dropped here may run Python code: only after the lock is released.
            match next {
                Some(next) => announcement = next,
                None if errors.is_empty() => return Ok(()),
                None => return raise(py, errors),
            }
        }
    }
}

/// Goes on with a document that may be changed. Errors are made unlocked: their classes may have to be imported.
fn writable<'a, 'py>(state: Locked<'a, 'py, State>) -> PyResult<Locked<'a, 'py, State>> {
    let refused = state.check_writable().err();
    match refused {
        None => Ok(state),
        Some(error) => {
            drop(state);
            Err(error.into())
        }
    }
}

impl State {
    /// Fills the engine with the document as which it was frozen.
    fn thaw(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.damage = frozen.thaw(&mut self.engine).err();
        }
    }

    /// Whether nothing stands in the way of a change by this thread.
    #[inline]
    fn is_unhindered(&self) -> bool {
        self.frozen.is_none()
            && self.damage.is_none()
            && self.reading.is_empty()
            && self.announcing.is_empty()
            && self.is_open_to_this_thread()
    }

    #[inline]
    fn is_open_to_this_thread(&self) -> bool {
        self.transaction.as_ref().is_none_or(|open| open.owner == ThreadId::here())
    }

    /// Refuses to go on with a document whose frozen content was forged.
    fn check_sound(&self) -> Result<(), NativeError> {
        match &self.damage {
            Some(error) => Err(NativeError::decode(format!("the document could not be thawed: {error}"))),
            None => Ok(()),
        }
    }

    /// Refuses changes inside a read-only transaction, and by observers that never come to rest.
    fn check_writable(&self) -> Result<(), NativeError> {
        self.check_sound()?;
        if self.reading.is_empty() && self.announcing.is_empty() {
            return Ok(());
        }
        let here = ThreadId::here();
        if self.reading.contains(&here) {
            let hint = "Read-only transaction cannot be used to modify document structure";
            return Err(NativeError::local(hint));
        }
        let answers = self.announcing.iter().find(|announcing| announcing.thread == here);
        if answers.is_some_and(|announcing| announcing.answers >= MAX_ANSWERS) {
            let hint = format!("observers answered {MAX_ANSWERS} changes in a row with another one");
            return Err(NativeError::local(hint));
        }
        Ok(())
    }

    fn open(&mut self, object: &Bound<'_, Transaction>, origin: Option<Py<PyAny>>, tasks: Option<Tasks>) {
        let listening = self.listening();
        self.keep_announced();
        self.let_go_of_managers();
        self.engine.begin(Listening { subdocuments: true, ..listening });
        self.transaction = Some(OpenTransaction {
            owner: ThreadId::here(),
            depth: 1,
            object: object.clone().unbind(),
            origin,
            tasks,
            over: Vec::new(),
        });
    }

    #[inline]
    fn listening(&self) -> Listening {
        let mut listening = self.observers.listening;
        // Those that are opened must hear when they are gone.
        listening.subdocuments |= self.has_subdocuments;
        listening
    }

    /// Before a change: makes what observers that are running may still ask of the one before.
    fn keep_announced(&self) {
        for announced in self.announcing.iter().filter_map(|announcing| announcing.current.as_ref()) {
            self.engine.keep(&announced.changes);
        }
    }

    /// Begins an implicit transaction if somebody listens and none is open; returns whether it did.
    #[inline]
    pub(super) fn begin(&mut self) -> bool {
        if self.transaction.is_some() {
            return false;
        }
        self.keep_announced();
        let listening = self.listening();
        if listening == Listening::default() && !self.is_tracked() {
            return false;
        }
        self.engine.begin(listening);
        true
    }

    /// Closes the engine's transaction with the GIL held: then an update becomes Python's bytes at once, which runs no
    /// Python code.
    #[inline]
    fn close_attached(
        &mut self,
        py: Python<'_>,
        shared: &Arc<Shared>,
        tracked: Origin,
        origin: Option<Py<PyAny>>,
        task_group: Option<Py<PyAny>>,
    ) -> Done {
        let hearers = if task_group.is_none() { self.observers.hearers(py) } else { None };
        let Some(hearers) = hearers.filter(|_| self.engine.tells_only_its_update()) else {
            return self.close(shared, tracked, origin, task_group);
        };
        let update = self.engine.commit_update_as(|update| PyBytes::new(py, &update).unbind());
        let Some(update) = update else { return Done::Nothing };
        let (told, here) = (Told { update, hearers }, ThreadId::here());
        // A teller is not among those who announce: nothing has to be kept of an update that is written.
        if self.announcing.is_empty() && shared.teller.begin(here) {
            return Done::TellUpdate(told, here);
        }
        Done::telling(self.queue(shared, Announcement::Update(told)))
    }

    /// Closes the engine's transaction: undo managers capture it, and what observers are to hear is gathered.
    fn close(
        &mut self,
        shared: &Arc<Shared>,
        tracked: Origin,
        origin: Option<Py<PyAny>>,
        task_group: Option<Py<PyAny>>,
    ) -> Done {
        let captured = self.capture(tracked, None);
        self.commit(shared, captured, origin, task_group)
    }

    /// The same after undo managers have captured it.
    #[inline]
    pub(super) fn commit(
        &mut self,
        shared: &Arc<Shared>,
        mut captured: Vec<Captured>,
        origin: Option<Py<PyAny>>,
        task_group: Option<Py<PyAny>>,
    ) -> Done {
        let changes = self.commit_captured(&mut captured);
        let announcement = changes.and_then(|changes| self.tell(shared, changes, origin, task_group));
        if captured.is_empty() { Done::telling(announcement) } else { Done::Settle(captured, announcement) }
    }

    fn announcement(
        &self,
        shared: &Arc<Shared>,
        changes: Changes,
        origin: Option<Py<PyAny>>,
        task_group: Option<Py<PyAny>>,
    ) -> Announcement {
        let shared = Arc::clone(shared);
        self.observers.announcement(Arc::new(Announced { shared, changes, origin, task_group }))
    }

    /// Returns what is to be announced at once of a transaction; what followed it by itself is queued.
    fn tell(
        &mut self,
        shared: &Arc<Shared>,
        mut changes: Changes,
        origin: Option<Py<PyAny>>,
        task_group: Option<Py<PyAny>>,
    ) -> Option<Announcement> {
        let tidied = changes.tidied.take();
        let announcement = self.announcement(shared, changes, origin, task_group);
        let announcement = self.queue(shared, announcement);
        if let Some(tidied) = tidied {
            // This thread counts as announcing by now, so that nothing is returned.
            let tidied = self.announcement(shared, *tidied, None, None);
            self.queue(shared, tidied);
        }
        announcement
    }

    /// Returns what is to be announced at once. While this thread calls observers already, it is queued.
    fn queue(&mut self, shared: &Shared, announcement: Announcement) -> Option<Announcement> {
        let thread = ThreadId::here();
        if shared.teller.end(thread) {
            self.announcing.push(Announcing::of(thread, None));
        }
        if let Some(announcing) = self.announcing.iter_mut().find(|announcing| announcing.thread == thread) {
            if let Some(announced) = announcement.announced() {
                self.engine.keep(&announced.changes);
            }
            announcing.queue.push_back((announcing.answers + 1, announcement));
            return None;
        }
        let current = announcement.announced().cloned();
        self.announcing.push(Announcing::of(thread, current));
        Some(announcement)
    }

    /// What this thread has to announce next. When there is nothing more it no longer counts as announcing.
    fn next_announcement(&mut self) -> Option<Announcement> {
        let here = ThreadId::here();
        let at = self.announcing.iter().position(|announcing| announcing.thread == here)?;
        let announcing = &mut self.announcing[at];
        // Beside this one and the caller's, references are those of events that observers have kept.
        if let Some(current) = &announcing.current
            && Arc::strong_count(current) > 2
        {
            self.engine.keep(&current.changes);
        }
        if let Some((answers, announcement)) = announcing.queue.pop_front() {
            announcing.answers = answers;
            announcing.current = announcement.announced().cloned();
            return Some(announcement);
        }
        self.announcing.swap_remove(at);
        None
    }
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

impl From<FrozenError> for NativeError {
    fn from(error: FrozenError) -> Self {
        match error {
            FrozenError::NotEmpty => Self::value(error.to_string()),
            _ => Self::decode(error.to_string()),
        }
    }
}

impl From<SpliceError> for NativeError {
    fn from(error: SpliceError) -> Self {
        let place = format!("edit {}: ", error.at);
        Self::from(error.error).in_place(&place)
    }
}
