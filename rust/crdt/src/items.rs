//! The blocks of a document, packed into 32 bytes each.
//!
//! Most of what a block says, many others say as well: who wrote it, between whose units, in which type and under which
//! key. That is its [`Lineage`], which is kept once for all of them. Text in which every character is one unit in every
//! measure, as ASCII is, has one length; what there is to say of other text is kept aside. So an [`Item`] is put
//! together where it is read, of which only those parts cost anything that are looked at, and taken apart where it is
//! written. What an edit does most often has a method of its own, which touches nothing else.

use std::hash::BuildHasher;
use std::hint::black_box;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::tree::{Size, Unit};

/// The four highest bits of [`Packed::lineage`] are the kind, those of [`Packed::left`] are flags.
const BITS: u32 = 28;
const NUMBER: u32 = (1 << BITS) - 1;
const DELETED: u32 = 1 << BITS;
const KEEP: u32 = 2 << BITS;
const REDONE: u32 = 4 << BITS;
/// The content is kept aside.
const WIDE: u32 = 8 << BITS;

/// So many slots there can be: then lineages, of which there are not many more, have numbers too.
const LIMIT: usize = 1 << (BITS - 1);
/// So many blocks can come of edits. An update with all of them, each deleted, must have room in a document that has them:
/// it counts as three for each block and three for each deleted range.
const EDITED: usize = LIMIT / 7;

/// The kinds by number.
const KINDS: [Kind; 16] = {
    use Kind::{Any, Binary, Deleted, Doc, Embed, Format, Gc, Json, String, Type};
    [Gc, Deleted, Json, Binary, String, Embed, Format, Type, Any, Doc, Gc, Gc, Gc, Gc, Gc, Gc]
};

/// What many blocks have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Lineage {
    client: u32,
    /// The author of [`Item::origin`].
    origin: u32,
    /// The author of [`Item::right_origin`].
    right_origin: u32,
    parent: BranchId,
    key: KeyId,
}

impl Lineage {
    const NONE: Self = Self { client: NONE, origin: NONE, right_origin: NONE, parent: NONE, key: NONE };

    #[inline]
    fn of(item: &Item) -> Self {
        Self {
            client: item.client,
            origin: item.origin.client,
            right_origin: item.right_origin.client,
            parent: item.parent,
            key: item.key,
        }
    }
}

/// Every lineage of a document, each once.
#[derive(Debug, Default, Clone)]
struct Lineages {
    all: Vec<Lineage>,
    slots: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Where those are that were wanted last, by whether either neighbor has the same author.
    recent: [u32; 4],
}

impl Lineages {
    /// A lineage that is there. It has no way to fail, so that whoever uses nothing of it does not read it either.
    #[inline]
    fn get(&self, slot: u32) -> &Lineage {
        self.all.get(slot as usize).unwrap_or(&Lineage::NONE)
    }

    /// Where a lineage is, if it is there.
    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    fn find(&mut self, wanted: Lineage) -> Option<u32> {
        let same = |author: u32| usize::from(author == wanted.client);
        let place = 2 * same(wanted.origin) + same(wanted.right_origin);
        let recent = self.recent[place];
        if *self.get(recent) == wanted {
            return Some(recent);
        }
        let hash = self.hasher.hash_one(wanted);
        let slot = *self.slots.find(hash, |&slot| *self.get(slot) == wanted)?;
        self.recent[place] = slot;
        Some(slot)
    }

    /// Adds a lineage that is not there.
    fn add(&mut self, lineage: Lineage) -> u32 {
        let slot = self.all.len() as u32;
        debug_assert!(slot < NUMBER);
        self.all.push(lineage);
        let (all, hasher) = (&self.all, &self.hasher);
        let hash = |slot: &u32| hasher.hash_one(all[*slot as usize]);
        self.slots.insert_unique(hash(&slot), slot, hash);
        slot
    }
}

/// What a block does not share.
#[derive(Debug, Clone, Copy)]
struct Packed {
    /// The slot of the lineage, and the kind.
    lineage: u32,
    clock: u32,
    len: u32,
    origin: u32,
    right_origin: u32,
    /// The left neighbor, and the flags.
    left: u32,
    right: ItemId,
    /// [`Content::at`], or where the content is kept aside.
    at: u32,
}

impl Packed {
    #[inline]
    fn of(item: &Item, lineage: u32, wide: Option<u32>) -> Self {
        let flag = |flag: u32, is_set: bool| if is_set { flag } else { 0 };
        let flags = flag(DELETED, item.deleted)
            | flag(KEEP, item.keep)
            | flag(REDONE, item.redone)
            | flag(WIDE, wide.is_some());
        Self {
            lineage: (item.kind as u32) << BITS | lineage,
            clock: item.clock,
            len: item.len,
            origin: item.origin.clock,
            right_origin: item.right_origin.clock,
            left: flags | item.left & NUMBER,
            right: item.right,
            at: wide.unwrap_or(item.content.at),
        }
    }

    #[inline]
    fn is(&self, flag: u32) -> bool {
        self.left & flag != 0
    }

    #[inline]
    fn kind(&self) -> Kind {
        KINDS[(self.lineage >> BITS) as usize]
    }

    #[inline]
    fn lineage(&self) -> u32 {
        self.lineage & NUMBER
    }

    #[inline]
    fn set_lineage(&mut self, slot: u32) {
        self.lineage = self.lineage & !NUMBER | slot;
    }

    #[inline]
    fn left(&self) -> ItemId {
        // Shifted as a signed number: [`NONE`] has all its bits again, and no slot has a number that high.
        (self.left << (32 - BITS)).cast_signed().wrapping_shr(32 - BITS).cast_unsigned()
    }

    #[inline]
    fn set_left(&mut self, left: ItemId) {
        self.left = self.left & !NUMBER | left & NUMBER;
    }

    /// How many units are visible, unless it is wide.
    #[inline]
    fn visible(&self) -> u32 {
        if self.is(DELETED) || !self.kind().is_countable() { 0 } else { self.len }
    }
}

/// What became of a number when blocks were given others.
#[inline]
pub(crate) fn new_number(numbers: &[ItemId], old: ItemId) -> ItemId {
    numbers.get(old as usize).copied().unwrap_or(NONE)
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Items {
    packed: Vec<Packed>,
    free: Vec<ItemId>,
    lineages: Lineages,
    wide: Vec<Content>,
    free_wide: Vec<u32>,
    /// How often something has changed, but for neighbors, and for typing that goes on.
    version: u64,
}

impl Items {
    /// The block in a slot.
    #[inline]
    pub(crate) fn get(&self, id: ItemId) -> Item {
        let packed = &self.packed[id as usize];
        let lineage = self.lineages.get(packed.lineage());
        let kind = packed.kind();
        let content = if packed.is(WIDE) {
            *self.wide_content(packed.at)
        } else {
            let units = if kind == Kind::String { packed.len } else { 0 };
            Content { at: packed.at, bytes: units, chars: units }
        };
        Item {
            client: lineage.client,
            clock: packed.clock,
            len: packed.len,
            kind,
            deleted: packed.is(DELETED),
            keep: packed.is(KEEP),
            redone: packed.is(REDONE),
            origin: LocalId { client: lineage.origin, clock: packed.origin },
            right_origin: LocalId { client: lineage.right_origin, clock: packed.right_origin },
            parent: lineage.parent,
            key: lineage.key,
            left: packed.left(),
            right: packed.right,
            content,
        }
    }

    #[cold]
    #[inline(never)]
    fn wide_content(&self, place: u32) -> &Content {
        self.wide.get(place as usize).unwrap_or(&Content::NONE)
    }

    #[inline]
    pub(crate) fn kind(&self, id: ItemId) -> Kind {
        self.packed[id as usize].kind()
    }

    #[inline]
    pub(crate) fn clock(&self, id: ItemId) -> u32 {
        self.packed[id as usize].clock
    }

    #[inline]
    pub(crate) fn right(&self, id: ItemId) -> ItemId {
        self.packed[id as usize].right
    }

    /// Whether it is text of which not every character is one unit in every measure.
    #[inline]
    pub(crate) fn is_wide(&self, id: ItemId) -> bool {
        self.packed[id as usize].is(WIDE)
    }

    /// How much a block adds to its parent's length, in every unit.
    #[inline]
    pub(crate) fn visible_size(&self, id: ItemId) -> Size {
        let packed = &self.packed[id as usize];
        if packed.is(WIDE) { self.get(id).visible_size() } else { Size::uniform(packed.visible()) }
    }

    /// The same in one unit.
    #[inline]
    pub(crate) fn visible_len(&self, id: ItemId, unit: Unit) -> u32 {
        let packed = &self.packed[id as usize];
        if packed.is(WIDE) { self.get(id).visible_size().in_unit(unit) } else { packed.visible() }
    }

    /// Whether `next` continues a block exactly, so that the two could be one block of one kind.
    #[inline]
    pub(crate) fn continues(&self, id: ItemId, next: ItemId) -> bool {
        let (block, follower) = (&self.packed[id as usize], &self.packed[next as usize]);
        block.lineage >> BITS == follower.lineage >> BITS
            && (block.left ^ follower.left) & DELETED == 0
            && self.adjoins(id, next)
    }

    /// The same, whatever the two hold.
    #[inline]
    pub(crate) fn adjoins(&self, id: ItemId, next: ItemId) -> bool {
        let (block, follower) = (&self.packed[id as usize], &self.packed[next as usize]);
        let end = block.clock + block.len;
        if follower.clock != end
            || follower.origin != end - 1
            || follower.right_origin != block.right_origin
            || block.is(REDONE)
            || follower.is(REDONE)
        {
            return false;
        }
        let (lineage, of_follower) =
            (self.lineages.get(block.lineage()), self.lineages.get(follower.lineage()));
        of_follower.client == lineage.client
            && of_follower.origin == lineage.client
            && of_follower.right_origin == lineage.right_origin
    }

    /// Slots, free ones too.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }

    /// How many blocks there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.packed.len() - self.free.len()
    }

    /// Whether there is room for what an edit inserts.
    #[inline]
    pub(crate) fn has_room_to_edit(&self) -> bool {
        self.count() < EDITED
    }

    /// Whether there is room for so many more.
    pub(crate) fn has_room(&self, blocks: usize) -> bool {
        self.count() + blocks < LIMIT
    }

    /// What differs when anything has changed, but for neighbors, and for [typing](Items::type_on).
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Brings a block into the cache.
    #[inline]
    pub(crate) fn fetch(&self, id: ItemId) {
        black_box(self.packed.get(id as usize).copied());
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.packed.capacity() * size_of::<Packed>()
            + self.lineages.all.capacity() * size_of::<Lineage>()
            + self.lineages.slots.allocation_size()
            + self.wide.capacity() * size_of::<Content>()
    }

    /// Puts a block into a free slot.
    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    pub(crate) fn add(&mut self, item: &Item) -> ItemId {
        let lineage = self.lineage(Lineage::of(item));
        let wide = if item.is_wide() { self.keep_wide(item, None) } else { None };
        self.put(Packed::of(item, lineage, wide))
    }

    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    fn put(&mut self, packed: Packed) -> ItemId {
        self.version += 1;
        if let Some(id) = self.free.pop() {
            self.packed[id as usize] = packed;
            return id;
        }
        self.packed.push(packed);
        (self.packed.len() - 1) as ItemId
    }

    /// Makes so many slots, of which each is to be [filled](Items::fill), where there are none.
    pub(crate) fn fill_up(&mut self, count: usize) {
        let nothing = Packed::of(&Item::collected(NONE, 0, 0), NUMBER, None);
        self.packed = vec![nothing; count];
    }

    /// Puts a block into a slot that nothing was put in before.
    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    pub(crate) fn fill(&mut self, id: ItemId, item: &Item) {
        self.version += 1;
        let lineage = self.lineage(Lineage::of(item));
        let wide = if item.is_wide() { self.keep_wide(item, None) } else { None };
        self.packed[id as usize] = Packed::of(item, lineage, wide);
    }

    /// Cuts a block after `offset` units, whose content is `left`; returns the rest, whose content is `right`.
    pub(crate) fn split(&mut self, id: ItemId, offset: u32, left: Content, right: Content) -> ItemId {
        let slot = self.packed[id as usize].lineage();
        let lineage = *self.lineages.get(slot);
        let slot = if lineage.origin == lineage.client {
            slot
        } else {
            self.lineage(Lineage { origin: lineage.client, ..lineage })
        };
        let whole = self.packed[id as usize];
        let clock = whole.clock + offset;
        let mut rest = Packed { clock, origin: clock - 1, at: right.at, ..whole };
        rest.set_lineage(slot);
        rest.set_left(id);
        rest.left &= !WIDE;
        let rest = self.put(rest);
        self.resize(rest, whole.len - offset, right);
        self.resize(id, offset, left);
        self.packed[id as usize].right = rest;
        rest
    }

    /// Changes a block.
    #[inline]
    pub(crate) fn change(&mut self, id: ItemId, change: impl FnOnce(&mut Item)) {
        self.version += 1;
        let mut item = self.get(id);
        change(&mut item);
        let old = self.packed[id as usize];
        let lineage = Lineage::of(&item);
        let known = old.lineage();
        let slot = if *self.lineages.get(known) == lineage { known } else { self.lineage(lineage) };
        let wide = if old.is(WIDE) || item.is_wide() {
            self.keep_wide(&item, old.is(WIDE).then_some(old.at))
        } else {
            None
        };
        self.packed[id as usize] = Packed::of(&item, slot, wide);
    }

    /// Gives a block another length and the content that goes with it.
    #[inline]
    pub(crate) fn resize(&mut self, id: ItemId, len: u32, content: Content) {
        self.version += 1;
        let packed = &mut self.packed[id as usize];
        // Text that has as many bytes as characters is ASCII.
        if packed.is(WIDE) || content.bytes != content.chars {
            return self.resize_wide(id, len, content);
        }
        packed.len = len;
        packed.at = content.at;
    }

    #[cold]
    #[inline(never)]
    fn resize_wide(&mut self, id: ItemId, len: u32, content: Content) {
        self.change(id, |resized| (resized.len, resized.content) = (len, content));
    }

    /// Adds text at the end of a block, whose own is at `at` now.
    #[inline]
    pub(crate) fn append(&mut self, id: ItemId, at: u32, added: Size) {
        self.version += 1;
        let packed = &mut self.packed[id as usize];
        if packed.is(WIDE) || !added.is_uniform() {
            return self.append_wide(id, at, added);
        }
        packed.len += added.utf16;
        packed.at = at;
    }

    #[cold]
    #[inline(never)]
    fn append_wide(&mut self, id: ItemId, at: u32, added: Size) {
        let Item { len, content: Content { bytes, chars, .. }, .. } = self.get(id);
        let content = Content { at, bytes: bytes + added.bytes, chars: chars + added.chars };
        self.resize_wide(id, len + added.utf16, content);
    }

    /// Lengthens a block of ASCII text by what was typed at its end. That changes no version: typing goes on.
    #[inline]
    pub(crate) fn type_on(&mut self, id: ItemId, units: u32) {
        self.packed[id as usize].len += units;
    }

    /// Lengthens a block that has no content.
    #[inline]
    pub(crate) fn lengthen(&mut self, id: ItemId, units: u32) {
        self.version += 1;
        self.packed[id as usize].len += units;
    }

    /// Moves where a block starts, right after units of its author as before.
    #[inline]
    pub(crate) fn set_start(&mut self, id: ItemId, clock: u32) {
        self.version += 1;
        let packed = &mut self.packed[id as usize];
        (packed.clock, packed.origin) = (clock, clock - 1);
    }

    #[inline]
    pub(crate) fn set_left(&mut self, id: ItemId, left: ItemId) {
        self.packed[id as usize].set_left(left);
    }

    #[inline]
    pub(crate) fn set_right(&mut self, id: ItemId, right: ItemId) {
        self.packed[id as usize].right = right;
    }

    /// Says where a block's content has been moved.
    pub(crate) fn set_at(&mut self, id: ItemId, at: u32) {
        self.version += 1;
        let packed = &mut self.packed[id as usize];
        if packed.is(WIDE) {
            self.wide[packed.at as usize].at = at;
        } else {
            packed.at = at;
        }
    }

    #[inline]
    pub(crate) fn set_deleted(&mut self, id: ItemId) {
        self.version += 1;
        self.packed[id as usize].left |= DELETED;
    }

    /// Leaves of a block's content only how much it was.
    #[inline]
    pub(crate) fn drop_content(&mut self, id: ItemId) {
        self.version += 1;
        if self.is_wide(id) {
            self.drop_wide(id);
        }
        let packed = &mut self.packed[id as usize];
        packed.lineage = (Kind::Deleted as u32) << BITS | packed.lineage();
        packed.at = NONE;
    }

    #[cold]
    #[inline(never)]
    fn drop_wide(&mut self, id: ItemId) {
        let packed = &mut self.packed[id as usize];
        packed.left &= !WIDE;
        self.free_wide.push(packed.at);
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, id: ItemId) {
        self.drop_content(id);
        self.free.push(id);
    }

    /// Gives the blocks other numbers: those in `order`, which are all there are, are 0, 1 and so on now. Returns the new
    /// number of each slot; [`NONE`] for a free one.
    pub(crate) fn renumber(&mut self, order: &[ItemId]) -> Vec<ItemId> {
        self.version += 1;
        let mut numbers = vec![NONE; self.packed.len()];
        for (&old, new) in order.iter().zip(0..) {
            numbers[old as usize] = new;
        }
        let renumbered = |&old: &ItemId| {
            let mut packed = self.packed[old as usize];
            packed.set_left(new_number(&numbers, packed.left()));
            packed.right = new_number(&numbers, packed.right);
            packed
        };
        self.packed = order.iter().map(renumbered).collect();
        self.free = Vec::new();
        numbers
    }

    /// Gives back what was reserved for more.
    pub(crate) fn shrink(&mut self) {
        self.packed.shrink_to_fit();
        self.wide.shrink_to_fit();
        self.lineages.all.shrink_to_fit();
    }

    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    fn lineage(&mut self, wanted: Lineage) -> u32 {
        self.lineages.find(wanted).unwrap_or_else(|| self.new_lineage(wanted))
    }

    /// Adds a lineage. Those that no slot has any more go when they are in the majority.
    #[cold]
    #[inline(never)]
    fn new_lineage(&mut self, wanted: Lineage) -> u32 {
        if self.lineages.all.len() > 64 + 2 * self.packed.len() {
            let old = std::mem::take(&mut self.lineages);
            for packed in &mut self.packed {
                let lineage = *old.get(packed.lineage());
                let slot = self.lineages.find(lineage).unwrap_or_else(|| self.lineages.add(lineage));
                packed.set_lineage(slot);
            }
        }
        self.lineages.add(wanted)
    }

    /// Keeps content aside, if it is wide, where it was or in a new place; returns where that is.
    #[cold]
    #[inline(never)]
    fn keep_wide(&mut self, item: &Item, place: Option<u32>) -> Option<u32> {
        if !item.is_wide() {
            self.free_wide.extend(place);
            return None;
        }
        if let Some(place) = place.or_else(|| self.free_wide.pop()) {
            self.wide[place as usize] = item.content;
            return Some(place);
        }
        self.wide.push(item.content);
        Some((self.wide.len() - 1) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item() -> impl Strategy<Value = Item> {
        let number = || prop_oneof![4 => 0u32..3, 1 => Just(NONE)];
        let id = || (number(), 0u32..1000).prop_map(|(client, clock)| LocalId { client, clock });
        let content = prop_oneof![Just((1, 1)), Just((2, 1)), Just((4, 1)), Just((3, 2))];
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let links = (number(), number());
        ((0u32..3, 0u32..1000, 2u32..9), 0usize..10, flags, id(), id(), (number(), number()), links, content)
            .prop_map(
                |(
                    (client, clock, len),
                    kind,
                    flags,
                    origin,
                    right_origin,
                    (parent, key),
                    links,
                    (bytes, chars),
                )| {
                    let kind = KINDS[kind];
                    let of_text = if kind == Kind::String { len } else { 0 };
                    Item {
                        client,
                        clock,
                        len,
                        kind,
                        deleted: flags.0,
                        keep: flags.1,
                        redone: flags.2,
                        origin,
                        right_origin,
                        parent,
                        key,
                        left: links.0,
                        right: links.1,
                        content: Content { at: clock * 7, bytes: of_text * bytes, chars: of_text * chars },
                    }
                },
            )
    }

    /// What is done to a block.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Add(Item),
        Become(Item),
        Split,
        Append(Size),
        DropContent,
        Delete,
        Move(u32),
        Release,
    }

    fn step() -> impl Strategy<Value = Step> {
        let added = prop_oneof![Just(Size::uniform(2)), Just(Size { utf16: 2, chars: 1, bytes: 4 })];
        prop_oneof![
            3 => item().prop_map(Step::Add),
            1 => item().prop_map(Step::Become),
            2 => Just(Step::Split),
            2 => added.prop_map(Step::Append),
            1 => Just(Step::DropContent),
            1 => Just(Step::Delete),
            1 => (0u32..1000).prop_map(Step::Move),
            1 => Just(Step::Release),
        ]
    }

    /// A half of some content; the other half has as much of everything.
    fn half(content: Content) -> Content {
        Content { at: content.at, bytes: content.bytes / 2, chars: content.chars / 2 }
    }

    /// Does a step to the packed blocks and to a plain list of the same.
    fn take(step: Step, at: usize, items: &mut Items, twins: &mut Vec<(ItemId, Item)>) {
        if let Step::Add(item) = step {
            return twins.push((items.add(&item), item));
        }
        if twins.is_empty() {
            return;
        }
        let at = at % twins.len();
        let (id, twin) = &mut twins[at];
        let is_text = twin.kind == Kind::String;
        match step {
            Step::Become(item) => {
                *twin = item;
                items.change(*id, |changed| *changed = item);
            }
            Step::Split if twin.len > 1 && (!is_text || twin.len % 2 == 0) => {
                let offset = twin.len / 2;
                let part = half(twin.content);
                let rest = items.split(*id, offset, part, part);
                let right = Item {
                    clock: twin.clock + offset,
                    len: twin.len - offset,
                    origin: LocalId { client: twin.client, clock: twin.clock + offset - 1 },
                    left: *id,
                    content: part,
                    ..*twin
                };
                (twin.len, twin.content, twin.right) = (offset, part, rest);
                twins.push((rest, right));
            }
            Step::Append(added) if is_text => {
                items.append(*id, 5, added);
                twin.len += added.utf16;
                let Content { bytes, chars, .. } = twin.content;
                twin.content = Content { at: 5, bytes: bytes + added.bytes, chars: chars + added.chars };
            }
            Step::DropContent => {
                items.drop_content(*id);
                (twin.kind, twin.content) = (Kind::Deleted, Content::NONE);
            }
            Step::Delete => {
                items.set_deleted(*id);
                twin.deleted = true;
            }
            Step::Move(to) => {
                items.set_at(*id, to);
                twin.content.at = to;
            }
            Step::Release => {
                items.release(*id);
                twins.swap_remove(at);
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn packed_blocks_equal_plain_ones(steps in prop::collection::vec((step(), any::<usize>()), 1..300)) {
            let (mut items, mut twins) = (Items::default(), Vec::new());
            for (step, at) in steps {
                take(step, at, &mut items, &mut twins);
            }
            prop_assert_eq!(items.count(), twins.len());
            for &(id, twin) in &twins {
                prop_assert_eq!(items.get(id), twin);
                prop_assert_eq!(items.kind(id), twin.kind);
                prop_assert_eq!(items.right(id), twin.right);
                prop_assert_eq!(items.is_wide(id), twin.is_wide());
                prop_assert_eq!(items.visible_size(id), twin.visible_size());
                for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
                    prop_assert_eq!(items.visible_len(id, unit), twin.visible_size().in_unit(unit));
                }
                for &(next, follower) in &twins {
                    let adjoins = twin.client == follower.client
                        && twin.end() == follower.clock
                        && follower.origin == twin.last_id()
                        && follower.right_origin == twin.right_origin
                        && !twin.redone
                        && !follower.redone;
                    let same = twin.kind == follower.kind && twin.deleted == follower.deleted;
                    prop_assert_eq!(items.adjoins(id, next), adjoins);
                    prop_assert_eq!(items.continues(id, next), adjoins && same);
                }
            }
            let wide = twins.iter().filter(|(_, twin)| twin.is_wide()).count();
            prop_assert_eq!(items.wide.len() - items.free_wide.len(), wide);
        }
    }

    #[test]
    fn lineages_that_no_block_has_any_more_go() {
        let mut items = Items::default();
        for key in 0..10_000 {
            let entry = Item { key, ..Item::collected(0, key, 1) };
            let id = items.add(&entry);
            assert_eq!(items.get(id), entry);
            items.release(id);
        }
        assert!(items.lineages.all.len() < 100);
    }

    #[test]
    fn a_block_takes_32_bytes() {
        assert_eq!(size_of::<Packed>(), 32);
    }
}
