//! What the caller has to do after a tick.

use crate::peer::PeerId;
use officina_crdt::lib0::Writer;
use std::ops::Range;
use std::sync::Arc;

/// A buffer that has grown beyond this many bytes is released after use.
pub(crate) const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// Everything one tick asks for: what to write to whom, what to log, whom to close.
///
/// Packed into a few buffers, which are kept from tick to tick when the same value is passed again: a steady server allocates
/// nothing here.
#[derive(Debug, Default)]
pub struct Effects {
    bytes: Writer,
    peers: Vec<PeerId>,
    sends: Vec<Send>,
    appends: Vec<AppendSpan>,
    closes: Vec<PeerId>,
}

#[derive(Debug)]
struct Send {
    bytes: Range<usize>,
    peers: Range<usize>,
}

#[derive(Debug)]
struct AppendSpan {
    room: Arc<str>,
    sequence: u64,
    bytes: Range<usize>,
}

/// One record for the log of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append<'a> {
    /// The room.
    pub room: &'a str,
    /// 1, 2, 3 and so on since the room was loaded.
    pub sequence: u64,
    /// The record: one update.
    pub update: &'a [u8],
}

impl Effects {
    /// Bytes to write, each with the peers to write them to, in order.
    #[must_use]
    pub fn sends(&self) -> impl ExactSizeIterator<Item = (&[u8], &[PeerId])> {
        let bytes = self.bytes.as_bytes();
        self.sends.iter().map(move |send| (&bytes[send.bytes.clone()], &self.peers[send.peers.clone()]))
    }

    /// Records to log.
    #[must_use]
    pub fn appends(&self) -> impl ExactSizeIterator<Item = Append<'_>> {
        let bytes = self.bytes.as_bytes();
        self.appends.iter().map(move |append| Append {
            room: &append.room,
            sequence: append.sequence,
            update: &bytes[append.bytes.clone()],
        })
    }

    /// Peers to close once what [`sends`](Self::sends) holds for them is written; their close frame is in there.
    #[must_use]
    pub fn closes(&self) -> &[PeerId] {
        &self.closes
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.appends.is_empty() && self.closes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        if self.bytes.as_bytes().len() > KEPT_BUFFER_BYTES {
            self.bytes = Writer::new();
        } else {
            self.bytes.clear();
        }
        self.peers.clear();
        self.sends.clear();
        self.appends.clear();
        self.closes.clear();
    }

    /// Adds the same bytes for every one of `peers`; returns how many there are.
    pub(crate) fn send(&mut self, bytes: &[u8], peers: impl Iterator<Item = PeerId>) -> usize {
        let first = self.peers.len();
        self.peers.extend(peers);
        let count = self.peers.len() - first;
        if count > 0 && !bytes.is_empty() {
            let bytes = self.push(bytes);
            self.sends.push(Send { bytes, peers: first..self.peers.len() });
        }
        count
    }

    /// Adds what `write` writes for one peer; returns how many bytes that is.
    pub(crate) fn compose(&mut self, peer: PeerId, write: impl FnOnce(&mut Writer)) -> usize {
        let start = self.bytes.as_bytes().len();
        write(&mut self.bytes);
        let end = self.bytes.as_bytes().len();
        if end > start {
            self.peers.push(peer);
            let last = self.peers.len();
            self.sends.push(Send { bytes: start..end, peers: last - 1..last });
        }
        end - start
    }

    pub(crate) fn append(&mut self, room: &Arc<str>, sequence: u64, update: &[u8]) {
        let bytes = self.push(update);
        self.appends.push(AppendSpan { room: Arc::clone(room), sequence, bytes });
    }

    pub(crate) fn close(&mut self, peer: PeerId) {
        self.closes.push(peer);
    }

    fn push(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.as_bytes().len();
        self.bytes.bytes(bytes);
        start..start + bytes.len()
    }
}
