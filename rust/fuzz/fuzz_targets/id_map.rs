//! A hostile map of ids is refused, or encodes to bytes that say the same; what is done to it keeps to its units.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::IdMap;

fuzz_target!(|bytes: &[u8]| {
    let Ok(map) = IdMap::decode(bytes) else { return };
    // Not compared as they are: a value may be NaN, which is not itself.
    let written = map.encode();
    let again = IdMap::decode(&written).expect("own encoding");
    assert_eq!(again.encode(), written);
    assert!(again.iter().zip(map.iter()).all(|((client, range), (known, before))| {
        let attributes = [&range.attributes, &before.attributes].map(Vec::len);
        client == known && range.clocks == before.clocks && attributes[0] == attributes[1]
    }));
    let set = map.to_set();
    let mut joined = map.clone();
    joined.merge(&again);
    assert_eq!(joined.to_set(), set);
    let mut common = map.clone();
    common.intersect(&again);
    assert_eq!(common.to_set(), set);
    let mut nothing = map.clone();
    nothing.subtract(&set);
    assert!(nothing.is_empty());
    for (client, range) in map.iter() {
        assert!(map.contains(client, range.clocks.start) && map.contains(client, range.clocks.end - 1));
        let found = map.attributes_of(client, range.clocks.clone());
        assert!(found.iter().all(|part| part.attributes.len() == range.attributes.len()));
    }
});
