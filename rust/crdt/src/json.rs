//! Whether a string is JSON that every client can parse. Nothing is built: JSON is passed on as it is.

use serde::de::IgnoredAny;

/// The deepest nesting accepted; some clients parse, compare or write recursively.
const MAX_DEPTH: usize = 128;

/// Whether `text` is one JSON value with at most 128 levels of nesting. O(n), without recursion.
///
/// # Source
/// RFC 8259, which JavaScript's `JSON.parse` accepts exactly.
#[must_use]
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok() && depth(text) <= MAX_DEPTH
}

/// How deep the arrays and objects of valid JSON nest.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while bytes
                    .next()
                    .is_some_and(|inside| inside != b'"' && (inside != b'\\' || bytes.next().is_some()))
                {
                }
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn what_json_parse_accepts_is_accepted() {
        for text in [
            "null",
            " \t\n\r true ",
            "false",
            "0",
            "-0",
            "-1.50e+10",
            "1E9999",
            r#""""#,
            r#""a\"\\\/\b\f\n\r\t\u00e9\ud800""#,
            "\"\u{7f}\u{2028}é🙂\"",
            "[]",
            "[ ]",
            "{}",
            "[[],[{}],{\"\":[]}]",
            r#"{"user":{"name":"Ada","color":"\u0023fff"},"cursor":[1,2.5,-3e-1,null,true]}"#,
        ] {
            assert!(is_json(text), "{text}");
        }
    }

    #[test]
    fn what_json_parse_refuses_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "True",
            "undefined",
            "NaN",
            "Infinity",
            "'a'",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "0x1",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12\"",
            "\"\n\"",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1]",
            "{1:2}",
            "1 2",
            "[]]",
            "\u{feff}1",
            "\u{a0}1",
        ] {
            assert!(!is_json(text), "{text}");
        }
    }

    #[test]
    fn nesting_beyond_128_levels_is_refused() {
        assert!(is_json(&("[".repeat(128) + &"]".repeat(128))));
        assert!(!is_json(&("[".repeat(129) + &"]".repeat(129))));
        assert!(!is_json(&"[".repeat(1_000_000)));
    }
}
