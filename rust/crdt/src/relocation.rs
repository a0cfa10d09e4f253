//! Moving an element of a sequence.

use crate::block::{BranchId, ItemId, KeyId, Kind, NONE};
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::EditError;
use crate::store::Store;
use crate::tree::{Located, Unit};

impl Store {
    /// How much a copy of an item and of all that is alive in it takes: units and bytes of text.
    fn weight(&self, item: ItemId) -> (usize, usize) {
        let (mut units, mut bytes) = (0, 0);
        let mut open = vec![item];
        while let Some(item) = open.pop() {
            let found = self.item(item);
            if found.deleted {
                continue;
            }
            units += found.len as usize;
            bytes += found.content.bytes as usize;
            if found.kind == Kind::Type {
                open.extend(self.children(found.content.at));
            }
        }
        (units, bytes)
    }

    /// Inserts copies of what is alive in one type into another, which is empty, at every depth.
    fn copy_into(&mut self, client: u32, from: BranchId, to: BranchId) {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            let mut last = NONE;
            for child in self.children(from) {
                let found = self.item(child);
                if found.deleted {
                    continue;
                }
                let content = self.copy_content(&found);
                let left = if found.key == NONE { last } else { NONE };
                let copy = self.insert_copy(client, to, found.key, left, NONE, child, content);
                if found.key == NONE {
                    last = copy;
                }
                if found.kind == Kind::Type {
                    open.push((found.content.at, content.at));
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a block has this many sides")]
    fn insert_copy(
        &mut self,
        client: u32,
        parent: BranchId,
        key: KeyId,
        left: ItemId,
        right: ItemId,
        original: ItemId,
        content: crate::block::Content,
    ) -> ItemId {
        let found = self.item(original);
        let copy = self.insert_item(client, parent, key, (left, right), found.kind, found.len, content);
        match found.kind {
            Kind::Type => self.branches.get_mut(content.at).item = copy,
            Kind::Doc => self.note_subdocument_moved(original, copy),
            _ => {}
        }
        copy
    }
}

impl Doc {
    /// Moves the element at `source` of a sequence before the one that is at `destination` now; to the end
    /// when that is the length. The element is deleted and inserted again, so that one that two replicas move
    /// at the same time is there twice; a shared type becomes a new one with the same content, a subdocument
    /// stays the same object.
    ///
    /// Returns the new shared type, if it is one. O(log n) and the size of the element.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn move_element(
        &mut self,
        target: SharedType,
        source: u32,
        destination: u32,
    ) -> Result<Option<SharedType>, EditError> {
        let client = self.client_slot();
        let store = &mut self.store;
        store.check_alive(target.0)?;
        let len = store.outline().size(target.0).in_unit(Unit::Utf16);
        let past = [(source, len), (destination, len + 1)].into_iter().find(|(index, end)| index >= end);
        if let Some((index, _)) = past {
            return Err(EditError::OutOfRange { index: u64::from(index), len });
        }
        if destination == source || destination == source + 1 {
            return Ok(None);
        }
        // Whoever moves the elements of a text must not tear its characters apart.
        for index in [source, source + 1, destination] {
            store.check_boundary(target.0, index, Unit::Utf16)?;
        }
        let located = store.locate(target.0, source, Unit::Utf16);
        let Some(Located { item, start }) = located else { return Ok(None) };
        let (units, bytes) = store.weight(item);
        store.check_growth(client, units, bytes)?;
        let mut item = item;
        if source > start {
            item = store.split(item, source - start);
        }
        if store.item(item).len > 1 {
            store.split(item, 1);
        }
        let (left, right) = store.gap_at(target.0, destination, Unit::Utf16)?;
        let found = store.item(item);
        let content = store.copy_content(&found);
        store.insert_copy(client, target.0, NONE, left, right, item, content);
        let created = (found.kind == Kind::Type).then(|| {
            store.copy_into(client, found.content.at, content.at);
            SharedType(content.at)
        });
        store.delete_within(item, 0, 1);
        self.edited(Ok(created))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::Any;
    use crate::edit::Input;
    use crate::read::Tree;
    use crate::update::TypeTag;

    fn list(count: i64) -> (Doc, SharedType) {
        let mut doc = Doc::new(1);
        let list = doc.root("list", TypeTag::Array).unwrap();
        doc.insert_values(list, 0, (0..count).map(Any::Integer).collect()).unwrap();
        (doc, list)
    }

    fn order(doc: &Doc, list: SharedType) -> Vec<i64> {
        let values = doc.values(list, 0, u32::MAX).into_iter();
        values
            .map(|value| match value {
                crate::read::Value::Any(Any::Integer(value)) => value,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn half_a_character_is_not_moved_and_nothing_is_moved_into_one() {
        let mut doc = Doc::new(1);
        let text = doc.root("text", TypeTag::Text).unwrap();
        doc.insert_text(text, 0, "ab😀c", Unit::Utf16).unwrap();
        for (source, destination, index) in [(2, 0, 3), (3, 0, 3), (0, 3, 3)] {
            let refused = doc.move_element(text, source, destination);
            assert_eq!(refused, Err(EditError::InsideCharacter { index }));
            assert_eq!(doc.text(text).unwrap(), "ab😀c");
        }
        doc.move_element(text, 4, 2).unwrap();
        assert_eq!(doc.text(text).unwrap(), "abc😀");
    }

    #[test]
    fn an_element_moves_before_the_one_at_its_destination() {
        for (source, destination, expected) in [
            (0, 3, [1, 2, 0, 3]),
            (3, 0, [3, 0, 1, 2]),
            (0, 4, [1, 2, 3, 0]),
            (1, 1, [0, 1, 2, 3]),
            (1, 2, [0, 1, 2, 3]),
            (2, 1, [0, 2, 1, 3]),
        ] {
            let (mut doc, list) = list(4);
            doc.move_element(list, source, destination).unwrap();
            assert_eq!(order(&doc, list), expected, "{source} to {destination}");
            let mut other = Doc::new(2);
            other.apply_update(&doc.encode_update()).unwrap();
            assert_eq!(other.tree(list).unwrap(), doc.tree(list).unwrap());
        }
    }

    #[test]
    fn indices_past_the_end_are_refused() {
        let (mut doc, list) = list(2);
        for (source, destination) in [(2, 0), (0, 3)] {
            let refused = doc.move_element(list, source, destination);
            assert!(matches!(refused, Err(EditError::OutOfRange { len: 2, .. })));
        }
        assert_eq!(order(&doc, list), [0, 1]);
    }

    #[test]
    fn a_shared_type_moves_with_everything_in_it() {
        let (mut doc, list) = list(2);
        let map = doc.insert_input(list, 0, Input::Type(TypeTag::Map)).unwrap().unwrap();
        let text = doc.set(map, "text", Input::Type(TypeTag::Text)).unwrap().unwrap();
        doc.insert_text(text, 0, "hello", Unit::Utf16).unwrap();
        doc.delete(text, 1, 3, Unit::Utf16).unwrap();
        doc.set(map, "gone", Input::Any(Any::Null)).unwrap();
        doc.remove(map, "gone").unwrap();
        let before = doc.tree(map).unwrap();
        let moved = doc.move_element(list, 0, 3).unwrap().unwrap();
        assert_eq!(doc.tree(moved).unwrap(), before);
        assert!(!doc.is_alive(map));
        let Tree::List(items) = doc.tree(list).unwrap() else { panic!("not a list") };
        assert_eq!(items[2], before);
        let mut other = Doc::new(2);
        other.apply_update(&doc.encode_update()).unwrap();
        let same = other.root("list", TypeTag::Array).unwrap();
        assert_eq!(other.tree(same).unwrap(), doc.tree(list).unwrap());
    }
}
