//! Hostile updates are refused or merge, in either encoding; merging what was merged changes nothing more.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{
    DeletedContent, Doc, Encoding, StateVector, diff_update_as, merge_updates_as, state_vector_from_update_as,
};

fuzz_target!(|input: (bool, bool, Vec<&[u8]>)| {
    let (is_first, keeps, updates) = input;
    let encoding = if is_first { Encoding::V1 } else { Encoding::V2 };
    let content = if keeps { DeletedContent::Kept } else { DeletedContent::Dropped };
    let Ok(merged) = merge_updates_as(&updates, encoding, content) else { return };
    let twice = merge_updates_as(&[&merged, &merged], encoding, content).expect("own update");
    assert_eq!(twice, merged);
    let whole = diff_update_as(&merged, &StateVector::new(), encoding).expect("own update");
    let mut doc = Doc::new(1);
    doc.apply_update_as(&merged, encoding).expect("own update");
    let mut same = Doc::new(1);
    same.apply_update_as(&whole, encoding).expect("own update");
    assert_eq!(same.encode_update(), doc.encode_update());
    state_vector_from_update_as(&merged, encoding).expect("own update");
});
