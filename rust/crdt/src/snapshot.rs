//! Versions of a document: which units it had, and which of them were deleted.
//!
//! # Source
//! Yjs 13.6, `Snapshot`.

use crate::block::{ItemId, Kind};
use crate::delete_set::DeleteSet;
use crate::doc::Doc;
use crate::error::{DecodeError, EditError};
use crate::id::Id;
use crate::lib0::{Reader, Writer};
use crate::state_vector::StateVector;
use crate::store::Store;
use crate::write::{UpdateWriter, V1Writer};

/// A version of a document, without its content: that is still in the document if it keeps what is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What was deleted.
    pub deletes: DeleteSet,
    /// What had been inserted.
    pub state: StateVector,
}

impl Snapshot {
    /// Whether a unit was there and not deleted.
    #[must_use]
    pub fn shows(&self, id: Id) -> bool {
        id.clock < self.state.get(id.client) && !self.deletes.contains(id.client, id.clock)
    }

    /// Encodes as Yjs does, byte for byte.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.deletes.encode_into(&mut writer);
        writer.bytes(&self.state.encode());
        writer.into_bytes()
    }

    /// Decodes what [`Snapshot::encode`] or Yjs wrote.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let deletes = DeleteSet::decode_from(&mut reader)?;
        let at = reader.position();
        let state = StateVector::decode(&bytes[at..])?;
        Ok(Self { deletes, state })
    }
}

impl Store {
    /// Checks that the document has got as far as a version and still has all that it shows.
    pub(crate) fn check_version(&self, version: &Snapshot) -> Result<(), EditError> {
        for (client, clock) in version.state.iter() {
            if clock > self.clients.next_clock(client) {
                return Err(EditError::Unknown(Id { client, clock: clock - 1 }));
            }
            let Some(slot) = self.clients.slot(client) else { continue };
            for item in self.clients.get(slot).items_from(0).map(|item| self.item(item)) {
                if item.clock >= clock {
                    break;
                }
                if !matches!(item.kind, Kind::Gc | Kind::Deleted) {
                    continue;
                }
                let end = item.end().min(clock);
                let deleted: u32 = version
                    .deletes
                    .overlap(client, item.clock..end)
                    .map(|range| range.end - range.start)
                    .sum();
                if deleted < end - item.clock {
                    return Err(EditError::Forgotten(Id { client, clock: item.clock }));
                }
            }
        }
        Ok(())
    }
}

impl Doc {
    /// The version that the document is now. O(n) in its blocks.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { deletes: self.delete_set(), state: self.state_vector() }
    }

    /// The document as it was in an earlier version, as a V1 update for an empty one. O(n).
    ///
    /// # Errors
    /// [`EditError::Forgotten`] when content that the version shows has been dropped since,
    /// [`EditError::Unknown`] when the version is ahead of the document.
    pub fn encode_version(&self, version: &Snapshot) -> Result<Vec<u8>, EditError> {
        self.store.check_version(version)?;
        let mut states: Vec<_> = version.state.iter().collect();
        states.sort_unstable_by(|a, b| b.cmp(a));
        let mut writer = V1Writer::default();
        writer.rest().var_uint(states.len() as u64);
        for (client, clock) in states {
            let Some(slot) = self.store.clients.slot(client) else { continue };
            let blocks = self.store.clients.get(slot).items_from(0);
            let blocks: Vec<ItemId> =
                blocks.take_while(|&item| self.store.item(item).clock < clock).collect();
            let count_at = writer.open_section(client, 0);
            for &block in &blocks {
                let item = self.store.item(block);
                if item.end() > clock {
                    self.store.encode_head(&item, clock - item.clock, &mut writer);
                } else {
                    self.store.encode_run(&[block], 0, &mut writer);
                }
            }
            writer.close_section(count_at, blocks.len() as u64);
        }
        writer.deletes(&version.deletes);
        Ok(writer.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::Any;
    use crate::edit::SharedType;
    use crate::tree::Unit;
    use crate::update::TypeTag;

    fn keeping(client: u64) -> (Doc, SharedType) {
        let mut doc = Doc::new(client);
        doc.set_keeps_deleted(true);
        let text = doc.root("text", TypeTag::Text).unwrap();
        (doc, text)
    }

    #[test]
    fn a_version_shows_what_was_deleted_later_and_not_what_came_later() {
        let (mut doc, text) = keeping(1);
        doc.insert_text(text, 0, "hello world", Unit::Utf16).unwrap();
        let version = doc.snapshot();
        doc.insert_text(text, 11, "!", Unit::Utf16).unwrap();
        doc.delete(text, 0, 6, Unit::Utf16).unwrap();
        let now = doc.encode_update();
        let mut then = Doc::new(2);
        then.apply_update(&doc.encode_version(&version).unwrap()).unwrap();
        let old = then.root("text", TypeTag::Text).unwrap();
        assert_eq!(then.text(old).unwrap(), "hello world");
        assert_eq!(then.state_vector(), version.state);
        assert_eq!(doc.encode_update(), now);
        assert_eq!(doc.text(text).unwrap(), "world!");
    }

    #[test]
    fn a_character_that_came_right_after_a_version_stays_whole() {
        let (mut doc, text) = keeping(1);
        doc.insert_text(text, 0, "ab", Unit::Utf16).unwrap();
        let version = doc.snapshot();
        doc.insert_text(text, 2, "😀c", Unit::Utf16).unwrap();
        doc.encode_version(&version).unwrap();
        assert_eq!(doc.text(text).unwrap(), "ab😀c");
    }

    #[test]
    fn looking_at_a_version_leaves_the_document_as_it_is_even_where_it_cuts_a_character() {
        let (mut doc, text) = keeping(1);
        doc.insert_text(text, 0, "a", Unit::Utf16).unwrap();
        let version = doc.snapshot();
        doc.insert_text(text, 1, "😀b", Unit::Utf16).unwrap();
        let now = doc.encode_update();
        doc.encode_version(&version).unwrap();
        let forged = Snapshot { deletes: DeleteSet::new(), state: [(1, 2)].into_iter().collect() };
        let mut half = Doc::new(2);
        half.apply_update(&doc.encode_version(&forged).unwrap()).unwrap();
        let old = half.root("text", TypeTag::Text).unwrap();
        assert_eq!(half.text(old).unwrap(), "a\u{fffd}");
        assert_eq!(half.state_vector(), forged.state);
        assert_eq!(doc.text(text).unwrap(), "a😀b");
        assert_eq!(doc.encode_update(), now);
    }

    #[test]
    fn content_that_was_dropped_is_missed_rather_than_left_out() {
        let mut doc = Doc::new(1);
        let list = doc.root("list", TypeTag::Array).unwrap();
        doc.insert_values(list, 0, vec![Any::Null; 3]).unwrap();
        let version = doc.snapshot();
        doc.delete(list, 1, 1, Unit::Utf16).unwrap();
        let missed = Id { client: 1, clock: 1 };
        assert_eq!(doc.encode_version(&version), Err(EditError::Forgotten(missed)));
        assert!(doc.encode_version(&doc.snapshot()).is_ok());
        let stranger = Doc::new(2);
        let newest = Id { client: 1, clock: 2 };
        assert_eq!(stranger.encode_version(&version), Err(EditError::Unknown(newest)));
    }

    #[test]
    fn bytes_are_a_delete_set_and_a_state_vector() {
        let (mut doc, text) = keeping(7);
        doc.insert_text(text, 0, "abc", Unit::Utf16).unwrap();
        doc.delete(text, 1, 1, Unit::Utf16).unwrap();
        let version = doc.snapshot();
        assert_eq!(version.encode(), [1, 7, 1, 1, 1, 1, 7, 3]);
        assert_eq!(Snapshot::decode(&version.encode()), Ok(version));
        for damaged in [&[][..], &[0], &[0, 1], &[0, 0, 0], &[1, 7, 1, 1, 0, 0]] {
            assert!(Snapshot::decode(damaged).is_err());
        }
    }
}
