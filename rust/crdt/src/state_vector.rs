use hashbrown::HashMap;

use crate::error::DecodeError;
use crate::id::ClientId;
use crate::lib0::{Reader, Writer};

/// How much of each client's content a replica has: the vector clock of the document.
///
/// # Source
/// Yjs 13.6, `encodeStateVector`: a count, then client and clock, clients from high to low.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateVector {
    clocks: HashMap<ClientId, u32>,
}

impl StateVector {
    /// Knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first clock of `client` that is not known yet; 0 for a stranger.
    #[must_use]
    pub fn get(&self, client: ClientId) -> u32 {
        self.clocks.get(&client).copied().unwrap_or(0)
    }

    /// Records that all of `client` below `clock` is known.
    pub fn set(&mut self, client: ClientId, clock: u32) {
        if clock == 0 {
            self.clocks.remove(&client);
        } else {
            self.clocks.insert(client, clock);
        }
    }

    /// Every client with its clock, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, u32)> + '_ {
        self.clocks.iter().map(|(&client, &clock)| (client, clock))
    }

    /// How many clients are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// Decodes what [`StateVector::encode`] or Yjs wrote.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut state = Self::new();
        for _ in 0..reader.var_uint()? {
            let client = reader.var_uint()?;
            let clock = reader.var_u32()?;
            state.set(client, clock.max(state.get(client)));
        }
        reader.finish()?;
        Ok(state)
    }

    /// Encodes as Yjs does, byte for byte.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by(|a, b| b.cmp(a));
        let mut writer = Writer::with_capacity(1 + entries.len() * 8);
        writer.var_uint(entries.len() as u64);
        for (client, clock) in entries {
            writer.var_uint(client);
            writer.var_uint(u64::from(clock));
        }
        writer.into_bytes()
    }
}

impl FromIterator<(ClientId, u32)> for StateVector {
    fn from_iter<I: IntoIterator<Item = (ClientId, u32)>>(entries: I) -> Self {
        let mut state = Self::new();
        for (client, clock) in entries {
            state.set(client, clock);
        }
        state
    }
}
