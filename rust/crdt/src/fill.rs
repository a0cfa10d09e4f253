//! An update into a document that holds nothing: most often all of another document.
//!
//! Blocks refer to units in the middle of others, which are cut there. When they come one after the other, each takes two
//! searches, a cut, and room in the index that moves others. Here every cut is known before anything is listed. So the
//! pieces are numbered in clock order from the beginning, a unit is found by counting the cuts before it, and the links
//! between the pieces are made before their content is stored.
//!
//! What is not made for that (blocks that miss something, map entries that replace what is not yet deleted, what belongs to
//! collected blocks) is noticed before the document has changed, and integrated one by one.

use std::cell::Cell;
use std::ops::Range;

use hashbrown::HashMap;

use crate::any::Any;
use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::id::{ClientId, Id};
use crate::lib0::Reader;
use crate::piece::Text;
use crate::sections::{Run, Section, walk};
use crate::store::{Payload, Store};
use crate::update::{Carrier, Parent, Update};
use crate::yata::{Listed, Newcomer, Row, left_neighbor};

/// So many pieces are walked over at most to find where blocks go that were inserted at the same place. Where many have set
/// the same map entry, [`Store::integrate`] knows better than to walk over all; in a sequence there are more pieces than
/// there are blocks yet when one arrives after the other.
const WALKED_PER_PIECE: usize = 8;
/// Of so many blocks, one at most may go on where the one before ended: those are joined quicker as they come.
const BLOCKS_PER_JOINT: usize = 4;

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

    /// Marks a unit; returns whether it was marked before.
    #[inline]
    fn mark(&mut self, unit: usize) -> bool {
        let marks = &mut self.words[unit / 64].marks;
        let known = *marks;
        *marks |= 1 << (unit % 64);
        known == *marks
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
    /// How many pieces have been walked over.
    walked: Cell<usize>,
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
            walked: Cell::new(0),
        };
        plan.cut(update)?;
        walk(&mut sections, |carriers| plan.link_run(carriers))?;
        sections.iter().all(|section| section.left.is_empty()).then_some(plan)
    }

    /// Finds all pieces.
    fn cut(&mut self, update: &'a Update) -> Option<()> {
        let before = |blocks: &'a [Carrier]| [None].into_iter().chain(blocks.iter().map(Some)).zip(blocks);
        for (before, carrier) in before(&update.blocks) {
            if let Some(origin) = carrier.origin
                && !before.is_some_and(|before| goes_on(before, carrier))
            {
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
        let mut joints = 0;
        for blocks in update.sections() {
            let Some(author) = blocks.first().and_then(|first| self.author(first.client)) else { continue };
            let base = self.authors[author].base;
            for (before, carrier) in before(blocks) {
                let is_cut = self.cuts.mark(base + carrier.clock as usize);
                joints += usize::from(!is_cut && before.is_some_and(|before| goes_on(before, carrier)));
            }
        }
        if joints * BLOCKS_PER_JOINT > update.blocks.len() {
            return None;
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
            if right_origin <= origin && origin != NONE {
                self.tell_apart(right_origin, origin)?;
            }
            let author = carrier.client;
            left = left_neighbor(
                self,
                &Newcomer { author, origin, right_origin, left, next, right: right_origin },
            );
            next = self.next(left, list);
            if self.walked.get() > self.pieces.len() * WALKED_PER_PIECE {
                return None;
            }
        }
        if self.lists[list as usize].key.is_some() {
            self.bounded_entries |= right_origin != NONE;
            // An entry replaces what stands left of it, and is replaced by what stands right of it. The parts of one of
            // several units are never joined again.
            let replaced = if next == NONE {
                self.pieces.get(left as usize).map(|it| it.carrier)
            } else {
                Some(carrier)
            };
            let is_gone = |it: &Carrier| it.kind == Some(Kind::Deleted);
            if !replaced.is_none_or(is_gone) || !is_gone(carrier) && carrier.len > 1 {
                return None;
            }
        }
        Some((left, next, list))
    }

    /// [`None`] if one piece stands left of another, and all that is between them is one run: where a block goes that
    /// names them in that order as its neighbors depends on how the run has been cut before.
    fn tell_apart(&self, mut at: ItemId, end: ItemId) -> Option<()> {
        while at != end && self.block(at).right == at + 1 {
            at += 1;
        }
        (at != end).then_some(())
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
            lists.push(List { holder, key, first: NONE, last: NONE });
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
        self.walked.set(self.walked.get() + 1);
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

/// Whether a block goes on where the one before it ended. If nothing else was inserted there, the two are one run.
#[inline]
fn goes_on(block: &Carrier, next: &Carrier) -> bool {
    block.kind == next.kind
        && block.client == next.client
        && match block.kind {
            Some(Kind::Gc) => true,
            Some(Kind::String) => {
                next.origin == Some(block.last_id()) && next.right_origin == block.right_origin
            }
            _ => false,
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
        base = base.checked_add(clock as usize)?;
    }
    Some(authors)
}

/// The content of a block that is stored part by part.
struct Unread<'a> {
    text: Text<'a>,
    reader: Reader<'a>,
}

impl<'a> Unread<'a> {
    #[inline]
    fn of(kind: Kind, carrier: &Carrier, bytes: &'a [u8]) -> Self {
        let text = if kind == Kind::String { carrier.content.text(bytes) } else { "" };
        Self { text: Text::after(text, 0), reader: Reader::new(carrier.content.of(bytes)) }
    }
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
        for item in (0..plan.pieces.len() as ItemId).rev() {
            self.merge_filled(item);
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
        let mut rest = None;
        let mut left_over = carrier.len;
        let mut at = pieces.start;
        let content = loop {
            let Piece { clock, left, right, .. } = plan.pieces[at as usize];
            let following = plan.pieces[..pieces.end as usize].get(at as usize + 1);
            let len = following.map_or(left_over, |next| (next.clock - clock).min(left_over));
            let content = if len == carrier.len {
                self.new_content(kind, carrier.content, plan.bytes, 0)
            } else {
                let rest = rest.get_or_insert_with(|| Unread::of(kind, carrier, plan.bytes));
                self.new_part(kind, rest, len, left_over)
            };
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
                break content;
            }
        };
        self.note_filled(pieces.start, carrier, kind, content, parent);
        at
    }

    /// Copies the content of the first `len` units of `all` that are left of a block.
    fn new_part(&mut self, kind: Kind, rest: &mut Unread<'_>, len: u32, all: u32) -> Content {
        match kind {
            Kind::String => self.new_text(&rest.text.take(len, all)),
            Kind::Any => {
                let elements = std::iter::from_fn(|| Any::decode_from(&mut rest.reader).ok());
                Content::at(self.values.extend(elements.take(len as usize)))
            }
            Kind::Json => {
                let strings = std::iter::from_fn(|| rest.reader.var_string().ok());
                let strings = strings.take(len as usize).map(Into::into).collect();
                self.new_payload(Payload::Json(strings))
            }
            // What is left besides these has no content, or one unit.
            _ => Content::NONE,
        }
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
        let kind = self.items.kind(item);
        if kind == Kind::Gc {
            self.merge_collected(item);
        } else if self.items.right(item) == item + 1
            && (kind == Kind::String || !self.transaction.keeps_deleted)
        {
            self.merge_with_right(item);
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
    use crate::update::{HAS_ORIGIN, TypeTag};

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
    fn an_entry_that_very_many_set_at_the_same_time_is_loaded_as_it_was() {
        let mut all = Doc::new(1);
        for client in 2..400 {
            let mut doc = Doc::new(client);
            let map = doc.root("map", TypeTag::Map).expect("fresh");
            doc.set(map, "entry", Input::Any(Any::Null)).expect("alive");
            all.apply_update(&doc.encode_update()).expect("own update");
        }
        let whole = all.encode_update();
        assert!(is_planned(&whole));
        let mut loaded = Doc::new(1);
        loaded.apply_update(&whole).expect("own update");
        assert_eq!(loaded.encode_update(), whole);
    }

    /// A text, and what it was inserted behind.
    type Typed<'a> = (Option<(u64, u64)>, &'a str);

    /// An update of one section for each client.
    fn texts(sections: &[(u64, Vec<Typed<'_>>)]) -> Vec<u8> {
        let mut update = Writer::new();
        update.var_uint(sections.len() as u64);
        for (client, blocks) in sections {
            for number in [blocks.len() as u64, *client, 0] {
                update.var_uint(number);
            }
            for (origin, text) in blocks {
                update.byte(Kind::String as u8 | if origin.is_some() { HAS_ORIGIN } else { 0 });
                if let Some((client, clock)) = *origin {
                    update.var_uint(client);
                    update.var_uint(clock);
                } else {
                    update.bytes(&[1, 1, b'a']);
                }
                update.var_string(text);
            }
        }
        update.byte(0);
        update.into_bytes()
    }

    #[test]
    fn a_run_that_is_cut_later_is_not_walked_over_by_each_of_many() {
        const UNITS: u64 = 300;
        let run = "x".repeat(UNITS as usize);
        let mut sections: Vec<_> = (0..UNITS).map(|at| (100 + at, vec![(None, "n")])).collect();
        sections.push((50, vec![(None, &run)]));
        // The highest client comes first, and what it builds on.
        sections.push((1000, vec![(Some((50, UNITS - 1)), "f")]));
        sections.push((7, (0..UNITS).map(|at| (Some((50, at)), "c")).collect()));
        assert!(!is_planned(&texts(&sections)));
        assert!(is_planned(&texts(&sections[UNITS as usize - 5..])));
    }

    #[test]
    fn keystrokes_are_joined_as_they_come() {
        let keystrokes: Vec<_> =
            (0..40u64).map(|at| (at.checked_sub(1).map(|last| (1, last)), "x")).collect();
        let update = texts(&[(1, keystrokes)]);
        assert!(!is_planned(&update));
        let mut doc = Doc::new(2);
        doc.begin(Listening { events: Some(Unit::CodePoint), ..Listening::default() });
        doc.apply_update(&update).expect("valid");
        doc.commit();
        assert_eq!(doc.statistics().blocks, 1);
    }

    #[test]
    fn what_cuts_take_grows_with_the_update() {
        const PAIRS: u64 = 1 << 12;
        let halves =
            |clocks: Vec<u64>| clocks.into_iter().map(|clock| (Some((50, clock)), "c")).collect::<Vec<_>>();
        let ascending: Vec<_> = (0..PAIRS).map(|pair| 2 * pair).collect();
        let run = "😀".repeat(PAIRS as usize);
        for clocks in [ascending.clone(), ascending.into_iter().rev().collect()] {
            let update = texts(&[(50, vec![(None, &run)]), (7, halves(clocks))]);
            let mut other = Doc::new(1);
            let list = other.root("other", TypeTag::Array).expect("fresh");
            other.insert_values(list, 0, vec![Any::Null]).expect("in range");
            let mut read = [Doc::new(2), other].map(|mut doc| {
                doc.apply_update(&update).expect("valid");
                assert!(doc.statistics().heap_bytes < 20 * update.len());
                let text = doc.root("a", TypeTag::Text).expect("as before");
                doc.text(text).expect("alive")
            });
            assert_eq!(read[0].matches("\u{FFFD}c\u{FFFD}").count() as u64, PAIRS);
            assert_eq!(std::mem::take(&mut read[0]), read[1]);
        }
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
