//! What an engine can be asked to do.

use crate::input::Edit;

/// A document of one library, with one text in it. What fails panics: a bench that cannot go on has nothing to report.
pub trait Engine: Sized + 'static {
    /// As it appears in the tables.
    const NAME: &'static str;
    /// How many random edits at how many characters can be waited for; all where a walk over the document is not needed.
    const PATIENCE: fn(characters: usize) -> usize = |_| usize::MAX;

    /// An empty document whose edits carry `client`.
    fn new(client: u32) -> Self;

    /// Makes one edit in a transaction of its own.
    fn edit(&mut self, edit: &Edit);

    /// Makes every edit in a transaction of its own and hands over the update of each.
    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>>;

    /// Applies one update.
    fn apply(&mut self, update: &[u8]);

    /// The text.
    fn text(&self) -> String;

    /// The whole document as bytes.
    fn encode(&self) -> Vec<u8>;

    /// The document that was encoded.
    fn load(encoded: &[u8]) -> Self;

    /// The whole document in the other encoding, if there is one.
    fn encode_v2(&self) -> Option<Vec<u8>> {
        None
    }

    /// One update instead of many, made without a document, if the library can.
    fn merge(_updates: &[Vec<u8>]) -> Option<Vec<u8>> {
        None
    }
}
