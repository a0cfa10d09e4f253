//! A Yjs-compatible CRDT engine.
#![forbid(unsafe_code)]
