//! What one run found out.

use std::time::Duration;

use crate::histogram::Histogram;

/// The result of one load.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rooms: u32,
    pub(crate) clients: u32,
    /// Keystrokes per second, as planned.
    pub(crate) rate: f64,
    /// Keystrokes sent, the warm-up included.
    pub(crate) sent: u64,
    /// Deliveries that the server owes for them: one to each other client of the room.
    pub(crate) owed: u64,
    pub(crate) delivered: u64,
    /// Connections that the server ended.
    pub(crate) closed: u64,
    pub(crate) latency: Histogram,
    pub(crate) lag: Histogram,
    /// Deliveries that arrived while the processor time was watched.
    pub(crate) watched: u64,
    /// The server's processor time meanwhile; none without a process to watch.
    pub(crate) server_time: Option<Duration>,
    /// The server's resident memory at the end, in bytes.
    pub(crate) server_memory: Option<u64>,
    pub(crate) bytes_received: u64,
}

impl Report {
    /// One line of JSON, in milliseconds, microseconds and bytes.
    pub(crate) fn to_json(&self) -> String {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let cpu = match self.server_time {
            Some(time) if self.watched > 0 => {
                format!("{:.3}", time.as_secs_f64() * 1e6 / self.watched as f64)
            }
            _ => "null".to_owned(),
        };
        let fields = [
            ("rooms", self.rooms.to_string()),
            ("clients", self.clients.to_string()),
            ("rate", self.rate.to_string()),
            ("sent", self.sent.to_string()),
            ("owed", self.owed.to_string()),
            ("delivered", self.delivered.to_string()),
            ("lost", (self.owed - self.delivered).to_string()),
            ("closed", self.closed.to_string()),
            ("p50_ms", format!("{:.3}", milliseconds(self.latency.quantile(0.5)))),
            ("p99_ms", format!("{:.3}", milliseconds(self.latency.quantile(0.99)))),
            ("max_ms", format!("{:.3}", milliseconds(self.latency.longest()))),
            ("lag_p99_ms", format!("{:.3}", milliseconds(self.lag.quantile(0.99)))),
            ("server_us_per_delivery", cpu),
            (
                "server_cpu_s",
                self.server_time.map_or("null".to_owned(), |time| format!("{:.2}", time.as_secs_f64())),
            ),
            ("server_rss_bytes", self.server_memory.map_or("null".to_owned(), |bytes| bytes.to_string())),
            ("bytes_received", self.bytes_received.to_string()),
        ];
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        format!("{{{}}}", fields.join(", "))
    }
}
