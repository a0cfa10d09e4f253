//! One connection as the hub sees it.

use crate::effects::Effects;
use crate::message::write_sync_status;
use crate::reader::MessageReader;
use crate::stats::Stats;
use officina_crdt::StateVector;
use officina_crdt::lib0::Writer;
use std::collections::VecDeque;
use std::sync::Arc;

/// An outbox that has grown beyond this many bytes is released once it is sent.
const KEPT_OUTBOX_BYTES: usize = 256;

/// Names a peer; never reused within a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u64);

impl PeerId {
    /// The peer with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a peer may do, and what it wants to hear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// The peer may look on but not change the document.
    pub read_only: bool,
    /// The peer wants to be told when its changes are on disk.
    pub confirm_saved: bool,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) room: Arc<str>,
    pub(crate) access: Access,
    pub(crate) reader: MessageReader,
    pub(crate) outbox: Outbox,
    /// When bytes last arrived.
    pub(crate) heard: f64,
    /// The socket takes no more for now: what the room says collects in the outbox.
    pub(crate) paused: bool,
    /// A close frame is written or about to be; what the peer still sends is not read.
    pub(crate) closing: bool,
    /// Which awareness states the peer gets with the next tick.
    pub(crate) catch_up: CatchUp,
    /// The sync step 1 that waits for its answer.
    pub(crate) question: Option<Question>,
    /// Whether the peer was asked for updates that the document still waits for.
    pub(crate) asked_for_missing: bool,
    /// Messages not yet confirmed as saved: how many with which sequence number of the log.
    pub(crate) unconfirmed: VecDeque<(u64, u32)>,
}

/// What a peer has, when it asks for the rest.
#[derive(Debug)]
pub(crate) struct Question {
    /// The state vector as it came: equal bytes get the same answer.
    pub(crate) encoded: Vec<u8>,
    pub(crate) state_vector: StateVector,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CatchUp {
    /// None beyond those that change.
    None,
    /// Of everybody present.
    Present,
    /// Of everybody present, and who has left: announcements were dropped while the peer was paused.
    PresentAndDeparted,
}

impl Peer {
    pub(crate) fn new(
        id: PeerId,
        room: Arc<str>,
        access: Access,
        max_message_bytes: usize,
        now: f64,
    ) -> Self {
        Self {
            id,
            room,
            access,
            reader: MessageReader::new(max_message_bytes),
            outbox: Outbox::default(),
            heard: now,
            paused: false,
            closing: false,
            catch_up: CatchUp::Present,
            question: None,
            asked_for_missing: false,
            unconfirmed: VecDeque::new(),
        }
    }

    /// Sends what there is for this peer alone, so that it comes before what is sent to many.
    pub(crate) fn send_outbox(&mut self, effects: &mut Effects, stats: &mut Stats) {
        stats.frames_out += self.outbox.frames();
        stats.bytes_out += effects.compose(self.id, |out| out.bytes(self.outbox.as_bytes())) as u64;
        self.outbox.clear();
    }

    /// Remembers to confirm one message when the log is on disk up to `sequence`.
    pub(crate) fn confirm_at(&mut self, sequence: u64) {
        match self.unconfirmed.back_mut() {
            Some((last, count)) if *last == sequence => *count += 1,
            _ => self.unconfirmed.push_back((sequence, 1)),
        }
    }

    /// Has what was received last and waits for `sequence` wait for `later`.
    pub(crate) fn postpone(&mut self, sequence: u64, later: u64) {
        if let Some((last, _)) = self.unconfirmed.back_mut()
            && *last == sequence
        {
            *last = later;
        }
    }

    /// Confirms every message up to `sequence`; returns whether more are waiting.
    pub(crate) fn confirm(&mut self, sequence: u64, saved: bool) -> bool {
        while let Some(&(next, count)) = self.unconfirmed.front()
            && next <= sequence
        {
            for _ in 0..count {
                self.outbox.push(|out| write_sync_status(out, saved));
            }
            self.unconfirmed.pop_front();
        }
        !self.unconfirmed.is_empty()
    }
}

/// Frames for one peer alone.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Writer,
    frames: u64,
}

impl Outbox {
    /// Adds the one frame that `write` writes.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Writer)) {
        write(&mut self.bytes);
        self.frames += 1;
    }

    /// Adds one frame that is written already.
    pub(crate) fn push_frame(&mut self, frame: &[u8]) {
        self.push(|out| out.bytes(frame));
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    pub(crate) fn clear(&mut self) {
        self.frames = 0;
        if self.bytes.as_bytes().len() > KEPT_OUTBOX_BYTES {
            self.bytes = Writer::new();
        } else {
            self.bytes.clear();
        }
    }
}
