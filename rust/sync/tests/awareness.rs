//! Awareness updates survive the wire, and nothing that is cut or made up is taken for one.

use officina_crdt::lib0::Writer;
use officina_sync::{AwarenessEntry, decode_awareness, encode_awareness};
use proptest::collection::vec;
use proptest::prelude::*;

type Owned = (u64, u64, Option<String>);

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i32>().prop_map(|value| value.to_string()),
        "[ -!#-\\[\\]-~é🙂]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(inner, 0..4).prop_map(|items| {
                let members: Vec<_> =
                    items.iter().enumerate().map(|(i, item)| format!("\"k{i}\" :{item}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn entries() -> impl Strategy<Value = Vec<Owned>> {
    let number = prop_oneof![0u64..300, 0u64..1 << 53];
    let state = json().prop_map(|text| (text != "null").then_some(text));
    vec((number.clone(), number, state), 0..20)
}

fn encode(entries: &[Owned]) -> Vec<u8> {
    let mut out = Writer::new();
    let entries = entries.iter();
    encode_awareness(
        &mut out,
        entries.map(|(client, clock, state)| AwarenessEntry {
            client: *client,
            clock: *clock,
            state: state.as_deref(),
        }),
    );
    out.into_bytes()
}

fn decode(update: &[u8]) -> Option<Vec<Owned>> {
    let entries = decode_awareness(update).ok()?;
    Some(entries.iter().map(|entry| (entry.client, entry.clock, entry.state.map(str::to_owned))).collect())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(entries in entries()) {
        prop_assert_eq!(decode(&encode(&entries)), Some(entries));
    }

    #[test]
    fn every_truncation_is_refused(entries in entries()) {
        let update = encode(&entries);
        for length in 0..update.len() {
            prop_assert_eq!(decode(&update[..length]), None);
        }
    }

    #[test]
    fn whatever_decodes_encodes_to_what_decodes_the_same(bytes in vec(any::<u8>(), 0..60)) {
        if let Some(entries) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&entries)), Some(entries));
        }
    }
}
