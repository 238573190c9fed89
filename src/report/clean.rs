//! Foreign text made safe to show: log lines, file contents, names, model output.
//!
//! Nothing invisible passes: ANSI sequences go, control, bidirectional and zero-width characters become visible
//! (`⟨U+202E⟩`), so that what people read is what is there. Escaping for a format is that format's own job.

use std::fmt::Write as _;

/// One line: no line break of any kind, nothing invisible, at most `limit` characters (then `…`).
pub(super) fn line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    // Only the beginning can matter; a field may hold megabytes.
    let mut head = text.len().min(limit.saturating_mul(16).saturating_add(4096));
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    for c in strip_ansi(&text[..head]).chars() {
        let c = if matches!(c, '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if count == limit {
            out.push('…');
            return out;
        }
        push_visible(&mut out, c);
        count += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Several lines: `\n` and tabs stay, `\r\n` and `\r` become `\n`, nothing invisible; at most `limit` bytes of it,
/// cut at a line's end where there is one.
pub(super) fn block(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let stripped = strip_ansi(text);
    let mut chars = stripped.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push('\t'),
            c => push_visible(&mut out, c),
        }
        if out.len() > limit {
            cut(&mut out, limit);
            out.push_str("\n… (cut)");
            break;
        }
    }
    out
}

/// Shortens to at most `limit` bytes, at a line's end if one is near, never inside a character.
fn cut(text: &mut String, limit: usize) {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if let Some(newline) = text[..end].rfind('\n').filter(|&at| at + 500 > end) {
        end = newline;
    }
    text.truncate(end);
}

fn push_visible(out: &mut String, c: char) {
    if is_invisible(c) {
        let _ = write!(out, "⟨U+{:04X}⟩", c as u32);
    } else {
        out.push(c);
    }
}

/// Control characters, and those that change how their neighbours look or hide among them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Removes ANSI escape sequences (CSI, OSC and the two-character ones).
fn strip_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('[') => {
                chars.next();
                // Parameters and intermediates, then one final byte; a line break ends a broken sequence.
                while let Some(&next) = chars.peek() {
                    if !matches!(next, ' '..='~') {
                        break;
                    }
                    chars.next();
                    if matches!(next, '@'..='~') {
                        break;
                    }
                }
            }
            Some(']') => {
                // Ends with BEL or ESC \; an unended one swallows no more than its line.
                while let Some(&next) = chars.peek() {
                    if matches!(next, '\n' | '\r' | '\u{1b}') {
                        break;
                    }
                    chars.next();
                    if next == '\u{7}' {
                        break;
                    }
                }
                if chars.peek() == Some(&'\u{1b}') {
                    let mut ahead = chars.clone();
                    ahead.next();
                    if ahead.next() == Some('\\') {
                        chars.next();
                        chars.next();
                    }
                }
            }
            Some(&next) if matches!(next, '('..='/' | '0'..='Z' | '^'..='~') => {
                chars.next();
                // Character-set selection has one more character.
                if matches!(next, '('..='/') {
                    chars.next_if(char::is_ascii_alphanumeric);
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invisible_characters_become_visible_and_colours_go() {
        assert_eq!(
            line("\u{1b}[1;31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", 99),
            "red link"
        );
        assert_eq!(line("a\u{202e}b\u{0}c", 99), "a⟨U+202E⟩b⟨U+0000⟩c");
        assert_eq!(line("  a \r\n\t b  ", 99), "a b");
        assert_eq!(block("a\r\nb\rc\u{2028}d\n\te", 99), "a\nb\nc\nd\n\te");
        assert_eq!(line("abcdef", 3), "abc…");
    }

    #[test]
    fn blocks_are_cut_at_a_line() {
        let text = "0123456789\n".repeat(100);
        let short = block(&text, 105);
        assert!(short.starts_with("0123456789\n") && short.ends_with("\n… (cut)"), "{short}");
        assert!(short.len() < 120);
    }

    proptest! {
        #[test]
        fn a_line_is_one_line(text in any::<String>(), limit in 1usize..300) {
            let line = line(&text, limit);
            prop_assert!(!line.chars().any(is_invisible), "{line:?}");
            let breaks = line.chars().any(|c| matches!(c, '\u{2028}' | '\u{2029}'));
            prop_assert!(!breaks);
        }

        #[test]
        fn a_block_is_visible_and_bounded(text in any::<String>(), limit in 0usize..2000) {
            let block = block(&text, limit);
            prop_assert!(block.chars().all(|c| matches!(c, '\n' | '\t') || !is_invisible(c)), "{block:?}");
            prop_assert!(block.len() <= limit + "\n… (cut)".len());
        }
    }
}
