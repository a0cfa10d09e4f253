//! What a peer can do wrong, and the close code each fault earns.

use crate::close::CloseCode;
use crate::document::DocumentFailed;
use officina_crdt::DecodeError;

/// Why a peer is closed. The message becomes the reason in the close frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A client's frame is not masked (RFC 6455, section 5.1).
    #[error("frame is not masked")]
    UnmaskedFrame,
    /// A reserved bit is set although no extension was agreed.
    #[error("reserved bit set, no extension was agreed")]
    ReservedBits,
    /// The opcode has no meaning.
    #[error("unknown opcode {opcode}")]
    UnknownOpcode {
        /// The opcode found.
        opcode: u8,
    },
    /// A ping, pong or close frame that is not its message's last.
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A ping, pong or close frame of more than 125 bytes.
    #[error("control frame of {bytes} bytes, at most 125 allowed")]
    LongControl {
        /// The length claimed.
        bytes: u64,
    },
    /// A continuation without a message to continue.
    #[error("continuation frame without a message to continue")]
    UnexpectedContinuation,
    /// A new message in the middle of a fragmented one.
    #[error("new message before the end of the fragmented one")]
    UnfinishedMessage,
    /// A close frame with a payload of one byte, or with a code that must not be sent.
    #[error("invalid close code")]
    InvalidCloseCode,
    /// The reason in a close frame is not UTF-8.
    #[error("close reason is not valid UTF-8")]
    InvalidCloseReason,
    /// A text message; every protocol served here is binary.
    #[error("text message, only binary ones are understood")]
    TextMessage,
    /// A message longer than allowed; found by its header, before its payload is kept.
    #[error("message of {bytes} bytes, at most {limit} allowed")]
    MessageTooLarge {
        /// The length claimed so far.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// A message that cannot be decoded.
    #[error("{what}: {error}")]
    Undecodable {
        /// Which message or part of it.
        what: &'static str,
        /// Where and how the decoding failed.
        error: DecodeError,
    },
    /// An awareness state is not JSON, so no client could read it.
    #[error("awareness state is not valid JSON")]
    InvalidAwarenessState,
    /// An awareness state longer than allowed.
    #[error("awareness state of {bytes} bytes, at most {limit} allowed")]
    AwarenessStateTooLarge {
        /// The state's length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// One peer speaks for more clients than allowed.
    #[error("awareness states of more than {limit} clients")]
    TooManyAwarenessStates {
        /// The limit.
        limit: usize,
    },
    /// A message type that this server does not know.
    #[error("unknown message type {kind}")]
    UnknownMessageType {
        /// The type found.
        kind: u64,
    },
    /// A sync message of an unknown kind.
    #[error("unknown sync message type {kind}")]
    UnknownSyncType {
        /// The kind found.
        kind: u64,
    },
    /// A peer with the right to read alone sent a change.
    #[error("this connection may read but not write")]
    ReadOnly,
    /// The peer reads more slowly than the document changes.
    #[error("too slow: more than {limit} bytes are waiting")]
    SlowConsumer {
        /// The limit on waiting bytes.
        limit: usize,
    },
    /// Nothing was heard from the peer for too long.
    #[error("no answer to a ping")]
    PingTimeout,
    /// A fault of ours made the document unusable in this process.
    #[error(transparent)]
    DocumentFailed(#[from] DocumentFailed),
}

impl ProtocolError {
    /// The close code that tells the peer whose fault it was and whether to try again.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::UnmaskedFrame
            | Self::ReservedBits
            | Self::UnknownOpcode { .. }
            | Self::FragmentedControl
            | Self::LongControl { .. }
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::InvalidCloseCode => CloseCode::PROTOCOL_ERROR,
            Self::TextMessage | Self::UnknownMessageType { .. } => CloseCode::UNSUPPORTED_DATA,
            Self::InvalidCloseReason
            | Self::Undecodable { .. }
            | Self::InvalidAwarenessState
            | Self::UnknownSyncType { .. } => CloseCode::INVALID_DATA,
            Self::ReadOnly | Self::TooManyAwarenessStates { .. } => CloseCode::POLICY_VIOLATION,
            Self::MessageTooLarge { .. } | Self::AwarenessStateTooLarge { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::PingTimeout | Self::DocumentFailed(_) => CloseCode::INTERNAL_ERROR,
            Self::SlowConsumer { .. } => CloseCode::TRY_AGAIN_LATER,
        }
    }
}
