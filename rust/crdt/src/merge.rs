//! What can be done to updates without a document: merge, diff, state vector.

use std::cmp::Reverse;

use crate::batch::Batch;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::ClientId;
use crate::piece::{Section, Source, write_block};
use crate::state_vector::StateVector;
use crate::update::{Encoding, Update};
use crate::v2::V2Writer;
use crate::write::{UpdateWriter, V1Writer};

/// What becomes of content whose deletion is merged with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedContent {
    /// It is left out where that saves space: what is left is what a replica that collects garbage would send.
    Dropped,
    /// It stays, for replicas that keep what is deleted in order to show earlier versions.
    Kept,
}

/// Merges V1 updates into one with the same effect, whatever the replica that applies it already has. Runs
/// that continue each other become one block, and deleted content whose deletion is merged with it is left
/// out, so that many small updates shrink to what one replica would have sent. O(n log n).
///
/// Only of two that claim the same units and are not the same there, the one that starts first counts, as in Yjs;
/// [`merge_disjoint_updates`] leaves those alone.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_updates(updates: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    merge_updates_as(updates, Encoding::V1, DeletedContent::Dropped)
}

/// The same as [`merge_updates`] for updates in that encoding, with or without deleted content.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_updates_as(
    updates: &[&[u8]],
    encoding: Encoding,
    content: DeletedContent,
) -> Result<Vec<u8>, DecodeError> {
    let batch = gather(updates, encoding)?;
    let order = batch.order();
    let (update, source) = batch.join(order);
    Ok(Merge::new(update.sources(&source), &update.deletes).encode(encoding, |_| 0, content))
}

/// Merges V1 updates as [`merge_updates`] does; [`None`] if two of them claim the same units and are not the same there.
/// Which of the two a replica takes depends on which it gets first and on what it has, so that they cannot be merged
/// without saying who is right.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_disjoint_updates(updates: &[&[u8]]) -> Result<Option<Vec<u8>>, DecodeError> {
    let batch = gather(updates, Encoding::V1)?;
    let order = batch.order();
    if batch.is_contended(&order) {
        return Ok(None);
    }
    let (update, source) = batch.join(order);
    let merge = Merge::new(update.sources(&source), &update.deletes);
    Ok(Some(merge.encode(Encoding::V1, |_| 0, DeletedContent::Dropped)))
}

fn gather(updates: &[&[u8]], encoding: Encoding) -> Result<Batch, DecodeError> {
    let mut batch = Batch::new(encoding);
    for bytes in updates {
        batch.add(bytes).map_err(|refused| refused.error)?;
    }
    Ok(batch)
}

/// The part of a V1 update that a replica with `remote` as its state lacks; the deletions stay whole.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn diff_update(bytes: &[u8], remote: &StateVector) -> Result<Vec<u8>, DecodeError> {
    diff_update_as(bytes, remote, Encoding::V1)
}

/// The same as [`diff_update`] for an update in that encoding.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn diff_update_as(
    bytes: &[u8],
    remote: &StateVector,
    encoding: Encoding,
) -> Result<Vec<u8>, DecodeError> {
    let mut update = Update::default();
    let source = update.decode_as(bytes, encoding)?;
    let merge = Merge::new(update.sources(&source), &update.deletes);
    Ok(merge.encode(encoding, |client| remote.get(client), DeletedContent::Kept))
}

/// The same blocks and deletions in the other encoding, or in the same one, as Yjs would write them. O(n).
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
/// # Source
/// Yjs 13.6, `convertUpdateFormatV1ToV2`, `convertUpdateFormatV2ToV1`.
pub fn convert_update(bytes: &[u8], source: Encoding, target: Encoding) -> Result<Vec<u8>, DecodeError> {
    let mut update = Update::default();
    let bytes = update.decode_as(bytes, source)?;
    Ok(match target {
        Encoding::V1 => rewrite::<V1Writer>(&update, &bytes),
        Encoding::V2 => rewrite::<V2Writer>(&update, &bytes),
    })
}

/// Writes every block as it came, gaps included.
fn rewrite<W: UpdateWriter>(update: &Update, bytes: &[u8]) -> Vec<u8> {
    let mut writer = W::default();
    let sections = || update.sections().filter(|blocks| !blocks.is_empty());
    writer.rest().var_uint(sections().count() as u64);
    for blocks in sections() {
        let count_at = writer.open_section(blocks[0].client, blocks[0].clock);
        for carrier in blocks {
            write_block(&mut writer, Source { carrier, bytes });
        }
        writer.close_section(count_at, blocks.len() as u64);
    }
    writer.deletes(&update.deletes);
    writer.finish()
}

/// Up to where a V1 update reaches without a gap from the start of each client, as Yjs computes it.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn state_vector_from_update(bytes: &[u8]) -> Result<StateVector, DecodeError> {
    state_vector_from_update_as(bytes, Encoding::V1)
}

/// The same as [`state_vector_from_update`] for an update in that encoding.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn state_vector_from_update_as(bytes: &[u8], encoding: Encoding) -> Result<StateVector, DecodeError> {
    let mut update = Update::default();
    update.decode_as(bytes, encoding)?;
    let mut state = StateVector::new();
    let mut blocks: Vec<_> = update.blocks.iter().filter(|carrier| carrier.kind.is_some()).collect();
    blocks.sort_by_key(|carrier| (carrier.client, carrier.clock));
    for carrier in blocks {
        if carrier.clock <= state.get(carrier.client) {
            state.set(carrier.client, carrier.end().max(state.get(carrier.client)));
        }
    }
    Ok(state)
}

/// Blocks of one or several updates, ready to be written as one.
pub(crate) struct Merge<'a> {
    blocks: Vec<Source<'a>>,
    deletes: &'a DeleteSet,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(blocks: impl Iterator<Item = Source<'a>>, deletes: &'a DeleteSet) -> Self {
        let mut blocks: Vec<_> = blocks.filter(|block| block.carrier.kind.is_some()).collect();
        let key = |block: &Source<'_>| (Reverse(block.carrier.client), block.carrier.clock);
        if !blocks.is_sorted_by_key(key) {
            blocks.sort_by_key(key);
        }
        Self { blocks, deletes }
    }

    /// Encodes what lies at or after each client's clock, with or without the content of what is deleted.
    pub(crate) fn encode(
        &self,
        encoding: Encoding,
        clock_of: impl Fn(ClientId) -> u32,
        content: DeletedContent,
    ) -> Vec<u8> {
        match encoding {
            Encoding::V1 => self.encode_with::<V1Writer>(clock_of, content),
            Encoding::V2 => self.encode_with::<V2Writer>(clock_of, content),
        }
    }

    fn encode_with<W: UpdateWriter>(
        &self,
        clock_of: impl Fn(ClientId) -> u32,
        content: DeletedContent,
    ) -> Vec<u8> {
        let mut writer = W::default();
        let folded = (content == DeletedContent::Dropped).then_some(self.deletes);
        let sections_at = writer.rest().reserve();
        let mut sections = 0;
        for blocks in self.blocks.chunk_by(|a, b| a.carrier.client == b.carrier.client) {
            let mut section = Section::new(&mut writer, clock_of(blocks[0].carrier.client), folded);
            for &block in blocks {
                section.add(block);
            }
            sections += u64::from(section.finish());
        }
        writer.rest().fill(sections_at, sections);
        writer.deletes(self.deletes);
        writer.finish()
    }
}
