//! XML types: who stands where in the tree, and the tree written out.
//!
//! An element's children are its sequence, its attributes are its map. Nothing is escaped: the string is
//! for people and comparisons, as in Yjs, not for an XML parser.
//!
//! # Source
//! Yjs 13.6, `YXmlFragment`, `YXmlElement`, `YXmlText`.

use crate::any::Any;
use crate::block::{BranchId, Item, ItemId, Kind, NONE};
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::javascript::write_string;
use crate::read::{MAX_DEPTH, TooDeep, Value};
use crate::store::Store;
use crate::update::TypeTag;

/// What an XML element is called that nobody named, such as a root.
pub(crate) const UNNAMED: &str = "UNDEFINED";

/// What JavaScript makes of an object that has no text of its own.
const OBJECT: &str = "[object Object]";

impl Store {
    /// Writes a shared type as its `toString` does in Yjs.
    pub(crate) fn write_xml(&self, branch: BranchId, out: &mut String, depth: usize) -> Result<(), TooDeep> {
        if depth > MAX_DEPTH {
            return Err(TooDeep);
        }
        let found = self.branches.get(branch);
        match found.tag.unwrap_or_else(|| self.likely_tag(branch)) {
            TypeTag::Text => out.push_str(&self.text_of_branch(branch)),
            TypeTag::XmlText => self.write_xml_text(branch, out, depth)?,
            TypeTag::XmlFragment => self.write_children(branch, out, depth)?,
            TypeTag::XmlElement => {
                let name = found.name.as_deref().unwrap_or(UNNAMED).to_lowercase();
                out.push('<');
                out.push_str(&name);
                let mut attributes = self.entries_of(branch);
                attributes.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                for (key, value) in attributes {
                    let mut text = String::new();
                    self.write_value(&value, &mut text, depth)?;
                    write_attribute(key, &text, out);
                }
                out.push('>');
                self.write_children(branch, out, depth)?;
                out.extend(["</", &name, ">"]);
            }
            TypeTag::Array | TypeTag::Map | TypeTag::XmlHook => out.push_str(OBJECT),
        }
        Ok(())
    }

    fn write_children(&self, branch: BranchId, out: &mut String, depth: usize) -> Result<(), TooDeep> {
        let values = self.visible_items(branch).flat_map(|item| self.item_values(&item));
        values.into_iter().try_for_each(|value| self.write_value(&value, out, depth))
    }

    fn write_value(&self, value: &Value, out: &mut String, depth: usize) -> Result<(), TooDeep> {
        match value {
            Value::Any(value) => write_string(value, out),
            Value::Json(text) => write_string(&parse(text), out),
            Value::Type(SharedType(branch)) => self.write_xml(*branch, out, depth + 1)?,
            Value::Doc(_) => out.push_str(OBJECT),
        }
        Ok(())
    }

    /// Writes each run of text, and each embed, inside one tag for every attribute in force.
    fn write_xml_text(&self, branch: BranchId, out: &mut String, depth: usize) -> Result<(), TooDeep> {
        let mut tags: Vec<Tag> = Vec::new();
        let mut run_is_open = false;
        for item in self.written_items(branch) {
            let is_text = item.kind == Kind::String;
            if run_is_open && !is_text {
                close(&tags, out);
            }
            if let Some((key, value)) = self.mark(&item) {
                set_tag(&mut tags, key, &value.to_any());
            } else {
                if !(run_is_open && is_text) {
                    open(&tags, out);
                }
                if is_text {
                    out.push_str(self.text_of(&item));
                } else {
                    for value in self.item_values(&item) {
                        self.write_value(&value, out, depth)?;
                    }
                    close(&tags, out);
                }
            }
            run_is_open = is_text;
        }
        if run_is_open {
            close(&tags, out);
        }
        Ok(())
    }

    /// The text, embeds and marks of a sequence that are not deleted, in order.
    fn written_items(&self, branch: BranchId) -> impl Iterator<Item = Item> {
        let mut at = self.branches.get(branch).start;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let item = self.item(at);
                at = item.right;
                item
            })
        })
        .filter(|item| {
            !item.deleted && matches!(item.kind, Kind::String | Kind::Embed | Kind::Type | Kind::Format)
        })
    }

    /// The type whose block holds this one, and the block itself; [`None`] for a root.
    fn holder(&self, branch: BranchId) -> Option<(BranchId, ItemId)> {
        let item = self.branches.get(branch).item;
        if item == NONE || self.item(item).parent == NONE {
            return None;
        }
        Some((self.item(item).parent, item))
    }

    /// The nearest undeleted neighbor of a type in its sequence, if that is a type as well.
    fn sibling(&self, branch: BranchId, step: impl Fn(&Item) -> ItemId) -> Option<SharedType> {
        let (_, mut at) = self.holder(branch)?;
        loop {
            at = step(&self.item(at));
            if at == NONE {
                return None;
            }
            let item = self.item(at);
            if !item.deleted {
                return (item.kind == Kind::Type).then_some(SharedType(item.content.at));
            }
        }
    }
}

/// One attribute of a stretch of XML text, as the tag around it.
struct Tag {
    name: Box<str>,
    opening: String,
}

fn set_tag(tags: &mut Vec<Tag>, name: &str, value: &Any) {
    let place = tags.binary_search_by(|tag| tag.name.encode_utf16().cmp(name.encode_utf16()));
    match (place, value) {
        (Ok(index), Any::Null) => drop(tags.remove(index)),
        (Err(_), Any::Null) => {}
        (Ok(index), value) => tags[index].opening = opening(name, value),
        (Err(index), value) => tags.insert(index, Tag { name: name.into(), opening: opening(name, value) }),
    }
}

/// A tag whose attributes are what JavaScript's `for … in` finds in the value.
fn opening(name: &str, value: &Any) -> String {
    let of = |value: &Any| {
        let mut text = String::new();
        write_string(value, &mut text);
        text
    };
    let mut attributes: Vec<(String, String)> = match value {
        Any::Object(entries) => entries.iter().map(|(key, value)| (key.to_string(), of(value))).collect(),
        Any::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), of(item))).collect()
        }
        Any::String(text) => {
            let units = text.encode_utf16().enumerate();
            units.map(|(index, unit)| (index.to_string(), String::from_utf16_lossy(&[unit]))).collect()
        }
        _ => Vec::new(),
    };
    attributes.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let mut tag = format!("<{name}");
    for (key, value) in attributes {
        write_attribute(&key, &value, &mut tag);
    }
    tag.push('>');
    tag
}

fn write_attribute(key: &str, value: &str, out: &mut String) {
    out.extend([" ", key, "=\"", value, "\""]);
}

fn open(tags: &[Tag], out: &mut String) {
    out.extend(tags.iter().map(|tag| tag.opening.as_str()));
}

fn close(tags: &[Tag], out: &mut String) {
    out.extend(tags.iter().rev().flat_map(|tag| ["</", &tag.name, ">"]));
}

/// JSON that was checked when it came in.
fn parse(text: &str) -> Any {
    Any::from_json(text).unwrap_or_default()
}

impl Doc {
    /// The name of an XML element or hook.
    #[must_use]
    pub fn name(&self, target: SharedType) -> Option<&str> {
        let branch = self.store.branches.get(target.0);
        branch.name.as_deref().or((branch.tag == Some(TypeTag::XmlElement)).then_some(UNNAMED))
    }

    /// The shared type that holds this one; [`None`] for a root.
    #[must_use]
    pub fn parent(&self, target: SharedType) -> Option<SharedType> {
        self.store.holder(target.0).map(|(parent, _)| SharedType(parent))
    }

    /// The shared type right after this one in the sequence that holds both.
    #[must_use]
    pub fn next_sibling(&self, target: SharedType) -> Option<SharedType> {
        self.store.sibling(target.0, |item| item.right)
    }

    /// The shared type right before this one in the sequence that holds both.
    #[must_use]
    pub fn previous_sibling(&self, target: SharedType) -> Option<SharedType> {
        self.store.sibling(target.0, |item| item.left)
    }

    /// The first element of a sequence, if that is a shared type.
    #[must_use]
    pub fn first_child(&self, target: SharedType) -> Option<SharedType> {
        let first = self.store.visible_items(target.0).next()?;
        (first.kind == Kind::Type).then_some(SharedType(first.content.at))
    }

    /// The shared types in a sequence, in order.
    #[must_use]
    pub fn children(&self, target: SharedType) -> Vec<SharedType> {
        let items = self.store.visible_items(target.0).filter(|item| item.kind == Kind::Type);
        items.map(|item| SharedType(item.content.at)).collect()
    }

    /// All XML types below this one, each before what is in it.
    ///
    /// # Source
    /// Yjs 13.6, `YXmlTreeWalker`.
    #[must_use]
    pub fn descendants(&self, target: SharedType) -> Vec<SharedType> {
        let mut found = Vec::new();
        let mut open = self.children(target);
        open.reverse();
        while let Some(next) = open.pop() {
            found.push(next);
            if matches!(self.tag(next), Some(TypeTag::XmlElement | TypeTag::XmlFragment)) {
                open.extend(self.children(next).into_iter().rev());
            }
        }
        found
    }

    /// An XML type written out: attributes by name, formatting as tags, nothing escaped.
    ///
    /// # Errors
    /// [`TooDeep`] beyond 500 levels of shared types.
    /// # Source
    /// Yjs 13.6, `toString` of the XML types.
    pub fn xml(&self, target: SharedType) -> Result<String, TooDeep> {
        let mut out = String::new();
        self.store.write_xml(target.0, &mut out, 0)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;
    use crate::edit::Input;

    fn fragment(doc: &mut Doc) -> SharedType {
        doc.root("xml", TypeTag::XmlFragment).expect("a fragment")
    }

    fn push(doc: &mut Doc, parent: SharedType, input: Input) -> SharedType {
        let end = doc.len(parent, Unit::Utf16);
        doc.insert_input(parent, end, input).expect("in range").expect("a type")
    }

    fn element(doc: &mut Doc, parent: SharedType, name: &str) -> SharedType {
        push(doc, parent, Input::Element(name.into()))
    }

    fn text(doc: &mut Doc, parent: SharedType, content: &str) -> SharedType {
        let text = push(doc, parent, Input::Type(TypeTag::XmlText));
        doc.insert_text(text, 0, content, Unit::Utf16).expect("in range");
        text
    }

    #[test]
    fn a_tree_is_written_with_attributes_by_name() {
        let mut doc = Doc::new(1);
        let root = fragment(&mut doc);
        let outer = element(&mut doc, root, "DIV");
        for (key, value) in [
            ("b", Any::Integer(1)),
            ("a", Any::Array([Any::Null, Any::Bool(true)].into())),
            ("\u{10000}", Any::Float(0.5)),
            ("\u{ffff}", Any::Null),
        ] {
            doc.set(outer, key, Input::Any(value)).expect("alive");
        }
        text(&mut doc, outer, "hello & ");
        push(&mut doc, outer, Input::Type(TypeTag::XmlElement));
        push(&mut doc, root, Input::Hook("hook".into()));
        let expected = "<div a=\",true\" b=\"1\" \u{10000}=\"0.5\" \u{ffff}=\"null\">hello & \
                        <undefined></undefined></div>[object Object]";
        assert_eq!(doc.xml(root).as_deref(), Ok(expected));
    }

    #[test]
    fn relatives_skip_what_is_deleted() {
        let mut doc = Doc::new(1);
        let root = fragment(&mut doc);
        let [a, b, c] = ["a", "b", "c"].map(|name| element(&mut doc, root, name));
        let inner = text(&mut doc, a, "x");
        doc.delete(root, 1, 1, Unit::Utf16).expect("in range");
        assert_eq!((doc.next_sibling(a), doc.previous_sibling(c)), (Some(c), Some(a)));
        assert_eq!((doc.next_sibling(c), doc.previous_sibling(a)), (None, None));
        assert_eq!((doc.parent(inner), doc.parent(a), doc.parent(root)), (Some(a), Some(root), None));
        assert_eq!((doc.first_child(root), doc.first_child(c)), (Some(a), None));
        assert_eq!(doc.children(root), [a, c]);
        assert_eq!(doc.descendants(root), [a, inner, c]);
        assert_eq!(doc.name(b), Some("b"));
    }

    #[test]
    fn a_root_element_is_called_undefined() {
        let mut doc = Doc::new(1);
        let root = doc.root("root", TypeTag::XmlElement).expect("an element");
        assert_eq!(doc.name(root), Some("UNDEFINED"));
        assert_eq!(doc.xml(root).as_deref(), Ok("<undefined></undefined>"));
    }

    #[test]
    fn formatting_becomes_tags() {
        let mut tags = Vec::new();
        for (name, value) in [
            ("i", r#"{"b":1,"a":"x"}"#),
            ("b", "true"),
            ("s", r#""no""#),
            ("u", r#"["p"]"#),
            ("i", r#"{"c":null}"#),
            ("b", "null"),
        ] {
            set_tag(&mut tags, name, &parse(value));
        }
        let written: Vec<_> = tags.iter().map(|tag| tag.opening.as_str()).collect();
        assert_eq!(written, [r#"<i c="null">"#, r#"<s 0="n" 1="o">"#, r#"<u 0="p">"#]);
    }

    #[test]
    fn a_bottomless_tree_is_refused() {
        let mut doc = Doc::new(1);
        let root = fragment(&mut doc);
        let mut at = root;
        for _ in 0..=MAX_DEPTH {
            at = element(&mut doc, at, "a");
        }
        assert_eq!(doc.xml(root), Err(TooDeep));
        assert_eq!(doc.descendants(root).len(), MAX_DEPTH + 1);
    }
}
