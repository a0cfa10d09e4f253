/// Names one replica; at most 53 bits, as JavaScript's integers allow.
pub type ClientId = u64;

/// Names one unit of content: the `clock`-th that `client` inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The replica that inserted the unit.
    pub client: ClientId,
    /// Counts that replica's units, from 0.
    pub clock: u32,
}
