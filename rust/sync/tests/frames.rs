//! However the network cuts the bytes, the same messages arrive.

use officina_crdt::lib0::Writer;
use officina_sync::{Event, MessageReader, Opcode, ProtocolError, write_frame};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMIT: usize = 100_000;

/// A frame as a client sends it.
#[derive(Debug, Clone)]
struct Frame {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    payload: Vec<u8>,
}

impl Frame {
    /// Written as the RFC says, without the code under test but for the length, whose writer has tests of its own.
    fn write(&self, out: &mut Vec<u8>) {
        let mut unmasked = Writer::new();
        write_frame(&mut unmasked, Opcode::Binary, &self.payload);
        let header_bytes = unmasked.as_bytes().len() - self.payload.len();
        out.extend(&unmasked.as_bytes()[..header_bytes]);
        let start = out.len() - header_bytes;
        out[start] = u8::from(self.last) << 7 | self.opcode;
        out[start + 1] |= 0x80;
        out.extend(self.mask);
        out.extend(self.payload.iter().zip(self.mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

/// Reads `bytes` in chunks of the given sizes, used in turn; each event as its debug text, and how it ended.
fn read(bytes: &[u8], chunks: &[usize]) -> (Vec<String>, Result<(), ProtocolError>) {
    let (mut reader, mut scratch, mut events) = (MessageReader::new(LIMIT), Vec::new(), Vec::new());
    let (mut rest, mut sizes) = (bytes, chunks.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).min(rest.len()));
        let (mut chunk, after) = rest.split_at(size);
        rest = after;
        loop {
            match reader.next(&mut chunk, &mut scratch) {
                Ok(Some(event)) => {
                    events.push(format!("{event:?}"));
                    if matches!(event, Event::Close(..)) {
                        return (events, Ok(()));
                    }
                }
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
    }
    (events, Ok(()))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 120..140), vec(any::<u8>(), 65_530..65_540)]
}

fn control() -> impl Strategy<Value = Frame> {
    (prop_oneof![Just(9u8), Just(10)], any::<[u8; 4]>(), vec(any::<u8>(), 0..126))
        .prop_map(|(opcode, mask, payload)| Frame { last: true, opcode, mask, payload })
}

/// One message in up to four fragments, each with up to two control frames before it.
fn fragments() -> impl Strategy<Value = Vec<(Vec<Frame>, [u8; 4], Vec<u8>)>> {
    vec(
        (vec(control(), 0..3), any::<[u8; 4]>(), prop_oneof![9 => vec(any::<u8>(), 0..200), 1 => payload()]),
        1..4,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunking_gives_the_same_messages(
        messages in vec(fragments(), 1..5),
        chunks in vec(prop_oneof![1usize..8, 1usize..2000], 1..20),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for message in &messages {
            let mut whole = Vec::new();
            for (index, (controls, mask, part)) in message.iter().enumerate() {
                for control in controls {
                    control.write(&mut bytes);
                    let event = if control.opcode == 9 { Event::Ping } else { Event::Pong };
                    expected.push(format!("{:?}", event(&control.payload)));
                }
                whole.extend(part);
                let last = index + 1 == message.len();
                let opcode = if index == 0 { 2 } else { 0 };
                Frame { last, opcode, mask: *mask, payload: part.clone() }.write(&mut bytes);
            }
            if whole.len() > LIMIT {
                return Ok(());
            }
            expected.push(format!("{:?}", Event::Message(&whole)));
        }
        prop_assert_eq!(read(&bytes, &chunks), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_in_any_chunking_end_the_same_way(
        bytes in vec(prop_oneof![any::<u8>(), Just(0x82), Just(0x80), Just(0x02), Just(0x89)], 0..300),
        chunks in vec(1usize..30, 1..20),
    ) {
        prop_assert_eq!(read(&bytes, &chunks), read(&bytes, &[bytes.len().max(1)]));
    }
}
