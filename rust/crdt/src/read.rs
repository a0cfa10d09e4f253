//! Reading a shared type with everything in it.

use crate::any::Any;
use crate::block::{BranchId, Kind, NONE};
use crate::doc::Doc;
use crate::edit::{SharedType, Value};
use crate::store::Store;
use crate::update::TypeTag;

/// How deep shared types may nest to be read whole.
const MAX_DEPTH: usize = 500;

/// A shared type and its content, copied out of the document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// A plain value.
    Any(Any),
    /// A value that was written as JSON text.
    Json(Box<str>),
    /// A text.
    Text(String),
    /// A sequence of elements, in order.
    List(Vec<Tree>),
    /// Map entries, keys in the order in which the document first saw them.
    Map(Vec<(Box<str>, Tree)>),
    /// A subdocument, by its guid.
    Doc(Box<str>),
}

/// A document nests shared types deeper than can be read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("shared types are nested deeper than {MAX_DEPTH} levels")]
pub struct TooDeep;

impl Store {
    fn tree(&self, branch: BranchId, depth: usize) -> Result<Tree, TooDeep> {
        if depth > MAX_DEPTH {
            return Err(TooDeep);
        }
        let tag = self.branches.get(branch).tag.unwrap_or_else(|| self.likely_tag(branch));
        Ok(match tag {
            TypeTag::Text | TypeTag::XmlText => Tree::Text(self.text_of_branch(branch)),
            TypeTag::Map | TypeTag::XmlHook => Tree::Map(
                self.entries_of(branch)
                    .into_iter()
                    .map(|(key, value)| Ok((key.into(), self.value_tree(value, depth)?)))
                    .collect::<Result<_, _>>()?,
            ),
            TypeTag::Array | TypeTag::XmlFragment | TypeTag::XmlElement => Tree::List(
                self.visible_items(branch)
                    .flat_map(|item| self.item_values(item))
                    .map(|value| self.value_tree(value, depth))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    fn value_tree(&self, value: Value, depth: usize) -> Result<Tree, TooDeep> {
        Ok(match value {
            Value::Any(value) => Tree::Any(value),
            Value::Json(text) => Tree::Json(text),
            Value::Type(SharedType(branch)) => self.tree(branch, depth + 1)?,
            Value::Doc(guid) => Tree::Doc(guid),
        })
    }

    /// What a root that nobody has opened here looks like, going by its content.
    fn likely_tag(&self, branch: BranchId) -> TypeTag {
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

impl Doc {
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
