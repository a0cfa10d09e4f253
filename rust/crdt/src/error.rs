use crate::id::ClientId;

/// Why bytes are not a valid update, state vector or value. Nothing has been changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends in the middle of a field.
    #[error("input ends at byte {at}, {need} more needed")]
    Truncated {
        /// Where the field starts.
        at: usize,
        /// How many bytes are missing at least.
        need: usize,
    },
    /// Bytes follow the end of what was to be decoded.
    #[error("{count} bytes left over at byte {at}")]
    Trailing {
        /// Where the surplus starts.
        at: usize,
        /// How many surplus bytes there are.
        count: usize,
    },
    /// A variable-length integer exceeds the range its field allows.
    #[error("integer at byte {at} is larger than {max}")]
    IntegerTooLarge {
        /// Where the integer starts.
        at: usize,
        /// The largest value allowed here.
        max: u64,
    },
    /// A string is not UTF-8.
    #[error("string at byte {at} is not valid UTF-8")]
    InvalidUtf8 {
        /// Where the string's bytes start.
        at: usize,
    },
    /// A tag names no known kind.
    #[error("unknown {what} {tag} at byte {at}")]
    UnknownTag {
        /// What the tag selects: "content kind", "shared type" or "value type".
        what: &'static str,
        /// The tag found.
        tag: u64,
        /// Where it stands.
        at: usize,
    },
    /// A value is nested deeper than any document needs.
    #[error("value at byte {at} is nested deeper than {max} levels")]
    TooDeep {
        /// Where the offending level starts.
        at: usize,
        /// The limit.
        max: usize,
    },
    /// A block of length zero, which would never advance its client's clock.
    #[error("empty block at byte {at}")]
    EmptyBlock {
        /// Where the block starts.
        at: usize,
    },
    /// A block refers to itself or to a later block of the same client.
    #[error("block {client}:{clock} refers to its own future at byte {at}")]
    RefersAhead {
        /// The block's client.
        client: ClientId,
        /// The block's first clock.
        clock: u32,
        /// Where the block starts.
        at: usize,
    },
}
