//! What the process holds in memory.

use std::fs;

/// Resident bytes, without what the allocator only keeps for later.
pub fn resident_bytes() -> i64 {
    trim();
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident size");
    let kilobytes: i64 = line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number");
    kilobytes * 1024
}

#[expect(unsafe_code, reason = "the allocator has no safe door")]
fn trim() {
    // SAFETY: it takes no pointer, and may be called at any time from any thread.
    unsafe { libc::malloc_trim(0) };
}
