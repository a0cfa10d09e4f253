//! The whole document as a V1 update.
//!
//! Whoever joins a document, and whoever saves one, asks for all of it, and between two such moments little of it
//! changes. So each chunk of a client's index remembers how its blocks were written, until one of them changes.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::block::{ItemId, NONE};
use crate::delete_set::DeleteSet;
use crate::index::{Chunk, ClientBlocks, Encoded};
use crate::store::Store;
use crate::write::{UpdateWriter, V1Writer};

/// Shorter chunks are written as fast as they are copied.
const WORTH_REMEMBERING: usize = 64;
/// Stands for no block, like [`NONE`], while no chunk remembers anything.
const NOTHING: ItemId = NONE - 1;

/// Whether chunks remember how they were written, and which block's chunk has forgotten it since.
#[derive(Debug)]
pub(crate) struct Remembered {
    forgotten: AtomicU32,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { forgotten: AtomicU32::new(NOTHING) }
    }
}

impl Remembered {
    /// Whether a change of this block has to make its chunk forget; mostly it is the block that changed last.
    #[inline]
    pub(crate) fn must_forget(&mut self, item: ItemId) -> bool {
        let forgotten = self.forgotten.get_mut();
        if *forgotten == NOTHING || *forgotten == item {
            return false;
        }
        *forgotten = item;
        true
    }

    fn begin(&self) {
        self.forgotten.store(NONE, Ordering::Relaxed);
    }
}

impl Store {
    /// Writes everything. O(n) in bytes, and in the blocks that have changed since it was last written.
    pub(crate) fn encode_whole(&self) -> Vec<u8> {
        self.remembered.begin();
        let mut clients: Vec<_> = self.clients.iter().filter(|blocks| blocks.next_clock > 0).collect();
        clients.sort_unstable_by_key(|blocks| Reverse(blocks.client));
        let mut writer = V1Writer::with_capacity(64 + self.text.len() + 16 * self.items.count());
        let mut deletes = DeleteSet::new();
        writer.rest().var_uint(clients.len() as u64);
        for blocks in clients {
            let count_at = writer.open_section(blocks.client, 0);
            let mut section = Section { store: self, writer, run: Vec::new(), count: 0 };
            for chunk in blocks.chunks() {
                section.add_chunk(blocks, chunk);
                self.add_deletes(blocks.client, chunk, &mut deletes);
            }
            section.end_run();
            let count = section.count;
            writer = section.writer;
            writer.close_section(count_at, count);
        }
        deletes.normalize();
        writer.deletes(&deletes);
        writer.finish()
    }

    fn deletes_of(&self, blocks: &ClientBlocks, chunk: &Chunk) -> Box<[Range<u32>]> {
        let mut deletes = DeleteSet::new();
        self.add_deletes(blocks.client, chunk, &mut deletes);
        deletes.iter().map(|(_, range)| range).collect()
    }
}

/// One client's blocks while they are written.
struct Section<'a> {
    store: &'a Store,
    writer: V1Writer,
    /// Blocks that are to be written as one.
    run: Vec<ItemId>,
    /// How many runs have been written.
    count: u64,
}

impl Section<'_> {
    /// Adds a block to the run, which ends first if the block does not continue it; returns whether it did end.
    fn add(&mut self, item: ItemId) -> bool {
        let ends = self.run.last().is_some_and(|&last| !self.store.is_one_run(last, item));
        if ends {
            self.end_run();
        }
        self.run.push(item);
        ends
    }

    fn end_run(&mut self) {
        self.store.encode_run(&self.run, 0, &mut self.writer);
        self.count += 1;
        self.run.clear();
    }

    fn add_chunk(&mut self, blocks: &ClientBlocks, chunk: &Chunk) {
        let Some(encoded) = chunk.encoded.get() else { return self.encode_chunk(blocks, chunk) };
        for item in chunk.items(0..encoded.first) {
            self.add(item);
        }
        self.end_run();
        self.writer.rest().bytes(&encoded.bytes);
        self.count += encoded.runs;
        self.run.extend(chunk.items(encoded.last..chunk.len()));
    }

    fn encode_chunk(&mut self, blocks: &ClientBlocks, chunk: &Chunk) {
        // Where the second run begins and where the last one does: slot, bytes and runs before it.
        let mut inner: Option<[(usize, usize, u64); 2]> = None;
        for (slot, item) in chunk.items(0..chunk.len()).enumerate() {
            if self.add(item) && slot > 0 {
                let here = (slot, self.writer.rest().as_bytes().len(), self.count);
                inner = Some([inner.map_or(here, |[second, _]| second), here]);
            }
        }
        if let Some([second, last]) = inner
            && chunk.len() >= WORTH_REMEMBERING
        {
            chunk.encoded.get_or_init(|| {
                Box::new(Encoded {
                    first: second.0,
                    last: last.0,
                    bytes: self.writer.rest().as_bytes()[second.1..last.1].into(),
                    runs: last.2 - second.2,
                    deletes: self.store.deletes_of(blocks, chunk),
                })
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Any, Doc, Input, SharedType, TypeTag, Unit};

    /// Numbers that look random.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as u32 % sides
        }
    }

    fn edit(doc: &mut Doc, dice: &mut Dice) {
        let text = doc.root("text", TypeTag::Text).expect("a text");
        let array = doc.root("array", TypeTag::Array).expect("an array");
        let map = doc.root("map", TypeTag::Map).expect("a map");
        let remove = |doc: &mut Doc, dice: &mut Dice, target: SharedType| {
            let length = doc.len(target, Unit::Utf16);
            if length > 0 {
                let at = dice.roll(length);
                doc.delete(target, at, 1 + dice.roll(3).min(length - at - 1), Unit::Utf16).expect("in range");
            }
        };
        match dice.roll(10) {
            0..4 => {
                let at = dice.roll(doc.len(text, Unit::Utf16) + 1);
                doc.insert_text(text, at, ["a", "words ", "é"][dice.roll(3) as usize], Unit::Utf16)
                    .expect("in range");
            }
            4..6 => remove(doc, dice, text),
            6 => {
                let at = dice.roll(doc.len(array, Unit::Utf16) + 1);
                doc.insert_values(array, at, vec![Any::Integer(1), Any::Null]).expect("in range");
            }
            7 => remove(doc, dice, array),
            8 => {
                let key = ["a", "b"][dice.roll(2) as usize];
                doc.set(map, key, Input::Any(Any::Integer(i64::from(dice.roll(9))))).expect("alive");
            }
            _ => {
                // Typing and backspace, at the end.
                let end = doc.len(text, Unit::Utf16);
                doc.insert_text(text, end, "xyz", Unit::Utf16).expect("in range");
                doc.delete(text, end + 2, 1, Unit::Utf16).expect("in range");
            }
        }
    }

    fn written_anew(doc: &Doc) -> Vec<u8> {
        let mut deletes = DeleteSet::new();
        for blocks in doc.store.clients.iter() {
            for item in blocks.items_from(0).map(|item| doc.store.item(item)).filter(|item| item.deleted) {
                deletes.add(blocks.client, item.clock..item.end());
            }
        }
        deletes.normalize();
        let starts = (0..doc.store.clients.iter().count()).map(|slot| (slot as u32, 0)).collect();
        doc.store.encode_from::<V1Writer>(starts, &deletes)
    }

    #[test]
    fn what_is_remembered_is_what_would_be_written() {
        for seed in 0..6 {
            let mut dice = Dice(seed);
            let mut docs = [Doc::new(1), Doc::new(2)];
            for round in 0..150 {
                let [ours, theirs] = &mut docs;
                for _ in 0..dice.roll(if round < 40 { 60 } else { 4 }) {
                    edit(ours, &mut dice);
                    edit(theirs, &mut dice);
                }
                if dice.roll(3) == 0 {
                    ours.apply_update(&theirs.encode_diff(&ours.state_vector())).expect("own update");
                }
                if dice.roll(3) == 0 {
                    theirs.apply_update(&ours.encode_update()).expect("own update");
                }
                for doc in [&*ours, &*theirs] {
                    assert_eq!(doc.encode_update(), written_anew(doc), "seed {seed}, round {round}");
                }
            }
            let remembers =
                |blocks: &ClientBlocks| blocks.chunks().iter().any(|it| it.encoded.get().is_some());
            assert!(docs[0].store.clients.iter().any(remembers), "seed {seed}");
        }
    }
}
