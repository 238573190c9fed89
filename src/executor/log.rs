//! The log of one execution: bounded memory, whatever the sandbox prints.
//!
//! The head and the tail are kept, each cut at a line's end, and the bytes between are counted. Steps are told where
//! their lines ended up in what was kept.

use std::collections::VecDeque;

use crate::contract::bug::LogSpan;

/// How much of a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Bytes kept from the start.
    pub head: usize,
    /// Bytes kept from the end.
    pub tail: usize,
}

impl Default for LogLimits {
    /// Errors stand at the first failure or in the summary at the end; 4 MiB hold some 40,000 lines of either.
    fn default() -> Self {
        Self { head: 4 << 20, tail: 4 << 20 }
    }
}

/// Positions count the bytes written so far, cut or not.
#[derive(Debug)]
pub(super) struct LogBuffer {
    limits: LogLimits,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    written: u64,
}

/// What was kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FinishedLog {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: u64,
    /// One per span asked for.
    pub(super) spans: Vec<Option<LogSpan>>,
}

impl LogBuffer {
    pub(super) fn new(limits: LogLimits) -> Self {
        Self { limits, head: Vec::new(), tail: VecDeque::new(), written: 0 }
    }

    pub(super) fn limits(&self) -> LogLimits {
        self.limits
    }

    /// Bytes written so far.
    pub(super) fn position(&self) -> u64 {
        self.written
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        let room = self.limits.head.saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        // Of more than the tail holds, only the end can stay.
        let rest = &rest[rest.len().saturating_sub(self.limits.tail)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.limits.tail);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    /// What is kept of all that was written from `start` on.
    pub(super) fn since(&self, start: u64) -> Vec<u8> {
        let (head, cut) =
            (self.head.len() as u64, self.written - self.head.len() as u64 - self.tail.len() as u64);
        let skip = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let in_head = self.head.iter().skip(skip(start));
        let in_tail = self.tail.iter().skip(skip(start.saturating_sub(head + cut)));
        in_head.chain(in_tail).copied().collect()
    }

    /// Joins head and tail and finds each `(start, end)` of `spans` in the result.
    pub(super) fn finish(mut self, spans: &[Option<(u64, u64)>]) -> FinishedLog {
        let mut head = std::mem::take(&mut self.head);
        let tail: Vec<u8> = std::mem::take(&mut self.tail).into();
        let mut tail = &tail[..];
        let mut cut = self.written - head.len() as u64 - tail.len() as u64;
        let mut marker = Vec::new();
        if cut > 0 {
            // Half a line would read as another message than the one that was printed.
            let keep = head.iter().rposition(|b| *b == b'\n').map_or(head.len(), |i| i + 1);
            cut += (head.len() - keep) as u64;
            head.truncate(keep);
            let skip = tail.iter().position(|b| *b == b'\n').map_or(0, |i| i + 1);
            cut += skip as u64;
            tail = &tail[skip..];
            if !head.ends_with(b"\n") {
                marker.push(b'\n');
            }
            marker.extend_from_slice(
                format!("[ci-healer: {cut} bytes of the log are cut out here]\n").as_bytes(),
            );
        }
        let (head_end, tail_start) = (head.len() as u64, head.len() as u64 + cut);
        let place = |position: u64| -> usize {
            let kept = if position <= head_end {
                position
            } else if position < tail_start {
                head_end
            } else {
                position - cut + marker.len() as u64
            };
            usize::try_from(kept).unwrap_or(usize::MAX)
        };
        let ranges: Vec<_> = spans.iter().map(|s| s.map(|(start, end)| (place(start), place(end)))).collect();
        let mut bytes = head;
        bytes.extend_from_slice(&marker);
        bytes.extend_from_slice(tail);
        let spans = ranges.into_iter().map(|range| range.and_then(|(a, b)| lines(&bytes, a, b))).collect();
        FinishedLog { bytes, cut, spans }
    }
}

/// The lines from byte `start` up to byte `end`, counted from 1.
fn lines(bytes: &[u8], start: usize, end: usize) -> Option<LogSpan> {
    let (start, end) = (start.min(bytes.len()), end.min(bytes.len()));
    if start >= end {
        return None;
    }
    let first = 1 + memchr::memchr_iter(b'\n', &bytes[..start]).count() as u64;
    let last = first + memchr::memchr_iter(b'\n', &bytes[start..end - 1]).count() as u64;
    Some(LogSpan { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u64, last: u64) -> Option<LogSpan> {
        Some(LogSpan { first, last })
    }

    #[test]
    fn a_short_log_is_kept_whole_and_steps_know_their_lines() {
        let mut log = LogBuffer::new(LogLimits::default());
        log.push(b"a\nb\n");
        let first_end = log.position();
        log.push(b"c\n");
        let second_end = log.position();
        let done = log.finish(&[Some((0, first_end)), Some((first_end, second_end)), None, Some((4, 4))]);
        assert_eq!(done.bytes, b"a\nb\nc\n");
        assert_eq!(done.cut, 0);
        assert_eq!(done.spans, [span(1, 2), span(3, 3), None, None]);
    }

    #[test]
    fn a_long_log_keeps_whole_lines_of_head_and_tail() {
        let mut log = LogBuffer::new(LogLimits { head: 10, tail: 10 });
        let text = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
        for byte in text {
            log.push(&[*byte]);
        }
        let done = log.finish(&[Some((0, 4)), Some((8, 24)), Some((28, text.len() as u64))]);
        let shown = String::from_utf8(done.bytes).unwrap();
        assert_eq!(shown, "one\ntwo\n[ci-healer: 20 bytes of the log are cut out here]\nseven\n");
        assert_eq!(done.cut, 20);
        assert_eq!(done.spans, [span(1, 1), None, span(4, 4)]);
    }

    #[test]
    fn memory_stays_flat() {
        let mut log = LogBuffer::new(LogLimits { head: 1000, tail: 1000 });
        let chunk = vec![b'x'; 7777];
        for _ in 0..10_000 {
            log.push(&chunk);
        }
        assert!(log.head.capacity() + log.tail.capacity() < 20_000);
        let done = log.finish(&[]);
        assert!(done.bytes.len() < 2200);
        assert_eq!(done.cut, 77_770_000 - 2000);
    }
}
