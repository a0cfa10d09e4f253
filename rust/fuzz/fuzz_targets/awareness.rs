//! An awareness update that decodes encodes to one that decodes the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::Writer;
use officina_sync::{decode_awareness, encode_awareness};

fuzz_target!(|update: &[u8]| {
    let Ok(entries) = decode_awareness(update) else { return };
    let mut again = Writer::new();
    encode_awareness(&mut again, entries.iter().copied());
    assert_eq!(decode_awareness(again.as_bytes()).as_ref(), Ok(&entries));
});
