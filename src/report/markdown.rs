//! Markdown that foreign text cannot leave.
//!
//! Foreign text appears in code spans and fenced blocks only: there, GitHub resolves no mention, reference, link,
//! image or HTML. Inside raw HTML (`<summary>`) it stands entity-escaped within `<code>`, on one line.

use super::clean;

/// A code span holding one line of foreign text; safe in paragraphs, list items and table cells.
pub(super) fn code(text: &str, limit: usize) -> String {
    let text = clean::line(text, limit);
    if text.is_empty() {
        return "–".to_owned();
    }
    // A table splits its row at `|` before code spans are seen, unless escaped; outside tables the backslash would
    // show. The look-alike reads the same in both.
    let text = text.replace('|', "∣");
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// One line of foreign text within raw HTML.
pub(super) fn html_code(text: &str, limit: usize) -> String {
    let text = clean::line(text, limit);
    if text.is_empty() { "–".to_owned() } else { format!("<code>{}</code>", html(&text)) }
}

/// Entities for everything that HTML or Markdown gives a meaning.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '`' | '*' | '_' | '[' | ']' | '!' | '@' | '#' | '~' | '\\'
            | '|' | ':' | '$' => {
                out.push_str(&format!("&#{};", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// A fenced block, at most `limit` bytes of the text. `language`: one of ours, never foreign.
pub(super) fn fence(text: &str, language: &'static str, limit: usize) -> String {
    let text = clean::block(text, limit);
    let ticks = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{ticks}{language}\n{text}{newline}{ticks}\n")
}

/// How loud a callout is: the colour in which GitHub shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callout {
    Note,
    Tip,
    Warning,
    Caution,
}

/// A box that stands out. `text` is Markdown of ours, without fenced blocks: they could not be copied out of it.
pub(super) fn callout(kind: Callout, text: &str) -> String {
    let kind = match kind {
        Callout::Note => "NOTE",
        Callout::Tip => "TIP",
        Callout::Warning => "WARNING",
        Callout::Caution => "CAUTION",
    };
    let mut out = format!("> [!{kind}]\n");
    for line in text.trim_end().lines() {
        out.push_str(if line.is_empty() { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
    out
}

/// A link whose label is ours and whose address came from outside; an address that is not plainly one is shown as
/// code instead.
pub(super) fn link(label: &str, address: &str) -> String {
    if is_plain_address(address) { format!("[{label}]({address})") } else { code(address, 300) }
}

pub(super) fn is_plain_address(address: &str) -> bool {
    (address.starts_with("https://") || address.starts_with("http://"))
        && address.len() <= 2000
        && address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&b))
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_stays_inside() {
        assert_eq!(code("a`b", 99), "``a`b``");
        assert_eq!(code("`", 99), "`` ` ``");
        assert_eq!(code("a\n# b | c", 99), "`a # b ∣ c`");
        assert_eq!(code("", 99), "–");
        assert_eq!(fence("```\n@everyone", "", 99), "````\n```\n@everyone\n````\n");
        assert_eq!(html_code("</code><img src=x>", 99), "<code>&#60;/code&#62;&#60;img src=x&#62;</code>");
        assert_eq!(link("run", "https://x/y?z=1"), "[run](https://x/y?z=1)");
        assert_eq!(link("run", "javascript:alert(1)"), "`javascript:alert(1)`");
        assert_eq!(link("run", "https://x/) ![](y"), "`https://x/) ![](y`");
    }

    proptest! {
        #[test]
        fn a_code_span_ends_where_we_end_it(text in "[`|a@<\\\\\n ]{0,40}") {
            let span = code(&text, 30);
            if span != "–" {
                let ticks = span.chars().take_while(|&c| c == '`').count();
                let inner = &span[ticks..span.len() - ticks];
                prop_assert!(longest_run(inner, '`') < ticks, "{span:?}");
                prop_assert!(!inner.starts_with('`') && !inner.ends_with('`'), "{span:?}");
                prop_assert!(!span.contains(['\n', '|']));
            }
        }

        #[test]
        fn no_line_inside_closes_the_fence(text in "[`~a\r\n ]{0,80}") {
            let fenced = fence(&text, "diff", 60);
            let ticks = fenced.chars().take_while(|&c| c == '`').count();
            let lines: Vec<&str> = fenced.lines().collect();
            for line in &lines[1..lines.len() - 1] {
                prop_assert!(longest_run(line, '`') < ticks, "{fenced:?}");
            }
            prop_assert_eq!(lines[lines.len() - 1], "`".repeat(ticks));
        }
    }
}
