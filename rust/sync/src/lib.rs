//! The wire of a collaboration server.
#![forbid(unsafe_code)]
