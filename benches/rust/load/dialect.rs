//! The two ways to wrap Yjs sync messages: y-websocket's, and hocuspocus's, which names the document in each message.

use std::str::FromStr;

use crate::Fault;
use crate::lib0::{Reader, write_bytes, write_uint};

const SYNC: u64 = 0;
const AUTH: u64 = 2;
const SYNC_REPLY: u64 = 4;
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;
const EMPTY: &[u8] = &[0];
const EMPTY_UPDATE: &[u8] = &[0, 0];

/// Which server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Yjs,
    Hocuspocus,
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "yjs" => Ok(Self::Yjs),
            "hocuspocus" => Ok(Self::Hocuspocus),
            _ => Err(format!("{name} is not yjs or hocuspocus")),
        }
    }
}

/// What a message from the server means to a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// The server asks what this client has.
    Question,
    /// The answer to this client's question: everything the server has.
    Answer(&'a [u8]),
    Update(&'a [u8]),
    /// Awareness, acknowledgements, permissions: read, and of no interest here.
    Other,
}

impl Dialect {
    /// What a client says first, one payload per frame.
    pub(crate) fn greeting(self, room: &str) -> Vec<Vec<u8>> {
        let question = self.sync(room, STEP_1, EMPTY);
        match self {
            Self::Yjs => vec![question],
            Self::Hocuspocus => {
                let mut token = Vec::new();
                write_bytes(&mut token, room.as_bytes());
                write_uint(&mut token, AUTH);
                write_uint(&mut token, 0);
                write_bytes(&mut token, b"token");
                write_bytes(&mut token, b"4.7.0");
                vec![token, question]
            }
        }
    }

    /// The answer to the server's question of a client that has nothing of its own.
    pub(crate) fn nothing_new(self, room: &str) -> Vec<u8> {
        self.sync(room, STEP_2, EMPTY_UPDATE)
    }

    /// The message that carries `update`.
    pub(crate) fn update(self, room: &str, update: &[u8]) -> Vec<u8> {
        self.sync(room, UPDATE, update)
    }

    fn sync(self, room: &str, step: u64, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len() + room.len() + 8);
        if self == Self::Hocuspocus {
            write_bytes(&mut out, room.as_bytes());
        }
        write_uint(&mut out, SYNC);
        write_uint(&mut out, step);
        write_bytes(&mut out, content);
        out
    }

    /// Calls `hear` with each message of a frame's payload: a server may put several into one frame.
    ///
    /// # Errors
    /// [`Fault::Truncated`] when a sync message is cut short.
    pub(crate) fn each_message<'a>(
        self,
        payload: &'a [u8],
        mut hear: impl FnMut(Message<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            if self == Self::Hocuspocus {
                reader.bytes()?;
            }
            let (SYNC | SYNC_REPLY) = reader.uint()? else { return hear(Message::Other) };
            let (step, content) = (reader.uint()?, reader.bytes()?);
            hear(match step {
                STEP_1 => Message::Question,
                STEP_2 => Message::Answer(content),
                _ => Message::Update(content),
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(dialect: Dialect, payload: &[u8]) -> Vec<Message<'_>> {
        let mut messages = Vec::new();
        dialect
            .each_message(payload, |message| {
                messages.push(message);
                Ok(())
            })
            .expect("valid messages");
        messages
    }

    #[test]
    fn several_messages_in_one_frame_are_all_heard() {
        let payload = [
            Dialect::Yjs.nothing_new("r"),
            Dialect::Yjs.update("r", &[7]),
            Dialect::Yjs.sync("r", STEP_1, EMPTY),
        ]
        .concat();
        let expected = [Message::Answer(EMPTY_UPDATE), Message::Update(&[7]), Message::Question];
        assert_eq!(messages(Dialect::Yjs, &payload), expected);
    }

    #[test]
    fn hocuspocus_names_the_document_first() {
        let payload = Dialect::Hocuspocus.update("room", &[7]);
        assert!(payload.starts_with(b"\x04room"));
        assert_eq!(messages(Dialect::Hocuspocus, &payload), [Message::Update(&[7])]);
    }

    #[test]
    fn an_acknowledgement_is_of_no_interest() {
        assert_eq!(messages(Dialect::Hocuspocus, b"\x04room\x08\x01"), [Message::Other]);
    }
}
