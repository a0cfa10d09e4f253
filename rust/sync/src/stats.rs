//! What a hub counts.

/// Counters since the hub was made; they only grow. For metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes that peers sent, headers included.
    pub bytes_in: u64,
    /// Whole WebSocket messages that peers sent.
    pub messages_in: u64,
    /// Bytes handed out for writing, once for each peer they go to.
    pub bytes_out: u64,
    /// WebSocket frames handed out for writing, once for each peer they go to.
    pub frames_out: u64,
    /// Updates that changed a document.
    pub updates: u64,
    /// Updates that brought nothing new.
    pub repeated_updates: u64,
    /// Awareness messages that brought something new.
    pub awareness: u64,
    /// Awareness messages that brought nothing new: echoes.
    pub repeated_awareness: u64,
    /// Records handed out for the log.
    pub appends: u64,
    /// Peers opened.
    pub opened: u64,
    /// Peers closed for what they sent.
    pub refused: u64,
    /// Peers closed because too much was waiting for them.
    pub slow_peers_closed: u64,
    /// Peers closed because they no longer answered.
    pub timed_out: u64,
}
