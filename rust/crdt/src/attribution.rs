//! Who wrote which part of a sequence.

use crate::block::NONE;
use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::EditError;
use crate::id::ClientId;
use crate::tree::{Located, Unit};

/// A stretch of a sequence that one client inserted, in the unit that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribution {
    /// Who inserted it.
    pub client: ClientId,
    /// The index of its first unit.
    pub start: u32,
    /// The index after its last unit.
    pub end: u32,
}

impl Doc {
    /// Who inserted what between two positions, in order; neighbors by one client are one stretch.
    /// O(log n) and the blocks between.
    ///
    /// # Errors
    /// [`EditError`] when the positions are out of range or the type was deleted.
    pub fn attribution(
        &self,
        target: SharedType,
        start: u32,
        end: u32,
        unit: Unit,
    ) -> Result<Vec<Attribution>, EditError> {
        let store = &self.store;
        store.check_alive(target.0)?;
        let len = self.len(target, unit);
        if start > end || end > len {
            return Err(EditError::OutOfRange { index: u64::from(end.max(start)), len });
        }
        let mut stretches: Vec<Attribution> = Vec::new();
        let Some(Located { item: mut at, start: mut index }) = store.locate(target.0, start, unit) else {
            return Ok(stretches);
        };
        while at != NONE && index < end && start < end {
            let item = store.item(at);
            let size = item.visible_size().in_unit(unit);
            if size > 0 {
                let client = store.clients.get(item.client).client;
                let (from, to) = (index.max(start), (index + size).min(end));
                match stretches.last_mut() {
                    Some(last) if last.client == client => last.end = to,
                    _ => stretches.push(Attribution { client, start: from, end: to }),
                }
            }
            index += size;
            at = item.right;
        }
        Ok(stretches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::TypeTag;

    #[test]
    fn every_stretch_names_its_author() {
        let mut ours = Doc::new(1);
        let text = ours.root("text", TypeTag::Text).unwrap();
        ours.insert_text(text, 0, "hello world", Unit::CodePoint).unwrap();
        let mut theirs = Doc::new(2);
        theirs.apply_update(&ours.encode_update()).unwrap();
        let same = theirs.root("text", TypeTag::Text).unwrap();
        theirs.insert_text(same, 5, "😀😀", Unit::CodePoint).unwrap();
        ours.apply_update(&theirs.encode_update()).unwrap();
        ours.delete(text, 0, 2, Unit::CodePoint).unwrap();
        let found = |start, end| {
            let stretches = ours.attribution(text, start, end, Unit::CodePoint).unwrap();
            stretches.iter().map(|found| (found.client, found.start, found.end)).collect::<Vec<_>>()
        };
        assert_eq!(found(0, 11), [(1, 0, 3), (2, 3, 5), (1, 5, 11)]);
        assert_eq!(found(4, 6), [(2, 4, 5), (1, 5, 6)]);
        assert_eq!(found(11, 11), []);
        assert!(ours.attribution(text, 0, 12, Unit::CodePoint).is_err());
        assert!(ours.attribution(text, 3, 2, Unit::CodePoint).is_err());
    }
}
