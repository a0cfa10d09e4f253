//! The client side of RFC 6455, as far as a load generator needs it: no compression, no fragments.

use crate::Fault;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// In place of a length: two bytes of length follow, or eight.
const SHORT: u8 = 0x7e;
const LONG: u8 = 0x7f;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The bytes that ask `host` to turn the connection for `path` into a WebSocket.
pub(crate) fn upgrade_request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: b2ZmaWNpbmEgbG9hZGluZw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Where the server's answer to the upgrade ends, once it is whole.
///
/// # Errors
/// [`Fault::Refused`] with the status line when the server did not switch protocols.
pub(crate) fn upgrade_answer(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    if bytes.starts_with(b"HTTP/1.1 101") {
        return Ok(Some(end + 4));
    }
    let status = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    Err(Fault::Refused(String::from_utf8_lossy(status).into_owned()))
}

/// Appends `payload` as one masked binary frame.
pub(crate) fn write_binary(out: &mut Vec<u8>, payload: &[u8], mask: u32) {
    write_frame(out, BINARY, payload, mask);
}

/// Appends the answer to a ping.
pub(crate) fn write_pong(out: &mut Vec<u8>, payload: &[u8], mask: u32) {
    write_frame(out, PONG, payload, mask);
}

fn write_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: u32) {
    out.push(FIN | opcode);
    match payload.len() {
        length @ 0..126 => out.push(MASKED | u8::try_from(length).expect("below 126")),
        length if u16::try_from(length).is_ok() => {
            out.push(MASKED | SHORT);
            out.extend_from_slice(&u16::try_from(length).expect("checked above").to_be_bytes());
        }
        length => {
            out.push(MASKED | LONG);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let key = mask.to_be_bytes();
    out.extend_from_slice(&key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// The server ended the connection with this code.
    Close(u16),
}

/// The first frame of `bytes` and its length on the wire, once it is whole.
///
/// # Errors
/// [`Fault::Frame`] for fragments, masked frames and reserved bits.
pub(crate) fn read_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Fault> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if second & MASKED != 0 {
        return Err(Fault::Frame(*first));
    }
    let (length, header) = match second {
        &SHORT => (rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes))), 4),
        &LONG => (rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)), 10),
        length => (Some(u64::from(*length)), 2),
    };
    let Some(length) = length else { return Ok(None) };
    let length = usize::try_from(length).map_err(|_| Fault::Frame(*first))?;
    let Some(payload) = bytes[header..].get(..length) else { return Ok(None) };
    let frame = match (first & !0x0f, first & 0x0f) {
        (FIN, BINARY) => Frame::Binary(payload),
        (FIN, PING) => Frame::Ping(payload),
        (FIN, PONG) => Frame::Pong,
        (FIN, CLOSE) => Frame::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
        _ => return Err(Fault::Frame(*first)),
    };
    Ok(Some((frame, header + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_hides_the_payload_and_keeps_its_length() {
        let mut out = Vec::new();
        write_binary(&mut out, b"officina", 0x0102_0304);
        assert_eq!(out[..6], [0x82, 0x88, 1, 2, 3, 4]);
        let plain: Vec<u8> =
            out[6..].iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(plain, b"officina");
    }

    #[test]
    fn frames_of_all_three_lengths_are_read_whole_or_not_at_all() {
        for (header, length) in [
            (vec![0x82, 5], 5),
            (vec![0x82, 126, 1, 0], 256),
            (vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65536),
        ] {
            let wire = [header.clone(), vec![9; length]].concat();
            assert_eq!(read_frame(&wire[..wire.len() - 1]).expect("valid so far"), None);
            let (frame, used) = read_frame(&wire).expect("valid").expect("whole");
            assert_eq!((frame, used), (Frame::Binary(&wire[header.len()..]), wire.len()));
        }
    }

    #[test]
    fn fragments_and_masked_frames_are_refused() {
        assert!(read_frame(&[0x02, 1, 0]).is_err());
        assert!(read_frame(&[0x82, 0x81, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_refused_upgrade_names_the_status() {
        let refused = upgrade_answer(b"HTTP/1.1 404 Not Found\r\n\r\n");
        assert!(matches!(refused, Err(Fault::Refused(status)) if status == "HTTP/1.1 404 Not Found"));
        assert_eq!(
            upgrade_answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\nrest").expect("accepted"),
            Some(36)
        );
    }
}
