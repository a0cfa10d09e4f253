//! Awareness: who is here, and what they point at. Ephemeral, last writer wins by a clock per client.
//!
//! # Source
//! npm `y-protocols`, `awareness.js`.

use crate::error::ProtocolError;
use crate::message::undecodable;
use crate::peer::PeerId;
use hashbrown::HashMap;
use officina_crdt::ClientId;
use officina_crdt::is_json;
use officina_crdt::lib0::{Reader, Writer};

/// The longest state of one client, in bytes of JSON; a cursor and a name take about 200.
pub const MAX_STATE_BYTES: usize = 1 << 16;

/// How many clients one peer may speak for; more than one when tabs share a connection.
pub const MAX_STATES_PER_PEER: usize = 256;

/// How many departed clients a room remembers, so that late copies of their states stay refused.
const MAX_DEPARTED: usize = 4096;

/// One client's state within an awareness update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwarenessEntry<'a> {
    /// The client that the state belongs to.
    pub client: ClientId,
    /// Grows with every change of the state.
    pub clock: u64,
    /// The state as JSON; `None` when the client has left.
    pub state: Option<&'a str>,
}

/// Decodes a whole awareness update.
///
/// # Errors
/// [`ProtocolError::Undecodable`], [`ProtocolError::InvalidAwarenessState`] or
/// [`ProtocolError::AwarenessStateTooLarge`].
pub fn decode_awareness(update: &[u8]) -> Result<Vec<AwarenessEntry<'_>>, ProtocolError> {
    let failed = undecodable("awareness update");
    let mut reader = Reader::new(update);
    let count = reader.var_uint().map_err(&failed)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let client = reader.var_uint().map_err(&failed)?;
        let clock = reader.var_uint().map_err(&failed)?;
        let state = reader.var_string().map_err(&failed)?;
        entries.push(AwarenessEntry { client, clock, state: checked_state(state)? });
    }
    reader.finish().map_err(&failed)?;
    Ok(entries)
}

fn checked_state(state: &str) -> Result<Option<&str>, ProtocolError> {
    if state.len() > MAX_STATE_BYTES {
        return Err(ProtocolError::AwarenessStateTooLarge { bytes: state.len(), limit: MAX_STATE_BYTES });
    }
    if !is_json(state) {
        return Err(ProtocolError::InvalidAwarenessState);
    }
    let is_null = state.trim_ascii() == "null";
    Ok((!is_null).then_some(state))
}

/// Encodes an awareness update.
pub fn encode_awareness<'a>(out: &mut Writer, entries: impl ExactSizeIterator<Item = AwarenessEntry<'a>>) {
    out.var_uint(entries.len() as u64);
    for AwarenessEntry { client, clock, state } in entries {
        out.var_uint(client);
        out.var_uint(clock);
        out.var_string(state.unwrap_or("null"));
    }
}

/// The awareness states of one room.
///
/// Clients echo every state they learn back to the server, so most of what arrives brings nothing new and goes no
/// further. Changes wait for [`drain_changes`](Self::drain_changes): of several changes of one client's state only the last is
/// sent.
#[derive(Debug, Default)]
pub(crate) struct Awareness {
    clients: HashMap<ClientId, Presence>,
    /// Clients whose state has changed since the last drain, each once.
    changed: Vec<ClientId>,
}

#[derive(Debug)]
struct Presence {
    clock: u64,
    /// The state as JSON; `None` once the client has left.
    state: Option<String>,
    /// The peer that set the state last; the state leaves with that peer.
    owner: PeerId,
    /// Who made the change that waits to be drained: that peer knows it already.
    change: Option<Origin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Server,
    Peer(PeerId),
}

impl Presence {
    fn entry(&self, client: ClientId) -> AwarenessEntry<'_> {
        AwarenessEntry { client, clock: self.clock, state: self.state.as_deref() }
    }
}

impl Awareness {
    /// Applies one entry sent by `from`; returns whether it brought anything new.
    ///
    /// # Errors
    /// [`ProtocolError::TooManyAwarenessStates`] when `from` speaks for too many clients.
    pub(crate) fn apply(&mut self, entry: AwarenessEntry<'_>, from: PeerId) -> Result<bool, ProtocolError> {
        if !self.brings_news(entry) {
            return Ok(false);
        }
        if entry.state.is_some() && self.clients.get(&entry.client).is_none_or(|known| known.owner != from) {
            self.check_may_own_another(from)?;
        }
        let known = self.clients.entry(entry.client).or_insert(Presence {
            clock: entry.clock,
            state: None,
            owner: from,
            change: None,
        });
        known.clock = entry.clock;
        known.owner = from;
        match (&mut known.state, entry.state) {
            (Some(text), Some(state)) => {
                text.clear();
                text.push_str(state);
            }
            (text, state) => *text = state.map(str::to_owned),
        }
        if known.change.replace(Origin::Peer(from)).is_none() {
            self.changed.push(entry.client);
        }
        Ok(true)
    }

    /// A later clock wins. With an equal clock a departure wins over a state: clients announce that another one has left by
    /// repeating its last clock. The departure of an unknown client is not kept.
    fn brings_news(&self, entry: AwarenessEntry<'_>) -> bool {
        match self.clients.get(&entry.client) {
            None => entry.state.is_some(),
            Some(known) if entry.clock == known.clock => entry.state.is_none() && known.state.is_some(),
            Some(known) => entry.clock > known.clock,
        }
    }

    /// What to answer a peer that announces a client at a clock at which it has left, as one does whose connection was cut. A
    /// client that hears this of itself comes back at once, with a later clock; unanswered it would stay unseen until it
    /// renews its state, 15 seconds later.
    pub(crate) fn departure(&self, entry: AwarenessEntry<'_>) -> Option<AwarenessEntry<'static>> {
        let known = self.clients.get(&entry.client)?;
        let is_late = entry.state.is_some() && known.state.is_none() && entry.clock <= known.clock;
        is_late.then_some(AwarenessEntry { client: entry.client, clock: known.clock, state: None })
    }

    fn check_may_own_another(&self, peer: PeerId) -> Result<(), ProtocolError> {
        let owned = self.clients.values().filter(|known| known.owner == peer && known.state.is_some());
        if owned.count() >= MAX_STATES_PER_PEER {
            return Err(ProtocolError::TooManyAwarenessStates { limit: MAX_STATES_PER_PEER });
        }
        Ok(())
    }

    /// Lets every client leave whose state `peer` set last; returns whether there was one.
    ///
    /// The clock stays, as in y-protocols: a client that lives on behind another connection answers with a higher one.
    pub(crate) fn remove_owned_by(&mut self, peer: PeerId) -> bool {
        let mut removed = false;
        for (&client, known) in &mut self.clients {
            if known.owner == peer && known.state.take().is_some() {
                removed = true;
                if known.change.replace(Origin::Server).is_none() {
                    self.changed.push(client);
                }
            }
        }
        removed
    }

    /// Encodes every state present; with `departed` also who has left, for a peer that missed the announcement.
    ///
    /// Returns whether there is anything to tell.
    pub(crate) fn encode_all(&self, out: &mut Writer, departed: bool) -> bool {
        let told = |known: &Presence| departed || known.state.is_some();
        let entries: Vec<_> = (self.clients.iter())
            .filter(|(_, known)| told(known))
            .map(|(&client, known)| known.entry(client))
            .collect();
        encode_awareness(out, entries.iter().copied());
        !entries.is_empty()
    }

    pub(crate) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Hands over what has changed since the last call: one encoded awareness update for each peer that made changes, with
    /// that peer, and one without a peer for what the server changed.
    pub(crate) fn drain_changes(&mut self, mut emit: impl FnMut(Option<PeerId>, &[u8])) {
        let mut changes: Vec<(Origin, ClientId)> = (self.changed.drain(..))
            .filter_map(|client| {
                self.clients.get_mut(&client).and_then(|known| Some((known.change.take()?, client)))
            })
            .collect();
        changes.sort_unstable();
        let mut encoded = Writer::new();
        for group in changes.chunk_by(|left, right| left.0 == right.0) {
            let entries: Vec<_> = (group.iter())
                .filter_map(|(_, client)| self.clients.get(client).map(|known| known.entry(*client)))
                .collect();
            encoded.clear();
            encode_awareness(&mut encoded, entries.iter().copied());
            let origin = match group[0].0 {
                Origin::Server => None,
                Origin::Peer(peer) => Some(peer),
            };
            emit(origin, encoded.as_bytes());
        }
        self.forget_departed();
    }

    /// Bounds the memory of clients that came and went.
    fn forget_departed(&mut self) {
        if self.clients.len() > MAX_DEPARTED
            && self.clients.values().filter(|known| known.state.is_none()).count() > MAX_DEPARTED
        {
            self.clients.retain(|_, known| known.state.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PeerId = PeerId::new(1);
    const BEN: PeerId = PeerId::new(2);

    fn state(client: ClientId, clock: u64, state: &str) -> AwarenessEntry<'_> {
        AwarenessEntry { client, clock, state: Some(state) }
    }

    fn gone(client: ClientId, clock: u64) -> AwarenessEntry<'static> {
        AwarenessEntry { client, clock, state: None }
    }

    /// Client, clock, and whether it is present.
    type Told = Vec<(ClientId, u64, bool)>;

    /// What a drain sends: who is excluded, and the entries.
    fn drain(awareness: &mut Awareness) -> Vec<(Option<PeerId>, Told)> {
        let mut sent = Vec::new();
        awareness.drain_changes(|origin, update| {
            let entries = decode_awareness(update).unwrap();
            sent.push((
                origin,
                entries.iter().map(|entry| (entry.client, entry.clock, entry.state.is_some())).collect(),
            ));
        });
        sent
    }

    #[test]
    fn an_echo_brings_nothing_new() {
        let mut awareness = Awareness::default();
        assert_eq!(awareness.apply(state(7, 1, "{}"), ADA), Ok(true));
        assert_eq!(awareness.apply(state(7, 1, "{}"), BEN), Ok(false));
        assert_eq!(awareness.apply(state(7, 0, "{}"), BEN), Ok(false));
        assert_eq!(drain(&mut awareness), [(Some(ADA), vec![(7, 1, true)])]);
        assert!(!awareness.has_changes());
    }

    #[test]
    fn a_departure_wins_over_a_state_with_the_same_clock() {
        let mut awareness = Awareness::default();
        awareness.apply(state(7, 4, "{}"), ADA).unwrap();
        assert_eq!(awareness.apply(gone(7, 3), BEN), Ok(false));
        assert_eq!(awareness.apply(gone(7, 4), BEN), Ok(true));
        assert_eq!(awareness.apply(state(7, 4, "{}"), ADA), Ok(false));
        assert_eq!(awareness.apply(state(7, 5, "{}"), ADA), Ok(true));
    }

    #[test]
    fn several_changes_of_one_client_are_sent_as_the_last() {
        let mut awareness = Awareness::default();
        for clock in 1..10 {
            awareness.apply(state(7, clock, "{}"), ADA).unwrap();
        }
        awareness.apply(state(8, 3, "1"), BEN).unwrap();
        assert_eq!(drain(&mut awareness), [(Some(ADA), vec![(7, 9, true)]), (Some(BEN), vec![(8, 3, true)])]);
        assert_eq!(drain(&mut awareness), []);
    }

    #[test]
    fn a_lost_peer_takes_along_only_the_states_it_set_last() {
        let mut awareness = Awareness::default();
        awareness.apply(state(7, 1, "{}"), ADA).unwrap();
        awareness.apply(state(8, 1, "{}"), ADA).unwrap();
        awareness.apply(state(8, 2, "{}"), BEN).unwrap();
        drain(&mut awareness);
        assert!(awareness.remove_owned_by(ADA));
        assert!(!awareness.remove_owned_by(ADA));
        assert_eq!(drain(&mut awareness), [(None, vec![(7, 1, false)])]);
    }

    #[test]
    fn a_newcomer_hears_of_those_present_and_a_resumed_peer_also_of_those_gone() {
        let mut awareness = Awareness::default();
        let mut out = Writer::new();
        assert!(!awareness.encode_all(&mut out, true));
        awareness.apply(state(7, 1, "{}"), ADA).unwrap();
        awareness.apply(state(8, 1, "{}"), BEN).unwrap();
        awareness.remove_owned_by(BEN);
        out.clear();
        assert!(awareness.encode_all(&mut out, false));
        assert_eq!(decode_awareness(out.as_bytes()), Ok(vec![state(7, 1, "{}")]));
        out.clear();
        awareness.encode_all(&mut out, true);
        assert_eq!(decode_awareness(out.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn one_peer_cannot_speak_for_any_number_of_clients() {
        let mut awareness = Awareness::default();
        for client in 0..MAX_STATES_PER_PEER as u64 {
            awareness.apply(state(client, 1, "{}"), ADA).unwrap();
        }
        let error = ProtocolError::TooManyAwarenessStates { limit: MAX_STATES_PER_PEER };
        assert_eq!(awareness.apply(state(9999, 1, "{}"), ADA), Err(error));
        assert_eq!(awareness.apply(state(9999, 1, "{}"), BEN), Ok(true));
        assert_eq!(awareness.apply(state(0, 2, "{}"), ADA), Ok(true));
    }

    #[test]
    fn departed_clients_are_forgotten_in_the_end() {
        let mut awareness = Awareness::default();
        for client in 0..2 * MAX_DEPARTED as u64 {
            awareness.apply(state(client, 1, "{}"), ADA).unwrap();
            awareness.apply(gone(client, 1), ADA).unwrap();
            drain(&mut awareness);
        }
        assert!(awareness.clients.len() <= MAX_DEPARTED);
    }

    #[test]
    fn a_state_that_is_not_json_is_refused() {
        let mut out = Writer::new();
        encode_awareness(&mut out, [state(1, 1, "{not json")].into_iter());
        assert_eq!(decode_awareness(out.as_bytes()), Err(ProtocolError::InvalidAwarenessState));
    }

    #[test]
    fn a_state_beyond_the_limit_is_refused() {
        let large = format!("\"{}\"", "x".repeat(MAX_STATE_BYTES));
        let mut out = Writer::new();
        encode_awareness(&mut out, [state(1, 1, &large)].into_iter());
        let error = ProtocolError::AwarenessStateTooLarge { bytes: large.len(), limit: MAX_STATE_BYTES };
        assert_eq!(decode_awareness(out.as_bytes()), Err(error));
    }

    #[test]
    fn a_huge_claimed_count_is_refused_without_allocating() {
        let mut out = Writer::new();
        out.var_uint(1 << 50);
        out.bytes(&[1, 1, 2, b'{', b'}']);
        assert!(matches!(decode_awareness(out.as_bytes()), Err(ProtocolError::Undecodable { .. })));
    }

    #[test]
    fn a_state_of_null_means_departure_even_with_spaces_around() {
        let update = [1, 7, 1, 6, b' ', b'n', b'u', b'l', b'l', b'\n'];
        assert_eq!(decode_awareness(&update), Ok(vec![gone(7, 1)]));
    }
}
