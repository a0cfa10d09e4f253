//! WebSocket frames, byte by byte: headers read and written, payloads unmasked.
//!
//! # Source
//! RFC 6455, section 5.

use crate::error::ProtocolError;
use officina_crdt::lib0::Writer;

/// The longest frame header: two bytes, eight of length, four of mask.
pub(crate) const MAX_HEADER_BYTES: usize = 14;

/// The longest payload of a control frame.
pub(crate) const MAX_CONTROL_BYTES: u8 = 125;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next part of a fragmented message.
    Continuation = 0x0,
    /// The start of a text message.
    Text = 0x1,
    /// The start of a binary message.
    Binary = 0x2,
    /// The start of the closing handshake, or the answer to it.
    Close = 0x8,
    /// A question whether the other side is there.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Self, ProtocolError> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            opcode => Err(ProtocolError::UnknownOpcode { opcode }),
        }
    }

    /// Whether the frame stands alone and may arrive between the fragments of a message.
    #[must_use]
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The header of a frame sent by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) last: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: [u8; 4],
    pub(crate) payload_bytes: u64,
}

impl Header {
    /// Reads a header and its length in bytes from the start of `input`; `None` while bytes are missing.
    ///
    /// A length in a longer form than it needs is accepted, as other servers do.
    pub(crate) fn read(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&[first, second], rest)) = input.split_first_chunk::<2>() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & 0x0f)?;
        let last = first & 0x80 != 0;
        if second & 0x80 == 0 {
            return Err(ProtocolError::UnmaskedFrame);
        }
        let Some((payload_bytes, length_bytes)) = read_length(second & 0x7f, rest) else {
            return Ok(None);
        };
        if opcode.is_control() && !last {
            return Err(ProtocolError::FragmentedControl);
        }
        if opcode.is_control() && payload_bytes > u64::from(MAX_CONTROL_BYTES) {
            return Err(ProtocolError::LongControl { bytes: payload_bytes });
        }
        let Some(&mask) = rest[length_bytes..].first_chunk::<4>() else {
            return Ok(None);
        };
        Ok(Some((Self { last, opcode, mask, payload_bytes }, 2 + length_bytes + 4)))
    }
}

/// The payload length, and how many bytes after the first two hold it.
fn read_length(short: u8, rest: &[u8]) -> Option<(u64, usize)> {
    match short {
        126 => rest.first_chunk().map(|bytes| (u64::from(u16::from_be_bytes(*bytes)), 2)),
        127 => rest.first_chunk().map(|bytes| (u64::from_be_bytes(*bytes), 8)),
        short => Some((u64::from(short), 0)),
    }
}

/// Removes the mask from a payload, `offset` bytes of which came before `payload`.
///
/// Eight bytes a step; the compiler turns the loop into vector instructions.
pub(crate) fn unmask(payload: &mut [u8], mut mask: [u8; 4], offset: u64) {
    mask.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Writes the header of an unfragmented frame whose payload of `payload_bytes` the caller writes next.
#[expect(clippy::cast_possible_truncation, reason = "each arm has checked the range")]
pub(crate) fn write_header(out: &mut Writer, opcode: Opcode, payload_bytes: usize) {
    out.byte(0x80 | opcode as u8);
    match payload_bytes {
        0..=125 => out.byte(payload_bytes as u8),
        126..=0xffff => {
            out.byte(126);
            out.bytes(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.byte(127);
            out.bytes(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

/// Writes one unfragmented, unmasked frame, as a server sends them.
///
/// ```
/// use officina_crdt::lib0::Writer;
/// use officina_sync::{Opcode, write_frame};
///
/// let mut out = Writer::new();
/// write_frame(&mut out, Opcode::Ping, b"still there?");
/// assert_eq!(&out.as_bytes()[..2], [0x89, 12]);
/// ```
pub fn write_frame(out: &mut Writer, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len());
    out.bytes(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmasking_agrees_with_the_rfc_at_every_offset_and_length() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let masked: Vec<u8> = (0..67).map(|i| i ^ 0x5a).collect();
        for offset in 0..9usize {
            for length in 0..masked.len() {
                let mut fast = masked[..length].to_vec();
                unmask(&mut fast, mask, offset as u64);
                let slow: Vec<u8> = (0..length).map(|i| masked[i] ^ mask[(i + offset) % 4]).collect();
                assert_eq!(fast, slow, "offset {offset}, length {length}");
            }
        }
    }

    #[test]
    fn the_masked_hello_of_the_rfc_is_read() {
        let frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let (header, length) = Header::read(&frame).unwrap().unwrap();
        assert_eq!((header.opcode, header.last, header.payload_bytes, length), (Opcode::Text, true, 5, 6));
        let mut payload = frame[length..].to_vec();
        unmask(&mut payload, header.mask, 0);
        assert_eq!(payload, b"Hello");
    }

    #[test]
    fn lengths_take_one_three_or_nine_bytes() {
        for (length, header) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (65_535, vec![0x82, 126, 0xff, 0xff]),
            (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Writer::new();
            write_header(&mut out, Opcode::Binary, length);
            assert_eq!(out.as_bytes(), header, "length {length}");
        }
    }
}
