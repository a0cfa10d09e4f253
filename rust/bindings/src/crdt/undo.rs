//! The `UndoManager` class, and how transactions find their way onto the stacks.
//!
//! The stacks live in the engine. Here is decided which manager hears of a transaction, going by its origin,
//! and when that was; a clock written in Python is asked once the document is unlocked again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use officina_crdt::{Changes, Listening, SharedType, StackItem as Item, Step};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{IntoPyObjectExt, PyTraverseError, PyVisit};

use super::doc::Doc;
use super::handle::{BaseType, Home};
use super::id_set::IdSet;
use super::shared::{Shared, State};
use crate::errors::{NativeError, run};

/// Where a transaction comes from, as far as undo managers care.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// One edit outside of `with doc.transaction()`.
    Implicit,
    /// A transaction without an origin.
    None,
    /// A transaction with an origin, by its hash.
    Hash(isize),
}

/// Says when a change was made, in milliseconds.
enum Clock {
    System,
    Python(Py<PyAny>),
}

impl Clock {
    fn now(&self, py: Python<'_>) -> PyResult<u64> {
        match self {
            Self::System => Ok(system_millis()),
            Self::Python(clock) => clock.call0(py)?.extract(py),
        }
    }
}

fn system_millis() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// What a manager and its document have in common. It ends with the manager.
pub(super) struct Link {
    id: officina_crdt::UndoManager,
    clock: Arc<Clock>,
    /// The hashes of the origins that are tracked, besides the manager's own.
    origins: Mutex<HashSet<isize>>,
}

impl Link {
    fn origins(&self) -> MutexGuard<'_, HashSet<isize>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without origins of its own, a manager tracks what has none.
    fn tracks(&self, origin: Origin, received: bool) -> bool {
        match origin {
            Origin::Implicit => !received && self.origins().is_empty(),
            Origin::None => self.origins().is_empty(),
            Origin::Hash(hash) => self.origins().contains(&hash),
        }
    }
}

/// The managers of a document, by the engine's name for them.
#[derive(Default)]
pub(super) struct Trackers {
    all: Vec<(officina_crdt::UndoManager, Weak<Link>)>,
}

impl Trackers {
    fn links(&self) -> Vec<Arc<Link>> {
        self.all.iter().filter_map(|(_, link)| link.upgrade()).collect()
    }
}

/// A captured change whose time is still to be asked for.
pub(super) struct Captured {
    link: Arc<Link>,
    serial: u64,
    step: Option<Step>,
}

impl State {
    /// Whether an undo manager is attached.
    #[inline]
    pub(super) fn is_tracked(&mut self) -> bool {
        if self.undo.all.is_empty() {
            return false;
        }
        self.let_go_of_managers();
        !self.undo.all.is_empty()
    }

    /// Detaches the managers that nobody holds any more.
    pub(super) fn let_go_of_managers(&mut self) {
        let engine = &mut self.engine;
        self.undo.all.retain(|(id, link)| {
            let lives = link.strong_count() > 0;
            if !lives {
                engine.detach_undo(*id);
            }
            lives
        });
    }

    /// Has the managers that track an origin, and the one that takes a step, capture the open transaction.
    pub(super) fn capture(&mut self, origin: Origin, stepping: Option<(&Arc<Link>, Step)>) -> Vec<Captured> {
        let mut captured = Vec::new();
        if self.undo.all.is_empty() {
            return captured;
        }
        let received = self.engine.has_received();
        for link in self.undo.links() {
            let step = stepping.filter(|(own, _)| Arc::ptr_eq(own, &link)).map(|(_, step)| step);
            if step.is_none() && !link.tracks(origin, received) {
                continue;
            }
            let Some(serial) = self.engine.capture(link.id) else { continue };
            captured.extend(self.settle_now(Captured { link, serial, step }));
        }
        captured
    }

    /// Closes the engine's transaction. Tidying that follows it has no origin: managers that track such
    /// transactions capture it.
    pub(super) fn commit_captured(&mut self, captured: &mut Vec<Captured>) -> Option<Changes> {
        if self.undo.all.is_empty() {
            return self.engine.commit();
        }
        let mut links = self.undo.links();
        links.retain(|link| link.tracks(Origin::None, false));
        let ids: Vec<_> = links.iter().map(|link| link.id).collect();
        let mut tidied = Vec::new();
        let changes = self.engine.commit_captured(&ids, &mut tidied);
        for (id, serial) in tidied {
            let Some(link) = links.iter().find(|link| link.id == id).cloned() else { continue };
            captured.extend(self.settle_now(Captured { link, serial, step: None }));
        }
        changes
    }

    /// Says when a captured change was made, or returns it if a clock written in Python is to be asked.
    fn settle_now(&mut self, captured: Captured) -> Option<Captured> {
        let Captured { link, serial, step } = &captured;
        if matches!(*link.clock, Clock::Python(_)) {
            return Some(captured);
        }
        self.engine.settle_capture(link.id, *serial, system_millis(), *step);
        None
    }
}

impl Shared {
    /// The origin of this thread's open transaction, hashed while nothing is locked.
    pub(super) fn tracked_origin(&self, py: Python<'_>) -> PyResult<Origin> {
        if !self.tracked.load(Ordering::Relaxed) {
            return Ok(Origin::None);
        }
        let origin = self.open_here(py, |open| open.origin.as_ref().map(|origin| origin.clone_ref(py)));
        match origin.flatten() {
            Some(origin) => Ok(Origin::Hash(origin.bind(py).hash()?)),
            None => Ok(Origin::None),
        }
    }

    /// Asks when captured changes were made.
    pub(super) fn settle(&self, py: Python<'_>, captured: Vec<Captured>) -> PyResult<()> {
        for Captured { link, serial, step } in captured {
            let now = link.clock.now(py)?;
            self.lock(py).engine.settle_capture(link.id, serial, now, step);
        }
        Ok(())
    }

    /// Takes a step back or again, in a transaction of its own.
    fn step(self: &Arc<Self>, py: Python<'_>, link: &Arc<Link>, step: Step) -> PyResult<bool> {
        let hash = origin_of(link);
        let origin = hash.into_py_any(py)?;
        let state = self.lock_for_change(py)?;
        if state.transaction.is_some() {
            drop(state);
            let hint = "Cannot acquire transaction: an undo or redo is one of its own";
            return Err(NativeError::local(hint).into());
        }
        let (stepped, done) = state.detached(|state| {
            if !state.begin() {
                state.engine.begin(Listening::default());
            }
            let stepped = state.engine.step(link.id, step);
            let captured = state.capture(Origin::Hash(hash), Some((link, step)));
            (stepped, state.commit(self, captured, Some(origin), None))
        });
        self.finish(py, done, stepped.map(|step| step.is_some()))
    }
}

/// The origin of a manager's own transactions: a number that no other object of the process has.
fn origin_of(link: &Arc<Link>) -> isize {
    (Arc::as_ptr(link) as usize).cast_signed()
}

/// One step that an undo manager can take back.
///
/// Args:
///     doc: the document that it belongs to.
///     deletions: what the step deleted.
///     insertions: what it inserted.
///     meta: any object, to be found again on the stack.
#[pyclass(frozen, generic, module = "officina.crdt")]
pub(crate) struct StackItem {
    item: Item,
    meta: Option<Py<PyAny>>,
}

#[pymethods]
impl StackItem {
    #[new]
    #[pyo3(signature = (doc, deletions, insertions, meta=None))]
    #[expect(unused_variables, reason = "units name their document by themselves; pycrdt asks for it")]
    fn new(
        doc: &Bound<'_, Doc>,
        deletions: &Bound<'_, IdSet>,
        insertions: &Bound<'_, IdSet>,
        meta: Option<Py<PyAny>>,
    ) -> Self {
        Self { item: Item::new(deletions.get().set.clone(), insertions.get().set.clone()), meta }
    }

    /// What the step deleted.
    #[getter]
    fn deletions(&self) -> IdSet {
        IdSet { set: self.item.deletions.clone() }
    }

    /// What the step inserted, with all that this was brought back as since.
    #[getter]
    fn insertions(&self) -> IdSet {
        IdSet { set: self.item.insertions.clone() }
    }

    /// What it was made with; any object.
    #[getter]
    fn meta(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.meta.as_ref().map(|meta| meta.clone_ref(py))
    }

    /// One step that did what two did.
    ///
    /// Args:
    ///     a: the earlier step.
    ///     b: the later step.
    ///     merge_meta: makes the meta of both that of one; without it the earlier one's is kept.
    #[staticmethod]
    #[pyo3(signature = (a, b, merge_meta=None))]
    fn merge(
        py: Python<'_>,
        a: &Bound<'_, Self>,
        b: &Bound<'_, Self>,
        merge_meta: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut item = a.get().item.clone();
        item.merge(&b.get().item);
        let meta = match merge_meta {
            Some(merge) => Some(merge.call1((a.get().meta(py), b.get().meta(py)))?.unbind()),
            None => a.get().meta(py),
        };
        Ok(Self { item, meta })
    }

    /// The step as bytes, without its meta: for a stack that outlives the process.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.item.encode())
    }

    /// Decodes what `encode` wrote.
    ///
    /// Args:
    ///     data: the bytes.
    ///     meta: any object, to be found again on the stack.
    ///
    /// Raises:
    ///     DecodeError: it is not a stack item.
    #[staticmethod]
    #[pyo3(signature = (data, meta=None))]
    fn decode(py: Python<'_>, data: Cow<'_, [u8]>, meta: Option<Py<PyAny>>) -> PyResult<Self> {
        Ok(Self { item: run(py, || Item::decode(&data))?, meta })
    }

    fn __repr__(&self) -> String {
        let count = |set: &officina_crdt::DeleteSet| -> u64 {
            set.iter().map(|(_, clocks)| u64::from(clocks.end - clocks.start)).sum()
        };
        format!(
            "StackItem(insertions={}, deletions={})",
            count(&self.item.insertions),
            count(&self.item.deletions)
        )
    }
}

/// The document of a manager and the link to it.
struct Attached {
    shared: Arc<Shared>,
    link: Arc<Link>,
}

/// What a manager is made with, until it knows its document.
struct Start {
    capture_timeout: u64,
    undo: Vec<Item>,
    redo: Vec<Item>,
}

/// Takes changes to shared types back, and makes them again.
///
/// Changes that others made are left alone: only transactions without an origin are captured or, once
/// `include_origin` was called, those with one of these origins. An update that is applied outside of
/// a transaction is somebody else's change. While there is a manager, the document keeps what the manager may
/// have to bring back.
///
/// Args:
///     scopes: the shared types whose changes are captured, with everything in them.
///     capture_timeout_millis: changes less than this apart become one step.
///     timestamp: returns the time in milliseconds; the system's clock by default.
///     undo_stack: steps from an earlier manager. Given before the document is loaded, it keeps what they need.
///     redo_stack: the same, of steps that were taken back.
///     doc: the document, if there are no scopes: then every change is captured.
#[pyclass(frozen, weakref, module = "officina.crdt")]
pub(crate) struct UndoManager {
    attached: OnceLock<Attached>,
    start: Mutex<Option<Start>>,
    clock: Arc<Clock>,
    /// What is attached to the steps on the stacks, by their numbers.
    metas: Mutex<HashMap<u64, Py<PyAny>>>,
    /// Origins that were included before there was a document.
    early: Mutex<HashSet<isize>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type StackItems<'py> = Option<Vec<Bound<'py, StackItem>>>;

impl UndoManager {
    /// Attaches the manager to a document, the first time.
    fn attach(&self, py: Python<'_>, shared: &Arc<Shared>) -> PyResult<&Attached> {
        if self.attached.get().is_none() {
            // Whoever waits for the document lets go of the GIL: nothing that others wait for with it is held meanwhile.
            let mut state = shared.lock(py);
            let start = locked(&self.start).take();
            if let Some(Start { capture_timeout, undo, redo }) = start {
                let id = state.engine.attach_undo(capture_timeout, undo, redo);
                let origins = Mutex::new(std::mem::take(&mut *locked(&self.early)));
                let link = Arc::new(Link { id, clock: Arc::clone(&self.clock), origins });
                state.undo.all.push((id, Arc::downgrade(&link)));
                shared.tracked.store(true, Ordering::Relaxed);
                drop(self.attached.set(Attached { shared: Arc::clone(shared), link }));
                drop(state);
                self.number_metas(py, shared, id);
            }
        }
        let attached = self.attached.get().filter(|attached| Arc::ptr_eq(&attached.shared, shared));
        attached.ok_or_else(|| {
            NativeError::local("an undo manager belongs to one document, and this is another").into()
        })
    }

    /// The metas of the first steps were numbered from 0 before the engine numbered the steps.
    fn number_metas(&self, py: Python<'_>, shared: &Arc<Shared>, id: officina_crdt::UndoManager) {
        let serials: Vec<_> = shared.read(py, |engine| {
            let stacks = [Step::Undo, Step::Redo].into_iter().flat_map(|step| engine.undo_stack(id, step));
            stacks.map(Item::serial).collect()
        });
        let mut metas = locked(&self.metas);
        let mut early = std::mem::take(&mut *metas);
        metas.extend(
            serials.iter().zip(0..).filter_map(|(&serial, index)| Some((serial, early.remove(&index)?))),
        );
    }

    fn stack(&self, py: Python<'_>, step: Step) -> Vec<StackItem> {
        let (items, first) = match self.attached.get() {
            Some(Attached { shared, link }) => {
                (shared.read(py, |engine| engine.export_undo_stack(link.id, step)), None)
            }
            None => match &*locked(&self.start) {
                Some(start) if step == Step::Undo => (start.undo.clone(), Some(0)),
                Some(start) => (start.redo.clone(), Some(start.undo.len() as u64)),
                None => (Vec::new(), None),
            },
        };
        let metas = locked(&self.metas);
        let number = |index: usize, item: &Item| first.map_or(item.serial(), |first| first + index as u64);
        let meta = |number| metas.get(&number).map(|meta| meta.clone_ref(py));
        let items = items.into_iter().enumerate();
        items.map(|(index, item)| StackItem { meta: meta(number(index, &item)), item }).collect()
    }

    fn can(&self, py: Python<'_>, step: Step) -> bool {
        match self.attached.get() {
            Some(Attached { shared, link }) => {
                shared.read(py, |engine| !engine.undo_stack(link.id, step).is_empty())
            }
            None => !self.stack(py, step).is_empty(),
        }
    }

    fn step(&self, py: Python<'_>, step: Step) -> PyResult<bool> {
        let Some(Attached { shared, link }) = self.attached.get() else { return Ok(false) };
        shared.step(py, link, step)
    }

    fn with_origins(&self, work: impl FnOnce(&mut HashSet<isize>)) {
        match self.attached.get() {
            Some(attached) => work(&mut attached.link.origins()),
            None => work(&mut locked(&self.early)),
        }
    }
}

#[pymethods]
impl UndoManager {
    #[new]
    #[pyo3(signature = (*, scopes=None, capture_timeout_millis=500, timestamp=None, undo_stack=None,
        redo_stack=None, doc=None))]
    fn new(
        py: Python<'_>,
        scopes: Option<Vec<Bound<'_, BaseType>>>,
        capture_timeout_millis: u64,
        timestamp: Option<Py<PyAny>>,
        undo_stack: StackItems<'_>,
        redo_stack: StackItems<'_>,
        doc: Option<&Bound<'_, Doc>>,
    ) -> PyResult<Self> {
        let undo = undo_stack.unwrap_or_default();
        let redo = redo_stack.unwrap_or_default();
        let metas = undo.iter().chain(&redo).zip(0..);
        let metas = metas.filter_map(|(item, index)| Some((index, item.get().meta(py)?))).collect();
        let items =
            |stack: &[Bound<'_, StackItem>]| stack.iter().map(|item| item.get().item.clone()).collect();
        let start = Start { capture_timeout: capture_timeout_millis, undo: items(&undo), redo: items(&redo) };
        let manager = Self {
            attached: OnceLock::new(),
            start: Mutex::new(Some(start)),
            clock: Arc::new(timestamp.map_or(Clock::System, Clock::Python)),
            metas: Mutex::new(metas),
            early: Mutex::new(HashSet::new()),
        };
        let scopes = scopes.unwrap_or_default();
        for scope in &scopes {
            manager.expand_scope(scope)?;
        }
        if let Some(doc) = doc {
            let Attached { shared, link } = manager.attach(py, doc.get().shared())?;
            if scopes.is_empty() {
                shared.read(py, |engine| engine.expand_undo_scope_to_document(link.id));
            }
        }
        Ok(manager)
    }

    /// The origin of the manager's own transactions; compare it with an event's.
    #[getter]
    fn origin(&self) -> isize {
        self.attached.get().map_or(0, |attached| origin_of(&attached.link))
    }

    /// Adds a shared type, with everything in it, to what is captured.
    ///
    /// Raises:
    ///     LocalProtocolError: it is not part of a document yet, or of another one than the scopes before.
    fn expand_scope(&self, scope: &Bound<'_, BaseType>) -> PyResult<()> {
        let py = scope.py();
        let Home { shared, target } = scope.get().handle.home()?;
        let target: SharedType = *target;
        let link = &self.attach(py, shared)?.link;
        shared.read(py, |engine| engine.expand_undo_scope(link.id, target));
        Ok(())
    }

    /// Captures transactions with this origin, and from then on none without one.
    ///
    /// Raises:
    ///     TypeError: the origin is not hashable.
    fn include_origin(&self, origin: &Bound<'_, PyAny>) -> PyResult<()> {
        let hash = origin.hash()?;
        self.with_origins(|origins| {
            origins.insert(hash);
        });
        Ok(())
    }

    /// Captures transactions with this origin no longer.
    ///
    /// Raises:
    ///     TypeError: the origin is not hashable.
    fn exclude_origin(&self, origin: &Bound<'_, PyAny>) -> PyResult<()> {
        let hash = origin.hash()?;
        self.with_origins(|origins| {
            origins.remove(&hash);
        });
        Ok(())
    }

    /// Whether there is a step to take back.
    fn can_undo(&self, py: Python<'_>) -> bool {
        self.can(py, Step::Undo)
    }

    /// Takes the newest step back; steps without any effect left are passed over. Runs without the GIL.
    ///
    /// Returns:
    ///     Whether anything was taken back.
    ///
    /// Raises:
    ///     LocalProtocolError: a transaction is open on this thread.
    fn undo(&self, py: Python<'_>) -> PyResult<bool> {
        self.step(py, Step::Undo)
    }

    /// Whether there is a step to make again.
    fn can_redo(&self, py: Python<'_>) -> bool {
        self.can(py, Step::Redo)
    }

    /// Makes the step that was taken back last again. Runs without the GIL.
    ///
    /// Returns:
    ///     Whether anything was made again.
    ///
    /// Raises:
    ///     LocalProtocolError: a transaction is open on this thread.
    fn redo(&self, py: Python<'_>) -> PyResult<bool> {
        self.step(py, Step::Redo)
    }

    /// Forgets every step.
    fn clear(&self, py: Python<'_>) {
        match self.attached.get() {
            Some(Attached { shared, link }) => shared.read(py, |engine| engine.clear_undo(link.id)),
            None => {
                if let Some(start) = &mut *locked(&self.start) {
                    start.undo.clear();
                    start.redo.clear();
                }
            }
        }
        let metas = std::mem::take(&mut *locked(&self.metas));
        drop(metas);
    }

    /// Lets the next change begin a step of its own, however soon it comes.
    fn stop_capturing(&self, py: Python<'_>) {
        if let Some(Attached { shared, link }) = self.attached.get() {
            shared.read(py, |engine| engine.stop_capturing(link.id));
        }
    }

    /// The steps that can be taken back, oldest first.
    #[getter]
    fn undo_stack(&self, py: Python<'_>) -> Vec<StackItem> {
        self.stack(py, Step::Undo)
    }

    /// The steps that can be made again, the one taken back first first.
    #[getter]
    fn redo_stack(&self, py: Python<'_>) -> Vec<StackItem> {
        self.stack(py, Step::Redo)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Clock::Python(clock) = &*self.clock {
            visit.call(clock)?;
        }
        Ok(())
    }
}
