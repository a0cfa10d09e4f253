//! What changed in a sequence between two versions of its document.

use std::collections::BTreeMap;

use crate::block::{Item, Kind, NONE};
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::EditError;
use crate::id::Id;
use crate::read::Value;
use crate::snapshot::Snapshot;
use crate::store::{Payload, Store};
use crate::tree::Unit;

/// One part of a difference, to be read from the start of the old version.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// So many units are in both.
    Retain(u32),
    /// So many units are in the old version only.
    Delete(u32),
    /// Text is in the new version only.
    Text(String),
    /// An element is in the new version only.
    Value(Value),
}

/// Formatting by name, as JSON; `null` where it ended.
pub type Formatting = BTreeMap<Box<str>, Box<str>>;

/// The formatting at one place in both versions.
#[derive(Default)]
struct Marks {
    old: Formatting,
    new: Formatting,
}

impl Marks {
    /// What has to be changed to get from the old formatting to the new.
    fn change(&self) -> Formatting {
        let gone = self.old.keys().filter(|name| !self.new.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), "null".into()));
        let set = self.new.iter().filter(|(name, value)| self.old.get(*name) != Some(*value));
        gone.chain(set.map(|(name, value)| (name.clone(), value.clone()))).collect()
    }
}

fn set_mark(marks: &mut Formatting, name: &str, value: &str) {
    if value == "null" {
        marks.remove(name);
    } else {
        marks.insert(name.into(), value.into());
    }
}

/// Adds a part; one of the same kind and formatting as the last joins it.
fn push(parts: &mut Vec<(Difference, Formatting)>, part: Difference, formatting: Formatting) {
    if let Some((last, last_formatting)) = parts.last_mut()
        && *last_formatting == formatting
    {
        match (last, &part) {
            (Difference::Retain(count), Difference::Retain(more))
            | (Difference::Delete(count), Difference::Delete(more)) => return *count += more,
            (Difference::Text(text), Difference::Text(more)) => return text.push_str(more),
            _ => {}
        }
    }
    parts.push((part, formatting));
}

/// The clocks within an item at which a version begins or ceases to show it.
fn edges(item: &Item, client: u64, version: &Snapshot, edges: &mut Vec<u32>) {
    let state = version.state.get(client);
    if item.clock < state && state < item.end() {
        edges.push(state);
    }
    for range in version.deletes.overlap(client, item.clock..item.end()) {
        edges.extend([range.start, range.end]);
    }
}

impl Store {
    fn difference(
        &self,
        start: u32,
        old: &Snapshot,
        new: Option<&Snapshot>,
        unit: Unit,
    ) -> Result<Vec<(Difference, Formatting)>, EditError> {
        let mut parts = Vec::new();
        let mut marks = Marks::default();
        let mut at = start;
        while at != NONE {
            let item = self.item(at);
            let client = self.clients.get(item.client).client;
            let mut cuts = vec![item.clock, item.end()];
            edges(&item, client, old, &mut cuts);
            if let Some(new) = new {
                edges(&item, client, new, &mut cuts);
            }
            cuts.sort_unstable();
            cuts.dedup();
            for cut in cuts.windows(2) {
                let id = Id { client, clock: cut[0] };
                let was = old.shows(id);
                let is = new.map_or(!item.deleted, |new| new.shows(id));
                if was || is {
                    self.describe(&item, (cut[0], cut[1]), (was, is), unit, &mut marks, &mut parts)?;
                }
            }
            at = item.right;
        }
        while matches!(parts.last(), Some((Difference::Retain(_), formatting)) if formatting.is_empty()) {
            parts.pop();
        }
        Ok(parts)
    }

    fn describe(
        &self,
        item: &Item,
        (start, end): (u32, u32),
        (was, is): (bool, bool),
        unit: Unit,
        marks: &mut Marks,
        parts: &mut Vec<(Difference, Formatting)>,
    ) -> Result<(), EditError> {
        if matches!(item.kind, Kind::Deleted | Kind::Gc) {
            let client = self.clients.get(item.client).client;
            return Err(EditError::Forgotten(Id { client, clock: start }));
        }
        if let (Kind::Format, Some(Payload::Format(name, value))) = (item.kind, self.payload(item)) {
            if was {
                set_mark(&mut marks.old, name, value);
            }
            if is {
                set_mark(&mut marks.new, name, value);
            }
            return Ok(());
        }
        let (from, to) = (start - item.clock, end - item.clock);
        let count = self.units_before(item, to, unit) - self.units_before(item, from, unit);
        if was {
            let (part, change) = if is {
                (Difference::Retain(count), marks.change())
            } else {
                (Difference::Delete(count), Formatting::new())
            };
            push(parts, part, change);
        } else if item.kind == Kind::String {
            let byte = |utf16| self.units_before(item, utf16, Unit::Byte) as usize;
            let text = self.text_of(item)[byte(from)..byte(to)].to_owned();
            push(parts, Difference::Text(text), marks.new.clone());
        } else {
            for value in self.item_values(item).into_iter().take(to as usize).skip(from as usize) {
                push(parts, Difference::Value(value), marks.new.clone());
            }
        }
        Ok(())
    }
}

impl Doc {
    /// How a sequence of `old` becomes that of `new`, or what it is now: each part with the formatting that it
    /// gets. O(n) in the blocks of the sequence.
    ///
    /// # Errors
    /// [`EditError::Forgotten`] when content that a version shows has been dropped since,
    /// [`EditError::Unknown`] when a version is ahead of the document, [`EditError::Gone`].
    pub fn difference(
        &self,
        target: SharedType,
        old: &Snapshot,
        new: Option<&Snapshot>,
        unit: Unit,
    ) -> Result<Vec<(Difference, Formatting)>, EditError> {
        self.store.check_alive(target.0)?;
        for version in [Some(old), new].into_iter().flatten() {
            for (client, clock) in version.state.iter() {
                if clock > self.store.clients.next_clock(client) {
                    return Err(EditError::Unknown(Id { client, clock: clock - 1 }));
                }
            }
        }
        self.store.difference(self.store.branches.get(target.0).start, old, new, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::TypeTag;

    fn plain(parts: Vec<(Difference, Formatting)>) -> Vec<Difference> {
        parts.into_iter().map(|(part, _)| part).collect()
    }

    #[test]
    fn a_difference_leads_from_one_version_to_the_next_and_back() {
        let mut doc = Doc::new(1);
        doc.set_keeps_deleted(true);
        let text = doc.root("text", TypeTag::Text).unwrap();
        doc.insert_text(text, 0, "hello 😀 world", Unit::CodePoint).unwrap();
        let old = doc.snapshot();
        doc.delete(text, 6, 2, Unit::CodePoint).unwrap();
        doc.insert_text(text, 0, "oh ", Unit::CodePoint).unwrap();
        let new = doc.snapshot();
        doc.insert_text(text, 0, "later", Unit::CodePoint).unwrap();
        let there = doc.difference(text, &old, Some(&new), Unit::CodePoint).unwrap();
        let expected = [Difference::Text("oh ".into()), Difference::Retain(6), Difference::Delete(2)];
        assert_eq!(plain(there), expected);
        let back = doc.difference(text, &new, Some(&old), Unit::CodePoint).unwrap();
        let expected = [Difference::Delete(3), Difference::Retain(6), Difference::Text("😀 ".into())];
        assert_eq!(plain(back), expected);
        let now = doc.difference(text, &new, None, Unit::CodePoint).unwrap();
        assert_eq!(plain(now), [Difference::Text("later".into())]);
    }

    #[test]
    fn a_version_whose_content_was_dropped_has_no_difference() {
        let mut doc = Doc::new(1);
        let text = doc.root("text", TypeTag::Text).unwrap();
        doc.insert_text(text, 0, "hello", Unit::Utf16).unwrap();
        let old = doc.snapshot();
        doc.delete(text, 0, 2, Unit::Utf16).unwrap();
        let found = doc.difference(text, &old, None, Unit::Utf16);
        assert_eq!(found, Err(EditError::Forgotten(Id { client: 1, clock: 0 })));
    }
}
