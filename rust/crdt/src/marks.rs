//! The format marks of a text in document order, so that the attributes in force at a position are found
//! without walking the text: a position looks only at the marks before it, and typing looks at none.
//!
//! Marks arrive in any order when an update is applied, and most of them are never asked for. So a new mark
//! is only noted; the list is put in order when somebody looks: one by one after a few changes, by sorting
//! after many.

use crate::attributes::{Attributes, Json};
use crate::block::{BranchId, Item, ItemId, Kind, NONE};
use crate::items::new_number;
use crate::store::{Payload, Store};

/// Above this many changes, sorting everything beats placing each.
const MANY: usize = 32;

/// The undeleted marks of one sequence.
#[derive(Debug, Default, Clone)]
pub(crate) struct Marks {
    /// In document order, if nothing is `stale`.
    sorted: Vec<ItemId>,
    /// Not yet put in order.
    fresh: Vec<ItemId>,
    /// Whether `sorted` may name items that are no longer marks.
    stale: bool,
    /// How many marks have been taken out one by one since the last look.
    removed: usize,
}

impl Marks {
    pub(crate) fn add(&mut self, mark: ItemId) {
        self.fresh.push(mark);
    }

    /// Follows the blocks to their new numbers.
    pub(crate) fn renumber(&mut self, numbers: &[ItemId]) {
        for list in [&mut self.sorted, &mut self.fresh] {
            for mark in list.iter_mut() {
                *mark = new_number(numbers, *mark);
            }
            list.retain(|&mark| mark != NONE);
        }
    }
}

impl Store {
    /// The key and the value of a mark.
    pub(crate) fn mark(&self, item: &Item) -> Option<(&str, &Json)> {
        match self.payload(item) {
            Some(Payload::Format(key, value)) if item.kind == Kind::Format => Some((key, value)),
            _ => None,
        }
    }

    /// Takes a mark that is about to be deleted off its list.
    pub(crate) fn drop_mark(&mut self, branch: BranchId, mark: ItemId) {
        let outline = self.outline.get();
        let Some(marks) = self.branches.get_mut(branch).marks.as_deref_mut() else { return };
        if marks.fresh.len() <= MANY
            && let Some(place) = marks.fresh.iter().position(|&fresh| fresh == mark)
        {
            marks.fresh.swap_remove(place);
            return;
        }
        marks.removed += 1;
        let is_settled = !marks.stale && marks.fresh.len() <= MANY && marks.removed <= MANY;
        let Some(outline) = outline.filter(|_| is_settled) else {
            marks.stale = true;
            return;
        };
        let key = outline.order_key(mark);
        if let Ok(place) = marks.sorted.binary_search_by_key(&key, |&other| outline.order_key(other)) {
            marks.sorted.remove(place);
        }
    }

    /// Puts the marks of a sequence in order. O(log n) for each that has changed since the last time.
    pub(crate) fn settle_marks(&mut self, branch: BranchId) {
        if self.branches.get(branch).marks.is_none() {
            return;
        }
        self.outline();
        let (Some(marks), Some(outline)) =
            (self.branches.get_mut(branch).marks.as_deref_mut(), self.outline.get())
        else {
            return;
        };
        marks.removed = 0;
        if marks.stale || marks.fresh.len() > MANY {
            marks.sorted.append(&mut marks.fresh);
            // A slot that was a mark may have become another mark since.
            let is_mark = |&mark: &ItemId| {
                let item = self.items.get(mark);
                item.kind == Kind::Format && !item.deleted && item.parent == branch && outline.lists(mark)
            };
            marks.sorted.retain(is_mark);
            marks.sorted.sort_by_cached_key(|&mark| outline.order_key(mark));
            marks.sorted.dedup();
            marks.stale = false;
        }
        for mark in marks.fresh.drain(..) {
            let key = outline.order_key(mark);
            let place = marks.sorted.partition_point(|&other| outline.order_key(other) < key);
            marks.sorted.insert(place, mark);
        }
    }

    /// How many marks a sequence has at most.
    pub(crate) fn mark_count(&self, branch: BranchId) -> usize {
        self.branches.get(branch).marks.as_deref().map_or(0, |marks| marks.sorted.len() + marks.fresh.len())
    }

    /// The marks of a sequence in document order; they must be settled.
    pub(crate) fn marks(&self, branch: BranchId) -> &[ItemId] {
        self.branches.get(branch).marks.as_deref().map_or(&[], |marks| &marks.sorted)
    }

    /// The settled marks up to and including the item `last`; none if that is absent.
    pub(crate) fn marks_until(&self, branch: BranchId, last: ItemId) -> &[ItemId] {
        let marks = self.marks(branch);
        if last == NONE || marks.is_empty() {
            return &[];
        }
        let outline = self.outline();
        let key = outline.order_key(last);
        let count = marks.partition_point(|&mark| outline.order_key(mark) <= key);
        &marks[..count]
    }

    /// The attributes in force behind the item `left`. O(log n) and the marks before.
    pub(crate) fn attributes_at(&mut self, branch: BranchId, left: ItemId) -> Attributes {
        self.settle_marks(branch);
        let mut attributes = Attributes::new();
        for (key, value) in
            self.marks_until(branch, left).iter().filter_map(|&mark| self.mark(&self.item(mark)))
        {
            attributes.pass(key, value);
        }
        attributes
    }

    /// What the last mark of a name up to the item `left` says. O(log n) and the marks in between.
    pub(crate) fn attribute_at(&mut self, branch: BranchId, left: ItemId, key: &str) -> Option<Json> {
        self.settle_marks(branch);
        let marks = self.marks_until(branch, left).iter().rev();
        let mut named =
            marks.filter_map(|&mark| self.mark(&self.item(mark))).filter(|(name, _)| *name == key);
        named.next().map(|(_, value)| value.clone())
    }
}
