//! The messages of y-websocket: sync, awareness and the server's save confirmation, inside binary WebSocket messages.
//!
//! | type | then | meaning |
//! |---|---|---|
//! | 0 | 0, state vector | sync step 1: what the sender has |
//! | 0 | 1, update | sync step 2: what the receiver of a step 1 lacked |
//! | 0 | 2, update | a change |
//! | 1 | awareness update | presence: cursors, names, colors |
//! | 2 | reason | authorization; ignored when a client sends it |
//! | 3 | | asks for all awareness states |
//! | 8 | 0 or 1 | server to client, on request: a change of yours could not be saved, or is on disk |
//!
//! # Source
//! npm `y-protocols`, PROTOCOL.md; npm `y-websocket`; type 8 as npm `@hocuspocus/common` numbers it.

use crate::error::ProtocolError;
use crate::frame::{Opcode, write_header};
use officina_crdt::DecodeError;
use officina_crdt::lib0::{Reader, Writer};

const SYNC: u8 = 0;
const AWARENESS: u8 = 1;
const AUTH: u8 = 2;
const QUERY_AWARENESS: u8 = 3;
const SYNC_STATUS: u8 = 8;

const STEP_1: u8 = 0;
const STEP_2: u8 = 1;
const UPDATE: u8 = 2;

/// A message from a client; the parts are not decoded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// The client has what this state vector says, and asks for the rest.
    SyncStep1(&'a [u8]),
    /// The client's answer to our step 1: one update.
    SyncStep2(&'a [u8]),
    /// A change: one update.
    Update(&'a [u8]),
    /// Awareness states that have changed.
    Awareness(&'a [u8]),
    /// Authorization, which only a server may send; its content is skipped.
    Auth,
    /// The client asks for all awareness states.
    QueryAwareness,
}

impl<'a> Message<'a> {
    /// Reads one message; a payload may hold several, one after the other.
    ///
    /// # Errors
    /// [`ProtocolError::UnknownMessageType`], [`ProtocolError::UnknownSyncType`] or [`ProtocolError::Undecodable`].
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        let kind = reader.var_uint().map_err(undecodable("message type"))?;
        match u8::try_from(kind) {
            Ok(SYNC) => Self::read_sync(reader),
            Ok(AWARENESS) => {
                reader.var_bytes().map(Self::Awareness).map_err(undecodable("awareness message"))
            }
            Ok(AUTH) => {
                let rest = reader.remaining();
                reader.bytes(rest).map_err(undecodable("auth message"))?;
                Ok(Self::Auth)
            }
            Ok(QUERY_AWARENESS) => Ok(Self::QueryAwareness),
            _ => Err(ProtocolError::UnknownMessageType { kind }),
        }
    }

    fn read_sync(reader: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        let kind = reader.var_uint().map_err(undecodable("sync message type"))?;
        let message = match u8::try_from(kind) {
            Ok(STEP_1) => Self::SyncStep1,
            Ok(STEP_2) => Self::SyncStep2,
            Ok(UPDATE) => Self::Update,
            _ => return Err(ProtocolError::UnknownSyncType { kind }),
        };
        reader.var_bytes().map(message).map_err(undecodable("sync message"))
    }
}

/// Names the part that could not be decoded.
pub(crate) fn undecodable(what: &'static str) -> impl Fn(DecodeError) -> ProtocolError {
    move |error| ProtocolError::Undecodable { what, error }
}

/// Writes a sync step 1, framed: the server asks for what it lacks.
pub(crate) fn write_step_1(out: &mut Writer, state_vector: &[u8]) {
    write_prefixed(out, &[SYNC, STEP_1], state_vector);
}

/// Writes a sync step 2, framed: what the asking peer lacked.
pub(crate) fn write_step_2(out: &mut Writer, update: &[u8]) {
    write_prefixed(out, &[SYNC, STEP_2], update);
}

/// Writes a change, framed.
pub(crate) fn write_update(out: &mut Writer, update: &[u8]) {
    write_prefixed(out, &[SYNC, UPDATE], update);
}

/// Writes awareness states, framed.
pub(crate) fn write_awareness(out: &mut Writer, states: &[u8]) {
    write_prefixed(out, &[AWARENESS], states);
}

/// Writes a save confirmation, framed.
pub(crate) fn write_sync_status(out: &mut Writer, saved: bool) {
    write_header(out, Opcode::Binary, 2);
    out.bytes(&[SYNC_STATUS, u8::from(saved)]);
}

fn write_prefixed(out: &mut Writer, prefix: &[u8], content: &[u8]) {
    write_header(out, Opcode::Binary, prefix.len() + var_uint_bytes(content.len()) + content.len());
    out.bytes(prefix);
    out.var_bytes(content);
}

/// How many bytes `value` takes as a variable-length integer.
fn var_uint_bytes(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Result<Message<'_>, ProtocolError> {
        Message::read(&mut Reader::new(payload))
    }

    #[test]
    fn each_message_of_a_client_is_read() {
        assert_eq!(read(&[0, 0, 1, 0]), Ok(Message::SyncStep1(&[0])));
        assert_eq!(read(&[0, 1, 2, 0, 0]), Ok(Message::SyncStep2(&[0, 0])));
        assert_eq!(read(&[0, 2, 2, 0, 0]), Ok(Message::Update(&[0, 0])));
        assert_eq!(read(&[1, 1, 0]), Ok(Message::Awareness(&[0])));
        assert_eq!(read(&[2, 0, 3, b'w', b'h', b'y']), Ok(Message::Auth));
        assert_eq!(read(&[3]), Ok(Message::QueryAwareness));
    }

    #[test]
    fn an_unknown_message_type_is_refused_by_name() {
        let error = read(&[8, 1]).unwrap_err();
        assert_eq!(error, ProtocolError::UnknownMessageType { kind: 8 });
        assert_eq!(error.to_string(), "unknown message type 8");
        assert_eq!(read(&[0x80, 0x02]), Err(ProtocolError::UnknownMessageType { kind: 256 }));
    }

    #[test]
    fn an_unknown_sync_type_is_refused() {
        assert_eq!(read(&[0, 3, 0]), Err(ProtocolError::UnknownSyncType { kind: 3 }));
    }

    #[test]
    fn every_truncation_is_refused() {
        for message in [&[0u8, 2, 3, 1, 2, 3][..], &[1, 3, 1, 2, 3]] {
            for length in 0..message.len() {
                assert!(matches!(read(&message[..length]), Err(ProtocolError::Undecodable { .. })));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back_at_every_length() {
        for length in [0, 1, 122, 123, 127, 128, 16_383, 16_384, 70_000] {
            let update = vec![7; length];
            let mut out = Writer::new();
            write_update(&mut out, &update);
            let header_bytes = match out.as_bytes()[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            let payload = &out.as_bytes()[header_bytes..];
            let claimed = match header_bytes {
                2 => usize::from(out.as_bytes()[1]),
                4 => usize::from(u16::from_be_bytes([out.as_bytes()[2], out.as_bytes()[3]])),
                _ => payload.len(),
            };
            assert_eq!(claimed, payload.len());
            assert_eq!(read(payload), Ok(Message::Update(&update)));
        }
    }
}
