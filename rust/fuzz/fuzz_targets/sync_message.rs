//! Whatever one peer says, the other stays, and both can be told of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_sync::{Access, Document, Effects, Hub, Limits};

fuzz_target!(|messages: Vec<&[u8]>| {
    let mut hub = Hub::new(Limits::default());
    hub.load("room", Document::empty()).expect("a new hub has no rooms");
    let access = Access { confirm_saved: true, ..Access::default() };
    let [fuzzed, other] = [(); 2].map(|()| hub.open("room", access, 0.0).expect("loaded above"));
    let mut effects = Effects::default();
    let mut records: Vec<Vec<u8>> = Vec::new();
    for message in messages {
        hub.receive(fuzzed, &frame(message), 0.0).expect("not lost");
        hub.tick(0.0, &mut effects);
        assert!(!effects.closes().contains(&other));
        for append in effects.appends() {
            records.push(append.update.to_vec());
            hub.saved("room", append.sequence, true).expect("just handed out");
        }
    }
    // What was logged replays, and adds up to the document.
    let replayed =
        Document::replay(records.iter().map(Vec::as_slice)).expect("every record was decoded before");
    let (_, document) = hub.snapshot("room").expect("loaded above");
    let (replayed, kept) = (replayed.encode().expect("no panic"), document.encode().expect("no panic"));
    let vectors = [&replayed, &kept].map(|update| officina_crdt::state_vector_from_update(update));
    assert_eq!(vectors[0], vectors[1]);
});

/// Masked with zeros, which leaves the payload as it is.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4], payload].concat()
}
