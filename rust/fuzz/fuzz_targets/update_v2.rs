//! Hostile V2 updates: refused whole or integrated, and what is accepted says the same in either encoding.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Doc, Encoding, StateVector, convert_update, state_vector_from_update_as};

fuzz_target!(|update: &[u8]| {
    let mut doc = Doc::new(1);
    if doc.apply_update_as(update, Encoding::V2).is_err() {
        assert!(doc.is_empty());
        assert!(convert_update(update, Encoding::V2, Encoding::V1).is_err());
        return;
    }
    let first = convert_update(update, Encoding::V2, Encoding::V1).expect("was accepted");
    let second = convert_update(&first, Encoding::V1, Encoding::V2).expect("own update");
    let mut same = Doc::new(1);
    same.apply_update(&first).expect("own update");
    assert_eq!(same.state_vector(), doc.state_vector());
    let again = convert_update(&second, Encoding::V2, Encoding::V1).expect("own update");
    assert_eq!(again, first);
    // Not compared with the document itself: a forged order of blocks may have put them elsewhere.
    let [mut one, mut two] = [Doc::new(2), Doc::new(2)];
    one.apply_update(&doc.encode_update()).expect("own update");
    two.apply_update_as(&doc.encode_diff_as(&StateVector::new(), Encoding::V2), Encoding::V2)
        .expect("own update");
    assert_eq!(one.state_vector(), doc.state_vector());
    assert_eq!(two.encode_update(), one.encode_update());
    state_vector_from_update_as(update, Encoding::V2).expect("was accepted");
});
