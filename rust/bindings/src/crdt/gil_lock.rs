//! A lock that is taken with the GIL held.
//!
//! No two threads do that at the same time, so that a plain number says whose turn it is. A
//! [`Mutex`](std::sync::Mutex) has to settle that between processors, which takes a twentieth of the time of an edit.
//! Work that takes long runs without the GIL, [`Locked::detached`], and gives the lock back before it asks for the GIL:
//! whoever gets the GIL first can have the lock as well.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

#[cfg(Py_GIL_DISABLED)]
compile_error!("documents are locked with the help of the GIL: build for a Python that has one");

/// Lets threads wait for something that another one says has happened.
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

    /// Counts a thread among those who wait.
    #[cold]
    pub(super) fn expect(&self) -> Expecting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Expecting { signal: self }
    }

    /// Whether somebody waits; certain for a thread that has the GIL, as who waits has begun to while having it.
    #[inline]
    fn is_expected(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Wakes all that wait.
    #[inline]
    pub(super) fn give(&self, _: Python<'_>) {
        if self.is_expected() {
            self.wake();
        }
    }

    /// The same without the GIL, after what they wait for was stored: whoever begins to wait meanwhile sees that, or is
    /// seen here.
    fn give_detached(&self) {
        fence(Ordering::SeqCst);
        if self.is_expected() {
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

/// A thread that waits for a signal, until this is dropped.
pub(super) struct Expecting<'a> {
    signal: &'a Signal,
}

impl Expecting<'_> {
    /// Waits without the GIL until the signal is given, at most for so long, and not at all if `is_over` already.
    pub(super) fn wait(&self, py: Python<'_>, at_most: Duration, is_over: impl FnOnce() -> bool) {
        let Signal { called, .. } = self.signal;
        let seen = *self.signal.given();
        if !is_over() {
            py.detach(|| {
                drop(called.wait_timeout_while(self.signal.given(), at_most, |given| *given == seen));
            });
        }
    }
}

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.signal.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Nobody has the lock, and everybody may take it.
const FREE: u8 = 0;
/// Somebody has it.
const TAKEN: u8 = 1;
/// Nobody has it, and who has waited long comes first.
const PROMISED: u8 = 2;

/// Who has waited for so long comes first: until then a thread that does one thing after the other need not hand the
/// lock over between them.
const PATIENCE: Duration = Duration::from_micros(500);
/// For so long others leave the lock to those to whom it is promised, who need the GIL to take it.
const COURTESY: Duration = Duration::from_millis(5);

/// What threads use in turn.
pub(super) struct GilLock<T> {
    turn: AtomicU8,
    freed: Signal,
    /// How many have waited long.
    impatient: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: The value is reached by whoever has made it `TAKEN` alone. That is done with the GIL held by a thread that has
// seen it otherwise, so that no other one does it at the same time, and comes after all that was done by who had it before.
#[expect(unsafe_code, reason = "a lock is what makes it true")]
unsafe impl<T: Send> Sync for GilLock<T> {}

impl<T> GilLock<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            turn: AtomicU8::new(FREE),
            freed: Signal::new(),
            impatient: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes it if it is free.
    #[inline]
    pub(super) fn try_lock<'py>(&self, py: Python<'py>) -> Option<Locked<'_, 'py, T>> {
        (self.turn.load(Ordering::Acquire) == FREE).then(|| self.take(py))
    }

    /// Takes it as soon as it is this thread's turn. Meanwhile the GIL is released.
    #[inline]
    pub(super) fn lock<'py>(&self, py: Python<'py>) -> Locked<'_, 'py, T> {
        self.try_lock(py).unwrap_or_else(|| self.lock_after_others(py))
    }

    #[cold]
    #[inline(never)]
    fn lock_after_others<'py>(&self, py: Python<'py>) -> Locked<'_, 'py, T> {
        let (expecting, began) = (self.freed.expect(), Instant::now());
        let mut is_impatient = false;
        loop {
            let turn = self.turn.load(Ordering::Acquire);
            if turn == FREE || (turn == PROMISED && is_impatient) {
                break;
            }
            let at_most = if turn == PROMISED { COURTESY } else { Duration::MAX };
            expecting.wait(py, at_most, || self.turn.load(Ordering::Acquire) != turn);
            if !is_impatient && began.elapsed() >= PATIENCE {
                is_impatient = true;
                self.impatient.fetch_add(1, Ordering::Relaxed);
            }
        }
        if is_impatient {
            self.impatient.fetch_sub(1, Ordering::Relaxed);
        }
        self.take(py)
    }

    #[inline]
    fn take<'py>(&self, py: Python<'py>) -> Locked<'_, 'py, T> {
        self.turn.store(TAKEN, Ordering::Relaxed);
        Locked { lock: self, py }
    }

    /// Says that whoever has it is done.
    #[inline]
    fn free(&self) {
        let turn = if self.impatient.load(Ordering::Relaxed) > 0 { PROMISED } else { FREE };
        self.turn.store(turn, Ordering::Release);
    }
}

/// The value of a [`GilLock`], for a thread that holds the GIL: `Python` does not leave its thread.
pub(super) struct Locked<'a, 'py, T> {
    lock: &'a GilLock<T>,
    py: Python<'py>,
}

impl<T: Send> Locked<'_, '_, T> {
    /// Works with the value without the GIL, and gives it back.
    #[expect(unsafe_code, reason = "whoever has locked it may use the value")]
    pub(super) fn detached<R: Send>(self, work: impl FnOnce(&mut T) -> R + Send) -> R {
        let (lock, py) = (self.lock, self.py);
        std::mem::forget(self);
        py.detach(|| {
            let _gives_it_back = Detached { lock };
            // SAFETY: There was but one `Locked`, and `Detached` has taken its place; it is dropped when the work is done.
            work(unsafe { &mut *lock.value.get() })
        })
    }
}

impl<T> Drop for Locked<'_, '_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.free();
        self.lock.freed.give(self.py);
    }
}

/// Stands for a [`Locked`] whose thread has released the GIL.
struct Detached<'a, T> {
    lock: &'a GilLock<T>,
}

impl<T> Drop for Detached<'_, T> {
    fn drop(&mut self) {
        self.lock.free();
        self.lock.freed.give_detached();
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
