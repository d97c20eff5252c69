//! The table of the requests that are being served: taken and freed without a lock.
//!
//! A row belongs to whoever changed its owner from 0, by compare-and-swap, until that one stores 0
//! again. Readers take no part: a row's number says whether it was read whole.
//!
//! 1. The owner finds the number 0, writes the row, then stores the number.
//! 2. A reader loads the number, reads the row, and loads the number again. The row is whole if both
//!    are the same and not 0: numbers are not used twice.
//! 3. Freeing stores the number 0, then the owner 0.
//!
//! A reader that overtakes a writer of the next request sees a part of that row only after the
//! number 0 of step 3: the writer's release fence comes after it, and the reader's acquire fence
//! before its second load.
//!
//! A process that is killed leaves its rows; its parent frees them. A row half written then has the
//! number 0, and is freed like any other.

use super::identity::Identity;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

/// How many requests the table has room for.
const ROWS: usize = 1024;

/// How many rows are tried before a request goes unlisted: where nine of ten are taken, one request
/// of a thousand.
const TRIES: usize = 64;

/// Bytes of the method and path that are kept.
const TARGET_BYTES: usize = 104;

/// Bytes of the request id that are kept.
const ID_BYTES: usize = 64;

const WORD_BYTES: usize = 8;

#[repr(C)]
#[derive(Debug)]
pub(super) struct Table {
    /// Apart from the rows, so that looking for a free one touches little memory.
    owners: [AtomicU64; ROWS],
    rows: [Row; ROWS],
}

#[repr(C)]
#[derive(Debug)]
struct Row {
    /// The request's number; 0 while the row is not to be read.
    number: AtomicU64,
    started_ns: AtomicU64,
    /// Lengths in bytes: of the method, of the method and path, of the id.
    lengths: AtomicU64,
    target: [AtomicU64; TARGET_BYTES / WORD_BYTES],
    id: [AtomicU64; ID_BYTES / WORD_BYTES],
}

/// What a row says of a request.
#[derive(Debug)]
pub(super) struct Described<'a> {
    pub(super) number: u64,
    pub(super) started_ns: u64,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) id: &'a str,
}

/// A row that was taken, and by whom.
#[derive(Debug)]
pub(super) struct Taken {
    row: usize,
    owner: Identity,
}

/// A request that is being served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRow {
    /// Its number: greater than that of every request that began before.
    pub number: u64,
    /// Its method.
    pub method: String,
    /// Its path and query, cut to about a hundred bytes.
    pub path: String,
    /// Its id, cut to 64 bytes.
    pub id: String,
    /// The process that serves it.
    pub pid: u32,
    /// The thread that received it.
    pub thread_id: u32,
    /// How long ago it began.
    pub age: Duration,
}

impl Table {
    /// Takes a row, unless none of those that are tried is free.
    pub(super) fn take(&self, owner: Identity, request: &Described<'_>) -> Option<Taken> {
        // Threads start apart from each other, and one thread's requests follow one another, so
        // that two rarely meet in one cache line.
        let first = (owner.thread_id() as usize)
            .wrapping_mul(37)
            .wrapping_add(usize::try_from(request.number).unwrap_or(0) % 8);
        let row = (0..TRIES)
            .map(|step| first.wrapping_add(step) % ROWS)
            .find(|row| self.try_take(*row, owner))?;
        self.rows[row].write(request);
        Some(Taken { row, owner })
    }

    fn try_take(&self, row: usize, owner: Identity) -> bool {
        let place = &self.owners[row];
        place.load(Ordering::Relaxed) == 0
            && place
                .compare_exchange(0, owner.bits(), Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Frees the row.
    #[expect(clippy::needless_pass_by_value, reason = "a row is freed once")]
    pub(super) fn free(&self, taken: Taken) {
        self.release(taken.row, taken.owner.bits());
    }

    /// Frees the rows of a process that has ended, and says how many it had.
    pub(super) fn forget_process(&self, pid: u32) -> u64 {
        let mut freed = 0;
        for (row, owner) in self.owners.iter().enumerate() {
            let bits = owner.load(Ordering::Acquire);
            if Identity::from_bits(bits).is_some_and(|owner| owner.pid() == pid) {
                self.release(row, bits);
                freed += 1;
            }
        }
        freed
    }

    fn release(&self, row: usize, owner: u64) {
        // A row that is somebody else's by now was freed for its process, which was taken for dead.
        if self.owners[row].load(Ordering::Relaxed) == owner {
            self.rows[row].number.store(0, Ordering::Release);
            self.owners[row].store(0, Ordering::Release);
        }
    }

    /// How many rows are taken.
    pub(super) fn taken(&self) -> u64 {
        let taken = |owner: &&AtomicU64| owner.load(Ordering::Relaxed) != 0;
        self.owners.iter().filter(taken).count() as u64
    }

    /// The rows that can be read whole now, in no order.
    pub(super) fn rows(&self, now_ns: u64) -> Vec<LiveRow> {
        let pairs = self.owners.iter().zip(&self.rows);
        pairs
            .filter_map(|(owner, row)| {
                let owner = Identity::from_bits(owner.load(Ordering::Acquire))?;
                row.read(owner, now_ns)
            })
            .collect()
    }
}

impl Row {
    fn write(&self, request: &Described<'_>) {
        fence(Ordering::Release);
        self.started_ns.store(request.started_ns, Ordering::Relaxed);
        let method = put(&self.target, 0, request.method.as_bytes());
        let target = put(&self.target, method, request.path.as_bytes());
        let id = put(&self.id, 0, request.id.as_bytes());
        let lengths = [method, target, id].map(|length| u8::try_from(length).unwrap_or(u8::MAX));
        let [method, target, id] = lengths;
        let lengths = u64::from_le_bytes([method, target, id, 0, 0, 0, 0, 0]);
        self.lengths.store(lengths, Ordering::Relaxed);
        self.number.store(request.number, Ordering::Release);
    }

    fn read(&self, owner: Identity, now_ns: u64) -> Option<LiveRow> {
        let number = self.number.load(Ordering::Acquire);
        let started_ns = self.started_ns.load(Ordering::Relaxed);
        let [method, target, id, ..] = self.lengths.load(Ordering::Relaxed).to_le_bytes();
        let target = get(&self.target, target.into());
        let id = get(&self.id, id.into());
        fence(Ordering::Acquire);
        if number == 0 || self.number.load(Ordering::Relaxed) != number {
            return None;
        }
        let (method, path) = target.split_at_checked(method.into())?;
        Some(LiveRow {
            number,
            method: text(method),
            path: text(path),
            id: text(&id),
            pid: owner.pid(),
            thread_id: owner.thread_id(),
            age: Duration::from_nanos(now_ns.saturating_sub(started_ns)),
        })
    }
}

/// Bytes that were cut may end within a character.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes what fits of `bytes` from `start` on, and says where it ends. What `put` wrote before
/// `start` stays.
fn put(words: &[AtomicU64], start: usize, bytes: &[u8]) -> usize {
    let end = (start + bytes.len()).min(words.len() * WORD_BYTES);
    let mut at = start;
    let mut rest = bytes;
    while at < end {
        let (word, offset) = (&words[at / WORD_BYTES], at % WORD_BYTES);
        let length = (WORD_BYTES - offset).min(end - at);
        let (now, later) = rest.split_at(length);
        let mut whole = match offset {
            0 => [0; WORD_BYTES],
            _ => word.load(Ordering::Relaxed).to_le_bytes(),
        };
        whole[offset..offset + length].copy_from_slice(now);
        word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
        (at, rest) = (at + length, later);
    }
    end
}

fn get(words: &[AtomicU64], length: usize) -> Vec<u8> {
    let bytes = words
        .iter()
        .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
    bytes.take(length).collect()
}
