//! Positions that stay with the content they were made for, whatever is inserted or deleted around it.
//!
//! # Source
//! Yjs 13.6, `RelativePosition`.

use crate::block::{BranchId, Kind, LocalId};
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::{DecodeError, EditError};
use crate::id::Id;
use crate::lib0::{Reader, Writer};
use crate::store::Store;
use crate::tree::{Located, Unit};

/// What a relative position holds on to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// One unit of content.
    Unit(Id),
    /// The beginning or the end of a root, by its name.
    Root(Box<str>),
    /// The beginning or the end of the shared type that this unit brought.
    Type(Id),
}

/// A position in a sequence that every replica understands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePosition {
    /// What it holds on to.
    pub anchor: Anchor,
    /// Negative when it belongs to what is before it, otherwise to what is after it.
    pub assoc: i64,
}

impl RelativePosition {
    fn sticks_left(&self) -> bool {
        self.assoc < 0
    }

    /// Encodes as Yjs does, byte for byte.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let (tag, id) = match &self.anchor {
            Anchor::Unit(id) => (0, Some(id)),
            Anchor::Root(_) => (1, None),
            Anchor::Type(id) => (2, Some(id)),
        };
        writer.byte(tag);
        if let Some(id) = id {
            writer.var_uint(id.client);
            writer.var_uint(u64::from(id.clock));
        }
        if let Anchor::Root(name) = &self.anchor {
            writer.var_string(name);
        }
        writer.var_int(self.sticks_left(), self.assoc.unsigned_abs());
        writer.into_bytes()
    }

    /// Decodes what [`RelativePosition::encode`] or Yjs wrote; old positions end without an association.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let id = |reader: &mut Reader<'_>| Ok(Id { client: reader.var_uint()?, clock: reader.var_u32()? });
        let anchor = match reader.var_uint()? {
            0 => Anchor::Unit(id(&mut reader)?),
            1 => Anchor::Root(reader.var_string()?.into()),
            2 => Anchor::Type(id(&mut reader)?),
            tag => return Err(DecodeError::UnknownTag { what: "relative position", tag, at: 0 }),
        };
        let assoc = if reader.is_at_end() {
            0
        } else {
            let at = reader.position();
            let (negative, magnitude) = reader.var_int()?;
            let max = i64::MAX.unsigned_abs();
            let magnitude = i64::try_from(magnitude).map_err(|_| DecodeError::IntegerTooLarge { at, max })?;
            if negative { -magnitude } else { magnitude }
        };
        reader.finish()?;
        Ok(Self { anchor, assoc })
    }
}

impl Store {
    fn edge(&self, branch: BranchId) -> Anchor {
        let found = self.branches.get(branch);
        match &found.root {
            Some(name) => Anchor::Root((**name).into()),
            None => Anchor::Type(self.global(self.item(found.item).first_id())),
        }
    }

    /// Which unit stands at, or with `before` ends at, an index.
    fn unit_at(
        &self,
        branch: BranchId,
        index: u32,
        unit: Unit,
        before: bool,
    ) -> Result<Option<Id>, EditError> {
        let looked_at = if before { index.checked_sub(1) } else { Some(index) };
        let located = looked_at.and_then(|index| self.locate(branch, index, unit));
        let Some(Located { item, start }) = located else { return Ok(None) };
        let offset = self.utf16_offset(item, index - start, unit);
        let offset = offset.ok_or(EditError::InsideCharacter { index })?;
        let found = self.item(item);
        let clock = found.clock + offset - u32::from(before);
        Ok(Some(self.global(LocalId { client: found.client, clock })))
    }

    /// A known unit, after all that was brought back; [`None`] if it is not known or was collected.
    fn current_unit(&self, id: Id) -> Option<LocalId> {
        if self.clients.next_clock(id.client) <= id.clock {
            return None;
        }
        let unit = self.follow_redone(self.local(id)?);
        (self.item(self.find(unit)).kind != Kind::Gc).then_some(unit)
    }
}

impl Doc {
    /// The position before the unit `index` of a sequence that holds on to what follows or, with a negative
    /// `assoc`, to what precedes it. O(log n).
    ///
    /// # Errors
    /// [`EditError`] when the index is out of range or inside a character, or the type was deleted.
    pub fn relative_position(
        &self,
        target: SharedType,
        index: u32,
        unit: Unit,
        assoc: i64,
    ) -> Result<RelativePosition, EditError> {
        self.store.check_alive(target.0)?;
        let len = self.len(target, unit);
        if index > len {
            return Err(EditError::OutOfRange { index: u64::from(index), len });
        }
        let found = self.store.unit_at(target.0, index, unit, assoc < 0)?;
        let anchor = found.map_or_else(|| self.store.edge(target.0), Anchor::Unit);
        Ok(RelativePosition { anchor, assoc })
    }

    /// Where a relative position is now; [`None`] when what it holds on to has not arrived or has been
    /// collected with its type. Content that an undo brought back counts as the original. O(log n).
    #[must_use]
    pub fn absolute_position(&self, position: &RelativePosition, unit: Unit) -> Option<(SharedType, u32)> {
        let store = &self.store;
        let branch = match &position.anchor {
            Anchor::Unit(id) => {
                return Some(self.position_of_unit(store.current_unit(*id)?, position, unit));
            }
            Anchor::Root(name) => store.branches.roots().find(|&(known, _)| known == &**name)?.1,
            Anchor::Type(id) => {
                let item = store.item(store.find(store.current_unit(*id)?));
                if item.kind != Kind::Type {
                    return None;
                }
                item.content.at
            }
        };
        let target = SharedType(branch);
        Some((target, if position.sticks_left() { 0 } else { self.len(target, unit) }))
    }

    fn position_of_unit(&self, id: LocalId, position: &RelativePosition, unit: Unit) -> (SharedType, u32) {
        let store = &self.store;
        let found = store.find(id);
        let item = store.item(found);
        let target = SharedType(item.parent);
        if store.check_alive(item.parent).is_err() || !store.outline().lists(found) {
            return (target, 0);
        }
        let before = store.start_of(found, unit);
        let within = id.clock - item.clock + u32::from(position.sticks_left());
        let within = if item.is_visible() { store.units_before(&item, within, unit) } else { 0 };
        (target, before + within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::TypeTag;

    fn text(content: &str) -> (Doc, SharedType) {
        let mut doc = Doc::new(1);
        let text = doc.root("text", TypeTag::Text).unwrap();
        doc.insert_text(text, 0, content, Unit::CodePoint).unwrap();
        (doc, text)
    }

    #[test]
    fn a_position_stays_with_its_character() {
        let (mut doc, text) = text("a😀b");
        for (assoc, index, expected) in [(0, 1, 3), (-1, 1, 1), (0, 2, 4), (-1, 2, 4), (0, 3, 5), (-1, 0, 0)]
        {
            let position = doc.relative_position(text, index, Unit::CodePoint, assoc).unwrap();
            let mut doc_after = Doc::new(2);
            doc_after.apply_update(&doc.encode_update()).unwrap();
            let text = doc_after.root("text", TypeTag::Text).unwrap();
            doc_after.insert_text(text, 1, "xy", Unit::CodePoint).unwrap();
            let position = RelativePosition::decode(&position.encode()).unwrap();
            let found = doc_after.absolute_position(&position, Unit::CodePoint);
            assert_eq!(found, Some((text, expected)), "{index} {assoc}");
        }
        doc.delete(text, 0, 3, Unit::CodePoint).unwrap();
    }

    #[test]
    fn a_position_whose_character_is_deleted_is_where_that_was() {
        let (mut doc, text) = text("abcdef");
        let position = doc.relative_position(text, 3, Unit::Utf16, 0).unwrap();
        doc.delete(text, 2, 3, Unit::Utf16).unwrap();
        assert_eq!(doc.absolute_position(&position, Unit::Utf16), Some((text, 2)));
    }

    #[test]
    fn positions_out_of_range_or_inside_a_character_are_refused() {
        let (doc, text) = text("a😀");
        assert!(matches!(
            doc.relative_position(text, 3, Unit::CodePoint, 0),
            Err(EditError::OutOfRange { index: 3, len: 2 })
        ));
        assert!(matches!(
            doc.relative_position(text, 2, Unit::Utf16, 0),
            Err(EditError::InsideCharacter { index: 2 })
        ));
    }

    #[test]
    fn bytes_are_those_of_yjs() {
        let at = |anchor, assoc| RelativePosition { anchor, assoc };
        for (position, bytes) in [
            (at(Anchor::Unit(Id { client: 7, clock: 3 }), 0), &[0, 7, 3, 0][..]),
            (at(Anchor::Root("t".into()), -1), &[1, 1, b't', 0x41]),
            (at(Anchor::Type(Id { client: 7, clock: 3 }), 0), &[2, 7, 3, 0]),
        ] {
            assert_eq!(position.encode(), bytes);
            assert_eq!(RelativePosition::decode(bytes), Ok(position));
        }
        assert_eq!(RelativePosition::decode(&[0, 7, 3]).unwrap().assoc, 0);
        for damaged in [&[][..], &[3, 0], &[0, 7], &[0, 7, 3, 0, 0], &[1, 2, b't']] {
            assert!(RelativePosition::decode(damaged).is_err());
        }
    }
}
