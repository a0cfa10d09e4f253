//! A hostile set of ids is refused, in either encoding, or ascends, knows its own and encodes to itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::DeleteSet;
use officina_crdt::lib0::{Reader, Writer};

fuzz_target!(|bytes: &[u8]| {
    let decoded =
        [DeleteSet::decode_from, DeleteSet::decode_v2].map(|decode| decode(&mut Reader::new(bytes)));
    for set in decoded.into_iter().flatten() {
        let (mut first, mut second) = (Writer::new(), Writer::new());
        set.encode_into(&mut first);
        set.encode_v2(&mut second);
        assert_eq!(DeleteSet::decode_from(&mut Reader::new(first.as_bytes())).as_ref(), Ok(&set));
        assert_eq!(DeleteSet::decode_v2(&mut Reader::new(second.as_bytes())).as_ref(), Ok(&set));
        let ranges: Vec<_> = set.iter().collect();
        assert!(ranges.windows(2).all(|pair| (pair[0].0, pair[0].1.end) < (pair[1].0, pair[1].1.start)));
        for (client, clocks) in ranges {
            assert!(set.contains(client, clocks.start) && set.contains(client, clocks.end - 1));
            assert!(!set.contains(client, clocks.end));
        }
        let mut twice = set.clone();
        twice.extend(&set);
        twice.normalize();
        assert_eq!(twice, set);
    }
});
