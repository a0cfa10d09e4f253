//! A hostile state vector is refused or asks a question that can be answered.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Doc, StateVector, TypeTag, Unit};

fuzz_target!(|bytes: &[u8]| {
    let Ok(state) = StateVector::decode(bytes) else { return };
    assert_eq!(StateVector::decode(&state.encode()).as_ref(), Ok(&state));
    let mut doc = Doc::new(1);
    let text = doc.root("text", TypeTag::Text).expect("a new document");
    doc.insert_text(text, 0, "hello 😀", Unit::CodePoint).expect("in range");
    doc.delete(text, 1, 2, Unit::CodePoint).expect("in range");
    let missing = doc.encode_diff(&state);
    Doc::new(2).apply_update(&missing).expect("own update");
});
