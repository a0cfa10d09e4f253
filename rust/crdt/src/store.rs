//! The blocks of a document and what can be done to them without knowing why: find, split, merge, hide,
//! collect. Everything here keeps four structures in step: the arena of items, each client's clock index,
//! the links between neighbors, and the outline, if there is one.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::OnceLock;

use crate::any::Any;
use crate::arena::{TextArena, ValueArena};
use crate::attributes::Json;
use crate::block::{BranchId, Content, Item, ItemId, Kind, LocalId, NONE};
use crate::branch::{Branch, Branches, Entries, Finger, Keys};
use crate::error::DecodeError;
use crate::id::{ClientId, Id};
use crate::index::{ClientBlocks, Clients};
use crate::items::Items;
use crate::outline::Outline;
use crate::piece::Text;
use crate::redo::Redone;
use crate::subdocument::DocPayload;
use crate::transaction::Transaction;
use crate::tree::{Size, Unit};
use crate::typing::Typing;
use crate::update::{char_len, cut_at, cut_from_ends, utf16_len};
use crate::whole::Remembered;

/// A run of text up to this long is copied to the end of the arena when it grows; a longer one is
/// continued by a new block.
pub(crate) const RELOCATABLE: u32 = 256;

/// Content that is rare enough to live outside the arenas.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Json(VecDeque<Box<str>>),
    Binary(Box<[u8]>),
    /// JSON.
    Embed(Box<str>),
    /// A key and its value.
    Format(Box<str>, Json),
    /// A subdocument.
    Doc(DocPayload),
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) clients: Clients,
    pub(crate) items: Items,
    pub(crate) text: TextArena,
    pub(crate) values: ValueArena,
    payloads: Vec<Option<Payload>>,
    free_payloads: Vec<u32>,
    pub(crate) outline: OnceLock<Outline>,
    pub(crate) branches: Branches,
    pub(crate) keys: Keys,
    pub(crate) transaction: Transaction,
    pub(crate) typing: Typing,
    /// Whether deleted content is kept for good.
    pub(crate) keeps_deleted: bool,
    pub(crate) redone: Redone,
    pub(crate) remembered: Remembered,
    /// Whether the document has ever met a format mark.
    pub(crate) marked: bool,
}

impl Store {
    #[inline]
    pub(crate) fn item(&self, item: ItemId) -> Item {
        self.items.get(item)
    }

    /// Changes a block: how it was encoded is forgotten.
    #[inline]
    pub(crate) fn change(&mut self, item: ItemId, change: impl FnOnce(&mut Item)) {
        self.forget_encoded(item);
        self.items.change(item, change);
    }

    /// Gives a block another length and the content that goes with it.
    #[inline]
    fn resize(&mut self, item: ItemId, len: u32, content: Content) {
        self.forget_encoded(item);
        self.items.resize(item, len, content);
    }

    #[inline]
    pub(crate) fn set_left(&mut self, item: ItemId, left: ItemId) {
        self.forget_encoded(item);
        self.items.set_left(item, left);
    }

    #[inline]
    pub(crate) fn set_right(&mut self, item: ItemId, right: ItemId) {
        self.forget_encoded(item);
        self.items.set_right(item, right);
    }

    #[inline]
    pub(crate) fn forget_encoded(&mut self, item: ItemId) {
        if self.remembered.must_forget(item) {
            self.forget_chunk(item);
        }
    }

    #[cold]
    fn forget_chunk(&mut self, item: ItemId) {
        let Item { client, clock, .. } = self.item(item);
        self.clients.get_mut(client).forget_encoded(clock);
    }

    /// Bytes held on the heap, but for the payloads' own.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.items.heap_bytes()
            + self.text.heap_bytes()
            + self.values.heap_bytes()
            + self.outline.get().map_or(0, Outline::heap_bytes)
            + self.clients.iter().map(ClientBlocks::heap_bytes).sum::<usize>()
    }

    pub(crate) fn new_payload(&mut self, payload: Payload) -> Content {
        if let Some(slot) = self.free_payloads.pop() {
            self.payloads[slot as usize] = Some(payload);
            return Content::at(slot);
        }
        self.payloads.push(Some(payload));
        Content::at((self.payloads.len() - 1) as u32)
    }

    pub(crate) fn payload(&self, item: &Item) -> Option<&Payload> {
        self.payloads.get(item.content.at as usize)?.as_ref()
    }

    pub(crate) fn payload_mut(&mut self, item: &Item) -> Option<&mut Payload> {
        self.payloads.get_mut(item.content.at as usize)?.as_mut()
    }

    fn take_payload(&mut self, at: u32) -> Option<Payload> {
        let payload = self.payloads.get_mut(at as usize)?.take();
        if payload.is_some() {
            self.free_payloads.push(at);
        }
        payload
    }

    /// The text of a string block.
    #[inline]
    pub(crate) fn text_of(&self, item: &Item) -> &str {
        self.text.get(item.content.at, item.content.bytes)
    }

    pub(crate) fn local(&self, id: Id) -> Option<LocalId> {
        Some(LocalId { client: self.clients.slot(id.client)?, clock: id.clock })
    }

    pub(crate) fn global(&self, id: LocalId) -> Id {
        Id { client: self.clients.get(id.client).client, clock: id.clock }
    }

    /// The block that holds a known unit.
    #[inline]
    pub(crate) fn find(&self, id: LocalId) -> ItemId {
        let blocks = self.clients.get(id.client);
        blocks.item(blocks.find(id.clock))
    }

    /// The block that starts with a known unit, split off if need be. Collected blocks stay whole.
    pub(crate) fn clean_start(&mut self, id: LocalId) -> ItemId {
        let blocks = self.clients.get_mut(id.client);
        let place = blocks.find(id.clock);
        let item = blocks.item(place);
        let Item { clock, kind, .. } = self.items.get(item);
        if clock == id.clock || kind == Kind::Gc {
            return item;
        }
        blocks.turn_to(place);
        self.split(item, id.clock - clock)
    }

    /// The block that ends with a known unit, split if need be. Collected blocks stay whole.
    pub(crate) fn clean_end(&mut self, id: LocalId) -> ItemId {
        let blocks = self.clients.get_mut(id.client);
        let place = blocks.find(id.clock);
        let item = blocks.item(place);
        let found = self.items.get(item);
        if found.end() - 1 != id.clock && found.kind != Kind::Gc {
            blocks.turn_to(place);
            self.split(item, id.clock + 1 - found.clock);
        }
        item
    }

    /// Splits a block so that its first `offset` units stay; returns the rest.
    pub(crate) fn split(&mut self, item: ItemId, offset: u32) -> ItemId {
        let Item { kind, client, clock, len, content, right: next, key, parent, .. } = self.item(item);
        debug_assert!(0 < offset && offset < len);
        let before = self.items.visible_size(item);
        let (left_content, right_content) = match kind {
            Kind::String => {
                self.cut_text(content, len, offset).unwrap_or_else(|| self.split_pair(item, offset))
            }
            Kind::Any => (content, Content::at(content.at + offset)),
            Kind::Json => self.split_json(content, offset as usize),
            _ => (content, content),
        };
        if left_content.chars + right_content.chars > content.chars {
            // A surrogate pair was split into two characters.
            self.drop_finger(parent);
        }
        self.forget_encoded(item);
        let right = self.items.split(item, offset, left_content, right_content);
        if next != NONE {
            self.set_left(next, right);
        } else if key != NONE {
            self.branches.get_mut(parent).entries.insert(key, right);
        }
        if key == NONE
            && let Some(outline) = self.outline.get_mut()
        {
            outline.resize(parent, item, self.items.visible_size(item) - before);
            outline.insert_after(&self.items, parent, item, right);
        }
        self.clients.get_mut(client).insert(clock + offset, right);
        right
    }

    /// Splits JSON strings: the fewer ones move.
    #[cold]
    fn split_json(&mut self, content: Content, offset: usize) -> (Content, Content) {
        let Some(Some(Payload::Json(strings))) = self.payloads.get_mut(content.at as usize) else {
            return (content, content);
        };
        if offset <= strings.len() / 2 {
            let left = strings.drain(..offset).collect();
            (self.new_payload(Payload::Json(left)), content)
        } else {
            let right = strings.split_off(offset);
            (content, self.new_payload(Payload::Json(right)))
        }
    }

    /// Splits text inside a surrogate pair, of which a replacement character on each side is left.
    #[cold]
    fn split_pair(&mut self, item: ItemId, offset: u32) -> (Content, Content) {
        if self.text.is_full_without(self.item(item).content.bytes / 2) {
            self.squeeze_text();
        }
        let Item { len, content: Content { at, bytes, chars }, .. } = self.item(item);
        let cut = cut_from_ends(self.text.get(at, bytes), offset, len, chars);
        let (left, right) = (cut.bytes as u32, bytes - cut.bytes as u32 - 4);
        let [left_at, right_at] = self.text.cut_character(at, left, right);
        (
            Content { at: left_at, bytes: left + 3, chars: cut.chars + 1 },
            Content { at: right_at, bytes: right + 3, chars: chars - cut.chars },
        )
    }

    /// Stores text.
    #[inline]
    pub(crate) fn new_text(&mut self, text: &Text<'_>) -> Content {
        let Text { head, middle, tail } = text;
        let at = self.text.push(head);
        self.text.push(middle);
        self.text.push(tail);
        Content {
            at,
            bytes: (head.len() + middle.len() + tail.len()) as u32,
            chars: char_len(head) + char_len(middle) + char_len(tail),
        }
    }

    /// Continues an undeleted string block in place; `false` if its text cannot grow where it is and is too long to move.
    #[inline]
    pub(crate) fn append_text(&mut self, item: ItemId, text: &str, added: Size) -> bool {
        let Item { parent, content: Content { mut at, bytes, .. }, .. } = self.item(item);
        if !self.text.is_last(at, bytes) {
            if bytes > RELOCATABLE {
                return false;
            }
            at = self.text.relocate(at, bytes);
        }
        self.text.push(text);
        self.forget_encoded(item);
        self.items.append(item, at, added);
        self.resize_in_outline(parent, item, added);
        true
    }

    /// Merges a block with its right neighbor if the two are one run; returns whether they were.
    pub(crate) fn merge_with_right(&mut self, item: ItemId) -> bool {
        self.merge_within(item, RELOCATABLE)
    }

    /// The same, copying content of up to `limit` bytes or elements to join it.
    pub(crate) fn merge_within(&mut self, item: ItemId, limit: u32) -> bool {
        let right_id = self.items.right(item);
        if right_id == NONE || !self.items.continues(item, right_id) {
            return false;
        }
        let (left, right) = (self.item(item), self.item(right_id));
        let content = match left.kind {
            Kind::Deleted => left.content,
            Kind::String => {
                let Some(at) = self.join_text(left.content, right.content, limit) else { return false };
                Content {
                    at,
                    bytes: left.content.bytes + right.content.bytes,
                    chars: left.content.chars + right.content.chars,
                }
            }
            Kind::Json if limit > RELOCATABLE => self.join_json(left.content, right.content),
            Kind::Any if left.deleted || left.key == NONE => {
                let Some(at) =
                    self.join_values((left.content.at, left.len), (right.content.at, right.len), limit)
                else {
                    return false;
                };
                Content::at(at)
            }
            _ => return false,
        };
        if let Some(outline) = self.outline.get_mut() {
            outline.remove(&self.items, left.parent, right_id);
        }
        self.resize(item, left.len + right.len, content);
        self.items.set_right(item, right.right);
        if right.keep {
            self.items.change(item, |grown| grown.keep = true);
        }
        let change = self.items.visible_size(item) - left.visible_size();
        self.resize_in_outline(left.parent, item, change);
        if right.right != NONE {
            self.set_left(right.right, item);
        } else if right.key != NONE {
            self.branches.get_mut(right.parent).entries.insert(right.key, item);
        }
        let branch = self.branches.get_mut(left.parent);
        if branch.finger.item == right_id {
            branch.finger = Finger::NONE;
        }
        self.forget(right_id);
        true
    }

    fn join_text(&mut self, left: Content, right: Content, limit: u32) -> Option<u32> {
        if left.at + left.bytes == right.at {
            return Some(left.at);
        }
        if left.bytes > limit || right.bytes > limit {
            return None;
        }
        let at = self.text.relocate(left.at, left.bytes);
        self.text.relocate(right.at, right.bytes);
        Some(at)
    }

    fn join_values(&mut self, left: (u32, u32), right: (u32, u32), limit: u32) -> Option<u32> {
        let ((from, len), (to, more)) = (left, right);
        if from + len == to {
            return Some(from);
        }
        if len > limit || more > limit {
            return None;
        }
        let at = self.values.relocate(from, len);
        self.values.relocate(to, more);
        Some(at)
    }

    fn join_json(&mut self, left: Content, right: Content) -> Content {
        if let Some(Payload::Json(rest)) = self.take_payload(right.at)
            && let Some(Some(Payload::Json(strings))) = self.payloads.get_mut(left.at as usize)
        {
            strings.extend(rest);
        }
        left
    }

    /// Copies content, so that it can be inserted again; a shared type's copy is empty.
    pub(crate) fn copy_content(&mut self, item: &Item) -> Content {
        let content = item.content;
        match item.kind {
            Kind::Gc | Kind::Deleted => Content::NONE,
            Kind::String => Content { at: self.text.duplicate(content.at, content.bytes), ..content },
            Kind::Any => Content::at(self.values.duplicate(content.at, item.len)),
            Kind::Type => {
                let original = self.branches.get(content.at);
                let copy = Branch { name: original.name.clone(), ..Branch::new(original.tag, NONE) };
                Content::at(self.branches.add(copy))
            }
            Kind::Json | Kind::Binary | Kind::Embed | Kind::Format | Kind::Doc => {
                match self.payload(item).cloned() {
                    Some(Payload::Doc(original)) => {
                        self.new_payload(Payload::Doc(DocPayload::received(&original.wire)))
                    }
                    Some(payload) => self.new_payload(payload),
                    None => Content::NONE,
                }
            }
        }
    }

    /// Takes a block whose units its predecessor has taken over out of the index and the arena.
    fn forget(&mut self, item: ItemId) {
        let Item { client, clock, .. } = self.item(item);
        let blocks = self.clients.get_mut(client);
        let place = blocks.find(clock);
        blocks.remove(place);
        self.items.release(item);
    }

    /// Forgets where a sequence was edited last, because positions may have moved.
    #[inline]
    fn drop_finger(&mut self, parent: BranchId) {
        if parent != NONE {
            self.branches.get_mut(parent).finger = Finger::NONE;
        }
    }

    /// Counts in the outline, if there is one, that the visible size of a sequence's item has changed.
    #[inline]
    pub(crate) fn resize_in_outline(&mut self, parent: BranchId, item: ItemId, change: Size) {
        if let Some(outline) = self.outline.get_mut() {
            outline.resize(parent, item, change);
        }
    }

    /// Numbers the blocks of each client in clock order, so that its index takes next to no room, and gives back the room
    /// that was made for more than there is: most documents are read more than written. O(n).
    pub(crate) fn compact(&mut self) {
        self.drop_outline();
        if !self.is_numbered_in_order() {
            self.number_in_order();
        }
        self.items.shrink();
        self.text.shrink();
        self.values.shrink();
    }

    fn is_numbered_in_order(&self) -> bool {
        self.items.len() == self.items.count() && self.clients.iter().all(ClientBlocks::is_row)
    }

    fn number_in_order(&mut self) {
        let mut order = Vec::with_capacity(self.items.count());
        for blocks in self.clients.iter_mut() {
            let first = order.len() as ItemId;
            blocks.chunks().iter().for_each(|chunk| order.extend(chunk.items(0..chunk.len())));
            blocks.renumber(first);
        }
        let numbers = self.items.renumber(&order);
        self.branches.iter_mut().for_each(|branch| branch.renumber(&numbers));
    }

    /// Adds a block, lists it between its `left` and `right`, and adds it to its client's index.
    #[expect(clippy::inline_always, reason = "then the compiler never stores the `Item`")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, new: &Item) -> ItemId {
        let &Item { client, clock, len, kind, parent, key, left, right, .. } = new;
        let item = self.items.add(new);
        if left != NONE {
            self.set_right(left, item);
        }
        if right != NONE {
            self.set_left(right, item);
        }
        let branch = self.branches.get_mut(parent);
        if key == NONE {
            if left == NONE {
                branch.start = item;
            }
            branch.finger = Finger::NONE;
            if let Some(outline) = self.outline.get_mut() {
                outline.insert_after(&self.items, parent, left, item);
            }
            if kind == Kind::Format {
                self.note_mark(parent, item);
            }
        } else if right == NONE {
            branch.entries.insert(key, item);
        } else if left == NONE {
            branch.entries.set_oldest(key, item);
        }
        self.transaction.note_insert(client, clock);
        self.clients.get_mut(client).push(item, len);
        item
    }

    /// Notes a format mark among those of its sequence.
    pub(crate) fn note_mark(&mut self, parent: BranchId, mark: ItemId) {
        self.branches.get_mut(parent).marks.get_or_insert_default().add(mark);
        self.marked = true;
    }

    /// Deletes one whole item and, if it is a shared type, everything in it, each type before its content.
    pub(crate) fn delete(&mut self, item: ItemId) {
        let drops = self.drops_deleted() && !self.item(item).keep;
        if let Some(branch) = self.hide(item) {
            if drops {
                self.note_collected(item);
            }
            let mut waiting = self.children(branch);
            waiting.reverse();
            while let Some(child) = waiting.pop() {
                if let Some(branch) = self.hide(child) {
                    waiting.extend(self.children(branch).into_iter().rev());
                }
                if drops {
                    self.note_collected(child);
                }
            }
        }
        if drops {
            self.collect(item);
        }
    }

    fn note_collected(&mut self, item: ItemId) {
        let Item { client, clock, len, .. } = self.item(item);
        self.transaction.note_collected(self.clients.get(client).client, clock..clock + len);
    }

    /// Whether the content of what is deleted goes at once.
    #[inline]
    fn drops_deleted(&self) -> bool {
        !self.transaction.keeps_deleted && !self.keeps_deleted
    }

    /// Deletes the units `from..to` of an undeleted item. A deletion at the edge of a run that continues a
    /// deleted neighbor only moves the boundary between the two.
    pub(crate) fn delete_within(&mut self, item: ItemId, from: u32, to: u32) {
        if self.drops_deleted()
            && !self.item(item).keep
            && (self.give_end_to_deleted(item, from, to) || self.give_start_to_deleted(item, from, to))
        {
            return;
        }
        let mut item = item;
        let mut to = to;
        if from > 0 {
            item = self.split(item, from);
            to -= from;
        }
        if to < self.item(item).len {
            self.split(item, to);
        }
        self.delete(item);
        if !self.transaction.keeps_deleted {
            self.merge_with_neighbors(item);
        }
    }

    /// Deletes known units of a client; returns whether any of them was alive.
    pub(crate) fn delete_range(&mut self, client: ClientId, clocks: Range<u32>) -> bool {
        let Some(slot) = self.clients.slot(client) else { return false };
        let mut changed = false;
        let mut clock = clocks.start;
        while clock < clocks.end {
            let blocks = self.clients.get_mut(slot);
            let place = blocks.find_next(clock);
            let id = blocks.item(place);
            let item = self.item(id);
            let (start, end) = (item.clock, item.end().min(clocks.end));
            if !item.deleted {
                self.delete_within(id, clock - start, end - start);
                changed = true;
            }
            clock = end;
        }
        changed
    }

    pub(crate) fn merge_with_neighbors(&mut self, item: ItemId) {
        self.merge_with_right(item);
        let left = self.item(item).left;
        if left != NONE {
            self.merge_with_right(left);
        }
    }

    fn give_end_to_deleted(&mut self, item: ItemId, from: u32, to: u32) -> bool {
        let next = self.items.right(item);
        if from == 0 || next == NONE || !self.is_text_beside_deleted(item, next) {
            return false;
        }
        let Item { client, clock, len, content, .. } = self.item(item);
        if to != len || !self.items.adjoins(item, next) {
            return false;
        }
        let Some((kept, gone)) = self.cut_text(content, len, from) else { return false };
        let start = clock + from;
        self.resize(item, from, kept);
        self.forget_encoded(next);
        self.items.lengthen(next, to - from);
        self.items.set_start(next, start);
        let blocks = self.clients.get_mut(client);
        let place = blocks.find(clock + len);
        blocks.move_start(place, start);
        self.after_giving(item, gone, start..clock + len);
        true
    }

    fn give_start_to_deleted(&mut self, item: ItemId, from: u32, to: u32) -> bool {
        let Item { client, clock, len, content, left: previous, .. } = self.item(item);
        if from != 0 || previous == NONE || !self.is_text_beside_deleted(item, previous) {
            return false;
        }
        if to == len || !self.items.adjoins(previous, item) {
            return false;
        }
        let Some((gone, kept)) = self.cut_text(content, len, to) else { return false };
        let start = clock + to;
        self.forget_encoded(previous);
        self.items.lengthen(previous, to);
        self.resize(item, len - to, kept);
        self.items.set_start(item, start);
        let blocks = self.clients.get_mut(client);
        let place = blocks.find(clock);
        blocks.move_start(place, start);
        self.after_giving(item, gone, clock..start);
        true
    }

    #[inline]
    fn is_text_beside_deleted(&self, item: ItemId, neighbor: ItemId) -> bool {
        self.items.kind(item) == Kind::String && self.items.kind(neighbor) == Kind::Deleted
    }

    /// Whether a UTF-16 offset of a block lies inside a surrogate pair.
    pub(crate) fn is_inside_character(&self, item: &Item, offset: u32) -> bool {
        item.kind == Kind::String
            && 0 < offset
            && offset < item.len
            && self.cut_text(item.content, item.len, offset).is_none()
    }

    /// Both sides of a string block cut at a UTF-16 offset; [`None`] inside a surrogate pair.
    #[inline]
    fn cut_text(&self, content: Content, len: u32, offset: u32) -> Option<(Content, Content)> {
        let Content { at, bytes, chars } = content;
        let (head, head_chars) = if bytes == len {
            (offset, offset)
        } else {
            let cut = cut_from_ends(self.text.get(at, bytes), offset, len, chars);
            if cut.splits_pair {
                return None;
            }
            (cut.bytes as u32, cut.chars)
        };
        Some((
            Content { at, bytes: head, chars: head_chars },
            Content { at: at + head, bytes: bytes - head, chars: chars - head_chars },
        ))
    }

    /// Notes that `gone` has left a block for its deleted neighbor.
    fn after_giving(&mut self, item: ItemId, gone: Content, clocks: Range<u32>) {
        let Item { client, parent, .. } = self.item(item);
        self.text.release(gone.bytes);
        let size = Size { utf16: clocks.end - clocks.start, chars: gone.chars, bytes: gone.bytes };
        self.transaction.note_delete(self.clients.get(client).client, clocks);
        self.drop_finger(parent);
        self.resize_in_outline(parent, item, Size::ZERO - size);
    }

    /// Marks an item deleted; returns the shared type in it, unless it was deleted already.
    fn hide(&mut self, item: ItemId) -> Option<BranchId> {
        let found = self.item(item);
        if found.deleted {
            return None;
        }
        if found.kind == Kind::Doc {
            self.note_subdocument_removed(item);
        }
        if found.kind == Kind::Format && found.key == NONE {
            self.drop_mark(found.parent, item);
            self.transaction.note_deleted_mark(found.parent, found.first_id());
        }
        let size = found.visible_size();
        self.forget_encoded(item);
        self.items.set_deleted(item);
        if size != Size::ZERO {
            self.resize_in_outline(found.parent, item, Size::ZERO - size);
        }
        self.drop_finger(found.parent);
        let client = self.clients.get(found.client).client;
        self.transaction.note_delete(client, found.clock..found.end());
        (found.kind == Kind::Type).then_some(found.content.at)
    }

    /// Every item of a shared type: its sequence, then all that ever stood under its keys.
    pub(crate) fn children(&self, branch: BranchId) -> Vec<ItemId> {
        let branch = self.branches.get(branch);
        let mut children = Vec::new();
        let mut at = branch.start;
        while at != NONE {
            children.push(at);
            at = self.item(at).right;
        }
        for (_, newest) in branch.entries.iter() {
            let mut at = newest;
            while at != NONE {
                children.push(at);
                at = self.item(at).left;
            }
        }
        children
    }

    /// Drops the content of a deleted item; what a shared type held shrinks to bare lengths.
    pub(crate) fn collect(&mut self, item: ItemId) {
        let mut open = Vec::new();
        let mut bare = Vec::new();
        self.drop_content(item, &mut open);
        while let Some(branch) = open.pop() {
            let children = self.children(branch);
            if let Some(outline) = self.outline.get_mut() {
                outline.clear(branch, &children);
            }
            for child in children {
                self.drop_content(child, &mut open);
                bare.push(child);
                let Item { client, clock, len, .. } = self.item(child);
                self.change(child, |bare| *bare = Item::collected(client, clock, len));
            }
            let emptied = self.branches.get_mut(branch);
            emptied.gone = true;
            emptied.start = NONE;
            emptied.entries = Entries::default();
            emptied.finger = Finger::NONE;
            emptied.marks = None;
        }
        for item in bare {
            self.merge_collected(item);
        }
    }

    /// Adds a collected block to the one before it in clock order, if that is collected too.
    pub(crate) fn merge_collected(&mut self, item: ItemId) {
        let Item { client, clock, len, .. } = self.item(item);
        let blocks = self.clients.get(client);
        let Some(previous) = blocks.previous(blocks.find(clock)) else { return };
        let previous = blocks.item(previous);
        if self.item(previous).kind == Kind::Gc {
            self.change(previous, |grown| grown.len += len);
            self.forget(item);
        }
    }

    fn drop_content(&mut self, item: ItemId, open: &mut Vec<BranchId>) {
        let Item { kind, len, content, .. } = self.item(item);
        match kind {
            Kind::Gc | Kind::Deleted => return,
            Kind::String => self.text.release(content.bytes),
            Kind::Any => self.values.release(content.at, len),
            Kind::Type => open.push(content.at),
            Kind::Json | Kind::Binary | Kind::Embed | Kind::Format | Kind::Doc => {
                self.take_payload(content.at);
            }
        }
        self.forget_encoded(item);
        self.items.drop_content(item);
    }

    /// Whether an update of so many bytes, which has so many blocks and deletions, can be stored.
    pub(crate) fn check_room(&self, bytes: usize, pieces: usize) -> Result<(), DecodeError> {
        // Splitting a surrogate pair, the worst case, turns four bytes into six.
        let arenas = self.text.len().max(self.values.len()) + 4 * bytes;
        // Each is a block at most, and can split two others.
        let fits = arenas < NONE as usize && self.items.has_room(3 * pieces);
        if fits { Ok(()) } else { Err(DecodeError::DocumentFull { bytes }) }
    }

    /// The elements of an `Any` block.
    pub(crate) fn values_of(&self, item: &Item) -> &[Any] {
        if item.kind == Kind::Any { self.values.get(item.content.at, item.len) } else { &[] }
    }

    /// Squeezes the arenas when deletions have left more behind than is alive. Linear, and amortized by
    /// the deletions that made it necessary.
    #[inline]
    pub(crate) fn squeeze(&mut self) {
        if self.text.is_wasteful() || self.values.is_wasteful() {
            self.squeeze_wasteful();
        }
    }

    #[cold]
    fn squeeze_wasteful(&mut self) {
        if self.text.is_wasteful() {
            self.squeeze_text();
        }
        if self.values.is_wasteful() {
            let mut old = self.values.take();
            self.for_each_live(Kind::Any, |store, item| {
                let Item { len, content, .. } = store.item(item);
                let range = content.at as usize..(content.at + len) as usize;
                let at = store.values.extend(old[range].iter_mut().map(std::mem::take));
                store.items.set_at(item, at);
            });
        }
    }

    fn squeeze_text(&mut self) {
        let old = self.text.take();
        self.for_each_live(Kind::String, |store, item| {
            let Content { at, bytes, .. } = store.item(item).content;
            let at = store.text.push(&old[at as usize..(at + bytes) as usize]);
            store.items.set_at(item, at);
        });
    }

    fn for_each_live(&mut self, kind: Kind, mut visit: impl FnMut(&mut Self, ItemId)) {
        for slot in 0..self.clients.iter().count() {
            let items: Vec<_> = self.clients.get(slot as u32).items_from(0).collect();
            for item in items {
                if self.items.kind(item) == kind {
                    visit(self, item);
                }
            }
        }
    }

    /// How far `offset` units into a string block is in UTF-16; [`None`] inside a character.
    #[inline]
    pub(crate) fn utf16_offset(&self, item: ItemId, offset: u32, unit: Unit) -> Option<u32> {
        if offset == 0 || !self.items.is_wide(item) {
            return Some(offset);
        }
        let found = self.item(item);
        let text = self.text_of(&found);
        match unit {
            Unit::CodePoint => {
                Some(text.chars().take(offset as usize).map(|character| character.len_utf16() as u32).sum())
            }
            Unit::Byte => text.get(..offset as usize).map(utf16_len),
            Unit::Utf16 => (offset >= found.len || !cut_at(text, offset).splits_pair).then_some(offset),
        }
    }

    /// How far `offset` units into a string block is in bytes; [`None`] inside a character.
    pub(crate) fn byte_offset(&self, item: ItemId, offset: u32, unit: Unit) -> Option<usize> {
        if !self.items.is_wide(item) {
            return Some(offset as usize);
        }
        let utf16 = self.utf16_offset(item, offset, unit)?;
        Some(cut_at(self.text_of(&self.item(item)), utf16).bytes)
    }
}
