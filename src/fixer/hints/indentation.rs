//! Indentation as the interpreter asks for it.

use super::{Lines, Op};
use crate::fixer::language::{Language, indent_of};

/// Shifts the line, and those that hang on it, to where the message says it belongs.
pub(super) fn reindent(
    language: Language,
    lines: &Lines<'_>,
    line: u32,
    columns: Option<u32>,
    message: &str,
) -> Option<Vec<Op>> {
    let content = lines.get(line).filter(|l| !l.trim().is_empty())?;
    let now = indent_of(content);
    let message = message.to_lowercase();
    if message.contains("tabs and spaces") || message.contains("taberror") {
        return untabify(lines);
    }
    let above = (1..line).rev().filter_map(|n| lines.get(n)).find(|l| is_code(language, l));
    let unit = unit(lines);
    let want = if let Some(columns) = columns {
        let fill = if unit == "\t" { '\t' } else { ' ' };
        std::iter::repeat_n(fill, usize::try_from(columns).ok()?).collect()
    } else if message.contains("expected an indented block") {
        format!("{}{unit}", indent_of(head_above(language, lines, line)?))
    } else if message.contains("unindent") {
        nearest_level(language, lines, line, now)?
    } else {
        let above = above?;
        let opens = above.trim_end().ends_with([':', '{', '(', '[']);
        format!("{}{}", indent_of(above), if opens { unit } else { "" })
    };
    if want == now {
        return None;
    }
    let mut ops = Vec::new();
    let mut number = line;
    while let Some(content) = lines.get(number) {
        let hangs = if number == line {
            true
        } else {
            !content.trim().is_empty() && content.starts_with(now) && !begins_anew(content, now)
        };
        if !hangs {
            break;
        }
        let start = lines.start(number)?;
        ops.push(Op::new(start..start + now.len(), want.clone()));
        number += 1;
    }
    Some(ops)
}

fn is_code(language: Language, line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with(language.line_comment())
}

/// The line whose block is missing: the one above that ends with a colon.
fn head_above<'t>(language: Language, lines: &Lines<'t>, line: u32) -> Option<&'t str> {
    (1..line).rev().filter_map(|n| lines.get(n)).filter(|l| is_code(language, l)).find(|l| {
        let code = l.split('#').next().unwrap_or(l);
        code.trim_end().ends_with(':')
    })
}

/// Of the depths in use above, the nearest to what the line has; the deeper one of two.
fn nearest_level(language: Language, lines: &Lines<'_>, line: u32, now: &str) -> Option<String> {
    let mut levels: Vec<&str> = Vec::new();
    let mut limit = usize::MAX;
    for content in (1..line).rev().filter_map(|n| lines.get(n)).filter(|l| is_code(language, l)) {
        let depth = indent_of(content);
        if depth.len() < limit {
            levels.push(depth);
            limit = depth.len();
        }
        if limit == 0 {
            break;
        }
    }
    levels.into_iter().min_by_key(|l| (l.len().abs_diff(now.len()), usize::MAX - l.len())).map(str::to_owned)
}

/// Lines that start something of their own do not hang on the one before.
fn begins_anew(content: &str, indent: &str) -> bool {
    let rest = &content[indent.len()..];
    indent.is_empty()
        && ["def ", "class ", "@", "if __name__", "import ", "from ", "async def "]
            .iter()
            .any(|w| rest.starts_with(w))
}

/// What the file indents by.
fn unit(lines: &Lines<'_>) -> &'static str {
    let depths = lines.lines.iter().map(|l| indent_of(l.1)).filter(|i| !i.is_empty());
    let mut smallest = usize::MAX;
    let (mut tabs, mut spaces) = (0_usize, 0_usize);
    for depth in depths {
        if depth.starts_with('\t') {
            tabs += 1;
        } else {
            spaces += 1;
            smallest = smallest.min(depth.len());
        }
    }
    match (tabs > spaces, smallest) {
        (true, _) => "\t",
        (false, 2) => "  ",
        (false, 3) => "   ",
        (false, 8) => "        ",
        _ => "    ",
    }
}

/// Leading tabs become spaces where most lines use spaces, and the other way round.
fn untabify(lines: &Lines<'_>) -> Option<Vec<Op>> {
    let unit = unit(lines);
    let mut ops = Vec::new();
    for (start, content) in &lines.lines {
        let now = indent_of(content);
        let want = if unit == "\t" {
            let columns = now.chars().fold(0, |c, ch| if ch == '\t' { c / 4 * 4 + 4 } else { c + 1 });
            "\t".repeat(columns / 4) + &" ".repeat(columns % 4)
        } else {
            now.replace('\t', unit)
        };
        if want != now {
            ops.push(Op::new(*start..start + now.len(), want));
        }
    }
    (!ops.is_empty()).then_some(ops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, line: u32, columns: Option<u32>, message: &str) -> Option<String> {
        let lines = Lines::of(text);
        let ops = reindent(Language::Python, &lines, line, columns, message)?;
        let mut out = text.to_owned();
        for op in ops.iter().rev() {
            out.replace_range(op.start..op.end, &op.text);
        }
        Some(out)
    }

    #[test]
    fn each_complaint_of_the_interpreter() {
        let missing = "expected an indented block after function definition on line 1";
        assert_eq!(with("def f(x):\nreturn x\n", 2, None, missing).unwrap(), "def f(x):\n    return x\n");
        assert_eq!(
            with("def f(x):\ny = 1\nreturn y\n\nz = 1\n", 2, None, missing).unwrap(),
            "def f(x):\n    y = 1\n    return y\n\nz = 1\n"
        );
        assert_eq!(with("x = 1\n    y = 2\n", 2, None, "unexpected indent").unwrap(), "x = 1\ny = 2\n");
        assert_eq!(
            with(
                "def f():\n    if a:\n        x\n      y\n",
                4,
                None,
                "unindent does not match any outer indentation level"
            )
            .unwrap(),
            "def f():\n    if a:\n        x\n        y\n"
        );
        assert_eq!(
            with("if a:\n    x\n    y\n\tz\n", 4, None, "inconsistent use of tabs and spaces in indentation")
                .unwrap(),
            "if a:\n    x\n    y\n    z\n"
        );
        assert_eq!(with("a:\n    x\n", 2, Some(2), "E111").unwrap(), "a:\n  x\n");
        assert_eq!(with("a\n", 1, None, "unexpected indent"), None);
    }
}
