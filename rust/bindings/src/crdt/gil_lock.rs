//! A lock that is taken and given back with the GIL held.
//!
//! No two threads do either at the same time, so that a plain flag says whether it is taken. A
//! [`Mutex`](std::sync::Mutex) has to settle that between processors, which takes a twentieth of the time of an edit.
//! In between, work that takes long runs without the GIL: [`Locked::detached`].

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

#[cfg(Py_GIL_DISABLED)]
compile_error!("documents are locked with the help of the GIL: build for a Python that has one");

/// Lets threads wait for something. As those who look for it, who wait and who give it all hold the GIL, nothing can
/// happen unnoticed between looking and waiting.
pub(super) struct Signal {
    waiting: AtomicUsize,
    /// How often it was given while somebody waited.
    given: Mutex<u64>,
    called: Condvar,
}

impl Signal {
    pub(super) fn new() -> Self {
        Self { waiting: AtomicUsize::new(0), given: Mutex::new(0), called: Condvar::new() }
    }

    /// Waits without the GIL until it is given, at most for so long.
    #[cold]
    pub(super) fn wait(&self, py: Python<'_>, at_most: Duration) {
        let seen = *self.given();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        py.detach(|| {
            let waited = self.called.wait_timeout_while(self.given(), at_most, |given| *given == seen);
            drop(waited);
        });
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes all that wait.
    #[inline]
    pub(super) fn give(&self, _: Python<'_>) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake();
        }
    }

    #[cold]
    #[inline(never)]
    fn wake(&self) {
        *self.given() += 1;
        self.called.notify_all();
    }

    fn given(&self) -> MutexGuard<'_, u64> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What threads use in turn.
pub(super) struct GilLock<T> {
    /// Read and written with the GIL held, which orders everything that threads do with the value.
    taken: AtomicBool,
    freed: Signal,
    value: UnsafeCell<T>,
}

// SAFETY: The value is reached through `Locked` alone, of which there is one at a time: a thread that holds the GIL
// makes it after it saw `taken` unset, and sets it before another can hold the GIL.
#[expect(unsafe_code, reason = "a lock is what makes it true")]
unsafe impl<T: Send> Sync for GilLock<T> {}

impl<T> GilLock<T> {
    pub(super) fn new(value: T) -> Self {
        Self { taken: AtomicBool::new(false), freed: Signal::new(), value: UnsafeCell::new(value) }
    }

    /// Takes it if it is free.
    #[inline]
    pub(super) fn try_lock<'py>(&self, py: Python<'py>) -> Option<Locked<'_, 'py, T>> {
        if self.taken.load(Ordering::Relaxed) {
            return None;
        }
        self.taken.store(true, Ordering::Relaxed);
        Some(Locked { lock: self, py })
    }

    /// Takes it as soon as it is free. Meanwhile the GIL is released.
    #[inline]
    pub(super) fn lock<'py>(&self, py: Python<'py>) -> Locked<'_, 'py, T> {
        loop {
            if let Some(locked) = self.try_lock(py) {
                return locked;
            }
            self.freed.wait(py, Duration::MAX);
        }
    }
}

/// The value of a [`GilLock`], until this is dropped; which cannot be without the GIL, as `Python` does not leave its
/// thread.
pub(super) struct Locked<'a, 'py, T> {
    lock: &'a GilLock<T>,
    py: Python<'py>,
}

impl<T: Send> Locked<'_, '_, T> {
    /// Works with the value without the GIL.
    pub(super) fn detached<R: Send>(&mut self, work: impl FnOnce(&mut T) -> R + Send) -> R {
        let py = self.py;
        let value = &mut **self;
        py.detach(move || work(value))
    }
}

impl<T> Drop for Locked<'_, '_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.taken.store(false, Ordering::Relaxed);
        self.lock.freed.give(self.py);
    }
}

#[expect(unsafe_code, reason = "whoever has locked it may use the value")]
impl<T> Deref for Locked<'_, '_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: There is but one `Locked` at a time, and it is borrowed as long as the value is.
        unsafe { &*self.lock.value.get() }
    }
}

#[expect(unsafe_code, reason = "whoever has locked it may use the value")]
impl<T> DerefMut for Locked<'_, '_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: There is but one `Locked` at a time, and it is borrowed for this alone as long as the value is.
        unsafe { &mut *self.lock.value.get() }
    }
}
