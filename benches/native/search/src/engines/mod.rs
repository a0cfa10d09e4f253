//! One adapter for each engine, written as a good engineer would with its documentation at hand.

pub mod officina;
pub mod seekstorm;
pub mod tantivy;
