//! What a hostile update left can be read in every way and edited; whoever hears of the edits has the same units.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::lib0::MAX_SAFE_INTEGER;
use officina_crdt::{
    Any, Attributes, Doc, EditError, Input, Json, Listening, SharedType, Step, TypeTag, Unit, Value,
};

const UNITS: [Unit; 3] = [Unit::Utf16, Unit::CodePoint, Unit::Byte];

fuzz_target!(|input: (Vec<[u8; 4]>, &[u8])| {
    let (edits, update) = input;
    // A client that the update speaks for as well would write the same ids twice.
    if update.windows(8).any(|bytes| bytes == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]) {
        return;
    }
    let mut doc = Doc::new(MAX_SAFE_INTEGER);
    let manager = doc.attach_undo(0, Vec::new(), Vec::new());
    doc.expand_undo_scope_to_document(manager);
    if doc.apply_update(update).is_err() {
        return;
    }
    let mut peer = Doc::new(2);
    peer.set_tidying(false);
    peer.apply_update(&doc.encode_update()).expect("own update");
    read(&doc);
    for [what, which, at, count] in edits {
        let targets = types(&doc);
        let Some(&target) = targets.get(usize::from(which) % targets.len().max(1)) else { return };
        let before = doc.encode_update();
        doc.begin(Listening {
            changes: true,
            updates: true,
            events: Some(UNITS[usize::from(which) % 3]),
            subdocuments: true,
        });
        let outcome = match what % 12 {
            10 => doc.step(manager, Step::Undo).map(drop),
            11 => doc.step(manager, Step::Redo).map(drop),
            what => edit(&mut doc, target, what, u32::from(at), u32::from(count)),
        };
        doc.capture(manager);
        let changes = doc.commit();
        if outcome.is_err() {
            assert_eq!(doc.encode_update(), before);
        }
        let mut next = changes.as_ref();
        while let Some(changes) = next {
            peer.apply_update(changes.update().expect("listened for")).expect("own update");
            next = changes.tidied.as_deref();
        }
    }
    read(&doc);
    assert_eq!(peer.state_vector(), doc.state_vector());
});

/// Every shared type that can be reached.
fn types(doc: &Doc) -> Vec<SharedType> {
    let mut found: Vec<_> = doc.roots().map(|(_, root, _)| root).collect();
    let mut next = 0;
    while let Some(&target) = found.get(next) {
        let entries = doc.entries(target).into_iter().map(|(_, value)| value);
        found.extend(
            entries.filter_map(|value| if let Value::Type(inner) = value { Some(inner) } else { None }),
        );
        found.extend(doc.children(target));
        next += 1;
    }
    found
}

fn read(doc: &Doc) {
    for target in types(doc) {
        let len = doc.len(target, Unit::Utf16);
        assert_eq!(doc.text_range(target, 0, len, Unit::Utf16), doc.text(target));
        assert_eq!(doc.entries(target).len(), doc.entry_count(target));
        drop((doc.tree(target), doc.xml(target), doc.to_delta(target), doc.values(target, 0, len)));
        drop((doc.descendants(target), doc.next_sibling(target), doc.previous_sibling(target)));
        for unit in UNITS {
            let authors = doc.attribution(target, 0, doc.len(target, unit), unit).expect("in range");
            assert!(authors.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
    drop(doc.subdocuments());
}

fn edit(doc: &mut Doc, target: SharedType, what: u8, at: u32, count: u32) -> Result<(), EditError> {
    let unit = UNITS[count as usize % 3];
    match what {
        0 => doc.insert_text(target, at, "a😀", unit),
        1 => doc.delete(target, at, count, unit),
        2 => doc.insert_values(target, at, vec![Any::Null, Any::Binary([1].into()), Any::Bool(true)]),
        3 => doc.insert_input(target, at, Input::Type(TypeTag::Text)).map(drop),
        4 => doc.set(target, "b", Input::Any(Any::Integer(1))).map(drop),
        5 => doc.remove(target, "b").map(drop),
        6 => doc.move_element(target, at, count).map(drop),
        7 => doc.format(target, at, at + count, unit, &bold("true")),
        8 => doc.format(target, at, at + count, unit, &bold("null")),
        _ => doc.insert_text_with(target, at, "c", unit, &bold("1")),
    }
}

fn bold(value: &str) -> Attributes {
    let value = Json::from_any(&Any::from_json(value).expect("JSON")).expect("flat");
    [("b", value)].into_iter().collect()
}
