//! Cuts a byte stream into clean lines: whatever CI printed around a tool's output goes, the tool's own text stays.
//!
//! Takes away byte-order marks, time stamps of CI services, Docker build prefixes, terminal escapes, carriage
//! returns, NUL bytes and invalid UTF-8. Knows nothing of tools. Memory is one block of lines, and a line is capped.

use std::io::{self, BufRead, ErrorKind};
use std::ops::Range;

use memchr::{memchr, memchr3_iter, memrchr};

use super::ci_prefixes;

/// Bytes of one line that are kept; what a longer line holds beyond is dropped.
pub const MAX_LINE: usize = 1 << 20;

/// Bytes that are read at one go, but for a longer line.
const BLOCK: usize = 64 << 10;

const ESC: u8 = 0x1b;

/// What the CI service says about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// `##[error]`: printed by the runner, or a tool's own line that a problem matcher recognised.
    Error,
    /// `##[warning]`.
    Warning,
    /// A group opens; the text is its title.
    Group,
    /// A group closes.
    EndGroup,
    /// `##[command]`, `##[debug]`, `##[notice]`, `##[section]`.
    Other,
}

/// One clean line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// From 1. Parts of a line that carriage returns separate share it.
    pub number: u64,
    /// Without line end; leading blanks are kept.
    pub text: &'a str,
    /// What the CI service says of it.
    pub mark: Mark,
}

/// Clean lines that are read at one go.
#[derive(Default)]
pub struct Block {
    /// Of all lines, each with what was printed before it and a line feed behind it.
    text: String,
    spans: Vec<Span>,
    /// Lines before and in it whose end has been read.
    ended: u64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    number: u64,
    start: usize,
    end: usize,
    mark: Mark,
}

/// Calls `each` with every block of lines and returns how many lines there were.
///
/// ```
/// use log_scan::lines::for_each_block;
///
/// let mut log = &b"2026-01-01T00:00:00.0000000Z \x1b[31merror\x1b[0m: no such file\r\n"[..];
/// let mut texts = Vec::new();
/// let lines = for_each_block(&mut log, &mut |block| {
///     texts.extend(block.lines().map(|line| line.text.to_owned()));
/// })?;
/// assert_eq!((lines, texts), (1, vec!["error: no such file".to_owned()]));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where the log cannot be read.
#[inline(never)] // Within a caller that is made for size it would be, too.
pub fn for_each_block(log: &mut dyn BufRead, each: &mut dyn FnMut(&Block)) -> io::Result<u64> {
    let mut block = Block::default();
    // Of the line whose end has not been read yet.
    let mut carry: Vec<u8> = Vec::new();
    loop {
        let buffer = match log.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if buffer.is_empty() {
            break;
        }
        let buffer = &buffer[..buffer.len().min(BLOCK)];
        let mut rest = buffer;
        if let Some(last) = memrchr(b'\n', buffer) {
            let mut lines = &buffer[..=last];
            rest = &buffer[last + 1..];
            if !carry.is_empty()
                && let Some(end) = memchr(b'\n', lines)
            {
                push_capped(&mut carry, &lines[..end]);
                carry.push(b'\n');
                block.add(&carry);
                carry.clear();
                lines = &lines[end + 1..];
            }
            block.add(lines);
            each(&block);
            block.clear();
        }
        push_capped(&mut carry, rest);
        let len = buffer.len();
        log.consume(len);
    }
    if !carry.is_empty() {
        carry.push(b'\n');
        block.add(&carry);
        each(&block);
    }
    Ok(block.ended)
}

fn push_capped(carry: &mut Vec<u8>, more: &[u8]) {
    let room = MAX_LINE.saturating_sub(carry.len());
    carry.extend_from_slice(&more[..more.len().min(room)]);
}

impl Block {
    /// Its lines, in order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> {
        self.spans.iter().map(|span| {
            let Span { number, start, end, mark } = *span;
            Line { number, text: &self.text[start..end], mark }
        })
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Of each line in [`Self::text`]; a line feed stands behind it.
    pub(super) fn places(&self) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
        self.spans.iter().map(|span| span.start..span.end)
    }

    /// Adds whole lines, each with its line feed.
    fn add(&mut self, raw: &[u8]) {
        if memchr(0, raw).is_some() {
            let raw: Vec<_> = raw.iter().copied().filter(|byte| *byte != 0).collect();
            return self.add_text(&String::from_utf8_lossy(&raw));
        }
        match std::str::from_utf8(raw) {
            Ok(raw) => self.add_text(raw),
            Err(_) => self.add_text(&String::from_utf8_lossy(raw)),
        }
    }

    fn add_text(&mut self, raw: &str) {
        let bytes = raw.as_bytes();
        let mut start = self.text.len();
        // What is behind it in `raw` is still to be copied.
        let (mut from, mut stamped) = behind_timestamp(raw, 0);
        let mut divided = false;
        for at in memchr3_iter(b'\n', b'\r', ESC, bytes) {
            if at < from {
                continue;
            }
            self.text.push_str(&raw[from..at]);
            match bytes[at] {
                b'\n' => {
                    if !divided || self.text.len() > start {
                        self.end_line(start, stamped);
                    }
                    self.ended += 1;
                    (start, divided) = (self.text.len(), false);
                    (from, stamped) = behind_timestamp(raw, at + 1);
                }
                b'\r' => {
                    from = at + bytes[at..].iter().take_while(|byte| **byte == b'\r').count();
                    // A terminal would overwrite; a log keeps all, and an error may hide before or behind a progress
                    // bar.
                    if bytes.get(from).is_some_and(|byte| *byte != b'\n') {
                        if self.text.len() > start {
                            self.end_line(start, stamped);
                        }
                        (start, divided) = (self.text.len(), true);
                    }
                }
                _ => from = at + escape_len(&bytes[at..]),
            }
        }
    }

    /// What is behind `start` is a line; its time stamp may be gone already.
    fn end_line(&mut self, start: usize, stamped: bool) {
        let (mark, text) = ci_prefixes::mark(ci_prefixes::strip(&self.text[start..], stamped));
        let end = self.text.len();
        self.spans.push(Span { number: self.ended + 1, start: end - text.len(), end, mark });
        self.text.push('\n');
    }

    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }
}

/// Where the line at `from` goes on behind its time stamp, and whether it has one. Nearly every line does: it need not
/// even be copied.
fn behind_timestamp(raw: &str, from: usize) -> (usize, bool) {
    match ci_prefixes::strip_timestamp(&raw[from..]) {
        Some(rest) => (raw.len() - rest.len(), true),
        None => (from, false),
    }
}

/// Length of the escape sequence at the start of `bytes`, at least 1; no line ends within.
fn escape_len(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        // CSI: parameters and intermediates, then one final byte.
        Some(b'[') => {
            let mut end = 2;
            while bytes.get(end).is_some_and(|b| matches!(b, 0x20..=0x3f)) {
                end += 1;
            }
            end + usize::from(bytes.get(end).is_some_and(|b| matches!(b, 0x40..=0x7e)))
        }
        // OSC, DCS, SOS, PM, APC: up to BEL or ST. An unclosed one hides only itself, not the line.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            match bytes[2..].iter().position(|b| matches!(*b, 0x07 | ESC | b'\n')) {
                Some(at) if bytes[2 + at] == 0x07 => at + 3,
                Some(at) if bytes.get(3 + at) == Some(&b'\\') => at + 4,
                _ => 2,
            }
        }
        // Two-byte escapes, with intermediates (`ESC ( B`).
        Some(0x20..=0x2f) => 2 + usize::from(matches!(bytes.get(2), Some(0x30..=0x7e))),
        Some(0x30..=0x7e) => 2,
        _ => 1,
    }
}

/// Whether the beginning of a file (some kilobytes) is no text at all. Stray NUL bytes, terminal escapes and old
/// encodings are text still; UTF-16 is, by its mark.
///
/// ```
/// use log_scan::lines::looks_binary;
///
/// assert!(looks_binary(b"\x7fELF\x02\x01\x01\0\0\0\0\0"));
/// assert!(!looks_binary(b"error: no such file\n"));
/// ```
#[must_use]
pub fn looks_binary(head: &[u8]) -> bool {
    let head = &head[..head.len().min(8 << 10)];
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return false;
    }
    let control = |b: &&u8| **b < 0x20 && !matches!(**b, 0x07..=0x0d | 0x16 | ESC);
    let undecodable = String::from_utf8_lossy(head).matches('\u{fffd}').count();
    (head.iter().filter(control).count() + undecodable) * 7 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(bytes: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        let mut each = |block: &Block| lines.extend(block.lines().map(|l| (l.number, l.text.to_owned())));
        for_each_block(&mut { bytes }, &mut each).unwrap();
        lines
    }

    fn one(bytes: &[u8]) -> String {
        let lines = clean(bytes);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].1.clone()
    }

    #[test]
    fn takes_prefixes_away_and_keeps_indentation() {
        for prefix in [
            "",
            "\u{feff}",
            "2026-01-01T00:00:00.0000000Z ",
            "\u{feff}2026-01-01T00:00:00.0000000Z ",
            "#12 0.345 ",
            "2026-01-01T00:00:00.0000000Z #7 12.3 ",
            "[2026-01-01T00:00:00.000Z] ",
            "[CI/build]   | ",
            "build\tRun tests\t2026-01-01T00:00:00.0000000Z ",
            "2026-01-01T00:00:00.000000Z 01O ",
            "\u{1b}[31m\u{1b}]8;;http://x\u{7}\u{1b}(B",
        ] {
            assert_eq!(one(format!("{prefix}  x = 1\u{1b}[0m\r\n").as_bytes()), "  x = 1", "{prefix:?}");
        }
    }

    #[test]
    fn leaves_alone_what_only_looks_like_a_prefix() {
        for text in [
            "#12 is done",
            "12:30:45 start",
            "[a] b",
            "2026-01-01 00:00:00,1 ERROR x",
            "a\tb\tc",
            "#1 2.3.4 x",
        ] {
            assert_eq!(one(text.as_bytes()), text);
        }
    }

    #[test]
    fn carriage_returns_separate_parts_of_one_line() {
        assert_eq!(clean(b"a\rb\r\nc"), [(1, "a".into()), (1, "b".into()), (2, "c".into())]);
        assert_eq!(clean(b"\r\x1b[K\r\nc\r\r\n\r\r\n"), [(2, "c".into()), (3, String::new())]);
    }

    #[test]
    fn any_bytes_give_text() {
        assert_eq!(one(b"a\0b\xff\x1b"), "ab\u{fffd}");
        assert_eq!(one(b"\xff\xfee\0r\0r\0").trim_start_matches('\u{fffd}'), "err");
        assert_eq!(one(b"\x1b]0;unclosed"), "0;unclosed");
        assert!(clean(b"").is_empty());
        assert_eq!(one(b"\0\0"), "");
        assert_eq!(one(b"\x1b\0[\x003\x001\0m\0r\0"), "r");
    }

    #[test]
    fn no_escape_takes_a_line_end_with_it() {
        let lines: Vec<_> = clean("a\x1b(\nb\x1b]0;t\nc\x1b[1\nd\x1b(é\ne\x1b".as_bytes());
        let lines: Vec<_> = lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(lines, ["a", "b0;t", "c", "dé", "e"]);
    }

    #[test]
    fn a_line_is_capped_and_still_counts_once() {
        let mut log = vec![b'x'; MAX_LINE + 10];
        log.extend_from_slice(b"\nend");
        for chunk in [7, 1 << 12, 1 << 22] {
            let mut lines = Vec::new();
            let mut reader = io::BufReader::with_capacity(chunk, log.as_slice());
            let mut each = |block: &Block| lines.extend(block.lines().map(|l| l.text.len()));
            assert_eq!(for_each_block(&mut reader, &mut each).unwrap(), 2);
            assert_eq!(lines, [MAX_LINE, 3]);
        }
    }

    #[test]
    fn text_with_odd_bytes_is_no_binary() {
        for text in [
            &b""[..],
            b"plain\n",
            b"a line\0with some\0odd bytes\xff",
            b"\xff\xfeh\0i\0",
            b"\x1b[31mred\x1b[0m\r\n",
        ] {
            assert!(!looks_binary(text), "{text:?}");
        }
        assert!(looks_binary(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0"));
        assert!(looks_binary(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc1\x01\r"));
    }

    #[test]
    fn service_marks_are_recognised() {
        let mut marks = Vec::new();
        let mut log = &b"##[group]Run x\n::group::y\n##[endgroup]\n##[error]z\nw"[..];
        let mut each = |block: &Block| marks.extend(block.lines().map(|l| (l.mark, l.text.to_owned())));
        for_each_block(&mut log, &mut each).unwrap();
        let marks: Vec<_> = marks.iter().map(|(m, t)| (*m, t.as_str())).collect();
        assert_eq!(
            marks,
            [
                (Mark::Group, "Run x"),
                (Mark::Group, "y"),
                (Mark::EndGroup, ""),
                (Mark::Error, "z"),
                (Mark::None, "w")
            ]
        );
    }
}
