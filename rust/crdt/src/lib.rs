//! A Yjs-compatible CRDT engine: shared text, maps and arrays that merge without conflicts.
//!
//! A [`Doc`] is one replica. Edits made to it, and updates received from others, become blocks:
//! runs of content that one client inserted, each remembering its neighbors at the time. `integrate`
//! puts every block where `yata` wants it, in the order that `sections` knows, so that all replicas end up with the same
//! order. What makes it fast:
//!
//! * `block`, `items`, `arena`: a block takes 32 bytes and names a range of a shared text arena; splitting moves no text;
//! * `outline`, `tree`, `node`: a counted B+tree over the blocks of a sequence finds any position in O(log n), and a finger
//!   finds the next keystroke's in O(1); built when somebody first asks for a position;
//! * `index`, `numbers`: each client's blocks in clock order, chunked, for finding the block that an id names;
//! * `fill`: all blocks of an update are linked before any is stored, if the document holds nothing yet;
//! * `store`: keeps these in step while blocks are split, merged, deleted and collected;
//! * `typing`: text that goes on where it was a keystroke ago is added without asking anything again; `keystroke`: its
//!   update, written and read at once;
//! * `update`, `v2`, `write`, `encode`, `whole`, `merge`, `piece`: the V1 and V2 formats, with and without a
//!   document;
//! * `format`, `marks`, `rich_text`, `delta`, `text_event`: formatted text; `cleanup`: what Yjs tidies after a
//!   transaction;
//! * `pending`: what arrived too early; `batch`: many updates at once; `transaction`, `event`: what changed;
//! * `edit`, `read`: local edits, reading; `frozen`: a document at rest, opened at once;
//! * `undo`, `redo`: taking changes back; `snapshot`, `difference`, `attribution`: earlier versions and who wrote what;
//! * `position`: places that stay with their content; `relocation`: an element of an array moves;
//! * `id_map`, `rle`: attributes for ranges of ids, and the columns that they are encoded in;
//! * `xml`: XML types as text and as a tree; `subdocument`: documents inside documents;
//! * `any`, `json`, `json_value`, `javascript`: values, and how JavaScript would write them; `lib0`: the bytes.

#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "slots, clocks and lengths are 32 bits by design; `check_room` and `check_growth` guard what enters"
)]

mod any;
mod arena;
mod attributes;
mod attribution;
mod batch;
mod block;
mod branch;
mod cleanup;
mod delete_set;
mod delta;
mod difference;
mod doc;
mod edit;
mod encode;
mod error;
mod event;
mod fill;
mod format;
mod frozen;
mod id;
mod id_map;
mod index;
mod integrate;
mod items;
mod javascript;
mod json;
mod json_value;
mod keystroke;
pub mod lib0;
mod marks;
mod merge;
mod node;
mod numbers;
mod outline;
mod pending;
mod piece;
mod position;
mod read;
mod redo;
mod relocation;
mod rich_text;
mod rle;
mod sections;
mod snapshot;
mod state_vector;
mod store;
mod subdocument;
mod text_event;
mod transaction;
mod tree;
mod typing;
mod undo;
mod update;
mod v2;
mod whole;
mod write;
mod xml;
mod yata;

pub use any::Any;
pub use attributes::{Attributes, Json};
pub use attribution::Attribution;
pub use batch::Batch;
pub use delete_set::DeleteSet;
pub use delta::TextOp;
pub use difference::{Difference, Formatting};
pub use doc::{Applied, Changes, Doc, Listening, States, Statistics};
pub use edit::{Input, SharedType, Splice};
pub use error::{BatchError, DecodeError, EditError, FrozenError, SpliceError};
pub use event::{Delta, Event, KeyChange, PathStep};
pub use frozen::Frozen;
pub use id::{ClientId, Id};
pub use id_map::{Attribute, AttributedRange, IdMap};
pub use json::is_json;
pub use merge::{
    DeletedContent, convert_update, diff_update, diff_update_as, merge_disjoint_updates, merge_updates,
    merge_updates_as, state_vector_from_update, state_vector_from_update_as,
};
pub use position::{Anchor, RelativePosition};
pub use read::{TooDeep, Tree, Value};
pub use snapshot::Snapshot;
pub use state_vector::StateVector;
pub use subdocument::{Instance, NewSubdocument, Subdocument, SubdocumentChanges, SubdocumentOptions};
pub use tree::Unit;
pub use undo::{StackItem, Step, UndoManager};
pub use update::{Encoding, TypeTag};
