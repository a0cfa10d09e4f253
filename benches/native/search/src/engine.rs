//! What a search engine can be asked to do.

use std::path::Path;

use crate::input::{Listing, Query};

/// An index of one library. What fails panics: a bench that cannot go on has nothing to report.
pub trait Engine: Sized {
    /// Indexes all listings; files, if it has any, go into `folder`.
    fn build(listings: impl Iterator<Item = Listing>, folder: &Path) -> Self;

    /// The ids of the first ten hits; all that it takes from the typed text on.
    fn search(&self, query: &Query) -> Vec<u64>;

    /// How it is changed, if the next search sees a change, so that it can be timed.
    fn changes(&mut self) -> Option<&mut dyn Changes> {
        None
    }
}

/// Changes that the next search sees.
pub trait Changes {
    /// Adds one more.
    fn add(&mut self, listing: &Listing);

    /// Takes one away.
    fn remove(&mut self, id: u64);
}
