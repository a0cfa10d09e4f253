//! A shared type: the sequence and the map that one block, or the document itself, holds.

use hashbrown::HashMap;

use crate::block::{BranchId, ItemId, KeyId, NONE};
use crate::marks::Marks;
use crate::tree::{Tree, Unit};
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
    pub(crate) root: Option<Box<str>>,
    /// The first item of the sequence.
    pub(crate) start: ItemId,
    pub(crate) tree: Tree,
    /// The newest item under each key; earlier ones hang on its left.
    pub(crate) entries: HashMap<KeyId, ItemId>,
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
            tree: Tree::EMPTY,
            entries: HashMap::new(),
            finger: Finger::NONE,
            marks: None,
            gone: false,
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
