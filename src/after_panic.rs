//! What a panic must not leave behind.
//!
//! The released binary aborts on a panic instead of unwinding (a good part of its size were the landing pads), so no
//! destructor runs. Whoever holds what outlives the process (a sandbox, a folder, children) leaves a duty here; the
//! panic hook sees to it.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// Where the process ends after a panic: as one that unwound.
const EXIT_PANIC: i32 = 101;
/// The thread on which duties are done: a panic of its own must not wait for itself.
const THREAD: &str = "after-panic";

static DUTIES: Mutex<Duties> = Mutex::new(Duties { next: 0, open: Vec::new() });
/// Held by the first that panics until the process has ended.
static ENDING: Mutex<()> = Mutex::new(());

struct Duties {
    next: u64,
    open: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

/// A duty that is left until this is dropped.
#[derive(Debug)]
#[must_use = "the duty goes with it"]
pub struct Duty(u64);

/// Leaves a duty: done if the process panics before the answer is dropped, the latest first.
pub fn duty(work: impl FnOnce() + Send + 'static) -> Duty {
    let mut duties = duties();
    duties.next += 1;
    let number = duties.next;
    duties.open.push((number, Box::new(work)));
    Duty(number)
}

impl Drop for Duty {
    fn drop(&mut self) {
        duties().open.retain(|(number, _)| *number != self.0);
    }
}

fn duties() -> MutexGuard<'static, Duties> {
    DUTIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a panic, on whatever thread, says what it is, sees to the duties for `patience` at most, and ends the
/// process with exit code 101.
pub fn end_the_process(patience: Duration) {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| hook(&*say, panic, patience)));
}

fn hook(say: &dyn Fn(&PanicHookInfo<'_>), panic: &PanicHookInfo<'_>, patience: Duration) {
    say(panic);
    if std::thread::current().name() == Some(THREAD) {
        return;
    }
    // A second thread that panics waits here: the first one ends the process.
    let _ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    let open = std::mem::take(&mut duties().open);
    let (done, is_done) = mpsc::channel();
    // What panicked may hold a lock that a duty waits for, its own runtime among them.
    let worker = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        open.into_iter().rev().for_each(|(_, work)| work());
        let _ = done.send(());
    });
    if worker.is_ok() {
        let _ = is_done.recv_timeout(patience);
    }
    std::process::exit(EXIT_PANIC);
}
