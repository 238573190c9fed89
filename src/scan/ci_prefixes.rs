//! What CI services and builders print before a line: time stamps, columns, marks.

use memchr::memchr;

use super::lines::Mark;

/// Takes away what CI services and builders print before each line; a time stamp may be gone already.
pub(super) fn strip(text: &str, stamped: bool) -> &str {
    let mut text = strip_byte_order_mark(text);
    // Nested at most: `gh run view --log` columns, time stamp, BuildKit.
    for at in usize::from(stamped)..4 {
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
pub(super) fn strip_timestamp(text: &str) -> Option<&str> {
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

/// What the service says of a line, and the line without it.
pub(super) fn mark(text: &str) -> (Mark, &str) {
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
