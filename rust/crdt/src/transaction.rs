//! What one transaction did: enough to encode its update and to describe its changes.

use std::ops::Range;

use crate::block::{BranchId, LocalId};
use crate::delete_set::DeleteSet;
use crate::id::ClientId;
use crate::subdocument::SubdocumentChanges;

/// A clock for each of some clients, by slot. Most transactions are of one client: then nothing is allocated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Starts {
    first: Option<(u32, u32)>,
    others: Vec<(u32, u32)>,
}

impl Starts {
    /// Adds a client unless it is there.
    #[inline]
    pub(crate) fn note(&mut self, slot: u32, clock: u32) {
        match self.first {
            None => self.first = Some((slot, clock)),
            Some((known, _)) if known == slot => {}
            Some(_) if self.others.iter().any(|&(known, _)| known == slot) => {}
            Some(_) => self.others.push((slot, clock)),
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<u32> {
        self.iter().find(|&(known, _)| known == slot).map(|(_, clock)| clock)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The slot and the clock, if there is but one.
    #[inline]
    pub(crate) fn only(&self) -> Option<(u32, u32)> {
        self.first.filter(|_| self.others.is_empty())
    }

    /// Slots and clocks, in the order in which the document met the clients, as Yjs goes through them.
    pub(crate) fn by_slot(&self) -> Vec<(u32, u32)> {
        let mut starts: Vec<_> = self.iter().collect();
        starts.sort_unstable();
        starts
    }

    /// Slots and clocks, in the order in which they were added.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.first.into_iter().chain(self.others.iter().copied())
    }
}

/// The record of an open transaction. Kept only while somebody listens: an unobserved edit pays nothing.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// Whether changes are recorded.
    pub(crate) recorded: bool,
    /// Whether deleted content is kept until the end, because an event may show it.
    pub(crate) keeps_deleted: bool,
    /// Whether an update from elsewhere was integrated.
    pub(crate) received: bool,
    /// The first new clock of each client that got new blocks.
    pub(crate) starts: Starts,
    pub(crate) deletes: DeleteSet,
    /// The types whose content was dropped while the transaction is open, with all that they held.
    pub(crate) collected: DeleteSet,
    /// What became of subdocuments, if anybody asks.
    pub(crate) subdocuments: Option<SubdocumentChanges>,
    /// The clients in `deletes`, in the order in which something of theirs was first deleted; found when an
    /// undo manager asks.
    pub(crate) deleted_clients: Vec<ClientId>,
    /// The format marks among what was deleted, with the sequences they stood in.
    pub(crate) deleted_marks: Vec<(BranchId, LocalId)>,
}

impl Transaction {
    /// Forgets everything; the next one can use the memory of what was deleted.
    #[inline]
    pub(crate) fn reset(&mut self) {
        let Self {
            recorded,
            keeps_deleted,
            received,
            starts,
            deletes,
            collected,
            subdocuments,
            deleted_clients,
            deleted_marks,
        } = self;
        (*recorded, *keeps_deleted, *received) = (false, false, false);
        *starts = Starts::default();
        deletes.clear();
        collected.clear();
        *subdocuments = None;
        *deleted_clients = Vec::new();
        *deleted_marks = Vec::new();
    }

    /// Notes that the client in `slot`, whose next clock is `clock`, is about to get a block.
    #[inline]
    pub(crate) fn note_insert(&mut self, slot: u32, clock: u32) {
        if self.recorded {
            self.starts.note(slot, clock);
        }
    }

    #[inline]
    pub(crate) fn note_delete(&mut self, client: ClientId, clocks: Range<u32>) {
        if self.recorded {
            self.deletes.add(client, clocks);
        }
    }

    pub(crate) fn note_collected(&mut self, client: ClientId, clocks: Range<u32>) {
        if self.recorded {
            self.collected.insert(client, clocks);
        }
    }

    pub(crate) fn note_deleted_mark(&mut self, branch: BranchId, mark: LocalId) {
        if self.recorded {
            self.deleted_marks.push((branch, mark));
        }
    }

    /// The client's first clock that this transaction added, if it added any.
    pub(crate) fn first_new(&self, slot: u32) -> Option<u32> {
        self.starts.get(slot)
    }

    pub(crate) fn changed_nothing(&self) -> bool {
        self.starts.is_empty() && self.deletes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::any::Any;
    use crate::doc::{Changes, Doc, Listening};
    use crate::edit::Input;
    use crate::read::Value;
    use crate::tree::Unit;
    use crate::update::TypeTag;

    /// A text in a map; what another client writes into it; what a third one puts in its place.
    fn concurrent_updates() -> [Vec<u8>; 3] {
        let mut maker = Doc::new(5);
        let root = maker.root("root", TypeTag::Map).unwrap();
        maker.set(root, "entry", Input::Type(TypeTag::Text)).unwrap();
        let made = maker.encode_update();
        let mut writer = Doc::new(3);
        writer.apply_update(&made).unwrap();
        let root = writer.root("root", TypeTag::Map).unwrap();
        let Some(Value::Type(text)) = writer.entry(root, "entry") else { unreachable!() };
        writer.insert_text(text, 0, "hi", Unit::Utf16).unwrap();
        writer.insert_text(text, 1, "?", Unit::Utf16).unwrap();
        let mut replacer = Doc::new(1);
        replacer.apply_update(&made).unwrap();
        let root = replacer.root("root", TypeTag::Map).unwrap();
        replacer.set(root, "entry", Input::Any(Any::Null)).unwrap();
        let known = maker.state_vector();
        [made, writer.encode_diff(&known), replacer.encode_diff(&known)]
    }

    fn apply(doc: &mut Doc, events: Option<Unit>, updates: &[&[u8]]) -> Changes {
        doc.begin(Listening { updates: true, events, ..Listening::default() });
        for update in updates {
            doc.apply_update(update).unwrap();
        }
        doc.commit().unwrap()
    }

    #[test]
    fn what_arrives_in_a_type_that_has_just_been_replaced_counts_as_deleted() {
        let [made, written, replaced] = concurrent_updates();
        let changes = [None, Some(Unit::Utf16)].map(|events| {
            let mut doc = Doc::new(9);
            doc.apply_update(&made).unwrap();
            apply(&mut doc, events, &[&replaced, &written])
        });
        assert!((0..3).all(|clock| changes[0].deletes.contains(3, clock)));
        assert_eq!(changes[0].update(), changes[1].update());
    }

    #[test]
    fn what_arrives_in_a_type_that_was_replaced_before_counts_as_never_there() {
        let [made, written, replaced] = concurrent_updates();
        let changes = [None, Some(Unit::Utf16)].map(|events| {
            let mut doc = Doc::new(9);
            doc.apply_update(&made).unwrap();
            apply(&mut doc, events, &[&replaced]);
            apply(&mut doc, events, &[&written])
        });
        assert!(changes[0].deletes.is_empty());
        assert_eq!(changes[0].update(), changes[1].update());
    }
}
