//! Reading: one element, one entry, a text, or a shared type with everything in it.

use crate::any::Any;
use crate::block::{BranchId, Item, ItemId, Kind, NONE};
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::EditError;
use crate::store::{Payload, Store};
use crate::subdocument::Subdocument;
use crate::tree::{Located, Unit};
use crate::update::TypeTag;

/// One element of a sequence or one entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A plain value.
    Any(Any),
    /// A value that was written as JSON text: old content, or an embed.
    Json(Box<str>),
    /// A shared type.
    Type(SharedType),
    /// A subdocument.
    Doc(Box<Subdocument>),
}

/// How deep shared types may nest to be read whole.
pub(crate) const MAX_DEPTH: usize = 500;

/// A shared type and its content, copied out of the document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// A plain value.
    Any(Any),
    /// A value that was written as JSON text.
    Json(Box<str>),
    /// A text, or an XML type written out as Yjs writes it.
    Text(String),
    /// A sequence of elements, in order.
    List(Vec<Tree>),
    /// Map entries, keys in the order in which the document first saw them.
    Map(Vec<(Box<str>, Tree)>),
    /// A subdocument.
    Doc(Box<Subdocument>),
}

/// A document nests shared types deeper than can be read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("shared types are nested deeper than {MAX_DEPTH} levels")]
pub struct TooDeep;

impl Store {
    pub(crate) fn text_of_branch(&self, branch: BranchId) -> String {
        let room = self.outline.get().map_or(0, |outline| outline.size(branch).bytes);
        let mut text = String::with_capacity(room as usize);
        for item in self.visible_items(branch).filter(|item| item.kind == Kind::String) {
            text.push_str(self.text_of(&item));
        }
        text
    }

    fn text_range(&self, branch: BranchId, start: u32, end: u32, unit: Unit) -> Result<String, EditError> {
        let mut text = String::new();
        let mut index = start;
        let Some(Located { item: mut at, start: item_start }) = self.locate(branch, start, unit) else {
            return Ok(text);
        };
        let mut offset = start - item_start;
        while at != NONE && index < end {
            let item = self.item(at);
            let to = item.visible_size().in_unit(unit).min(offset + (end - index));
            if item.is_visible() && item.kind == Kind::String {
                let byte = |offset, index| {
                    self.byte_offset(at, offset, unit).ok_or(EditError::InsideCharacter { index })
                };
                text.push_str(&self.text_of(&item)[byte(offset, index)?..byte(to, end)?]);
            }
            index += to.saturating_sub(offset);
            offset = 0;
            at = item.right;
        }
        Ok(text)
    }

    /// The entries of a map, keys in the order in which the document first saw them. A mark, which a forged block can
    /// put under a key, is none.
    pub(crate) fn entries_of(&self, branch: BranchId) -> Vec<(&str, Value)> {
        let entries = &self.branches.get(branch).entries;
        let mut alive: Vec<_> = entries.iter().filter(|&(_, item)| self.item(item).is_visible()).collect();
        alive.sort_unstable_by_key(|&(key, _)| key);
        alive
            .into_iter()
            .filter_map(|(key, item)| Some((self.keys.name(key), self.last_value(&self.item(item))?)))
            .collect()
    }

    /// The visible items of a sequence, in order.
    pub(crate) fn visible_items(&self, branch: BranchId) -> impl Iterator<Item = Item> {
        let mut at = self.branches.get(branch).start;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let item = self.item(at);
                at = item.right;
                item
            })
        })
        .filter(Item::is_visible)
    }

    /// The elements of a block, one per unit. Deleted content that has been collected has none.
    pub(crate) fn item_values(&self, item: &Item) -> Vec<Value> {
        match item.kind {
            Kind::Any => self.values_of(item).iter().cloned().map(Value::Any).collect(),
            Kind::Type => vec![Value::Type(SharedType(item.content.at))],
            Kind::String => {
                self.text_of(item).chars().map(|c| Value::Any(Any::String(c.to_string().into()))).collect()
            }
            Kind::Gc | Kind::Deleted | Kind::Format => Vec::new(),
            Kind::Json | Kind::Binary | Kind::Embed | Kind::Doc => match self.payload(item) {
                Some(Payload::Json(strings)) => strings.iter().map(|text| json_value(text)).collect(),
                Some(Payload::Binary(bytes)) => vec![Value::Any(Any::Binary(bytes.clone()))],
                Some(Payload::Embed(json)) => vec![Value::Json(json.clone())],
                Some(Payload::Doc(payload)) => {
                    vec![Value::Doc(payload.described(self.global(item.first_id())).into())]
                }
                Some(Payload::Format(..)) | None => Vec::new(),
            },
        }
    }

    /// The last element of a block: what a map entry shows.
    pub(crate) fn last_value(&self, item: &Item) -> Option<Value> {
        match item.kind {
            Kind::Any => self.values_of(item).last().cloned().map(Value::Any),
            _ => self.item_values(item).pop(),
        }
    }

    pub(crate) fn alive_entry(&self, branch: BranchId, key: &str) -> Option<ItemId> {
        let key = self.keys.id(key)?;
        let item = self.branches.get(branch).entries.get(key)?;
        self.item(item).is_visible().then_some(item)
    }

    fn tree(&self, branch: BranchId, depth: usize) -> Result<Tree, TooDeep> {
        if depth > MAX_DEPTH {
            return Err(TooDeep);
        }
        let tag = self.branches.get(branch).tag.unwrap_or_else(|| self.likely_tag(branch));
        Ok(match tag {
            TypeTag::Text => Tree::Text(self.text_of_branch(branch)),
            TypeTag::XmlText | TypeTag::XmlElement | TypeTag::XmlFragment => {
                let mut xml = String::new();
                self.write_xml(branch, &mut xml, depth)?;
                Tree::Text(xml)
            }
            TypeTag::Map | TypeTag::XmlHook => Tree::Map(
                self.entries_of(branch)
                    .into_iter()
                    .map(|(key, value)| Ok((key.into(), self.value_tree(value, depth)?)))
                    .collect::<Result<_, _>>()?,
            ),
            TypeTag::Array => Tree::List(self.elements(branch, depth)?),
        })
    }

    fn elements(&self, branch: BranchId, depth: usize) -> Result<Vec<Tree>, TooDeep> {
        let room = self.outline.get().map_or(0, |outline| outline.size(branch).utf16);
        let mut list = Vec::with_capacity(room as usize);
        for item in self.visible_items(branch) {
            if item.kind == Kind::Any {
                list.extend(self.values_of(&item).iter().map(|value| Tree::Any(copy(value))));
                continue;
            }
            for value in self.item_values(&item) {
                list.push(self.value_tree(value, depth)?);
            }
        }
        Ok(list)
    }

    fn value_tree(&self, value: Value, depth: usize) -> Result<Tree, TooDeep> {
        Ok(match value {
            Value::Any(value) => Tree::Any(value),
            Value::Json(text) => Tree::Json(text),
            Value::Type(SharedType(branch)) => self.tree(branch, depth + 1)?,
            Value::Doc(subdocument) => Tree::Doc(subdocument),
        })
    }

    /// What a root that nobody has opened here looks like, going by its content.
    pub(crate) fn likely_tag(&self, branch: BranchId) -> TypeTag {
        let found = self.branches.get(branch);
        if found.start == NONE && !found.entries.is_empty() {
            return TypeTag::Map;
        }
        let first = self.visible_items(branch).next();
        if first.is_none_or(|item| matches!(item.kind, Kind::String | Kind::Embed)) {
            TypeTag::Text
        } else {
            TypeTag::Array
        }
    }
}

/// A copy of a value, made in line if it is a number, as most elements of long arrays are.
#[inline]
fn copy(value: &Any) -> Any {
    match *value {
        Any::Integer(number) => Any::Integer(number),
        Any::Float(number) => Any::Float(number),
        ref other => other.clone(),
    }
}

/// JavaScript's `undefined` has no JSON; Yjs writes its name.
fn json_value(text: &str) -> Value {
    if text == "undefined" { Value::Any(Any::Undefined) } else { Value::Json(text.into()) }
}

impl Doc {
    /// Every root, in order of first appearance, with its type if that is known.
    pub fn roots(&self) -> impl Iterator<Item = (&str, SharedType, Option<TypeTag>)> {
        self.store.branches.roots().map(|(name, id)| (name, SharedType(id), self.store.branches.get(id).tag))
    }

    /// What a shared type is; [`None`] for a root that only other replicas have used.
    #[must_use]
    pub fn tag(&self, target: SharedType) -> Option<TypeTag> {
        self.store.branches.get(target.0).tag
    }

    /// Whether a shared type is still part of the document.
    #[must_use]
    pub fn is_alive(&self, target: SharedType) -> bool {
        self.store.check_alive(target.0).is_ok()
    }

    /// The length of a sequence.
    #[must_use]
    pub fn len(&self, target: SharedType, unit: Unit) -> u32 {
        self.store.outline().size(target.0).in_unit(unit)
    }

    /// The text of a sequence, without embeds and formatting.
    ///
    /// # Errors
    /// [`EditError::Gone`] when the type was deleted.
    pub fn text(&self, target: SharedType) -> Result<String, EditError> {
        self.store.check_alive(target.0)?;
        Ok(self.store.text_of_branch(target.0))
    }

    /// The text between two positions, without embeds and formatting. O(log n) and what lies between.
    ///
    /// # Errors
    /// [`EditError`] when the positions are out of range or inside a character.
    pub fn text_range(
        &self,
        target: SharedType,
        start: u32,
        end: u32,
        unit: Unit,
    ) -> Result<String, EditError> {
        self.store.check_alive(target.0)?;
        let len = self.len(target, unit);
        if start > end || end > len {
            return Err(EditError::OutOfRange { index: u64::from(end.max(start)), len });
        }
        self.store.text_range(target.0, start, end, unit)
    }

    /// The element at `index` of a sequence. O(log n).
    #[must_use]
    pub fn get(&self, target: SharedType, index: u32) -> Option<Value> {
        let Located { item, start } = self.store.locate(target.0, index, Unit::Utf16)?;
        let item = self.store.item(item);
        let offset = (index - start) as usize;
        match item.kind {
            Kind::Any => self.store.values_of(&item).get(offset).cloned().map(Value::Any),
            _ => self.store.item_values(&item).into_iter().nth(offset),
        }
    }

    /// The elements of a sequence from `start` to `end`, clamped to its length.
    #[must_use]
    pub fn values(&self, target: SharedType, start: u32, end: u32) -> Vec<Value> {
        let Some(located) = self.store.locate(target.0, start, Unit::Utf16) else { return Vec::new() };
        let count = end.min(self.len(target, Unit::Utf16)).saturating_sub(start) as usize;
        let mut values = Vec::with_capacity(count);
        let mut skip = (start - located.start) as usize;
        let mut at = located.item;
        while at != NONE && values.len() < count {
            let item = self.store.item(at);
            if item.is_visible() {
                let wanted = count - values.len();
                if item.kind == Kind::Any {
                    let plain = self.store.values_of(&item).iter().skip(skip).take(wanted);
                    values.extend(plain.map(|value| Value::Any(copy(value))));
                } else {
                    values.extend(self.store.item_values(&item).into_iter().skip(skip).take(wanted));
                }
                skip = 0;
            }
            at = item.right;
        }
        values
    }

    /// What a map holds under `key`.
    #[must_use]
    pub fn entry(&self, target: SharedType, key: &str) -> Option<Value> {
        self.store.last_value(&self.store.item(self.store.alive_entry(target.0, key)?))
    }

    /// The entries of a map, keys in the order in which the document first saw them.
    #[must_use]
    pub fn entries(&self, target: SharedType) -> Vec<(&str, Value)> {
        self.store.entries_of(target.0)
    }

    /// How many entries a map has.
    #[must_use]
    pub fn entry_count(&self, target: SharedType) -> usize {
        let entries = &self.store.branches.get(target.0).entries;
        entries.iter().filter(|&(_, item)| self.store.item(item).is_visible()).count()
    }

    /// Whether a map has an entry under `key`.
    #[must_use]
    pub fn has_entry(&self, target: SharedType, key: &str) -> bool {
        self.store.alive_entry(target.0, key).is_some()
    }

    /// A shared type with everything in it.
    ///
    /// # Errors
    /// [`TooDeep`] beyond 500 levels of shared types.
    pub fn tree(&self, target: SharedType) -> Result<Tree, TooDeep> {
        self.store.tree(target.0, 0)
    }

    /// What a shared type is or, for a root that nobody has opened here, looks like.
    #[must_use]
    pub fn likely_tag(&self, target: SharedType) -> TypeTag {
        self.tag(target).unwrap_or_else(|| self.store.likely_tag(target.0))
    }
}

#[cfg(test)]
mod tests {
    use crate::any::Any;
    use crate::block::Kind;
    use crate::doc::Doc;
    use crate::edit::Input;
    use crate::lib0::Writer;
    use crate::update::{HAS_ORIGIN, TypeTag};

    #[test]
    fn a_mark_that_a_forged_block_puts_under_a_key_is_no_entry() {
        let mut doc = Doc::new(1);
        let map = doc.root("map", TypeTag::Map).unwrap();
        doc.set(map, "key", Input::Any(Any::Null)).unwrap();
        let mut writer = Writer::new();
        for number in [1, 1, 7, 0] {
            writer.var_uint(number);
        }
        writer.byte(HAS_ORIGIN | Kind::Format as u8);
        for number in [1, 0] {
            writer.var_uint(number);
        }
        for text in ["em", "{}"] {
            writer.var_string(text);
        }
        writer.var_uint(0);
        doc.apply_update(&writer.into_bytes()).unwrap();
        assert!(doc.entries(map).is_empty() && doc.entry(map, "key").is_none());
        assert!(!doc.has_entry(map, "key") && !doc.remove(map, "key").unwrap());
        assert_eq!(doc.entry_count(map), 0);

        doc.set(map, "key", Input::Any(Any::Null)).unwrap();
        assert!(doc.has_entry(map, "key"));
        assert_eq!((doc.entries(map).len(), doc.entry_count(map)), (1, 1));
    }
}
