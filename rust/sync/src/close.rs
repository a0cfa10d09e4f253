//! Close frames: codes, reasons, and what may be sent.
//!
//! # Source
//! RFC 6455, sections 5.5.1 and 7.4; the IANA registry of WebSocket close codes.

use crate::error::ProtocolError;
use crate::frame::{MAX_CONTROL_BYTES, Opcode, write_header};
use officina_crdt::lib0::Writer;

/// A number that says why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server is going down or the page is being left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the framing rules.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of message that is not understood.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// The peer sent a message whose content cannot be decoded.
    pub const INVALID_DATA: Self = Self(1007);
    /// The peer did what it has no right to.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The peer sent a message that is too long.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The server met a fault of its own, or no longer hears the peer.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The peer should connect again and synchronize anew.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code with this number, if it may stand in a close frame.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(number))
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

/// Reads the payload of a close frame; an empty one means [`CloseCode::NORMAL`] without a reason.
pub(crate) fn read_close(payload: &[u8]) -> Result<(CloseCode, &str), ProtocolError> {
    let Some((number, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok((CloseCode::NORMAL, ""))
        } else {
            Err(ProtocolError::InvalidCloseCode)
        };
    };
    let code = CloseCode::new(u16::from_be_bytes(*number)).ok_or(ProtocolError::InvalidCloseCode)?;
    let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
    Ok((code, reason))
}

/// Writes a close frame; a reason too long for it is cut at a character.
pub fn write_close(out: &mut Writer, code: CloseCode, reason: &str) {
    let mut length = reason.len().min(usize::from(MAX_CONTROL_BYTES) - 2);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    let reason = &reason[..length];
    write_header(out, Opcode::Close, 2 + reason.len());
    out.bytes(&code.0.to_be_bytes());
    out.bytes(reason.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_must_not_be_sent_are_refused() {
        for number in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000, u16::MAX] {
            assert_eq!(read_close(&number.to_be_bytes()), Err(ProtocolError::InvalidCloseCode), "{number}");
        }
        for number in [1000u16, 1014, 3000, 4999] {
            assert_eq!(read_close(&number.to_be_bytes()).unwrap().0.number(), number);
        }
    }

    #[test]
    fn a_close_payload_of_one_byte_is_refused() {
        assert_eq!(read_close(&[3]), Err(ProtocolError::InvalidCloseCode));
    }

    #[test]
    fn a_close_reason_that_is_not_utf8_is_refused() {
        assert_eq!(read_close(&[0x03, 0xe8, 0xff]), Err(ProtocolError::InvalidCloseReason));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = Writer::new();
        write_close(&mut out, CloseCode::NORMAL, &"é".repeat(100));
        let payload = &out.as_bytes()[2..];
        assert_eq!(payload.len(), 124);
        assert_eq!(read_close(payload), Ok((CloseCode::NORMAL, "é".repeat(61).as_str())));
    }
}
