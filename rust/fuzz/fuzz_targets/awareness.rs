//! An awareness update that decodes encodes to one that decodes the same, and every state in it is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::Writer;
use officina_sync::{decode_awareness, encode_awareness};

fuzz_target!(|update: &[u8]| {
    let Ok(entries) = decode_awareness(update) else { return };
    for state in entries.iter().filter_map(|entry| entry.state) {
        // A peer that nests less deeply than ours allows, so it may refuse what we accept, but never for its syntax.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(state) {
            assert!(error.to_string().contains("recursion limit"), "{state:?}: {error}");
        }
    }
    let mut again = Writer::new();
    encode_awareness(&mut again, entries.iter().copied());
    assert_eq!(decode_awareness(again.as_bytes()).as_ref(), Ok(&entries));
});
