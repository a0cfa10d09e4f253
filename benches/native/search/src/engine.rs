//! What a search engine can be asked to do.

use std::path::Path;

use crate::input::{Listing, Query};

/// An index of one library. What fails panics: a bench that cannot go on has nothing to report.
pub trait Engine: Sized {
    /// Whether the next search sees what was added or removed, so that a change can be timed.
    const CHANGES_AT_ONCE: bool = true;

    /// Indexes all listings; files, if it has any, go into `folder`.
    fn build(listings: impl Iterator<Item = Listing>, folder: &Path) -> Self;

    /// The ids of the first ten hits; all that it takes from the typed text on.
    fn search(&self, query: &Query) -> Vec<u64>;

    /// Adds one more; the next search can find it.
    fn add(&mut self, listing: &Listing);

    /// Takes one away; the next search does not find it.
    fn remove(&mut self, id: u64);
}
