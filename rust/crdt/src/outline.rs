//! Where everything stands: the trees over the sequences of a document, built when somebody first asks for a position.
//!
//! Most replicas never ask. A server passes updates on, a reader takes a text whole; for both, links from block to block
//! are enough. So a document without an outline is complete, and whoever changes its blocks keeps the outline in step only
//! if there is one.

use crate::block::{BranchId, ItemId};
use crate::branch::Branches;
use crate::items::Items;
use crate::store::Store;
use crate::tree::{Forest, Located, Size, Tree, Unit};

/// The trees of every sequence of a document.
#[derive(Debug)]
pub(crate) struct Outline {
    forest: Forest,
    /// By the number of the shared type; those past the end are empty.
    trees: Vec<Tree>,
}

impl Outline {
    /// Lists everything that is linked. O(n), a third of what listing one after the other takes.
    #[cold]
    fn of(items: &Items, branches: &Branches) -> Self {
        let mut forest = Forest::with_room(items.len());
        let build = |start| {
            let mut tree = Tree::EMPTY;
            forest.build(&mut tree, items, start);
            tree
        };
        let trees = branches.iter().map(|branch| branch.start).map(build).collect();
        forest.shrink();
        Self { forest, trees }
    }

    #[inline]
    fn tree(&self, branch: BranchId) -> &Tree {
        self.trees.get(branch as usize).unwrap_or(&Tree::EMPTY)
    }

    /// The trees, and among them that of a type.
    #[inline]
    fn parts(&mut self, branch: BranchId) -> (&mut Forest, &mut Tree) {
        let at = branch as usize;
        if at >= self.trees.len() {
            self.trees.resize(at + 1, Tree::EMPTY);
        }
        (&mut self.forest, &mut self.trees[at])
    }

    /// The visible length of a sequence.
    #[inline]
    pub(crate) fn size(&self, branch: BranchId) -> Size {
        self.tree(branch).size
    }

    /// Whether an item is in a sequence.
    #[inline]
    pub(crate) fn lists(&self, item: ItemId) -> bool {
        self.forest.lists(item)
    }

    /// The item that holds the visible unit `index`; [`None`] at or past the end.
    pub(crate) fn locate(&self, items: &Items, branch: BranchId, index: u32, unit: Unit) -> Option<Located> {
        self.forest.locate(self.tree(branch), items, index, unit)
    }

    /// The same for an edit, which mostly is near the one before.
    #[inline]
    pub(crate) fn locate_to_edit(
        &mut self,
        items: &Items,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Option<Located> {
        let (forest, tree) = self.parts(branch);
        forest.locate_to_edit(tree, items, index, unit)
    }

    /// How much is visible before an item of a sequence.
    pub(crate) fn position(&self, items: &Items, item: ItemId) -> Size {
        self.forest.position(items, item)
    }

    /// A key that sorts the items of one sequence in document order; valid until the sequence changes.
    pub(crate) fn order_key(&self, item: ItemId) -> u64 {
        self.forest.order_key(item)
    }

    /// The last item of a sequence, deleted or not; [`NONE`](crate::block::NONE) if there is none.
    pub(crate) fn last(&self, branch: BranchId) -> ItemId {
        self.forest.last(self.tree(branch))
    }

    /// Counts that the visible size of an item has changed, if it is listed.
    #[inline]
    pub(crate) fn resize(&mut self, branch: BranchId, item: ItemId, change: Size) {
        if let Some(tree) = self.trees.get_mut(branch as usize) {
            self.forest.resize(tree, item, change);
        }
    }

    /// Lists `item` right after `after`, or first when `after` is [`NONE`](crate::block::NONE).
    #[inline]
    pub(crate) fn insert_after(&mut self, items: &Items, branch: BranchId, after: ItemId, item: ItemId) {
        let (forest, tree) = self.parts(branch);
        forest.insert_after(tree, items, after, item);
    }

    /// Takes an item off its list, if it is listed.
    pub(crate) fn remove(&mut self, items: &Items, branch: BranchId, item: ItemId) {
        if let Some(tree) = self.trees.get_mut(branch as usize) {
            self.forest.remove(tree, items, item);
        }
    }

    /// Takes everything off the list of a type.
    pub(crate) fn clear(&mut self, branch: BranchId, listed: &[ItemId]) {
        for &item in listed {
            self.forest.forget(item);
        }
        let (forest, tree) = self.parts(branch);
        forest.clear(tree);
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.forest.heap_bytes() + self.trees.capacity() * size_of::<Tree>()
    }
}

impl Store {
    /// Where everything stands. O(n) if nobody has asked since the document was loaded.
    #[inline]
    pub(crate) fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| Outline::of(&self.items, &self.branches))
    }

    /// Whether somebody has asked where something stands.
    #[inline]
    pub(crate) fn is_outlined(&self) -> bool {
        self.outline.get().is_some()
    }

    /// Drops the outline, which is built anew when it is asked for: much is about to change.
    pub(crate) fn drop_outline(&mut self) {
        self.outline.take();
    }
}

#[cfg(test)]
mod tests {
    use crate::any::Any;
    use crate::attributes::{Attributes, Json};
    use crate::doc::Doc;
    use crate::edit::Input;
    use crate::tree::Unit;
    use crate::update::TypeTag;

    #[test]
    fn what_is_collected_is_in_no_list_any_more() {
        let mut doc = Doc::new(1);
        let list = doc.root("list", TypeTag::Array).expect("fresh");
        let map = doc.root("map", TypeTag::Map).expect("fresh");
        let inner = doc.insert_input(list, 0, Input::Type(TypeTag::Array)).expect("alive").expect("a type");
        for value in 0..4 {
            doc.insert_values(inner, 0, vec![Any::Integer(value)]).expect("alive");
        }
        doc.delete(list, 0, 1, Unit::Utf16).expect("in range");
        // These take the slots that have become free.
        for value in 0..20 {
            let key = (value % 4).to_string();
            doc.set(map, &key, Input::Any(Any::Integer(value))).expect("alive");
        }
        assert_eq!(doc.len(map, Unit::Utf16), 0);
        assert_eq!(doc.len(list, Unit::Utf16), 0);
    }

    #[test]
    fn marks_that_are_tidied_up_while_a_document_is_loaded_leave_every_position_right() {
        let bold = |on: bool| -> Attributes {
            [("bold", Json::from_any(&Any::Bool(on)).expect("JSON"))].into_iter().collect()
        };
        let mut authors = [Doc::new(1), Doc::new(2)];
        let text = authors[0].root("text", TypeTag::Text).expect("fresh");
        for at in 0..200 {
            authors[0].insert_text(text, at / 2, "ab", Unit::CodePoint).expect("in range");
        }
        let start = authors[0].encode_update();
        authors[1].apply_update(&start).expect("own update");
        for (author, on) in authors.iter_mut().zip([true, false]) {
            let text = author.root("text", TypeTag::Text).expect("as before");
            for at in (0..240).step_by(20) {
                author.format(text, at, at + 15, Unit::CodePoint, &bold(on)).expect("in range");
                author.delete(text, at + 3, 9, Unit::CodePoint).expect("in range");
            }
        }
        let mut loaded = Doc::new(3);
        let text = loaded.root("text", TypeTag::Text).expect("fresh");
        let updates = authors.each_ref().map(Doc::encode_update);
        let merged = crate::merge_updates(&updates.each_ref().map(Vec::as_slice)).expect("own updates");
        loaded.apply_update(&merged).expect("own updates");
        assert_ne!(loaded.delete_set(), {
            let mut untidy = Doc::new(4);
            untidy.set_tidying(false);
            untidy.apply_update(&merged).expect("own updates");
            untidy.delete_set()
        });
        let whole: Vec<_> = loaded.text(text).expect("alive").chars().collect();
        assert_eq!(loaded.len(text, Unit::CodePoint) as usize, whole.len());
        for (at, &character) in (0..).zip(&whole) {
            let found = loaded.text_range(text, at, at + 1, Unit::CodePoint).expect("in range");
            assert_eq!(found, character.to_string());
        }
    }
}
