//! Formatting attributes: names with JSON values, as marks carry them and deltas show them.

use std::ops::Deref;
use std::sync::Arc;

use crate::any::Any;
use crate::error::EditError;
use crate::json::is_json;
use crate::json_value::array_index;

/// One JSON value, kept as its text. Copies share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// JSON's `null`: as an attribute, the absence of one.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Writes a value as JavaScript's `JSON.stringify` would; see [`Any::to_json`].
    ///
    /// # Errors
    /// [`EditError::TooDeep`] when the value nests deeper than peers would read.
    pub fn from_any(value: &Any) -> Result<Self, EditError> {
        let text = value.to_json();
        if is_json(&text) { Ok(Self(text.into())) } else { Err(EditError::TooDeep) }
    }

    /// Takes a text that is known to be JSON.
    pub(crate) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The value.
    #[must_use]
    pub fn to_any(&self) -> Any {
        Any::from_json(self).unwrap_or_default()
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.trim_matches(SPACE) == "null"
    }

    /// Whether Yjs takes two values of an attribute for the same: equal numbers, strings and words, one and
    /// the same object, or objects and arrays that are equal one level deep and hold no others.
    ///
    /// # Source
    /// Yjs 13.6, `equalAttrs`; lib0, `equalFlat`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (self.is_container(), other.is_container()) {
            (false, false) => self.is_same_scalar(other),
            (true, true) => is_same_flat(&self.to_any(), &other.to_any()),
            _ => false,
        }
    }

    /// Whether JavaScript's `===` holds: equal numbers, strings and words, or one and the same object.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || !self.is_container() && !other.is_container() && self.is_same_scalar(other)
    }

    fn is_container(&self) -> bool {
        self.trim_start_matches(SPACE).starts_with(['{', '['])
    }

    fn is_same_scalar(&self, other: &Self) -> bool {
        self.0 == other.0 || is_same_scalar(&self.to_any(), &other.to_any())
    }
}

impl Deref for Json {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What JSON allows between its tokens.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

#[expect(clippy::float_cmp, reason = "JavaScript compares exactly")]
fn is_same_scalar(left: &Any, right: &Any) -> bool {
    match (left, right) {
        (Any::Array(_) | Any::Object(_), _) | (_, Any::Array(_) | Any::Object(_)) => false,
        (Any::Integer(_) | Any::Float(_), Any::Integer(_) | Any::Float(_)) => number(left) == number(right),
        _ => left == right,
    }
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
fn number(value: &Any) -> f64 {
    match value {
        Any::Integer(value) => *value as f64,
        Any::Float(value) => *value,
        _ => f64::NAN,
    }
}

/// To JavaScript an array is an object whose keys are its indices.
fn is_same_flat(left: &Any, right: &Any) -> bool {
    let (left, right) = (properties(left), properties(right));
    left.len() == right.len()
        && left.iter().all(|(key, value)| {
            right.iter().any(|(other, found)| other == key && is_same_scalar(value, found))
        })
}

fn properties(value: &Any) -> Vec<(String, &Any)> {
    match value {
        Any::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Any::Object(entries) => entries.iter().map(|(key, value)| (key.to_string(), value)).collect(),
        _ => Vec::new(),
    }
}

/// Attribute names with their values, in the order in which they were set.
///
/// In a change a `null` takes the attribute away; what a text shows holds none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(Box<str>, Json)>);

impl Attributes {
    /// No attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of one, if it is set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| **known == *key).map(|(_, value)| value)
    }

    /// Sets one; one that was set keeps its place.
    pub fn set(&mut self, key: &str, value: Json) {
        match self.0.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, held)) => *held = value,
            None => self.0.push((key.into(), value)),
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| **known != *key);
    }

    /// What stands behind a mark: sets the attribute, or takes it away if the mark says `null`.
    pub(crate) fn pass(&mut self, key: &str, value: &Json) {
        if value.is_null() {
            self.remove(key);
        } else {
            self.set(key, value.clone());
        }
    }

    /// Whether the attribute `key` has this value; one that is not set is `null`.
    pub(crate) fn says(&self, key: &str, value: &Json) -> bool {
        self.get(key).map_or_else(|| value.is_null(), |held| held.is_same(value))
    }

    /// Names and values in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// Names and values in the order in which JavaScript lists an object's properties: whole numbers first.
    ///
    /// # Source
    /// ECMA-262, `OrdinaryOwnPropertyKeys`.
    pub(crate) fn in_object_order(&self) -> Vec<(&str, &Json)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| array_index(key).map_or((1, 0), |index| (0, index)));
        entries
    }
}

impl<'a> FromIterator<(&'a str, Json)> for Attributes {
    fn from_iter<T: IntoIterator<Item = (&'a str, Json)>>(entries: T) -> Self {
        let mut attributes = Self::new();
        for (key, value) in entries {
            attributes.set(key, value);
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(left: &str, right: &str) -> bool {
        Json::checked(left).is_same(&Json::checked(right))
    }

    #[test]
    fn values_are_the_same_as_far_as_javascript_looks() {
        for (left, right) in [
            ("null", " null"),
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0"),
            (r#""A""#, r#""\u0041""#),
            (r#"{"a":1,"b":"x"}"#, r#"{"b":"x","a":1.0}"#),
            ("[]", "{}"),
            ("[true]", r#"{"0":true}"#),
        ] {
            assert!(is_same(left, right), "{left} {right}");
        }
        for (left, right) in [
            ("null", "false"),
            ("0", "null"),
            ("1", "\"1\""),
            ("true", "1"),
            (r#"{"a":1}"#, r#"{"a":2}"#),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            (r#"{"a":{}}"#, r#"{"a":{}}"#),
            ("[[]]", "[[]]"),
            ("null", "{}"),
        ] {
            assert!(!is_same(left, right), "{left} {right}");
        }
        let nested = Json::checked(r#"{"a":{}}"#);
        assert!(nested.is_same(&nested.clone()), "one object is itself");
    }

    #[test]
    fn attributes_come_in_the_order_of_javascript_objects() {
        let value = Json::null();
        let attributes: Attributes =
            ["b", "10", "a", "2", "01", "b"].into_iter().map(|key| (key, value.clone())).collect();
        let keys: Vec<_> = attributes.in_object_order().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["2", "10", "b", "a", "01"]);
    }
}
