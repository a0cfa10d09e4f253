//! A hostile plain value is refused or round-trips.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::Any;
use officina_crdt::lib0::{Reader, Writer};

fuzz_target!(|bytes: &[u8]| {
    let mut skipping = Reader::new(bytes);
    let skipped = Any::skip(&mut skipping);
    let mut reader = Reader::new(bytes);
    let decoded = Any::decode_from(&mut reader);
    assert_eq!(skipped.is_ok(), decoded.is_ok());
    let Ok(value) = decoded else { return };
    assert_eq!(skipping.position(), reader.position());
    let mut writer = Writer::new();
    value.encode_into(&mut writer);
    let again = Any::decode_from(&mut Reader::new(writer.as_bytes())).expect("own encoding");
    let mut twice = Writer::new();
    again.encode_into(&mut twice);
    assert_eq!(twice.as_bytes(), writer.as_bytes());
});
