//! Whether bytes are JSON that every client can parse. Nothing is built: the server relays awareness states as they are.

/// The deepest nesting accepted; some clients parse or compare recursively.
const MAX_DEPTH: u32 = 128;

/// Whether `text` is one JSON value with at most 128 levels of nesting. O(n), no allocation, no recursion.
///
/// # Source
/// RFC 8259, which JavaScript's `JSON.parse` accepts exactly.
pub(crate) fn is_json(text: &str) -> bool {
    Scanner { rest: text.as_bytes() }.document().is_some()
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        // One bit for each open level, the innermost lowest: 1 for an object, 0 for an array.
        let mut levels: u128 = 0;
        let mut depth = 0;
        loop {
            self.skip_space();
            let opened = match self.rest.first()? {
                b'{' => Some(1),
                b'[' => Some(0),
                _ => None,
            };
            if let Some(kind) = opened {
                if depth == MAX_DEPTH {
                    return None;
                }
                self.rest = &self.rest[1..];
                self.skip_space();
                let close = if kind == 1 { b'}' } else { b']' };
                if !self.take(close) {
                    levels = levels << 1 | kind;
                    depth += 1;
                    if kind == 1 {
                        self.key()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            // A value is complete: close what ends here, or go on to the next member.
            loop {
                self.skip_space();
                if depth == 0 {
                    return self.rest.is_empty().then_some(());
                }
                let in_object = levels & 1 == 1;
                if self.take(b',') {
                    if in_object {
                        self.skip_space();
                        self.key()?;
                    }
                    break;
                }
                self.expect(if in_object { b'}' } else { b']' })?;
                levels >>= 1;
                depth -= 1;
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.expect(b'"')?;
        self.string()?;
        self.skip_space();
        self.expect(b':')
    }

    fn scalar(&mut self) -> Option<()> {
        match self.rest.first()? {
            b'"' => {
                self.rest = &self.rest[1..];
                self.string()
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// The rest of a string, after its opening quote.
    fn string(&mut self) -> Option<()> {
        loop {
            let plain = self.rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
            let special = self.rest[plain];
            self.rest = &self.rest[plain + 1..];
            match special {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let (&kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let (digits, rest) = self.rest.split_first_chunk::<4>()?;
                self.rest = rest;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
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
