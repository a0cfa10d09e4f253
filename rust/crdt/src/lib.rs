//! A Yjs-compatible CRDT engine: shared text, maps and arrays that merge without conflicts.

#![forbid(unsafe_code)]

mod any;
mod delete_set;
mod error;
mod id;
pub mod lib0;
mod state_vector;

pub use any::Any;
pub use delete_set::DeleteSet;
pub use error::DecodeError;
pub use id::{ClientId, Id};
pub use state_vector::StateVector;
