//! The wire of a collaboration server, without sockets or clocks: bytes and `now` in, effects out.
//!
//! The data flows from the top of this list to the bottom and back:
//!
//! - [`MessageReader`] turns the bytes of a socket into whole WebSocket messages (RFC 6455, the server's side);
//! - [`Message`] and [`decode_awareness`] read the protocol of y-websocket inside them;
//! - [`Hub`] keeps rooms, each with one document, applies what peers send, and says once per tick of the caller's event
//!   loop what to write to whom, what to log and whom to close: [`Effects`].
//!
//! A fault of a peer is a [`ProtocolError`] and closes that peer alone; a fault of the caller is a [`HubError`].
//!
//! ```
//! use officina_sync::{Access, Document, Effects, Hub, Limits};
//!
//! let mut hub = Hub::new(Limits::default());
//! hub.load("notes", Document::empty())?;
//! let peer = hub.open("notes", Access::default(), 0.0)?;
//!
//! let mut effects = Effects::default();
//! hub.tick(0.0, &mut effects);
//! // The server asks the newcomer what it knows: a binary frame of four bytes, sync step 1, an empty state vector.
//! assert_eq!(effects.sends().next(), Some((&[0x82, 4, 0, 0, 1, 0][..], &[peer][..])));
//! # Ok::<(), officina_sync::HubError>(())
//! ```

#![forbid(unsafe_code)]

mod awareness;
mod close;
mod document;
mod effects;
mod error;
mod frame;
mod hub;
mod keepalive;
mod message;
mod peer;
mod reader;
mod room;
mod stats;

pub use awareness::{
    AwarenessEntry, MAX_STATE_BYTES, MAX_STATES_PER_PEER, decode_awareness, encode_awareness,
};
pub use close::{CloseCode, write_close};
pub use document::{Document, DocumentFailed, ReplayError};
pub use effects::{Append, Effects};
pub use error::ProtocolError;
pub use frame::{Opcode, write_frame};
pub use hub::{Hub, HubError, Limits};
pub use message::Message;
pub use peer::{Access, PeerId};
pub use reader::{Event, MessageReader};
pub use stats::Stats;
