//! An update into a document that holds nothing: most often all of another document.
//!
//! Blocks refer to units in the middle of others, which are cut there. When they come one after the other, each takes two
//! searches, a cut, and room in the index that moves others. Here every cut is known before anything is listed. So the
//! pieces are numbered in clock order from the beginning, a unit is found by counting the cuts before it, and the links
//! between the pieces are made before their content is stored.
//!
//! What is not made for that (blocks that miss something, map entries that replace what is not yet deleted, what belongs to
//! collected blocks) is noticed before the document has changed, and integrated one by one.

use std::ops::Range;

use hashbrown::HashMap;

use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::id::{ClientId, Id};
use crate::sections::{Run, Section, walk};
use crate::store::Store;
use crate::update::{Carrier, Parent, Update};
use crate::yata::{Listed, Newcomer, Row, left_neighbor};

/// So many pieces are walked over at most, not counting those that were inserted at the same place in a sequence. Where many
/// have set the same map entry at the same time, [`Store::integrate`] knows better than to walk over all.
const PASSED_PER_PIECE: usize = 8;

/// Units of all clients, one client after the other, with a mark on each at which a piece begins.
#[derive(Debug)]
struct Cuts {
    words: Vec<Word>,
}

/// The marks of 64 units.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    marks: u64,
    /// How many marks there are before these.
    before: u32,
}

impl Cuts {
    fn new(units: usize) -> Self {
        Self { words: vec![Word::default(); units.div_ceil(64)] }
    }

    #[inline]
    fn mark(&mut self, unit: usize) {
        self.words[unit / 64].marks |= 1 << (unit % 64);
    }

    /// Counts the marks; returns how many there are.
    fn count(&mut self) -> u32 {
        let mut before = 0;
        for word in &mut self.words {
            word.before = before;
            before += word.marks.count_ones();
        }
        before
    }

    /// The number of the piece that holds a unit.
    #[inline]
    fn piece(&self, unit: usize) -> ItemId {
        let word = self.words[unit / 64];
        word.before + (word.marks << (63 - unit % 64)).count_ones() - 1
    }

    /// The first mark from a unit on; there must be one.
    #[inline]
    fn next(&self, unit: usize) -> usize {
        let mut at = unit / 64;
        let mut marks = self.words[at].marks >> (unit % 64) << (unit % 64);
        while marks == 0 {
            at += 1;
            marks = self.words[at].marks;
        }
        at * 64 + marks.trailing_zeros() as usize
    }
}

/// One client of the update.
#[derive(Debug)]
struct Author {
    client: ClientId,
    /// The number of its first unit among those of all clients, and how many it has.
    base: usize,
    len: u32,
    /// Its first unit that is not linked yet, and the piece that begins with it.
    clock: u32,
    piece: ItemId,
}

/// A block, or a part of one, with the numbers of those around it.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    carrier: &'a Carrier,
    clock: u32,
    /// What holds its origins.
    origin: ItemId,
    right_origin: ItemId,
    left: ItemId,
    right: ItemId,
    /// Which of the [`List`]s it is in; [`NONE`] if it is collected.
    list: u32,
}

/// A sequence, or all that stands under one key.
#[derive(Debug)]
struct List<'a> {
    holder: Holder<'a>,
    key: Option<&'a str>,
    first: ItemId,
    last: ItemId,
    /// How many blocks stand under the key.
    entries: u32,
}

/// The shared type that a list belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder<'a> {
    Root(&'a str),
    Piece(ItemId),
}

/// Where every block of an update goes in a document that holds nothing.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    bytes: &'a [u8],
    /// Sorted by client.
    authors: Vec<Author>,
    /// The author that was asked for last.
    recent: usize,
    cuts: Cuts,
    /// In clock order, one client after the other.
    pieces: Vec<Piece<'a>>,
    /// Which pieces follow each other in the order in which blocks are integrated.
    runs: Vec<Range<ItemId>>,
    lists: Vec<List<'a>>,
    by_name: HashMap<(Holder<'a>, Option<&'a str>), u32>,
    /// Whether a map entry was inserted left of another.
    bounded_entries: bool,
    /// How many pieces may have been walked over.
    passed: usize,
}

impl<'a> Plan<'a> {
    /// [`None`] if the blocks have to be integrated one by one.
    pub(crate) fn of(update: &'a Update, bytes: &'a [u8]) -> Option<Self> {
        let mut sections = Section::all(update);
        let authors = authors(&sections)?;
        let units = authors.last().map_or(0, |last| last.base + last.len as usize);
        // The marks take no more room than the update then.
        if units > bytes.len().saturating_mul(8) {
            return None;
        }
        let mut plan = Self {
            bytes,
            authors,
            recent: 0,
            cuts: Cuts::new(units),
            pieces: Vec::new(),
            runs: Vec::new(),
            lists: Vec::new(),
            by_name: HashMap::new(),
            bounded_entries: false,
            passed: 0,
        };
        plan.cut(update)?;
        walk(&mut sections, |carriers| plan.link_run(carriers))?;
        sections.iter().all(|section| section.left.is_empty()).then_some(plan)
    }

    /// Finds all pieces.
    fn cut(&mut self, update: &'a Update) -> Option<()> {
        for carrier in &update.blocks {
            let first = self.unit(Id { client: carrier.client, clock: carrier.clock })?;
            self.cuts.mark(first);
            if let Some(origin) = carrier.origin {
                let unit = self.unit(origin)?;
                if origin.clock + 1 < self.authors[self.recent].len {
                    self.cuts.mark(unit + 1);
                }
            }
            if let Some(right_origin) = carrier.right_origin {
                let unit = self.unit(right_origin)?;
                self.cuts.mark(unit);
            }
        }
        let nothing = Piece {
            carrier: update.blocks.first()?,
            clock: 0,
            origin: NONE,
            right_origin: NONE,
            left: NONE,
            right: NONE,
            list: NONE,
        };
        self.pieces = vec![nothing; self.cuts.count() as usize];
        for author in &mut self.authors {
            author.piece = self.cuts.piece(author.base);
        }
        Some(())
    }

    /// The author with that id, if the update has units of it.
    #[inline]
    fn author(&mut self, client: ClientId) -> Option<usize> {
        if self.authors.get(self.recent).is_none_or(|author| author.client != client) {
            self.recent = self.authors.binary_search_by_key(&client, |author| author.client).ok()?;
        }
        Some(self.recent)
    }

    /// The number of a unit among those of all clients; [`None`] if the update does not have it.
    #[inline]
    fn unit(&mut self, id: Id) -> Option<usize> {
        let author = self.author(id.client)?;
        let Author { base, len, .. } = self.authors[author];
        (id.clock < len).then_some(base + id.clock as usize)
    }

    /// The piece that holds a unit, if there is one and it is linked.
    #[inline]
    fn linked(&mut self, id: Id) -> Result<ItemId, Missing> {
        let author = self.author(id.client).ok_or(Missing(id))?;
        let Author { base, clock, .. } = self.authors[author];
        if id.clock < clock { Ok(self.cuts.piece(base + id.clock as usize)) } else { Err(Missing(id)) }
    }

    /// Links blocks of one client until one misses something; [`None`] to give up.
    fn link_run(&mut self, carriers: &'a [Carrier]) -> Option<Run> {
        let mut run = Run { done: 0, added: false, missing: None };
        let Some(first) = carriers.first() else { return Some(run) };
        let author = self.author(first.client)?;
        let begin = self.authors[author].piece;
        for carrier in carriers {
            match self.place_of(carrier) {
                Err(Missing(id)) => {
                    run.missing = Some(id);
                    break;
                }
                Ok(place) => self.link(author, carrier, place)?,
            }
            run.done += 1;
        }
        self.runs.push(begin..self.authors[author].piece);
        Some(run)
    }

    /// What holds the units that a block refers to, which all must be there.
    #[inline]
    fn place_of(&mut self, carrier: &Carrier) -> Result<Place, Missing> {
        let mut linked = |id: Option<Id>| id.map_or(Ok(NONE), |id| self.linked(id));
        let origin = linked(carrier.origin)?;
        let parent = linked(if let Parent::Block(id) = carrier.parent { Some(id) } else { None })?;
        let right_origin = linked(carrier.right_origin)?;
        Ok(Place { origin, parent, right_origin })
    }

    /// Links a block whose place is known; [`None`] to give up.
    #[inline]
    fn link(&mut self, author: usize, carrier: &'a Carrier, place: Place) -> Option<()> {
        let from = self.authors[author].piece;
        let begin = self.authors[author].base + carrier.clock as usize;
        let to = self.cuts.piece(begin + carrier.len as usize - 1);
        let at = &mut self.authors[author];
        (at.clock, at.piece) = (carrier.end(), to + 1);
        let nothing = Piece { carrier, clock: carrier.clock, ..self.pieces[from as usize] };
        if carrier.kind == Some(Kind::Gc) {
            self.pieces[from as usize] = nothing;
            // A cut in it is of a block that belongs to it.
            return (from == to).then_some(());
        }
        let (left, right, list) = self.between(carrier, place)?;
        let mut piece =
            Piece { origin: place.origin, right_origin: place.right_origin, left, list, ..nothing };
        for at in from..to {
            piece.right = at + 1;
            self.pieces[at as usize] = piece;
            let clock = self.cuts.next(begin + (piece.clock - carrier.clock) as usize + 1) - begin;
            piece = Piece { clock: carrier.clock + clock as u32, origin: at, left: at, ..piece };
        }
        self.pieces[to as usize] = Piece { right, ..piece };
        let ends = &mut self.lists[list as usize];
        match left {
            NONE => ends.first = from,
            _ => self.pieces[left as usize].right = from,
        }
        match right {
            NONE => ends.last = to,
            _ => self.pieces[right as usize].left = to,
        }
        Some(())
    }

    /// Between which pieces, and in which list, a block goes; [`None`] to give up.
    #[inline]
    fn between(&mut self, carrier: &Carrier, place: Place) -> Option<(ItemId, ItemId, u32)> {
        let Place { origin, right_origin, .. } = place;
        let list = if origin != NONE {
            self.pieces[origin as usize].list
        } else if right_origin != NONE {
            self.pieces[right_origin as usize].list
        } else {
            self.list_of(carrier, place.parent)?
        };
        let is_elsewhere = |piece: ItemId| piece != NONE && self.pieces[piece as usize].list != list;
        if list == NONE || is_elsewhere(right_origin) {
            return None;
        }
        let (mut left, mut next) = (origin, self.next(origin, list));
        if next != right_origin {
            self.pass(self.lists[list as usize].entries)?;
            if right_origin <= origin && origin != NONE {
                self.tell_apart(right_origin, origin)?;
            }
            let author = carrier.client;
            left = left_neighbor(
                self,
                &Newcomer { author, origin, right_origin, left, next, right: right_origin },
            );
            next = self.next(left, list);
        }
        if self.lists[list as usize].key.is_some() {
            self.bounded_entries |= right_origin != NONE;
            // An entry replaces what stands left of it, and is replaced by what stands right of it.
            let replaced = if next == NONE {
                self.pieces.get(left as usize).map(|it| it.carrier)
            } else {
                Some(carrier)
            };
            if replaced.is_some_and(|it| it.kind != Some(Kind::Deleted)) {
                return None;
            }
            self.lists[list as usize].entries += 1;
        }
        Some((left, next, list))
    }

    /// Counts pieces that may be walked over; [`None`] if there were too many.
    #[inline]
    fn pass(&mut self, pieces: u32) -> Option<()> {
        self.passed += pieces as usize;
        (self.passed <= self.pieces.len() * PASSED_PER_PIECE).then_some(())
    }

    /// [`None`] if one piece stands left of another, and all that is between them is one run: where a block goes that
    /// names them in that order as its neighbors depends on how the run has been cut before.
    fn tell_apart(&mut self, mut at: ItemId, end: ItemId) -> Option<()> {
        while at != end {
            if self.pieces[at as usize].right != at + 1 {
                return Some(());
            }
            self.pass(1)?;
            at += 1;
        }
        None
    }

    /// What stands right of a piece, or first in its list.
    #[inline]
    fn next(&self, left: ItemId, list: u32) -> ItemId {
        if left == NONE { self.lists[list as usize].first } else { self.pieces[left as usize].right }
    }

    /// The list of a block that names its parent; [`None`] if that is no shared type.
    fn list_of(&mut self, carrier: &Carrier, parent: ItemId) -> Option<u32> {
        let holder = match carrier.parent {
            Parent::Inherited => return None,
            Parent::Root(name) => Holder::Root(name.text(self.bytes)),
            Parent::Block(id) => {
                let piece = &self.pieces[parent as usize];
                let is_type = piece.carrier.kind == Some(Kind::Type) && piece.clock == id.clock;
                is_type.then_some(Holder::Piece(parent))?
            }
        };
        let key = carrier.key.map(|key| key.text(self.bytes));
        let Self { lists, by_name, .. } = self;
        Some(*by_name.entry((holder, key)).or_insert_with(|| {
            lists.push(List { holder, key, first: NONE, last: NONE, entries: 0 });
            lists.len() as u32 - 1
        }))
    }
}

/// A unit that is not there yet.
struct Missing(Id);

/// The pieces that a block refers to.
#[derive(Debug, Clone, Copy)]
struct Place {
    origin: ItemId,
    parent: ItemId,
    right_origin: ItemId,
}

/// Every piece ends where another has its origin, and begins where another has its right origin: so the number of the piece
/// names the unit.
impl Row for Plan<'_> {
    type Unit = ItemId;

    #[inline]
    fn block(&self, at: ItemId) -> Listed<ItemId> {
        let Piece { carrier, origin, right_origin, right, .. } = self.pieces[at as usize];
        Listed { author: carrier.client, origin, right_origin, right }
    }

    fn holds(&self, at: ItemId, unit: ItemId) -> bool {
        at == unit
    }

    fn holder(&self, unit: ItemId) -> Option<ItemId> {
        (unit != NONE).then_some(unit)
    }
}

/// The clients of sections that are sorted by client; [`None`] unless each has all its blocks in one, from the first on.
fn authors(sections: &[Section<'_>]) -> Option<Vec<Author>> {
    let mut authors: Vec<Author> = Vec::with_capacity(sections.len());
    let mut base = 0;
    for &Section { client, left, .. } in sections {
        let mut clock = 0;
        for carrier in left {
            if carrier.clock != clock || carrier.kind.is_none() {
                return None;
            }
            clock = carrier.end();
        }
        if authors.last().is_some_and(|last| last.client == client) {
            return None;
        }
        authors.push(Author { client, base, len: clock, clock: 0, piece: 0 });
        base += clock as usize;
    }
    Some(authors)
}

impl Store {
    /// Stores the blocks of an update where they were planned to go, in a document that holds nothing.
    pub(crate) fn fill(&mut self, plan: &Plan<'_>) {
        self.items.fill_up(plan.pieces.len());
        self.branches.bounded_entries |= plan.bounded_entries;
        let mut lists = vec![None; plan.lists.len()];
        for run in &plan.runs {
            let mut next = run.start;
            while next < run.end {
                next = self.fill_with(plan, next..run.end, &mut lists);
            }
        }
        for author in &plan.authors {
            let slot = self.clients.slot_or_insert(author.client);
            let first = plan.cuts.piece(author.base);
            let pieces = &plan.pieces[first as usize..author.piece as usize];
            let clocks: Vec<_> = pieces.iter().map(|piece| piece.clock).collect();
            self.clients.get_mut(slot).list(&clocks, first, author.len);
        }
        if !self.transaction.keeps_deleted {
            for item in (0..plan.pieces.len() as ItemId).rev() {
                self.merge_filled(item);
            }
        }
    }

    /// Stores a block, whose pieces are the first of some; returns the next one.
    #[inline]
    fn fill_with(
        &mut self,
        plan: &Plan<'_>,
        pieces: Range<ItemId>,
        lists: &mut [Option<(BranchId, KeyId)>],
    ) -> ItemId {
        let Piece { carrier, list, .. } = plan.pieces[pieces.start as usize];
        let client = self.clients.slot_or_insert(carrier.client);
        self.transaction.note_insert(client, carrier.clock);
        let kind = carrier.kind.unwrap_or(Kind::Gc);
        if list == NONE {
            self.items.fill(pieces.start, &Item::collected(client, carrier.clock, carrier.len));
            return pieces.start + 1;
        }
        let (parent, key) = match lists[list as usize] {
            Some(known) => known,
            None => *lists[list as usize].insert(self.open_list(&plan.lists[list as usize])),
        };
        let local = |id: Option<Id>| id.and_then(|id| self.local(id)).unwrap_or(LocalId::NONE);
        let (mut origin, right_origin) = (local(carrier.origin), local(carrier.right_origin));
        let mut rest = self.new_content(kind, carrier.content, plan.bytes, 0);
        let mut left_over = carrier.len;
        let mut at = pieces.start;
        loop {
            let Piece { clock, left, right, .. } = plan.pieces[at as usize];
            let following = plan.pieces[..pieces.end as usize].get(at as usize + 1);
            let len = following.map_or(left_over, |next| (next.clock - clock).min(left_over));
            let mut content = rest;
            if len < left_over {
                (content, rest) = self.split_content(kind, rest, left_over, len);
            }
            self.items.fill(
                at,
                &Item {
                    client,
                    clock,
                    len,
                    kind,
                    deleted: kind == Kind::Deleted,
                    keep: false,
                    redone: false,
                    origin,
                    right_origin,
                    parent,
                    key,
                    left,
                    right,
                    content,
                },
            );
            origin = LocalId { client, clock: clock + len - 1 };
            left_over -= len;
            at += 1;
            if left_over == 0 {
                break;
            }
        }
        self.note_filled(pieces.start, carrier, kind, rest, parent);
        at
    }

    /// What a block implies beside its place.
    #[inline]
    fn note_filled(
        &mut self,
        item: ItemId,
        carrier: &Carrier,
        kind: Kind,
        content: Content,
        parent: BranchId,
    ) {
        match kind {
            Kind::Deleted => self.transaction.note_delete(carrier.client, carrier.clock..carrier.end()),
            Kind::Type => self.branches.get_mut(content.at).item = item,
            Kind::Doc => self.note_subdocument_added(item),
            Kind::Format if self.item(item).key == NONE => self.note_mark(parent, item),
            _ => {}
        }
    }

    /// Says in the shared type which blocks are its own.
    fn open_list(&mut self, list: &List<'_>) -> (BranchId, KeyId) {
        let parent = match list.holder {
            Holder::Root(name) => self.branches.root_or_insert(name),
            Holder::Piece(at) => self.item(at).content.at,
        };
        let key = list.key.map_or(NONE, |key| self.keys.id_or_insert(key));
        let branch = self.branches.get_mut(parent);
        if key == NONE {
            branch.start = list.first;
        } else {
            branch.entries.insert(key, list.last);
            branch.entries.set_oldest(key, list.first);
        }
        (parent, key)
    }

    /// Merges a block with what follows it, in the clock of its author and in its list, if the two are one run.
    #[inline]
    fn merge_filled(&mut self, item: ItemId) {
        if self.items.right(item) == item + 1 {
            self.merge_with_right(item);
        } else if self.items.kind(item) == Kind::Gc {
            self.merge_collected(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::Any;
    use crate::attributes::{Attributes, Json};
    use crate::doc::{Doc, Listening};
    use crate::edit::Input;
    use crate::lib0::Writer;
    use crate::read::Value;
    use crate::subdocument::{NewSubdocument, SubdocumentOptions};
    use crate::tree::Unit;
    use crate::update::TypeTag;

    fn is_planned(bytes: &[u8]) -> bool {
        let mut update = Update::default();
        update.decode(bytes).expect("valid");
        Plan::of(&update, bytes).is_some()
    }

    fn exchange(docs: &mut [Doc; 2]) {
        let updates = docs.each_ref().map(Doc::encode_update);
        docs[0].apply_update(&updates[1]).expect("own update");
        docs[1].apply_update(&updates[0]).expect("own update");
    }

    #[test]
    fn all_of_a_document_is_planned_whatever_it_holds() {
        let mut docs = [Doc::new(1), Doc::new(2)];
        for round in 0..4 {
            for doc in &mut docs {
                let text = doc.root("text", TypeTag::Text).expect("as before");
                let map = doc.root("map", TypeTag::Map).expect("as before");
                doc.insert_text(text, round, "a😀bc", Unit::CodePoint).expect("in range");
                doc.delete(text, round, 1, Unit::CodePoint).expect("in range");
                let bold: Attributes =
                    [("bold", Json::from_any(&Any::Null).expect("JSON"))].into_iter().collect();
                doc.format(text, round, round + 2, Unit::CodePoint, &bold).expect("in range");
                let Ok(Some(list)) = doc.set(map, "list", Input::Type(TypeTag::Array)) else {
                    unreachable!()
                };
                doc.insert_values(list, 0, vec![Any::Integer(1), Any::Null, Any::Bool(true)])
                    .expect("in range");
                doc.insert_values(list, 1, vec![Any::Undefined]).expect("in range");
                let options = SubdocumentOptions::default();
                let inner =
                    NewSubdocument { guid: "inner".into(), options, should_load: false, instance: None };
                doc.insert_input(list, 0, Input::Doc(inner)).expect("in range");
                doc.set(map, "plain", Input::Any(Any::Integer(i64::from(round)))).expect("alive");
            }
            exchange(&mut docs);
        }
        assert!(is_planned(&docs[0].encode_update()));
    }

    #[test]
    fn blocks_that_follow_each_other_grow_together() {
        let mut doc = Doc::new(1);
        let list = doc.root("list", TypeTag::Array).expect("fresh");
        let map = doc.root("map", TypeTag::Map).expect("fresh");
        let mut updates = Vec::new();
        let mut tell = |doc: &mut Doc, change: &dyn Fn(&mut Doc)| {
            doc.begin(Listening { updates: true, ..Listening::default() });
            change(doc);
            updates.extend(doc.commit_update());
        };
        for at in 0..40 {
            tell(&mut doc, &|doc| doc.insert_values(list, at, vec![Any::Integer(1)]).expect("in range"));
        }
        tell(&mut doc, &|doc| assert!(doc.set(map, "text", Input::Type(TypeTag::Text)).is_ok()));
        let Some(Value::Type(text)) = doc.entry(map, "text") else { unreachable!() };
        for _ in 0..40 {
            tell(&mut doc, &|doc| doc.insert_text(text, 0, "a", Unit::CodePoint).expect("in range"));
        }
        tell(&mut doc, &|doc| assert_eq!(doc.remove(map, "text"), Ok(true)));
        let whole = doc.encode_update();
        let mut loaded = [Doc::new(2), Doc::new(2)];
        loaded[0].apply_updates(updates.iter().map(Vec::as_slice)).expect("own updates");
        loaded[1].apply_update(&whole).expect("own update");
        for loaded in loaded {
            assert_eq!(loaded.statistics().blocks, 3);
            assert_eq!(loaded.encode_update(), whole);
        }
    }

    #[test]
    fn what_misses_something_is_not_planned() {
        let mut doc = Doc::new(1);
        let text = doc.root("text", TypeTag::Text).expect("fresh");
        for at in 0..40 {
            doc.insert_text(text, at / 2, "ab", Unit::CodePoint).expect("in range");
        }
        let known = [(1, 3)].into_iter().collect();
        assert!(is_planned(&doc.encode_update()));
        assert!(!is_planned(&doc.encode_diff(&known)));
    }

    #[test]
    fn an_entry_that_very_many_set_at_the_same_time_is_not_walked_over_by_each() {
        let mut all = Doc::new(1);
        for client in 2..400 {
            let mut doc = Doc::new(client);
            let map = doc.root("map", TypeTag::Map).expect("fresh");
            doc.set(map, "entry", Input::Any(Any::Null)).expect("alive");
            all.apply_update(&doc.encode_update()).expect("own update");
        }
        let whole = all.encode_update();
        assert!(!is_planned(&whole));
        let mut loaded = Doc::new(1);
        loaded.apply_update(&whole).expect("own update");
        assert_eq!(loaded.encode_update(), whole);
    }

    /// An update with nine collected blocks of so many units each.
    fn collected(units: u64) -> Vec<u8> {
        let mut update = Writer::new();
        update.bytes(&[1, 9, 1, 0]);
        for _ in 0..9 {
            update.byte(Kind::Gc as u8);
            update.var_uint(units);
        }
        update.byte(0);
        update.into_bytes()
    }

    #[test]
    fn collected_blocks_grow_together() {
        let update = collected(3);
        assert!(is_planned(&update));
        let mut doc = Doc::new(1);
        doc.apply_update(&update).expect("valid");
        assert_eq!(doc.statistics().blocks, 1);
        assert_eq!(doc.state_vector().get(1), 27);
    }

    #[test]
    fn units_that_no_bytes_are_spent_on_are_not_counted() {
        assert!(!is_planned(&collected(1 << 28)));
    }
}
