//! A hostile version is refused or encodes to itself; a document shows it or says why not, and stays as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Doc, Snapshot, Unit};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (update, bytes) = input;
    let Ok(version) = Snapshot::decode(bytes) else { return };
    assert_eq!(Snapshot::decode(&version.encode()).as_ref(), Ok(&version));
    let mut doc = Doc::new(1);
    doc.set_keeps_deleted(true);
    if doc.apply_update(update).is_err() {
        return;
    }
    let before = doc.encode_update();
    if let Ok(then) = doc.encode_version(&version) {
        Doc::new(2).apply_update(&then).expect("own update");
    }
    assert_eq!(doc.encode_update(), before);
    let now = doc.snapshot();
    assert_eq!(Snapshot::decode(&now.encode()).as_ref(), Ok(&now));
    doc.encode_version(&now).expect("nothing has been dropped since");
    for (_, root, _) in doc.roots() {
        for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
            drop(doc.difference(root, &version, None, unit));
            drop(doc.difference(root, &now, Some(&version), unit));
        }
    }
});
