//! The `Doc` class and what belongs to a whole document.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use officina_crdt::{DecodeError, SharedType, StateVector, TypeTag, Unit};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyAny, PyBytes, PyDict, PyTuple, PyType};

use super::shared::Shared;
use super::value::{fill, prelim, tag_of, tree_to_py, type_to_py};
use crate::errors::{NativeError, run};

/// Below this many bytes, handing the GIL over costs more than the work.
const DETACH_FROM: usize = 256;

/// A shared document: one replica of content that others edit too.
///
/// Args:
///     init: root types to start with, by name.
///     client_id: the id that local edits carry, 0 to 2**53 - 1, which no other replica may use;
///         random by default.
///     offsets: what an index into a text counts: "codepoint" as Python's str, "utf16" as JavaScript,
///         "utf8" bytes.
///
/// Any number of threads may use a document and its shared types at the same time.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Doc {
    shared: Arc<Shared>,
}

impl Doc {
    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn open(&self, py: Python<'_>, name: &str, tag: TypeTag) -> PyResult<SharedType> {
        let opened = self.shared.read(py, |engine| engine.root(name, tag));
        opened.map_err(|error| NativeError::from(error).into())
    }

    fn find(&self, py: Python<'_>, name: &str) -> Option<SharedType> {
        self.shared.read(py, |engine| {
            engine.roots().find(|&(known, _, _)| known == name).map(|(_, target, _)| target)
        })
    }

    fn roots(&self, py: Python<'_>) -> Vec<(String, SharedType)> {
        self.shared
            .read(py, |engine| engine.roots().map(|(name, target, _)| (name.to_owned(), target)).collect())
    }
}

/// A client id that no other replica is likely to have: 32 bits, which take fewer bytes than Yjs's 53 at most.
fn random_client_id() -> u64 {
    RandomState::new().build_hasher().finish() & u64::from(u32::MAX)
}

#[pymethods]
impl Doc {
    #[new]
    #[pyo3(signature = (init=None, *, client_id=None, offsets="codepoint"))]
    fn new(
        py: Python<'_>,
        init: Option<Bound<'_, PyDict>>,
        client_id: Option<u64>,
        offsets: &str,
    ) -> PyResult<Self> {
        let unit = match offsets {
            "codepoint" => Unit::CodePoint,
            "utf16" => Unit::Utf16,
            "utf8" => Unit::Byte,
            other => {
                let hint = format!("offsets must be \"codepoint\", \"utf16\" or \"utf8\", not {other:?}");
                return Err(PyValueError::new_err(hint));
            }
        };
        let client_id = client_id.unwrap_or_else(random_client_id);
        if client_id > officina_crdt::lib0::MAX_SAFE_INTEGER {
            return Err(PyValueError::new_err(format!("client_id {client_id} is larger than 2**53 - 1")));
        }
        let doc = Self { shared: Shared::new(client_id, unit) };
        for (name, value) in init.into_iter().flatten() {
            doc.__setitem__(py, name.extract()?, &value)?;
        }
        Ok(doc)
    }

    /// The id that local edits carry.
    #[getter]
    fn client_id(&self, py: Python<'_>) -> u64 {
        self.shared.read(py, |engine| engine.client_id())
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
    fn get(&self, py: Python<'_>, key: &str, r#type: &Bound<'_, PyType>) -> PyResult<Py<PyAny>> {
        let target = self.open(py, key, tag_of(r#type)?)?;
        type_to_py(py, &self.shared, target)
    }

    fn __getitem__(&self, py: Python<'_>, key: &str) -> PyResult<Py<PyAny>> {
        let target = self.find(py, key).ok_or_else(|| PyKeyError::new_err(key.to_owned()))?;
        type_to_py(py, &self.shared, target)
    }

    fn __setitem__(&self, py: Python<'_>, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let prelim = prelim(value, &mut Vec::new())?;
        let tag = prelim.root_tag()?;
        let settled = self.shared.change(py, |engine| {
            let target = engine.root(key, tag)?;
            let mut settled = Vec::new();
            fill(engine, target, prelim, &mut settled)?;
            Ok::<_, officina_crdt::EditError>(settled)
        })?;
        for object in settled {
            object.tell(&self.shared);
        }
        Ok(())
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> bool {
        self.find(py, key).is_some()
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.shared.read(py, |engine| engine.roots().count())
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
            dict.set_item(name, tree_to_py(py, &tree)?)?;
        }
        Ok(dict.unbind())
    }

    /// What this replica has, as a state vector: give it to another's `get_update`.
    fn get_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.shared.read(py, |engine| engine.state_vector()).encode())
    }

    /// What a replica with that state lacks; everything without one.
    ///
    /// Raises:
    ///     DecodeError: `state` is not a state vector.
    #[pyo3(signature = (state=None))]
    fn get_update<'py>(
        &self,
        py: Python<'py>,
        state: Option<Cow<'_, [u8]>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let state = match state {
            Some(bytes) => StateVector::decode(&bytes).map_err(NativeError::from)?,
            None => StateVector::new(),
        };
        Ok(PyBytes::new(py, &self.shared.read_detached(py, |engine| engine.encode_diff(&state))))
    }

    /// Integrates an update from another replica. What depends on updates not yet received waits for them.
    ///
    /// Raises:
    ///     DecodeError: the bytes are not an update; nothing was changed.
    fn apply_update(&self, py: Python<'_>, update: Cow<'_, [u8]>) -> PyResult<()> {
        if update.len() < DETACH_FROM {
            self.shared.change(py, |engine| engine.apply_update(&update)).map(drop)
        } else {
            self.shared.change_detached(py, |engine| engine.apply_update(&update)).map(drop)
        }
    }

    /// Integrates many updates as one change: faster than one by one, because runs of typing are joined first.
    ///
    /// Raises:
    ///     DecodeError: one of them is not an update, and which; nothing was changed.
    fn apply_updates(&self, py: Python<'_>, updates: Vec<PyBackedBytes>) -> PyResult<()> {
        let changed =
            |engine: &mut officina_crdt::Doc| engine.apply_updates(updates.iter().map(|update| &**update));
        self.shared.change_detached(py, changed).map(drop)
    }

    /// Groups what is done inside `with doc.transaction():` into one change: one update, one event per
    /// observer. It is not undone when an exception leaves it. Other threads' changes wait until it ends.
    ///
    /// Args:
    ///     origin: any object; observers find it in their event.
    #[pyo3(signature = (origin=None))]
    fn transaction(&self, origin: Option<Py<PyAny>>) -> Transaction {
        Transaction { shared: Arc::clone(&self.shared), origin }
    }

    /// Calls `callback(event)` with a `TransactionEvent` after every transaction that changed something.
    fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> Subscription {
        Subscription::new(Arc::clone(&self.shared), self.shared.observe(py, callback))
    }

    /// Ends a subscription made by `observe`.
    #[expect(clippy::unused_self, reason = "the name that users of pycrdt know")]
    fn unobserve(&self, py: Python<'_>, subscription: &Subscription) {
        subscription.drop(py);
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

/// A transaction, to be used in a `with` statement.
#[pyclass(frozen, module = "officina.crdt")]
pub(crate) struct Transaction {
    shared: Arc<Shared>,
    origin: Option<Py<PyAny>>,
}

#[pymethods]
impl Transaction {
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let this = slf.get();
        this.shared.enter(slf.py(), this.origin.as_ref())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.shared.exit(py)
    }

    /// The origin of the open transaction; inside another one, that one's.
    #[getter]
    fn origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.shared.origin(py)
    }
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

/// Merges updates into one with the same effect. Runs that continue each other become one, without
/// building a document; time grows linearly with the input.
///
/// Raises:
///     DecodeError: one of them is not an update.
#[pyfunction]
#[pyo3(signature = (*updates))]
pub(super) fn merge_updates(py: Python<'_>, updates: Vec<PyBackedBytes>) -> PyResult<Bound<'_, PyBytes>> {
    let merged = run(py, || -> Result<_, DecodeError> {
        let updates: Vec<&[u8]> = updates.iter().map(|update| &**update).collect();
        officina_crdt::merge_updates(&updates)
    })?;
    Ok(PyBytes::new(py, &merged))
}

/// The part of an update that a replica with that state lacks, without building a document.
///
/// Raises:
///     DecodeError: `update` is not an update or `state` not a state vector.
#[pyfunction]
pub(super) fn get_update<'py>(
    py: Python<'py>,
    update: Cow<'py, [u8]>,
    state: Cow<'py, [u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    let diff = run(py, || officina_crdt::diff_update(&update, &StateVector::decode(&state)?))?;
    Ok(PyBytes::new(py, &diff))
}

/// Up to where an update reaches from the start of each client, as a state vector.
///
/// Raises:
///     DecodeError: it is not an update.
#[pyfunction]
pub(super) fn get_state<'py>(py: Python<'py>, update: Cow<'py, [u8]>) -> PyResult<Bound<'py, PyBytes>> {
    let state = run(py, || officina_crdt::state_vector_from_update(&update))?;
    Ok(PyBytes::new(py, &state.encode()))
}
