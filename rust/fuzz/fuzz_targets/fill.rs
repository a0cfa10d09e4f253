//! A hostile update that fills a document leaves what it leaves in one that holds something already.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::MAX_SAFE_INTEGER;
use officina_crdt::{Any, Doc, StateVector, TypeTag, Unit};

fuzz_target!(|update: &[u8]| {
    // A client that the update speaks for as well would write the same ids twice.
    if update.windows(8).any(|bytes| bytes == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]) {
        return;
    }
    let [mut filled, mut twin] = [Doc::new(1), Doc::new(1)];
    let mut other = Doc::new(MAX_SAFE_INTEGER);
    let list = other.root("\u{0}other", TypeTag::Array).expect("fresh");
    other.insert_values(list, 0, vec![Any::Null]).expect("in range");
    let known: StateVector = other.state_vector();
    twin.apply_update(&other.encode_update()).expect("own update");
    for doc in [&mut filled, &mut twin] {
        doc.root("\u{0}other", TypeTag::Array).expect("as before");
        doc.set_tidying(false);
    }
    if filled.apply_update(update).is_err() {
        return;
    }
    twin.apply_update(update).expect("accepted before");
    assert_eq!(filled.encode_diff(&known), twin.encode_diff(&known));
    for (_, root, _) in filled.roots().skip(1) {
        assert_eq!(filled.tree(root), twin.tree(root));
        for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
            assert_eq!(filled.len(root, unit), twin.len(root, unit));
        }
    }
});
