//! Subdocuments: documents that stand as a value inside another one.
//!
//! Only the guid and the options of a subdocument are part of its parent; its content is a document of
//! its own with updates of its own. The parent keeps an opaque [`Instance`] for whoever owns both, so that
//! a subdocument is the same object however often it is read.
//!
//! # Source
//! Yjs 13.6, `ContentDoc`, `Doc#load`, `Doc#destroy` and the "subdocs" part of `cleanupTransactions`.

use std::any::Any as Object;
use std::fmt;
use std::sync::Arc;

use crate::any::Any;
use crate::block::{Item, ItemId, Kind};
use crate::doc::Doc;
use crate::id::Id;
use crate::lib0::{Reader, Writer};
use crate::store::{Payload, Store};

/// What the owner of a document keeps for one of its subdocuments, usually a handle to a [`Doc`].
#[derive(Clone)]
pub struct Instance(pub Arc<dyn Object + Send + Sync>);

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Instance")
    }
}

/// Two are equal when they are one object.
impl PartialEq for Instance {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// How a subdocument is to be treated, as its parent tells every replica.
#[derive(Debug, Clone, PartialEq)]
pub struct SubdocumentOptions {
    /// Whether deleted content is collected.
    pub collects: bool,
    /// Whether every replica is to load it without being asked.
    pub auto_load: bool,
    /// Whatever its author wants to say about it; [`Any::Null`] for nothing.
    pub meta: Any,
}

impl Default for SubdocumentOptions {
    fn default() -> Self {
        Self { collects: true, auto_load: false, meta: Any::Null }
    }
}

impl SubdocumentOptions {
    /// The options that differ from the default, in the order in which Yjs writes them.
    fn encode_into(&self, writer: &mut Writer) {
        let mut entries: Vec<(Box<str>, Any)> = Vec::new();
        if !self.collects {
            entries.push(("gc".into(), Any::Bool(false)));
        }
        if self.auto_load {
            entries.push(("autoLoad".into(), Any::Bool(true)));
        }
        if self.meta != Any::Null {
            entries.push(("meta".into(), self.meta.clone()));
        }
        Any::Object(entries.into()).encode_into(writer);
    }
}

/// A subdocument that is to be inserted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubdocument {
    /// Its name, by which replicas find its updates.
    pub guid: Box<str>,
    /// What the parent tells every replica about it.
    pub options: SubdocumentOptions,
    /// Whether this replica loads it now.
    pub should_load: bool,
    /// The object that stands for it in this replica, if there is one already.
    pub instance: Option<Instance>,
}

/// A subdocument as its parent knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subdocument {
    /// The unit of the parent that holds it.
    pub id: Id,
    /// Its name, by which replicas find its updates.
    pub guid: Box<str>,
    /// What the parent tells every replica about it.
    pub options: SubdocumentOptions,
    /// Whether this replica wants its content.
    pub should_load: bool,
    /// The object that stands for it in this replica, if one was adopted.
    pub instance: Option<Instance>,
}

/// What a transaction did to the subdocuments of a document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubdocumentChanges {
    /// Those that came.
    pub added: Vec<Subdocument>,
    /// Those that are gone.
    pub removed: Vec<Subdocument>,
    /// Those whose content is wanted from now on.
    pub loaded: Vec<Subdocument>,
    /// What stood for those that came and went. Dropping it can run any code, which may look at the document: that has to
    /// wait until the transaction is over.
    passed: Vec<Instance>,
}

impl SubdocumentChanges {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.loaded.is_empty()
    }

    /// Whether there is nothing either that has to be dropped later.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.is_empty() && self.passed.is_empty()
    }
}

/// The content of a [`Kind::Doc`] block.
#[derive(Debug, Clone)]
pub(crate) struct DocPayload {
    /// The guid and the options as they came or are to go.
    pub(crate) wire: Box<[u8]>,
    should_load: bool,
    instance: Option<Instance>,
}

impl DocPayload {
    /// From the checked content of a block.
    pub(crate) fn received(wire: &[u8]) -> Self {
        let (_, options, should_load) = read(wire);
        Self { wire: wire.into(), should_load: should_load || options.auto_load, instance: None }
    }

    pub(crate) fn created(new: NewSubdocument) -> Self {
        let mut writer = Writer::new();
        writer.var_string(&new.guid);
        new.options.encode_into(&mut writer);
        Self { wire: writer.into_bytes().into(), should_load: new.should_load, instance: new.instance }
    }

    pub(crate) fn described(&self, id: Id) -> Subdocument {
        let (guid, options, _) = read(&self.wire);
        let instance = self.instance.clone();
        Subdocument { id, guid: guid.into(), options, should_load: self.should_load, instance }
    }
}

/// The guid, the options, and whether the author was about to load it.
fn read(wire: &[u8]) -> (&str, SubdocumentOptions, bool) {
    let mut reader = Reader::new(wire);
    let guid = reader.var_string().unwrap_or_default();
    let mut options = SubdocumentOptions::default();
    let mut should_load = false;
    let Ok(Any::Object(entries)) = Any::decode_from(&mut reader) else { return (guid, options, should_load) };
    for (key, value) in entries {
        match &*key {
            "gc" => options.collects = is_true(&value),
            "autoLoad" => options.auto_load = is_true(&value),
            "shouldLoad" => should_load = is_true(&value),
            "meta" if value != Any::Undefined => options.meta = value,
            _ => {}
        }
    }
    (guid, options, should_load)
}

/// What JavaScript takes for true.
fn is_true(value: &Any) -> bool {
    match value {
        Any::Undefined | Any::Null => false,
        Any::Bool(value) => *value,
        Any::Integer(value) | Any::BigInt(value) => *value != 0,
        Any::Float(value) => *value != 0.0 && !value.is_nan(),
        Any::String(text) => !text.is_empty(),
        Any::Binary(_) | Any::Array(_) | Any::Object(_) => true,
    }
}

impl Store {
    pub(crate) fn subdocument_of(&self, item: &Item) -> Option<Subdocument> {
        match self.payload(item)? {
            Payload::Doc(payload) if item.kind == Kind::Doc => {
                Some(payload.described(self.global(item.first_id())))
            }
            _ => None,
        }
    }

    fn subdocument_item(&self, id: Id) -> Option<ItemId> {
        let local = self.local(id)?;
        if id.clock >= self.clients.get(local.client).next_clock {
            return None;
        }
        let item = self.find(local);
        (self.item(item).kind == Kind::Doc).then_some(item)
    }

    fn subdocument_payload(&mut self, id: Id) -> Option<&mut DocPayload> {
        let item = self.item(self.subdocument_item(id)?);
        match self.payload_mut(&item)? {
            Payload::Doc(payload) => Some(payload),
            _ => None,
        }
    }

    /// Notes a copy of a [`Kind::Doc`] block, which stands from now on for what the original stood for.
    pub(crate) fn note_subdocument_moved(&mut self, original: ItemId, copy: ItemId) {
        let [original, copy] = [original, copy].map(|item| self.item(item));
        let Some(Payload::Doc(from)) = self.payload_mut(&original) else { return };
        let (should_load, instance) = (from.should_load, from.instance.take());
        if let Some(Payload::Doc(to)) = self.payload_mut(&copy) {
            (to.should_load, to.instance) = (should_load, instance);
        }
        let (old, moved) = (self.global(original.first_id()), self.subdocument_of(&copy));
        if let (Some(changes), Some(moved)) = (&mut self.transaction.subdocuments, moved) {
            if let Some(loaded) = changes.loaded.iter_mut().find(|loaded| loaded.id == old) {
                *loaded = moved.clone();
            }
            changes.added.push(moved);
        }
    }

    /// Notes a new [`Kind::Doc`] block.
    pub(crate) fn note_subdocument_added(&mut self, item: ItemId) {
        let Some(subdocument) = self.subdocument_of(&self.item(item)) else { return };
        let Some(changes) = &mut self.transaction.subdocuments else { return };
        if subdocument.should_load {
            changes.loaded.push(subdocument.clone());
        }
        changes.added.push(subdocument);
    }

    /// Notes that a [`Kind::Doc`] block is being deleted, whose content is still there.
    pub(crate) fn note_subdocument_removed(&mut self, item: ItemId) {
        let Some(subdocument) = self.subdocument_of(&self.item(item)) else { return };
        let Some(changes) = &mut self.transaction.subdocuments else { return };
        match changes.added.iter().position(|added| added.id == subdocument.id) {
            Some(index) => {
                changes.passed.extend(changes.added.remove(index).instance);
                changes.loaded.retain(|loaded| loaded.id != subdocument.id);
            }
            None => changes.removed.push(subdocument),
        }
    }
}

impl Doc {
    /// The unit that this replica inserted last.
    #[must_use]
    pub fn latest(&self) -> Option<Id> {
        let clock = self.store.clients.next_clock(self.client_id).checked_sub(1)?;
        Some(Id { client: self.client_id, clock })
    }

    /// The subdocuments that are part of the document, clients and clocks ascending. O(n) in its blocks.
    #[must_use]
    pub fn subdocuments(&self) -> Vec<Subdocument> {
        let blocks = self.store.clients.iter().flat_map(|blocks| blocks.items_from(0));
        let items = blocks.map(|item| self.store.item(item)).filter(|item| !item.deleted);
        items.filter_map(|item| self.store.subdocument_of(&item)).collect()
    }

    /// Keeps `instance` for a subdocument that has none; returns the one that is kept, or [`None`] if there
    /// is no such subdocument any more.
    pub fn adopt(&mut self, id: Id, instance: Instance) -> Option<Instance> {
        let payload = self.store.subdocument_payload(id)?;
        Some(payload.instance.get_or_insert(instance).clone())
    }

    /// Which unit holds the subdocument that `instance` stands for: `near`, where it was last, or another one since it
    /// was moved. O(1) in the first case, O(n) in the second.
    #[must_use]
    pub fn find_instance(&self, instance: &Instance, near: Id) -> Option<Id> {
        let is_it = |found: &Subdocument| found.instance.as_ref() == Some(instance);
        let known = self.store.subdocument_item(near).map(|item| self.store.item(item));
        if known.and_then(|item| self.store.subdocument_of(&item)).is_some_and(|found| is_it(&found)) {
            return Some(near);
        }
        self.subdocuments().into_iter().find(is_it).map(|found| found.id)
    }

    /// Notes that the content of a subdocument is wanted; returns whether that is new.
    pub fn load_subdocument(&mut self, id: Id) -> bool {
        let Some(payload) = self.store.subdocument_payload(id) else { return false };
        if std::mem::replace(&mut payload.should_load, true) {
            return false;
        }
        let subdocument = payload.described(id);
        if let Some(changes) = &mut self.store.transaction.subdocuments {
            changes.loaded.push(subdocument);
        }
        true
    }

    /// Parts a subdocument from its instance: whoever reads it next gets a new one, not yet loaded.
    /// Returns whether there was an instance.
    pub fn renew_subdocument(&mut self, id: Id) -> bool {
        let Some(payload) = self.store.subdocument_payload(id) else { return false };
        let old = payload.described(id);
        payload.instance = None;
        payload.should_load = false;
        let new = payload.described(id);
        let had_one = old.instance.is_some();
        let alive = self.store.subdocument_item(id).is_some_and(|item| !self.store.item(item).deleted);
        if let Some(changes) = &mut self.store.transaction.subdocuments {
            changes.removed.push(old);
            if alive {
                changes.added.push(new);
            }
        }
        had_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Listening;
    use crate::edit::Input;
    use crate::read::Value;
    use crate::update::TypeTag;

    fn new(guid: &str, should_load: bool) -> NewSubdocument {
        let options = SubdocumentOptions::default();
        NewSubdocument { guid: guid.into(), options, should_load, instance: None }
    }

    fn guids(subdocuments: &[Subdocument]) -> Vec<&str> {
        subdocuments.iter().map(|subdocument| &*subdocument.guid).collect()
    }

    fn listening() -> Listening {
        Listening { subdocuments: true, ..Listening::default() }
    }

    fn map_with(doc: &mut Doc, entries: &[(&str, NewSubdocument)]) -> SubdocumentChanges {
        let map = doc.root("map", TypeTag::Map).expect("a map");
        doc.begin(listening());
        for (key, new) in entries {
            doc.set(map, key, Input::Doc(new.clone())).expect("alive");
        }
        doc.commit().expect("a change").subdocuments
    }

    #[test]
    fn options_are_written_as_yjs_writes_them() {
        let options = SubdocumentOptions { collects: false, auto_load: true, meta: Any::Integer(5) };
        let created = DocPayload::created(NewSubdocument { options: options.clone(), ..new("g", false) });
        assert_eq!(&*created.wire, b"\x01g\x76\x03\x02gc\x79\x08autoLoad\x78\x04meta\x7d\x05");
        assert_eq!(DocPayload::created(new("g", true)).wire[..], *b"\x01g\x76\x00");
        let received = DocPayload::received(&created.wire);
        assert!(received.should_load, "autoLoad loads everywhere");
        assert_eq!(received.described(Id { client: 1, clock: 0 }).options, options);
    }

    #[test]
    fn what_came_and_what_is_gone_is_told() {
        let mut doc = Doc::new(1);
        let changes = map_with(&mut doc, &[("a", new("x", true)), ("b", new("y", false))]);
        assert_eq!(guids(&changes.added), ["x", "y"]);
        assert_eq!(guids(&changes.loaded), ["x"]);
        let changes = map_with(&mut doc, &[("a", new("z", false))]);
        assert_eq!((guids(&changes.added), guids(&changes.removed)), (vec!["z"], vec!["x"]));
        assert_eq!(guids(&doc.subdocuments()), ["y", "z"]);
    }

    #[test]
    fn what_comes_and_goes_in_one_transaction_is_not_told() {
        let mut doc = Doc::new(1);
        let changes = map_with(&mut doc, &[("a", new("x", false)), ("a", new("y", false))]);
        assert_eq!((guids(&changes.added), guids(&changes.removed)), (vec!["y"], vec![]));
    }

    #[test]
    fn another_replica_is_told_the_same() {
        let (mut ours, mut theirs) = (Doc::new(1), Doc::new(2));
        map_with(&mut ours, &[("a", new("x", true))]);
        theirs.begin(listening());
        theirs.apply_update(&ours.encode_update()).expect("own update");
        let changes = theirs.commit().expect("a change").subdocuments;
        assert_eq!((guids(&changes.added), guids(&changes.loaded)), (vec!["x"], vec![]));
        assert_eq!(theirs.encode_update(), ours.encode_update());
    }

    #[test]
    fn an_instance_stays_until_it_is_renewed() {
        let mut doc = Doc::new(1);
        let id = map_with(&mut doc, &[("a", new("x", false))]).added[0].id;
        let first = Instance(Arc::new(1));
        assert_eq!(doc.adopt(id, first.clone()), Some(first.clone()));
        assert_eq!(doc.adopt(id, Instance(Arc::new(2))), Some(first.clone()));
        let map = doc.root("map", TypeTag::Map).expect("a map");
        let Some(Value::Doc(found)) = doc.entry(map, "a") else { panic!("a subdocument") };
        assert_eq!(found.instance, Some(first));
        assert!(doc.load_subdocument(id) && !doc.load_subdocument(id));
        doc.begin(listening());
        assert!(doc.renew_subdocument(id));
        let changes = doc.commit().expect("a change").subdocuments;
        assert_eq!((guids(&changes.added), guids(&changes.removed)), (vec!["x"], vec!["x"]));
        let second = Instance(Arc::new(2));
        assert_eq!(doc.adopt(id, second.clone()), Some(second));
        assert!(doc.load_subdocument(id));
    }

    #[test]
    fn ids_of_anything_else_name_no_subdocument() {
        let mut doc = Doc::new(1);
        let text = doc.root("text", TypeTag::Text).expect("a text");
        doc.insert_text(text, 0, "a", crate::Unit::Utf16).expect("in range");
        for id in [Id { client: 1, clock: 0 }, Id { client: 1, clock: 1 }, Id { client: 9, clock: 0 }] {
            assert_eq!(doc.adopt(id, Instance(Arc::new(1))), None);
            assert!(!doc.load_subdocument(id) && !doc.renew_subdocument(id));
        }
    }
}
