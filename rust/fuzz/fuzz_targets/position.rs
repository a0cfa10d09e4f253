//! A hostile position is refused or encodes to itself; where it is in a document lies within that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Doc, RelativePosition, Unit};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (update, bytes) = input;
    let Ok(position) = RelativePosition::decode(bytes) else { return };
    assert_eq!(RelativePosition::decode(&position.encode()).as_ref(), Ok(&position));
    let mut doc = Doc::new(1);
    if doc.apply_update(update).is_err() {
        return;
    }
    for unit in [Unit::Utf16, Unit::CodePoint, Unit::Byte] {
        let Some((target, index)) = doc.absolute_position(&position, unit) else { continue };
        assert!(index <= doc.len(target, unit));
        if let Ok(again) = doc.relative_position(target, index, unit, position.assoc) {
            assert_eq!(doc.absolute_position(&again, unit), Some((target, index)));
        }
    }
});
