//! The lines of an export, looked at on every core and handed over in their order.
//!
//! Nearly all of verifying is reading a line and hashing what it says, which needs no other line. Only whether it follows the
//! one before is seen in order. Holds a bounded number of pieces of the file, whatever its length.

use crate::trail::{Broken, Looked, Looker};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// So many bytes are looked at together, and a line's rest.
const PIECE: usize = 256 * 1024;
/// A line longer than this is none of ours.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// So many pieces are under way for each thread.
const AHEAD: usize = 4;

/// Why not every line was taken.
pub enum LinesFault {
    /// One of them breaks the trail.
    Broken(Broken),
    /// The file cannot be read.
    Unread(io::Error),
}

impl From<Broken> for LinesFault {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

type Outcome = Vec<Result<Looked, String>>;

/// A piece of the file, and where what was found in it goes.
type Piece = (Vec<u8>, SyncSender<Outcome>);

/// Hands each line to `take`, in order, until one breaks.
pub fn each_line(
    mut lines: impl Read,
    mut take: impl FnMut(Result<Looked, String>) -> Result<(), Broken>,
) -> Result<(), LinesFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Given out before the threads are: where this ends early, they find nobody to work for, and end too.
    let (give, pieces) = sync_channel::<Piece>(threads * AHEAD);
    let pieces = Mutex::new(pieces);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&pieces));
        }
        let give = give;
        let mut waiting: VecDeque<Receiver<Outcome>> = VecDeque::new();
        let mut rest = Vec::new();
        loop {
            let piece = next_piece(&mut lines, &mut rest).map_err(LinesFault::Unread)?;
            let over = piece.is_empty();
            if !over {
                let (found, outcome) = sync_channel(1);
                // A thread that panicked is told by the scope.
                let _ = give.send((piece, found));
                waiting.push_back(outcome);
            }
            while waiting.len() > if over { 0 } else { threads * AHEAD } {
                let outcome = waiting.pop_front().and_then(|outcome| outcome.recv().ok());
                for looked in outcome.into_iter().flatten() {
                    take(looked)?;
                }
            }
            if over {
                return Ok(());
            }
        }
    })
}

/// Looks at pieces until there are no more.
fn work(pieces: &Mutex<Receiver<Piece>>) {
    let mut looker = Looker::default();
    loop {
        let piece = pieces.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((piece, found)) = piece else { return };
        let lines = piece.strip_suffix(b"\n").unwrap_or(&piece);
        looker.begin();
        let answers = match std::str::from_utf8(lines) {
            Ok(lines) => each_of(lines).map(|line| looker.look(line)).collect(),
            // One line of them is at fault, not all.
            Err(_) => lines.split(|byte| *byte == b'\n').map(|line| looker.look_bytes(line)).collect(),
        };
        // Whoever waited for it may have met a break.
        let _ = found.send(answers);
    }
}

/// The lines of a text.
fn each_of(lines: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', lines.as_bytes()).chain([lines.len()]);
    ends.scan(0, |begun, end| lines.get(std::mem::replace(begun, end + 1)..end))
}

/// Whole lines, as many as fit; `rest` keeps what began and is not whole. Empty at the end.
fn next_piece(lines: &mut impl Read, rest: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut piece = std::mem::take(rest);
    loop {
        let begun = piece.len();
        piece.reserve(PIECE);
        let read = lines.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if read < PIECE || piece.len() > LONGEST_LINE {
            return Ok(piece);
        }
        let last = piece.get(begun..).and_then(|fresh| memchr::memrchr(b'\n', fresh));
        if let Some(last) = last {
            *rest = piece.split_off(begun + last + 1);
            return Ok(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a few bytes at a time, as a pipe does.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let some = into.len().min(self.0.len()).min(1013);
            into[..some].copy_from_slice(&self.0[..some]);
            self.0 = &self.0[some..];
            Ok(some)
        }
    }

    #[test]
    fn lines_come_in_their_order_and_each_once() {
        // None is an export line: what comes back quotes the place of the first letter that does not fit.
        let lines: Vec<String> = (0..60_000).map(|n| format!("{}x", " ".repeat(n % 40))).collect();
        for end in ["", "\n"] {
            let text = lines.join("\n") + end;
            let mut found = Vec::new();
            let all = each_line(Drops(text.as_bytes()), |looked| {
                found.push(looked.unwrap_err());
                Ok(())
            });
            assert!(all.is_ok() && found.len() == lines.len());
            for (line, found) in lines.iter().zip(found) {
                assert!(found.ends_with(&format!("column {}", line.len())), "{line:?}: {found}");
            }
        }
    }

    #[test]
    fn a_break_ends_the_reading() {
        let mut taken = 0;
        let stopped = each_line(io::repeat(b'\n'), |_| {
            taken += 1;
            Err(Broken { seq: Some(taken), sentence: "enough".into() })
        });
        assert!(matches!(stopped, Err(LinesFault::Broken(broken)) if broken.seq == Some(1)));
    }
}
