//! What a transaction changed, as seen from each shared type.

use std::sync::Arc;

use crate::attributes::Attributes;
use crate::block::{BranchId, Item, ItemId, KeyId, Kind, NONE};
use crate::edit::SharedType;
use crate::read::Value;
use crate::store::Store;
use crate::tree::Unit;
use crate::update::TypeTag;

/// One step from a shared type to one inside it.
#[derive(Debug, Clone, PartialEq)]
pub enum PathStep {
    /// A map key, or the name of a root.
    Key(Arc<str>),
    /// An index into a sequence.
    Index(u32),
}

/// One part of a change to a sequence, to be read from its start.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// So many units stay, with these attributes changed, to `null` where one was taken away.
    Retain(u32, Attributes),
    /// So many units are gone.
    Delete(u32),
    /// Text has come, with these attributes.
    Text(String, Attributes),
    /// An embed or a shared type has come into a text, with these attributes.
    Embed(Value, Attributes),
    /// Elements have come.
    Values(Vec<Value>),
}

/// A change to one map entry.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChange {
    /// The entry's key.
    pub key: Box<str>,
    /// What it was; [`None`] if it was not there.
    pub old: Option<Value>,
    /// What it is; [`None`] if it is gone.
    pub new: Option<Value>,
}

/// The changes of one transaction to one shared type.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The type that changed.
    pub target: SharedType,
    /// What that is or, for a root that nobody has opened here, looks like.
    pub tag: TypeTag,
    /// The types around it, from the innermost to its root.
    pub outer: Vec<SharedType>,
    /// How to reach it from the document: the name of its root, then a step from each type to the next.
    pub path: Vec<PathStep>,
    /// Changes to its sequence.
    pub delta: Vec<Delta>,
    /// Whether anything came to its sequence or went, even if it looks as before.
    pub touches_sequence: bool,
    /// Changes to its entries.
    pub keys: Vec<KeyChange>,
}

/// A stretch of one item that a transaction touched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched {
    pub(crate) item: ItemId,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) inserted: bool,
}

impl Touched {
    pub(crate) fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

impl Store {
    /// Describes the open transaction, whose deleted content is still there. O(k log n) for k changes.
    pub(crate) fn events(&mut self, unit: Unit) -> Vec<Event> {
        let parent = |store: &Self, touched: &Touched| store.item(touched.item).parent;
        let key = |store: &Self, touched: &Touched| store.item(touched.item).key;
        let mut touched = self.touched();
        touched.retain(|it| parent(self, it) != NONE);
        // What belongs to a sequence first, then what belongs to entries.
        touched.sort_by_key(|it| (parent(self, it), key(self, it) != NONE));
        let mut events = Vec::with_capacity(1);
        let mut rest = touched.as_mut_slice();
        while let Some(branch) = rest.first().map(|first| parent(self, first)) {
            let count = rest.partition_point(|it| parent(self, it) == branch);
            let (of_one, after) = rest.split_at_mut(count);
            rest = after;
            self.settle_marks(branch);
            if !self.is_deleted_branch(branch) && !self.is_new_branch(branch) {
                let entries = of_one.partition_point(|it| key(self, it) == NONE);
                let (sequence, entries) = of_one.split_at_mut(entries);
                events.push(self.event(branch, sequence, entries, unit));
            }
        }
        events.sort_by_key(|event| (event.path.len(), event.target.0));
        events
    }

    /// Describes what became of one shared type: nothing, if what was inserted was deleted again.
    fn event(&self, branch: BranchId, sequence: &mut [Touched], entries: &[Touched], unit: Unit) -> Event {
        let mut keys = Vec::new();
        for touched in entries {
            let key = self.item(touched.item).key;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let known = self.branches.get(branch).tag;
        let is_text = matches!(known, Some(TypeTag::Text | TypeTag::XmlText));
        let delta =
            if is_text { self.text_delta(branch, sequence, unit) } else { self.delta(sequence, unit) };
        let keys = keys.iter().filter_map(|&key| self.key_change(branch, key)).collect();
        let (outer, path) = self.surroundings(branch, unit);
        let tag = known.unwrap_or_else(|| self.likely_tag(branch));
        let touches_sequence = !sequence.is_empty();
        Event { target: SharedType(branch), tag, outer, path, delta, touches_sequence, keys }
    }

    /// Every stretch that is new, and every stretch that was there before and is deleted now. What came and went is
    /// an empty stretch: its parent counts as changed.
    fn touched(&self) -> Vec<Touched> {
        let mut touched = Vec::new();
        for (slot, first) in self.transaction.starts.iter() {
            for id in self.clients.get(slot).items_from(first) {
                let item = self.item(id);
                let from = if item.deleted { item.len } else { first.saturating_sub(item.clock) };
                touched.push(Touched { item: id, from, to: item.len, inserted: true });
            }
        }
        for (client, range) in self.transaction.deletes.iter() {
            let Some(slot) = self.clients.slot(client) else { continue };
            let old = self.transaction.first_new(slot).unwrap_or(u32::MAX).min(range.end);
            if old <= range.start {
                continue;
            }
            for id in self.clients.get(slot).items_from(range.start) {
                let item = self.item(id);
                if item.clock >= old {
                    break;
                }
                let from = range.start.saturating_sub(item.clock);
                let to = (old - item.clock).min(item.len);
                touched.push(Touched { item: id, from, to, inserted: false });
            }
        }
        touched
    }

    fn is_deleted_branch(&self, branch: BranchId) -> bool {
        let branch = self.branches.get(branch);
        branch.gone || (branch.item != NONE && self.item(branch.item).deleted)
    }

    /// A type that came with the transaction did not change: it is part of what came.
    fn is_new_branch(&self, branch: BranchId) -> bool {
        let item = self.branches.get(branch).item;
        item != NONE && self.is_new(&self.item(item))
    }

    fn delta(&self, touches: &mut [Touched], unit: Unit) -> Vec<Delta> {
        let outline = self.outline();
        let order = |touched: &Touched| (outline.order_key(touched.item), touched.from);
        touches.sort_by_cached_key(order);
        let mut delta = Vec::new();
        // How far the new sequence has been described.
        let mut described = 0;
        for &touched in touches.iter().filter(|touched| !touched.is_empty()) {
            let item = self.item(touched.item);
            if !item.kind.is_countable() {
                continue;
            }
            let start = self.start_of(touched.item, unit);
            let within = if item.deleted { 0 } else { self.units_before(&item, touched.from, unit) };
            if start + within > described {
                delta.push(Delta::Retain(start + within - described, Attributes::new()));
                described = start + within;
            }
            let length =
                self.units_before(&item, touched.to, unit) - self.units_before(&item, touched.from, unit);
            if touched.inserted {
                described += length;
                self.push_inserted(&mut delta, &item, touched);
            } else if let Some(Delta::Delete(count)) = delta.last_mut() {
                *count += length;
            } else {
                delta.push(Delta::Delete(length));
            }
        }
        delta
    }

    /// How many units the first `utf16` of an item make.
    pub(crate) fn units_before(&self, item: &Item, utf16: u32, unit: Unit) -> u32 {
        if item.kind != Kind::String || item.content.bytes == item.len || unit == Unit::Utf16 {
            return utf16;
        }
        let cut = crate::update::cut_at(self.text_of(item), utf16);
        if unit == Unit::CodePoint { cut.chars } else { cut.bytes as u32 }
    }

    fn push_inserted(&self, delta: &mut Vec<Delta>, item: &Item, touched: Touched) {
        if item.kind == Kind::String {
            let text = self.text_of(item);
            let text = &text[self.units_before(item, touched.from, Unit::Byte) as usize..];
            match delta.last_mut() {
                Some(Delta::Text(before, _)) => before.push_str(text),
                _ => delta.push(Delta::Text(text.to_owned(), Attributes::new())),
            }
            return;
        }
        let mut values = self.item_values(item);
        let values = values.drain(touched.from as usize..);
        match delta.last_mut() {
            Some(Delta::Values(before)) => before.extend(values),
            _ => delta.push(Delta::Values(values.collect())),
        }
    }

    pub(crate) fn is_new(&self, item: &Item) -> bool {
        self.transaction.first_new(item.client).is_some_and(|first| item.clock >= first)
    }

    fn key_change(&self, branch: BranchId, key: KeyId) -> Option<KeyChange> {
        let newest = self.branches.get(branch).entries.get(key)?;
        let mut at = newest;
        while at != NONE && self.is_new(&self.item(at)) {
            at = self.item(at).left;
        }
        let was_alive = |item: &Item| {
            let client = self.clients.get(item.client).client;
            !item.deleted || self.transaction.deletes.contains(client, item.clock)
        };
        let old =
            (at != NONE && was_alive(&self.item(at))).then(|| self.last_value(&self.item(at))).flatten();
        let current = self.item(newest);
        let new = if current.deleted { None } else { self.last_value(&current) };
        if at == newest && !current.deleted || old.is_none() && new.is_none() {
            return None;
        }
        Some(KeyChange { key: self.keys.name(key).into(), old, new })
    }

    /// The types around one, and how to reach it.
    fn surroundings(&self, branch: BranchId, unit: Unit) -> (Vec<SharedType>, Vec<PathStep>) {
        let mut outer = Vec::new();
        let mut path = Vec::with_capacity(1);
        let mut at = branch;
        loop {
            let branch = self.branches.get(at);
            if branch.item == NONE {
                path.extend(branch.root.clone().map(PathStep::Key));
                break;
            }
            let item = self.item(branch.item);
            path.push(if item.key == NONE {
                PathStep::Index(self.start_of(branch.item, unit))
            } else {
                PathStep::Key(self.keys.name(item.key).into())
            });
            at = item.parent;
            if at == NONE {
                break;
            }
            outer.push(SharedType(at));
        }
        path.reverse();
        (outer, path)
    }

    /// Collects what the transaction deleted and merges what became one run.
    pub(crate) fn collect_transaction(&mut self) {
        let deletes = std::mem::take(&mut self.transaction.deletes);
        for (client, range) in deletes.iter() {
            let Some(slot) = self.clients.slot(client) else { continue };
            let items = self.clients.get(slot).items_from(range.start);
            let items: Vec<_> = items.take_while(|&id| self.item(id).clock < range.end).collect();
            for id in items {
                let item = self.item(id);
                if item.deleted
                    && !item.keep
                    && !self.keeps_deleted
                    && !matches!(item.kind, Kind::Deleted | Kind::Gc)
                {
                    self.collect(id);
                }
            }
            self.merge_range(slot, range);
        }
        self.transaction.deletes = deletes;
    }

    /// Merges what the transaction inserted with what it continues: as a part of a run that an undo needs, it is
    /// needed too.
    pub(crate) fn merge_inserted(&mut self) {
        for (slot, start) in self.transaction.starts.by_slot() {
            self.merge_range(slot, start..self.clients.get(slot).next_clock);
        }
    }

    fn merge_range(&mut self, slot: u32, range: std::ops::Range<u32>) {
        let mut clock = range.start;
        while clock < range.end {
            let blocks = self.clients.get(slot);
            let id = blocks.item(blocks.find(clock));
            if self.item(id).kind == Kind::Gc {
                clock = self.item(id).end();
                continue;
            }
            let left = self.item(id).left;
            let id = if left != NONE && self.merge_with_right(left) { left } else { id };
            while self.merge_with_right(id) {}
            clock = self.item(id).end();
        }
    }
}
