//! A hostile update that fills a document leaves what it leaves in one that holds something already, and what is done
//! then has the same effect.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::MAX_SAFE_INTEGER;
use officina_crdt::{Any, Doc, Input, Listening, StateVector, TypeTag, Unit};

fuzz_target!(|input: &[u8]| {
    let [flags, update @ ..] = input else { return };
    // Clients that the update speaks for as well would write the same ids twice.
    let is_ours = |bytes: &[u8]| bytes[0] >= 0xfe && bytes[1..] == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    if update.windows(8).any(is_ours) {
        return;
    }
    let mut other = Doc::new(MAX_SAFE_INTEGER);
    let list = other.root("\u{0}other", TypeTag::Array).expect("fresh");
    other.insert_values(list, 0, vec![Any::Null]).expect("in range");
    let known = other.state_vector();
    let mut docs = [Doc::new(MAX_SAFE_INTEGER - 1), Doc::new(MAX_SAFE_INTEGER - 1)];
    docs[1].apply_update(&other.encode_update()).expect("own update");
    let filled = docs.each_mut().map(|doc| {
        doc.root("\u{0}other", TypeTag::Array).expect("as before");
        doc.set_tidying(false);
        doc.set_keeps_deleted(flags & 1 == 1);
        let events = (flags & 2 == 2).then_some(Unit::CodePoint);
        doc.begin(Listening { updates: true, events, ..Listening::default() });
        let is_valid = doc.apply_update(update).is_ok();
        let changes = doc.commit();
        (
            is_valid,
            changes.map(|changes| (changes.update().map(<[u8]>::to_vec), changes.deletes, changes.events)),
        )
    });
    assert_eq!(filled[0], filled[1]);
    compare(&docs, &known);
    let [changed, twin] = docs.each_mut().map(change);
    assert_eq!(changed, twin);
    compare(&docs, &known);
});

/// Edits every root; returns what of it could be done.
fn change(doc: &mut Doc) -> Vec<bool> {
    let roots: Vec<_> = doc.roots().skip(1).map(|(_, root, _)| root).collect();
    let edits = roots.into_iter().flat_map(|root| {
        let keys: Vec<_> = doc.entries(root).into_iter().map(|(key, _)| key.to_string()).collect();
        let set: Vec<_> = keys.iter().map(|key| doc.set(root, key, Input::Any(Any::Null)).is_ok()).collect();
        let middle = doc.len(root, Unit::Utf16) / 2;
        let inserted = doc.insert_text(root, middle, "x", Unit::Utf16).is_ok();
        [inserted, doc.delete(root, 0, middle, Unit::Utf16).is_ok()].into_iter().chain(set)
    });
    edits.collect()
}

fn compare([filled, twin]: &[Doc; 2], known: &StateVector) {
    assert_eq!(filled.encode_diff(known), twin.encode_diff(known));
    for (_, root, _) in filled.roots().skip(1) {
        assert_eq!(filled.tree(root), twin.tree(root));
        for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
            assert_eq!(filled.len(root, unit), twin.len(root, unit));
        }
    }
}
