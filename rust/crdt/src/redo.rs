//! Bringing deleted content back: a copy goes where the original stood, and the original remembers it.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashSet;

use crate::block::{BranchId, Item, ItemId, Kind, LocalId, NONE};
use crate::delete_set::DeleteSet;
use crate::id::ClientId;
use crate::integrate::Place;
use crate::store::Store;

/// Which units were brought back, and as which: by client and first clock, how many and the first copy.
#[derive(Debug, Default)]
pub(crate) struct Redone {
    runs: BTreeMap<(u32, u32), (u32, LocalId)>,
}

impl Redone {
    fn insert(&mut self, item: &Item, copy: LocalId) {
        self.runs.insert((item.client, item.clock), (item.len, copy));
    }

    /// What the unit was brought back as.
    fn copy_of(&self, unit: LocalId) -> Option<LocalId> {
        let (&(client, clock), &(len, copy)) = self.runs.range(..=(unit.client, unit.clock)).next_back()?;
        let offset = unit.clock - clock.min(unit.clock);
        let found = client == unit.client && offset < len;
        found.then_some(LocalId { client: copy.client, clock: copy.clock + offset })
    }

    /// What the units of a range were brought back as: the first copy of each run, and how many there are.
    fn copies(&self, client: u32, clocks: Range<u32>) -> impl Iterator<Item = (LocalId, u32)> {
        let before = self.runs.range((client, 0)..(client, clocks.start)).next_back();
        let runs = before.into_iter().chain(self.runs.range((client, clocks.start)..(client, clocks.end)));
        runs.filter_map(move |(&(_, first), &(len, copy))| {
            let (from, to) = (first.max(clocks.start), (first + len).min(clocks.end));
            let copy_of_first = || LocalId { client: copy.client, clock: copy.clock + (from - first) };
            (from < to).then(|| (copy_of_first(), to - from))
        })
    }
}

/// What bringing one stack item's deletions back needs to know.
pub(crate) struct Redo<'a> {
    /// The client that inserts the copies, by slot.
    pub(crate) client: u32,
    /// All that is to be brought back.
    pub(crate) items: &'a HashSet<ItemId>,
    /// What the same step takes away.
    pub(crate) insertions: &'a DeleteSet,
    /// Whether the undo manager has deleted a unit.
    pub(crate) deleted_by_stack: &'a dyn Fn(ClientId, u32) -> bool,
}

impl Store {
    /// The unit that stands for `unit` now, after all that was brought back.
    ///
    /// # Source
    /// Yjs 13.6, `followRedone`.
    pub(crate) fn follow_redone(&self, unit: LocalId) -> LocalId {
        let mut unit = unit;
        while self.item(self.find(unit)).redone {
            let Some(copy) = self.redone.copy_of(unit) else { break };
            unit = copy;
        }
        unit
    }

    /// The units that stand for those of a range now, after all that was brought back: by client and clocks. Copies can
    /// have been cut since, or have grown together with their neighbors. Blocks are cut where these
    /// units begin and end, and nowhere between: what comes back beside a cut comes back in it.
    ///
    /// Yjs 13.6 takes the block that begins with the first unit's copy, however long that is.
    pub(crate) fn standing_for(
        &mut self,
        client: ClientId,
        clocks: Range<u32>,
    ) -> Vec<(ClientId, Range<u32>)> {
        self.items_within(client, clocks.clone());
        let (mut standing, mut all) = (Vec::new(), DeleteSet::new());
        let mut waiting = vec![(client, clocks, false)];
        while let Some((client, clocks, stands)) = waiting.pop() {
            if stands {
                all.add(client, clocks.clone());
                standing.push((client, clocks));
            } else {
                waiting.extend(self.copied_or_not(client, clocks).into_iter().rev());
            }
        }
        all.normalize();
        for (client, clocks) in all.iter() {
            self.items_within(client, clocks);
        }
        standing
    }

    /// The parts of a range: each as what it was brought back as, or as itself, which the last value tells.
    fn copied_or_not(&self, client: ClientId, clocks: Range<u32>) -> Vec<(ClientId, Range<u32>, bool)> {
        let mut parts = Vec::new();
        let Some(slot) = self.clients.slot(client) else { return parts };
        let end = clocks.end.min(self.clients.get(slot).next_clock);
        let mut clock = clocks.start;
        while clock < end {
            let unit = LocalId { client: slot, clock };
            let found = self.item(self.find(unit));
            clock = found.end().min(end);
            let copy = if found.redone { self.redone.copy_of(unit) } else { None };
            parts.push(match copy {
                Some(copy) => {
                    let copies = copy.clock..copy.clock + (clock - unit.clock);
                    (self.clients.get(copy.client).client, copies, false)
                }
                None => (client, unit.clock..clock, true),
            });
        }
        parts
    }

    /// All that the units of a range, or their copies, were ever brought back as: by client and clocks.
    pub(crate) fn copies_of(&self, client: ClientId, clocks: Range<u32>) -> Vec<(ClientId, Range<u32>)> {
        let mut copies = Vec::new();
        let mut waiting: Vec<_> = self.clients.slot(client).map(|slot| (slot, clocks)).into_iter().collect();
        while let Some((slot, clocks)) = waiting.pop() {
            for (copy, count) in self.redone.copies(slot, clocks) {
                let clocks = copy.clock..copy.clock + count;
                copies.push((self.clients.get(copy.client).client, clocks.clone()));
                waiting.push((copy.client, clocks));
            }
        }
        copies
    }

    /// What an item was brought back as, if it was; split off if it has grown together with its neighbors.
    fn copy_of(&mut self, item: ItemId) -> Option<ItemId> {
        let found = self.item(item);
        if !found.redone {
            return None;
        }
        let copy = self.redone.copy_of(found.first_id())?;
        Some(self.clean_start(copy))
    }

    /// Marks an item and the types around it as needed, or not, by an undo. Stops at the first that is so
    /// marked already.
    ///
    /// # Source
    /// Yjs 13.6, `keepItem`.
    pub(crate) fn keep(&mut self, item: ItemId, keep: bool) {
        let mut at = item;
        while at != NONE && self.item(at).keep != keep {
            self.change(at, |marked| marked.keep = keep);
            let parent = self.item(at).parent;
            at = if parent == NONE { NONE } else { self.branches.get(parent).item };
        }
    }

    /// Whether an item is in one of the types, at any depth.
    pub(crate) fn is_inside(&self, item: ItemId, types: &[BranchId]) -> bool {
        let mut parent = self.item(item).parent;
        while parent != NONE {
            if types.contains(&parent) {
                return true;
            }
            let owner = self.branches.get(parent).item;
            parent = if owner == NONE { NONE } else { self.item(owner).parent };
        }
        false
    }

    /// The items that hold the known units of a range, split so that they hold no others, unless a forged range
    /// ends inside a character: that is not torn apart. Collected blocks are left out.
    pub(crate) fn items_within(&mut self, client: ClientId, clocks: Range<u32>) -> Vec<ItemId> {
        let mut items = Vec::new();
        let Some(slot) = self.clients.slot(client) else { return items };
        let end = clocks.end.min(self.clients.get(slot).next_clock);
        let mut clock = clocks.start;
        while clock < end {
            let mut item = self.find(LocalId { client: slot, clock });
            let found = self.item(item);
            if found.kind == Kind::Gc {
                clock = found.end();
                continue;
            }
            let from = clock - found.clock;
            let from = from - u32::from(self.is_inside_character(&found, from));
            if from > 0 {
                item = self.split(item, from);
            }
            let found = self.item(item);
            if found.end() > end {
                let to = end - found.clock;
                let to = to + u32::from(self.is_inside_character(&found, to));
                if to < found.len {
                    self.split(item, to);
                }
            }
            clock = self.item(item).end();
            items.push(item);
        }
        items
    }

    /// Joins whatever can be one block around a range and around what it was brought back as. How an undo
    /// cuts blocks decides what it inserts; replicas that differ in where they joined them must not differ
    /// in that. Joining copies content of up to `limit` bytes or elements.
    pub(crate) fn join_around(&mut self, client: ClientId, clocks: Range<u32>, limit: u32) {
        let Some(slot) = self.clients.slot(client) else { return };
        let end = clocks.end.min(self.clients.get(slot).next_clock);
        let mut clock = clocks.start;
        while clock < end {
            let unit = LocalId { client: slot, clock };
            let joined = self.join_block(unit, limit);
            let mut copy = unit;
            while self.item(self.find(copy)).redone {
                let Some(next) = self.redone.copy_of(copy) else { break };
                copy = next;
                self.join_block(copy, limit);
            }
            clock = joined;
        }
    }

    /// Joins the block that holds `unit` with its neighbors; returns where it ends.
    fn join_block(&mut self, unit: LocalId, limit: u32) -> u32 {
        let mut item = self.find(unit);
        if self.item(item).kind == Kind::Gc {
            return self.item(item).end();
        }
        loop {
            let left = self.item(item).left;
            if left == NONE || !self.merge_within(left, limit) {
                break;
            }
            item = left;
        }
        while self.merge_within(item, limit) {}
        self.item(item).end()
    }

    /// Brings all units from an item's first one up to `end` back; returns whether any came back. They were one item,
    /// but looking for neighbors cuts what was brought back before where that is no longer one block, and so it may
    /// have cut this, before its turn or in it. Yjs 13.6 brings only the first part back then.
    pub(crate) fn redo_all(&mut self, item: ItemId, end: u32, redo: &Redo<'_>) -> bool {
        let mut came_back = false;
        let mut part = item;
        loop {
            came_back |= self.redo(part, redo).is_some();
            let done = self.item(part);
            if done.end() >= end {
                return came_back;
            }
            part = self.find(LocalId { client: done.client, clock: done.end() });
        }
    }

    /// Inserts a copy of a deleted item where that stood, and of the types around it that are to come back
    /// too; [`None`] if its place is gone or taken. The caller has checked that the copies fit.
    ///
    /// # Source
    /// Yjs 13.6, `redoItem`.
    fn redo(&mut self, item: ItemId, redo: &Redo<'_>) -> Option<ItemId> {
        let mut chain = vec![item];
        let mut at = item;
        while !self.item(at).redone {
            let owner = self.branches.get(self.item(at).parent).item;
            if owner == NONE || !self.item(owner).deleted || self.item(owner).redone {
                break;
            }
            if !redo.items.contains(&owner) {
                return None;
            }
            chain.push(owner);
            at = owner;
        }
        let mut copy = None;
        for item in chain.into_iter().rev() {
            copy = Some(self.redo_one(item, redo)?);
        }
        copy
    }

    /// The same for one item, whose parent is there.
    ///
    /// Where a neighbor on the right was brought back to the left of the one on the left, or as that, Yjs inserts
    /// between the two the wrong way round, and the replicas that receive that do not agree where it is.
    fn redo_one(&mut self, item: ItemId, redo: &Redo<'_>) -> Option<ItemId> {
        if let Some(copy) = self.copy_of(item) {
            return Some(copy);
        }
        let found = self.item(item);
        if !found.deleted {
            return None;
        }
        let mut parent = found.parent;
        let mut owner = self.branches.get(parent).item;
        if owner != NONE && self.item(owner).deleted {
            while let Some(copy) = self.copy_of(owner) {
                owner = copy;
            }
            if self.item(owner).kind != Kind::Type {
                return None;
            }
            parent = self.item(owner).content.at;
        }
        let (left, right) = if found.key == NONE {
            let left = self.neighbor_in(found.left, owner, |item| item.left);
            let right = self.neighbor_in(item, owner, |item| item.right);
            if left != NONE && right != NONE && !self.stands_before(left, right) {
                (left, self.item(left).right)
            } else {
                (left, right)
            }
        } else {
            (self.predecessor_in_entry(item, parent, owner, redo)?, NONE)
        };
        // The search may have cut the item.
        let found = self.item(item);
        let clock = self.clients.get(redo.client).next_clock;
        let copy = LocalId { client: redo.client, clock };
        let place = Place {
            left,
            right,
            origin: if left == NONE { LocalId::NONE } else { self.item(left).last_id() },
            right_origin: if right == NONE { LocalId::NONE } else { self.item(right).first_id() },
            parent,
            key: found.key,
        };
        self.redone.insert(&found, copy);
        self.change(item, |original| original.redone = true);
        let content = self.copy_content(&found);
        let clocks = clock..clock + found.len;
        let created = self.place_content(redo.client, clocks, found.kind, content, place);
        self.keep(created, true);
        Some(created)
    }

    /// The first item from `from` on, in one direction, that is in the type that `owner` brought, or whose
    /// copy is. What came back in the type that is looked through is met where its copy stands, and not where it was
    /// itself; Yjs 13.6 goes by either.
    fn neighbor_in(&mut self, from: ItemId, owner: ItemId, next: impl Fn(&Item) -> ItemId) -> ItemId {
        let mut at = from;
        while at != NONE {
            let here = self.item(at).parent;
            let mut trace = Some(at);
            while let Some(item) = trace
                && self.owner_of(item) != owner
            {
                trace = self.copy_of(item).filter(|&copy| self.item(copy).parent != here);
            }
            if let Some(item) = trace {
                return item;
            }
            at = next(&self.item(at));
        }
        NONE
    }

    /// Whether one item of a sequence stands left of another one of it.
    fn stands_before(&self, left: ItemId, right: ItemId) -> bool {
        let key = |item: ItemId| self.outline().order_key(item);
        self.item(left).right == right || (left != right && key(left) < key(right))
    }

    fn owner_of(&self, item: ItemId) -> ItemId {
        self.branches.get(self.item(item).parent).item
    }

    /// After which item of its entry a map value is brought back; [`None`] when somebody else has set the
    /// entry since.
    fn predecessor_in_entry(
        &mut self,
        item: ItemId,
        parent: BranchId,
        owner: ItemId,
        redo: &Redo<'_>,
    ) -> Option<ItemId> {
        let key = self.item(item).key;
        let newest = |store: &Self| store.branches.get(parent).entries.get(key).unwrap_or(NONE);
        let mut left = item;
        if self.item(item).right == NONE {
            left = newest(self);
        } else {
            while self.item(left).right != NONE && self.gives_way(self.item(left).right, redo) {
                left = self.item(left).right;
                while let Some(copy) = self.copy_of(left) {
                    left = copy;
                }
            }
            if self.item(left).right != NONE {
                return None;
            }
        }
        if left != NONE && self.owner_of(left) != owner {
            left = newest(self);
        }
        Some(left)
    }

    /// Whether a value that replaced another is one that the undo manager takes away or took away.
    fn gives_way(&self, item: ItemId, redo: &Redo<'_>) -> bool {
        let found = self.item(item);
        let client = self.clients.get(found.client).client;
        found.redone
            || redo.insertions.contains(client, found.clock)
            || (redo.deleted_by_stack)(client, found.clock)
    }
}
