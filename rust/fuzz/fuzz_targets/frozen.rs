//! A forged document file is refused, or opens; then it thaws to a document that freezes and thaws again, or says
//! that it is none and leaves the shell empty.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Doc, Frozen, FrozenError, StateVector, Unit};

/// Magic, version and checksum.
const HEADER: usize = 10;

fuzz_target!(|file: &[u8]| {
    check(file);
    // A checksum stops damage and not a forger.
    if file.len() >= HEADER {
        let checksum = crc32fast::hash(&file[HEADER..]).to_le_bytes();
        check(&[b"OFDOC\x01", &checksum[..], &file[HEADER..]].concat());
    }
});

fn check(file: &[u8]) {
    let Ok(frozen) = Frozen::open(file.into()) else { return };
    StateVector::decode(frozen.state_vector()).expect("checked when it was opened");
    let mut doc = Doc::new(1);
    if let Err(error) = frozen.shell(&mut doc) {
        assert_eq!(error, FrozenError::NotEmpty);
        assert_eq!(doc.roots().count(), 0);
        return;
    }
    for (_, root, _) in doc.roots() {
        let length = frozen.text(root).map(|text| text.encode_utf16().count());
        assert_eq!(frozen.len(root, Unit::Utf16).map(|length| length as usize), length);
    }
    let roots = doc.roots().count();
    if frozen.thaw(&mut doc).is_err() {
        assert!(doc.is_empty());
        assert_eq!(doc.roots().count(), roots);
        return;
    }
    let copy = thawed(&doc.freeze());
    assert_eq!(copy.state_vector(), doc.state_vector());
    // Not compared with the document itself: a forged order of blocks may have put them elsewhere.
    let mut same = Doc::new(2);
    same.apply_update(&doc.encode_update()).expect("own update");
    assert_eq!(copy.encode_update(), same.encode_update());
    assert_eq!(thawed(&copy.freeze()).state_vector(), doc.state_vector());
}

fn thawed(file: &[u8]) -> Doc {
    let frozen = Frozen::open(file.into()).expect("own file");
    let mut doc = Doc::new(2);
    frozen.shell(&mut doc).expect("own file");
    frozen.thaw(&mut doc).expect("own file");
    doc
}
