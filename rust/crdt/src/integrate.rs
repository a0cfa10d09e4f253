//! Puts a block from another replica where YATA wants it.
//!
//! # Source
//! Yjs 13.6, `Item#getMissing`, `Item#integrate` and `splice` of each content.

use std::ops::Range;

use crate::any::Any;
use crate::attributes::Json;
use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::branch::Branch;
use crate::id::{ClientId, Id};
use crate::lib0::Reader;
use crate::piece::Text;
use crate::store::{Payload, Store};
use crate::subdocument::DocPayload;
use crate::tree::Size;
use crate::update::{Carrier, Parent, Span, read_type};
use crate::yata::{Listed, Newcomer, Row, left_neighbor};

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integrated {
    /// It is in the document now.
    Added,
    /// The document had all of it.
    Known,
    /// It needs this unit first.
    Missing(Id),
}

impl Store {
    /// Puts a decoded block where YATA wants it. `source` is what its spans refer to.
    pub(crate) fn integrate(&mut self, carrier: &Carrier, source: &[u8]) -> Integrated {
        let state = self.clients.next_clock(carrier.client);
        if carrier.end() <= state {
            return Integrated::Known;
        }
        if carrier.clock > state {
            return Integrated::Missing(Id { client: carrier.client, clock: carrier.clock - 1 });
        }
        let Some(kind) = carrier.kind else { return Integrated::Known };
        if kind == Kind::String && carrier.clock == state && self.goes_on(carrier, source) {
            return Integrated::Added;
        }
        let offset = state - carrier.clock;
        let unknown = |id: &Id| self.clients.next_clock(id.client) <= id.clock;
        if let Some(missing) = carrier.dependencies(offset).find(unknown) {
            return Integrated::Missing(missing);
        }
        let client = self.clients.slot_or_insert(carrier.client);
        match self.neighborhood(carrier, source, client, offset) {
            Some(place) if kind != Kind::Gc => self.place_block(carrier, source, kind, client, offset, place),
            _ => {
                if kind != Kind::Gc && self.lost_its_place_now(carrier, offset) {
                    self.transaction.note_delete(carrier.client, state..carrier.end());
                    self.transaction.note_collected(carrier.client, state..carrier.end());
                }
                self.push_collected(client, carrier.len - offset);
            }
        }
        Integrated::Added
    }

    /// Whether what a block belongs to went away in the transaction that is open. Yjs drops it only at the
    /// end, so that there the block is inserted and deleted at once.
    fn lost_its_place_now(&self, carrier: &Carrier, offset: u32) -> bool {
        let collected = &self.transaction.collected;
        let before = Id { client: carrier.client, clock: carrier.clock + offset.saturating_sub(1) };
        let mut lost = false;
        for id in carrier.dependencies(offset).chain((offset > 0).then_some(before)) {
            if collected.contains(id.client, id.clock) {
                lost = true;
            } else if self.local(id).is_some_and(|id| self.item(self.find(id)).kind == Kind::Gc) {
                return false;
            }
        }
        lost
    }

    /// The common case, without looking for neighbors: the author's last run goes on where it ended.
    #[inline]
    fn goes_on(&mut self, carrier: &Carrier, source: &[u8]) -> bool {
        let Some(origin) = carrier.origin else { return false };
        if origin.client != carrier.client || origin.clock + 1 != carrier.clock {
            return false;
        }
        let Some(client) = self.clients.recall(carrier.client) else { return false };
        let Some(run) = self.growing_run(client, carrier.right_origin) else { return false };
        let text = carrier.content.text(source);
        self.continue_run(client, run, text, Size::of(text))
    }

    /// Adds units of which only the number is left.
    fn push_collected(&mut self, client: u32, len: u32) {
        let clock = self.clients.get(client).next_clock;
        self.transaction.note_insert(client, clock);
        if clock > 0 {
            let last = self.find(LocalId { client, clock: clock - 1 });
            if self.item(last).kind == Kind::Gc {
                self.change(last, |grown| grown.len += len);
                self.clients.get_mut(client).next_clock += len;
                return;
            }
        }
        let item = self.items.add(&Item::collected(client, clock, len));
        self.clients.get_mut(client).push(item, len);
    }

    /// Resolves origins and parent; [`None`] if what the block belongs to has been collected.
    fn neighborhood(&mut self, carrier: &Carrier, source: &[u8], client: u32, offset: u32) -> Option<Place> {
        let origin = if offset > 0 {
            Some(LocalId { client, clock: carrier.clock + offset - 1 })
        } else {
            carrier.origin.and_then(|id| self.local(id))
        };
        let right_origin = carrier.right_origin.and_then(|id| self.local(id));
        let left = origin.map_or(NONE, |id| self.clean_end(id));
        let right = right_origin.map_or(NONE, |id| self.follower(left, id));
        let is_collected = |item: ItemId| item != NONE && self.item(item).kind == Kind::Gc;
        if is_collected(left) || is_collected(right) {
            return None;
        }
        let (parent, key) = if left != NONE {
            (self.item(left).parent, self.item(left).key)
        } else if right != NONE {
            (self.item(right).parent, self.item(right).key)
        } else {
            let parent = match carrier.parent {
                Parent::Inherited => return None,
                Parent::Root(name) => self.branches.root_or_insert(name.text(source)),
                Parent::Block(id) => self.branch_of_block(self.local(id)?)?,
            };
            (parent, carrier.key.map_or(NONE, |key| self.keys.id_or_insert(key.text(source))))
        };
        Some(Place {
            left,
            right,
            origin: origin.unwrap_or(LocalId::NONE),
            right_origin: right_origin.unwrap_or(LocalId::NONE),
            parent,
            key,
        })
    }

    /// The block that starts with a known unit: usually still the neighbor of the one that stands left of it.
    #[inline]
    fn follower(&mut self, left: ItemId, id: LocalId) -> ItemId {
        let next = if left == NONE { NONE } else { self.item(left).right };
        if next != NONE && self.item(next).first_id() == id { next } else { self.clean_start(id) }
    }

    fn branch_of_block(&self, id: LocalId) -> Option<BranchId> {
        let item = self.item(self.find(id));
        (item.kind == Kind::Type && item.clock == id.clock).then_some(item.content.at)
    }

    fn place_block(
        &mut self,
        carrier: &Carrier,
        source: &[u8],
        kind: Kind,
        client: u32,
        offset: u32,
        place: Place,
    ) {
        let content = self.new_content(kind, carrier.content, source, offset);
        let clocks = carrier.clock + offset..carrier.end();
        self.place_content(client, clocks, kind, content, place);
    }

    /// Lists content that is stored already, as the units `clocks` of `client`, where it belongs.
    pub(crate) fn place_content(
        &mut self,
        client: u32,
        clocks: Range<u32>,
        kind: Kind,
        content: Content,
        mut place: Place,
    ) -> ItemId {
        let id = self.clients.get(client).client;
        if !self.resolve_from_the_ends(id, &mut place) {
            self.resolve_conflicts(id, &mut place);
        }
        let right = self.right_of(&place);
        let item = self.insert(&Item {
            client,
            clock: clocks.start,
            len: clocks.end - clocks.start,
            kind,
            deleted: kind == Kind::Deleted,
            keep: false,
            redone: false,
            origin: place.origin,
            right_origin: place.right_origin,
            parent: place.parent,
            key: place.key,
            left: place.left,
            right,
            content,
        });
        self.settle(item);
        item
    }

    /// Does what [`Store::resolve_conflicts`] does for a map entry that many set at the same time; returns
    /// whether it could.
    ///
    /// Nothing stands right of where an entry is set, so that all that is inserted next to one block, with all
    /// that is next to that, stands in a row right of it, ordered by client. A row that ends with what is next to
    /// the same block as the new one can be searched from its ends, where the new one mostly belongs.
    fn resolve_from_the_ends(&mut self, client: ClientId, place: &mut Place) -> bool {
        if place.key == NONE {
            return false;
        }
        self.branches.bounded_entries |= !place.right_origin.is_none();
        if self.branches.bounded_entries {
            return false;
        }
        let entries = &self.branches.get(place.parent).entries;
        if place.left == NONE
            && let Some(oldest) = entries.oldest(place.key)
            && self.item(oldest).origin == place.origin
            && self.clients.get(self.item(oldest).client).client >= client
        {
            return true;
        }
        let mut at = entries.get(place.key).unwrap_or(NONE);
        while at != NONE && at != place.left {
            let other = self.item(at);
            if other.origin != place.origin {
                return false;
            }
            if self.clients.get(other.client).client < client {
                place.left = at;
                return true;
            }
            at = other.left;
        }
        at == place.left
    }

    /// Moves `place.left` over the blocks that others inserted at the same spot and that come first.
    fn resolve_conflicts(&self, author: ClientId, place: &mut Place) {
        let Place { left, right, origin, right_origin, .. } = *place;
        let next = self.right_of(place);
        place.left = left_neighbor(self, &Newcomer { author, origin, right_origin, left, next, right });
    }

    /// What stands right of `place.left` now.
    fn right_of(&self, place: &Place) -> ItemId {
        if place.left != NONE {
            return self.item(place.left).right;
        }
        let branch = self.branches.get(place.parent);
        if place.key == NONE {
            return branch.start;
        }
        branch.entries.oldest(place.key).unwrap_or(NONE)
    }

    /// What a new block implies: the end of the map entry it replaces, a type of its own, or its own end. Deletions
    /// are noted in the order of Yjs, which decides where marks are tidied up.
    fn settle(&mut self, item: ItemId) {
        let Item { kind, client, clock, len, parent, key, left, right, content, .. } = self.item(item);
        let replaced = if key != NONE && right == NONE { left } else { NONE };
        if replaced != NONE {
            self.delete(replaced);
        }
        match kind {
            Kind::Deleted => {
                let client = self.clients.get(client).client;
                self.transaction.note_delete(client, clock..clock + len);
            }
            Kind::Type => self.branches.get_mut(content.at).item = item,
            Kind::Doc => self.note_subdocument_added(item),
            _ => {}
        }
        if replaced != NONE && !self.transaction.keeps_deleted {
            self.merge_with_neighbors(replaced);
        }
        let owner = self.branches.get(parent).item;
        let orphaned = owner != NONE && self.item(owner).deleted;
        if orphaned || (key != NONE && right != NONE) {
            self.delete(item);
        }
        if !self.transaction.keeps_deleted {
            self.merge_with_neighbors(item);
        }
    }

    /// Copies content into the document, without its first `offset` units.
    pub(crate) fn new_content(&mut self, kind: Kind, span: Span, source: &[u8], offset: u32) -> Content {
        let mut reader = Reader::new(span.of(source));
        match kind {
            Kind::Gc | Kind::Deleted => Content::NONE,
            Kind::String => self.new_text(&Text::after(span.text(source), offset)),
            Kind::Any => {
                let mut elements = std::iter::from_fn(|| Any::decode_from(&mut reader).ok());
                elements.by_ref().take(offset as usize).for_each(drop);
                Content::at(self.values.extend(elements))
            }
            Kind::Json => {
                let strings = std::iter::from_fn(|| reader.var_string().ok());
                let strings = strings.skip(offset as usize).map(Into::into).collect();
                self.new_payload(Payload::Json(strings))
            }
            Kind::Binary => self.new_payload(Payload::Binary(span.of(source).into())),
            Kind::Embed => self.new_payload(Payload::Embed(span.text(source).into())),
            Kind::Doc => self.new_payload(Payload::Doc(DocPayload::received(span.of(source)))),
            Kind::Format => {
                let key = reader.var_string().unwrap_or_default().into();
                let value = Json::checked(reader.var_string().unwrap_or_default());
                self.new_payload(Payload::Format(key, value))
            }
            Kind::Type => {
                let (tag, name) = read_type(span.of(source)).unzip();
                let branch = Branch { name: name.flatten().map(Into::into), ..Branch::new(tag, NONE) };
                Content::at(self.branches.add(branch))
            }
        }
    }
}

/// Between which blocks, and in which type, a block is to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) left: ItemId,
    pub(crate) right: ItemId,
    pub(crate) origin: LocalId,
    pub(crate) right_origin: LocalId,
    pub(crate) parent: BranchId,
    pub(crate) key: KeyId,
}

impl Row for Store {
    type Unit = LocalId;

    #[inline]
    fn block(&self, at: ItemId) -> Listed<LocalId> {
        let Item { client, origin, right_origin, right, .. } = self.item(at);
        Listed { author: self.clients.get(client).client, origin, right_origin, right }
    }

    fn holds(&self, at: ItemId, unit: LocalId) -> bool {
        self.item(at).holds(unit)
    }

    fn holder(&self, unit: LocalId) -> Option<ItemId> {
        (!unit.is_none()).then(|| self.find(unit))
    }
}
