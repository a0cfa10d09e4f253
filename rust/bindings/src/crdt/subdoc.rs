//! Documents inside documents: a `Doc` as a value of a map or an array.

use std::any::Any as Object;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use officina_crdt::{
    Any, EditError, Id, Instance, NewSubdocument, Subdocument, SubdocumentChanges, SubdocumentOptions,
};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::event::Announced;
use super::shared::Shared;
use crate::errors::NativeError;

/// What makes a document part of another one.
#[derive(Default)]
pub(super) struct Nesting {
    /// What its parents tell every replica about it.
    pub(super) options: OnceLock<SubdocumentOptions>,
    /// Set unless its content is wanted here.
    is_idle: AtomicBool,
    is_destroyed: AtomicBool,
    place: Mutex<Option<Place>>,
}

/// Where a subdocument stands.
struct Place {
    parent: Weak<Shared>,
    id: Id,
}

impl Nesting {
    pub(super) fn options(&self) -> SubdocumentOptions {
        self.options.get().cloned().unwrap_or_default()
    }

    pub(super) fn should_load(&self) -> bool {
        !self.is_idle.load(Ordering::Relaxed)
    }

    pub(super) fn set_should_load(&self, should_load: bool) {
        self.is_idle.store(!should_load, Ordering::Relaxed);
    }

    pub(super) fn is_destroyed(&self) -> bool {
        self.is_destroyed.load(Ordering::Relaxed)
    }

    fn place(&self) -> Option<(Arc<Shared>, Id)> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().and_then(|place| Some((place.parent.upgrade()?, place.id)))
    }

    fn set_place(&self, place: Option<Place>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

fn instance(shared: &Arc<Shared>) -> Instance {
    Instance(Arc::clone(shared) as Arc<dyn Object + Send + Sync>)
}

fn shared_of(instance: &Instance) -> Option<Arc<Shared>> {
    Arc::clone(&instance.0).downcast().ok()
}

/// What is inserted for a document that becomes a subdocument.
///
/// # Errors
/// `LocalProtocolError` when it is one already.
pub(super) fn new(py: Python<'_>, shared: &Arc<Shared>) -> PyResult<NewSubdocument> {
    if shared.nesting.place().is_some() {
        let hint = "a document can be in one place only; insert a new Doc with the same guid";
        return Err(NativeError::local(hint).into());
    }
    Ok(NewSubdocument {
        guid: shared.guid(py)?.into(),
        options: shared.nesting.options(),
        should_load: shared.nesting.should_load(),
        instance: Some(instance(shared)),
    })
}

/// Tells a document that it stands in `parent` now. Its edits then carry the parent's client id, as in Yjs.
pub(super) fn settle(py: Python<'_>, shared: &Arc<Shared>, parent: &Arc<Shared>, id: Id) {
    parent.expect_subdocuments(py);
    let client_id = parent.read(py, |engine| engine.client_id());
    shared.read(py, |engine| engine.set_client_id(client_id));
    shared.nesting.set_place(Some(Place { parent: Arc::downgrade(parent), id }));
}

/// The document for a subdocument: always the same as long as it stands where it is.
pub(super) fn to_py(py: Python<'_>, parent: &Arc<Shared>, found: &Subdocument) -> PyResult<Py<PyAny>> {
    let known = found.instance.as_ref().and_then(shared_of);
    let shared = known.unwrap_or_else(|| open(py, parent, found));
    shared.object(py)?.into_py_any(py)
}

fn open(py: Python<'_>, parent: &Arc<Shared>, found: &Subdocument) -> Arc<Shared> {
    let client_id = parent.read(py, |engine| engine.client_id());
    let made = Shared::new(client_id, parent.unit);
    drop(made.guid.set(found.guid.to_string()));
    drop(made.nesting.options.set(found.options.clone()));
    made.read(py, |engine| engine.set_keeps_deleted(!found.options.collects));
    made.nesting.set_should_load(found.should_load);
    parent.expect_subdocuments(py);
    let kept = parent.read(py, |engine| engine.adopt(found.id, instance(&made)));
    let kept = kept.as_ref().and_then(shared_of).unwrap_or_else(|| Arc::clone(&made));
    if Arc::ptr_eq(&kept, &made) {
        made.nesting.set_place(Some(Place { parent: Arc::downgrade(parent), id: found.id }));
    }
    kept
}

/// Says that the content of a document is wanted.
pub(super) fn load(py: Python<'_>, shared: &Arc<Shared>) -> PyResult<()> {
    shared.nesting.set_should_load(true);
    let Some((parent, id)) = shared.nesting.place() else { return Ok(()) };
    change_at(py, shared, &parent, id, officina_crdt::Doc::load_subdocument)
}

/// Parts a document from its place, where another one stands from then on, and ends its subscriptions.
pub(super) fn destroy(py: Python<'_>, shared: &Arc<Shared>) -> PyResult<()> {
    let place = shared.nesting.place();
    retire(py, shared);
    shared.unobserve_all(py);
    let Some((parent, id)) = place else { return Ok(()) };
    change_at(py, shared, &parent, id, officina_crdt::Doc::renew_subdocument)
}

/// Changes the parent of a document at the unit that holds it: `near`, if it has not been moved since.
fn change_at(
    py: Python<'_>,
    shared: &Arc<Shared>,
    parent: &Arc<Shared>,
    near: Id,
    change: impl FnOnce(&mut officina_crdt::Doc, Id) -> bool,
) -> PyResult<()> {
    let instance = instance(shared);
    parent.change(py, |engine| {
        if let Some(id) = engine.find_instance(&instance, near) {
            change(engine, id);
        }
        Ok::<_, EditError>(())
    })
}

/// Parts documents from the places that a transaction removed.
pub(super) fn retire_removed(py: Python<'_>, changes: &SubdocumentChanges) {
    for removed in changes.removed.iter().filter_map(|removed| shared_of(removed.instance.as_ref()?)) {
        retire(py, &removed);
    }
}

/// Parts a document from its place, and those in it from theirs.
fn retire(py: Python<'_>, shared: &Shared) {
    let mut open = vec![];
    let part = |shared: &Shared| {
        shared.nesting.set_place(None);
        shared.nesting.is_destroyed.store(true, Ordering::Relaxed);
        shared.subdocuments(py)
    };
    open.extend(part(shared));
    while let Some(found) = open.pop() {
        let nested = found.instance.as_ref().and_then(shared_of);
        open.extend(
            nested.filter(|nested| !nested.nesting.is_destroyed()).iter().flat_map(|nested| part(nested)),
        );
    }
}

/// What a transaction did to the subdocuments of a document, as lists of their guids.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct SubdocsEvent {
    announced: Arc<Announced>,
}

impl SubdocsEvent {
    pub(super) fn new(announced: Arc<Announced>) -> Self {
        Self { announced }
    }

    fn changes(&self) -> &SubdocumentChanges {
        &self.announced.changes.subdocuments
    }
}

fn guids(subdocuments: &[Subdocument]) -> Vec<String> {
    subdocuments.iter().map(|found| found.guid.to_string()).collect()
}

#[pymethods]
impl SubdocsEvent {
    /// The guids of those that came.
    #[getter]
    fn added(&self) -> Vec<String> {
        guids(&self.changes().added)
    }

    /// The guids of those that are gone.
    #[getter]
    fn removed(&self) -> Vec<String> {
        guids(&self.changes().removed)
    }

    /// The guids of those whose content is wanted from now on.
    #[getter]
    fn loaded(&self) -> Vec<String> {
        guids(&self.changes().loaded)
    }

    fn __repr__(&self) -> String {
        let SubdocumentChanges { added, removed, loaded, .. } = self.changes();
        let [added, removed, loaded] = [added, removed, loaded].map(|list| guids(list));
        format!("SubdocsEvent(added={added:?}, removed={removed:?}, loaded={loaded:?})")
    }
}

/// What a `Doc` was made with, as the options of a subdocument.
pub(super) fn options(collects: bool, auto_load: bool, meta: Any) -> SubdocumentOptions {
    SubdocumentOptions { collects, auto_load, meta }
}
