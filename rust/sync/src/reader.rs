//! From the bytes of a socket, cut anywhere, to whole messages.

use crate::close::{CloseCode, read_close};
use crate::error::ProtocolError;
use crate::frame::{Header, MAX_HEADER_BYTES, Opcode, unmask};

/// What a client said: one whole message or one control frame, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A binary message, put together from all of its fragments.
    Message(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The start of the closing handshake, or the answer to ours.
    Close(CloseCode, &'a str),
}

/// The server's side of one connection: parses frames, removes masks, joins fragments.
///
/// A message that lies whole in one chunk, as nearly all do, is unmasked straight into the caller's scratch buffer, so an
/// idle connection owns no heap memory. Otherwise the parts are kept until the last arrives. A length is checked
/// against the limit as soon as it is claimed, and memory grows with the bytes received, not with the claim.
///
/// ```
/// use officina_sync::{Event, MessageReader};
///
/// let mut reader = MessageReader::new(1024);
/// let mut input: &[u8] = &[0x82, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
/// let mut scratch = Vec::new();
/// assert_eq!(reader.next(&mut input, &mut scratch)?, Some(Event::Message(b"hi")));
/// assert_eq!(reader.next(&mut input, &mut scratch)?, None);
/// # Ok::<(), officina_sync::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct MessageReader {
    limit: usize,
    /// The start of a header that was cut by the end of a chunk.
    head: [u8; MAX_HEADER_BYTES],
    head_bytes: usize,
    /// The frame whose payload is arriving, and how much of it came in earlier chunks.
    frame: Option<(Header, u64)>,
    /// The payload so far of a control frame that was cut by the end of a chunk.
    control: Vec<u8>,
    /// The data so far of a message that did not come whole in one chunk.
    message: Vec<u8>,
    /// Whether a fragmented message waits for its continuation.
    fragmented: bool,
}

impl MessageReader {
    /// A reader at the start of a connection; messages may be `limit` bytes long.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            head: [0; MAX_HEADER_BYTES],
            head_bytes: 0,
            frame: None,
            control: Vec::new(),
            message: Vec::new(),
            fragmented: false,
        }
    }

    /// The next event in `input`, which advances past what was read; `None` when more bytes are needed.
    ///
    /// The event lies in `scratch`, whose former content is lost. After an error or [`Event::Close`] the connection is
    /// over and the reader must not be used again.
    ///
    /// # Errors
    /// The rule of RFC 6455 or the limit that the client broke.
    pub fn next<'s>(
        &mut self,
        input: &mut &[u8],
        scratch: &'s mut Vec<u8>,
    ) -> Result<Option<Event<'s>>, ProtocolError> {
        loop {
            let Some((header, before)) = self.next_frame(input)? else {
                return Ok(None);
            };
            let (payload, whole) = take_payload(input, &header, before);
            let part = if header.opcode.is_control() { &mut self.control } else { &mut self.message };
            let at_once = before == 0 && whole && (header.opcode.is_control() || !self.fragmented);
            if at_once && header.last {
                scratch.clear();
                push_unmasked(scratch, payload, &header, 0);
                return event(header.opcode, scratch).map(Some);
            }
            push_unmasked(part, payload, &header, before);
            if !whole {
                self.frame = Some((header, before + payload.len() as u64));
                return Ok(None);
            }
            if header.last {
                *scratch = std::mem::take(part);
                if !header.opcode.is_control() {
                    self.fragmented = false;
                }
                return event(header.opcode, scratch).map(Some);
            }
            self.fragmented = true;
        }
    }

    /// The frame to read on with: the one begun in an earlier chunk, or a new one that has passed all checks.
    fn next_frame(&mut self, input: &mut &[u8]) -> Result<Option<(Header, u64)>, ProtocolError> {
        if let Some(begun) = self.frame.take() {
            return Ok(Some(begun));
        }
        let Some(header) = self.next_header(input)? else {
            return Ok(None);
        };
        match header.opcode {
            Opcode::Text => return Err(ProtocolError::TextMessage),
            Opcode::Binary if self.fragmented => return Err(ProtocolError::UnfinishedMessage),
            Opcode::Continuation if !self.fragmented => return Err(ProtocolError::UnexpectedContinuation),
            Opcode::Binary | Opcode::Continuation => self.check_size(header.payload_bytes)?,
            Opcode::Close | Opcode::Ping | Opcode::Pong => {}
        }
        Ok(Some((header, 0)))
    }

    fn next_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, ProtocolError> {
        if self.head_bytes == 0
            && let Some((header, length)) = Header::read(input)?
        {
            *input = &input[length..];
            return Ok(Some(header));
        }
        let kept = self.head_bytes;
        let added = input.len().min(MAX_HEADER_BYTES - kept);
        self.head[kept..kept + added].copy_from_slice(&input[..added]);
        if let Some((header, length)) = Header::read(&self.head[..kept + added])? {
            *input = &input[length - kept..];
            self.head_bytes = 0;
            Ok(Some(header))
        } else {
            *input = &input[added..];
            self.head_bytes = kept + added;
            Ok(None)
        }
    }

    fn check_size(&self, payload_bytes: u64) -> Result<(), ProtocolError> {
        let bytes = payload_bytes.saturating_add(self.message.len() as u64);
        if bytes > self.limit as u64 {
            return Err(ProtocolError::MessageTooLarge { bytes, limit: self.limit });
        }
        Ok(())
    }
}

/// Splits off what `input` holds of the frame's payload, and whether that completes it.
fn take_payload<'a>(input: &mut &'a [u8], header: &Header, before: u64) -> (&'a [u8], bool) {
    let missing = header.payload_bytes - before;
    let length = usize::try_from(missing).map_or(input.len(), |missing| missing.min(input.len()));
    let (payload, rest) = input.split_at(length);
    *input = rest;
    (payload, payload.len() as u64 == missing)
}

fn push_unmasked(out: &mut Vec<u8>, payload: &[u8], header: &Header, offset: u64) {
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], header.mask, offset);
}

fn event(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    match opcode {
        Opcode::Continuation | Opcode::Binary => Ok(Event::Message(payload)),
        Opcode::Text => Err(ProtocolError::TextMessage),
        Opcode::Ping => Ok(Event::Ping(payload)),
        Opcode::Pong => Ok(Event::Pong(payload)),
        Opcode::Close => read_close(payload).map(|(code, reason)| Event::Close(code, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                bytes.push(0xfe);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ MASK[i % 4]));
        bytes
    }

    /// Reads everything, `chunk` bytes at a time; each event as its debug text.
    fn read(bytes: &[u8], chunk: usize) -> Result<Vec<String>, ProtocolError> {
        let (mut reader, mut scratch, mut events) = (MessageReader::new(1000), Vec::new(), Vec::new());
        for mut input in bytes.chunks(chunk) {
            while let Some(event) = reader.next(&mut input, &mut scratch)? {
                events.push(format!("{event:?}"));
            }
            assert!(input.is_empty());
        }
        Ok(events)
    }

    fn refused(bytes: &[u8], error: &ProtocolError) {
        for chunk in [1, 3, bytes.len()] {
            assert_eq!(read(bytes, chunk).as_ref(), Err(error), "chunks of {chunk}");
        }
    }

    #[test]
    fn control_frames_between_fragments_do_not_disturb_the_message() {
        let mut bytes = frame(0x02, b"one ");
        bytes.extend(frame(0x89, b"ping"));
        bytes.extend(frame(0x00, b""));
        bytes.extend(frame(0x8a, b"pong"));
        bytes.extend(frame(0x80, b"message"));
        bytes.extend(frame(0x82, b"next"));
        let expected = [
            Event::Ping(b"ping"),
            Event::Pong(b"pong"),
            Event::Message(b"one message"),
            Event::Message(b"next"),
        ];
        for chunk in 1..bytes.len() {
            let events = read(&bytes, chunk).unwrap();
            assert_eq!(events, expected.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_unmasked_frame_is_refused() {
        refused(&[0x82, 0x02, 1, 2], &ProtocolError::UnmaskedFrame);
    }

    #[test]
    fn a_reserved_bit_is_refused() {
        for bit in [0x40, 0x20, 0x10] {
            refused(&frame(0x82 | bit, b"x"), &ProtocolError::ReservedBits);
        }
    }

    #[test]
    fn an_unknown_opcode_is_refused() {
        for opcode in [3, 7, 11, 15] {
            refused(&frame(0x80 | opcode, b"x"), &ProtocolError::UnknownOpcode { opcode });
        }
    }

    #[test]
    fn a_fragmented_or_long_control_frame_is_refused() {
        refused(&frame(0x09, b"x"), &ProtocolError::FragmentedControl);
        refused(&frame(0x89, &[0; 126]), &ProtocolError::LongControl { bytes: 126 });
    }

    #[test]
    fn a_continuation_of_nothing_is_refused() {
        refused(&frame(0x80, b"x"), &ProtocolError::UnexpectedContinuation);
    }

    #[test]
    fn a_new_message_inside_a_fragmented_one_is_refused() {
        let bytes = [frame(0x02, b"x"), frame(0x82, b"y")].concat();
        refused(&bytes, &ProtocolError::UnfinishedMessage);
    }

    #[test]
    fn a_text_message_is_refused_by_its_header() {
        refused(&frame(0x81, b"text")[..6], &ProtocolError::TextMessage);
    }

    #[test]
    fn a_claimed_length_beyond_the_limit_is_refused_before_the_payload_arrives() {
        let claim = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &MASK].concat();
        refused(&claim, &ProtocolError::MessageTooLarge { bytes: u64::MAX, limit: 1000 });
    }

    #[test]
    fn fragments_that_exceed_the_limit_together_are_refused() {
        let bytes = [frame(0x02, &[7; 600]), frame(0x80, &[7; 600])[..8].to_vec()].concat();
        refused(&bytes, &ProtocolError::MessageTooLarge { bytes: 1200, limit: 1000 });
    }

    #[test]
    fn a_close_frame_is_read_with_code_and_reason() {
        let bytes = frame(0x88, b"\x03\xe9going");
        let expected = vec![format!("{:?}", Event::Close(CloseCode::GOING_AWAY, "going"))];
        assert_eq!(read(&bytes, 1), Ok(expected));
    }
}
