//! A shared type: the sequence and the map that one block, or the document itself, holds.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::block::{BranchId, ItemId, KeyId, NONE};
use crate::items::new_number;
use crate::marks::Marks;
use crate::tree::Unit;
use crate::update::TypeTag;

/// Where the last local edit took place; the next one is usually there too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finger {
    pub(crate) item: ItemId,
    /// The index of the item's first unit.
    pub(crate) start: u32,
    pub(crate) unit: Unit,
}

impl Finger {
    pub(crate) const NONE: Self = Self { item: NONE, start: 0, unit: Unit::Utf16 };
}

#[derive(Debug, Clone)]
pub(crate) struct Branch {
    /// What the type is; [`None`] for a root that only other replicas have used so far.
    pub(crate) tag: Option<TypeTag>,
    /// The name of an XML element or hook.
    pub(crate) name: Option<Box<str>>,
    /// The block that brought the type, [`NONE`] for a root.
    pub(crate) item: ItemId,
    /// The name of a root.
    pub(crate) root: Option<Arc<str>>,
    /// The first item of the sequence.
    pub(crate) start: ItemId,
    /// The newest item under each key; earlier ones hang on its left.
    pub(crate) entries: Entries,
    pub(crate) finger: Finger,
    /// The format marks of the sequence, once it has had any. They take no room but must not be jumped over.
    pub(crate) marks: Option<Box<Marks>>,
    /// Whether the type was deleted and its content collected.
    pub(crate) gone: bool,
}

impl Branch {
    pub(crate) fn new(tag: Option<TypeTag>, item: ItemId) -> Self {
        Self {
            tag,
            name: None,
            item,
            root: None,
            start: NONE,
            entries: Entries::default(),
            finger: Finger::NONE,
            marks: None,
            gone: false,
        }
    }

    /// Follows the blocks to their new numbers.
    pub(crate) fn renumber(&mut self, numbers: &[ItemId]) {
        self.item = new_number(numbers, self.item);
        self.start = new_number(numbers, self.start);
        self.entries.renumber(numbers);
        self.finger = Finger::NONE;
        if let Some(marks) = &mut self.marks {
            marks.renumber(numbers);
        }
    }
}

/// Up to so many keys are looked through one by one, which is faster than hashing.
const FEW: usize = 16;

/// An item for each key, in the order in which the keys were first set, as in a JavaScript `Map`: when a type
/// is deleted, its entries are in this order, and so they come back in an undo.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entries {
    list: Vec<Entry>,
    /// Where each key is in the list, if there are more than a [`FEW`].
    places: Option<Box<HashMap<KeyId, u32>>>,
}

/// The items under one key, which hang together from the newest to the left.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: KeyId,
    newest: ItemId,
    oldest: ItemId,
}

impl Entries {
    fn place(&self, key: KeyId) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&key).map(|&place| place as usize),
            None => self.list.iter().position(|entry| entry.key == key),
        }
    }

    pub(crate) fn get(&self, key: KeyId) -> Option<ItemId> {
        self.place(key).map(|place| self.list[place].newest)
    }

    /// The item that stands left of all others under the key.
    pub(crate) fn oldest(&self, key: KeyId) -> Option<ItemId> {
        self.place(key).map(|place| self.list[place].oldest)
    }

    /// Says that an item was put left of all others under its key.
    pub(crate) fn set_oldest(&mut self, key: KeyId, item: ItemId) {
        if let Some(place) = self.place(key) {
            self.list[place].oldest = item;
        }
    }

    pub(crate) fn insert(&mut self, key: KeyId, item: ItemId) {
        if let Some(place) = self.place(key) {
            self.list[place].newest = item;
            return;
        }
        self.list.push(Entry { key, newest: item, oldest: item });
        if let Some(places) = &mut self.places {
            places.insert(key, self.list.len() as u32 - 1);
        } else if self.list.len() > FEW {
            let keys = self.list.iter().map(|entry| entry.key);
            self.places = Some(Box::new(keys.zip(0..).collect()));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (KeyId, ItemId)> {
        self.list.iter().map(|entry| (entry.key, entry.newest))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn renumber(&mut self, numbers: &[ItemId]) {
        for Entry { newest, oldest, .. } in &mut self.list {
            (*newest, *oldest) = (new_number(numbers, *newest), new_number(numbers, *oldest));
        }
    }
}

/// Map keys, each stored once.
#[derive(Debug, Default, Clone)]
pub(crate) struct Keys {
    names: Vec<Box<str>>,
    ids: HashMap<Box<str>, KeyId>,
}

impl Keys {
    pub(crate) fn name(&self, key: KeyId) -> &str {
        &self.names[key as usize]
    }

    pub(crate) fn id(&self, name: &str) -> Option<KeyId> {
        self.ids.get(name).copied()
    }

    pub(crate) fn id_or_insert(&mut self, name: &str) -> KeyId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.names.len() as KeyId;
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }
}

/// Every shared type of a document. Slots are never reused, so that a handle to a deleted type stays harmless.
#[derive(Debug, Default, Clone)]
pub(crate) struct Branches {
    all: Vec<Branch>,
    roots: HashMap<Box<str>, BranchId>,
    /// Whether some map entry has had a right origin, which no honest edit gives it.
    pub(crate) bounded_entries: bool,
}

impl Branches {
    #[inline]
    pub(crate) fn get(&self, id: BranchId) -> &Branch {
        &self.all[id as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: BranchId) -> &mut Branch {
        &mut self.all[id as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Branch> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.all.iter_mut()
    }

    pub(crate) fn add(&mut self, branch: Branch) -> BranchId {
        self.all.push(branch);
        (self.all.len() - 1) as BranchId
    }

    pub(crate) fn root_or_insert(&mut self, name: &str) -> BranchId {
        if let Some(&id) = self.roots.get(name) {
            return id;
        }
        let id = self.add(Branch { root: Some(name.into()), ..Branch::new(None, NONE) });
        self.roots.insert(name.into(), id);
        id
    }

    /// The roots in order of first appearance.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (&str, BranchId)> {
        self.all.iter().enumerate().filter_map(|(id, branch)| Some((branch.root.as_deref()?, id as BranchId)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_in_the_order_in_which_they_were_first_set() {
        let mut entries = Entries::default();
        let keys: Vec<KeyId> = (0..3 * FEW as KeyId).map(|key| key * 7 % 1000).collect();
        for (item, &key) in (0..).zip(&keys) {
            assert_eq!(entries.get(key), None);
            entries.insert(key, item);
        }
        entries.insert(keys[1], 99);
        assert_eq!(entries.iter().map(|(key, _)| key).collect::<Vec<_>>(), keys);
        assert_eq!(
            keys.iter().take(3).map(|&key| entries.get(key)).collect::<Vec<_>>(),
            [Some(0), Some(99), Some(2)]
        );
    }
}
