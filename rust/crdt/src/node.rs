//! What the counted tree of a sequence is made of: leaves that list items, and nodes above them.
//!
//! Slots are searched by comparing each of them, with nothing to guess for the processor, wherever that is
//! shorter than a search that ends where it finds something.

use std::hint::black_box;

use crate::block::{ItemId, NONE};
use crate::items::Items;
use crate::tree::{Size, Unit};

/// How many items a leaf lists, and how many children a node has.
pub(crate) const CAPACITY: usize = 32;

/// Slots that are not in use hold [`NONE`] and no length.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) parent: u32,
    pub(crate) count: u32,
    /// Whether an item here may differ in size between units; if not, `visible` serves them all.
    pub(crate) mixed: bool,
    pub(crate) items: [ItemId; CAPACITY],
    /// The visible length of each item in UTF-16 units.
    pub(crate) visible: [u32; CAPACITY],
}

impl Leaf {
    pub(crate) fn empty() -> Self {
        Self { parent: NONE, count: 0, mixed: false, items: [NONE; CAPACITY], visible: [0; CAPACITY] }
    }

    #[inline]
    pub(crate) fn slot_of(&self, item: ItemId) -> usize {
        slot_in(&self.items, item)
    }

    /// Brings the leaf into the cache, by reading from each part of it: so all come at the same time, where a search would
    /// wait for one after the other.
    #[inline]
    pub(crate) fn fetch(&self) {
        let (middle, last) = (CAPACITY / 2, CAPACITY - 1);
        black_box((self.items[0], self.items[middle], self.visible[middle], self.visible[last]));
    }

    /// Brings an item and its neighbors into the cache, which an edit there will look at.
    #[inline]
    pub(crate) fn fetch_items(&self, items: &Items, slot: usize) {
        for near in [slot.wrapping_sub(1), slot, slot + 1] {
            if let Some(&item) = self.items.get(near) {
                items.fetch(item);
            }
        }
    }

    pub(crate) fn insert(&mut self, slot: usize, item: ItemId, size: Size) {
        let count = self.count as usize;
        self.items.copy_within(slot..count, slot + 1);
        self.visible.copy_within(slot..count, slot + 1);
        self.items[slot] = item;
        self.visible[slot] = size.utf16;
        self.mixed |= !size.is_uniform();
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        let count = self.count as usize;
        self.items.copy_within(slot + 1..count, slot);
        self.visible.copy_within(slot + 1..count, slot);
        self.truncate(count - 1);
    }

    /// Drops what stands from a slot on.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.items[count..].fill(NONE);
        self.visible[count..].fill(0);
        self.count = count as u32;
    }
}

/// Where each child of a node ends, counted from where the first one begins; slots that are not in use end last.
pub(crate) type Ends = [u32; CAPACITY];

/// Slots that are not in use hold [`NONE`].
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) parent: u32,
    pub(crate) count: u32,
    /// Whether sizes here differ between units; if not, `utf16` serves them all.
    pub(crate) mixed: bool,
    pub(crate) children: [u32; CAPACITY],
    utf16: Ends,
    chars: Ends,
    bytes: Ends,
}

impl Node {
    pub(crate) fn empty() -> Self {
        Self {
            parent: NONE,
            count: 0,
            mixed: false,
            children: [NONE; CAPACITY],
            utf16: [u32::MAX; CAPACITY],
            chars: [u32::MAX; CAPACITY],
            bytes: [u32::MAX; CAPACITY],
        }
    }

    #[inline]
    pub(crate) fn slot_of(&self, child: u32) -> usize {
        slot_in(&self.children, child)
    }

    #[inline]
    pub(crate) fn ends(&self, unit: Unit) -> &Ends {
        match unit {
            Unit::CodePoint if self.mixed => &self.chars,
            Unit::Byte if self.mixed => &self.bytes,
            _ => &self.utf16,
        }
    }

    /// The size of the children before a slot.
    #[inline]
    pub(crate) fn before(&self, slot: usize) -> Size {
        let Some(last) = slot.checked_sub(1) else { return Size::ZERO };
        if self.mixed {
            Size { utf16: self.utf16[last], chars: self.chars[last], bytes: self.bytes[last] }
        } else {
            Size::uniform(self.utf16[last])
        }
    }

    pub(crate) fn size_at(&self, slot: usize) -> Size {
        self.before(slot + 1) - self.before(slot)
    }

    pub(crate) fn total(&self) -> Size {
        self.before(self.count as usize)
    }

    /// Changes the size of one child.
    #[inline]
    pub(crate) fn resize(&mut self, slot: usize, change: Size) {
        if !self.mixed && !change.is_uniform() {
            (self.chars, self.bytes) = (self.utf16, self.utf16);
            self.mixed = true;
        }
        let later = slot..self.count as usize;
        move_all(&mut self.utf16[later.clone()], change.utf16);
        if self.mixed {
            move_all(&mut self.chars[later.clone()], change.chars);
            move_all(&mut self.bytes[later], change.bytes);
        }
    }

    pub(crate) fn insert(&mut self, slot: usize, child: u32, size: Size) {
        let count = self.count as usize;
        let Size { utf16, chars, bytes } = self.before(slot);
        self.children.copy_within(slot..count, slot + 1);
        self.children[slot] = child;
        for (ends, start) in [(&mut self.utf16, utf16), (&mut self.chars, chars), (&mut self.bytes, bytes)] {
            ends.copy_within(slot..count, slot + 1);
            ends[slot] = start;
        }
        self.count += 1;
        self.resize(slot, size);
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        self.resize(slot, Size::ZERO - self.size_at(slot));
        self.drop_slot(slot, slot);
    }

    /// Takes out a child whose content the one before it has taken over.
    pub(crate) fn fold(&mut self, slot: usize) {
        self.drop_slot(slot, slot - 1);
    }

    /// Drops a child, and the end in another slot.
    fn drop_slot(&mut self, child: usize, end: usize) {
        let count = self.count as usize;
        self.children.copy_within(child + 1..count, child);
        for ends in [&mut self.utf16, &mut self.chars, &mut self.bytes] {
            ends.copy_within(end + 1..count, end);
        }
        self.truncate(count - 1);
    }

    /// Drops what stands from a slot on.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.children[count..].fill(NONE);
        for ends in [&mut self.utf16, &mut self.chars, &mut self.bytes] {
            ends[count..].fill(u32::MAX);
        }
        self.count = count as u32;
    }
}

/// Where `wanted` stands in a list that has it once. Each slot is compared, with nothing to guess for the
/// processor: a search that ends where it finds something takes longer.
#[inline]
fn slot_in(list: &[u32; CAPACITY], wanted: u32) -> usize {
    let mut slot = 0;
    for (at, &listed) in (0u32..).zip(list) {
        slot |= if listed == wanted { at } else { 0 };
    }
    debug_assert_eq!(list[slot as usize], wanted);
    slot as usize
}

#[inline]
fn move_all(ends: &mut [u32], change: u32) {
    for end in ends {
        *end = end.wrapping_add(change);
    }
}

/// How many children end at or before `index`.
#[inline]
pub(crate) fn passed(ends: &Ends, index: u32) -> usize {
    let passed = |end: u32| usize::from(end <= index);
    let first = 8 * (passed(ends[7]) + passed(ends[15]) + passed(ends[23]));
    first + ends[first..first + 8].iter().map(|&end| passed(end)).sum::<usize>()
}
