//! All rooms and peers of one server.

use crate::close::{CloseCode, write_close};
use crate::document::{Document, DocumentFailed};
use crate::effects::{Effects, KEPT_BUFFER_BYTES};
use crate::error::ProtocolError;
use crate::frame::{Opcode, write_frame};
use crate::keepalive::{KEEPALIVE_FRAMES, Keepalive, write_keepalive};
use crate::peer::{Access, Peer, PeerId};
use crate::reader::Event;
use crate::room::{Peers, Room};
use crate::stats::Stats;
use hashbrown::HashMap;
use officina_crdt::lib0::Writer;
use std::sync::Arc;

/// How much a peer may send, how far it may fall behind, and how long it may be silent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The longest WebSocket message, in bytes.
    pub max_message_bytes: usize,
    /// How many bytes may wait for a paused peer.
    pub max_backlog_bytes: usize,
    /// Seconds between two pings to the same peer; infinite for none.
    pub ping_interval: f64,
    /// Seconds after a ping within which something must be heard.
    pub ping_timeout: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 << 20,
            max_backlog_bytes: 1_000_000,
            ping_interval: 20.0,
            ping_timeout: 20.0,
        }
    }
}

/// The caller broke the contract of a [`Hub`]; nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// No peer has this id, or it was reported lost.
    #[error("no peer {peer}")]
    UnknownPeer {
        /// The id given.
        peer: u64,
    },
    /// The room is not loaded.
    #[error("room {room:?} is not loaded")]
    UnknownRoom {
        /// The name given.
        room: String,
    },
    /// The room is loaded already.
    #[error("room {room:?} is loaded already")]
    AlreadyLoaded {
        /// The name given.
        room: String,
    },
    /// A room cannot be unloaded while peers are in it.
    #[error("room {room:?} has {peers} peers")]
    Occupied {
        /// The name given.
        room: String,
        /// How many peers are in it.
        peers: usize,
    },
    /// A room cannot be unloaded while changes wait to be logged.
    #[error("room {room:?} has changes that wait for a tick")]
    Unlogged {
        /// The name given.
        room: String,
    },
    /// A record was reported saved that was not handed out.
    #[error("record {sequence} of room {room:?} was not handed out, the last is {last}")]
    UnknownSequence {
        /// The name given.
        room: String,
        /// The number given.
        sequence: u64,
        /// The last number handed out.
        last: u64,
    },
    /// The engine failed over this document.
    #[error(transparent)]
    DocumentFailed(#[from] DocumentFailed),
}

/// Rooms, peers, and what they have to do in the next tick.
///
/// The caller owns sockets, clock and disk. It passes each chunk that arrives to [`receive`](Self::receive), and once per turn of
/// its event loop carries out what [`tick`](Self::tick) says. Times are seconds on any clock that does not run backwards.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    rooms: HashMap<Arc<str>, Room>,
    peers: Peers,
    opened: u64,
    /// Rooms with something to do in the next tick.
    due: Vec<Arc<str>>,
    /// Peers whose close frame goes out with the next tick.
    closing: Vec<PeerId>,
    keepalive: Keepalive,
    /// Where messages are unmasked.
    scratch: Vec<u8>,
    stats: Stats,
}

impl Hub {
    /// A hub without rooms.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: HashMap::new(),
            peers: Peers::new(),
            opened: 0,
            due: Vec::new(),
            closing: Vec::new(),
            keepalive: Keepalive::new(limits.ping_interval, limits.ping_timeout),
            scratch: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Makes a room of a document, without peers.
    ///
    /// # Errors
    /// [`HubError::AlreadyLoaded`].
    pub fn load(&mut self, room: &str, document: Document) -> Result<(), HubError> {
        if self.rooms.contains_key(room) {
            return Err(HubError::AlreadyLoaded { room: room.to_owned() });
        }
        let name: Arc<str> = room.into();
        self.rooms.insert(Arc::clone(&name), Room::new(name, document));
        Ok(())
    }

    /// Whether there is such a room.
    #[must_use]
    pub fn is_loaded(&self, room: &str) -> bool {
        self.rooms.contains_key(room)
    }

    /// Forgets a room.
    ///
    /// # Errors
    /// [`HubError::UnknownRoom`]; [`HubError::Occupied`] while it has peers; [`HubError::Unlogged`] while changes wait for
    /// the next tick.
    pub fn unload(&mut self, room: &str) -> Result<(), HubError> {
        let found = self.room(room)?;
        if !found.members().is_empty() {
            return Err(HubError::Occupied { room: room.to_owned(), peers: found.members().len() });
        }
        if found.has_unlogged_changes() {
            return Err(HubError::Unlogged { room: room.to_owned() });
        }
        self.rooms.remove(room);
        Ok(())
    }

    /// The number of the last record handed out for a room, and its document, which holds what the records up to that one do
    /// and perhaps more. Encode it after letting go of the hub.
    ///
    /// After a failed save the snapshot takes a number of its own, so that [`saved`](Self::saved) can report it.
    ///
    /// # Errors
    /// [`HubError::UnknownRoom`].
    pub fn snapshot(&mut self, room: &str) -> Result<(u64, Document), HubError> {
        self.room_mut(room).map(Room::snapshot)
    }

    /// The peers in a room, by id; those that are being closed no longer count.
    ///
    /// # Errors
    /// [`HubError::UnknownRoom`].
    pub fn peers(&self, room: &str) -> Result<&[PeerId], HubError> {
        self.room(room).map(Room::members)
    }

    /// The names of all rooms.
    #[must_use]
    pub fn rooms(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rooms.keys().map(AsRef::as_ref)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn room(&self, room: &str) -> Result<&Room, HubError> {
        self.rooms.get(room).ok_or_else(|| HubError::UnknownRoom { room: room.to_owned() })
    }

    fn room_mut(&mut self, room: &str) -> Result<&mut Room, HubError> {
        self.rooms.get_mut(room).ok_or_else(|| HubError::UnknownRoom { room: room.to_owned() })
    }

    /// Lets a peer into a loaded room, after the HTTP upgrade. With the next tick it is asked for what it has (unless it may
    /// only read) and told who is here.
    ///
    /// # Errors
    /// [`HubError::UnknownRoom`] or [`HubError::DocumentFailed`].
    pub fn open(&mut self, room: &str, access: Access, now: f64) -> Result<PeerId, HubError> {
        let Some(room) = self.rooms.get_mut(room) else {
            return Err(HubError::UnknownRoom { room: room.to_owned() });
        };
        let id = PeerId::new(self.opened + 1);
        let mut peer = Peer::new(id, Arc::clone(room.name()), access, self.limits.max_message_bytes, now);
        room.enter(&mut peer)?;
        mark_due(room, &mut self.due);
        self.peers.insert(id, peer);
        self.opened += 1;
        self.stats.opened += 1;
        self.keepalive.schedule(id, now);
        Ok(id)
    }

    /// Takes one chunk off a peer's socket. Returns whether a tick is due.
    ///
    /// A peer that breaks the protocol is closed with the next tick. Chunks of a closing peer are ignored.
    ///
    /// # Errors
    /// [`HubError::UnknownPeer`].
    pub fn receive(&mut self, peer: PeerId, data: &[u8], now: f64) -> Result<bool, HubError> {
        let known = self.peers.get_mut(&peer).ok_or(HubError::UnknownPeer { peer: peer.number() })?;
        if !known.closing {
            known.heard = now;
            self.stats.bytes_in += data.len() as u64;
            let mut scratch = std::mem::take(&mut self.scratch);
            let outcome = self.receive_messages(peer, data, &mut scratch);
            if scratch.capacity() <= KEPT_BUFFER_BYTES {
                self.scratch = scratch;
            }
            match outcome {
                Ok(None) => {}
                Ok(Some(code)) => self.shut(peer, code, ""),
                Err(error) => {
                    self.stats.refused += 1;
                    self.refuse(peer, &error);
                }
            }
        }
        Ok(self.tick_is_due())
    }

    /// Works through the messages in `data`; returns the code of the close frame, should there be one.
    fn receive_messages(
        &mut self,
        peer: PeerId,
        mut data: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<Option<CloseCode>, ProtocolError> {
        let Self { rooms, peers, stats, due, .. } = self;
        let Some(peer) = peers.get_mut(&peer) else { return Ok(None) };
        let Some(room) = rooms.get_mut(&peer.room) else { return Ok(None) };
        while let Some(event) = peer.reader.next(&mut data, scratch)? {
            match event {
                Event::Message(payload) => {
                    stats.messages_in += 1;
                    mark_due(room, due);
                    room.receive(peer, payload, stats)?;
                }
                Event::Ping(payload) => {
                    peer.outbox.push(|out| write_frame(out, Opcode::Pong, payload));
                    room.touch(peer.id);
                    mark_due(room, due);
                }
                Event::Pong(_) => {}
                Event::Close(code, _) => return Ok(Some(code)),
            }
        }
        Ok(None)
    }

    /// The peer's socket takes no more for now. What its room has to say collects here, up to the limit.
    ///
    /// # Errors
    /// [`HubError::UnknownPeer`].
    pub fn pause(&mut self, peer: PeerId) -> Result<(), HubError> {
        self.with_peer(peer, |room, peer, _| room.pause(peer))
    }

    /// The peer's socket takes more again. What was held back goes out with the next tick.
    ///
    /// # Errors
    /// [`HubError::UnknownPeer`].
    pub fn resume(&mut self, peer: PeerId) -> Result<(), HubError> {
        self.with_peer(peer, |room, peer, due| {
            room.resume(peer);
            mark_due(room, due);
        })
    }

    /// Runs `work` on a peer and its room, unless the peer is closing.
    fn with_peer(
        &mut self,
        peer: PeerId,
        work: impl FnOnce(&mut Room, &mut Peer, &mut Vec<Arc<str>>),
    ) -> Result<(), HubError> {
        let Self { rooms, peers, due, .. } = self;
        let peer = peers.get_mut(&peer).ok_or(HubError::UnknownPeer { peer: peer.number() })?;
        if let Some(room) = rooms.get_mut(&peer.room).filter(|_| !peer.closing) {
            work(room, peer, due);
        }
        Ok(())
    }

    /// The peer's socket is gone. Its awareness states are removed, which the others learn with the next tick.
    ///
    /// # Errors
    /// [`HubError::UnknownPeer`].
    pub fn lost(&mut self, peer: PeerId) -> Result<(), HubError> {
        self.with_peer(peer, leave)?;
        self.peers.remove(&peer);
        Ok(())
    }

    /// Closes a peer from our side: the close frame goes out with the next tick, behind what is already waiting for it.
    ///
    /// # Errors
    /// [`HubError::UnknownPeer`].
    pub fn close(&mut self, peer: PeerId, code: CloseCode, reason: &str) -> Result<(), HubError> {
        if !self.peers.contains_key(&peer) {
            return Err(HubError::UnknownPeer { peer: peer.number() });
        }
        self.shut(peer, code, reason);
        Ok(())
    }

    fn refuse(&mut self, peer: PeerId, error: &ProtocolError) {
        self.shut(peer, error.close_code(), &error.to_string());
    }

    fn shut(&mut self, id: PeerId, code: CloseCode, reason: &str) {
        let Self { rooms, peers, due, closing, .. } = self;
        let Some(peer) = peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        if let Some(room) = rooms.get_mut(&peer.room) {
            leave(room, peer, due);
        }
        peer.closing = true;
        peer.outbox.push(|out| write_close(out, code, reason));
        closing.push(id);
    }

    /// Records of a room up to `sequence` are on disk, or, unless `ok`, failed to get there. Peers that asked for it are told with
    /// the next tick.
    ///
    /// # Errors
    /// [`HubError::UnknownRoom`] or [`HubError::UnknownSequence`].
    pub fn saved(&mut self, room: &str, sequence: u64, ok: bool) -> Result<(), HubError> {
        let found = self.room_mut(room)?;
        let last = found.sequence();
        if sequence > last {
            return Err(HubError::UnknownSequence { room: room.to_owned(), sequence, last });
        }
        let Self { rooms, peers, due, .. } = self;
        if let Some(found) = rooms.get_mut(room) {
            found.saved(sequence, ok, peers);
            mark_due(found, due);
        }
        Ok(())
    }

    /// Whether [`tick`](Self::tick) has something to say right now, pings aside.
    #[must_use]
    pub fn tick_is_due(&self) -> bool {
        !self.due.is_empty() || !self.closing.is_empty()
    }

    /// Whether the next tick may take long: it encodes documents, not only what has changed.
    #[must_use]
    pub fn tick_is_long(&self) -> bool {
        self.due.iter().any(|name| self.rooms.get(name).is_some_and(Room::has_questions))
    }

    /// When the next tick is due: a time in the past if right now, `None` if only after something has happened.
    #[must_use]
    pub fn due(&self) -> Option<f64> {
        if self.tick_is_due() { Some(0.0) } else { self.keepalive.due() }
    }

    /// Replaces `effects` by what has come together since the last tick.
    pub fn tick(&mut self, now: f64, effects: &mut Effects) {
        effects.clear();
        self.keep_alive(now, effects);
        while let Some(name) = self.due.pop() {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            let limit = self.limits.max_backlog_bytes;
            for slow in room.flush(&mut self.peers, limit, effects, &mut self.stats) {
                self.stats.slow_peers_closed += 1;
                if let Some(peer) = self.peers.get_mut(&slow) {
                    peer.outbox.clear();
                }
                self.refuse(slow, &ProtocolError::SlowConsumer { limit });
            }
        }
        for id in self.closing.drain(..) {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.send_outbox(effects, &mut self.stats);
            effects.close(id);
        }
    }

    /// Closes who has not answered, and pings whose turn it is. A paused peer is left alone: its answer may be late because
    /// the ping is, and its backlog has a limit of its own.
    fn keep_alive(&mut self, now: f64, effects: &mut Effects) {
        while let Some(deadline) = self.keepalive.next_deadline(now) {
            let peer = self.peers.get(&deadline.peer);
            if peer.is_some_and(|peer| !peer.paused && !peer.closing && peer.heard < deadline.asked) {
                self.stats.timed_out += 1;
                self.refuse(deadline.peer, &ProtocolError::PingTimeout);
            }
        }
        let mut turns = Vec::new();
        while let Some(id) = self.keepalive.next_ping(now) {
            if self.peers.get(&id).is_some_and(|peer| !peer.closing) {
                turns.push(id);
            }
        }
        for &id in &turns {
            self.keepalive.schedule(id, now);
        }
        turns.retain(|id| self.peers.get(id).is_some_and(|peer| !peer.paused));
        for &id in &turns {
            self.keepalive.expect(id, now);
        }
        if turns.is_empty() {
            return;
        }
        let mut frames = Writer::new();
        write_keepalive(&mut frames);
        let count = effects.send(frames.as_bytes(), turns.into_iter()) as u64;
        self.stats.frames_out += count * KEEPALIVE_FRAMES;
        self.stats.bytes_out += count * frames.as_bytes().len() as u64;
    }
}

fn mark_due(room: &mut Room, due: &mut Vec<Arc<str>>) {
    if !std::mem::replace(&mut room.due, true) {
        due.push(Arc::clone(room.name()));
    }
}

fn leave(room: &mut Room, peer: &mut Peer, due: &mut Vec<Arc<str>>) {
    room.leave(peer.id);
    mark_due(room, due);
}

#[cfg(test)]
mod tests;
