//! Marks that concurrent edits left without effect are deleted after the transaction that brought them.
//!
//! When two replicas format or delete the same place, marks can end up beside each other that say nothing. Yjs
//! looks for them after every transaction that came from elsewhere, in a transaction of its own, and so do we:
//! what it deletes goes to the other replicas like any deletion.
//!
//! # Source
//! Yjs 13.6, `cleanupYTextAfterTransaction`, `cleanupContextlessFormattingGap`, `cleanupYTextFormatting`.

use hashbrown::{HashMap, HashSet};

use crate::block::{BranchId, ItemId, Kind, LocalId, NONE};
use crate::doc::{Changes, Doc, Listening};
use crate::format::Cursor;
use crate::id::ClientId;
use crate::store::Store;
use crate::tree::Unit;
use crate::undo::UndoManager;
use crate::update::TypeTag;

/// Where a transaction may have left marks without effect.
#[derive(Debug, Default)]
pub(crate) struct Untidy {
    /// Units of deleted content, in the order in which Yjs looks at them.
    gaps: Vec<LocalId>,
    /// Texts whose marks have changed.
    texts: Vec<BranchId>,
}

impl Store {
    /// Where the transaction that is about to end needs a look. Its deletions are normalized on the way.
    pub(crate) fn untidy(&mut self) -> Option<Untidy> {
        let losers = match &self.transaction.deleted_clients[..] {
            [] => self.transaction.deletes.clients(),
            known => known.to_vec(),
        };
        self.transaction.deletes.normalize();
        let mut untidy = Untidy::default();
        let mut has_changed = false;
        for (slot, first) in self.transaction.starts.by_slot() {
            for id in self.clients.get(slot).items_from(first) {
                let item = self.item(id);
                has_changed |= item.parent != NONE && self.is_known_text(item.parent);
                if item.kind == Kind::Format && !item.deleted && !untidy.texts.contains(&item.parent) {
                    untidy.texts.push(item.parent);
                }
            }
        }
        let first_marks = self.first_deleted_marks(&losers);
        for (rank, &client) in losers.iter().enumerate() {
            let Some(slot) = self.clients.slot(client) else { continue };
            for range in self.transaction.deletes.of(client) {
                let items = self.clients.get(slot).items_from(range.start).map(|id| self.item(id));
                for item in items.take_while(|item| item.clock < range.end) {
                    if item.parent == NONE || item.key != NONE {
                        continue;
                    }
                    has_changed |= self.is_known_text(item.parent);
                    let clock = item.clock.max(range.start);
                    let is_before_mark =
                        first_marks.get(&item.parent).is_none_or(|&first| (rank, clock) < first);
                    if is_before_mark && self.is_marked(item.parent) && !untidy.texts.contains(&item.parent) {
                        untidy.gaps.push(LocalId { client: slot, clock });
                    }
                }
            }
        }
        let mut losing: Vec<_> = first_marks.into_iter().collect();
        losing.retain(|(text, _)| !untidy.texts.contains(text));
        losing.sort_unstable_by_key(|&(_, first)| first);
        untidy.texts.extend(losing.into_iter().map(|(text, _)| text));
        has_changed.then_some(untidy)
    }

    /// For each sequence that lost a mark, which was the first: its client's rank among the `losers` and its clock.
    fn first_deleted_marks(&self, losers: &[ClientId]) -> HashMap<BranchId, (usize, u32)> {
        let mut first_marks = HashMap::new();
        for &(branch, mark) in &self.transaction.deleted_marks {
            let client = self.clients.get(mark.client).client;
            let Some(rank) = losers.iter().position(|&known| known == client) else {
                continue;
            };
            let first = first_marks.entry(branch).or_insert((rank, mark.clock));
            *first = (*first).min((rank, mark.clock));
        }
        first_marks
    }

    fn is_marked(&self, branch: BranchId) -> bool {
        self.branches.get(branch).marks.is_some()
    }

    /// Whether a branch is a text with marks that is alive and older than the transaction.
    fn is_known_text(&self, branch: BranchId) -> bool {
        let found = self.branches.get(branch);
        let is_text = matches!(found.tag, Some(TypeTag::Text | TypeTag::XmlText));
        if !is_text || found.marks.is_none() {
            return false;
        }
        found.item == NONE || !(self.item(found.item).deleted || self.is_new(&self.item(found.item)))
    }

    fn tidy(&mut self, untidy: &Untidy) {
        let mut seen = HashSet::new();
        for &gap in &untidy.gaps {
            let item = self.find(gap);
            if self.item(item).parent != NONE && !seen.contains(&item) {
                self.tidy_gap_around(item, &mut seen);
            }
        }
        for &text in &untidy.texts {
            if !self.branches.get(text).gone {
                self.tidy_start(text);
            }
        }
    }

    /// Deletes the marks beside deleted content that a later one of the same name overrides before the next
    /// content. What has been looked at is added to `seen`.
    fn tidy_gap_around(&mut self, item: ItemId, seen: &mut HashSet<ItemId>) {
        let parent = self.item(item).parent;
        let mut at = item;
        loop {
            let right = self.item(at).right;
            if right == NONE || self.item(right).is_visible() {
                break;
            }
            at = right;
        }
        let mut names: HashSet<Box<str>> = HashSet::new();
        let mut cursor = Cursor::at_start(self, NONE, parent, Unit::Utf16);
        while at != NONE && !cursor.store.item(at).is_visible() {
            seen.insert(at);
            let left = cursor.store.item(at).left;
            let name = cursor.live_mark(at).map(|(key, _)| Box::from(key));
            if name.is_some_and(|name| !names.insert(name)) {
                cursor.delete_at(at);
            }
            at = left;
        }
        cursor.finish();
    }

    /// Deletes the marks before the first content of a text that change nothing. Yjs walks the whole text, but
    /// finds nothing to delete behind its first content.
    fn tidy_start(&mut self, text: BranchId) {
        let mut cursor = Cursor::at_start(self, NONE, text, Unit::Utf16);
        let start = cursor.right;
        while cursor.right != NONE && !cursor.store.item(cursor.right).is_visible() {
            cursor.forward();
        }
        if cursor.right != NONE {
            cursor.tidy_gap(NONE, start, cursor.right);
        }
        cursor.finish();
    }
}

impl Doc {
    /// Whether the end of the open transaction is followed by tidying: not if only edits were made in it.
    pub(crate) fn will_tidy(&self) -> bool {
        self.tidies && self.store.marked && self.store.transaction.received
    }

    /// Tidies up in a transaction of its own, which the managers in `tracking` capture.
    pub(crate) fn tidy(
        &mut self,
        untidy: &Untidy,
        listening: Listening,
        tracking: &[UndoManager],
        captured: &mut Vec<(UndoManager, u64)>,
    ) -> Option<Box<Changes>> {
        self.begin(listening);
        self.store.tidy(untidy);
        captured.extend(tracking.iter().filter_map(|&id| Some((id, self.capture(id)?))));
        self.commit().map(Box::new)
    }
}
