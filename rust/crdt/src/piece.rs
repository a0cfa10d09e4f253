//! Blocks on their way into a merged update: cut where something known ends or where it pays to leave out
//! what is deleted, and joined to runs again.

use std::ops::Range;

use crate::any::Any;
use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::id::Id;
use crate::lib0::{MAX_SAFE_INTEGER, Reader};
use crate::update::{Carrier, Header, HeaderParent, Parent, REPLACEMENT, SKIP, cut_at, read_type, text_from};
use crate::write::UpdateWriter;

/// A block and the bytes that its spans refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) carrier: &'a Carrier,
    pub(crate) bytes: &'a [u8],
}

/// Some units of a block.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    source: Source<'a>,
    from: u32,
    to: u32,
    kind: Kind,
    text: Text<'a>,
}

/// The text of some units; what is left of a character cut in two stands before and after it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Text<'a> {
    pub(crate) head: &'static str,
    pub(crate) middle: &'a str,
    pub(crate) tail: &'static str,
}

impl<'a> Text<'a> {
    /// What is left of a text without its first `offset` UTF-16 units.
    #[inline]
    pub(crate) fn after(text: &'a str, offset: u32) -> Self {
        let (head, middle) = text_from(text, offset);
        Self { head, middle, tail: "" }
    }

    /// Splits off the first `units` of `all` UTF-16 units.
    pub(crate) fn take(&mut self, units: u32, all: u32) -> Self {
        let head = std::mem::take(&mut self.head);
        let units = units - u32::from(!head.is_empty());
        let all = all - u32::from(!head.is_empty()) - u32::from(!self.tail.is_empty());
        if self.middle.len() == all as usize {
            // Every character is one unit and one byte.
            let (middle, rest) = self.middle.split_at_checked(units as usize).unwrap_or((self.middle, ""));
            self.middle = rest;
            return Self { head, middle, tail: "" };
        }
        let cut = cut_at(self.middle, units);
        let (middle, rest) = self.middle.split_at(cut.bytes);
        if !cut.splits_pair {
            self.middle = rest;
            return Self { head, middle, tail: "" };
        }
        (self.head, self.middle) = (REPLACEMENT, &rest[4..]);
        Self { head, middle, tail: REPLACEMENT }
    }
}

impl<'a> Piece<'a> {
    fn whole(source: Source<'a>, kind: Kind) -> Self {
        let text = if kind == Kind::String { source.carrier.content.text(source.bytes) } else { "" };
        let text = Text::after(text, 0);
        Self { source, from: 0, to: source.carrier.len, kind, text }
    }

    /// Splits off what lies before `clock`, which is inside.
    fn take_before(&mut self, clock: u32) -> Self {
        let (from, cut) = (self.from, clock - self.source.carrier.clock);
        let text = if self.kind == Kind::String {
            self.text.take(cut - from, self.to - from)
        } else {
            Text::default()
        };
        self.from = cut;
        Self { from, to: cut, text, ..*self }
    }

    /// The same without its content.
    fn emptied(self) -> Self {
        Self { kind: Kind::Deleted, text: Text::default(), ..self }
    }

    fn clock(&self) -> u32 {
        self.source.carrier.clock + self.from
    }

    fn end(&self) -> u32 {
        self.source.carrier.clock + self.to
    }

    fn origin(&self) -> Option<Id> {
        let Carrier { client, clock, origin, .. } = *self.source.carrier;
        if self.from == 0 { origin } else { Some(Id { client, clock: clock + self.from - 1 }) }
    }

    /// Whether `next`, by the same client, can be written as one with this without changing where either
    /// ends up.
    fn continues_in(&self, next: &Self) -> bool {
        if self.kind != next.kind || self.end() != next.clock() {
            return false;
        }
        let (carrier, other) = (self.source.carrier, next.source.carrier);
        match self.kind {
            Kind::Gc => true,
            Kind::String | Kind::Any | Kind::Deleted | Kind::Json => {
                other.right_origin == carrier.right_origin
                    && next.origin() == Some(Id { client: carrier.client, clock: next.clock() - 1 })
            }
            _ => false,
        }
    }

    /// How many bytes beginning a block here takes in V1, about.
    fn header_bytes(&self) -> usize {
        let Carrier { client, clock, right_origin, .. } = *self.source.carrier;
        let id_bytes = |id: Id| varint_bytes(id.client) + varint_bytes(u64::from(id.clock));
        2 + id_bytes(Id { client, clock }) + right_origin.map_or(0, id_bytes)
    }

    fn content(&self) -> &'a [u8] {
        self.source.carrier.content.of(self.source.bytes)
    }

    fn parts(&self) -> [&'a str; 3] {
        [self.text.head, self.text.middle, self.text.tail]
    }

    /// The bytes of the piece's values.
    fn values(&self) -> &'a [u8] {
        let mut reader = Reader::new(self.content());
        // The decoder has checked every element, so that none of these can fail.
        for _ in 0..self.from {
            let _ = Any::skip(&mut reader);
        }
        let start = reader.position();
        if self.to < self.source.carrier.len {
            for _ in self.from..self.to {
                let _ = Any::skip(&mut reader);
            }
            return reader.since(start);
        }
        &self.content()[start..]
    }

    fn strings(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.content());
        let strings = std::iter::from_fn(move || reader.var_string().ok());
        strings.skip(self.from as usize).take((self.to - self.from) as usize)
    }
}

fn varint_bytes(value: u64) -> usize {
    debug_assert!(value <= MAX_SAFE_INTEGER);
    1 + (value.max(1).ilog2() / 7) as usize
}

/// One client's blocks while they are written. The last runs are held back, in case the next block continues
/// them: one as it came in, one as it goes out, which can be shorter and need not be of the same kind.
pub(crate) struct Section<'a, 'w, W> {
    writer: &'w mut W,
    /// What is deleted, if the content of that is to be left out.
    folded: Option<&'w DeleteSet>,
    /// Where the number of blocks goes, once there is a first one.
    count_at: Option<usize>,
    count: u64,
    /// Up to where blocks have been taken.
    clock: u32,
    /// Up to where blocks have been written or are about to be.
    written: u32,
    incoming: Vec<Piece<'a>>,
    outgoing: Vec<Piece<'a>>,
}

impl<'a, 'w, W: UpdateWriter> Section<'a, 'w, W> {
    /// Starts at `clock`; what lies before is left out.
    pub(crate) fn new(writer: &'w mut W, clock: u32, folded: Option<&'w DeleteSet>) -> Self {
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Self { writer, folded, count_at: None, count: 0, clock, written: clock, incoming, outgoing }
    }

    /// Adds what is new of a block that starts at or after the one before.
    pub(crate) fn add(&mut self, source: Source<'a>) {
        let Some(kind) = source.carrier.kind.filter(|_| source.carrier.end() > self.clock) else { return };
        let mut piece = Piece::whole(source, kind);
        if self.clock > piece.clock() {
            piece.take_before(self.clock);
        }
        if !self.incoming.last().is_some_and(|last| last.continues_in(&piece)) {
            self.pass_on();
        }
        self.clock = piece.end();
        self.incoming.push(piece);
    }

    /// Passes the run that came in on, in parts if content is left out of it.
    fn pass_on(&mut self) {
        let mut incoming = std::mem::take(&mut self.incoming);
        let left_out = self.left_out(&incoming);
        let mut left_out = left_out.iter().peekable();
        for mut piece in incoming.drain(..) {
            while let Some(range) = left_out.peek().filter(|range| range.start < piece.end()) {
                if range.start > piece.clock() {
                    let kept = piece.take_before(range.start);
                    self.put(kept);
                }
                if range.end > piece.end() {
                    piece = piece.emptied();
                    break;
                }
                if range.end == piece.end() {
                    piece = piece.emptied();
                    left_out.next();
                    break;
                }
                let emptied = piece.take_before(range.end).emptied();
                self.put(emptied);
                left_out.next();
            }
            self.put(piece);
        }
        self.incoming = incoming;
    }

    /// The units of a run whose content is left out: what is deleted, where that makes the update smaller.
    fn left_out(&self, run: &[Piece<'a>]) -> Vec<Range<u32>> {
        let (Some(deletes), [first, ..], Some(last)) = (self.folded, run, run.last()) else {
            return Vec::new();
        };
        if matches!(first.kind, Kind::Gc | Kind::Deleted | Kind::Type) {
            return Vec::new();
        }
        let (start, end) = (first.clock(), last.end());
        let header_bytes = first.header_bytes();
        let saves = |range: &Range<u32>| {
            let headers = usize::from(range.start > start) + usize::from(range.end < end);
            (range.end - range.start) as usize > headers * header_bytes
        };
        deletes.overlap(first.source.carrier.client, start..end).filter(saves).collect()
    }

    /// Adds a piece to what goes out.
    fn put(&mut self, piece: Piece<'a>) {
        if !self.outgoing.last().is_some_and(|last| last.continues_in(&piece)) {
            self.write();
            if self.count_at.is_none() {
                self.count_at = Some(self.writer.open_section(piece.source.carrier.client, piece.clock()));
            } else if piece.clock() > self.written {
                write_gap(self.writer, piece.clock() - self.written);
                self.count += 1;
            }
        }
        self.written = piece.end();
        self.outgoing.push(piece);
    }

    fn write(&mut self) {
        if !self.outgoing.is_empty() {
            write_run(self.writer, &self.outgoing);
            self.count += 1;
            self.outgoing.clear();
        }
    }

    /// Ends the section; `false` if there was nothing to write.
    pub(crate) fn finish(mut self) -> bool {
        self.pass_on();
        self.write();
        let Some(count_at) = self.count_at else { return false };
        self.writer.close_section(count_at, self.count);
        true
    }
}

/// Writes a block as it came, be it a gap.
pub(crate) fn write_block<W: UpdateWriter>(writer: &mut W, source: Source<'_>) {
    match source.carrier.kind {
        None => write_gap(writer, source.carrier.len),
        Some(kind) => write_run(writer, &[Piece::whole(source, kind)]),
    }
}

fn write_gap<W: UpdateWriter>(writer: &mut W, len: u32) {
    writer.info(SKIP);
    writer.rest().var_uint(u64::from(len));
}

/// Writes pieces that continue each other as one block.
fn write_run<W: UpdateWriter>(writer: &mut W, run: &[Piece<'_>]) {
    let Some(first) = run.first() else { return };
    let units: u32 = run.iter().map(|piece| piece.to - piece.from).sum();
    let kind = first.kind;
    if kind == Kind::Gc {
        writer.info(Kind::Gc as u8);
        writer.len(units);
        return;
    }
    let Source { carrier, bytes } = first.source;
    let parent = match carrier.parent {
        Parent::Root(name) => HeaderParent::Root(name.text(bytes)),
        Parent::Block(id) => HeaderParent::Block(id),
        Parent::Inherited => HeaderParent::Root(""),
    };
    let key = carrier.key.map(|key| key.text(bytes));
    let right_origin = carrier.right_origin;
    Header { kind, origin: first.origin(), right_origin, parent, key }.write(writer);
    match kind {
        Kind::Gc | Kind::Deleted => writer.len(units),
        Kind::String => writer.text(units, run.iter().flat_map(Piece::parts)),
        Kind::Any => {
            writer.len(units);
            for piece in run {
                writer.rest().bytes(piece.values());
            }
        }
        Kind::Json => {
            writer.len(units);
            for text in run.iter().flat_map(Piece::strings) {
                writer.string(text);
            }
        }
        Kind::Binary => writer.rest().var_bytes(first.content()),
        Kind::Embed => writer.json(carrier.content.text(bytes)),
        Kind::Format => writer.mark(first.content()),
        Kind::Type => {
            if let Some((tag, name)) = read_type(first.content()) {
                writer.shared_type(tag, name);
            }
        }
        Kind::Doc => writer.subdocument(first.content()),
    }
}
