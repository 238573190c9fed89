//! Cuts a byte stream into clean lines: whatever CI printed around a tool's output goes, the tool's own text stays.
//!
//! Takes away byte-order marks, time stamps of CI services, Docker build prefixes, terminal escapes, carriage
//! returns, NUL bytes and invalid UTF-8. Knows nothing of tools. Memory is one line, and a line is capped.

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind};

use memchr::{memchr, memchr_iter, memchr3};

/// Bytes of one line that are kept; what a longer line holds beyond is dropped.
pub const MAX_LINE: usize = 1 << 20;

const ESC: u8 = 0x1b;

/// What the CI service says about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    None,
    /// `##[error]`: printed by the runner, or a tool's own line that a problem matcher recognised.
    Error,
    Warning,
    /// A group opens; the text is its title.
    Group,
    EndGroup,
    /// `##[command]`, `##[debug]`, `##[notice]`, `##[section]`.
    Other,
}

/// One clean line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// From 1. Parts of a line that carriage returns separate share it.
    pub no: u64,
    /// Without line end; leading blanks are kept.
    pub text: &'a str,
    pub mark: Mark,
}

/// Calls `each` with every line and returns how many lines there were.
pub fn for_each_line(log: &mut dyn BufRead, each: &mut dyn FnMut(Line<'_>)) -> io::Result<u64> {
    let mut cleaner = Cleaner::default();
    let mut carry: Vec<u8> = Vec::new();
    let mut carried = false;
    let mut no = 0;
    loop {
        let buffer = match log.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if buffer.is_empty() {
            break;
        }
        let mut start = 0;
        for end in memchr_iter(b'\n', buffer) {
            no += 1;
            let line = &buffer[start..end];
            if carried {
                push_capped(&mut carry, line);
                cleaner.emit(no, &carry, each);
                carry.clear();
                carried = false;
            } else {
                cleaner.emit(no, &line[..line.len().min(MAX_LINE)], each);
            }
            start = end + 1;
        }
        if start < buffer.len() {
            push_capped(&mut carry, &buffer[start..]);
            carried = true;
        }
        let len = buffer.len();
        log.consume(len);
    }
    if carried {
        no += 1;
        cleaner.emit(no, &carry, each);
    }
    Ok(no)
}

fn push_capped(carry: &mut Vec<u8>, more: &[u8]) {
    let room = MAX_LINE.saturating_sub(carry.len());
    carry.extend_from_slice(&more[..more.len().min(room)]);
}

#[derive(Default)]
struct Cleaner {
    /// Reused for every line that needs rewriting.
    bytes: Vec<u8>,
}

impl Cleaner {
    fn emit(&mut self, no: u64, raw: &[u8], each: &mut dyn FnMut(Line<'_>)) {
        let mut raw = raw;
        while let Some((b'\r', head)) = raw.split_last().map(|(l, h)| (*l, h)) {
            raw = head;
        }
        let Some(first) = memchr3(ESC, 0, b'\r', raw) else { return emit_clean(no, raw, each) };
        self.bytes.clear();
        self.bytes.extend_from_slice(&raw[..first]);
        strip_controls(&raw[first..], &mut self.bytes);
        if memchr(b'\r', &self.bytes).is_none() {
            return emit_clean(no, &self.bytes, each);
        }
        // A terminal would overwrite; a log keeps all, and an error may hide before or behind a progress bar.
        for part in self.bytes.split(|b| *b == b'\r').filter(|part| !part.is_empty()) {
            emit_clean(no, part, each);
        }
    }
}

fn emit_clean(no: u64, bytes: &[u8], each: &mut dyn FnMut(Line<'_>)) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    let (mark, text) = mark(strip_prefixes(&text));
    each(Line { no, text, mark });
}

/// Copies `raw` without terminal escapes and NUL bytes.
fn strip_controls(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr2(ESC, 0, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = if rest[at] == 0 { &rest[at + 1..] } else { &rest[at + escape_len(&rest[at..])..] };
    }
    out.extend_from_slice(rest);
}

/// Length of the escape sequence at the start of `bytes`, at least 1.
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
            match bytes[2..].iter().position(|b| *b == 0x07 || *b == ESC) {
                Some(at) if bytes[2 + at] == 0x07 => at + 3,
                Some(at) if bytes.get(3 + at) == Some(&b'\\') => at + 4,
                _ => 2,
            }
        }
        // Two-byte escapes, with intermediates (`ESC ( B`).
        Some(b) if (0x20..=0x2f).contains(b) => 3.min(bytes.len()),
        Some(b) if (0x30..=0x7e).contains(b) => 2,
        _ => 1,
    }
}

/// Takes away what CI services and builders print before each line.
fn strip_prefixes(text: &str) -> &str {
    let mut text = strip_byte_order_mark(text);
    // Nested at most: `gh run view --log` columns, time stamp, BuildKit.
    for at in 0..4 {
        let Some(rest) = strip_one(text, at == 0) else { break };
        text = strip_byte_order_mark(rest);
    }
    text
}

fn strip_byte_order_mark(text: &str) -> &str {
    if text.as_bytes().first() == Some(&0xef) { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text }
}

/// Columns are the outermost.
fn strip_one(text: &str, outermost: bool) -> Option<&str> {
    match text.as_bytes().first()? {
        b'0'..=b'9' => strip_timestamp(text),
        b'#' => strip_buildkit(text),
        b'[' => strip_bracketed(text),
        _ if outermost => strip_columns(text),
        _ => None,
    }
}

/// `2026-01-01T00:00:00.0000000Z ` (and GitLab's `… 01O `).
fn strip_timestamp(text: &str) -> Option<&str> {
    let end = timestamp_len(text.as_bytes())?;
    let rest = &text[end..];
    if let [a, b, kind @ (b'O' | b'E'), tail, ..] = rest.as_bytes()
        && a.is_ascii_hexdigit()
        && b.is_ascii_hexdigit()
        && matches!(tail, b' ' | b'+')
        && matches!(kind, b'O' | b'E')
    {
        return Some(&rest[4..]);
    }
    Some(rest)
}

/// Length of an ISO time stamp with `T`, `Z` and the blank behind it.
fn timestamp_len(b: &[u8]) -> Option<usize> {
    const DATE: Shape = Shape::new(*b"0000-00-");
    const TIME: Shape = Shape::new(*b"00T00:00");
    const SECONDS: Shape = Shape::new(*b":00.0000");
    const END: Shape = Shape::new(*b"000000Z ");
    if !DATE.fits(b, 0) || !TIME.fits(b, 8) {
        return None;
    }
    // With seven places, as GitHub prints it.
    if SECONDS.fits(b, 16) && END.fits(b, 21) {
        return Some(29);
    }
    let mut end = 16;
    while b.get(end).is_some_and(|c| c.is_ascii_digit() || matches!(c, b':' | b'.')) {
        end += 1;
    }
    match b.get(end..)? {
        [b'Z'] => Some(end + 1),
        [b'Z', b' ', ..] => Some(end + 2),
        _ => None,
    }
}

/// Eight bytes, compared at once: nearly every line of a log begins with a time stamp.
struct Shape {
    text: u64,
    /// `0x0f` where any digit may stand.
    digits: u64,
}

impl Shape {
    /// `0` stands for any digit.
    const fn new(shape: [u8; 8]) -> Self {
        let (mut digits, mut at) = ([0; 8], 0);
        while at < 8 {
            if shape[at] == b'0' {
                digits[at] = 0x0f;
            }
            at += 1;
        }
        Self { text: u64::from_le_bytes(shape), digits: u64::from_le_bytes(digits) }
    }

    fn fits(&self, bytes: &[u8], at: usize) -> bool {
        let Some(bytes) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return false };
        // Every byte is now its digit's value, or nothing where it is the shape's own. Six more carries those over
        // nine out of the lower half.
        let values = u64::from_le_bytes(*bytes) ^ self.text;
        let carried = values.wrapping_add(self.digits & 0x0606_0606_0606_0606);
        (values | carried) & !self.digits == 0
    }
}

/// `#12 0.345 `: BuildKit's plain progress.
fn strip_buildkit(text: &str) -> Option<&str> {
    let b = text.as_bytes();
    let step = b[1..].iter().take_while(|c| c.is_ascii_digit()).count();
    let at = 1 + step;
    if step == 0 || b.get(at) != Some(&b' ') {
        return None;
    }
    let secs = b[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    let dot = at + 1 + secs;
    let frac = b.get(dot + 1..).map_or(0, |r| r.iter().take_while(|c| c.is_ascii_digit()).count());
    if secs == 0 || b.get(dot) != Some(&b'.') || !(1..=3).contains(&frac) {
        return None;
    }
    let end = dot + 1 + frac;
    match b.get(end) {
        None => Some(""),
        Some(b' ') => Some(&text[end + 1..]),
        Some(_) => None,
    }
}

/// Jenkins' `[2026-01-01T00:00:00.000Z] ` and the local runner's `[workflow/job]   | `.
fn strip_bracketed(text: &str) -> Option<&str> {
    let close = memchr(b']', text.as_bytes())?;
    let (inside, rest) = (&text[1..close], &text[close + 1..]);
    if timestamp_len(inside.as_bytes()) == Some(inside.len()) {
        return Some(rest.strip_prefix(' ').unwrap_or(rest));
    }
    if inside.contains('/') && rest.starts_with("  ") {
        let bar = rest.trim_start();
        return bar.strip_prefix("| ").or_else(|| (bar == "|").then_some(""));
    }
    None
}

/// `job<TAB>step<TAB>2026-…Z text`.
fn strip_columns(text: &str) -> Option<&str> {
    let tab = |from: usize| {
        let reach = &text.as_bytes()[from..text.len().min(from + 201)];
        memchr(b'\t', reach).filter(|at| *at > 0).map(|at| from + at)
    };
    let first = tab(0)?;
    let second = tab(first + 1)?;
    let rest = text[second + 1..].trim_start_matches('\u{feff}');
    timestamp_len(rest.as_bytes()).map(|_| rest)
}

fn mark(text: &str) -> (Mark, &str) {
    if !matches!(text.as_bytes(), [b'#' | b':', ..]) {
        return (Mark::None, text);
    }
    if let Some(rest) = text.strip_prefix("##[") {
        for (name, mark) in [
            ("error]", Mark::Error),
            ("warning]", Mark::Warning),
            ("group]", Mark::Group),
            ("endgroup]", Mark::EndGroup),
            ("command]", Mark::Other),
            ("debug]", Mark::Other),
            ("notice]", Mark::Other),
            ("section]", Mark::Other),
        ] {
            if let Some(text) = rest.strip_prefix(name) {
                return (mark, text);
            }
        }
    } else if let Some(title) = text.strip_prefix("::group::") {
        return (Mark::Group, title);
    } else if text.starts_with("::endgroup::") {
        return (Mark::EndGroup, "");
    }
    (Mark::None, text)
}

/// Whether the beginning of a file (some kilobytes) is no text at all. Stray NUL bytes, terminal escapes and old
/// encodings are text still; UTF-16 is, by its mark.
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
        for_each_line(&mut { bytes }, &mut |l| lines.push((l.no, l.text.to_owned()))).unwrap();
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
    }

    #[test]
    fn any_bytes_give_text() {
        assert_eq!(one(b"a\0b\xff\x1b"), "ab\u{fffd}");
        assert_eq!(one(b"\xff\xfee\0r\0r\0").trim_start_matches('\u{fffd}'), "err");
        assert_eq!(one(b"\x1b]0;unclosed"), "0;unclosed");
        assert!(clean(b"").is_empty());
    }

    #[test]
    fn a_line_is_capped_and_still_counts_once() {
        let mut log = vec![b'x'; MAX_LINE + 10];
        log.extend_from_slice(b"\nend");
        for chunk in [7, 1 << 12, 1 << 22] {
            let mut lines = Vec::new();
            let mut reader = io::BufReader::with_capacity(chunk, log.as_slice());
            assert_eq!(for_each_line(&mut reader, &mut |l| lines.push(l.text.len())).unwrap(), 2);
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
        for_each_line(&mut log, &mut |l| marks.push((l.mark, l.text.to_owned()))).unwrap();
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
