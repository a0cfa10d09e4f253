//! A room: one document, the peers in it, and what has happened since the last tick.

use crate::awareness::{Awareness, decode_awareness, encode_awareness};
use crate::document::{Document, DocumentFailed};
use crate::effects::{Effects, KEPT_BUFFER_BYTES};
use crate::error::ProtocolError;
use crate::message::{
    Message, undecodable, write_awareness, write_step_1, write_step_2, write_sync_status, write_update,
};
use crate::peer::{CatchUp, Peer, PeerId, Question};
use crate::stats::Stats;
use hashbrown::HashMap;
use officina_crdt::StateVector;
use officina_crdt::lib0::{Reader, Writer};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// An update without blocks and deletions, with which clients answer a step 1 that asks for nothing they have.
const EMPTY_UPDATE: [u8; 2] = [0, 0];

pub(crate) type Peers = HashMap<PeerId, Peer>;

#[derive(Debug)]
pub(crate) struct Room {
    name: Arc<str>,
    document: Document,
    log: Log,
    awareness: Awareness,
    /// Who is here, by id.
    members: Vec<PeerId>,
    /// Members whose socket takes no more for now, by id.
    paused: Vec<PeerId>,
    /// Members with a message to be confirmed as saved.
    unconfirmed: Vec<PeerId>,
    /// Members with a sync step 1 to be answered.
    asking: Vec<PeerId>,
    /// Members whose outbox or catch-up is for this tick; in any order, perhaps twice.
    touched: Vec<PeerId>,
    /// The frames of this tick for everybody, one behind the other.
    frames: Writer,
    entries: Vec<Entry>,
    /// Whether the document waits for updates that it has not got.
    waits: bool,
    /// Whether it waited at any time in this tick.
    waited: bool,
    /// Whether the hub knows already that this room has something to do in the next tick.
    pub(crate) due: bool,
}

/// One of the frames of this tick.
#[derive(Debug)]
struct Entry {
    /// The one member that does not get it.
    sender: Option<PeerId>,
    frame: Range<usize>,
    /// Where within the frames the update lies that is to be logged; `None` for awareness.
    update: Option<Range<usize>>,
}

/// What of the document is on disk.
#[derive(Debug, Default)]
struct Log {
    /// The number of the last record handed out.
    sequence: u64,
    /// Everything up to here is on disk.
    saved: u64,
    /// Records up to here do not count as saved, as one of them was not.
    distrusted: u64,
    /// The next record must hold the whole document, as an earlier one was not saved.
    whole: bool,
    /// Whether this tick writes a record.
    due: bool,
}

impl Log {
    /// The record that a message received now waits for.
    fn sequence_for(&mut self, changed: bool) -> u64 {
        self.due |= changed || self.whole;
        self.sequence + u64::from(self.due)
    }
}

impl Room {
    pub(crate) fn new(name: Arc<str>, document: Document) -> Self {
        Self {
            name,
            waits: document.waits().unwrap_or(true),
            document,
            log: Log::default(),
            awareness: Awareness::default(),
            members: Vec::new(),
            paused: Vec::new(),
            unconfirmed: Vec::new(),
            asking: Vec::new(),
            touched: Vec::new(),
            frames: Writer::new(),
            entries: Vec::new(),
            waited: false,
            due: false,
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn members(&self) -> &[PeerId] {
        &self.members
    }

    /// The number of the last record handed out, and the document, which holds at least what the records up to there do.
    ///
    /// After a failed save the snapshot counts as a record of its own, the one with the whole document: when its number
    /// is reported saved, everything is.
    pub(crate) fn snapshot(&mut self) -> (u64, Document) {
        self.log.sequence += u64::from(std::mem::take(&mut self.log.whole));
        (self.log.sequence, self.document.clone())
    }

    pub(crate) fn has_unlogged_changes(&self) -> bool {
        self.log.due
    }

    /// Whether the next tick encodes the document or part of it, which takes as long as the document is large.
    pub(crate) fn has_questions(&self) -> bool {
        !self.asking.is_empty() || self.log.whole
    }

    // Coming and going.

    /// Lets `peer` in: it is asked for what it has, unless that could not be accepted, and told who is here.
    pub(crate) fn enter(&mut self, peer: &mut Peer) -> Result<(), DocumentFailed> {
        if !peer.access.read_only {
            self.ask(peer)?;
        }
        self.members.push(peer.id);
        self.touched.push(peer.id);
        Ok(())
    }

    /// Lets `peer` go; the clients it spoke for leave with it.
    pub(crate) fn leave(&mut self, peer: PeerId) {
        for list in [&mut self.members, &mut self.paused, &mut self.unconfirmed, &mut self.asking] {
            list.retain(|member| *member != peer);
        }
        self.awareness.remove_owned_by(peer);
    }

    pub(crate) fn pause(&mut self, peer: &mut Peer) {
        if !std::mem::replace(&mut peer.paused, true)
            && let Err(position) = self.paused.binary_search(&peer.id)
        {
            self.paused.insert(position, peer.id);
        }
    }

    /// What was held back for `peer` goes out with the next tick, awareness as it is by then.
    pub(crate) fn resume(&mut self, peer: &mut Peer) {
        if std::mem::replace(&mut peer.paused, false) {
            self.paused.retain(|paused| *paused != peer.id);
            peer.catch_up = CatchUp::PresentAndDeparted;
            self.touched.push(peer.id);
        }
    }

    /// Makes sure that the next tick looks at `peer`'s outbox.
    pub(crate) fn touch(&mut self, peer: PeerId) {
        self.touched.push(peer);
    }

    // What peers send.

    /// Applies one WebSocket message: one protocol message or several, each decoded whole before it takes effect.
    pub(crate) fn receive(
        &mut self,
        peer: &mut Peer,
        payload: &[u8],
        stats: &mut Stats,
    ) -> Result<(), ProtocolError> {
        let mut reader = Reader::new(payload);
        loop {
            match Message::read(&mut reader)? {
                Message::Update(update) | Message::SyncStep2(update) => {
                    self.receive_update(peer, update, stats)?;
                }
                Message::Awareness(update) => self.receive_awareness(peer, update, stats)?,
                Message::SyncStep1(state_vector) => self.receive_question(peer, state_vector)?,
                Message::QueryAwareness => {
                    peer.catch_up = CatchUp::Present;
                    self.touched.push(peer.id);
                }
                Message::Auth => {}
            }
            if reader.is_at_end() {
                return Ok(());
            }
        }
    }

    fn receive_update(
        &mut self,
        peer: &mut Peer,
        update: &[u8],
        stats: &mut Stats,
    ) -> Result<(), ProtocolError> {
        let mut changed = false;
        if update != EMPTY_UPDATE {
            if peer.access.read_only {
                return Err(ProtocolError::ReadOnly);
            }
            let (applied, waiting) = self.document.apply(update)?.map_err(undecodable("update"))?;
            changed = applied.changed;
            self.waited |= self.waits || waiting;
            self.waits = waiting;
            if !waiting {
                peer.asked_for_missing = false;
            } else if changed && !std::mem::replace(&mut peer.asked_for_missing, true) {
                self.ask(peer)?;
                self.touched.push(peer.id);
            }
        }
        if changed {
            stats.updates += 1;
            self.relay_update(peer.id, update);
        } else {
            stats.repeated_updates += 1;
        }
        let sequence = self.log.sequence_for(changed);
        if peer.access.confirm_saved {
            self.confirm_when_saved(peer, sequence);
        }
        Ok(())
    }

    fn confirm_when_saved(&mut self, peer: &mut Peer, sequence: u64) {
        if sequence <= self.log.saved {
            peer.outbox.push(|out| write_sync_status(out, true));
            self.touched.push(peer.id);
            return;
        }
        if peer.unconfirmed.is_empty() {
            self.unconfirmed.push(peer.id);
        }
        peer.confirm_at(sequence);
    }

    fn receive_awareness(
        &mut self,
        peer: &mut Peer,
        update: &[u8],
        stats: &mut Stats,
    ) -> Result<(), ProtocolError> {
        let mut news = false;
        let mut departed = Vec::new();
        for entry in decode_awareness(update)? {
            departed.extend(self.awareness.departure(entry));
            news |= self.awareness.apply(entry, peer.id)?;
        }
        if !departed.is_empty() {
            let mut answer = Writer::new();
            encode_awareness(&mut answer, departed.into_iter());
            peer.outbox.push(|out| write_awareness(out, answer.as_bytes()));
            self.touched.push(peer.id);
        }
        if news {
            stats.awareness += 1;
        } else {
            stats.repeated_awareness += 1;
        }
        Ok(())
    }

    /// Answers are written at the end of the tick, so that peers that ask the same share one.
    fn receive_question(&mut self, peer: &mut Peer, state_vector: &[u8]) -> Result<(), ProtocolError> {
        let encoded = state_vector.to_vec();
        let state_vector = StateVector::decode(&encoded).map_err(undecodable("state vector"))?;
        if peer.question.replace(Question { encoded, state_vector }).is_none() {
            self.asking.push(peer.id);
        }
        Ok(())
    }

    fn ask(&self, peer: &mut Peer) -> Result<(), DocumentFailed> {
        let state_vector = self.document.state_vector()?;
        peer.outbox.push(|out| write_step_1(out, &state_vector));
        Ok(())
    }

    fn relay_update(&mut self, sender: PeerId, update: &[u8]) {
        let start = self.frames.as_bytes().len();
        write_update(&mut self.frames, update);
        let end = self.frames.as_bytes().len();
        let update = Some(end - update.len()..end);
        self.entries.push(Entry { sender: Some(sender), frame: start..end, update });
    }

    // The log.

    /// Records up to `sequence` are on disk, or failed to get there.
    ///
    /// After a failure no record counts as saved until one that holds the whole document is: those in between build on what
    /// was lost.
    pub(crate) fn saved(&mut self, sequence: u64, ok: bool, peers: &mut Peers) {
        if !ok && sequence > self.log.distrusted {
            self.log.distrusted = self.log.sequence;
            self.log.whole = true;
        }
        let saved = ok && sequence > self.log.distrusted;
        if saved {
            self.log.saved = self.log.saved.max(sequence);
        }
        self.unconfirmed.retain(|id| {
            let Some(peer) = peers.get_mut(id) else { return false };
            let more = peer.confirm(sequence, saved);
            self.touched.push(*id);
            more
        });
    }

    /// The last number handed out.
    pub(crate) fn sequence(&self) -> u64 {
        self.log.sequence
    }

    /// What is received in a tick waits for the next record; should the tick need several, it waits for the last of them.
    fn append_to_log(&mut self, peers: &mut Peers, effects: &mut Effects, stats: &mut Stats) {
        if !std::mem::take(&mut self.log.due) {
            return;
        }
        let first = self.log.sequence + 1;
        let mut last = self.log.sequence;
        for record in self.records() {
            last += 1;
            effects.append(&self.name, last, &record);
            stats.appends += 1;
        }
        if last < first {
            return;
        }
        self.log.sequence = last;
        self.log.whole = false;
        if last > first {
            for id in &self.unconfirmed {
                if let Some(peer) = peers.get_mut(id) {
                    peer.postpone(first, last);
                }
            }
        }
    }

    /// The updates of this tick as one. Or each for itself, so that the log says which came first, where that decides what
    /// is taken: if two claim the same units, or any had to wait.
    ///
    /// None if a snapshot has come before them, or if the document failed: then whoever waits for a confirmation is closed
    /// by its next message.
    fn records(&self) -> Vec<Cow<'_, [u8]>> {
        if self.log.whole {
            return self.document.encode().ok().map(Cow::Owned).into_iter().collect();
        }
        let frames = self.frames.as_bytes();
        let updates = self.entries.iter().filter_map(|entry| Some(&frames[entry.update.clone()?]));
        let updates: Vec<&[u8]> = updates.collect();
        if updates.len() > 1 && !self.waited {
            match self.document.merge(&updates) {
                Ok(Some(merged)) => return vec![Cow::Owned(merged)],
                Ok(None) => {}
                Err(DocumentFailed) => return Vec::new(),
            }
        }
        updates.into_iter().map(Cow::Borrowed).collect()
    }

    // The end of a tick.

    /// Says what this tick has for whom. Returns the paused members for whom more is waiting than `max_backlog_bytes`.
    pub(crate) fn flush(
        &mut self,
        peers: &mut Peers,
        max_backlog_bytes: usize,
        effects: &mut Effects,
        stats: &mut Stats,
    ) -> Vec<PeerId> {
        self.due = false;
        self.append_to_log(peers, effects, stats);
        self.waited = false;
        self.answer_questions(peers, effects, stats);
        self.relay_awareness();
        let overdue = self.fan_out(peers, max_backlog_bytes, effects, stats);
        self.touched.clear();
        self.entries.clear();
        if self.frames.as_bytes().len() > KEPT_BUFFER_BYTES {
            self.frames = Writer::new();
        } else {
            self.frames.clear();
        }
        overdue
    }

    /// Answers every sync step 1 of this tick; the question of a paused member waits until it is resumed.
    fn answer_questions(&mut self, peers: &mut Peers, effects: &mut Effects, stats: &mut Stats) {
        let mut groups: Vec<(Question, Vec<PeerId>)> = Vec::new();
        self.asking.retain(|id| {
            let Some(peer) = peers.get_mut(id) else { return false };
            if peer.paused {
                return true;
            }
            let Some(question) = peer.question.take() else { return false };
            match groups.iter_mut().find(|(known, _)| known.encoded == question.encoded) {
                Some((_, askers)) => askers.push(*id),
                None => groups.push((question, vec![*id])),
            }
            false
        });
        for (question, askers) in groups {
            let Ok(missing) = self.document.encode_diff(&question.state_vector) else { continue };
            if let &[asker] = &askers[..]
                && let Some(peer) = peers.get_mut(&asker)
            {
                peer.outbox.push(|out| write_step_2(out, &missing));
                self.touched.push(asker);
            } else {
                let mut frame = Writer::with_capacity(missing.len() + 16);
                write_step_2(&mut frame, &missing);
                for asker in &askers {
                    if let Some(peer) = peers.get_mut(asker) {
                        peer.send_outbox(effects, stats);
                    }
                }
                let count = effects.send(frame.as_bytes(), askers.into_iter()) as u64;
                stats.frames_out += count;
                stats.bytes_out += count * frame.as_bytes().len() as u64;
            }
        }
    }

    fn relay_awareness(&mut self) {
        if !self.awareness.has_changes() {
            return;
        }
        let Self { awareness, frames, entries, .. } = self;
        awareness.drain_changes(|sender, update| {
            let start = frames.as_bytes().len();
            write_awareness(frames, update);
            entries.push(Entry { sender, frame: start..frames.as_bytes().len(), update: None });
        });
    }

    /// Members that sent nothing and have nothing of their own to get share one run of bytes; each of the others gets its own.
    fn fan_out(
        &mut self,
        peers: &mut Peers,
        max_backlog_bytes: usize,
        effects: &mut Effects,
        stats: &mut Stats,
    ) -> Vec<PeerId> {
        let mut apart = std::mem::take(&mut self.touched);
        apart.extend(self.entries.iter().filter_map(|entry| entry.sender));
        apart.extend(&self.paused);
        apart.sort_unstable();
        apart.dedup();
        let frames = self.frames.as_bytes();
        if !frames.is_empty() {
            let count = effects.send(frames, without(&self.members, &apart)) as u64;
            stats.frames_out += count * self.entries.len() as u64;
            stats.bytes_out += count * frames.len() as u64;
        }
        let mut overdue = Vec::new();
        for &id in &apart {
            let Some(peer) = peers.get_mut(&id).filter(|peer| !peer.closing) else { continue };
            if peer.paused {
                self.hold_back(peer);
                if peer.outbox.as_bytes().len() > max_backlog_bytes {
                    overdue.push(id);
                }
            } else {
                self.send_apart(peer, effects, stats);
            }
        }
        self.touched = apart;
        overdue
    }

    /// Keeps this tick's updates for a paused member. Awareness is not kept: it is sent afresh when the member is resumed.
    fn hold_back(&self, peer: &mut Peer) {
        for entry in &self.entries {
            if entry.update.is_some() && entry.sender != Some(peer.id) {
                peer.outbox.push_frame(&self.frames.as_bytes()[entry.frame.clone()]);
            }
        }
    }

    fn send_apart(&self, peer: &mut Peer, effects: &mut Effects, stats: &mut Stats) {
        let mut count = peer.outbox.frames();
        let bytes = effects.compose(peer.id, |out| {
            out.bytes(peer.outbox.as_bytes());
            let frames = self.frames.as_bytes();
            for entry in self.entries.iter().filter(|entry| entry.sender != Some(peer.id)) {
                out.bytes(&frames[entry.frame.clone()]);
                count += 1;
            }
            count += u64::from(self.catch_up(peer, out));
        });
        peer.outbox.clear();
        stats.frames_out += count;
        stats.bytes_out += bytes as u64;
    }

    /// Writes the awareness states that `peer` has not been told; returns whether there are any.
    fn catch_up(&self, peer: &mut Peer, out: &mut Writer) -> bool {
        let departed = match std::mem::replace(&mut peer.catch_up, CatchUp::None) {
            CatchUp::None => return false,
            CatchUp::Present => false,
            CatchUp::PresentAndDeparted => true,
        };
        let mut states = Writer::new();
        let any = self.awareness.encode_all(&mut states, departed);
        if any {
            write_awareness(out, states.as_bytes());
        }
        any
    }
}

/// The members that are not `apart`; both by id.
fn without<'a>(members: &'a [PeerId], apart: &'a [PeerId]) -> impl Iterator<Item = PeerId> + 'a {
    let mut apart = apart.iter().peekable();
    members.iter().copied().filter(move |member| {
        while apart.next_if(|next| *next < member).is_some() {}
        apart.next_if_eq(&member).is_none()
    })
}
