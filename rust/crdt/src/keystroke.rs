//! The update of a keystroke, the most frequent one by far: written and read without what larger ones need.
//!
//! ```text
//! keystroke := 1 1 client:varuint clock:varuint block deletes    or, without anything inserted, 0 deletes
//! deletes   := 0 | 1 client:varuint 1 clock:varuint length:varuint
//! ```

use crate::block::{Item, ItemId, Kind, LocalId, NONE};
use crate::branch::Finger;
use crate::delete_set::DeleteSet;
use crate::doc::Doc;
use crate::id::{ClientId, Id};
use crate::lib0::{Reader, Septets};
use crate::store::Store;
use crate::tree::Size;
use crate::update::{HAS_ORIGIN, HAS_RIGHT_ORIGIN};

/// A run of text that goes on where its author's last one ended, and nothing else.
#[derive(Debug, PartialEq, Eq)]
struct Keystroke<'a> {
    client: ClientId,
    clock: u32,
    right_origin: Option<Id>,
    text: &'a str,
}

impl<'a> Keystroke<'a> {
    /// Reads a V1 update; [`None`] if it is anything else, which may be valid or not.
    fn read(update: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(update);
        if (reader.byte().ok()?, reader.byte().ok()?) != (1, 1) {
            return None;
        }
        let client = reader.var_uint().ok()?;
        let clock = reader.var_u32().ok()?;
        let info = reader.byte().ok()?;
        if info & !HAS_RIGHT_ORIGIN != HAS_ORIGIN | Kind::String as u8 {
            return None;
        }
        if reader.var_uint().ok()? != client || reader.var_u32().ok()?.checked_add(1)? != clock {
            return None;
        }
        let right_origin = if info & HAS_RIGHT_ORIGIN == 0 {
            None
        } else {
            Some(Id { client: reader.var_uint().ok()?, clock: reader.var_u32().ok()? })
        };
        if right_origin.is_some_and(|id| id.client == client && id.clock >= clock) {
            return None;
        }
        let text = reader.var_string().ok()?;
        let ends = reader.byte().ok()? == 0 && reader.is_at_end();
        (ends && !text.is_empty()).then_some(Self { client, clock, right_origin, text })
    }
}

impl Doc {
    /// Integrates a V1 update if it is a keystroke that only has to be added to its author's last run; returns
    /// whether it was.
    pub(crate) fn apply_keystroke(&mut self, update: &[u8]) -> bool {
        if self.has_pending() || self.tidies && self.store.marked {
            return false;
        }
        let Some(Keystroke { client, clock, right_origin, text }) = Keystroke::read(update) else {
            return false;
        };
        let Some(slot) = self.store.clients.recall(client) else { return false };
        let size = Size::of(text);
        if self.store.clients.get(slot).next_clock != clock
            || clock.checked_add(size.utf16).is_none()
            || self.store.check_room(update.len(), 0).is_err()
        {
            return false;
        }
        let run = self.store.growing_run(slot, right_origin);
        if !run.is_some_and(|run| self.store.continue_run(slot, run, text, size)) {
            return false;
        }
        self.store.transaction.received = true;
        if !self.is_open() {
            self.store.squeeze();
        }
        true
    }
}

impl Store {
    /// The last run of the client in `slot`, if it ends with text that can grow by a block with this right origin.
    pub(crate) fn growing_run(&self, slot: u32, right_origin: Option<Id>) -> Option<ItemId> {
        let run = self.clients.get(slot).last()?;
        let Item { kind, deleted, keep, key, right, right_origin: known, .. } = self.item(run);
        if kind != Kind::String || deleted || keep || key != NONE {
            return None;
        }
        let next = if right == NONE { LocalId::NONE } else { self.item(right).first_id() };
        let wanted = right_origin.map_or(Some(LocalId::NONE), |id| self.local(id));
        (next == known && wanted == Some(known)).then_some(run)
    }

    /// Continues such a run, as far as its text can; returns whether it did.
    pub(crate) fn continue_run(&mut self, slot: u32, run: ItemId, text: &str, size: Size) -> bool {
        let continued = self.append_as(slot, run, text, size);
        if continued {
            let parent = self.item(run).parent;
            self.branches.get_mut(parent).finger = Finger::NONE;
        }
        continued
    }

    /// Writes the end of a run of ASCII text, if it is short, and at most one deleted range; [`None`] if it is
    /// anything else.
    #[inline]
    pub(crate) fn encode_keystroke(
        &self,
        run: Option<(ItemId, u32)>,
        deletes: &DeleteSet,
        update: &mut Short,
    ) -> Option<()> {
        let mut ranges = deletes.iter();
        let range = ranges.next();
        if ranges.next().is_some() {
            return None;
        }
        match run {
            Some((item, clock)) => self.encode_end_of_run(item, clock, update)?,
            None => update.byte(0),
        }
        update.byte(u8::from(range.is_some()));
        if let Some((client, clocks)) = range {
            update.number(client);
            update.byte(1);
            update.number(clocks.start.into());
            update.number((clocks.end - clocks.start).into());
        }
        Some(())
    }

    /// Writes a run from a clock on.
    #[inline]
    fn encode_end_of_run(&self, item: ItemId, clock: u32, update: &mut Short) -> Option<()> {
        let item = self.item(item);
        let offset = clock - item.clock;
        let is_plain = item.kind == Kind::String && item.content.bytes == item.len && item.key == NONE;
        let is_first = offset == 0 && item.origin.is_none();
        if !is_plain || is_first || item.len - offset > Short::TEXT as u32 {
            return None;
        }
        let (author, start) = (Septets::of(self.clients.get(item.client).client), Septets::of(clock.into()));
        let by = |slot| if slot == item.client { author } else { Septets::of(self.clients.get(slot).client) };
        let (origin_by, origin) = if offset > 0 {
            (author, start.before(clock.into()))
        } else {
            (by(item.origin.client), Septets::of(item.origin.clock.into()))
        };
        let has_right = !item.right_origin.is_none();
        update.byte(1);
        update.byte(1);
        update.septets(author);
        update.septets(start);
        update.byte(Kind::String as u8 | HAS_ORIGIN | if has_right { HAS_RIGHT_ORIGIN } else { 0 });
        update.septets(origin_by);
        update.septets(origin);
        if has_right {
            update.septets(by(item.right_origin.client));
            update.number(item.right_origin.clock.into());
        }
        update.text(&self.text_of(&item).as_bytes()[offset as usize..]);
        Some(())
    }
}

/// An update while it is being written: at most ten numbers as V1 writes them, five more bytes, and a short text.
pub(crate) struct Short {
    bytes: [u8; Short::ROOM + 8],
    len: usize,
}

impl Default for Short {
    fn default() -> Self {
        Self { bytes: [0; Self::ROOM + 8], len: 0 }
    }
}

impl Short {
    const ROOM: usize = 128;
    /// So many bytes of text have room beside everything else.
    const TEXT: usize = 48;

    /// Stores eight bytes at once; those that are not of the number are written over.
    #[inline]
    fn septets(&mut self, Septets { bytes, length }: Septets) {
        // The remainder is what it was; this way no place has to be checked.
        let at = self.len % Self::ROOM;
        self.bytes[at..at + 8].copy_from_slice(&bytes.to_le_bytes());
        self.len += length;
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.septets(Septets { bytes: byte.into(), length: 1 });
    }

    #[inline]
    fn number(&mut self, value: u64) {
        self.septets(Septets::of(value));
    }

    #[inline]
    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        if let &[byte] = text {
            return self.byte(byte);
        }
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doc::Listening;
    use crate::tree::Unit;
    use crate::update::{Encoding, TypeTag};

    /// Edits of one author, and the update of each.
    fn typed(client: ClientId, edits: &[(u32, u32, String)]) -> (Doc, Vec<Vec<u8>>) {
        let mut doc = Doc::new(client);
        let text = doc.root("text", TypeTag::Text).unwrap();
        let mut updates = Vec::new();
        for (at, deleted, inserted) in edits {
            doc.begin(Listening { updates: true, ..Listening::default() });
            let len = doc.len(text, Unit::CodePoint);
            let at = at % (len + 1);
            doc.delete(text, at, (*deleted).min(len - at), Unit::CodePoint).unwrap();
            doc.insert_text(text, at, inserted, Unit::CodePoint).unwrap();
            updates.extend(doc.commit_update());
        }
        (doc, updates)
    }

    fn edits() -> impl Strategy<Value = Vec<(u32, u32, String)>> {
        let at = prop_oneof![3 => Just(0u32), 1 => any::<u32>()];
        let inserted = prop_oneof![6 => "[a-z]{0,2}", 1 => "[é😀a]{1,3}"];
        prop::collection::vec((at, prop_oneof![3 => Just(0u32), 1 => 0u32..4], inserted), 1..80).prop_map(
            |mut edits| {
                // Most go on where the one before ended.
                for edit in 1..edits.len() {
                    if edits[edit].0 == 0 {
                        let (at, _, inserted) = &edits[edit - 1];
                        edits[edit].0 = at.wrapping_add(inserted.chars().count() as u32);
                    }
                }
                edits
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn keystrokes_one_by_one_lead_where_all_at_once_do(edits in edits(), client in prop_oneof![Just(1u64), any::<u64>()]) {
            let (doc, updates) = typed(client, &edits);
            let whole = doc.encode_update();
            let mut one_by_one = Doc::new(7);
            let mut by_v2 = Doc::new(8);
            for update in &updates {
                prop_assert!(one_by_one.apply_update(update).unwrap().changed);
                let update = crate::merge::convert_update(update, Encoding::V1, Encoding::V2).unwrap();
                by_v2.apply_update_as(&update, Encoding::V2).unwrap();
            }
            prop_assert_eq!(&one_by_one.encode_update(), &whole);
            prop_assert_eq!(&by_v2.encode_update(), &whole);
        }

        #[test]
        fn a_keystroke_is_written_like_any_update(edits in edits(), client in prop_oneof![Just(1u64), any::<u64>()]) {
            for update in typed(client, &edits).1 {
                let canonical = crate::merge::convert_update(&update, Encoding::V1, Encoding::V1).unwrap();
                prop_assert_eq!(update, canonical);
            }
        }
    }

    #[test]
    fn the_largest_numbers_and_the_longest_text_have_room() {
        const CLIENT: ClientId = crate::lib0::MAX_SAFE_INTEGER;
        const GONE: u32 = u32::MAX >> 2;
        let gone = |client| {
            let mut writer = crate::lib0::Writer::new();
            for number in [1, 1, client, 0] {
                writer.var_uint(number);
            }
            writer.byte(Kind::Deleted as u8);
            writer.var_uint(1);
            writer.var_string("text");
            writer.var_uint(GONE.into());
            writer.var_uint(0);
            writer.into_bytes()
        };
        for length in [Short::TEXT, Short::TEXT + 1] {
            let mut other = Doc::new(CLIENT - 1);
            other.apply_update(&gone(CLIENT - 1)).unwrap();
            let text = other.root("text", TypeTag::Text).unwrap();
            other.insert_text(text, 0, "xyz", Unit::CodePoint).unwrap();
            let mut doc = Doc::new(CLIENT);
            doc.apply_update(&gone(CLIENT)).unwrap();
            doc.apply_update(&other.encode_update()).unwrap();
            let text = doc.root("text", TypeTag::Text).unwrap();
            doc.insert_text(text, 0, "a", Unit::CodePoint).unwrap();
            let mut copy = Doc::new(1);
            copy.apply_update(&doc.encode_update()).unwrap();

            doc.begin(Listening { updates: true, ..Listening::default() });
            doc.insert_text(text, 1, &"b".repeat(length), Unit::CodePoint).unwrap();
            doc.delete(text, length as u32 + 2, 1, Unit::CodePoint).unwrap();
            copy.apply_update(&doc.commit_update().unwrap()).unwrap();

            assert_eq!(copy.encode_update(), doc.encode_update());
        }
    }

    #[test]
    fn what_is_no_keystroke_is_left_to_the_decoder() {
        let (_, updates) = typed(300, &[(0, 0, "a".into()), (1, 0, "b".into())]);
        let keystroke = &updates[1];
        assert!(Keystroke::read(&updates[0]).is_none());
        assert_eq!(
            Keystroke::read(keystroke),
            Some(Keystroke { client: 300, clock: 1, right_origin: None, text: "b" })
        );
        for len in 0..keystroke.len() {
            assert!(Keystroke::read(&keystroke[..len]).is_none());
        }
        assert!(Keystroke::read(&[&keystroke[..], &[0]].concat()).is_none());
    }

    #[test]
    fn a_known_keystroke_changes_nothing() {
        let (mut doc, updates) = typed(3, &[(0, 0, "a".into()), (1, 0, "b".into()), (2, 0, "c".into())]);
        let whole = doc.encode_update();
        for update in &updates {
            assert!(!doc.apply_update(update).unwrap().changed);
        }
        assert_eq!(doc.encode_update(), whole);
    }
}
