//! A hub without sockets: peers say bytes, a tick says who hears what.

use super::*;
use crate::{decode_awareness, encode_awareness};
use officina_crdt::lib0::Reader;
use officina_crdt::{Doc, StateVector};

const NOW: f64 = 1000.0;

/// What the server said to a peer, frame by frame.
#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Step1(Vec<u8>),
    Step2(Vec<u8>),
    Update(Vec<u8>),
    /// Client, clock, and whether it is present.
    Awareness(Vec<(u64, u64, bool)>),
    Saved(bool),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
}

/// A hub with one room called "notes", and the effects of its last tick.
struct World {
    hub: Hub,
    effects: Effects,
    now: f64,
}

impl World {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let mut hub = Hub::new(limits);
        hub.load("notes", Document::empty()).unwrap();
        Self { hub, effects: Effects::default(), now: NOW }
    }

    fn open(&mut self, access: Access) -> PeerId {
        self.hub.open("notes", access, self.now).unwrap()
    }

    /// Some peers that have heard the greeting already.
    fn peers<const N: usize>(&mut self) -> [PeerId; N] {
        let peers = [(); N].map(|()| self.open(Access::default()));
        self.tick();
        peers
    }

    fn confirmed_peer(&mut self) -> PeerId {
        let peer = self.open(Access { confirm_saved: true, ..Access::default() });
        self.tick();
        peer
    }

    fn send(&mut self, peer: PeerId, bytes: &[u8]) {
        self.hub.receive(peer, bytes, self.now).unwrap();
    }

    fn say(&mut self, peer: PeerId, payload: &[u8]) {
        self.send(peer, &masked(0x82, payload));
    }

    fn tick(&mut self) {
        self.hub.tick(self.now, &mut self.effects);
    }

    /// Everything that the last tick said to `peer`.
    fn heard(&self, peer: PeerId) -> Vec<Heard> {
        let sends = self.effects.sends().filter(|(_, peers)| peers.contains(&peer));
        sends.flat_map(|(bytes, _)| frames(bytes)).collect()
    }

    fn appended(&self) -> Vec<(u64, Vec<u8>)> {
        self.effects.appends().map(|append| (append.sequence, append.update.to_vec())).collect()
    }

    /// Ticks, and checks that `peer` is closed with this code and that all others stay.
    fn closed_with(&mut self, peer: PeerId, code: u16) -> String {
        self.tick();
        assert_eq!(self.effects.closes(), [peer]);
        match self.heard(peer).pop() {
            Some(Heard::Close(found, reason)) => {
                assert_eq!(found, code, "{reason}");
                reason
            }
            other => panic!("expected a close frame, heard {other:?}"),
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn frames(mut bytes: &[u8]) -> Vec<Heard> {
    let mut heard = Vec::new();
    while let [first, short, rest @ ..] = bytes {
        let (length, rest) = match short {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk().unwrap())).unwrap(), &rest[8..]),
            short => (usize::from(*short), rest),
        };
        let (payload, rest) = rest.split_at(length);
        bytes = rest;
        heard.push(match first {
            0x88 => Heard::Close(
                u16::from_be_bytes([payload[0], payload[1]]),
                String::from_utf8(payload[2..].to_vec()).unwrap(),
            ),
            0x89 => Heard::Ping,
            0x8a => Heard::Pong(payload.to_vec()),
            0x82 => message(payload),
            other => panic!("unexpected frame {other:#x}"),
        });
    }
    assert!(bytes.is_empty());
    heard
}

fn message(payload: &[u8]) -> Heard {
    let mut reader = Reader::new(payload);
    let message = match (reader.byte().unwrap(), payload.get(1)) {
        (0, Some(kind)) => {
            reader.byte().unwrap();
            let content = reader.var_bytes().unwrap().to_vec();
            [Heard::Step1, Heard::Step2, Heard::Update][usize::from(*kind)](content)
        }
        (1, _) => {
            let entries = decode_awareness(reader.var_bytes().unwrap()).unwrap();
            Heard::Awareness(
                entries.iter().map(|entry| (entry.client, entry.clock, entry.state.is_some())).collect(),
            )
        }
        (8, _) => Heard::Saved(reader.byte().unwrap() == 1),
        other => panic!("unexpected message {other:?}"),
    };
    reader.finish().unwrap();
    message
}

/// An update by which a client, numbered below 128, inserts one character as its first act.
fn insert(client: u8, character: u8) -> Vec<u8> {
    vec![1, 1, client, 0, 4, 1, 1, b't', 1, character, 0]
}

/// An update of 11 bytes more than `length`.
fn insert_many(client: u8, length: usize) -> Vec<u8> {
    let mut out = Writer::new();
    out.bytes(&[1, 1, client, 0, 4, 1, 1, b't']);
    out.var_string(&"x".repeat(length));
    out.byte(0);
    out.into_bytes()
}

fn sync(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.bytes(&[0, kind]);
    out.var_bytes(content);
    out.into_bytes()
}

fn update(content: &[u8]) -> Vec<u8> {
    sync(2, content)
}

fn presence(client: u64, clock: u64, state: Option<&str>) -> Vec<u8> {
    let mut states = Writer::new();
    encode_awareness(&mut states, [crate::AwarenessEntry { client, clock, state }].into_iter());
    let mut out = Writer::new();
    out.byte(1);
    out.var_bytes(states.as_bytes());
    out.into_bytes()
}

/// A document with these updates applied, to compare contents by state vector.
fn state_of<'a>(updates: impl IntoIterator<Item = &'a [u8]>) -> StateVector {
    let mut doc = Doc::new(1);
    for update in updates {
        doc.apply_update(update).unwrap();
    }
    doc.state_vector()
}

fn snapshot(world: &mut World) -> Vec<u8> {
    world.hub.snapshot("notes").unwrap().1.encode().unwrap()
}

// Joining.

#[test]
fn a_newcomer_is_asked_for_what_it_has_and_told_who_is_here() {
    let mut world = World::new();
    let [ada] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.say(ada, &presence(1, 5, Some("{}")));
    world.tick();
    let ben = world.open(Access::default());
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Step1(vec![1, 1, 1]), Heard::Awareness(vec![(1, 5, true)])]);
    assert_eq!(world.heard(ada), []);
}

#[test]
fn a_question_is_answered_with_what_the_asker_lacks() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    world.say(ben, &sync(0, &[1, 1, 1]));
    world.tick();
    let [Heard::Step2(missing)] = &world.heard(ben)[..] else { panic!("{:?}", world.heard(ben)) };
    assert_eq!(*missing, insert(2, b'b'));
}

#[test]
fn peers_that_ask_the_same_in_one_tick_share_the_answer() {
    let mut world = World::new();
    let everyone: [PeerId; 64] = world.peers();
    world.say(everyone[0], &update(&insert(1, b'a')));
    world.tick();
    for peer in everyone {
        world.say(peer, &sync(0, &[0]));
    }
    world.tick();
    assert_eq!(world.effects.sends().count(), 1);
    let (bytes, peers) = world.effects.sends().next().unwrap();
    assert_eq!(frames(bytes), [Heard::Step2(insert(1, b'a'))]);
    assert_eq!(peers, everyone);
}

#[test]
fn who_asks_on_arrival_is_asked_before_it_is_answered() {
    let mut world = World::new();
    let everyone = [(); 3].map(|()| world.open(Access::default()));
    for peer in everyone {
        world.say(peer, &sync(0, &[0]));
    }
    world.tick();
    for peer in everyone {
        assert!(
            matches!(world.heard(peer)[..], [Heard::Step1(_), Heard::Step2(_)]),
            "{:?}",
            world.heard(peer)
        );
    }
}

#[test]
fn a_peer_can_ask_who_is_here() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &presence(1, 5, Some("{}")));
    world.tick();
    world.say(ben, &[3]);
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Awareness(vec![(1, 5, true)])]);
}

// Relaying.

#[test]
fn an_update_goes_byte_for_byte_to_everyone_but_its_sender() {
    let mut world = World::new();
    let [ada, ben, cleo] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.effects.sends().count(), 1);
    for peer in [ben, cleo] {
        assert_eq!(world.heard(peer), [Heard::Update(insert(1, b'a'))]);
    }
    assert_eq!(world.heard(ada), []);
    assert_eq!(world.appended(), [(1, insert(1, b'a'))]);
}

#[test]
fn every_sender_of_a_tick_is_spared_its_own_update_and_only_its_own() {
    let mut world = World::new();
    let [ada, ben, cleo] = world.peers();
    let (a, b) = (insert(1, b'a'), insert(2, b'b'));
    world.say(ada, &update(&a));
    world.say(ben, &update(&b));
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Update(b.clone())]);
    assert_eq!(world.heard(ben), [Heard::Update(a.clone())]);
    assert_eq!(world.heard(cleo), [Heard::Update(a), Heard::Update(b)]);
}

#[test]
fn the_updates_of_a_tick_are_logged_as_one_record() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    let (a, b) = (insert(1, b'a'), insert(2, b'b'));
    world.say(ada, &update(&a));
    world.say(ben, &update(&b));
    world.tick();
    let [(1, record)] = &world.appended()[..] else { panic!("{:?}", world.appended()) };
    assert_eq!(state_of([&record[..]]), state_of([&a[..], &b]));
}

#[test]
fn an_answer_to_step_1_is_relayed_as_an_update() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &sync(1, &insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Update(insert(1, b'a'))]);
    assert_eq!(world.appended(), [(1, insert(1, b'a'))]);
}

#[test]
fn what_brings_nothing_new_is_neither_relayed_nor_logged() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.say(ben, &update(&insert(1, b'a')));
    world.say(ben, &sync(1, &[0, 0]));
    world.say(ben, &[2, 0, 0]);
    world.tick();
    assert!(world.effects.is_empty());
    assert_eq!(world.hub.stats().repeated_updates, 2);
}

#[test]
fn rooms_do_not_hear_each_other() {
    let mut world = World::new();
    world.hub.load("plans", Document::empty()).unwrap();
    let [ada, ben] = world.peers();
    let cleo = world.hub.open("plans", Access::default(), NOW).unwrap();
    world.tick();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Update(insert(1, b'a'))]);
    assert_eq!(world.heard(cleo), []);
}

#[test]
fn several_messages_in_one_frame_are_all_heard() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &[update(&insert(1, b'a')), presence(1, 1, Some("{}"))].concat());
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Update(insert(1, b'a')), Heard::Awareness(vec![(1, 1, true)])]);
}

// Awareness.

#[test]
fn an_echo_of_awareness_is_not_relayed() {
    let mut world = World::new();
    let [ada, ben, cleo] = world.peers();
    world.say(ada, &presence(1, 1, Some("{}")));
    world.tick();
    assert_eq!(world.heard(cleo), [Heard::Awareness(vec![(1, 1, true)])]);
    assert_eq!(world.heard(ada), []);
    world.say(ben, &presence(1, 1, Some("{}")));
    world.say(cleo, &presence(1, 1, Some("{}")));
    world.tick();
    assert!(world.effects.is_empty());
}

#[test]
fn a_client_that_comes_back_as_it_was_is_told_that_it_had_left() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &presence(1, 7, Some("{}")));
    world.tick();
    world.hub.lost(ada).unwrap();
    world.tick();
    let [again] = world.peers();
    world.say(again, &presence(1, 7, Some("{}")));
    world.tick();
    assert_eq!(world.heard(again), [Heard::Awareness(vec![(1, 7, false)])]);
    assert_eq!(world.heard(ben), []);
    world.say(again, &presence(1, 8, Some("{}")));
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Awareness(vec![(1, 8, true)])]);
}

#[test]
fn a_lost_peer_is_announced_as_gone() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.say(ada, &presence(1, 7, Some("{}")));
    world.tick();
    world.hub.lost(ada).unwrap();
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Awareness(vec![(1, 7, false)])]);
    assert_eq!(world.hub.peers("notes").unwrap(), [ben]);
}

#[test]
fn a_client_that_reconnected_outlives_its_old_connection() {
    let mut world = World::new();
    let [old, ben, new] = world.peers();
    world.say(old, &presence(1, 7, Some("{}")));
    world.say(new, &presence(1, 8, Some("{}")));
    world.tick();
    world.hub.lost(old).unwrap();
    world.tick();
    assert_eq!(world.heard(ben), []);
}

// Saving.

#[test]
fn a_change_is_confirmed_once_it_is_on_disk_and_only_to_who_asked() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    let [ben] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.say(ada, &update(&insert(2, b'b')));
    world.say(ben, &update(&insert(3, b'c')));
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Update(insert(3, b'c'))]);
    world.hub.saved("notes", 1, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(true), Heard::Saved(true)]);
    assert_eq!(world.heard(ben), []);
}

#[test]
fn a_confirmation_waits_for_its_own_record() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    world.hub.saved("notes", 1, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(true)]);
    world.hub.saved("notes", 2, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(true)]);
}

#[test]
fn updates_of_a_tick_that_claim_the_same_units_are_logged_each_for_itself() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    let [eve] = world.peers();
    let forged = [&[1, 1, 1, 0, 4, 1, 4][..], b"text", &[3], b"xyz", &[0]].concat();
    world.say(ada, &update(&insert(1, b'a')));
    world.say(eve, &update(&forged));
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    let records = [(1, insert(1, b'a')), (2, forged), (3, insert(2, b'b'))];
    assert_eq!(world.appended(), records);
    for (sequence, heard) in [(1, &[][..]), (2, &[]), (3, &[Heard::Saved(true), Heard::Saved(true)])] {
        world.hub.saved("notes", sequence, true).unwrap();
        world.tick();
        assert_eq!(world.heard(ada), heard);
    }
    let read = Document::replay(records.iter().map(|(_, record)| &record[..])).unwrap();
    assert_eq!(read.encode().unwrap(), snapshot(&mut world));
}

#[test]
fn updates_of_a_tick_that_others_waited_for_are_logged_each_for_itself() {
    let mut world = World::new();
    let [ada, eve] = world.peers();
    // Two claim the second unit of client 1, one beside the first of client 9, one beside the first of client 8.
    let beside = |client: u8, character: u8| vec![1, 1, 1, 1, 0xc4, 1, 0, client, 0, 1, character, 0];
    let mut records = Vec::new();
    for tick in [
        vec![(ada, insert(1, b'a'))],
        vec![(eve, beside(9, b'x')), (ada, beside(8, b'b'))],
        vec![(ada, insert(8, b'c')), (eve, insert(9, b'd'))],
    ] {
        for (peer, bytes) in &tick {
            world.say(*peer, &update(bytes));
        }
        world.tick();
        records.extend(world.appended().into_iter().map(|(_, record)| record));
    }
    assert_eq!(records.len(), 5);
    let read = Document::replay(records.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(read.encode().unwrap(), snapshot(&mut world));
    world.say(ada, &update(&insert(2, b'e')));
    world.say(eve, &update(&insert(3, b'f')));
    world.tick();
    assert_eq!(world.appended().len(), 1);
}

#[test]
fn a_repeated_update_is_confirmed_once_what_it_repeats_is_on_disk() {
    let mut world = World::new();
    let [ada] = world.peers();
    let ben = world.confirmed_peer();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.say(ben, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ben), []);
    world.hub.saved("notes", 1, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Saved(true)]);
    world.say(ben, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Saved(true)]);
}

#[test]
fn after_a_failed_save_nothing_counts_as_saved_until_the_whole_document_is() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    for (client, character) in [(1, b'a'), (2, b'b')] {
        world.say(ada, &update(&insert(client, character)));
        world.tick();
    }
    world.hub.saved("notes", 1, false).unwrap();
    world.hub.saved("notes", 2, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(false), Heard::Saved(false)]);

    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ada), []);
    let [(3, record)] = &world.appended()[..] else { panic!("{:?}", world.appended()) };
    assert_eq!(state_of([&record[..]]), state_of([&insert(1, b'a')[..], &insert(2, b'b')]));
    world.hub.saved("notes", 3, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(true)]);
}

#[test]
fn a_snapshot_repairs_a_failed_save() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.hub.saved("notes", 1, false).unwrap();
    world.tick();
    assert_eq!(world.hub.snapshot("notes").unwrap().0, 2);
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    assert_eq!(world.appended(), [(3, insert(2, b'b'))]);
    world.hub.saved("notes", 3, true).unwrap();
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Saved(true)]);
    assert_eq!(world.hub.snapshot("notes").unwrap().0, 3);
}

#[test]
fn a_snapshot_holds_what_its_sequence_number_promises() {
    let mut world = World::new();
    let [ada] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.say(ada, &update(&insert(2, b'b')));
    let (sequence, document) = world.hub.snapshot("notes").unwrap();
    assert_eq!(sequence, 1);
    assert_eq!(state_of([&document.encode().unwrap()[..]]).get(1), 1);
}

#[test]
fn a_room_replays_its_records_and_says_which_one_is_damaged() {
    let (a, b) = (insert(1, b'a'), insert(2, b'b'));
    let document = Document::replay([&a[..], &b]).unwrap();
    assert_eq!(state_of([&document.encode().unwrap()[..]]), state_of([&a[..], &b]));
    assert_eq!(Document::replay([&a[..], &b[..5]]).unwrap_err().index, 1);
}

// Slow peers.

#[test]
fn a_paused_peer_gets_the_updates_it_missed_when_it_is_resumed() {
    let mut world = World::new();
    let [ada, ben, cleo] = world.peers();
    world.hub.pause(ben).unwrap();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    assert_eq!(world.heard(ben), []);
    assert_eq!(world.heard(cleo).len(), 1);
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    world.hub.resume(ben).unwrap();
    world.say(ada, &update(&insert(3, b'c')));
    world.tick();
    let expected =
        [(1, b'a'), (2, b'b'), (3, b'c')].map(|(client, text)| Heard::Update(insert(client, text)));
    assert_eq!(world.heard(ben), expected);
}

#[test]
fn a_paused_peer_gets_awareness_as_it_is_when_resumed() {
    let mut world = World::new();
    let [ada, ben, cleo] = world.peers();
    world.say(cleo, &presence(3, 1, Some("{}")));
    world.tick();
    world.hub.pause(ben).unwrap();
    for clock in 1..100 {
        world.say(ada, &presence(1, clock, Some("{}")));
        world.tick();
    }
    world.hub.lost(cleo).unwrap();
    world.tick();
    world.hub.resume(ben).unwrap();
    world.tick();
    let [Heard::Awareness(states)] = &mut world.heard(ben)[..] else { panic!("{:?}", world.heard(ben)) };
    states.sort_unstable();
    assert_eq!(*states, [(1, 99, true), (3, 1, false)]);
}

#[test]
fn a_paused_peer_gets_its_answer_when_resumed() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.hub.pause(ben).unwrap();
    world.say(ben, &sync(0, &[0]));
    world.say(ada, &update(&insert_many(1, 2_000_000)));
    world.tick();
    // The update itself exceeds the backlog, so only a peer that is not behind may ask later.
    assert_eq!(world.effects.closes(), [ben]);

    let cleo = world.open(Access::default());
    world.tick();
    world.hub.pause(cleo).unwrap();
    world.say(cleo, &sync(0, &[0]));
    world.tick();
    assert!(world.effects.is_empty());
    world.hub.resume(cleo).unwrap();
    world.tick();
    assert_eq!(world.heard(cleo), [Heard::Step2(insert_many(1, 2_000_000))]);
}

#[test]
fn a_peer_too_far_behind_is_closed_and_the_others_hear_everything() {
    let mut world = World::with(Limits { max_backlog_bytes: 1000, ..Limits::default() });
    let [ada, ben, cleo] = world.peers();
    world.say(ben, &presence(2, 1, Some("{}")));
    world.tick();
    world.hub.pause(ben).unwrap();
    world.say(ada, &update(&insert_many(1, 900)));
    world.tick();
    assert_eq!(world.effects.closes(), []);
    world.say(ada, &update(&insert_many(2, 900)));
    let reason = world.closed_with(ben, 1013);
    assert!(reason.contains("1000"), "{reason}");
    assert_eq!(world.heard(ben).len(), 1);
    assert_eq!(
        world.heard(cleo),
        [Heard::Update(insert_many(2, 900)), Heard::Awareness(vec![(2, 1, false)])]
    );
    assert_eq!(world.hub.stats().slow_peers_closed, 1);
}

// Closing, pinging.

#[test]
fn a_ping_is_answered() {
    let mut world = World::new();
    let [ada] = world.peers();
    world.send(ada, &masked(0x89, b"there?"));
    assert!(world.hub.tick_is_due());
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Pong(b"there?".to_vec())]);
}

#[test]
fn a_close_frame_is_answered_with_its_code() {
    let mut world = World::new();
    let [ada] = world.peers();
    world.send(ada, &masked(0x88, &[0x0b, 0xb8, b'b', b'y', b'e']));
    assert_eq!(world.closed_with(ada, 3000), "");
    world.hub.lost(ada).unwrap();
    assert!(world.hub.receive(ada, &[], NOW).is_err());
}

#[test]
fn a_closing_peer_hears_what_was_waiting_and_is_not_listened_to() {
    let mut world = World::new();
    let ada = world.confirmed_peer();
    let [ben] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    world.hub.saved("notes", 1, true).unwrap();
    world.hub.close(ada, CloseCode::GOING_AWAY, "the server is going down").unwrap();
    world.hub.close(ada, CloseCode::NORMAL, "once more").unwrap();
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    let close = Heard::Close(1001, "the server is going down".to_owned());
    assert_eq!(world.heard(ada), [Heard::Saved(true), close]);
    assert_eq!(world.heard(ben), []);
    assert_eq!(world.effects.closes(), [ada]);
    assert_eq!(state_of([&snapshot(&mut world)[..]]), state_of([&insert(1, b'a')[..]]));
}

#[test]
fn every_peer_is_pinged_with_a_message_that_its_page_can_see() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    assert_eq!(world.hub.due(), Some(NOW + 20.0));
    world.now += 20.0;
    world.tick();
    assert_eq!(world.effects.sends().count(), 1);
    for peer in [ada, ben] {
        assert_eq!(world.heard(peer), [Heard::Ping, Heard::Awareness(vec![])]);
    }
    assert_eq!(world.hub.due(), Some(NOW + 40.0));
}

#[test]
fn a_peer_that_is_not_heard_after_a_ping_is_closed() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.now += 20.0;
    world.tick();
    world.now += 1.0;
    world.send(ben, &masked(0x8a, b""));
    world.now += 19.0;
    assert_eq!(world.closed_with(ada, 1011), "no answer to a ping");
    assert_eq!(world.hub.peers("notes").unwrap(), [ben]);
}

#[test]
fn without_an_interval_nobody_is_pinged() {
    let mut world = World::with(Limits { ping_interval: f64::INFINITY, ..Limits::default() });
    world.peers::<2>();
    assert_eq!(world.hub.due(), None);
    world.now += 1e9;
    world.tick();
    assert!(world.effects.is_empty());
}

// Hostile peers.

/// Sends `bytes` as a peer among others; the peer is closed with `code`, and nothing of it reaches anybody.
fn refused(bytes: &[u8], code: u16) -> String {
    let mut world = World::new();
    let [ada, mallory, ben] = world.peers();
    world.say(ada, &update(&insert(1, b'a')));
    world.tick();
    let before = snapshot(&mut world);
    world.send(mallory, bytes);
    let reason = world.closed_with(mallory, code);
    assert_eq!(world.heard(mallory).len(), 1);
    for peer in [ada, ben] {
        assert_eq!(world.heard(peer), []);
    }
    assert_eq!(world.appended(), []);
    assert_eq!(snapshot(&mut world), before);
    world.say(ada, &update(&insert(2, b'b')));
    world.tick();
    assert_eq!(world.heard(ben), [Heard::Update(insert(2, b'b'))]);
    reason
}

fn refused_message(payload: &[u8], code: u16) -> String {
    refused(&masked(0x82, payload), code)
}

#[test]
fn an_unmasked_frame_closes_with_1002() {
    refused(&[0x82, 1, 3], 1002);
}

#[test]
fn a_text_frame_closes_with_1003() {
    refused(&masked(0x81, b"hello"), 1003);
}

#[test]
fn an_unknown_message_type_closes_with_1003_and_is_named() {
    assert_eq!(refused_message(&[100], 1003), "unknown message type 100");
}

#[test]
fn an_oversized_message_closes_with_1009_by_its_header() {
    refused(&[0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 2, 3, 4], 1009);
}

#[test]
fn every_truncation_of_an_update_closes_with_1007() {
    let whole = insert(3, b'x');
    for length in 0..whole.len() {
        refused_message(&update(&whole[..length]), 1007);
    }
}

#[test]
fn an_update_with_surplus_bytes_closes_with_1007() {
    refused_message(&update(&[&insert(3, b'x')[..], &[0]].concat()), 1007);
}

#[test]
fn an_update_that_is_not_utf8_closes_with_1007() {
    refused_message(&update(&insert(3, 0xff)), 1007);
}

#[test]
fn a_huge_claimed_length_closes_with_1007() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    refused_message(&[&[0, 2][..], &claim].concat(), 1007);
    refused_message(&[&[1][..], &claim].concat(), 1007);
    refused_message(&update(&claim), 1007);
    refused_message(&sync(0, &claim), 1007);
}

#[test]
fn an_empty_message_closes_with_1007() {
    refused_message(&[], 1007);
}

#[test]
fn garbage_behind_a_good_message_closes_with_1003() {
    refused_message(&[&sync(1, &[0, 0])[..], &[99]].concat(), 1003);
}

#[test]
fn awareness_that_no_client_could_parse_closes_with_1007() {
    refused_message(&presence(3, 1, Some("{")), 1007);
    refused_message(&presence(3, 1, Some("undefined")), 1007);
}

#[test]
fn a_message_before_the_bad_one_still_counts() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    world.send(ada, &[masked(0x82, &update(&insert(1, b'a'))), masked(0x81, b"text")].concat());
    world.closed_with(ada, 1003);
    assert_eq!(world.heard(ben), [Heard::Update(insert(1, b'a'))]);
    assert_eq!(world.appended(), [(1, insert(1, b'a'))]);
}

#[test]
fn a_reader_that_writes_is_closed_with_1008() {
    let mut world = World::new();
    let [ada] = world.peers();
    let guest = world.open(Access { read_only: true, ..Access::default() });
    world.tick();
    assert_eq!(world.heard(guest), []);
    world.say(guest, &presence(3, 1, Some("{}")));
    world.say(guest, &sync(1, &[0, 0]));
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Awareness(vec![(3, 1, true)])]);
    world.say(guest, &update(&insert(3, b'x')));
    world.closed_with(guest, 1008);
    assert_eq!(world.appended(), []);
}

#[test]
fn an_update_with_a_gap_is_kept_and_its_sender_asked_for_the_rest_once() {
    let mut world = World::new();
    let [ada, ben] = world.peers();
    // Client 1's second and third character, without its first.
    let ahead = |clock: u8| vec![1, 1, 1, clock, 0x84, 1, clock - 1, 1, b'b', 0];
    world.say(ada, &update(&ahead(1)));
    world.tick();
    assert_eq!(world.heard(ada), [Heard::Step1(vec![0])]);
    assert_eq!(world.heard(ben), [Heard::Update(ahead(1))]);
    world.say(ada, &update(&ahead(2)));
    world.tick();
    assert_eq!(world.heard(ada), []);
    world.say(ada, &sync(1, &insert(1, b'a')));
    world.tick();
    assert_eq!(state_of([&snapshot(&mut world)[..]]).get(1), 3);
}

// The caller's contract.

#[test]
fn a_room_with_peers_or_unlogged_changes_cannot_be_unloaded() {
    let mut world = World::new();
    let [ada] = world.peers();
    assert!(matches!(world.hub.unload("notes"), Err(HubError::Occupied { peers: 1, .. })));
    world.say(ada, &update(&insert(1, b'a')));
    world.hub.lost(ada).unwrap();
    assert!(matches!(world.hub.unload("notes"), Err(HubError::Unlogged { .. })));
    world.tick();
    assert_eq!(world.appended().len(), 1);
    assert_eq!(world.hub.unload("notes"), Ok(()));
    assert!(!world.hub.is_loaded("notes"));
    assert!(matches!(world.hub.unload("notes"), Err(HubError::UnknownRoom { .. })));
}

#[test]
fn misuse_by_the_caller_is_named() {
    let mut world = World::new();
    let nobody = PeerId::new(77);
    assert_eq!(world.hub.receive(nobody, b"", NOW), Err(HubError::UnknownPeer { peer: 77 }));
    assert_eq!(world.hub.lost(nobody), Err(HubError::UnknownPeer { peer: 77 }));
    assert!(matches!(world.hub.open("void", Access::default(), NOW), Err(HubError::UnknownRoom { .. })));
    assert!(matches!(world.hub.load("notes", Document::empty()), Err(HubError::AlreadyLoaded { .. })));
    assert!(matches!(world.hub.saved("notes", 1, true), Err(HubError::UnknownSequence { last: 0, .. })));
}

#[test]
fn a_closing_peer_no_longer_counts() {
    let mut world = World::new();
    let [ada] = world.peers();
    world.hub.close(ada, CloseCode::GOING_AWAY, "").unwrap();
    world.tick();
    assert!(world.hub.peers("notes").unwrap().is_empty());
    assert_eq!(world.hub.unload("notes"), Ok(()));
    assert_eq!(world.hub.receive(ada, &masked(0x88, &[]), NOW), Ok(false));
    world.hub.lost(ada).unwrap();
}
