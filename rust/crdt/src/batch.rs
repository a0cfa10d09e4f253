//! Many updates as one: what a log of keystrokes holds is decoded whole, and runs that continue each other
//! are joined before anything is integrated.

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

    /// All of them as one update, with the bytes that it refers to.
    pub(crate) fn finish(self) -> (Update, Vec<u8>) {
        let mut update = self.gathered;
        let key = |carrier: &Carrier| (Reverse(carrier.client), carrier.clock);
        if !update.blocks.is_sorted_by_key(key) {
            update.blocks.sort_by_key(key);
        }
        let mut first = 0;
        for section in update.blocks.chunk_by(|a, b| a.client == b.client) {
            let end = first + section.len() as u32;
            update.sections.push(first..end);
            first = end;
        }
        update.deletes.normalize();
        (update, self.bytes)
    }
}

fn continues(block: &Carrier, next: &Carrier) -> bool {
    block.kind == Some(Kind::String)
        && next.kind == Some(Kind::String)
        && block.client == next.client
        && block.end() == next.clock
        && block.right_origin == next.right_origin
        && next.origin == Some(Id { client: block.client, clock: next.clock - 1 })
}
