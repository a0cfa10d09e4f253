//! The `Doc` class and what belongs to a whole document.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use officina_crdt::{
    Any, Batch, DeletedContent, EditError, Encoding, Frozen, SharedType, StateVector, TypeTag, Unit,
    convert_update,
};
use pyo3::Borrowed;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyAny, PyBytes, PyDict, PyList, PySequence, PyTuple, PyType};

use super::handle::{BaseType, Home};
use super::observer::{Callback, Subject};
use super::shared::Shared;
use super::snapshot::Snapshot;
use super::subdoc;
use super::transaction::{NewTransaction, Transaction};
use super::update::{encoding_of, merge};
use super::value::{any, any_to_py, fill, key_of, prelim, tag_of, tree_to_py, type_to_py};
use crate::errors::{NativeError, run};

/// Below this many bytes, handing the GIL over costs more than the work.
const DETACH_FROM: usize = 256;

/// Of a list of updates, so many are taken from Python before the GIL is released to decode them. Taking them holds up
/// other threads for a third of a millisecond; of fewer, handing over the GIL would be much of the work.
const DECODED_AT_ONCE: usize = 16_384;

/// A shared document: one replica of content that others edit too.
///
/// Args:
///     init: root types to start with, by name.
///     client_id: the id that local edits carry, 0 to 2**53 - 1, which no other replica may use;
///         random by default.
///     guid: identifies the document among others; random by default.
///     Model: called with the root types that its `model_fields` name, as plain values, before an update
///         from elsewhere is applied; what it raises, `apply_update` raises, and the update is not applied.
///         A pydantic model class, for example.
///     allow_multithreading: any number of threads may use a document and its shared types at the same
///         time, whatever is given here.
///     offsets: what an index into a text counts: "codepoint" as Python's str, "utf16" as JavaScript,
///         "utf8" bytes.
///     auto_load: as a subdocument, every replica is to load it without being asked.
///     should_load: as a subdocument, this replica loads it at once.
///     meta: as a subdocument, a plain value that its parent carries to every replica.
#[pyclass(frozen, subclass, generic, dict, weakref, module = "officina.crdt")]
pub(crate) struct Doc {
    shared: Arc<Shared>,
}

impl Doc {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn open(&self, py: Python<'_>, name: &str, tag: TypeTag) -> PyResult<SharedType> {
        let opened = self.shared.glance(py, |engine, _| engine.root(name, tag));
        opened.map_err(|error| NativeError::from(error).into())
    }

    fn find(&self, py: Python<'_>, name: &str) -> Option<SharedType> {
        self.shared.glance(py, |engine, _| {
            engine.roots().find(|&(known, _, _)| known == name).map(|(_, target, _)| target)
        })
    }

    fn roots(&self, py: Python<'_>) -> Vec<(String, SharedType)> {
        self.shared.glance(py, |engine, _| {
            engine.roots().map(|(name, target, _)| (name.to_owned(), target)).collect()
        })
    }

    fn subscribe(&self, subject: Subject, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let id = self.shared.observe(callback.py(), subject, Callback::of_document(callback)?);
        Ok(Subscription::new(Arc::clone(&self.shared), id))
    }

    /// Asks the model, if there is one, what it thinks of the document with an update.
    fn validate(&self, py: Python<'_>, update: &[u8], encoding: Encoding) -> PyResult<()> {
        let Some(validator) = self.shared.validator.get() else { return Ok(()) };
        let update = run(py, || match encoding {
            Encoding::V1 => Ok(Cow::Borrowed(update)),
            Encoding::V2 => convert_update(update, Encoding::V2, Encoding::V1).map(Cow::Owned),
        })?;
        let document = self.shared.object(py)?;
        validator.call_method1(py, "check", (document, PyBytes::new(py, &update))).map(drop)
    }

    /// Whether `value` is the root of that name already, as after `doc["text"] += "more"`.
    fn is_root(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> bool {
        let Ok(value) = value.cast::<BaseType>() else { return false };
        let Ok(home) = value.get().handle.home() else { return false };
        Arc::ptr_eq(&home.shared, &self.shared) && self.find(py, name) == Some(home.target)
    }
}

/// A client id that no other replica is likely to have: 32 bits, which take fewer bytes than Yjs's 53 at most.
fn random_client_id() -> u64 {
    RandomState::new().build_hasher().finish() & u64::from(u32::MAX)
}

fn unit_of(offsets: &str) -> PyResult<Unit> {
    match offsets {
        "codepoint" => Ok(Unit::CodePoint),
        "utf16" => Ok(Unit::Utf16),
        "utf8" => Ok(Unit::Byte),
        other => {
            let hint = format!("offsets must be \"codepoint\", \"utf16\" or \"utf8\", not {other:?}");
            Err(PyValueError::new_err(hint))
        }
    }
}

#[pymethods]
impl Doc {
    /// A subclass may have any signature, so that all but the offsets is left to `__init__`.
    #[new]
    #[pyo3(
        signature = (*_arguments, **options),
        text_signature = "(init=None, *, client_id=None, skip_gc=None, guid=None, Model=None, \
            allow_multithreading=True, offsets='codepoint', auto_load=False, should_load=True, meta=None)"
    )]
    fn new(_arguments: &Bound<'_, PyTuple>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let offsets = options.map(|options| options.get_item("offsets")).transpose()?.flatten();
        let unit = offsets.map_or(Ok(Unit::CodePoint), |offsets| unit_of(offsets.extract()?))?;
        Ok(Self { shared: Shared::new(random_client_id(), unit) })
    }

    #[pyo3(signature = (
        init=None, *, client_id=None, skip_gc=None, guid=None, Model=None, allow_multithreading=true,
        offsets="codepoint", auto_load=false, should_load=true, meta=None
    ))]
    #[expect(non_snake_case, reason = "the name that users of pycrdt know")]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn __init__(
        slf: &Bound<'_, Self>,
        init: Option<Bound<'_, PyDict>>,
        client_id: Option<Bound<'_, PyAny>>,
        skip_gc: Option<bool>,
        guid: Option<String>,
        Model: Option<Bound<'_, PyAny>>,
        allow_multithreading: bool,
        offsets: &str,
        auto_load: bool,
        should_load: bool,
        meta: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _: bool = allow_multithreading;
        let (py, this) = (slf.py(), slf.get());
        if unit_of(offsets)? != this.shared.unit {
            return Err(NativeError::local("a subclass must hand offsets to __new__ as well").into());
        }
        if let Some(client_id) = client_id {
            let id = client_id.extract().ok().filter(|&id| id <= officina_crdt::lib0::MAX_SAFE_INTEGER);
            let id = id.ok_or_else(|| {
                PyValueError::new_err(format!(
                    "client_id must be an integer from 0 to 2**53 - 1, not {client_id}"
                ))
            })?;
            this.shared.glance(py, |engine, _| engine.set_client_id(id));
        }
        let collects = skip_gc != Some(true);
        if !collects {
            this.shared.glance(py, |engine, _| engine.set_keeps_deleted(true));
        }
        if let Some(guid) = guid {
            drop(this.shared.guid.set(guid));
        }
        let meta = meta.map_or(Ok(Any::Null), |meta| any(&meta))?;
        drop(this.shared.nesting.options.set(subdoc::options(collects, auto_load, meta)));
        this.shared.nesting.set_should_load(should_load);
        this.shared.remember(slf)?;
        for (name, value) in init.into_iter().flatten() {
            this.__setitem__(&name, &value)?;
        }
        if let Some(model) = Model {
            let validator = py.import("officina.crdt.validation")?.call_method1("Validator", (model,))?;
            drop(this.shared.validator.set(validator.unbind()));
        }
        Ok(())
    }

    /// What identifies the document among others.
    #[getter]
    fn guid(&self, py: Python<'_>) -> PyResult<String> {
        self.shared.guid(py).map(str::to_owned)
    }

    /// A new document that is what `doc` was in an earlier version, with the same client id.
    ///
    /// Args:
    ///     snapshot: the version.
    ///     doc: the document, made with `skip_gc=True` so that the content of the version is still there.
    ///
    /// Raises:
    ///     LocalProtocolError: content of the version has been dropped, or has not been received.
    #[staticmethod]
    fn from_snapshot(
        py: Python<'_>,
        snapshot: &Bound<'_, Snapshot>,
        doc: &Bound<'_, Self>,
    ) -> PyResult<Py<Self>> {
        let (source, version) = (&doc.get().shared, &snapshot.get().version);
        let (client_id, update) = source.read_mut_detached(py, |engine| {
            Ok::<_, EditError>((engine.client_id(), engine.encode_version(version)?))
        })?;
        let restored = Bound::new(py, Self { shared: Shared::new(client_id, source.unit) })?;
        restored.get().shared.remember(&restored)?;
        restored.get().shared.change_detached(py, |engine| engine.apply_update(&update))?;
        Ok(restored.unbind())
    }

    /// The id that local edits carry.
    #[getter]
    fn client_id(&self, py: Python<'_>) -> u64 {
        self.shared.glance(py, |engine, _| engine.client_id())
    }

    /// The root type of that name, created empty if no replica has used it.
    ///
    /// Args:
    ///     key: the name.
    ///     type: Text, Array, Map, XmlFragment, XmlElement or XmlText.
    ///
    /// Raises:
    ///     TypeError: it is another type already.
    #[pyo3(signature = (key, *, r#type))]
    fn get<'py>(&self, key: &Bound<'py, PyAny>, r#type: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let target = self.open(py, &key_of(key)?, tag_of(r#type)?)?;
        let object = type_to_py(py, &self.shared, target)?.into_bound(py);
        if object.get_type().is(r#type) {
            return Ok(object);
        }
        let value = r#type.call0()?;
        let home = Home { shared: Arc::clone(&self.shared), target };
        value.cast::<BaseType>()?.get().handle.settle(home);
        Ok(value)
    }

    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = key.py();
        let target = self.find(py, &key_of(key)?).ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))?;
        type_to_py(py, &self.shared, target)
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, name) = (key.py(), key_of(key)?);
        if self.is_root(py, &name, value) {
            return Ok(());
        }
        let prelim = prelim(value, &mut Vec::new())?;
        let tag = prelim.root_tag()?;
        let settled = self.shared.change(py, |engine| {
            let target = engine.root(&name, tag)?;
            let mut settled = Vec::new();
            fill(engine, target, prelim, &mut settled)?;
            Ok::<_, officina_crdt::EditError>(settled)
        })?;
        for object in settled {
            object.tell(&self.shared);
        }
        Ok(())
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<&str>().is_ok_and(|name| self.find(key.py(), name).is_some())
    }

    /// A document is there even if nothing is in it: `doc or Doc()` is `doc`.
    #[expect(clippy::unused_self, reason = "a Python protocol")]
    fn __bool__(&self) -> bool {
        true
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.shared.glance(py, |engine, _| engine.roots().count())
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.keys(py).into_pyobject(py)?.try_iter()?.into_any().unbind())
    }

    /// The names of the root types, in order of first appearance.
    fn keys(&self, py: Python<'_>) -> Vec<String> {
        self.roots(py).into_iter().map(|(name, _)| name).collect()
    }

    /// The root types, in order of first appearance.
    fn values(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        self.roots(py).into_iter().map(|(_, target)| type_to_py(py, &self.shared, target)).collect()
    }

    /// Names and root types, in order of first appearance.
    fn items(&self, py: Python<'_>) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let roots = self.roots(py).into_iter();
        roots.map(|(name, target)| Ok((name, type_to_py(py, &self.shared, target)?))).collect()
    }

    /// Every root type with everything in it, as plain values.
    fn to_py(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let dict = PyDict::new(py);
        for (name, target) in self.roots(py) {
            let tree = self.shared.read_detached(py, |engine| engine.tree(target));
            let tree = tree.map_err(|error| PyValueError::new_err(error.to_string()))?;
            dict.set_item(name, tree_to_py(py, &self.shared, &tree)?)?;
        }
        Ok(dict.unbind())
    }

    /// What this replica has, as a state vector: give it to another's `get_update`.
    fn get_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let state = self.shared.glance(py, |engine, frozen| match frozen {
            Some(frozen) => frozen.state_vector().to_vec(),
            None => engine.state_vector().encode(),
        });
        PyBytes::new(py, &state)
    }

    /// What a replica with that state lacks; everything without one.
    ///
    /// Args:
    ///     state: what the other replica has.
    ///     version: of the encoding, 1 or 2.
    ///
    /// Raises:
    ///     DecodeError: `state` is not a state vector.
    ///     ValueError: there is no such version.
    #[pyo3(signature = (state=None, *, version=1))]
    fn get_update<'py>(
        &self,
        py: Python<'py>,
        state: Option<Cow<'_, [u8]>>,
        version: u8,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let encoding = encoding_of(version)?;
        let state = match state {
            Some(bytes) => StateVector::decode(&bytes).map_err(NativeError::from)?,
            None => StateVector::new(),
        };
        Ok(PyBytes::new(py, &self.shared.read_whole(py, |engine| engine.encode_diff_as(&state, encoding))?))
    }

    /// The whole document as a file of its own that `from_bytes` opens at once; what is pending is in it.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.shared.read_whole(py, officina_crdt::Doc::freeze)?))
    }

    /// Opens what `to_bytes` wrote. Its texts can be read at once; everything else is decoded when something
    /// asks for it.
    ///
    /// Args:
    ///     data: the file.
    ///     options: what `Doc` takes, but for `init`.
    ///
    /// Raises:
    ///     DecodeError: it is damaged, or no such file.
    ///     ValueError: `init` was given.
    #[classmethod]
    #[pyo3(signature = (data, **options))]
    fn from_bytes<'py>(
        class: &Bound<'py, PyType>,
        data: Cow<'_, [u8]>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = class.py();
        let frozen = run(py, || Frozen::open(data.into()))?;
        let object = class.call((), options)?;
        object.cast::<Self>()?.get().shared.freeze(py, frozen)?;
        Ok(object)
    }

    /// Integrates an update from another replica. What depends on updates not yet received waits for them.
    ///
    /// Args:
    ///     update: what the other replica sent.
    ///     version: of its encoding, 1 or 2.
    ///
    /// Raises:
    ///     DecodeError: the bytes are not an update; nothing was changed.
    ///     ValueError: there is no such version.
    #[pyo3(signature = (update, *, version=1))]
    fn apply_update(&self, py: Python<'_>, update: Cow<'_, [u8]>, version: u8) -> PyResult<()> {
        let encoding = encoding_of(version)?;
        self.validate(py, &update, encoding)?;
        if update.len() < DETACH_FROM {
            self.shared.change(py, |engine| engine.apply_update_as(&update, encoding)).map(drop)
        } else {
            self.shared.change_detached(py, |engine| engine.apply_update_as(&update, encoding)).map(drop)
        }
    }

    /// Integrates many updates as one change: faster than one by one, because runs of typing are joined first.
    ///
    /// Args:
    ///     updates: in any order. Only if two claim the same units and are not the same there, as a forged one can, the
    ///         order decides whose the units are. A list that other threads change meanwhile is read in parts.
    ///     version: of their encoding, 1 or 2.
    ///
    /// Raises:
    ///     DecodeError: one of them is not an update, and which; nothing was changed.
    ///     ValueError: there is no such version.
    #[pyo3(signature = (updates, *, version=1))]
    fn apply_updates(&self, py: Python<'_>, updates: &Bound<'_, PySequence>, version: u8) -> PyResult<()> {
        let encoding = encoding_of(version)?;
        let is_validated = self.shared.validator.get().is_some();
        // Of a list, parts are taken: whoever touches all of its elements at once touches each again when it is not in
        // the cache any more. What was validated must be what is applied, whatever becomes of the list.
        let updates = if updates.is_instance_of::<PyList>() && !is_validated {
            updates.clone()
        } else {
            updates.to_tuple()?.into_sequence()
        };
        if is_validated {
            let all: Vec<PyBackedBytes> = updates.extract()?;
            self.validate(py, &merge(py, &all, encoding, DeletedContent::Kept)?, encoding)?;
        }
        let mut batch = Batch::new(encoding);
        for from in (0..updates.len()?).step_by(DECODED_AT_ONCE) {
            let some = updates.get_slice(from, from + DECODED_AT_ONCE)?.to_tuple()?;
            let some: Vec<Cow<'_, [u8]>> =
                some.iter_borrowed().map(Borrowed::extract).collect::<PyResult<_>>()?;
            run(py, || some.iter().try_for_each(|update| batch.add(update)))?;
        }
        if self.shared.change_detached(py, |engine| engine.apply_batch(batch))?.is_some() {
            return Ok(());
        }
        let updates: Vec<PyBackedBytes> = updates.extract()?;
        self.shared.change_detached(py, |engine| {
            updates.iter().try_for_each(|update| engine.apply_update_as(update, encoding).map(drop))
        })
    }

    /// A transaction for a `with` or `async with` statement: the one that is open on this thread, or a new one.
    /// What is changed inside is one change: one update, one event per observer.
    ///
    /// Args:
    ///     origin: any hashable object; observers find it in their event.
    ///
    /// Raises:
    ///     LocalProtocolError: the one that is open has another origin.
    ///     TypeError: `origin` is not hashable.
    #[pyo3(signature = (origin=None))]
    fn transaction(&self, py: Python<'_>, origin: Option<Py<PyAny>>) -> PyResult<Py<Transaction>> {
        Transaction::joining(py, Arc::clone(&self.shared), origin)
    }

    /// A transaction that joins no other: it begins when none is open.
    ///
    /// `with` waits for those of other threads; `async with` for those of other tasks too, without keeping
    /// the event loop.
    ///
    /// Args:
    ///     origin: any hashable object; observers find it in their event.
    ///     timeout: how many seconds to wait at most.
    ///
    /// Raises:
    ///     LocalProtocolError: on entering, when this thread (or task) is in a transaction itself.
    ///     TimeoutError: on entering, when others took longer.
    #[pyo3(signature = (origin=None, timeout=None))]
    fn new_transaction(
        &self,
        py: Python<'_>,
        origin: Option<Py<PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Py<NewTransaction>> {
        NewTransaction::new(py, Arc::clone(&self.shared), origin, timeout)
    }

    /// Calls `callback(event)` with a `TransactionEvent` after every transaction that changed something.
    /// A coroutine function runs in the task group of the transaction, which must be an async one.
    fn observe(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        self.subscribe(Subject::Document, callback)
    }

    /// Calls `callback(update)` with the bytes of the update after every transaction that changed something: the
    /// quickest way to send or store what is edited. What `observe` says of coroutine functions holds here too.
    fn observe_updates(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        self.subscribe(Subject::Updates, callback)
    }

    /// Calls `callback(events)` once after every transaction that changed something, with the events of all
    /// shared types, outer types first. Their paths begin with the name of the root.
    fn observe_deep(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let id = self.shared.observe_type(callback.py(), None, true, Callback::of_type(callback)?);
        Ok(Subscription::new(Arc::clone(&self.shared), id))
    }

    /// Calls `callback(event)` with a `SubdocsEvent` after every transaction that changed which subdocuments
    /// there are or which are to be loaded.
    fn observe_subdocs(&self, callback: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        self.subscribe(Subject::Subdocuments, callback)
    }

    /// The documents that stand as values in this one. Takes time linear in its blocks.
    #[getter]
    fn subdocs(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let found = self.shared.read_detached(py, officina_crdt::Doc::subdocuments);
        found.iter().map(|found| subdoc::to_py(py, &self.shared, found)).collect()
    }

    /// As a subdocument, whether every replica is to load it without being asked.
    #[getter]
    fn auto_load(&self) -> bool {
        self.shared.nesting.options().auto_load
    }

    /// As a subdocument, the plain value that its parent carries to every replica.
    #[getter]
    fn meta(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        any_to_py(py, &self.shared.nesting.options().meta)
    }

    /// As a subdocument, whether its content is wanted here; whoever syncs documents looks at this.
    #[getter]
    fn should_load(&self) -> bool {
        self.shared.nesting.should_load()
    }

    /// Whether it was destroyed, or removed from the document in which it stood.
    #[getter]
    fn is_destroyed(&self) -> bool {
        self.shared.nesting.is_destroyed()
    }

    /// As a subdocument, says that its content is wanted: observers of the parent's subdocuments hear of it.
    fn load(&self, py: Python<'_>) -> PyResult<()> {
        subdoc::load(py, &self.shared)
    }

    /// Ends every subscription. A subdocument is parted from its parent as well: whoever reads its place
    /// gets a new, empty document of the same guid, which is not loaded.
    fn destroy(&self, py: Python<'_>) -> PyResult<()> {
        subdoc::destroy(py, &self.shared)
    }

    /// Ends a subscription.
    #[expect(clippy::unused_self, reason = "the name that users of pycrdt know")]
    fn unobserve(&self, py: Python<'_>, subscription: &Subscription) {
        subscription.drop(py);
    }

    /// The events of the document, to be iterated over: `async with doc.events() as events: async for ...`.
    ///
    /// Args:
    ///     subdocs: whether to iterate over the `SubdocsEvent`s instead of the `TransactionEvent`s.
    ///     max_buffer_size: how many events may wait to be iterated over.
    ///     async_transactions: whether a full buffer holds up the end of transactions, which must be async ones,
    ///         instead of raising `anyio.WouldBlock`.
    #[pyo3(signature = (subdocs=false, max_buffer_size=f64::INFINITY, async_transactions=false))]
    fn events<'py>(
        slf: &Bound<'py, Self>,
        subdocs: bool,
        max_buffer_size: f64,
        async_transactions: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let observe = slf.getattr(if subdocs { "observe_subdocs" } else { "observe" })?;
        let streams = slf.py().import("officina.crdt.streams")?;
        streams.call_method1("events", (observe, max_buffer_size, async_transactions))
    }

    /// Which updates are missing: for each client whose blocks or deletions wait, the first clock awaited.
    #[getter]
    fn pending<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let missing = self.shared.read(py, |engine| engine.missing());
        let dict = PyDict::new(py);
        for id in missing {
            dict.set_item(id.client, id.clock)?;
        }
        Ok(dict)
    }

    /// How large the document is. Takes time linear in its blocks.
    fn statistics(&self, py: Python<'_>) -> Statistics {
        let found = self.shared.read_detached(py, officina_crdt::Doc::statistics);
        Statistics {
            blocks: found.blocks,
            clients: found.clients,
            history: found.history,
            deleted: found.deleted,
            pending_blocks: found.pending_blocks,
            heap_bytes: found.heap_bytes,
        }
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("Doc(client_id={}, roots={:?})", self.client_id(py), self.keys(py))
    }
}

/// How large a document is.
#[pyclass(frozen, get_all, module = "officina.crdt")]
pub(crate) struct Statistics {
    /// Runs of content, deleted ones included.
    blocks: usize,
    /// Replicas that have ever inserted anything.
    clients: usize,
    /// Units ever inserted: characters in UTF-16 units, elements, map entries, format marks.
    history: u64,
    /// Of these, how many are deleted.
    deleted: u64,
    /// Blocks that wait for something not yet received.
    pending_blocks: usize,
    /// Bytes held in memory, approximately.
    heap_bytes: usize,
}

/// An observer's registration; `drop()` ends it. It lasts as long as the document otherwise.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    id: u64,
    dropped: AtomicBool,
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>, id: u64) -> Self {
        Self { shared, id, dropped: AtomicBool::new(false) }
    }
}

#[pymethods]
impl Subscription {
    /// Ends the subscription; a second time does nothing.
    pub(super) fn drop(&self, py: Python<'_>) {
        if !self.dropped.swap(true, Ordering::Relaxed) {
            self.shared.unobserve(py, self.id);
        }
    }
}
