//! Foreign text made safe to show a model: without what hides or steers, and never longer than its cap.

/// Characters that do not show but change what is read: zero-width, direction marks, tags, soft hyphens, fillers.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Keeps line feeds and tabs; drops escape sequences, other control characters and invisible ones.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        // Operating system commands (titles, links) end with BEL or ESC \.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
                if chars.peek() == Some(&'\n') {
                    break;
                }
            }
        }
        Some(c) if c.is_ascii() && !c.is_control() => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| c.is_ascii() && !c.is_control()) {
        if ('@'..='~').contains(&c) {
            break;
        }
    }
}

/// At most `most` characters: head and tail, with a note of what was left out.
pub(crate) fn cap(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(count - most / 2).collect();
    format!("{head}\n[… {} characters left out …]\n{tail}", count - most / 2 * 2)
}

/// On one line, at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let clean = clean(text);
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        line
    } else {
        line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_dropped() {
        assert_eq!(clean("a\u{202e}b\u{200b}c\u{feff}\u{e0041}d"), "abcd");
        assert_eq!(
            clean("\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}\r\n\tx\0"),
            "red link\n\tx"
        );
        assert_eq!(clean("\u{9b}1mx"), "x");
        assert_eq!(clean("ünï 漢字 😀"), "ünï 漢字 😀");
    }

    #[test]
    fn caps_keep_head_and_tail() {
        let capped = cap(&"x".repeat(100), 10);
        assert!(capped.starts_with("xxxxx\n[… 90") && capped.ends_with("xxxxx"), "{capped}");
        assert_eq!(one_line("a\n b", 9), "a b");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }

    proptest::proptest! {
        #[test]
        fn nothing_invisible_survives(text in "\\PC{0,60}|[\\x00-\\x1f\\x1b\\[\\]m;0-9]{0,40}") {
            let out = clean(&text);
            proptest::prop_assert!(!out.chars().any(|c| is_invisible(c) || (c.is_control() && c != '\n' && c != '\t')));
            proptest::prop_assert_eq!(clean(&out), out.clone());
        }
    }
}
