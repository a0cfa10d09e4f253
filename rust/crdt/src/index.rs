//! Finds the block that holds a clock.
//!
//! Each client's blocks are kept in clock order in chunks of up to 256 `(clock, item)` pairs: a search
//! loads no items, and an insertion moves at most 2 KB however many blocks the client has.

use std::ops::Range;
use std::sync::OnceLock;

use hashbrown::HashMap;

use crate::block::ItemId;
use crate::id::ClientId;

const CHUNK: usize = 256;

/// Some of a client's blocks that follow each other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chunk {
    clocks: Vec<u32>,
    pub(crate) items: Vec<ItemId>,
    /// How they were encoded last, unless one of them has changed since.
    pub(crate) encoded: OnceLock<Encoded>,
}

/// What writing a chunk's blocks in V1 yields. The first run may go on from the chunk before and the last one
/// into the next, so that only what lies between them is here.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    /// How many blocks the first run has.
    pub(crate) first: usize,
    /// Where the last run begins.
    pub(crate) last: usize,
    /// The runs between the two, and how many there are.
    pub(crate) bytes: Box<[u8]>,
    pub(crate) runs: u64,
    /// Which clocks of the whole chunk are deleted, in order.
    pub(crate) deletes: Box<[Range<u32>]>,
}

/// Where a block stands in its client's index; valid until the index changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    chunk: usize,
    slot: usize,
}

/// One client's blocks in clock order, without gaps from 0.
#[derive(Debug, Clone)]
pub(crate) struct ClientBlocks {
    pub(crate) client: ClientId,
    /// The first clock that is not there yet.
    pub(crate) next_clock: u32,
    firsts: Vec<u32>,
    chunks: Vec<Chunk>,
    /// Where the index changed last or is about to, or was searched in order; the next search is often for the same block.
    recent: Place,
}

impl ClientBlocks {
    fn new(client: ClientId) -> Self {
        let recent = Place { chunk: 0, slot: 0 };
        Self { client, next_clock: 0, firsts: Vec::new(), chunks: Vec::new(), recent }
    }

    /// The place of the block that holds `clock`, which must be below `next_clock`.
    #[inline]
    pub(crate) fn find(&self, clock: u32) -> Place {
        debug_assert!(clock < self.next_clock);
        if self.holds(self.recent, clock) {
            return self.recent;
        }
        let last = self.firsts.len() - 1;
        let chunk = if self.firsts[last] <= clock {
            last
        } else {
            self.firsts.partition_point(|&first| first <= clock) - 1
        };
        let clocks = &self.chunks[chunk].clocks;
        let end = clocks.len() - 1;
        let slot =
            if clocks[end] <= clock { end } else { clocks.partition_point(|&first| first <= clock) - 1 };
        Place { chunk, slot }
    }

    /// The same for clocks that are asked for one after the other, in ascending order: looks a little ahead of the
    /// one before first.
    #[inline]
    pub(crate) fn find_next(&mut self, clock: u32) -> Place {
        const AHEAD: usize = 16;
        let Place { chunk, slot } = self.recent;
        let clocks = self.chunks.get(chunk).map_or(&[][..], |chunk| &chunk.clocks);
        let ahead = clocks.get(slot..).unwrap_or_default();
        let passed = ahead.iter().take(AHEAD).take_while(|&&first| first <= clock).count();
        self.recent = if 0 < passed && passed < ahead.len().min(AHEAD) {
            Place { chunk, slot: slot + passed - 1 }
        } else {
            self.find(clock)
        };
        self.recent
    }

    /// Says that what is at `place` will be asked for next.
    #[inline]
    pub(crate) fn turn_to(&mut self, place: Place) {
        self.recent = place;
    }

    /// Whether the block at `place` holds `clock`, as far as its own chunk tells.
    #[inline]
    fn holds(&self, place: Place, clock: u32) -> bool {
        let clocks = self.chunks.get(place.chunk).map_or(&[][..], |chunk| &chunk.clocks);
        matches!(clocks.get(place.slot..), Some([first, next, ..]) if *first <= clock && clock < *next)
    }

    #[inline]
    pub(crate) fn item(&self, place: Place) -> ItemId {
        self.chunks[place.chunk].items[place.slot]
    }

    /// The block before `place`, if any.
    pub(crate) fn previous(&self, place: Place) -> Option<Place> {
        if place.slot > 0 {
            Some(Place { chunk: place.chunk, slot: place.slot - 1 })
        } else {
            let chunk = place.chunk.checked_sub(1)?;
            Some(Place { chunk, slot: self.chunks[chunk].items.len() - 1 })
        }
    }

    /// The last block.
    #[inline]
    pub(crate) fn last(&self) -> Option<ItemId> {
        self.chunks.last()?.items.last().copied()
    }

    /// The last block, if it is the one that holds `clock`.
    #[inline]
    pub(crate) fn last_from(&self, clock: u32) -> Option<ItemId> {
        let last = self.chunks.last()?;
        let first = *last.clocks.last()?;
        if first <= clock && clock < self.next_clock { last.items.last().copied() } else { None }
    }

    /// Every block from the one that holds `clock`; none if `clock` has not been reached.
    pub(crate) fn items_from(&self, clock: u32) -> impl Iterator<Item = ItemId> + '_ {
        let start = (clock < self.next_clock).then(|| self.find(clock));
        let (chunk, slot) = start.map_or((self.chunks.len(), 0), |place| (place.chunk, place.slot));
        let first = self.chunks.get(chunk).map_or(&[][..], |chunk| &chunk.items[slot..]);
        let rest = self.chunks.get(chunk + 1..).unwrap_or(&[]);
        first.iter().chain(rest.iter().flat_map(|chunk| &chunk.items)).copied()
    }

    /// Every block, in clock order.
    pub(crate) fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Forgets how the chunk around `clock` was encoded.
    pub(crate) fn forget_encoded(&mut self, clock: u32) {
        if clock < self.next_clock {
            let Place { chunk, .. } = self.find(clock);
            self.chunks[chunk].encoded.take();
        }
    }

    /// Bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let encoded = |chunk: &Chunk| {
            chunk.encoded.get().map_or(0, |it| it.bytes.len() + size_of_val::<[_]>(&it.deletes))
        };
        let chunks: usize = self.chunks.iter().map(|it| it.clocks.capacity() * 8 + encoded(it)).sum();
        chunks + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Adds the block that starts at `next_clock` and has `len` units.
    #[inline]
    pub(crate) fn push(&mut self, item: ItemId, len: u32) {
        let full = self.chunks.last().is_none_or(|chunk| chunk.items.len() >= CHUNK);
        if full {
            // Whoever has filled one chunk is likely to fill the next.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.firsts.push(self.next_clock);
            self.chunks.push(Chunk {
                clocks: Vec::with_capacity(room),
                items: Vec::with_capacity(room),
                encoded: OnceLock::new(),
            });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.encoded.take();
            chunk.clocks.push(self.next_clock);
            chunk.items.push(item);
        }
        self.next_clock += len;
    }

    /// Adds the right part of a split block, which starts at `clock`.
    pub(crate) fn insert(&mut self, clock: u32, item: ItemId) {
        let Place { chunk, slot } = self.find(clock);
        let (mut chunk, mut slot) = (chunk, slot + 1);
        if self.chunks[chunk].items.len() >= CHUNK {
            let half = CHUNK / 2;
            let upper = Chunk {
                clocks: self.chunks[chunk].clocks.split_off(half),
                items: self.chunks[chunk].items.split_off(half),
                encoded: OnceLock::new(),
            };
            self.chunks[chunk].encoded.take();
            self.firsts.insert(chunk + 1, upper.clocks[0]);
            self.chunks.insert(chunk + 1, upper);
            if slot > half {
                chunk += 1;
                slot -= half;
            }
        }
        let chunk = &mut self.chunks[chunk];
        chunk.encoded.take();
        chunk.clocks.insert(slot, clock);
        chunk.items.insert(slot, item);
    }

    /// Fills the chunks that splits have left half empty, and gives back what was reserved for more blocks. O(n).
    pub(crate) fn compact(&mut self) {
        let chunks = std::mem::take(&mut self.chunks);
        let blocks = chunks.iter().map(|chunk| chunk.items.len()).sum();
        let (mut clocks, mut items) = (Vec::with_capacity(blocks), Vec::with_capacity(blocks));
        for chunk in chunks {
            clocks.extend_from_slice(&chunk.clocks);
            items.extend_from_slice(&chunk.items);
        }
        let parts = clocks.chunks(CHUNK).zip(items.chunks(CHUNK));
        self.chunks = parts
            .map(|(clocks, items)| Chunk {
                clocks: clocks.into(),
                items: items.into(),
                encoded: OnceLock::new(),
            })
            .collect();
        self.firsts = clocks.iter().step_by(CHUNK).copied().collect();
        self.recent = Place { chunk: 0, slot: 0 };
    }

    /// Removes a block whose units its predecessor has taken over.
    pub(crate) fn remove(&mut self, place: Place) {
        let chunk = &mut self.chunks[place.chunk];
        chunk.encoded.take();
        chunk.clocks.remove(place.slot);
        chunk.items.remove(place.slot);
        if chunk.items.is_empty() {
            self.chunks.remove(place.chunk);
            self.firsts.remove(place.chunk);
        } else if place.slot == 0 {
            self.firsts[place.chunk] = self.chunks[place.chunk].clocks[0];
        }
    }

    /// Moves the boundary between a block and its predecessor to `clock`.
    pub(crate) fn move_start(&mut self, place: Place, clock: u32) {
        self.recent = place;
        self.chunks[place.chunk].encoded.take();
        self.chunks[place.chunk].clocks[place.slot] = clock;
        if place.slot == 0 {
            self.firsts[place.chunk] = clock;
        }
    }
}

/// Every client of a document, in order of first appearance.
#[derive(Debug, Default, Clone)]
pub(crate) struct Clients {
    blocks: Vec<ClientBlocks>,
    slots: HashMap<ClientId, u32>,
    recent: (ClientId, u32),
}

impl Clients {
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &ClientBlocks {
        &self.blocks[slot as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut ClientBlocks {
        &mut self.blocks[slot as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ClientBlocks> {
        self.blocks.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ClientBlocks> {
        self.blocks.iter_mut()
    }

    /// The slot of a client that the document has met.
    #[inline]
    pub(crate) fn slot(&self, client: ClientId) -> Option<u32> {
        if !self.blocks.is_empty() && self.recent.0 == client {
            return Some(self.recent.1);
        }
        self.slots.get(&client).copied()
    }

    /// The same for a client that more will be asked about.
    #[inline]
    pub(crate) fn recall(&mut self, client: ClientId) -> Option<u32> {
        let slot = self.slot(client)?;
        self.recent = (client, slot);
        Some(slot)
    }

    /// The slot of `client`, new if need be.
    #[inline]
    pub(crate) fn slot_or_insert(&mut self, client: ClientId) -> u32 {
        if !self.blocks.is_empty() && self.recent.0 == client {
            return self.recent.1;
        }
        self.turn_to(client)
    }

    fn turn_to(&mut self, client: ClientId) -> u32 {
        let next = self.blocks.len() as u32;
        let slot = *self.slots.entry(client).or_insert(next);
        if slot == next {
            self.blocks.push(ClientBlocks::new(client));
        }
        self.recent = (client, slot);
        slot
    }

    /// The first clock of `client` that is not there yet.
    #[inline]
    pub(crate) fn next_clock(&self, client: ClientId) -> u32 {
        self.slot(client).map_or(0, |slot| self.get(slot).next_clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_anywhere_is_found_again() {
        let mut blocks = ClientBlocks::new(1);
        for item in 0..2_000 {
            blocks.push(item, 10);
        }
        for item in (0..2_000).rev() {
            blocks.insert(item * 10 + 5, 10_000 + item);
        }
        for clock in 0..20_000 {
            let expected = if clock % 10 < 5 { clock / 10 } else { 10_000 + clock / 10 };
            assert_eq!(blocks.item(blocks.find(clock)), expected);
        }
        for step in [1, 7, 64, 301] {
            for clock in (0..20_000).step_by(step) {
                assert_eq!(blocks.find_next(clock), blocks.find(clock));
            }
        }
        assert_eq!(blocks.items_from(0).count(), 4_000);
    }

    #[test]
    fn removing_a_block_gives_its_clocks_to_the_one_before() {
        let mut blocks = ClientBlocks::new(1);
        for item in 0..600 {
            blocks.push(item, 1);
        }
        for clock in (1..600).rev() {
            let place = blocks.find(clock);
            blocks.remove(place);
        }
        assert_eq!(blocks.item(blocks.find(599)), 0);
    }
}
