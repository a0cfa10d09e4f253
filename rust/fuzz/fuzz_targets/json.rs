//! Hostile JSON is refused or, once rewritten, says the same in JSON and as a plain value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::{Reader, Writer};
use officina_crdt::{Any, is_json};

fuzz_target!(|text: &str| {
    let value = Any::from_json(text);
    assert_eq!(value.is_some(), is_json(text));
    let Some(value) = value else { return };
    let json = value.to_json();
    assert!(is_json(&json));
    assert_eq!(Any::from_json(&json).expect("own JSON").to_json(), json);
    let mut writer = Writer::new();
    value.encode_into(&mut writer);
    let again = Any::decode_from(&mut Reader::new(writer.as_bytes())).expect("own encoding");
    assert_eq!(again, value);
    assert_eq!(again.to_json(), json);
});
