//! Finds the block that holds a clock.
//!
//! Each client's blocks are kept in clock order in chunks of up to 256: where each block of the chunk starts, and which one
//! it is. A search loads no items, and an insertion moves at most 1.5 KB, and one chunk in a hundred times.

use std::ops::Range;
use std::sync::OnceLock;

use hashbrown::HashMap;

use crate::block::ItemId;
use crate::id::ClientId;
use crate::numbers::Numbers;

const CHUNK: usize = 256;

/// Some of a client's blocks that follow each other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chunk {
    /// Where each block starts, counted from where the first one does. A block that starts too far behind is in the next
    /// chunk.
    offsets: Vec<u16>,
    items: Numbers,
    /// How they were encoded last, unless one of them has changed since.
    pub(crate) encoded: OnceLock<Box<Encoded>>,
}

impl Chunk {
    /// Blocks that start at these clocks, as many of them as fit, and have numbers in a row.
    fn of(clocks: &[u32], first: ItemId) -> Self {
        let start = clocks.first().copied().unwrap_or(0);
        let offsets = || clocks.iter().take(CHUNK).map_while(|&clock| offset(start, clock));
        let count = offsets().count();
        let mut fitting = Vec::with_capacity(count);
        fitting.extend(offsets());
        let items = Numbers::row(first..first + count as ItemId);
        Self { offsets: fitting, items, encoded: OnceLock::new() }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Those of its blocks that stand in these slots.
    pub(crate) fn items(&self, slots: Range<usize>) -> impl Iterator<Item = ItemId> + '_ {
        self.items.iter(slots)
    }

    /// The slot of the block that holds a clock, which is so far behind the first.
    #[inline]
    fn slot(&self, offset: u32) -> usize {
        let offset = u16::try_from(offset).unwrap_or(u16::MAX);
        let end = self.offsets.len() - 1;
        if self.offsets[end] <= offset {
            end
        } else {
            self.offsets.partition_point(|&start| start <= offset) - 1
        }
    }

    #[inline]
    fn push(&mut self, offset: u16, item: ItemId) {
        self.encoded.take();
        self.offsets.push(offset);
        self.items.push(item);
    }

    fn insert(&mut self, slot: usize, offset: u16, item: ItemId) {
        self.encoded.take();
        self.offsets.insert(slot, offset);
        self.items.insert(slot, item);
    }

    /// Adds a block that starts so much before the first, if it has room and none is too far behind it; returns whether
    /// that is so.
    fn insert_first(&mut self, before: u32, item: ItemId) -> bool {
        let last = self.offsets.last().copied().unwrap_or(0);
        let fits = self.len() < CHUNK && offset(0, before.saturating_add(last.into())).is_some();
        if fits {
            self.offsets.iter_mut().for_each(|offset| *offset += before as u16);
            self.insert(0, 0, item);
        }
        fits
    }

    /// Takes a block out.
    fn remove(&mut self, slot: usize) {
        self.encoded.take();
        self.offsets.remove(slot);
        self.items.remove(slot);
    }

    /// Keeps the blocks before a slot; returns the others, and how far behind the first they start.
    fn split_off(&mut self, slot: usize) -> (Self, u32) {
        self.encoded.take();
        let (offsets, items) = (self.offsets.split_off(slot), self.items.split_off(slot));
        let mut upper = Self { offsets, items, encoded: OnceLock::new() };
        let start = upper.first_offset();
        upper.count_from(start);
        (upper, start.into())
    }

    #[inline]
    fn first_offset(&self) -> u16 {
        self.offsets.first().copied().unwrap_or(0)
    }

    /// Counts all but the first block from where that one starts now, instead of from where it did; returns whether none
    /// is too far behind that.
    fn follow_first(&mut self, old: u32, new: u32) -> bool {
        let others = self.offsets.get_mut(1..).unwrap_or_default();
        if others.last().is_some_and(|&last| offset(new, old + u32::from(last)).is_none()) {
            return false;
        }
        for offset in others {
            *offset = (old + u32::from(*offset) - new) as u16;
        }
        true
    }

    /// Counts from so much further behind.
    fn count_from(&mut self, start: u16) {
        self.offsets.iter_mut().for_each(|offset| *offset -= start);
    }
}

/// How far a block that starts at `clock` is behind the first of its chunk; [`None`] if that is too far.
#[inline]
fn offset(first: u32, clock: u32) -> Option<u16> {
    u16::try_from(clock - first).ok()
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
        Place { chunk, slot: self.chunks[chunk].slot(clock - self.firsts[chunk]) }
    }

    /// The same for clocks that are asked for one after the other, in ascending order: looks a little ahead of the
    /// one before first.
    #[inline]
    pub(crate) fn find_next(&mut self, clock: u32) -> Place {
        const AHEAD: usize = 16;
        let Place { chunk, slot } = self.recent;
        let (offset, starts) = self.starts_from(self.recent, clock);
        let passed = starts.iter().take(AHEAD).take_while(|&&start| u32::from(start) <= offset).count();
        self.recent = if 0 < passed && passed < starts.len().min(AHEAD) {
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
        let (offset, starts) = self.starts_from(place, clock);
        matches!(starts, [start, next, ..] if u32::from(*start) <= offset && offset < u32::from(*next))
    }

    /// How far a clock is behind the first of the chunk, and where the blocks of the chunk start from `place` on; none if
    /// the clock is before them all.
    #[inline]
    fn starts_from(&self, place: Place, clock: u32) -> (u32, &[u16]) {
        let chunk = self.firsts.get(place.chunk).zip(self.chunks.get(place.chunk));
        let within = chunk
            .and_then(|(&first, chunk)| Some((clock.checked_sub(first)?, chunk.offsets.get(place.slot..)?)));
        within.unwrap_or((0, &[]))
    }

    #[inline]
    pub(crate) fn item(&self, place: Place) -> ItemId {
        self.chunks[place.chunk].items.get(place.slot)
    }

    /// The block before `place`, if any.
    pub(crate) fn previous(&self, place: Place) -> Option<Place> {
        if place.slot > 0 {
            Some(Place { chunk: place.chunk, slot: place.slot - 1 })
        } else {
            let chunk = place.chunk.checked_sub(1)?;
            Some(Place { chunk, slot: self.chunks[chunk].len() - 1 })
        }
    }

    /// The last block.
    #[inline]
    pub(crate) fn last(&self) -> Option<ItemId> {
        let last = self.chunks.last()?;
        Some(last.items.get(last.len() - 1))
    }

    /// The last block, if it is the one that holds `clock`.
    #[inline]
    pub(crate) fn last_from(&self, clock: u32) -> Option<ItemId> {
        let first = self.firsts.last()? + u32::from(*self.chunks.last()?.offsets.last()?);
        if first <= clock && clock < self.next_clock { self.last() } else { None }
    }

    /// Every block from the one that holds `clock`; none if `clock` has not been reached.
    pub(crate) fn items_from(&self, clock: u32) -> impl Iterator<Item = ItemId> + '_ {
        let start = (clock < self.next_clock).then(|| self.find(clock));
        let (chunk, mut slot) = start.map_or((self.chunks.len(), 0), |place| (place.chunk, place.slot));
        self.chunks[chunk..].iter().flat_map(move |chunk| chunk.items(std::mem::take(&mut slot)..chunk.len()))
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
        let written = |it: &Encoded| size_of::<Encoded>() + it.bytes.len() + size_of_val::<[_]>(&it.deletes);
        let encoded = |chunk: &Chunk| chunk.encoded.get().map_or(0, |it| written(it));
        let held =
            |it: &Chunk| it.offsets.capacity() * size_of::<u16>() + it.items.heap_bytes() + encoded(it);
        let chunks = self.chunks.capacity() * size_of::<Chunk>() + self.firsts.capacity() * size_of::<u32>();
        self.chunks.iter().map(held).sum::<usize>() + chunks
    }

    /// Adds the block that starts at `next_clock` and has `len` units.
    #[inline]
    pub(crate) fn push(&mut self, item: ItemId, len: u32) {
        let clock = self.next_clock;
        self.next_clock += len;
        if let (Some(&first), Some(chunk)) = (self.firsts.last(), self.chunks.last_mut())
            && let Some(offset) = offset(first, clock)
            && chunk.len() < CHUNK
        {
            return chunk.push(offset, item);
        }
        // Whoever has filled one chunk is likely to fill the next.
        let has_filled = self.chunks.last().is_some_and(|chunk| chunk.len() >= CHUNK);
        let room = if has_filled { CHUNK } else { 0 };
        let mut chunk = Chunk { offsets: Vec::with_capacity(room), ..Chunk::default() };
        chunk.push(0, item);
        self.firsts.push(clock);
        self.chunks.push(chunk);
    }

    /// Adds the right part of a split block, which starts at `clock`.
    pub(crate) fn insert(&mut self, clock: u32, item: ItemId) {
        let Place { mut chunk, mut slot } = self.find(clock);
        slot += 1;
        let Some(mut offset) = offset(self.firsts[chunk], clock) else {
            // No block of the chunk starts that far behind: it is the last that was split.
            self.chunks[chunk].encoded.take();
            return self.insert_first(chunk + 1, clock, item);
        };
        if self.chunks[chunk].len() >= CHUNK {
            let half = CHUNK / 2;
            let (upper, start) = self.chunks[chunk].split_off(half);
            self.add_chunk(chunk + 1, self.firsts[chunk] + start, upper);
            if slot > half {
                chunk += 1;
                slot -= half;
                offset -= start as u16;
            }
        }
        self.chunks[chunk].insert(slot, offset, item);
    }

    /// Adds a block before all of a chunk, or in a chunk of its own before that.
    fn insert_first(&mut self, at: usize, clock: u32, item: ItemId) {
        if let (Some(first), Some(chunk)) = (self.firsts.get_mut(at), self.chunks.get_mut(at))
            && chunk.insert_first(*first - clock, item)
        {
            *first = clock;
        } else {
            self.add_chunk(at, clock, Chunk::of(&[clock], item));
        }
    }

    fn add_chunk(&mut self, at: usize, first: u32, chunk: Chunk) {
        self.firsts.insert(at, first);
        self.chunks.insert(at, chunk);
    }

    /// Whether the blocks have numbers in a row, and no chunk has room for more of them.
    pub(crate) fn is_row(&self) -> bool {
        let mut next = self.chunks.first().map_or(0, |chunk| chunk.items.get(0));
        self.chunks.iter().all(|chunk| {
            let row = next..next + chunk.len() as ItemId;
            next = row.end;
            chunk.items.is(&row) && chunk.offsets.len() == chunk.offsets.capacity()
        })
    }

    /// Lists the same blocks by other numbers, which are in a row from `first` on: fills the chunks that splits have left
    /// half empty, and gives back what was reserved for more blocks. O(n).
    pub(crate) fn renumber(&mut self, first: ItemId) {
        let mut clocks = Vec::with_capacity(self.chunks.iter().map(Chunk::len).sum());
        for (&first, chunk) in self.firsts.iter().zip(&self.chunks) {
            clocks.extend(chunk.offsets.iter().map(|&offset| first + u32::from(offset)));
        }
        self.list(&clocks, first, self.next_clock);
    }

    /// Lists nothing but blocks that start at these clocks and end with the next one, the last with `next_clock`. They have
    /// numbers in a row from `first` on.
    pub(crate) fn list(&mut self, clocks: &[u32], first: ItemId, next_clock: u32) {
        let full = clocks.len().div_ceil(CHUNK);
        (self.firsts, self.chunks) = (Vec::with_capacity(full), Vec::with_capacity(full));
        let mut done = 0;
        while let Some(&clock) = clocks.get(done) {
            let chunk = Chunk::of(&clocks[done..], first + done as ItemId);
            self.firsts.push(clock);
            done += chunk.len();
            self.chunks.push(chunk);
        }
        self.next_clock = next_clock;
        self.recent = Place { chunk: 0, slot: 0 };
    }

    /// Removes a block whose units its predecessor has taken over.
    pub(crate) fn remove(&mut self, Place { chunk: at, slot }: Place) {
        let chunk = &mut self.chunks[at];
        chunk.remove(slot);
        if chunk.len() == 0 {
            self.chunks.remove(at);
            self.firsts.remove(at);
        } else if slot == 0 {
            let start = chunk.first_offset();
            chunk.count_from(start);
            self.firsts[at] += u32::from(start);
        }
    }

    /// Moves the boundary between a block and its predecessor to `clock`.
    pub(crate) fn move_start(&mut self, place: Place, clock: u32) {
        self.recent = place;
        let first = &mut self.firsts[place.chunk];
        let chunk = &mut self.chunks[place.chunk];
        chunk.encoded.take();
        if place.slot == 0 && chunk.follow_first(*first, clock) {
            *first = clock;
        } else if place.slot > 0
            && let Some(offset) = offset(*first, clock)
        {
            chunk.offsets[place.slot] = offset;
        } else {
            self.move_to_chunk_of_its_own(place, clock);
        }
    }

    /// Moves the start of a block so that it is too far from the others of its chunk: of the last one, or of the first.
    fn move_to_chunk_of_its_own(&mut self, place: Place, clock: u32) {
        let item = self.item(place);
        self.remove(place);
        let at = place.chunk + usize::from(place.slot > 0);
        self.add_chunk(at, clock, Chunk::of(&[clock], item));
        self.recent = Place { chunk: at, slot: 0 };
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
    use proptest::prelude::*;

    use super::*;

    /// An index beside the obvious thing: where each block starts, and which one it is.
    struct Twins {
        blocks: ClientBlocks,
        list: Vec<(u32, ItemId)>,
        made: ItemId,
    }

    impl Twins {
        fn new_item(&mut self, jump: bool) -> ItemId {
            self.made += 1 + u32::from(jump);
            self.made
        }

        fn end(&self, at: usize) -> u32 {
            self.list.get(at + 1).map_or(self.blocks.next_clock, |&(clock, _)| clock)
        }

        fn push(&mut self, len: u32, jump: bool) {
            let item = self.new_item(jump);
            self.list.push((self.blocks.next_clock, item));
            self.blocks.push(item, len);
        }

        fn split(&mut self, at: usize, by: u32, jump: bool) {
            let (start, end) = (self.list[at].0, self.end(at));
            if end - start > 1 {
                let clock = start + 1 + by % (end - start - 1);
                let item = self.new_item(jump);
                self.list.insert(at + 1, (clock, item));
                self.blocks.insert(clock, item);
            }
        }

        fn remove(&mut self, at: usize) {
            if at > 0 {
                let (clock, _) = self.list.remove(at);
                self.blocks.remove(self.blocks.find(clock));
            }
        }

        fn move_start(&mut self, at: usize, by: u32) {
            if at > 0 {
                let (low, high) = (self.list[at - 1].0 + 1, self.end(at));
                let place = self.blocks.find(self.list[at].0);
                self.list[at].0 = low + by % (high - low);
                self.blocks.move_start(place, self.list[at].0);
            }
        }

        fn renumber(&mut self) {
            let first = self.made + 1;
            self.blocks.renumber(first);
            self.list.iter_mut().zip(first..).for_each(|(block, item)| block.1 = item);
            self.made += self.list.len() as ItemId;
        }

        fn check(&mut self) {
            let items: Vec<_> = self.list.iter().map(|&(_, item)| item).collect();
            assert_eq!(self.blocks.items_from(0).collect::<Vec<_>>(), items);
            assert_eq!(self.blocks.last(), items.last().copied());
            for (at, &(start, item)) in self.list.iter().enumerate() {
                for clock in [start, self.end(at) - 1] {
                    let place = self.blocks.find(clock);
                    assert_eq!(self.blocks.item(place), item);
                    assert_eq!(self.blocks.find_next(clock), place);
                    let previous = self.blocks.previous(place).map(|place| self.blocks.item(place));
                    assert_eq!(previous, at.checked_sub(1).map(|before| items[before]));
                    let is_last = at + 1 == items.len();
                    assert_eq!(self.blocks.last_from(clock), is_last.then_some(item));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn an_index_equals_a_list(
            steps in prop::collection::vec((0u32..16, any::<usize>(), any::<u32>(), any::<bool>()), 1..900),
        ) {
            let mut twins = Twins { blocks: ClientBlocks::new(1), list: Vec::new(), made: 0 };
            twins.push(100_000, false);
            for (number, (step, at, by, jump)) in steps.into_iter().enumerate() {
                let at = at % twins.list.len();
                match step {
                    0..4 => twins.push([1, 2, 300, 90_000][by as usize % 4], jump),
                    4..11 => twins.split(at, by, jump),
                    11 => twins.remove(at),
                    12..15 => twins.move_start(at, by),
                    _ if by % 16 == 0 => twins.renumber(),
                    _ => {}
                }
                if number % 64 == 0 {
                    twins.check();
                }
            }
            twins.check();
        }
    }

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
    fn a_chunk_keeps_its_blocks_when_its_first_one_moves() {
        let mut blocks = ClientBlocks::new(1);
        for item in 0..600 {
            blocks.push(item, 10);
        }
        let chunks = blocks.chunks.len();
        for moved in [13, 7, 10] {
            for block in 1..600 {
                let place = blocks.find(block * 10 + 5);
                blocks.move_start(place, (block - 1) * 10 + moved);
            }
        }
        assert_eq!(blocks.chunks.len(), chunks);
    }

    #[test]
    fn a_block_that_is_split_from_its_end_on_leaves_few_chunks() {
        const PARTS: u32 = 1000;
        let mut blocks = ClientBlocks::new(1);
        blocks.push(0, PARTS * PARTS);
        for part in (1..PARTS).rev() {
            blocks.insert(part * PARTS, part);
        }
        for part in 0..PARTS {
            assert_eq!(blocks.item(blocks.find(part * PARTS + part)), part);
        }
        assert!(blocks.chunks().len() < 40);
    }

    #[test]
    fn blocks_that_are_far_from_each_other_take_little_room() {
        let mut blocks = ClientBlocks::new(1);
        for item in 0..1_000 {
            blocks.push(item, 70_000);
        }
        assert!(blocks.heap_bytes() < 200 * 1_000);
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
