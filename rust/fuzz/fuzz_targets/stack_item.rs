//! Hostile stack items are refused or encode to themselves; undoing them leaves a document that others can follow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::MAX_SAFE_INTEGER;
use officina_crdt::{Doc, Listening, StackItem, Step};

fuzz_target!(|input: (&[u8], Vec<&[u8]>)| {
    let (update, stack) = input;
    let mut items = Vec::new();
    for bytes in stack {
        let Ok(item) = StackItem::decode(bytes) else { return };
        assert_eq!(StackItem::decode(&item.encode()).as_ref(), Ok(&item));
        items.push(item);
    }
    // A client that the update speaks for as well would write the same ids twice.
    if update.windows(8).any(|bytes| bytes == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]) {
        return;
    }
    let mut doc = Doc::new(MAX_SAFE_INTEGER);
    let later = items.split_off(items.len() / 2);
    let early = doc.attach_undo(0, items, Vec::new());
    if doc.apply_update(update).is_err() {
        assert!(doc.is_empty());
        return;
    }
    let mut peer = Doc::new(2);
    peer.set_tidying(false);
    peer.apply_update(&doc.encode_update()).expect("own update");
    let texts = |doc: &Doc| doc.roots().map(|(_, root, _)| doc.text(root)).collect::<Vec<_>>();
    let before = texts(&doc);
    let late = doc.attach_undo(0, later.clone(), later);
    assert_eq!(texts(&doc), before);
    for (manager, step) in [(early, Step::Undo), (late, Step::Redo), (late, Step::Undo), (early, Step::Redo)]
    {
        doc.expand_undo_scope_to_document(manager);
        doc.begin(Listening { updates: true, ..Listening::default() });
        doc.step(manager, step).expect("there is room");
        doc.capture(manager);
        if let Some(changes) = doc.commit() {
            peer.apply_update(changes.update().expect("listened for")).expect("own update");
        }
    }
    assert_eq!(peer.state_vector(), doc.state_vector());
});
