//! Many updates as one: what a log of keystrokes holds is decoded whole, and runs that continue each other
//! are joined before anything is integrated.
//!
//! Where two blocks claim the same units, which only happens when one is a copy of part of the other or forged, whichever
//! can be integrated first counts. Joining would decide otherwise, so that such updates are not joined.

use std::cmp::Reverse;

use crate::block::Kind;
use crate::error::{BatchError, DecodeError};
use crate::id::Id;
use crate::update::{Carrier, Encoding, Update};

/// Updates while they are gathered, for [`Doc::apply_batch`](crate::Doc::apply_batch).
#[derive(Debug)]
pub struct Batch {
    encoding: Encoding,
    count: usize,
    gathered: Update,
    /// What the gathered blocks' spans refer to.
    bytes: Vec<u8>,
    scratch: Update,
}

impl Batch {
    /// No updates yet; all of them are to be in that encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            count: 0,
            gathered: Update::default(),
            bytes: Vec::new(),
            scratch: Update::default(),
        }
    }

    /// Decodes one update and adds it. After an error the batch is of no use.
    ///
    /// # Errors
    /// [`BatchError`] with any [`DecodeError`]: [`DecodeError::DocumentFull`] when all of it together exceeds 4 GiB.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), BatchError> {
        let index = self.count;
        self.count += 1;
        self.decode(bytes).map_err(|error| BatchError { index, error })
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let bytes = &*self.scratch.decode_as(bytes, self.encoding)?;
        if u32::try_from(self.bytes.len() + bytes.len()).is_err() {
            return Err(DecodeError::DocumentFull { bytes: self.bytes.len() + bytes.len() });
        }
        for carrier in &self.scratch.blocks {
            if let Some(last) = self.gathered.blocks.last_mut()
                && continues(last, carrier)
            {
                // The last block's text is the last of the bytes.
                last.grow(carrier, bytes, &mut self.bytes);
            } else if carrier.kind.is_some() {
                let moved = carrier.copy_to(bytes, &mut self.bytes);
                self.gathered.blocks.push(moved);
            }
        }
        self.gathered.deletes.extend(&self.scratch.deletes);
        self.gathered.marked |= self.scratch.marked;
        Ok(())
    }

    /// By which order the blocks are joined: by client, from high to low, clock and arrival.
    pub(crate) fn order(&self) -> Order {
        let key = |carrier: &Carrier| (Reverse(carrier.client), carrier.clock);
        let blocks = &self.gathered.blocks;
        if blocks.is_sorted_by_key(key) {
            return Order::Arrival;
        }
        let mut keyed: Vec<_> = blocks.iter().map(key).zip(0..).collect();
        keyed.sort_unstable();
        Order::Indices(keyed.into_iter().map(|(_, index)| index).collect())
    }

    /// Whether two blocks claim the same units and are not the same.
    pub(crate) fn is_contended(&self, order: &Order) -> bool {
        let blocks = &self.gathered.blocks;
        match order {
            Order::Arrival => has_contention(blocks.iter(), &self.bytes),
            Order::Indices(indices) => {
                has_contention(indices.iter().map(|&index| &blocks[index as usize]), &self.bytes)
            }
        }
    }

    /// All of them as one update, with the bytes that it refers to.
    pub(crate) fn join(self, order: Order) -> (Update, Vec<u8>) {
        let mut update = self.gathered;
        if let Order::Indices(indices) = order {
            update.blocks = indices.iter().map(|&index| update.blocks[index as usize]).collect();
        }
        update.divide();
        update.deletes.normalize();
        (update, self.bytes)
    }
}

/// In which order gathered blocks become one update.
#[derive(Debug)]
pub(crate) enum Order {
    /// As they came.
    Arrival,
    /// These of them, one after the other.
    Indices(Vec<u32>),
}

/// Whether of blocks in order two claim the same units and are not the same.
fn has_contention<'a>(mut blocks: impl Iterator<Item = &'a Carrier>, bytes: &[u8]) -> bool {
    let Some(mut last) = blocks.next() else { return false };
    blocks.any(|block| {
        let before = std::mem::replace(&mut last, block);
        let overlaps = before.client == block.client && block.clock < before.end();
        overlaps && (before.clock, before.whole.of(bytes)) != (block.clock, block.whole.of(bytes))
    })
}

fn continues(block: &Carrier, next: &Carrier) -> bool {
    block.kind == Some(Kind::String)
        && next.kind == Some(Kind::String)
        && block.client == next.client
        && block.end() == next.clock
        && block.right_origin == next.right_origin
        && next.origin == Some(Id { client: block.client, clock: next.clock - 1 })
}
