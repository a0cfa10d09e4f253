//! Many updates as one: what a log of keystrokes holds is decoded whole, and runs that continue each other
//! are joined before anything is integrated.

use std::cmp::Reverse;

use crate::block::Kind;
use crate::error::DecodeError;
use crate::id::Id;
use crate::update::{Carrier, Encoding, Update};

/// Updates while they are gathered.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    gathered: Update,
    /// What the gathered blocks' spans refer to.
    bytes: Vec<u8>,
    scratch: Update,
}

impl Batch {
    /// Decodes one update in that encoding and adds it. After an error the batch is of no use.
    ///
    /// # Errors
    /// Any [`DecodeError`]; [`DecodeError::DocumentFull`] when all of it together exceeds 4 GiB.
    pub(crate) fn add(&mut self, bytes: &[u8], encoding: Encoding) -> Result<(), DecodeError> {
        let bytes = &*self.scratch.decode_as(bytes, encoding)?;
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
