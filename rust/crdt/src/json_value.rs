//! JSON as JavaScript reads and writes it, to and from [`Any`]: formatting values and embeds are JSON in the
//! V1 format and `any` values in V2, and converting one into the other must give what Yjs gives.

use hashbrown::HashMap;

use crate::any::Any;
use crate::json::is_json;

/// 2⁵³ − 1: whole numbers beyond it are not told apart by JavaScript.
const MAX_SAFE_FLOAT: f64 = 9_007_199_254_740_991.0;

impl Any {
    /// Parses JSON as JavaScript's `JSON.parse` does; [`None`] unless [`is_json`] accepts it.
    ///
    /// Of repeated keys the last wins, and keys come in the order of JavaScript's objects: whole numbers first,
    /// ascending, then the others as written. Half of a surrogate pair becomes U+FFFD. O(n log n).
    ///
    /// # Source
    /// ECMA-262, `JSON.parse` and `OrdinaryOwnPropertyKeys`.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        // Checked once, with its depth, so that what follows can neither fail nor recurse without bound.
        if is_json(text) { Parser { rest: text }.value() } else { None }
    }

    /// Writes JSON as JavaScript's `JSON.stringify` does. What JSON cannot hold: `undefined` is left out of
    /// objects and `null` elsewhere, as are infinities and NaN; a `BigInt` becomes a number, bytes an object of
    /// their indices.
    ///
    /// # Source
    /// ECMA-262, `JSON.stringify` and `Number::toString`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    /// The value with numbers in place of big integers: what is left of them when JSON is read.
    #[expect(clippy::cast_precision_loss, reason = "the nearest number is what is asked for")]
    pub(crate) fn with_numbers(self) -> Self {
        match self {
            Self::BigInt(value) => Self::Float(value as f64),
            Self::Array(items) => Self::Array(items.into_iter().map(Self::with_numbers).collect()),
            Self::Object(entries) => {
                Self::Object(entries.into_iter().map(|(key, value)| (key, value.with_numbers())).collect())
            }
            other => other,
        }
    }

    fn write_json(&self, json: &mut String) {
        match self {
            Self::Undefined | Self::Null => json.push_str("null"),
            Self::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) | Self::BigInt(value) => json.push_str(&value.to_string()),
            Self::Float(value) => write_number(*value, json),
            Self::String(text) => write_string(text, json),
            Self::Binary(bytes) => {
                let entries = bytes.iter().enumerate();
                write_list(json, '{', entries, |(index, byte), json| {
                    json.extend(["\"", &index.to_string(), "\":", &byte.to_string()]);
                });
            }
            Self::Array(items) => write_list(json, '[', items, Self::write_json),
            Self::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (&**key, value)).collect();
                let entries = in_object_order(entries);
                let held = entries.into_iter().filter(|(_, value)| **value != Self::Undefined);
                write_list(json, '{', held, |(key, value), json| {
                    write_string(key, json);
                    json.push(':');
                    value.write_json(json);
                });
            }
        }
    }
}

fn write_list<T>(
    json: &mut String,
    open: char,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    json.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(item, json);
    }
    json.push(if open == '[' { ']' } else { '}' });
}

/// Writes a number as JavaScript does: decimals between 10⁻⁶ and 10²¹, an exponent outside.
pub(crate) fn write_number(value: f64, json: &mut String) {
    let size = value.abs();
    if !value.is_finite() {
        json.push_str("null");
    } else if value == 0.0 {
        json.push('0');
    } else if (1e-6..1e21).contains(&size) {
        json.push_str(&value.to_string());
    } else {
        let scientific = format!("{value:e}");
        json.push_str(&if size < 1.0 { scientific } else { scientific.replace('e', "e+") });
    }
}

fn write_string(text: &str, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                json.extend(["\\u00", if control < '\u{10}' { "0" } else { "1" }]);
                json.extend(char::from_digit(u32::from(control) & 0xf, 16));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

/// Entries as a JavaScript object lists them: each key once, at its first place but with its last value, and
/// array indices before everything else.
fn in_object_order<K: AsRef<str> + Clone, V>(entries: Vec<(K, V)>) -> Vec<(K, V)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    let mut ordered: Vec<(K, V)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if let Some(&place) = places.get(key.as_ref()) {
            ordered[place].1 = value;
        } else {
            places.insert(key.as_ref().to_owned(), ordered.len());
            ordered.push((key, value));
        }
    }
    ordered.sort_by_key(|(key, _)| array_index(key.as_ref()).map_or((1, 0), |index| (0, index)));
    ordered
}

/// The number that `key` writes, if JavaScript takes it for an array index.
pub(crate) fn array_index(key: &str) -> Option<u32> {
    let index = key.parse::<u32>().ok().filter(|&index| index < u32::MAX)?;
    (index.to_string() == key).then_some(index)
}

/// Takes checked JSON apart from the front.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Steps over `token` if it is next.
    fn accept(&mut self, token: &str) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Option<Any> {
        for (word, value) in [("null", Any::Null), ("true", Any::Bool(true)), ("false", Any::Bool(false))] {
            if self.accept(word) {
                return Some(value);
            }
        }
        if self.accept("[") {
            return self.array();
        }
        if self.accept("{") {
            return self.object();
        }
        if self.rest.starts_with('"') {
            return Some(Any::String(self.string()?.into()));
        }
        self.number()
    }

    fn array(&mut self) -> Option<Any> {
        let mut items = Vec::new();
        while !self.accept("]") {
            items.push(self.value()?);
            self.accept(",");
        }
        Some(Any::Array(items.into()))
    }

    fn object(&mut self) -> Option<Any> {
        let mut entries: Vec<(Box<str>, Any)> = Vec::new();
        while !self.accept("}") {
            let key = self.string()?.into();
            self.accept(":");
            entries.push((key, self.value()?));
            self.accept(",");
        }
        Some(Any::Object(in_object_order(entries).into()))
    }

    fn number(&mut self) -> Option<Any> {
        let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let value: f64 = digits.parse().ok()?;
        let is_whole = value.fract() == 0.0 && value.abs() <= MAX_SAFE_FLOAT;
        let is_negative_zero = value == 0.0 && value.is_sign_negative();
        Some(if is_whole && !is_negative_zero { Any::Integer(value as i64) } else { Any::Float(value) })
    }

    fn string(&mut self) -> Option<String> {
        self.skip_space();
        self.rest = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let plain = self.rest.find(['"', '\\'])?;
            text.push_str(&self.rest[..plain]);
            let is_end = self.rest[plain..].starts_with('"');
            self.rest = &self.rest[plain + 1..];
            if is_end {
                return Some(text);
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let escape = rest.next()?;
        self.rest = rest.as_str();
        Some(match escape {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            other => other,
        })
    }

    /// Reads the digits after `\u`, and those of the low surrogate that may follow a high one.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) {
            let before = self.rest;
            if let Some(rest) = before.strip_prefix("\\u") {
                self.rest = rest;
                let second = self.hex()?;
                if (0xdc00..0xe000).contains(&second) {
                    return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                }
                self.rest = before;
            }
        }
        Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Option<u32> {
        let value = u32::from_str_radix(self.rest.get(..4)?, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rewritten(json: &str) -> String {
        Any::from_json(json).expect("valid JSON").to_json()
    }

    #[test]
    fn json_is_rewritten_as_javascript_would_write_it() {
        for (json, expected) in [
            (" null ", "null"),
            ("[ 1 , true,false , [ ] , { } ]", "[1,true,false,[],{}]"),
            (r#"{"b":1,"a":{"x":null},"10":2,"9":3,"b":4}"#, r#"{"9":3,"10":2,"b":4,"a":{"x":null}}"#),
            (
                r#"{"01":1,"4294967295":2,"4294967294":3,"-1":4}"#,
                r#"{"4294967294":3,"01":1,"4294967295":2,"-1":4}"#,
            ),
            (r#""\u0041\ud834\udd1e\n\u001f\/\"\\é""#, "\"A𝄞\\n\\u001f/\\\"\\\\é\""),
            (r#""\ud834x""#, "\"\u{fffd}x\""),
            (r#""\ud834\u0041\udd1e""#, "\"\u{fffd}A\u{fffd}\""),
        ] {
            assert_eq!(rewritten(json), expected);
        }
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (json, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.0", "1"),
            ("-1.50e+1", "-15"),
            ("9007199254740993", "9007199254740992"),
            ("123456789012345678901", "123456789012345680000"),
            ("1e21", "1e+21"),
            ("1.5E300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("0.0000015", "0.0000015"),
            ("1e-7", "1e-7"),
            ("-1.25e-10", "-1.25e-10"),
            ("0.1", "0.1"),
            ("1e400", "null"),
            ("5e-324", "5e-324"),
        ] {
            assert_eq!(rewritten(json), expected, "{json}");
        }
    }

    #[test]
    fn what_json_cannot_hold_becomes_what_javascript_makes_of_it() {
        let bytes = Any::Binary([7, 255].into());
        let object = [("a".into(), Any::Undefined), ("b".into(), Any::Float(f64::NAN)), ("c".into(), bytes)];
        assert_eq!(Any::Object(object.into()).to_json(), r#"{"b":null,"c":{"0":7,"1":255}}"#);
        assert_eq!(Any::Array([Any::Undefined].into()).to_json(), "[null]");
    }

    #[test]
    fn a_big_integer_is_left_as_the_number_that_its_json_is_read_as() {
        let inner = Any::Object([("a".into(), Any::BigInt(73_298_334_481_544_979))].into());
        let big = Any::Array([inner].into());
        assert_eq!(big.to_json(), r#"[{"a":73298334481544979}]"#);
        let json = big.with_numbers().to_json();
        assert_eq!(json, r#"[{"a":73298334481544980}]"#);
        assert_eq!(rewritten(&json), json);
    }

    #[test]
    fn what_is_not_json_is_no_value() {
        for text in ["", "undefined", "[1,]", "{\"a\" 1}", "\"\\x\"", "1 2"] {
            assert_eq!(Any::from_json(text), None, "{text}");
        }
        assert_eq!(Any::from_json(&("[".repeat(200) + &"]".repeat(200))), None);
    }
}
