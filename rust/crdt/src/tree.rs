//! A counted B+tree over the items of a sequence: finds a position, or the position of an item, in
//! O(log n) whatever the edit pattern.
//!
//! Leaves list up to 32 items in document order, with their visible lengths beside them so that a scan
//! does not load the items. Inner nodes hold where each child ends in UTF-16 units, code points and bytes; the
//! last two only where they differ from the first. All sequences of a document share one [`Forest`]; a [`Tree`] is the root of one of them.
//! The leaf of every item is known and every leaf knows its parent, so that a change is counted by walking up. That walk
//! is put off while the same leaf keeps changing, as the one under a typist's cursor does, and what is edited
//! next is looked for there first.

use std::ops::{AddAssign, Sub};

use crate::block::{ItemId, NONE};
use crate::items::Items;
use crate::node::{CAPACITY, Leaf, Node, passed};
use crate::update::{char_len, utf16_len};

/// Below this a leaf or node looks for a neighbor to merge with.
const SPARSE: usize = CAPACITY / 4;
/// How full leaves and nodes are built: an edit here and there must not split every leaf it meets.
const FILL: usize = CAPACITY - CAPACITY / 8;

/// From so many blocks on, 900 KB with their leaves, a document is not expected to be in a cache.
const LARGE: usize = 1 << 14;

/// Which unit an index counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// UTF-16 code units, as JavaScript and Yjs count.
    Utf16,
    /// Unicode code points, as Python counts.
    CodePoint,
    /// Bytes of UTF-8, as Rust counts.
    Byte,
}

/// A visible length in every unit at once. Differences wrap, so that one type serves growth and shrinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub(crate) utf16: u32,
    pub(crate) chars: u32,
    pub(crate) bytes: u32,
}

impl Size {
    pub(crate) const ZERO: Self = Self { utf16: 0, chars: 0, bytes: 0 };

    /// The size of a text, which the caller bounds to less than 4 GiB.
    #[inline]
    pub(crate) fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::uniform(text.len() as u32);
        }
        Self { utf16: utf16_len(text), chars: char_len(text), bytes: text.len() as u32 }
    }

    #[inline]
    pub(crate) fn uniform(count: u32) -> Self {
        Self { utf16: count, chars: count, bytes: count }
    }

    #[inline]
    pub(crate) fn in_unit(self, unit: Unit) -> u32 {
        match unit {
            Unit::Utf16 => self.utf16,
            Unit::CodePoint => self.chars,
            Unit::Byte => self.bytes,
        }
    }

    #[inline]
    pub(crate) fn is_uniform(self) -> bool {
        self.utf16 == self.chars && self.utf16 == self.bytes
    }
}

impl AddAssign for Size {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.utf16 = self.utf16.wrapping_add(other.utf16);
        self.chars = self.chars.wrapping_add(other.chars);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

impl Sub for Size {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self {
            utf16: self.utf16.wrapping_sub(other.utf16),
            chars: self.chars.wrapping_sub(other.chars),
            bytes: self.bytes.wrapping_sub(other.bytes),
        }
    }
}

/// The root of one sequence's tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree {
    /// A leaf at height 0, a node above; [`NONE`] while nothing was ever inserted.
    root: u32,
    height: u32,
    /// The visible length of the whole sequence.
    pub(crate) size: Size,
}

impl Tree {
    pub(crate) const EMPTY: Self = Self { root: NONE, height: 0, size: Size::ZERO };

    #[inline]
    fn root(&self) -> Root {
        Root { at: self.root, height: self.height }
    }
}

/// An item and where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) item: ItemId,
    /// The index of the item's first unit, in the unit that was asked for.
    pub(crate) start: u32,
}

/// What tells one tree from another: leaves and nodes are numbered apart, so a number alone does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Root {
    at: u32,
    height: u32,
}

/// The leaf that changed last, and by how much the nodes above it are behind.
#[derive(Debug, Clone, Copy)]
struct Open {
    leaf: u32,
    /// Where in it, about, the item stands that was found or changed last.
    slot: usize,
    change: Size,
    /// Where it begins, once a search has led to it.
    start: Option<Start>,
}

/// The index of a leaf's first unit in one tree, and how many units the leaf had then.
#[derive(Debug, Clone, Copy)]
struct Start {
    root: Root,
    unit: Unit,
    index: u32,
    len: u32,
}

impl Open {
    const NONE: Self = Self { leaf: NONE, slot: 0, change: Size::ZERO, start: None };
}

impl Default for Open {
    fn default() -> Self {
        Self::NONE
    }
}

/// The leaves and nodes of every sequence of a document.
#[derive(Debug, Default, Clone)]
pub(crate) struct Forest {
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
    free_leaves: Vec<u32>,
    free_nodes: Vec<u32>,
    /// The leaf of each item; [`NONE`] for one that is not listed, as are those past the end.
    leaf_of: Vec<u32>,
    open: Open,
    /// The nodes from the root to the open leaf, and in which slot of each it goes on; empty if a search has not
    /// led there.
    path: Vec<(u32, usize)>,
}

impl Forest {
    /// Nothing, with room to say where so many items are.
    pub(crate) fn with_room(items: usize) -> Self {
        Self { leaf_of: Vec::with_capacity(items), ..Self::default() }
    }

    /// Gives back what was reserved for more.
    pub(crate) fn shrink(&mut self) {
        self.leaves.shrink_to_fit();
        self.nodes.shrink_to_fit();
    }

    /// Bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.leaves.capacity() * size_of::<Leaf>()
            + self.nodes.capacity() * size_of::<Node>()
            + self.leaf_of.capacity() * size_of::<u32>()
    }

    #[inline]
    fn leaf_of(&self, item: ItemId) -> u32 {
        self.leaf_of.get(item as usize).copied().unwrap_or(NONE)
    }

    /// Whether an item is in any of the trees.
    #[inline]
    pub(crate) fn lists(&self, item: ItemId) -> bool {
        self.leaf_of(item) != NONE
    }

    /// Says in which leaf an item is now.
    #[inline]
    fn set_leaf(&mut self, item: ItemId, leaf: u32) {
        let at = item as usize;
        if at >= self.leaf_of.len() {
            self.leaf_of.resize(at + 1, NONE);
        }
        self.leaf_of[at] = leaf;
    }

    /// Forgets an item that is about to go with its whole tree.
    pub(crate) fn forget(&mut self, item: ItemId) {
        if let Some(leaf) = self.leaf_of.get_mut(item as usize) {
            *leaf = NONE;
        }
    }

    /// The item that holds the visible unit `index`; [`None`] at or past the end.
    pub(crate) fn locate(&self, tree: &Tree, items: &Items, index: u32, unit: Unit) -> Option<Located> {
        if index >= tree.size.in_unit(unit) {
            return None;
        }
        let change = self.open.change.in_unit(unit);
        if change == 0 || self.address(self.open.leaf).0 != tree.root() {
            return self.descend_to_item(tree, items, index, unit);
        }
        let start = self.before(self.open.leaf).in_unit(unit);
        if index < start {
            return self.descend_to_item(tree, items, index, unit);
        }
        if let Some((located, _)) = self.scan(self.open.leaf, items, start, index, unit) {
            return Some(located);
        }
        let Located { item, start } = self.descend_to_item(tree, items, index.wrapping_sub(change), unit)?;
        Some(Located { item, start: start.wrapping_add(change) })
    }

    /// The same for an edit, which mostly is in the leaf of the one before.
    pub(crate) fn locate_to_edit(
        &mut self,
        tree: &Tree,
        items: &Items,
        index: u32,
        unit: Unit,
    ) -> Option<Located> {
        if index >= tree.size.in_unit(unit) {
            return None;
        }
        let known = match self.open {
            Open { start: Some(start), change, .. } => {
                start.unit == unit
                    && start.root == tree.root()
                    && start.index <= index
                    && index - start.index < start.len.wrapping_add(change.in_unit(unit))
            }
            _ => false,
        };
        let is_large = items.len() >= LARGE;
        if !known {
            self.settle();
            self.path.clear();
            let mut path = std::mem::take(&mut self.path);
            let found = self.descend(tree, index, unit, |node, slot| path.push((node, slot)));
            self.path = path;
            let (leaf, index_of_leaf, len) = found?;
            let start = Start { root: tree.root(), unit, index: index_of_leaf, len };
            self.open = Open { leaf, start: Some(start), ..Open::NONE };
            if is_large {
                self.leaves[leaf as usize].fetch();
            }
        }
        let Open { leaf, start, .. } = self.open;
        let (located, slot) = self.scan(leaf, items, start?.index, index, unit)?;
        self.open.slot = slot;
        if is_large && !known {
            self.leaves[leaf as usize].fetch_items(items, slot);
        }
        Some(located)
    }

    fn descend_to_item(&self, tree: &Tree, items: &Items, index: u32, unit: Unit) -> Option<Located> {
        let (leaf, start, _) = self.descend(tree, index, unit, |_, _| {})?;
        self.scan(leaf, items, start, index, unit).map(|(located, _)| located)
    }

    /// Finds the leaf that holds `index` by the counts as they are, where it begins, and how many units it has;
    /// tells each node and slot on the way.
    #[inline]
    fn descend(
        &self,
        tree: &Tree,
        index: u32,
        unit: Unit,
        mut pass: impl FnMut(u32, usize),
    ) -> Option<(u32, u32, u32)> {
        let mut left = index;
        let mut len = tree.size.in_unit(unit);
        let mut at = tree.root;
        for _ in 0..tree.height {
            let node = &self.nodes[at as usize];
            let ends = node.ends(unit);
            let slot = passed(ends, left);
            pass(at, slot);
            let before = slot.checked_sub(1).map_or(0, |last| ends[last]);
            len = ends.get(slot)? - before;
            left -= before;
            at = node.children[slot];
        }
        Some((at, index - left, len))
    }

    /// The item of a leaf, which begins at `start`, that holds `index`, and its slot.
    #[inline]
    fn scan(&self, at: u32, items: &Items, start: u32, index: u32, unit: Unit) -> Option<(Located, usize)> {
        let leaf = &self.leaves[at as usize];
        let mut left = index - start;
        if unit == Unit::Utf16 || !leaf.mixed {
            let slot = slot_holding(&leaf.visible, &mut left)?;
            return Some((Located { item: leaf.items[slot], start: index - left }, slot));
        }
        for (slot, &item) in leaf.items[..leaf.count as usize].iter().enumerate() {
            let size = items.visible_len(item, unit);
            if left < size {
                return Some((Located { item, start: index - left }, slot));
            }
            left -= size;
        }
        None
    }

    /// How much is visible before `item`.
    pub(crate) fn position(&self, items: &Items, item: ItemId) -> Size {
        let at = self.leaf_of(item);
        let leaf = &self.leaves[at as usize];
        let mut before = self.before(at);
        let slot = leaf.slot_of(item);
        if leaf.mixed {
            for &earlier in &leaf.items[..slot] {
                before += items.visible_size(earlier);
            }
        } else {
            before += Size::uniform(leaf.visible[..slot].iter().sum());
        }
        if self.open.change != Size::ZERO && self.open.leaf != at {
            let (root, key) = self.address(at);
            let (open_root, open_key) = self.address(self.open.leaf);
            if open_root == root && open_key < key {
                before += self.open.change;
            }
        }
        before
    }

    /// How much is visible before a leaf, by the counts as they are.
    fn before(&self, leaf: u32) -> Size {
        let mut before = Size::ZERO;
        let mut at = leaf;
        let mut parent = self.leaves[leaf as usize].parent;
        while parent != NONE {
            let node = &self.nodes[parent as usize];
            before += node.before(node.slot_of(at));
            at = parent;
            parent = node.parent;
        }
        before
    }

    /// A key that sorts the items of one sequence in document order; valid until the tree changes.
    pub(crate) fn order_key(&self, item: ItemId) -> u64 {
        let at = self.leaf_of(item);
        if at == NONE {
            return 0;
        }
        self.address(at).1 | self.leaves[at as usize].slot_of(item) as u64
    }

    /// The root of the tree that a leaf is in, and the order key of the first item there.
    fn address(&self, leaf: u32) -> (Root, u64) {
        let mut at = leaf;
        let mut height = 0;
        let mut key = 0;
        let mut shift = CAPACITY.trailing_zeros();
        let mut parent = self.leaves[leaf as usize].parent;
        while parent != NONE {
            let node = &self.nodes[parent as usize];
            key |= (node.slot_of(at) as u64) << shift;
            shift += CAPACITY.trailing_zeros();
            height += 1;
            at = parent;
            parent = node.parent;
        }
        (Root { at, height }, key)
    }

    /// The last item of the sequence, deleted or not; [`NONE`] if there is none.
    pub(crate) fn last(&self, tree: &Tree) -> ItemId {
        if tree.root == NONE {
            return NONE;
        }
        let mut at = tree.root;
        for _ in 0..tree.height {
            let node = &self.nodes[at as usize];
            at = node.children[node.count as usize - 1];
        }
        let leaf = &self.leaves[at as usize];
        leaf.count.checked_sub(1).map_or(NONE, |last| leaf.items[last as usize])
    }

    /// Counts that the visible size of an item has changed, if it is listed. O(1) while the changes are in one leaf.
    #[inline]
    pub(crate) fn resize(&mut self, tree: &mut Tree, item: ItemId, change: Size) {
        let Some((at, slot)) = self.spot(item) else { return };
        self.open_leaf(at);
        self.open.slot = slot;
        let leaf = &mut self.leaves[at as usize];
        let visible = &mut leaf.visible[slot];
        *visible = visible.wrapping_add(change.utf16);
        leaf.mixed |= !change.is_uniform();
        self.open.change += change;
        tree.size += change;
    }

    /// The leaf of an item, and where it stands there: mostly beside the one that was found or changed last, so that
    /// nothing else is looked at. [`None`] if it is not listed.
    #[inline]
    fn spot(&self, item: ItemId) -> Option<(u32, usize)> {
        let Open { leaf: open, slot: last, .. } = self.open;
        if let Some(leaf) = self.leaves.get(open as usize) {
            for slot in [last, last + 1, last.wrapping_sub(1)] {
                if leaf.items.get(slot) == Some(&item) {
                    return Some((open, slot));
                }
            }
        }
        let leaf = self.leaf_of(item);
        (leaf != NONE).then(|| (leaf, self.leaves[leaf as usize].slot_of(item)))
    }

    /// Turns to a leaf that is about to change.
    #[inline]
    fn open_leaf(&mut self, leaf: u32) {
        if self.open.leaf != leaf {
            self.close();
            self.open.leaf = leaf;
        }
    }

    /// Brings every count up to date, and forgets where the last change was: leaves are about to come or go.
    fn close(&mut self) {
        self.settle();
        self.open = Open::NONE;
        self.path.clear();
    }

    /// Brings every count up to date.
    #[inline]
    fn settle(&mut self) {
        let Open { leaf, change, .. } = self.open;
        if change != Size::ZERO {
            self.open.change = Size::ZERO;
            if self.path.is_empty() {
                self.count(leaf, change);
            }
            for &(node, slot) in &self.path {
                self.nodes[node as usize].resize(slot, change);
            }
        }
    }

    /// Lists `item` right after `after`, or first when `after` is [`NONE`].
    pub(crate) fn insert_after(&mut self, tree: &mut Tree, items: &Items, after: ItemId, item: ItemId) {
        if tree.root == NONE {
            tree.root = self.new_leaf();
            tree.height = 0;
        }
        let before = if after == NONE { None } else { self.spot(after) };
        let (mut at, mut slot) =
            before.map_or_else(|| (self.first_leaf(tree), 0), |(leaf, slot)| (leaf, slot + 1));
        if self.leaves[at as usize].count as usize == CAPACITY {
            self.close();
            (at, slot) = self.split_leaf(tree, items, at, slot);
        }
        self.open_leaf(at);
        let size = items.visible_size(item);
        self.set_leaf(item, at);
        self.leaves[at as usize].insert(slot, item, size);
        self.open.slot = slot;
        self.open.change += size;
        tree.size += size;
    }

    /// Lists `first` and all to its right in an empty tree. O(n), a third of what one insertion each takes.
    pub(crate) fn build(&mut self, tree: &mut Tree, items: &Items, first: ItemId) {
        debug_assert!(tree.root == NONE);
        let mut level = Vec::new();
        let mut at = first;
        while at != NONE {
            let id = self.new_leaf();
            let mut size = Size::ZERO;
            while at != NONE && (self.leaves[id as usize].count as usize) < FILL {
                self.set_leaf(at, id);
                let leaf = &mut self.leaves[id as usize];
                let visible = items.visible_size(at);
                leaf.insert(leaf.count as usize, at, visible);
                size += visible;
                at = items.right(at);
            }
            level.push((id, size));
        }
        tree.height = 0;
        while level.len() > 1 {
            tree.height += 1;
            level = level.chunks(FILL).map(|children| self.build_node(children, tree.height)).collect();
        }
        if let [(root, size)] = level[..] {
            (tree.root, tree.size) = (root, size);
        }
    }

    fn build_node(&mut self, children: &[(u32, Size)], level: u32) -> (u32, Size) {
        let id = self.new_node();
        for (slot, &(child, size)) in children.iter().enumerate() {
            self.nodes[id as usize].insert(slot, child, size);
            self.set_parent(child, id, level);
        }
        (id, self.nodes[id as usize].total())
    }

    /// Takes `item` off its list, if it is listed.
    pub(crate) fn remove(&mut self, tree: &mut Tree, items: &Items, item: ItemId) {
        let Some((at, slot)) = self.spot(item) else { return };
        let size = items.visible_size(item);
        self.set_leaf(item, NONE);
        self.open_leaf(at);
        self.open.slot = slot;
        let leaf = &mut self.leaves[at as usize];
        leaf.remove(slot);
        let (parent, count) = (leaf.parent, leaf.count as usize);
        self.open.change += Size::ZERO - size;
        tree.size += Size::ZERO - size;
        if parent == NONE {
            return;
        }
        if count == 0 {
            self.close();
            self.free_leaves.push(at);
            self.unlink(tree, parent, at, 1);
        } else if count < SPARSE {
            self.merge_leaf(tree, at);
        }
    }

    /// Drops the whole tree, whose items have forgotten their leaves.
    pub(crate) fn clear(&mut self, tree: &mut Tree) {
        self.close();
        let mut level = if tree.root == NONE { Vec::new() } else { vec![tree.root] };
        for _ in 0..tree.height {
            let mut below = Vec::new();
            for &at in &level {
                let node = &self.nodes[at as usize];
                below.extend_from_slice(&node.children[..node.count as usize]);
            }
            self.free_nodes.append(&mut level);
            level = below;
        }
        self.free_leaves.append(&mut level);
        *tree = Tree::EMPTY;
    }

    /// Adds `change` to every count above a leaf.
    fn count(&mut self, leaf: u32, change: Size) {
        let mut child = leaf;
        let mut parent = self.leaves[leaf as usize].parent;
        while parent != NONE {
            let node = &mut self.nodes[parent as usize];
            node.resize(node.slot_of(child), change);
            child = parent;
            parent = node.parent;
        }
    }

    fn first_leaf(&self, tree: &Tree) -> u32 {
        let mut at = tree.root;
        for _ in 0..tree.height {
            at = self.nodes[at as usize].children[0];
        }
        at
    }

    fn new_leaf(&mut self) -> u32 {
        if let Some(at) = self.free_leaves.pop() {
            self.leaves[at as usize] = Leaf::empty();
            return at;
        }
        self.leaves.push(Leaf::empty());
        (self.leaves.len() - 1) as u32
    }

    fn new_node(&mut self) -> u32 {
        if let Some(at) = self.free_nodes.pop() {
            self.nodes[at as usize] = Node::empty();
            return at;
        }
        self.nodes.push(Node::empty());
        (self.nodes.len() - 1) as u32
    }

    fn leaf_size(&self, items: &Items, at: u32) -> Size {
        let leaf = &self.leaves[at as usize];
        let listed = &leaf.items[..leaf.count as usize];
        if !leaf.mixed {
            return Size::uniform(leaf.visible[..listed.len()].iter().sum());
        }
        let mut size = Size::ZERO;
        for &item in listed {
            size += items.visible_size(item);
        }
        size
    }

    /// Makes room in a full leaf; returns where the insertion at `slot` now belongs. An insertion at the
    /// very end opens an empty leaf, so that a document written from front to back has full leaves.
    fn split_leaf(&mut self, tree: &mut Tree, items: &Items, at: u32, slot: usize) -> (u32, usize) {
        let keep = if slot == CAPACITY { CAPACITY } else { CAPACITY / 2 };
        let new = self.new_leaf();
        let source = &mut self.leaves[at as usize];
        let mut moved = source.clone();
        source.truncate(keep);
        moved.items.copy_within(keep..CAPACITY, 0);
        moved.visible.copy_within(keep..CAPACITY, 0);
        moved.truncate(CAPACITY - keep);
        for &item in &moved.items[..moved.count as usize] {
            self.set_leaf(item, new);
        }
        self.leaves[new as usize] = moved;
        let size = self.leaf_size(items, new);
        let parent = self.leaves[at as usize].parent;
        let parent = self.insert_child(tree, parent, at, new, size, 1);
        self.leaves[new as usize].parent = parent;
        if slot >= keep { (new, slot - keep) } else { (at, slot) }
    }

    /// Lists `new`, split off `child` with `size`, after it in `parent`; returns the node that lists `new`.
    /// `level` is the height of `parent`.
    fn insert_child(
        &mut self,
        tree: &mut Tree,
        parent: u32,
        child: u32,
        new: u32,
        size: Size,
        level: u32,
    ) -> u32 {
        if parent == NONE {
            let root = self.new_node();
            let node = &mut self.nodes[root as usize];
            node.insert(0, child, tree.size - size);
            node.insert(1, new, size);
            self.set_parent(child, root, level);
            tree.root = root;
            tree.height = level;
            return root;
        }
        let slot = self.nodes[parent as usize].slot_of(child);
        let node = &mut self.nodes[parent as usize];
        node.resize(slot, Size::ZERO - size);
        if (node.count as usize) < CAPACITY {
            node.insert(slot + 1, new, size);
            return parent;
        }
        let (at, slot) = self.split_node(tree, parent, slot + 1, size, level);
        self.nodes[at as usize].insert(slot, new, size);
        at
    }

    /// Makes room in a full node for a child of `incoming` size, which the node's own parent counts already.
    fn split_node(
        &mut self,
        tree: &mut Tree,
        at: u32,
        slot: usize,
        incoming: Size,
        level: u32,
    ) -> (u32, usize) {
        let keep = if slot == CAPACITY { CAPACITY - 1 } else { CAPACITY / 2 };
        let new = self.new_node();
        let mut moved = Node::empty();
        let source = &mut self.nodes[at as usize];
        for from in keep..CAPACITY {
            moved.insert(from - keep, source.children[from], source.size_at(from));
        }
        source.truncate(keep);
        let mut size = moved.total();
        if slot >= keep {
            size += incoming;
        }
        let parent = source.parent;
        for &child in &moved.children[..moved.count as usize] {
            self.set_parent(child, new, level);
        }
        self.nodes[new as usize] = moved;
        let parent = self.insert_child(tree, parent, at, new, size, level + 1);
        self.nodes[new as usize].parent = parent;
        if slot >= keep { (new, slot - keep) } else { (at, slot) }
    }

    fn set_parent(&mut self, child: u32, parent: u32, level: u32) {
        if level == 1 {
            self.leaves[child as usize].parent = parent;
        } else {
            self.nodes[child as usize].parent = parent;
        }
    }

    /// Moves a sparse leaf's items into a neighbor under the same parent, if one has room.
    fn merge_leaf(&mut self, tree: &mut Tree, at: u32) {
        let parent = self.leaves[at as usize].parent;
        let slot = self.nodes[parent as usize].slot_of(at);
        let Some((left, right)) =
            self.mergeable_pair(parent, slot, |forest, leaf| forest.leaves[leaf as usize].count as usize)
        else {
            return;
        };
        self.close();
        let (kept, dropped) = self.children_at(parent, left, right);
        let moved = self.leaves[dropped as usize].clone();
        let target = &mut self.leaves[kept as usize];
        let (from, count) = (target.count as usize, moved.count as usize);
        target.items[from..from + count].copy_from_slice(&moved.items[..count]);
        target.visible[from..from + count].copy_from_slice(&moved.visible[..count]);
        target.count += moved.count;
        target.mixed |= moved.mixed;
        for &item in &moved.items[..count] {
            self.set_leaf(item, kept);
        }
        self.free_leaves.push(dropped);
        self.fold(tree, parent, right, 1);
    }

    fn merge_node(&mut self, tree: &mut Tree, at: u32, level: u32) {
        let parent = self.nodes[at as usize].parent;
        let slot = self.nodes[parent as usize].slot_of(at);
        let Some((left, right)) =
            self.mergeable_pair(parent, slot, |forest, node| forest.nodes[node as usize].count as usize)
        else {
            return;
        };
        let (kept, dropped) = self.children_at(parent, left, right);
        let moved = self.nodes[dropped as usize].clone();
        for slot in 0..moved.count as usize {
            let end = self.nodes[kept as usize].count as usize;
            self.nodes[kept as usize].insert(end, moved.children[slot], moved.size_at(slot));
            self.set_parent(moved.children[slot], kept, level);
        }
        self.free_nodes.push(dropped);
        self.fold(tree, parent, right, level + 1);
    }

    fn children_at(&self, parent: u32, left: usize, right: usize) -> (u32, u32) {
        let node = &self.nodes[parent as usize];
        (node.children[left], node.children[right])
    }

    /// The slots of two neighbors, one of them `slot`, whose children fit into one with room to spare.
    fn mergeable_pair(
        &self,
        parent: u32,
        slot: usize,
        count_of: impl Fn(&Self, u32) -> usize,
    ) -> Option<(usize, usize)> {
        let node = &self.nodes[parent as usize];
        let fits = |left: usize, right: usize| {
            count_of(self, node.children[left]) + count_of(self, node.children[right]) <= CAPACITY - SPARSE
        };
        if slot > 0 && fits(slot - 1, slot) {
            Some((slot - 1, slot))
        } else if slot + 1 < node.count as usize && fits(slot, slot + 1) {
            Some((slot, slot + 1))
        } else {
            None
        }
    }

    /// Folds the count of slot `right` into the one before after their children have been merged. `level` is the
    /// height of `parent`.
    fn fold(&mut self, tree: &mut Tree, parent: u32, right: usize, level: u32) {
        self.nodes[parent as usize].fold(right);
        self.after_shrinking(tree, parent, level);
    }

    /// Takes an empty child out of `parent`.
    fn unlink(&mut self, tree: &mut Tree, parent: u32, child: u32, level: u32) {
        let node = &mut self.nodes[parent as usize];
        node.remove(node.slot_of(child));
        self.after_shrinking(tree, parent, level);
    }

    fn after_shrinking(&mut self, tree: &mut Tree, at: u32, level: u32) {
        let node = &self.nodes[at as usize];
        let (parent, count) = (node.parent, node.count as usize);
        if parent == NONE {
            if count == 1 {
                let only = node.children[0];
                self.set_parent(only, NONE, level);
                self.free_nodes.push(at);
                tree.root = only;
                tree.height = level - 1;
            }
        } else if count == 0 {
            self.free_nodes.push(at);
            self.unlink(tree, parent, at, level + 1);
        } else if count < SPARSE {
            self.merge_node(tree, at, level);
        }
    }
}

/// The slot whose range holds `left` when `sizes` are laid end to end; `left` becomes the rest within it.
#[inline]
fn slot_holding(sizes: &[u32], left: &mut u32) -> Option<usize> {
    for (slot, &size) in sizes.iter().enumerate() {
        if *left < size {
            return Some(slot);
        }
        *left -= size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Content, Item, Kind, LocalId};
    use proptest::prelude::*;

    /// A string block of `chars` code points, each of two bytes and one UTF-16 unit if `wide`.
    fn block(chars: u32, wide: bool) -> Item {
        Item {
            client: 0,
            clock: 0,
            len: chars,
            kind: Kind::String,
            keep: false,
            redone: false,
            deleted: false,
            origin: LocalId::NONE,
            right_origin: LocalId::NONE,
            parent: 0,
            key: NONE,
            left: NONE,
            right: NONE,
            content: Content { at: 0, bytes: chars * (1 + u32::from(wide)), chars },
        }
    }

    /// A tree beside the obvious thing: a vector of the same items in the same order.
    #[derive(Default)]
    struct Twins {
        forest: Forest,
        tree: Option<Tree>,
        items: Items,
        order: Vec<ItemId>,
    }

    impl Twins {
        fn insert(&mut self, at: usize, item: Item) {
            let at = at % (self.order.len() + 1);
            let id = self.items.add(&item);
            let after = at.checked_sub(1).map_or(NONE, |before| self.order[before]);
            self.forest.insert_after(self.tree.get_or_insert(Tree::EMPTY), &self.items, after, id);
            self.order.insert(at, id);
        }

        /// Builds the whole tree anew.
        fn rebuild(&mut self) {
            for pair in 0..self.order.len() {
                let right = self.order.get(pair + 1).copied().unwrap_or(NONE);
                self.items.set_right(self.order[pair], right);
            }
            self.forget_leaves();
            let tree = self.tree.get_or_insert(Tree::EMPTY);
            self.forest.clear(tree);
            let first = self.order.first().copied().unwrap_or(NONE);
            self.forest.build(tree, &self.items, first);
        }

        fn forget_leaves(&mut self) {
            for item in 0..self.items.len() {
                self.forest.forget(item as ItemId);
            }
        }

        fn remove(&mut self, at: usize) {
            if let (Some(tree), false) = (&mut self.tree, self.order.is_empty()) {
                let id = self.order.remove(at % self.order.len());
                self.forest.remove(tree, &self.items, id);
            }
        }

        fn hide(&mut self, at: usize) {
            if let (Some(tree), false) = (&mut self.tree, self.order.is_empty()) {
                let id = self.order[at % self.order.len()];
                let size = self.items.visible_size(id);
                self.items.change(id, |item| item.deleted = true);
                self.forest.resize(tree, id, Size::ZERO - size);
            }
        }

        /// Looks an item up as an edit does.
        fn turn_to(&mut self, item: ItemId, unit: Unit) {
            let size_of = |item: &ItemId| self.items.visible_size(*item).in_unit(unit);
            let start = self.order.iter().take_while(|&&other| other != item).map(size_of).sum();
            if size_of(&item) > 0 {
                let tree = self.tree.get_or_insert(Tree::EMPTY);
                let located = self.forest.locate_to_edit(tree, &self.items, start, unit);
                assert_eq!(located, Some(Located { item, start }));
            }
        }

        /// Grows an item as typing does, several times, and reads in between.
        fn grow(&mut self, at: usize, wide: bool) {
            let Some(&id) = self.order.get(at % self.order.len().max(1)) else { return };
            self.turn_to(id, if at.is_multiple_of(3) { Unit::Byte } else { Unit::CodePoint });
            let tree = self.tree.get_or_insert(Tree::EMPTY);
            for _ in 0..3 {
                let old = self.items.visible_size(id);
                self.items.change(id, |item| {
                    item.len += 1;
                    item.content.chars += 1;
                    item.content.bytes += 1 + u32::from(wide);
                });
                self.forest.resize(tree, id, self.items.visible_size(id) - old);
            }
        }

        fn check(&self, unit: Unit) {
            let tree = self.tree.unwrap_or(Tree::EMPTY);
            let mut start = 0;
            let mut key = None;
            for &item in &self.order {
                let size = self.items.visible_size(item).in_unit(unit);
                assert_eq!(self.forest.position(&self.items, item).in_unit(unit), start);
                for index in [start, (start + size).saturating_sub(1)] {
                    if size > 0 {
                        let located = self.forest.locate(&tree, &self.items, index, unit);
                        assert_eq!(located, Some(Located { item, start }));
                    }
                }
                let next = Some(self.forest.order_key(item));
                assert!(key < next);
                key = next;
                start += size;
            }
            assert_eq!(tree.size.in_unit(unit), start);
            assert_eq!(self.forest.locate(&tree, &self.items, start, unit), None);
            assert_eq!(self.forest.last(&tree), self.order.last().copied().unwrap_or(NONE));
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(usize, u32, bool),
        Append(u32),
        Remove(usize),
        Hide(usize),
        Grow(usize, bool),
    }

    fn steps(removals: u32) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (any::<usize>(), 1u32..5, prop::bool::weighted(0.1)).prop_map(|(at, chars, wide)| Step::Insert(at, chars, wide)),
            2 => (1u32..5).prop_map(Step::Append),
            removals => any::<usize>().prop_map(Step::Remove),
            1 => any::<usize>().prop_map(Step::Hide),
            2 => (any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(at, wide)| Step::Grow(at, wide)),
        ];
        prop::collection::vec(step, 1..3000)
    }

    fn run(steps: Vec<Step>, twins: &mut Twins) {
        for step in steps {
            match step {
                Step::Insert(at, chars, wide) => twins.insert(at, block(chars, wide)),
                Step::Append(chars) => twins.insert(twins.order.len(), block(chars, false)),
                Step::Remove(at) => twins.remove(at),
                Step::Hide(at) => twins.hide(at),
                Step::Grow(at, wide) => twins.grow(at, wide),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_tree_equals_a_vector_while_it_grows_and_shrinks(grow in steps(1), open: usize, rebuilt: bool, shrink in steps(20)) {
            let mut twins = Twins::default();
            run(grow, &mut twins);
            twins.grow(open, false);
            for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
                twins.check(unit);
            }
            if rebuilt {
                twins.rebuild();
                twins.check(Unit::CodePoint);
            }
            run(shrink, &mut twins);
            for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
                twins.check(unit);
            }
        }
    }

    #[test]
    fn a_cleared_tree_gives_its_nodes_to_the_next() {
        let mut twins = Twins::default();
        for _ in 0..2 {
            for at in 0..5_000 {
                twins.insert(at, block(1, false));
            }
            twins.check(Unit::Utf16);
            let leaves = twins.forest.leaves.len();
            let mut tree = twins.tree.take().expect("just filled");
            twins.forget_leaves();
            twins.forest.clear(&mut tree);
            twins.order.clear();
            assert_eq!(twins.forest.free_leaves.len(), leaves);
        }
    }
}
