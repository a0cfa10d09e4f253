//! Undo and redo: which changes were made within a scope, and how to take them back without touching what
//! others did.
//!
//! # Source
//! Yjs 13.6, `UndoManager`.

use std::ops::Range;

use hashbrown::{HashMap, HashSet};

use crate::block::{BranchId, ItemId, NONE};
use crate::delete_set::DeleteSet;
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::{DecodeError, EditError};
use crate::id::ClientId;
use crate::lib0::{Reader, Writer};
use crate::redo::Redo;
use crate::store::{RELOCATABLE, Store};

/// A handle to an undo manager of one [`Doc`]. It stays valid, if useless, after the manager is detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UndoManager(u32);

/// Which way a stack item is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// From the undo stack; what it does can be redone.
    Undo,
    /// From the redo stack.
    Redo,
}

/// One step that can be taken back: the units it inserted and those it deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackItem {
    /// What was inserted, by client and clock.
    pub insertions: DeleteSet,
    /// What was deleted.
    pub deletions: DeleteSet,
    /// The clients in `insertions`; the content of the last one is taken away first.
    authors: Vec<ClientId>,
    /// The clients in `deletions`, in the order in which their content is to be brought back.
    losers: Vec<ClientId>,
    serial: u64,
}

impl StackItem {
    /// A step that inserted and deleted these units.
    #[must_use]
    pub fn new(mut deletions: DeleteSet, mut insertions: DeleteSet) -> Self {
        insertions.normalize();
        deletions.normalize();
        let (authors, losers) = (insertions.clients(), deletions.clients());
        Self { insertions, deletions, authors, losers, serial: 0 }
    }

    /// Tells the item from the others of its document. An item that grows keeps its number.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The item with all that what it inserted was ever brought back as.
    fn with_copies(&self, store: &Store) -> Self {
        let mut whole = self.clone();
        for (author, range) in self.insertions.iter() {
            for (client, clocks) in store.copies_of(author, range) {
                whole.insertions.add(client, clocks);
                if !whole.authors.contains(&client) {
                    whole.authors.push(client);
                }
            }
        }
        whole.insertions.normalize();
        whole
    }

    /// Adds what `later` did.
    pub fn merge(&mut self, later: &Self) {
        for set in [(&mut self.insertions, &later.insertions), (&mut self.deletions, &later.deletions)] {
            set.0.extend(set.1);
            set.0.normalize();
        }
        for (order, later) in [(&mut self.authors, &later.authors), (&mut self.losers, &later.losers)] {
            for client in later {
                if !order.contains(client) {
                    order.push(*client);
                }
            }
        }
    }

    /// The item as bytes, to be used with the same document later or elsewhere.
    ///
    /// The layout is a version, 2; the insertions and the deletions as delete sets; and the clients of either,
    /// counted, in the order in which their content was inserted and in which it is brought back.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.byte(2);
        self.insertions.encode_into(&mut writer);
        self.deletions.encode_into(&mut writer);
        for order in [&self.authors, &self.losers] {
            writer.var_uint(order.len() as u64);
            for &client in order {
                writer.var_uint(client);
            }
        }
        writer.into_bytes()
    }

    /// Decodes what [`StackItem::encode`] wrote.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.byte()?;
        if version != 2 {
            return Err(DecodeError::UnknownTag {
                what: "stack item version",
                tag: u64::from(version),
                at: 0,
            });
        }
        let insertions = DeleteSet::decode_from(&mut reader)?;
        let deletions = DeleteSet::decode_from(&mut reader)?;
        let mut item = Self::new(deletions, insertions);
        for order in [&mut item.authors, &mut item.losers] {
            let mut left: HashSet<_> = order.iter().copied().collect();
            let mut read = Vec::new();
            for _ in 0..reader.var_uint()? {
                let client = reader.var_uint()?;
                if left.remove(&client) {
                    read.push(client);
                }
            }
            read.extend(order.iter().filter(|client| left.contains(*client)));
            *order = read;
        }
        reader.finish()?;
        Ok(item)
    }
}

/// The stacks of one manager.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    /// Whether the whole document is in scope.
    whole: bool,
    scope: Vec<BranchId>,
    capture_timeout: u64,
    undo: Vec<StackItem>,
    redo: Vec<StackItem>,
    /// When the top of the undo stack last grew; 0 when it must not grow any more.
    last_change: u64,
    /// The step that the open transaction takes.
    step: Option<Step>,
    /// What stacks from elsewhere need of content that is not deleted yet, or not here yet.
    restored: DeleteSet,
}

/// Every undo manager of a document.
#[derive(Debug, Default)]
pub(crate) struct Managers {
    all: HashMap<u32, Manager>,
    attached: u32,
    serial: u64,
    /// Ranges that the open transaction's steps have split, to be joined again at its end.
    split: Vec<(ClientId, Range<u32>)>,
}

impl Managers {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn get(&self, id: UndoManager) -> Option<&Manager> {
        self.all.get(&id.0)
    }

    fn get_mut(&mut self, id: UndoManager) -> Option<&mut Manager> {
        self.all.get_mut(&id.0)
    }

    fn take(&mut self, id: UndoManager) -> Option<Manager> {
        self.all.remove(&id.0)
    }

    fn put(&mut self, id: UndoManager, manager: Manager) {
        self.all.insert(id.0, manager);
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Forgets the steps of the transaction that is over.
    pub(crate) fn end_steps(&mut self, store: &mut Store) {
        for manager in self.all.values_mut() {
            manager.step = None;
        }
        for (client, range) in std::mem::take(&mut self.split) {
            store.join_around(client, range, RELOCATABLE);
        }
    }
}

impl Manager {
    fn contains(&self, store: &Store, item: ItemId) -> bool {
        self.whole || store.is_inside(item, &self.scope)
    }

    fn forget(&self, store: &mut Store, stack: &[StackItem]) {
        for item in stack {
            for (client, range) in item.deletions.iter() {
                for kept in store.items_within(client, range.clone()) {
                    if self.contains(store, kept) {
                        store.keep(kept, false);
                    }
                }
                store.join_around(client, range, RELOCATABLE);
            }
        }
    }

    /// Applies one stack item; returns whether that did anything.
    fn apply(&self, store: &mut Store, client: u32, item: &StackItem) -> Result<bool, EditError> {
        for (author, range) in item.insertions.iter().chain(item.deletions.iter()) {
            store.join_around(author, range, u32::MAX);
        }
        let mut to_delete = Vec::new();
        for &author in &item.authors {
            for range in item.insertions.overlap(author, 0..u32::MAX) {
                to_delete.extend(store.standing_for(author, range));
            }
        }
        let mut to_redo = Vec::new();
        for &author in &item.losers {
            for range in item.deletions.overlap(author, 0..u32::MAX) {
                for found in store.items_within(author, range) {
                    let inserted = item.insertions.contains(author, store.item(found).clock);
                    if self.contains(store, found) && !inserted {
                        to_redo.push((found, store.item(found).end()));
                    }
                }
            }
        }
        let (units, bytes) = to_redo.iter().fold((0, 0), |(units, bytes), &(found, _)| {
            let found = store.item(found);
            (units + found.len as usize, bytes + found.content.bytes as usize)
        });
        store.check_growth(client, units, bytes)?;
        let items: HashSet<_> = to_redo.iter().map(|&(found, _)| found).collect();
        let deleted_by_stack = |client, clock| {
            self.undo.iter().chain(&self.redo).any(|item| item.deletions.contains(client, clock))
        };
        let redo =
            Redo { client, items: &items, insertions: &item.insertions, deleted_by_stack: &deleted_by_stack };
        let mut changed = false;
        for (found, end) in to_redo {
            changed |= store.redo_all(found, end, &redo);
        }
        // Children before their parents.
        for (author, range) in to_delete.into_iter().rev() {
            for found in store.items_within(author, range).into_iter().rev() {
                if !store.item(found).deleted && self.contains(store, found) {
                    changed = true;
                    store.delete(found);
                }
            }
        }
        Ok(changed)
    }
}

impl Doc {
    /// Adds an undo manager. While there is one, content that it may have to bring back survives its
    /// deletion, and transactions cost more. An edit outside of a transaction is never captured.
    ///
    /// Changes less than `capture_timeout` after the previous one, in whatever unit [`Doc::settle_capture`] is
    /// given, become one step with it. The stacks can come from another replica or an earlier time; then what
    /// they deleted is kept from now on, also when it arrives later.
    pub fn attach_undo(
        &mut self,
        capture_timeout: u64,
        mut undo: Vec<StackItem>,
        mut redo: Vec<StackItem>,
    ) -> UndoManager {
        let mut restored = DeleteSet::new();
        for item in undo.iter_mut().chain(&mut redo) {
            item.serial = self.managers.next_serial();
            restored.extend(&item.deletions);
        }
        restored.normalize();
        for (client, range) in restored.iter() {
            for item in self.store.items_within(client, range) {
                if self.store.item(item).deleted {
                    self.store.keep(item, true);
                }
            }
        }
        let manager = Manager { capture_timeout, undo, redo, restored, ..Manager::default() };
        self.managers.attached += 1;
        let id = UndoManager(self.managers.attached);
        self.managers.put(id, manager);
        id
    }

    /// Removes an undo manager and its stacks.
    pub fn detach_undo(&mut self, id: UndoManager) {
        self.clear_undo(id);
        self.managers.take(id);
    }

    /// Adds a shared type, with everything in it, to what a manager captures.
    pub fn expand_undo_scope(&mut self, id: UndoManager, target: SharedType) {
        if let Some(manager) = self.managers.get_mut(id)
            && !manager.scope.contains(&target.0)
        {
            manager.scope.push(target.0);
        }
    }

    /// Lets a manager capture changes anywhere in the document.
    pub fn expand_undo_scope_to_document(&mut self, id: UndoManager) {
        if let Some(manager) = self.managers.get_mut(id) {
            manager.whole = true;
        }
    }

    /// Whether any undo manager is attached.
    #[must_use]
    pub fn has_undo_managers(&self) -> bool {
        !self.managers.is_empty()
    }

    /// The steps that a manager can take back, or take again, oldest first.
    #[must_use]
    pub fn undo_stack(&self, id: UndoManager, step: Step) -> &[StackItem] {
        self.managers.get(id).map_or(&[], |manager| match step {
            Step::Undo => &manager.undo,
            Step::Redo => &manager.redo,
        })
    }

    /// The same steps as another replica of the document needs them, which does not know what was brought back as
    /// what: with all that stands for what they inserted.
    #[must_use]
    pub fn export_undo_stack(&self, id: UndoManager, step: Step) -> Vec<StackItem> {
        self.undo_stack(id, step).iter().map(|item| item.with_copies(&self.store)).collect()
    }

    /// Lets the next change begin a step of its own.
    pub fn stop_capturing(&mut self, id: UndoManager) {
        if let Some(manager) = self.managers.get_mut(id) {
            manager.last_change = 0;
        }
    }

    /// Forgets every step, and lets go of the content they needed.
    pub fn clear_undo(&mut self, id: UndoManager) {
        let Some(mut manager) = self.managers.take(id) else { return };
        for stack in [std::mem::take(&mut manager.undo), std::mem::take(&mut manager.redo)] {
            manager.forget(&mut self.store, &stack);
        }
        manager.restored = DeleteSet::new();
        self.managers.put(id, manager);
    }

    /// Records the open transaction on a manager's stack if it changed something in its scope; to be called
    /// before [`Doc::commit`], for each manager that tracks the transaction's origin. Returns the number of the
    /// new [`StackItem`], for [`Doc::settle_capture`].
    pub fn capture(&mut self, id: UndoManager) -> Option<u64> {
        if self.store.transaction.changed_nothing() {
            return None;
        }
        let mut manager = self.managers.take(id)?;
        let captured = self.changes_scope(&manager).then(|| self.capture_into(&mut manager));
        self.managers.put(id, manager);
        captured
    }

    fn capture_into(&mut self, manager: &mut Manager) -> u64 {
        match manager.step {
            Some(Step::Undo) => manager.last_change = 0,
            Some(Step::Redo) => {}
            None => {
                let redo = std::mem::take(&mut manager.redo);
                manager.forget(&mut self.store, &redo);
            }
        }
        let store = &mut self.store;
        if store.transaction.deleted_clients.is_empty() {
            store.transaction.deleted_clients = store.transaction.deletes.clients();
            store.transaction.deletes.normalize();
        }
        let deletions = store.transaction.deletes.clone();
        let losers = store.transaction.deleted_clients.clone();
        let mut insertions = DeleteSet::new();
        for (slot, first) in store.transaction.starts.by_slot() {
            let blocks = store.clients.get(slot);
            insertions.add(blocks.client, first..blocks.next_clock);
        }
        let authors = insertions.clients();
        insertions.normalize();
        for (client, range) in deletions.iter() {
            for item in store.items_within(client, range) {
                if manager.contains(store, item) {
                    store.keep(item, true);
                }
            }
        }
        let serial = self.managers.next_serial();
        let stack = if manager.step == Some(Step::Undo) { &mut manager.redo } else { &mut manager.undo };
        stack.push(StackItem { insertions, deletions, authors, losers, serial });
        serial
    }

    /// Says when a captured change happened: one soon after the previous one becomes one step with it.
    /// Steps of undo and redo stand alone. Returns whether it did.
    pub fn settle_capture(&mut self, id: UndoManager, serial: u64, now: u64, step: Option<Step>) -> bool {
        let Some(manager) = self.managers.get_mut(id) else { return false };
        if step.is_some() {
            return false;
        }
        let previous = std::mem::replace(&mut manager.last_change, now);
        let soon = previous > 0 && now.saturating_sub(previous) < manager.capture_timeout;
        let on_top = manager.undo.last().is_some_and(|item| item.serial == serial);
        if !soon || !on_top || manager.undo.len() < 2 {
            return false;
        }
        if let Some(later) = manager.undo.pop()
            && let Some(last) = manager.undo.last_mut()
        {
            last.merge(&later);
        }
        true
    }

    /// Whether a type in a manager's scope, or in something within it, was changed and is still there.
    fn changes_scope(&self, manager: &Manager) -> bool {
        if manager.whole {
            return true;
        }
        let store = &self.store;
        let mut known = HashMap::new();
        let starts = store.transaction.starts.iter();
        let inserted = starts.flat_map(|(slot, first)| store.clients.get(slot).items_from(first));
        let deleted = store.transaction.deletes.iter().flat_map(|(client, range)| {
            let items =
                store.clients.slot(client).map(|slot| store.clients.get(slot).items_from(range.start));
            items.into_iter().flatten().take_while(move |&item| store.item(item).clock < range.end)
        });
        inserted.chain(deleted).map(|item| store.item(item).parent).any(|branch| {
            branch != NONE
                && *known.entry(branch).or_insert_with(|| {
                    let owner = store.branches.get(branch).item;
                    let is_new = |owner: ItemId| {
                        let item = store.item(owner);
                        store.transaction.first_new(item.client).is_some_and(|first| item.clock >= first)
                    };
                    let stood = owner == NONE || !store.item(owner).deleted && !is_new(owner);
                    stood
                        && (manager.scope.contains(&branch)
                            || owner != NONE && store.is_inside(owner, &manager.scope))
                })
        })
    }

    /// Takes the newest step that still has an effect back, or again, within the open transaction, which
    /// must have been begun for this alone. Returns the step; [`None`] when there was none.
    ///
    /// # Errors
    /// [`EditError::Full`], with the step left on its stack; what older steps did is part of the transaction.
    pub fn step(&mut self, id: UndoManager, step: Step) -> Result<Option<StackItem>, EditError> {
        let Some(mut manager) = self.managers.take(id) else { return Ok(None) };
        let client = self.client_slot();
        manager.step = Some(step);
        let mut outcome = Ok(None);
        loop {
            let stack = if step == Step::Undo { &mut manager.undo } else { &mut manager.redo };
            let Some(item) = stack.pop() else { break };
            self.managers.split.extend(item.insertions.iter().chain(item.deletions.iter()));
            match manager.apply(&mut self.store, client, &item) {
                Ok(false) => {}
                Ok(true) => {
                    outcome = Ok(Some(item));
                    break;
                }
                Err(error) => {
                    let stack = if step == Step::Undo { &mut manager.undo } else { &mut manager.redo };
                    stack.push(item);
                    outcome = Err(error);
                    break;
                }
            }
        }
        self.managers.put(id, manager);
        outcome
    }

    /// Keeps what the open transaction deleted and a stack from elsewhere needs.
    pub(crate) fn keep_restored(&mut self) {
        let store = &mut self.store;
        for manager in self.managers.all.values().filter(|manager| !manager.restored.is_empty()) {
            let deletes = store.transaction.deletes.clone();
            for (client, range) in deletes.iter() {
                for needed in manager.restored.overlap(client, range) {
                    for item in store.items_within(client, needed) {
                        store.keep(item, true);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::Any;
    use crate::doc::Listening;
    use crate::edit::Input;
    use crate::merge::merge_updates;
    use crate::read::Value;
    use crate::tree::Unit;
    use crate::update::TypeTag;

    struct Desk {
        doc: Doc,
        text: SharedType,
        manager: UndoManager,
        now: u64,
    }

    impl Desk {
        fn new() -> Self {
            let mut doc = Doc::new(1);
            let text = doc.root("text", TypeTag::Text).unwrap();
            let manager = doc.attach_undo(500, Vec::new(), Vec::new());
            doc.expand_undo_scope(manager, text);
            Self { doc, text, manager, now: 0 }
        }

        fn change(&mut self, work: impl FnOnce(&mut Doc, SharedType)) {
            self.doc.begin(Listening::default());
            work(&mut self.doc, self.text);
            let captured = self.doc.capture(self.manager);
            self.doc.commit();
            self.now += 1_000;
            if let Some(serial) = captured {
                self.doc.settle_capture(self.manager, serial, self.now, None);
            }
        }

        fn insert(&mut self, index: u32, text: &str) {
            self.change(|doc, target| doc.insert_text(target, index, text, Unit::Utf16).unwrap());
        }

        fn delete(&mut self, index: u32, count: u32) {
            self.change(|doc, target| doc.delete(target, index, count, Unit::Utf16).unwrap());
        }

        fn step(&mut self, step: Step) -> bool {
            self.doc.begin(Listening::default());
            let done = self.doc.step(self.manager, step).unwrap().is_some();
            self.doc.capture(self.manager);
            self.doc.commit();
            done
        }

        fn text(&self) -> String {
            self.doc.text(self.text).unwrap()
        }
    }

    #[test]
    fn an_insertion_is_taken_back_and_made_again() {
        let mut desk = Desk::new();
        desk.insert(0, "hello");
        desk.insert(5, " world");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "hello");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "");
        assert!(!desk.step(Step::Undo));
        assert!(desk.step(Step::Redo));
        assert!(desk.step(Step::Redo));
        assert_eq!(desk.text(), "hello world");
        assert!(!desk.step(Step::Redo));
    }

    #[test]
    fn a_deletion_is_taken_back_where_it_was() {
        let mut desk = Desk::new();
        desk.insert(0, "abcdef");
        desk.delete(1, 2);
        desk.delete(2, 1);
        assert_eq!(desk.text(), "adf");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "adef");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "abcdef");
        assert!(desk.step(Step::Redo));
        assert_eq!(desk.text(), "adef");
    }

    #[test]
    fn an_undo_without_effect_leaves_the_next_change_an_ordinary_one() {
        let mut desk = Desk::new();
        assert!(!desk.step(Step::Undo));
        desk.insert(0, "a");
        assert_eq!(desk.doc.undo_stack(desk.manager, Step::Undo).len(), 1);
        assert_eq!(desk.doc.undo_stack(desk.manager, Step::Redo).len(), 0);
    }

    #[test]
    fn what_others_did_stays() {
        let mut desk = Desk::new();
        desk.insert(0, "mine");
        let mut other = Doc::new(2);
        other.apply_update(&desk.doc.encode_update()).unwrap();
        let text = other.root("text", TypeTag::Text).unwrap();
        other.insert_text(text, 2, "YOURS", Unit::Utf16).unwrap();
        desk.doc.begin(Listening::default());
        desk.doc.apply_update(&other.encode_update()).unwrap();
        desk.doc.commit();
        assert_eq!(desk.text(), "miYOURSne");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "YOURS");
        assert!(desk.step(Step::Redo));
        assert_eq!(desk.text(), "miYOURSne");
    }

    #[test]
    fn quick_changes_are_one_step() {
        let mut desk = Desk::new();
        desk.insert(0, "a");
        desk.now -= 999;
        desk.insert(1, "b");
        assert_eq!(desk.doc.undo_stack(desk.manager, Step::Undo).len(), 1);
        desk.step(Step::Undo);
        assert_eq!(desk.text(), "");
    }

    #[test]
    fn a_deleted_type_comes_back_with_its_content() {
        let mut doc = Doc::new(1);
        let root = doc.root("root", TypeTag::Map).unwrap();
        let list = doc.set(root, "list", Input::Type(TypeTag::Array)).unwrap().unwrap();
        doc.insert_values(list, 0, vec![Any::Null, Any::Bool(true)]).unwrap();
        let before = doc.tree(root).unwrap();
        let manager = doc.attach_undo(0, Vec::new(), Vec::new());
        doc.expand_undo_scope_to_document(manager);
        doc.begin(Listening::default());
        doc.remove(root, "list").unwrap();
        doc.capture(manager);
        doc.commit();
        assert!(!doc.has_entry(root, "list"));
        doc.begin(Listening::default());
        doc.step(manager, Step::Undo).unwrap().unwrap();
        doc.capture(manager);
        doc.commit();
        assert_eq!(doc.tree(root).unwrap(), before);
    }

    #[test]
    fn what_arrives_in_a_deleted_type_comes_from_the_highest_client_down_as_in_yjs() {
        let mut doc = Doc::new(1);
        doc.set_keeps_deleted(true);
        let root = doc.root("root", TypeTag::Map).unwrap();
        doc.set(root, "list", Input::Type(TypeTag::Array)).unwrap();
        let before = doc.encode_update();
        let [low, high] = [2, 9].map(|client| {
            let mut other = Doc::new(client);
            other.apply_update(&before).unwrap();
            let root = other.root("root", TypeTag::Map).unwrap();
            let Some(Value::Type(list)) = other.entry(root, "list") else { panic!("a list") };
            other.insert_values(list, 0, vec![Any::Null]).unwrap();
            other.encode_update()
        });
        doc.remove(root, "list").unwrap();
        let manager = doc.attach_undo(0, Vec::new(), Vec::new());
        doc.expand_undo_scope_to_document(manager);
        doc.begin(Listening::default());
        doc.apply_update(&merge_updates(&[&low, &high]).unwrap()).unwrap();
        doc.capture(manager);
        doc.commit();
        assert_eq!(doc.undo_stack(manager, Step::Undo)[0].losers, [9, 2]);
    }

    #[test]
    fn a_stack_from_elsewhere_keeps_what_it_needs_while_the_document_is_loaded() {
        let mut desk = Desk::new();
        desk.doc.set_keeps_deleted(true);
        desk.insert(0, "hello world");
        desk.delete(5, 6);
        let saved = desk.doc.encode_update();
        let stack: Vec<_> =
            desk.doc.undo_stack(desk.manager, Step::Undo).iter().map(StackItem::encode).collect();
        let stack = stack.iter().map(|item| StackItem::decode(item).unwrap()).collect();

        let mut doc = Doc::new(9);
        let text = doc.root("text", TypeTag::Text).unwrap();
        let manager = doc.attach_undo(500, stack, Vec::new());
        doc.expand_undo_scope(manager, text);
        doc.begin(Listening::default());
        doc.apply_update(&saved).unwrap();
        doc.commit();
        let mut desk = Desk { doc, text, manager, now: 0 };
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "hello world");
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "");
    }

    #[test]
    fn a_forged_stack_tears_no_character_apart() {
        let set = |clocks| {
            let mut set = DeleteSet::new();
            set.add(1, clocks);
            set
        };
        let mut desk = Desk::new();
        desk.insert(0, "a😀b😀c");
        let now = desk.doc.encode_update();
        let kept = StackItem::new(set(2..5), DeleteSet::new());
        let taken = StackItem::new(DeleteSet::new(), set(2..5));
        desk.manager = desk.doc.attach_undo(500, vec![kept, taken], Vec::new());
        desk.doc.expand_undo_scope(desk.manager, desk.text);
        assert_eq!((desk.text().as_str(), desk.doc.encode_update()), ("a😀b😀c", now));
        assert!(desk.step(Step::Undo));
        assert_eq!(desk.text(), "ac");
        assert!(desk.step(Step::Redo));
        assert_eq!(desk.text(), "a😀b😀c");
    }

    #[test]
    fn content_is_dropped_again_without_a_manager() {
        let mut desk = Desk::new();
        desk.insert(0, "hello");
        desk.doc.detach_undo(desk.manager);
        desk.delete(0, 5);
        assert_eq!(desk.doc.undo_stack(desk.manager, Step::Undo), []);
        let update = desk.doc.encode_update();
        assert!(!update.windows(5).any(|window| window == b"hello"));
    }

    #[test]
    fn damaged_stack_items_are_refused() {
        let zero_length = [2, 1, 5, 1, 0, 0, 0, 0, 0];
        for bytes in [&[][..], &[1, 0, 0, 0, 0], &[2, 0, 0, 0], &[2, 0, 0, 0, 0, 0], &zero_length] {
            assert!(StackItem::decode(bytes).is_err());
        }
    }
}
