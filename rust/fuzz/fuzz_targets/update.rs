//! Hostile updates, one after the other, into one document: refused whole or integrated, and what has been
//! integrated encodes to an update that gives a document of the same units.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{
    Doc, Listening, StateVector, Unit, diff_update, merge_updates, state_vector_from_update,
};

fuzz_target!(|updates: Vec<&[u8]>| {
    let mut doc = Doc::new(1);
    let mut valid = Vec::new();
    for (count, update) in updates.iter().enumerate() {
        if count % 2 == 1 {
            doc.begin(Listening {
                changes: true,
                updates: true,
                events: Some(Unit::CodePoint),
                subdocuments: true,
            });
        }
        let before = doc.encode_update();
        match doc.apply_update(update) {
            Ok(_) => valid.push(*update),
            Err(_) => assert_eq!(doc.encode_update(), before),
        }
        doc.commit();
    }
    let whole = doc.encode_update();
    let mut copy = Doc::new(2);
    copy.apply_update(&whole).expect("own update");
    assert_eq!(copy.state_vector(), doc.state_vector());
    for root in doc.roots().map(|(_, root, _)| root) {
        drop(doc.tree(root));
    }
    let merged = merge_updates(&valid).expect("each was accepted");
    state_vector_from_update(&merged).expect("own update");
    diff_update(&merged, &StateVector::new()).expect("own update");
});
