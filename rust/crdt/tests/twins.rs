//! Replicas against slow, obvious twins: a `Vec` of characters for one text, each other for convergence.

use officina_crdt::{
    Any, Attributes, Changes, Delta, Doc, Encoding, Input, Json, Listening, SharedType, StateVector, TypeTag,
    Unit, Value, convert_update, merge_updates,
};
use proptest::prelude::*;

/// One random edit; positions are taken modulo the length.
#[derive(Debug, Clone)]
enum Edit {
    Insert(u32, String),
    Delete(u32, u32),
}

fn edits(max: usize) -> impl Strategy<Value = Vec<Edit>> {
    let text = prop_oneof![4 => "[a-z]{1,3}", 1 => "[ßñ𝄞😀]{1,3}"];
    let edit = prop_oneof![
        3 => (any::<u32>(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        2 => (any::<u32>(), 1u32..6).prop_map(|(at, count)| Edit::Delete(at, count)),
    ];
    prop::collection::vec(edit, 1..max)
}

fn text_of(doc: &mut Doc) -> SharedType {
    doc.root("text", TypeTag::Text).expect("only ever used as text")
}

fn apply(doc: &mut Doc, edit: &Edit) {
    let text = text_of(doc);
    let len = doc.len(text, Unit::CodePoint);
    match edit {
        Edit::Insert(at, inserted) => {
            doc.insert_text(text, at % (len + 1), inserted, Unit::CodePoint).expect("in range");
        }
        Edit::Delete(at, count) if len > 0 => {
            let at = at % len;
            doc.delete(text, at, (*count).min(len - at), Unit::CodePoint).expect("in range");
        }
        Edit::Delete(..) => {}
    }
}

fn apply_to_twin(twin: &mut Vec<char>, edit: &Edit) {
    let len = twin.len();
    match edit {
        Edit::Insert(at, inserted) => {
            let at = *at as usize % (len + 1);
            twin.splice(at..at, inserted.chars());
        }
        Edit::Delete(at, count) if len > 0 => {
            let at = *at as usize % len;
            twin.drain(at..(at + *count as usize).min(len));
        }
        Edit::Delete(..) => {}
    }
}

fn tag_of(root: &str) -> TypeTag {
    match root {
        "text" => TypeTag::Text,
        "list" => TypeTag::Array,
        _ => TypeTag::Map,
    }
}

/// Makes an edit to a text, and things of all other kinds that follow from it.
fn edit_everywhere(doc: &mut Doc, edit: &Edit) {
    apply(doc, edit);
    let (text, [list, map]) =
        (text_of(doc), ["list", "map"].map(|name| doc.root(name, tag_of(name)).expect("as before")));
    let len = doc.len(list, Unit::Utf16);
    match edit {
        Edit::Insert(at, inserted) if at % 3 == 0 => {
            doc.insert_values(list, at % (len + 1), vec![Any::Integer(i64::from(*at))]).expect("in range");
            let inner = doc.set(map, &at.to_string()[..1], Input::Type(TypeTag::Text));
            if let Ok(Some(inner)) = inner {
                doc.insert_text(inner, 0, inserted, Unit::CodePoint).expect("just made");
            }
        }
        Edit::Delete(at, count) if at % 3 == 0 && len > 0 => {
            let at = at % len;
            doc.delete(list, at, (*count).min(len - at), Unit::Utf16).expect("in range");
        }
        Edit::Delete(at, count) if at % 3 == 1 => {
            let len = doc.len(text, Unit::CodePoint);
            let start = at % (len + 1);
            let bold = [("bold", Json::from_any(&Any::Bool(at % 2 == 0)).expect("JSON"))];
            let bold: Attributes = bold.into_iter().collect();
            let end = (start + count).min(len);
            doc.format(text, start, end, Unit::CodePoint, &bold).expect("in range");
        }
        _ => {}
    }
}

/// Does to a text what an observer of it was told.
fn follow(twin: &mut Vec<char>, delta: &[Delta]) {
    let mut at = 0;
    for part in delta {
        match part {
            Delta::Retain(count, _) => at += *count as usize,
            Delta::Delete(count) => drop(twin.drain(at..at + *count as usize)),
            Delta::Text(text, _) => {
                let characters: Vec<_> = text.chars().collect();
                twin.splice(at..at, characters.iter().copied());
                at += characters.len();
            }
            Delta::Embed(..) | Delta::Values(_) => unreachable!("nothing of the kind is in a text"),
        }
    }
}

fn read(doc: &mut Doc) -> String {
    let text = text_of(doc);
    doc.text(text).expect("a root is never gone")
}

proptest! {
    #[test]
    fn a_text_equals_a_vector_of_characters(edits in edits(300)) {
        let mut doc = Doc::new(1);
        let mut twin = Vec::new();
        for edit in &edits {
            apply(&mut doc, edit);
            apply_to_twin(&mut twin, edit);
            let text = text_of(&mut doc);
            prop_assert_eq!(doc.len(text, Unit::CodePoint) as usize, twin.len());
        }
        let expected: String = twin.iter().collect();
        let text = text_of(&mut doc);
        prop_assert_eq!(doc.len(text, Unit::Byte) as usize, expected.len());
        prop_assert_eq!(doc.len(text, Unit::Utf16) as usize, expected.encode_utf16().count());
        let mut copy = Doc::new(2);
        copy.apply_update(&doc.encode_update()).expect("own update");
        prop_assert_eq!(read(&mut copy), expected.clone());
        prop_assert_eq!(copy.encode_update(), doc.encode_update());
        prop_assert_eq!(read(&mut doc), expected);
    }

    #[test]
    fn replicas_converge_whatever_the_order_and_repetition_of_updates(
        first in edits(60), second in edits(60), third in edits(60),
        order in any::<u64>(), events in any::<bool>(),
    ) {
        let mut updates = Vec::new();
        let mut docs = [Doc::new(7), Doc::new(3), Doc::new(1 << 52)];
        let listening =
            Listening { changes: true, updates: true, events: events.then_some(Unit::CodePoint), subdocuments: events };
        for round in 0..60 {
            for (doc, edits) in docs.iter_mut().zip([&first, &second, &third]) {
                if let Some(edit) = edits.get(round) {
                    doc.begin(listening);
                    apply(doc, edit);
                    updates.extend(doc.commit().and_then(Changes::into_update));
                }
            }
            if round % 7 == 0 {
                let update = docs[round % 3].encode_update();
                docs[(round + 1) % 3].apply_update(&update).expect("own update");
            }
        }
        let mut random = order | 1;
        let mut below = |limit: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % limit as u64).expect("below a usize")
        };
        let mut late = Doc::new(99);
        let mut shuffled: Vec<_> = (0..updates.len()).collect();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, below(at + 1));
        }
        for &at in &shuffled {
            late.apply_update(&updates[at]).expect("own update");
            late.apply_update(&updates[below(updates.len())]).expect("own update");
        }
        prop_assert!(!late.has_pending());
        let parts: Vec<_> = shuffled.iter().map(|&at| &updates[at][..]).collect();
        let mut merged = Doc::new(98);
        let whole = merge_updates(&parts).expect("own updates");
        merged.apply_update(&whole).expect("own update");
        prop_assert_eq!(merge_updates(&[&whole, &whole]).expect("own updates"), whole);
        // Part of them, merged: the same effect on a replica with any other part.
        let (some, other) = parts.split_at(below(parts.len()));
        let mut one_by_one = Doc::new(96);
        for part in some.iter().chain(&other[..below(other.len())]) {
            one_by_one.apply_update(part).expect("own update");
        }
        let mut at_once = Doc::new(95);
        at_once.apply_update(&one_by_one.encode_update()).expect("own update");
        for part in other {
            one_by_one.apply_update(part).expect("own update");
        }
        let mut merged_other = merge_updates(other).expect("own updates");
        if order % 2 == 0 {
            let halves = other.split_at(below(other.len()));
            let halves = [merge_updates(halves.0), merge_updates(halves.1)].map(|half| half.expect("own updates"));
            merged_other = merge_updates(&[&halves[1], &halves[0]]).expect("own updates");
        }
        at_once.apply_update(&merged_other).expect("own update");
        prop_assert_eq!(at_once.state_vector(), one_by_one.state_vector());
        prop_assert_eq!(at_once.delete_set(), one_by_one.delete_set());
        prop_assert_eq!(at_once.has_pending(), one_by_one.has_pending());
        prop_assert_eq!(read(&mut at_once), read(&mut one_by_one));
        // Half of them in one list, duplicates included, half in another: into an empty document and a full one.
        let mut listed = Doc::new(97);
        listed.apply_updates(parts[..parts.len() / 2].iter().copied()).expect("own updates");
        listed.apply_updates(parts[parts.len() / 3..].iter().copied()).expect("own updates");
        prop_assert!(!listed.has_pending());
        for at in 0..3 {
            for from in 0..3 {
                let update = docs[from].encode_diff(&docs[at].state_vector());
                docs[at].apply_update(&update).expect("own update");
            }
        }
        let expected = read(&mut docs[0]);
        for doc in docs.iter_mut().chain([&mut late, &mut merged, &mut listed]) {
            prop_assert_eq!(read(doc), expected.clone());
        }
        prop_assert_eq!(listed.encode_update(), docs[0].encode_update());
        let mut twin: Vec<char> = expected.chars().collect();
        for edit in &first {
            apply(&mut listed, edit);
            apply_to_twin(&mut twin, edit);
        }
        prop_assert_eq!(read(&mut listed), twin.iter().collect::<String>());
        prop_assert_eq!(late.state_vector(), docs[0].state_vector());
        prop_assert_eq!(late.delete_set(), docs[0].delete_set());
        prop_assert_eq!(merged.delete_set(), docs[0].delete_set());
        prop_assert_eq!(late.encode_update(), docs[0].encode_update());
    }

    #[test]
    fn what_comes_at_once_is_what_comes_bit_by_bit(
        before in edits(100), ours in edits(200), theirs in edits(200), again: bool, only_deletes: bool, heard: bool,
    ) {
        let mut base = Doc::new(4);
        for edit in &before {
            if only_deletes { apply(&mut base, edit) } else { edit_everywhere(&mut base, edit) }
        }
        let mut authors = [Doc::new(2), Doc::new(9)];
        let mut bits = Vec::new();
        for (author, edits) in authors.iter_mut().zip([&ours, &theirs]) {
            author.apply_update(&base.encode_update()).expect("own update");
            for edit in edits {
                author.begin(Listening { updates: true, ..Listening::default() });
                match edit {
                    // Text is only deleted, and what comes comes elsewhere.
                    Edit::Insert(at, _) if only_deletes => {
                        let map = author.root("map", TypeTag::Map).expect("as before");
                        author.set(map, &at.to_string(), Input::Any(Any::Null)).expect("alive");
                    }
                    Edit::Delete(..) if only_deletes => apply(author, edit),
                    _ => edit_everywhere(author, edit),
                }
                bits.extend(author.commit_update());
            }
        }
        let mut one_by_one = Doc::new(5);
        one_by_one.apply_update(&base.encode_update()).expect("own update");
        // Which marks have no effect depends on what has come so far.
        base.set_tidying(false);
        one_by_one.set_tidying(false);
        for bit in &bits {
            one_by_one.apply_update(bit).expect("own update");
        }
        for author in &authors {
            let mut twin: Vec<char> = read(&mut base).chars().collect();
            base.begin(Listening { events: heard.then_some(Unit::CodePoint), ..Listening::default() });
            base.apply_update(&author.encode_diff(&base.state_vector())).expect("own update");
            if again {
                base.apply_update(&author.encode_update()).expect("own update");
            }
            let text = text_of(&mut base);
            let changes = base.commit();
            let events = changes.iter().flat_map(|it| &it.events).filter(|event| event.target == text);
            events.for_each(|event| follow(&mut twin, &event.delta));
            prop_assert!(!heard || read(&mut base) == twin.iter().collect::<String>());
        }
        prop_assert_eq!(base.state_vector(), one_by_one.state_vector());
        prop_assert_eq!(base.delete_set(), one_by_one.delete_set());
        // What is edited next is found where it is, too.
        for edit in ours.iter().chain(&theirs) {
            edit_everywhere(&mut base, edit);
            one_by_one.set_client_id(4);
            edit_everywhere(&mut one_by_one, edit);
            for name in ["text", "list", "map"] {
                let [here, there] = [&mut base, &mut one_by_one].map(|doc| {
                    let target = doc.root(name, tag_of(name)).expect("as before");
                    (doc.len(target, Unit::Byte), doc.len(target, Unit::Utf16), doc.tree(target))
                });
                prop_assert_eq!(here, there);
            }
        }
    }

    #[test]
    fn what_fills_a_document_is_what_comes_to_one_that_holds_something(
        before in edits(60), ours in edits(60), theirs in edits(60), later in edits(20),
        collected: bool, merged: bool, tidies: bool, heard: bool, keeps: bool, v2: bool,
    ) {
        let mut base = Doc::new(4);
        base.set_keeps_deleted(!collected);
        for edit in &before {
            edit_everywhere(&mut base, edit);
        }
        let mut authors = [Doc::new(2), Doc::new(9)];
        for (author, edits) in authors.iter_mut().zip([&ours, &theirs]) {
            author.set_keeps_deleted(!collected);
            author.apply_update(&base.encode_update()).expect("own update");
            for edit in edits {
                edit_everywhere(author, edit);
            }
        }
        let updates = authors.each_ref().map(Doc::encode_update);
        let mut whole = if merged {
            merge_updates(&updates.each_ref().map(Vec::as_slice)).expect("own updates")
        } else {
            for update in &updates { base.apply_update(update).expect("own update"); }
            base.encode_update()
        };
        let encoding = if v2 { Encoding::V2 } else { Encoding::V1 };
        if v2 {
            whole = convert_update(&whole, Encoding::V1, Encoding::V2).expect("own update");
        }
        let mut docs = [Doc::new(5), Doc::new(5)];
        let mut other = Doc::new(1);
        let list = other.root("other", TypeTag::Array).expect("fresh");
        other.insert_values(list, 0, vec![Any::Null]).expect("in range");
        let other = (other.state_vector(), other.encode_update());
        docs[1].apply_update(&other.1).expect("own update");
        let [from_filling, from_others] = docs.each_mut().map(|doc| {
            doc.root("other", TypeTag::Array).expect("as before");
            doc.set_tidying(tidies);
            doc.set_keeps_deleted(keeps);
            let events = heard.then_some(Unit::CodePoint);
            doc.begin(Listening { updates: true, events, ..Listening::default() });
            doc.apply_update_as(&whole, encoding).expect("own update");
            let changes = doc.commit().expect("something has come");
            (changes.update().map(<[u8]>::to_vec), changes.deletes, changes.events)
        });
        prop_assert_eq!(from_filling, from_others);
        for edit in [None].into_iter().chain(later.iter().map(Some)) {
            for doc in &mut docs {
                if let Some(edit) = edit {
                    edit_everywhere(doc, edit);
                }
            }
            let [filled, one_by_one] = &docs;
            prop_assert_eq!(filled.encode_diff(&other.0), one_by_one.encode_diff(&other.0));
            prop_assert!(filled.statistics().blocks < one_by_one.statistics().blocks);
            for (_, root, _) in filled.roots().filter(|(name, ..)| *name != "other") {
                prop_assert_eq!(filled.tree(root), one_by_one.tree(root));
                prop_assert_eq!(filled.len(root, Unit::Byte), one_by_one.len(root, Unit::Byte));
                prop_assert_eq!(filled.to_delta(root), one_by_one.to_delta(root));
            }
        }
    }

    #[test]
    fn whether_somebody_asks_where_something_stands_makes_no_difference(
        before in edits(120), ours in edits(120), theirs in edits(120), loads: bool, asked in any::<u64>(), heard: bool, keeps: bool,
    ) {
        let mut bits = Vec::new();
        let mut author = Doc::new(2);
        for edit in before.iter().chain(&ours) {
            author.begin(Listening { updates: true, ..Listening::default() });
            edit_everywhere(&mut author, edit);
            bits.extend(author.commit_update());
        }
        let [mut quiet, mut curious] = [Doc::new(5), Doc::new(5)];
        for doc in [&mut quiet, &mut curious] {
            doc.set_keeps_deleted(keeps);
            doc.begin(Listening { events: heard.then_some(Unit::CodePoint), ..Listening::default() });
            if loads {
                let first: Vec<_> = bits.iter().take(before.len()).map(Vec::as_slice).collect();
                doc.apply_update(&merge_updates(&first).expect("own updates")).expect("own updates");
            }
            doc.commit();
        }
        let positions = |doc: &mut Doc| {
            let text = text_of(doc);
            let len = doc.len(text, Unit::CodePoint);
            let character = |at| doc.text_range(text, at, at + 1, Unit::CodePoint).expect("in range");
            (0..len).map(character).collect::<String>()
        };
        for (number, bit) in bits.iter().enumerate() {
            quiet.apply_update(bit).expect("own update");
            curious.begin(Listening { events: heard.then_some(Unit::CodePoint), ..Listening::default() });
            curious.apply_update(bit).expect("own update");
            curious.commit();
            if asked >> (number % 64) & 1 == 1 {
                let text = read(&mut curious);
                prop_assert_eq!(positions(&mut curious), text);
            }
        }
        prop_assert_eq!(read(&mut quiet), read(&mut author));
        let text = read(&mut quiet);
        prop_assert_eq!(positions(&mut quiet), text);
        for edit in &theirs {
            edit_everywhere(&mut quiet, edit);
            edit_everywhere(&mut curious, edit);
        }
        prop_assert_eq!(quiet.encode_update(), curious.encode_update());
        let text = read(&mut quiet);
        prop_assert_eq!(positions(&mut quiet), text.clone());
        prop_assert_eq!(positions(&mut curious), text);
    }

    #[test]
    fn damaged_updates_are_refused_or_harmless(edits in edits(40), at in any::<usize>(), bits in 1u8..) {
        let mut doc = Doc::new(5);
        for edit in &edits {
            apply(&mut doc, edit);
        }
        let mut damaged = doc.encode_update();
        let at = at % damaged.len();
        damaged[at] ^= bits;
        let before = doc.encode_update();
        if doc.apply_update(&damaged).is_err() {
            prop_assert_eq!(doc.encode_update(), before);
        }
        let mut fresh = Doc::new(6);
        for truncated in 0..damaged.len() {
            let _ = fresh.apply_update(&damaged[..truncated]);
        }
        let again = fresh.encode_update();
        let mut copy = Doc::new(8);
        copy.apply_update(&again).expect("own update");
        prop_assert_eq!(copy.state_vector(), fresh.state_vector());
    }
}

#[test]
fn what_is_behind_a_split_pair_is_found_where_it_is() {
    let mut doc = Doc::new(1);
    let text = text_of(&mut doc);
    doc.insert_text(text, 0, "😀abc", Unit::CodePoint).expect("in range");
    // So that the end, by another author, is a block of its own, which the next edit is looked for at.
    doc.set_client_id(3);
    doc.insert_text(text, 4, "x", Unit::CodePoint).expect("in range");
    // From client 2: a collected unit, then text between the halves of the pair and that unit, which goes with it.
    doc.apply_update(&[1, 2, 2, 0, 0, 1, 0xC4, 1, 0, 2, 0, 1, b'!', 0]).expect("a valid update");
    assert_eq!(doc.text(text).expect("alive"), "\u{fffd}\u{fffd}abcx");
    for (at, expected) in (0..).zip(["\u{fffd}", "\u{fffd}", "a", "b", "c", "x"]) {
        assert_eq!(doc.text_range(text, at, at + 1, Unit::CodePoint).as_deref(), Ok(expected));
    }
}

#[test]
fn updates_of_one_author_out_of_order_wait_for_each_other() {
    let mut author = Doc::new(1);
    let text = text_of(&mut author);
    let mut updates = Vec::new();
    for (at, inserted) in [(0, "a"), (0, "b"), (2, "c"), (1, "d")] {
        let before = author.state_vector();
        author.insert_text(text, at, inserted, Unit::CodePoint).expect("in range");
        updates.push(author.encode_diff(&before));
    }
    let mut reader = Doc::new(2);
    for at in [0, 3, 2, 1] {
        reader.apply_update(&updates[at]).expect("own update");
    }
    assert_eq!(read(&mut reader), "bdac");
    assert!(!reader.has_pending());
}

#[test]
fn a_list_with_one_damaged_update_changes_nothing() {
    let mut author = Doc::new(1);
    let text = text_of(&mut author);
    author.insert_text(text, 0, "fine", Unit::CodePoint).expect("in range");
    let good = author.encode_update();
    let mut doc = Doc::new(2);
    let error = doc.apply_updates([&good[..], &good[..good.len() - 1]]).expect_err("the second is cut off");
    assert_eq!(error.index, 1);
    assert!(doc.is_empty());
}

#[test]
fn what_is_pending_travels_on() {
    let mut author = Doc::new(1);
    let text = text_of(&mut author);
    let mut updates = Vec::new();
    for at in 0..10 {
        let before = author.state_vector();
        author.insert_text(text, 0, "x", Unit::CodePoint).expect("in range");
        author.insert_text(text, at / 2, "y", Unit::CodePoint).expect("in range");
        updates.push(author.encode_diff(&before));
    }
    let mut relay = Doc::new(2);
    for update in &updates[1..] {
        relay.apply_update(update).expect("own update");
    }
    assert!(relay.has_pending());
    assert_eq!(relay.missing(), [officina_crdt::Id { client: 1, clock: 0 }]);
    let mut reader = Doc::new(3);
    reader.apply_update(&relay.encode_update()).expect("own update");
    reader.apply_update(&updates[0]).expect("own update");
    assert_eq!(read(&mut reader), read(&mut author));
}

/// A large update that only deletes in a text moves what was found there before.
#[test]
fn an_edit_after_a_large_update_is_made_where_it_is_asked_for() {
    let mut doc = Doc::new(1);
    let text = text_of(&mut doc);
    doc.insert_text(text, 0, "0123456789", Unit::CodePoint).expect("in range");
    doc.delete(text, 5, 2, Unit::CodePoint).expect("in range");
    let mut other = Doc::new(2);
    other.apply_update(&doc.encode_update()).expect("own update");
    doc.insert_text(text, 7, "abcdef", Unit::CodePoint).expect("in range");
    let known = other.state_vector();
    let map = other.root("map", TypeTag::Map).expect("fresh");
    for key in 0..40 {
        other.set(map, &key.to_string(), Input::Any(Any::Null)).expect("alive");
    }
    let same = text_of(&mut other);
    other.delete(same, 3, 2, Unit::CodePoint).expect("in range");
    doc.apply_update(&other.encode_diff(&known)).expect("own update");
    assert_eq!(read(&mut doc), "01278abcdef9");
    doc.insert_text(text, 7, "Y", Unit::CodePoint).expect("in range");
    assert_eq!(read(&mut doc), "01278abYcdef9");
}

#[test]
fn refused_edits_change_nothing() {
    let mut doc = Doc::new(1);
    let text = text_of(&mut doc);
    doc.insert_text(text, 0, "a😀b", Unit::Utf16).expect("in range");
    let before = doc.encode_update();
    assert!(doc.insert_text(text, 2, "x", Unit::Utf16).is_err());
    assert!(doc.insert_text(text, 9, "x", Unit::Utf16).is_err());
    assert!(doc.delete(text, 0, 2, Unit::Utf16).is_err());
    assert!(doc.delete(text, 2, 9, Unit::CodePoint).is_err());
    assert!(doc.delete(text, 3, 1, Unit::Byte).is_err());
    assert_eq!(doc.encode_update(), before);
}

#[test]
fn nested_types_come_and_go_with_their_parents() {
    let mut doc = Doc::new(1);
    let map = doc.root("map", TypeTag::Map).expect("fresh");
    let list = doc.set(map, "list", Input::Type(TypeTag::Array)).expect("alive").expect("a type");
    doc.insert_values(list, 0, (0..1000).map(Any::Integer).collect()).expect("in range");
    let inner = doc.insert_input(list, 500, Input::Type(TypeTag::Text)).expect("in range").expect("a type");
    doc.insert_text(inner, 0, "inside", Unit::CodePoint).expect("in range");
    assert_eq!(doc.get(list, 500), Some(Value::Type(inner)));
    assert_eq!(doc.get(list, 501), Some(Value::Any(Any::Integer(500))));
    doc.set(map, "list", Input::Any(Any::Null)).expect("alive");
    assert!(doc.insert_text(inner, 0, "x", Unit::CodePoint).is_err());
    let mut copy = Doc::new(2);
    copy.apply_update(&doc.encode_update()).expect("own update");
    let map = copy.root("map", TypeTag::Map).expect("as before");
    assert_eq!(copy.entries(map), [("list", Value::Any(Any::Null))]);
    assert_eq!(copy.encode_diff(&StateVector::new()), doc.encode_update());
}

/// One block of text by `client` at `clock` after `origin`.
fn typed(client: u8, clock: u8, origin: (u8, u8), text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let head = [1, 1, client, clock, 0x84, origin.0, origin.1, length];
    [&head[..], text.as_bytes(), &[0]].concat()
}

/// Honest replicas never send two blocks for the same units, and no two copies may differ over them either.
#[test]
fn what_is_left_of_a_known_block_does_not_wait_for_where_it_began() {
    let mut doc = Doc::new(9);
    let text = text_of(&mut doc);
    doc.insert_text(text, 0, "ab", Unit::CodePoint).expect("in range");
    doc.apply_update(&typed(1, 2, (5, 0), "cdef")).expect("valid");
    doc.apply_update(&typed(1, 0, (9, 1), "12")).expect("valid");
    assert_eq!(doc.missing(), [officina_crdt::Id { client: 5, clock: 0 }]);
    doc.apply_update(&typed(1, 2, (1, 1), "3")).expect("valid");
    assert!(!doc.has_pending());
    let mut copy = Doc::new(8);
    copy.apply_update(&doc.encode_update()).expect("own update");
    assert_eq!(copy.encode_update(), doc.encode_update());
    assert_eq!(read(&mut copy), "ab123def");
}
