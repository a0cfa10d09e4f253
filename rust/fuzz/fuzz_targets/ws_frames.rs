//! Any bytes, cut anywhere, end the same way; no message exceeds the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_sync::{Event, MessageReader, ProtocolError};

const LIMIT: usize = 4096;

fn read(bytes: &[u8], chunk: usize) -> (Vec<String>, Result<(), ProtocolError>) {
    let (mut reader, mut scratch, mut events) = (MessageReader::new(LIMIT), Vec::new(), Vec::new());
    for mut input in bytes.chunks(chunk) {
        loop {
            match reader.next(&mut input, &mut scratch) {
                Ok(Some(event)) => {
                    if let Event::Message(message) = event {
                        assert!(message.len() <= LIMIT);
                    }
                    events.push(format!("{event:?}"));
                    if matches!(event, Event::Close(..)) {
                        return (events, Ok(()));
                    }
                }
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
        assert!(input.is_empty());
    }
    (events, Ok(()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (chunk, bytes) = input;
    assert_eq!(read(bytes, usize::from(chunk).max(1)), read(bytes, bytes.len().max(1)));
});
