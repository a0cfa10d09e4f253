//! YATA: beside which of the blocks that others inserted at the same place a block goes.
//!
//! # Source
//! Yjs 13.6, `Item#integrate`. Nicolaescu, Jahns, Derntl, Klamma: "Near Real-Time Peer-to-Peer Shared Editing on Extensible
//! Data Types" (2016).

use hashbrown::HashMap;

use crate::block::{ItemId, NONE};
use crate::id::ClientId;

/// Blocks in a row, of which each knows beside which units it was inserted.
pub(crate) trait Row {
    /// Names a unit, or none.
    type Unit: Copy + PartialEq;

    fn block(&self, at: ItemId) -> Listed<Self::Unit>;

    /// Whether a block holds a unit.
    fn holds(&self, at: ItemId, unit: Self::Unit) -> bool;

    /// The block that holds a unit; [`None`] if it names none.
    fn holder(&self, unit: Self::Unit) -> Option<ItemId>;
}

/// A block that stands in a row.
pub(crate) struct Listed<Unit> {
    pub(crate) author: ClientId,
    /// The last unit of what stood left of it, and the first of what stood right of it, when it was inserted.
    pub(crate) origin: Unit,
    pub(crate) right_origin: Unit,
    /// What stands right of it now.
    pub(crate) right: ItemId,
}

/// A block that is to be put between two others.
pub(crate) struct Newcomer<Unit> {
    pub(crate) author: ClientId,
    pub(crate) origin: Unit,
    pub(crate) right_origin: Unit,
    /// The block that holds the origin, and what stands right of that now.
    pub(crate) left: ItemId,
    pub(crate) next: ItemId,
    /// The block that holds the right origin.
    pub(crate) right: ItemId,
}

/// The block right of which a new one goes: over those that come first of all that were inserted at the same place.
#[inline]
pub(crate) fn left_neighbor<R: Row>(row: &R, new: &Newcomer<R::Unit>) -> ItemId {
    let (mut left, mut at) = (new.left, new.next);
    while at != NONE && at != new.right {
        let other = row.block(at);
        if other.origin != new.origin {
            return left_neighbor_among_nested(row, new);
        }
        if other.author < new.author {
            left = at;
        } else if other.right_origin == new.right_origin {
            break;
        }
        at = other.right;
    }
    left
}

/// The same where blocks that were inserted next to conflicting ones have to be told from the rest.
fn left_neighbor_among_nested<R: Row>(row: &R, new: &Newcomer<R::Unit>) -> ItemId {
    let (mut left, mut at) = (new.left, new.next);
    let mut passed = Passed::default();
    // Those of `passed` from here on conflict with the new block; earlier ones are settled to its left.
    let mut first_conflict = 0;
    while at != NONE && at != new.right {
        passed.order.push(at);
        let other = row.block(at);
        if other.origin == new.origin {
            if other.author < new.author {
                left = at;
                first_conflict = passed.order.len();
            } else if other.right_origin == new.right_origin {
                break;
            }
        } else if let Some(rank) = passed.rank_of_holder(row, other.origin) {
            if rank < first_conflict {
                left = at;
                first_conflict = passed.order.len();
            }
        } else {
            break;
        }
        at = other.right;
    }
    left
}

/// The blocks that have been walked over, in order.
#[derive(Default)]
struct Passed {
    order: Vec<ItemId>,
    /// Where each of them stands, as far as that was asked for.
    ranks: HashMap<ItemId, usize>,
}

impl Passed {
    /// Up to this many a scan beats hashing.
    const SCANNED: usize = 16;

    /// Where among the passed blocks the one that holds the origin of the last of them stands. Often it is the one before:
    /// then nothing is searched.
    fn rank_of_holder<R: Row>(&mut self, row: &R, origin: R::Unit) -> Option<usize> {
        let before = self.order.len().checked_sub(2)?;
        if row.holds(self.order[before], origin) {
            return Some(before);
        }
        self.rank(row.holder(origin)?)
    }

    fn rank(&mut self, item: ItemId) -> Option<usize> {
        if self.order.len() < Self::SCANNED {
            return self.order.iter().position(|&passed| passed == item);
        }
        let known = self.ranks.len();
        self.ranks.extend(self.order[known..].iter().copied().zip(known..));
        self.ranks.get(&item).copied()
    }
}
