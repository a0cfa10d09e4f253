//! Writing what a document holds as an update, in either format.

use std::borrow::Cow;

use crate::block::{Item, ItemId, Kind, LocalId, NONE};
use crate::delete_set::DeleteSet;
use crate::id::ClientId;
use crate::index::Chunk;
use crate::keystroke::Short;
use crate::store::{Payload, Store};
use crate::transaction::Starts;
use crate::update::{Header, HeaderParent, REPLACEMENT, cut_at, text_from};
use crate::write::{UpdateWriter, V1Writer};

impl Store {
    /// Writes the blocks from a clock on of each client that a transaction added some of, and `deletes`; returns what
    /// `take` makes of that.
    #[inline]
    pub(crate) fn encode_transaction<T>(
        &self,
        starts: &Starts,
        deletes: &DeleteSet,
        take: impl FnOnce(Cow<'_, [u8]>) -> T,
    ) -> T {
        let last_block =
            starts.only().and_then(|(slot, clock)| Some((self.newest_from(slot, clock)?, clock)));
        let mut keystroke = Short::default();
        let is_short = (last_block.is_some() || starts.is_empty())
            && self.encode_keystroke(last_block, deletes, &mut keystroke).is_some();
        take(if is_short {
            Cow::Borrowed(keystroke.bytes())
        } else {
            Cow::Owned(self.encode_from::<V1Writer>(starts.iter().collect(), deletes))
        })
    }

    /// Writes the blocks from each client's clock on, as far as there are any, and `deletes`.
    pub(crate) fn encode_from<W: UpdateWriter>(
        &self,
        mut starts: Vec<(u32, u32)>,
        deletes: &DeleteSet,
    ) -> Vec<u8> {
        starts.retain(|&(slot, clock)| clock < self.clients.get(slot).next_clock);
        starts.sort_unstable_by_key(|&(slot, _)| std::cmp::Reverse(self.clients.get(slot).client));
        self.encode_sections::<W>(&starts, deletes)
    }

    fn encode_sections<W: UpdateWriter>(&self, starts: &[(u32, u32)], deletes: &DeleteSet) -> Vec<u8> {
        let mut writer = W::default();
        writer.rest().var_uint(starts.len() as u64);
        for &(slot, clock) in starts {
            let count_at = writer.open_section(self.clients.get(slot).client, clock);
            let count = self.encode_section(slot, clock, &mut writer);
            writer.close_section(count_at, count);
        }
        writer.deletes(deletes);
        writer.finish()
    }

    /// Every deleted unit of the document.
    pub(crate) fn all_deletes(&self) -> DeleteSet {
        let mut deletes = DeleteSet::new();
        for blocks in self.clients.iter() {
            for chunk in blocks.chunks() {
                self.add_deletes(blocks.client, chunk, &mut deletes);
            }
        }
        deletes.normalize();
        deletes
    }

    /// Adds what is deleted of a chunk of one client's blocks.
    pub(crate) fn add_deletes(&self, client: ClientId, chunk: &Chunk, deletes: &mut DeleteSet) {
        if let Some(encoded) = chunk.encoded.get() {
            return encoded.deletes.iter().for_each(|range| deletes.add(client, range.clone()));
        }
        for item in chunk.items(0..chunk.len()) {
            let item = self.item(item);
            if item.deleted {
                deletes.add(client, item.clock..item.end());
            }
        }
    }

    /// Writes one client's blocks, runs joined; returns how many were written.
    fn encode_section<W: UpdateWriter>(&self, slot: u32, clock: u32, writer: &mut W) -> u64 {
        let mut items = self.clients.get(slot).items_from(clock).peekable();
        let mut count = 0;
        let mut run = Vec::new();
        while let Some(first) = items.next() {
            // Most often, as in a transaction of one edit, a run is a single block: then nothing is allocated.
            run.clear();
            let mut last = first;
            while let Some(next) = items.next_if(|&next| self.is_one_run(last, next)) {
                if run.is_empty() {
                    run.push(first);
                }
                run.push(next);
                last = next;
            }
            let blocks = if run.is_empty() { std::slice::from_ref(&first) } else { &run };
            let offset = if count == 0 { clock - self.item(first).clock } else { 0 };
            self.encode_run(blocks, offset, writer);
            count += 1;
        }
        count
    }

    /// Whether two blocks that are neighbors in clock order read the same when written as one.
    pub(crate) fn is_one_run(&self, item: ItemId, next: ItemId) -> bool {
        match self.items.kind(item) {
            Kind::Gc => self.items.kind(next) == Kind::Gc,
            Kind::Deleted | Kind::String | Kind::Any => {
                self.items.right(item) == next && self.items.continues(item, next)
            }
            _ => false,
        }
    }

    pub(crate) fn encode_run<W: UpdateWriter>(&self, run: &[ItemId], offset: u32, writer: &mut W) {
        let Some((&first, rest)) = run.split_first() else { return };
        let item = self.item(first);
        let units = item.len + rest.iter().map(|&item| self.item(item).len).sum::<u32>() - offset;
        if item.kind == Kind::Gc {
            writer.info(Kind::Gc as u8);
            writer.len(units);
            return;
        }
        self.header(&item, offset).write(writer);
        match item.kind {
            Kind::Gc | Kind::Deleted => writer.len(units),
            Kind::String => {
                let (replacement, head) = self.text_of_from(&item, offset);
                let tail = rest.iter().map(|&item| self.text_of(&self.item(item)));
                writer.text(units, [replacement, head].into_iter().chain(tail));
            }
            Kind::Any => {
                writer.len(units);
                let values = run.iter().flat_map(|&item| self.values_of(&self.item(item)));
                values.skip(offset as usize).for_each(|value| value.encode_into(writer.rest()));
            }
            Kind::Type => {
                let branch = self.branches.get(item.content.at);
                if let Some(tag) = branch.tag {
                    writer.shared_type(tag, branch.name.as_deref());
                }
            }
            Kind::Json | Kind::Binary | Kind::Embed | Kind::Format | Kind::Doc => {
                if let Some(payload) = self.payload(&item) {
                    encode_payload(payload, offset, writer);
                }
            }
        }
    }

    /// Writes the first `units` of a block that has more. The block itself is not cut: a character in two halves
    /// would not become whole again.
    pub(crate) fn encode_head<W: UpdateWriter>(&self, item: &Item, units: u32, writer: &mut W) {
        if item.kind == Kind::Gc {
            writer.info(Kind::Gc as u8);
            writer.len(units);
            return;
        }
        self.header(item, 0).write(writer);
        match item.kind {
            Kind::String => {
                let text = self.text_of(item);
                let cut = cut_at(text, units);
                let last = if cut.splits_pair { REPLACEMENT } else { "" };
                writer.text(units, [&text[..cut.bytes], last].into_iter());
            }
            Kind::Any => {
                writer.len(units);
                let values = self.values_of(item).iter().take(units as usize);
                values.for_each(|value| value.encode_into(writer.rest()));
            }
            Kind::Json => {
                writer.len(units);
                if let Some(Payload::Json(strings)) = self.payload(item) {
                    strings.iter().take(units as usize).for_each(|text| writer.string(text));
                }
            }
            // What is left besides these has one unit.
            _ => writer.len(units),
        }
    }

    /// The text of a string block without its first `offset` UTF-16 units. The run that is being typed is
    /// encoded from its end after every keystroke: plain ASCII must not be scanned for it.
    fn text_of_from(&self, item: &Item, offset: u32) -> (&'static str, &str) {
        let text = self.text_of(item);
        if item.content.bytes == item.len { ("", &text[offset as usize..]) } else { text_from(text, offset) }
    }

    fn header(&self, item: &Item, offset: u32) -> Header<'_> {
        let origin = match offset {
            0 => item.origin,
            _ => LocalId { client: item.client, clock: item.clock + offset - 1 },
        };
        let global = |id: LocalId| (!id.is_none()).then(|| self.global(id));
        // Most blocks have an origin: where they belong is not looked up.
        let parent = if origin.is_none() && item.right_origin.is_none() {
            let branch = self.branches.get(item.parent);
            match &branch.root {
                Some(name) => HeaderParent::Root(name),
                None => HeaderParent::Block(self.global(self.item(branch.item).first_id())),
            }
        } else {
            HeaderParent::Root("")
        };
        Header {
            kind: item.kind,
            origin: global(origin),
            right_origin: global(item.right_origin),
            parent,
            key: (item.key != NONE).then(|| self.keys.name(item.key)),
        }
    }
}

fn encode_payload<W: UpdateWriter>(payload: &Payload, offset: u32, writer: &mut W) {
    match payload {
        Payload::Json(strings) => {
            writer.len(strings.len() as u32 - offset);
            for text in strings.iter().skip(offset as usize) {
                writer.string(text);
            }
        }
        Payload::Binary(bytes) => writer.rest().var_bytes(bytes),
        Payload::Embed(json) => writer.json(json),
        Payload::Format(key, value) => {
            writer.key(key);
            writer.json(value);
        }
        Payload::Doc(subdocument) => writer.subdocument(&subdocument.wire),
    }
}
