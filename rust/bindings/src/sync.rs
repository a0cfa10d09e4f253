//! `officina._native.sync`: the hub of rooms and peers.

#![expect(clippy::doc_markdown, reason = "the comments of Python classes become their docstrings")]
#![expect(clippy::needless_pass_by_value, reason = "a list of Python comes as a value")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use officina_sync::{Access, CloseCode, Document, HubError, Limits, PeerId, ReplayError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};

use crate::errors::{NativeError, run};

/// A chunk of this many bytes or more is worked through without the GIL; below, the hand-over costs more than it gives.
const DETACH_BYTES: usize = 1024;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Hub>()?;
    module.add_class::<Effects>()?;
    module.add_class::<Stats>()
}

/// All rooms and peers of one server: bytes of sockets in, what to write to whom out.
///
/// A room is a document and the peers who edit it. The event loop passes each chunk that arrives to `receive` and carries out
/// what `tick` says, once per turn. Times are seconds on any clock that does not run backwards. Every call may be made
/// from any thread; all raise `LocalProtocolError` for a room or peer that does not exist.
///
/// Args:
///     max_message_bytes: the longest WebSocket message a peer may send.
///     max_backlog_bytes: how much may wait for a paused peer before it is closed with 1013.
///     ping_interval: seconds between two pings to the same peer; `inf` for none.
///     ping_timeout: seconds after a ping within which something must be heard.
#[pyclass(frozen, module = "officina._native.sync")]
struct Hub {
    hub: Mutex<officina_sync::Hub>,
    /// The buffers of the last tick, for the next.
    spare: Mutex<officina_sync::Effects>,
}

impl Hub {
    /// The hub. A panic while it was locked has been contained or reported; the hub itself is still whole.
    fn lock(&self) -> MutexGuard<'_, officina_sync::Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_spare(&self) -> MutexGuard<'_, officina_sync::Effects> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Hub {
    #[new]
    #[pyo3(signature = (*, max_message_bytes = 67_108_864, max_backlog_bytes = 1_000_000, ping_interval = 20.0, ping_timeout = 20.0))]
    fn new(
        max_message_bytes: usize,
        max_backlog_bytes: usize,
        ping_interval: f64,
        ping_timeout: f64,
    ) -> Self {
        let limits = Limits { max_message_bytes, max_backlog_bytes, ping_interval, ping_timeout };
        Self { hub: Mutex::new(officina_sync::Hub::new(limits)), spare: Mutex::default() }
    }

    /// Make a room of the document that the records add up to; the hub serves others meanwhile.
    ///
    /// Args:
    ///     room: its name.
    ///     records: updates, oldest first.
    ///
    /// Raises:
    ///     DecodeError: a record is not an update; the message names it by its index.
    ///     LocalProtocolError: the room is loaded already.
    fn load(&self, py: Python<'_>, room: &str, records: Vec<PyBackedBytes>) -> PyResult<()> {
        run(py, || {
            let document = Document::replay(records.iter().map(AsRef::as_ref))?;
            self.lock().load(room, document).map_err(NativeError::from)
        })
    }

    /// Whether there is such a room.
    fn is_loaded(&self, room: &str) -> bool {
        self.lock().is_loaded(room)
    }

    /// Forget a room.
    ///
    /// Raises:
    ///     LocalProtocolError: it has peers, or changes that wait for a tick.
    fn unload(&self, room: &str) -> PyResult<()> {
        local(self.lock().unload(room))
    }

    /// Return the number of the last record handed out, and the whole document as one update.
    ///
    /// The update holds what the records up to that number do, and perhaps more. After a failed save it counts as a record
    /// itself and takes the next number. Blocks for as long as the document is large, but nobody else's room.
    fn snapshot<'py>(&self, py: Python<'py>, room: &str) -> PyResult<(u64, Bound<'py, PyBytes>)> {
        let (sequence, document) = local(self.lock().snapshot(room))?;
        let update = run(py, || document.encode().map_err(HubError::from))?;
        Ok((sequence, PyBytes::new(py, &update)))
    }

    /// Return how many peers are in a room; those that are being closed no longer count.
    fn peers(&self, room: &str) -> PyResult<usize> {
        local(self.lock().peers(room).map(<[PeerId]>::len))
    }

    /// Return the names of all rooms.
    fn rooms(&self) -> Vec<String> {
        self.lock().rooms().map(str::to_owned).collect()
    }

    /// Let a peer into a loaded room, after the HTTP upgrade.
    ///
    /// With the next tick it is asked for what it has, unless it may only read, and told who is here.
    ///
    /// Args:
    ///     room: a loaded room.
    ///     now: the time.
    ///     saved: whether the peer wants to be told when its changes are on disk.
    ///     read_only: whether a change by this peer is refused, by closing it with 1008.
    ///
    /// Returns:
    ///     The peer's number, which no other peer of this hub ever gets.
    #[pyo3(signature = (room, now, *, saved = false, read_only = false))]
    fn open(&self, room: &str, now: f64, saved: bool, read_only: bool) -> PyResult<u64> {
        let access = Access { read_only, confirm_saved: saved };
        local(self.lock().open(room, access, now).map(PeerId::number))
    }

    /// Take one chunk off a peer's socket.
    ///
    /// A peer that breaks the protocol is closed with the next tick, without any effect on others. What a closing peer sends
    /// is ignored.
    ///
    /// Returns:
    ///     Whether a tick is due.
    fn receive(&self, py: Python<'_>, peer: u64, data: &[u8], now: f64) -> PyResult<bool> {
        let peer = PeerId::new(peer);
        if data.len() < DETACH_BYTES {
            return local(self.lock().receive(peer, data, now));
        }
        run(py, || self.lock().receive(peer, data, now))
    }

    /// Hold a peer's bytes back: its socket takes no more for now.
    fn pause(&self, peer: u64) -> PyResult<()> {
        local(self.lock().pause(PeerId::new(peer)))
    }

    /// Let what was held back go out with the next tick: the peer's socket takes more again.
    fn resume(&self, peer: u64) -> PyResult<()> {
        local(self.lock().resume(PeerId::new(peer)))
    }

    /// Forget a peer whose socket is gone; with the next tick the others learn that its clients are.
    fn lost(&self, peer: u64) -> PyResult<()> {
        local(self.lock().lost(PeerId::new(peer)))
    }

    /// Close a peer from our side; the close frame goes out with the next tick, behind what waits already.
    ///
    /// Raises:
    ///     LocalProtocolError: the code must not stand in a close frame.
    fn close(&self, peer: u64, code: u16, reason: &str) -> PyResult<()> {
        let code = CloseCode::new(code)
            .ok_or_else(|| NativeError::local(format!("close code {code} must not be sent")))?;
        local(self.lock().close(PeerId::new(peer), code, reason))
    }

    /// Return what has come together since the last tick.
    fn tick(&self, py: Python<'_>, now: f64) -> PyResult<Effects> {
        let mut effects = std::mem::take(&mut *self.lock_spare());
        let is_long = self.lock().tick_is_long();
        if is_long {
            py.detach(|| self.lock().tick(now, &mut effects));
        } else {
            self.lock().tick(now, &mut effects);
        }
        // No lock is held here: making Python objects may run a garbage collection, and that anything.
        let converted = Effects::new(py, &effects)?;
        *self.lock_spare() = effects;
        Ok(converted)
    }

    /// Take in that records up to `sequence` are on disk, or, unless `ok`, failed to get there.
    ///
    /// Peers that asked for it are told with the next tick. After a failure nothing counts as saved until a record, or a
    /// snapshot, with the whole document is.
    #[pyo3(signature = (room, sequence, ok = true))]
    fn saved(&self, room: &str, sequence: u64, ok: bool) -> PyResult<()> {
        local(self.lock().saved(room, sequence, ok))
    }

    /// Return when the next tick is due: a time in the past if at once, None if nothing is planned.
    fn due(&self) -> Option<f64> {
        self.lock().due()
    }

    /// Return what has been counted so far.
    fn stats(&self) -> Stats {
        self.lock().stats().into()
    }
}

/// What the caller has to do after a tick.
///
/// Attributes:
///     sends: bytes, one or more WebSocket frames, and the peers to write them to, in order.
///     appends: room, number, and one update that must be logged; numbers count from 1 since the room was loaded.
///     closes: peers to close once what `sends` holds for them is written; their close frame is in there.
#[pyclass(frozen, get_all, module = "officina._native.sync")]
struct Effects {
    sends: Py<PyList>,
    appends: Py<PyList>,
    closes: Py<PyList>,
}

impl Effects {
    fn new(py: Python<'_>, effects: &officina_sync::Effects) -> PyResult<Self> {
        let sends = effects.sends().map(|(bytes, peers)| (PyBytes::new(py, bytes), numbers(peers)));
        let appends =
            effects.appends().map(|append| (append.room, append.sequence, PyBytes::new(py, append.update)));
        Ok(Self {
            sends: PyList::new(py, sends)?.unbind(),
            appends: PyList::new(py, appends)?.unbind(),
            closes: PyList::new(py, numbers(effects.closes()))?.unbind(),
        })
    }
}

fn numbers(peers: &[PeerId]) -> Vec<u64> {
    peers.iter().map(|peer| peer.number()).collect()
}

/// Counters since the hub was made; they only grow.
#[pyclass(frozen, get_all, module = "officina._native.sync")]
struct Stats {
    bytes_in: u64,
    messages_in: u64,
    bytes_out: u64,
    frames_out: u64,
    updates: u64,
    repeated_updates: u64,
    awareness: u64,
    repeated_awareness: u64,
    appends: u64,
    opened: u64,
    refused: u64,
    slow_peers_closed: u64,
    timed_out: u64,
}

impl From<officina_sync::Stats> for Stats {
    fn from(stats: officina_sync::Stats) -> Self {
        Self {
            bytes_in: stats.bytes_in,
            messages_in: stats.messages_in,
            bytes_out: stats.bytes_out,
            frames_out: stats.frames_out,
            updates: stats.updates,
            repeated_updates: stats.repeated_updates,
            awareness: stats.awareness,
            repeated_awareness: stats.repeated_awareness,
            appends: stats.appends,
            opened: stats.opened,
            refused: stats.refused,
            slow_peers_closed: stats.slow_peers_closed,
            timed_out: stats.timed_out,
        }
    }
}

fn local<T>(result: Result<T, HubError>) -> PyResult<T> {
    result.map_err(|error| NativeError::from(error).into())
}

impl From<HubError> for NativeError {
    fn from(error: HubError) -> Self {
        Self::local(error.to_string())
    }
}

impl From<ReplayError> for NativeError {
    fn from(error: ReplayError) -> Self {
        Self::decode(error.to_string())
    }
}
