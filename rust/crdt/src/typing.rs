//! Typing that goes on where it was a keystroke ago, with nothing in between: all that an insertion asks was answered then.

use crate::block::{BranchId, ItemId, NONE};
use crate::store::Store;
use crate::tree::{Size, Unit};

/// Where the last insertion of text ended, and what was so then. If it is still so, the next can simply be added there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Typing {
    client: u32,
    branch: BranchId,
    /// The index behind what was inserted.
    end: u32,
    unit: Unit,
    run: ItemId,
    /// [`Items::version`](crate::items::Items::version).
    version: u64,
    /// The end of the arena, which is that of the run's text.
    text_end: usize,
}

impl Default for Typing {
    fn default() -> Self {
        Self { client: NONE, branch: NONE, end: 0, unit: Unit::Utf16, run: NONE, version: 0, text_end: 0 }
    }
}

impl Store {
    /// Remembers that `client` has just inserted text up to index `end`, at the end of `run`.
    #[inline]
    pub(crate) fn begin_typing(
        &mut self,
        client: u32,
        branch: BranchId,
        run: ItemId,
        (end, unit): (u32, Unit),
    ) {
        // In front of format marks it is not the run that decides where text goes.
        if self.branches.get(branch).marks.is_none() {
            let (version, text_end) = (self.items.version(), self.text.len());
            self.typing = Typing { client, branch, end, unit, run, version, text_end };
        }
    }

    /// The block with a client's last units, if it holds `clock`.
    #[inline]
    pub(crate) fn newest_from(&self, client: u32, clock: u32) -> Option<ItemId> {
        let Typing { client: typist, run, version, .. } = self.typing;
        if typist == client && version == self.items.version() {
            return (self.items.clock(run) <= clock).then_some(run);
        }
        self.clients.get(client).last_from(clock)
    }

    /// Inserts text if it goes on where the last insertion ended and nothing has changed since; returns whether it does.
    #[inline]
    pub(crate) fn keep_typing(
        &mut self,
        client: u32,
        branch: BranchId,
        (index, unit): (u32, Unit),
        text: &str,
    ) -> bool {
        let run = self.typing.run;
        let (version, text_end) = (self.items.version(), self.text.len());
        let goes_on = self.typing == Typing { client, branch, end: index, unit, run, version, text_end };
        if !goes_on || text.is_empty() || self.check_growth(client, text.len(), text.len()).is_err() {
            return false;
        }
        let size = Size::of(text);
        self.text.push(text);
        self.forget_encoded(run);
        if size.is_uniform() && !self.items.is_wide(run) {
            self.items.type_on(run, size.utf16);
        } else {
            self.items.append(run, self.item(run).content.at, size);
        }
        self.resize_in_outline(branch, run, size);
        let blocks = self.clients.get_mut(client);
        self.transaction.note_insert(client, blocks.next_clock);
        blocks.next_clock += size.utf16;
        self.typing.end += size.in_unit(unit);
        self.typing.version = self.items.version();
        self.typing.text_end = self.text.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::Any;
    use crate::attributes::{Attributes, Json};
    use crate::doc::Doc;
    use crate::edit::{Input, SharedType};
    use crate::read::Value;
    use crate::update::TypeTag;

    type Change<'a> = &'a dyn Fn(&mut Doc, SharedType);

    /// A document in which `"typed"` has been written into a text in a map.
    fn typist() -> (Doc, SharedType, SharedType) {
        let mut doc = Doc::new(1);
        let map = doc.root("map", TypeTag::Map).expect("fresh");
        doc.set(map, "text", Input::Type(TypeTag::Text)).expect("alive");
        let Some(Value::Type(text)) = doc.entry(map, "text") else { unreachable!() };
        doc.insert_text(text, 0, "[]", Unit::CodePoint).expect("in range");
        doc.insert_text(text, 1, "typed", Unit::CodePoint).expect("in range");
        (doc, map, text)
    }

    /// What another replica makes of all updates: it takes no short cuts.
    fn text_elsewhere(doc: &Doc) -> String {
        let mut other = Doc::new(9);
        other.apply_update(&doc.encode_update()).expect("own update");
        let map = other.root("map", TypeTag::Map).expect("a map");
        let Some(Value::Type(text)) = other.entry(map, "text") else { unreachable!() };
        other.text(text).expect("alive")
    }

    #[test]
    fn what_goes_on_is_one_run_in_every_script_and_unit() {
        for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
            let (mut doc, _, text) = typist();
            let blocks = doc.statistics().blocks;
            let mut index = 6;
            let mut expected = "[typed".to_owned();
            for typed in ["a", "é", "bc", "😀", "", "漢字", "d"] {
                doc.insert_text(text, index, typed, unit).expect("in range");
                index += Size::of(typed).in_unit(unit);
                expected += typed;
            }
            expected += "]";
            assert_eq!(doc.text(text).expect("alive"), expected);
            assert_eq!(text_elsewhere(&doc), expected);
            assert_eq!(doc.len(text, unit), Size::of(&expected).in_unit(unit));
            assert_eq!(doc.statistics().blocks, blocks);
        }
    }

    #[test]
    fn what_happens_in_between_counts() {
        let bold: Attributes = [("b", Json::from_any(&Any::Bool(true)).expect("JSON"))].into_iter().collect();
        let between: [(&str, Change); 6] = [
            ("[typed!]", &|_, _| {}),
            ("[type!]", &|doc, text| doc.delete(text, 5, 1, Unit::CodePoint).expect("in range")),
            ("-[type!d]", &|doc, text| doc.insert_text(text, 0, "-", Unit::CodePoint).expect("in range")),
            ("[typed!", &|doc, text| doc.delete(text, 6, 1, Unit::CodePoint).expect("in range")),
            ("[typed!]", &|doc, text| doc.format(text, 1, 5, Unit::CodePoint, &bold).expect("in range")),
            ("[typed!×]", &|doc, text| {
                let mut other = Doc::new(2);
                other.apply_update(&doc.encode_update()).expect("own update");
                let known = other.state_vector();
                let map = other.root("map", TypeTag::Map).expect("a map");
                let Some(Value::Type(same)) = other.entry(map, "text") else { unreachable!() };
                other.insert_text(same, 6, "×", Unit::CodePoint).expect("in range");
                doc.apply_update(&other.encode_diff(&known)).expect("its update");
                assert_eq!(doc.text(text).expect("alive"), "[typed×]");
            }),
        ];
        for (expected, change) in between {
            let (mut doc, _, text) = typist();
            change(&mut doc, text);
            let index = if expected == "[type!]" { 5 } else { 6 };
            doc.insert_text(text, index, "!", Unit::CodePoint).expect("in range");
            assert_eq!(doc.text(text).expect("alive"), expected);
            assert_eq!(text_elsewhere(&doc), expected);
        }
    }

    #[test]
    fn nobody_goes_on_typing_in_a_text_that_is_gone() {
        let (mut doc, map, text) = typist();
        doc.remove(map, "text").expect("alive");
        assert!(doc.insert_text(text, 6, "!", Unit::CodePoint).is_err());
    }
}
