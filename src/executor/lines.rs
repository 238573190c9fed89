//! What a running step has begun to print and not ended.
//!
//! A step's two streams come in pieces, cut wherever a pipe was full or a buffer was written out. Pieces of one put into
//! the log as they come would stand in the middle of the other's lines. So lines are kept whole and follow one another in
//! the order of their ends, as in a runner's log.

use std::time::{Duration, Instant};

use crate::contract::event::Stream;

/// The longest line kept whole; a tool's report in one line may be long.
const MAX_LINE: usize = 1 << 20;
/// A line that has not gone on for so long is worth telling: it may be a question that nobody answers.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct UnendedLines {
    stdout: Unended,
    stderr: Unended,
}

#[derive(Debug, Default)]
struct Unended {
    bytes: Vec<u8>,
    /// When it last went on; nothing where that has been told.
    since: Option<Instant>,
}

impl UnendedLines {
    /// Takes what comes next of a stream; returns the lines that end in it. Of a line longer than any that is kept, what is
    /// there.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8], now: Instant) -> Vec<u8> {
        let unended = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let ended = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (ended, begun) = bytes.split_at(ended);
        let mut lines = Vec::new();
        if !ended.is_empty() {
            lines = std::mem::take(&mut unended.bytes);
            lines.extend_from_slice(ended);
        }
        unended.bytes.extend_from_slice(begun);
        if unended.bytes.len() > MAX_LINE {
            lines.append(&mut unended.bytes);
        }
        unended.since = (!unended.bytes.is_empty()).then_some(now);
        lines
    }

    /// The line that has been quiet for long, once.
    pub(super) fn quiet(&mut self, now: Instant) -> Option<&[u8]> {
        for unended in [&mut self.stdout, &mut self.stderr] {
            if unended.since.take_if(|since| now.duration_since(*since) >= QUIET).is_some() {
                return Some(&unended.bytes);
            }
        }
        None
    }

    /// What no line end will follow.
    pub(super) fn rest(&mut self) -> [(Stream, Vec<u8>); 2] {
        let Self { stdout, stderr } = std::mem::take(self);
        [(Stream::Stdout, stdout.bytes), (Stream::Stderr, stderr.bytes)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_of_one_stream_never_stands_inside_a_line_of_the_other() {
        let (mut lines, now) = (UnendedLines::default(), Instant::now());
        assert_eq!(lines.take(Stream::Stdout, b"test one ... ", now), b"");
        assert_eq!(lines.take(Stream::Stderr, b"warning: unu", now), b"");
        assert_eq!(lines.take(Stream::Stdout, b"ok\ntest t", now), b"test one ... ok\n");
        assert_eq!(lines.take(Stream::Stderr, b"sed\n", now), b"warning: unused\n");
        assert_eq!(lines.rest(), [(Stream::Stdout, b"test t".to_vec()), (Stream::Stderr, Vec::new())]);
        assert_eq!(lines.rest(), [(Stream::Stdout, Vec::new()), (Stream::Stderr, Vec::new())]);
    }

    #[test]
    fn a_line_too_long_to_keep_is_passed_on_and_memory_stays_flat() {
        let (mut lines, now) = (UnendedLines::default(), Instant::now());
        let (piece, mut passed) = (vec![b'x'; 300_000], 0);
        for _ in 0..40 {
            passed += lines.take(Stream::Stdout, &piece, now).len();
            assert!(lines.stdout.bytes.len() <= MAX_LINE);
        }
        let rest: usize = lines.rest().iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(passed + rest, 12_000_000);
    }

    #[test]
    fn a_line_that_does_not_go_on_is_told_once_and_kept() {
        let (mut lines, now) = (UnendedLines::default(), Instant::now());
        lines.take(Stream::Stderr, b"a\nPassword: ", now);
        assert_eq!(lines.quiet(now + QUIET / 2), None);
        assert_eq!(lines.quiet(now + QUIET), Some(&b"Password: "[..]));
        assert_eq!(lines.quiet(now + QUIET * 2), None);
        assert_eq!(lines.take(Stream::Stderr, b"secret\n", now), b"Password: secret\n");
        assert_eq!(lines.quiet(now + QUIET * 9), None);
    }

    proptest! {
        #[test]
        fn every_stream_comes_out_as_it_went_in(
            pieces in prop::collection::vec((any::<bool>(), "[ab\n]{0,7}"), 0..40),
        ) {
            let (mut lines, now) = (UnendedLines::default(), Instant::now());
            let (mut went, mut came) = ([String::new(), String::new()], [String::new(), String::new()]);
            for (is_stderr, piece) in &pieces {
                let stream = if *is_stderr { Stream::Stderr } else { Stream::Stdout };
                went[usize::from(*is_stderr)].push_str(piece);
                let whole = String::from_utf8(lines.take(stream, piece.as_bytes(), now)).unwrap();
                prop_assert!(whole.is_empty() || whole.ends_with('\n'));
                came[usize::from(*is_stderr)].push_str(&whole);
            }
            for (stream, rest) in lines.rest() {
                came[usize::from(stream == Stream::Stderr)].push_str(&String::from_utf8(rest).unwrap());
            }
            prop_assert_eq!(went, came);
        }
    }
}
