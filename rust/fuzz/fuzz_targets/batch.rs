//! Many hostile updates at once: refused whole, with the first that none would take, or all of them arrive.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::{Batch, Doc, Encoding};

fuzz_target!(|input: (bool, bool, Vec<&[u8]>)| {
    let (is_first, tidies, updates) = input;
    let encoding = if is_first { Encoding::V1 } else { Encoding::V2 };
    let refused = updates.iter().position(|update| Doc::new(1).apply_update_as(update, encoding).is_err());
    let mut doc = Doc::new(1);
    doc.set_tidying(tidies);
    let mut batch = Batch::new(encoding);
    let outcome = updates.iter().try_for_each(|update| batch.add(update));
    assert_eq!(outcome.as_ref().err().map(|error| error.index), refused);
    if outcome.is_err() {
        return;
    }
    let joined = doc.apply_batch(batch).expect("there is room");
    let mut one_by_one = Doc::new(1);
    one_by_one.set_tidying(tidies);
    for update in &updates {
        one_by_one.apply_update_as(update, encoding).expect("was taken before");
        if joined.is_none() {
            doc.apply_update_as(update, encoding).expect("was taken before");
        }
    }
    assert_eq!(doc.state_vector(), one_by_one.state_vector());
    assert_eq!(doc.missing(), one_by_one.missing());
    let whole = doc.encode_update();
    let mut copy = Doc::new(2);
    copy.apply_updates([&whole[..], &whole]).expect("own update");
    assert_eq!(copy.state_vector(), doc.state_vector());
});
