use crate::id::{ClientId, Id};

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
    /// A string that must be JSON is not.
    #[error("string at byte {at} is not valid JSON")]
    InvalidJson {
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
    #[error("block at byte {at} is empty")]
    EmptyBlock {
        /// Where the block starts.
        at: usize,
    },
    /// A range of deletions without length.
    #[error("deleted range at byte {at} is empty")]
    EmptyRange {
        /// Where the range starts.
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
    /// The runs of a V2 update stand for far more than its size explains.
    #[error("update unfolds to more than {max} bytes")]
    Unfolds {
        /// How many bytes an update of that size may unfold to.
        max: usize,
    },
    /// The document has no room for more: its arenas are addressed by 32 bits, its blocks by 27.
    #[error("the document is full: no room for an update of {bytes} bytes")]
    DocumentFull {
        /// The size of the update.
        bytes: usize,
    },
}

/// One of a list of updates is not valid. Nothing has been changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("update {index} of the list: {error}")]
pub struct BatchError {
    /// Its place in the list, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: DecodeError,
}

/// Why a local edit was refused. Nothing has been changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// An index or range reaches past the end.
    #[error("index {index} is out of range for a length of {len}")]
    OutOfRange {
        /// The first index past what is allowed.
        index: u64,
        /// The length of the sequence.
        len: u32,
    },
    /// An index falls between the bytes or UTF-16 units of one character.
    #[error("index {index} lies inside a character")]
    InsideCharacter {
        /// The index.
        index: u32,
    },
    /// The shared type was deleted.
    #[error("the shared type was deleted and can no longer be changed")]
    Gone,
    /// A root was asked for as another type than it is.
    #[error("{name:?} is already a {found:?}, not a {asked:?}")]
    TypeMismatch {
        /// The name of the root.
        name: String,
        /// What it is.
        found: crate::TypeTag,
        /// What was asked for.
        asked: crate::TypeTag,
    },
    /// A value nests deeper than other replicas would read.
    #[error("the value is nested too deeply to be shared as JSON")]
    TooDeep,
    /// The document's clock or storage has no room for so much content.
    #[error("the document is full: no room for {units} more units")]
    Full {
        /// How many units were to be added.
        units: usize,
    },
    /// A version of the document is asked for, of which the content of this unit has been dropped.
    #[error("the content of {}:{} was dropped; a document keeps its versions from when it keeps what is deleted", .0.client, .0.clock)]
    Forgotten(Id),
    /// A version of the document is asked for that has this unit, which has not arrived here.
    #[error("the version has {}:{}, which this document has not received", .0.client, .0.clock)]
    Unknown(Id),
}

/// One of many replacements was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edit {at}: {error}")]
pub struct SpliceError {
    /// Its place in the list, from 0.
    pub at: usize,
    /// Why.
    pub error: EditError,
}

/// A file is not a document at rest that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrozenError {
    /// It does not begin as such a file does.
    #[error("this is not a frozen document: it does not begin with \"OFDOC\"")]
    NotADocument,
    /// It was written by a later version.
    #[error("the frozen document has version {version}, this library reads version 1")]
    UnknownVersion {
        /// The file's version.
        version: u8,
    },
    /// The checksum does not match.
    #[error("the frozen document is damaged: its checksum does not match")]
    Damaged,
    /// The checksum matches but what it covers is not well formed.
    #[error("the frozen document is not well formed: {0}")]
    Malformed(#[from] DecodeError),
    /// The document that is to take its place has roots, or the file names one twice.
    #[error("a frozen document needs an empty one to open in, and each root once")]
    NotEmpty,
}
