//! One adapter for each library, written the way that its documentation uses it.

pub mod cola;
pub mod diamond;
pub mod loro;
pub mod officina;
pub mod yrs;
