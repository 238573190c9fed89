//! Puts the token a compiler misses where it points to.

use super::{Lines, Op, char_to_byte};
use crate::fixer::language::{Language, code_only};

/// Inserts `token`. Tools point at the place itself (javac, CPython), at the token found instead (tsc), or at the
/// next line's start; what is wanted nearly always ends the code before it.
pub(super) fn insert(
    language: Language,
    lines: &Lines<'_>,
    line: u32,
    column: Option<u32>,
    token: &str,
) -> Option<Op> {
    let token = token.trim().trim_matches(['\'', '"', '`']);
    if token.is_empty() || token.chars().count() > 12 || token.contains('\n') {
        return None;
    }
    let code = code_only(language, lines.text);
    let end_of_code = |n: u32| {
        let code = code.get(usize::try_from(n).ok()?.checked_sub(1)?)?;
        let raw = lines.get(n)?;
        let comment = comment_start(raw, code);
        Some(raw[..comment].trim_end().len())
    };
    // At the end of the file the closing brace gets a line of its own.
    let at_end = line > lines.count()
        || (line == lines.count() && lines.get(line).is_some_and(|l| l.trim().is_empty()));
    if token == "}" && (at_end || after_last_code(lines, line, column)) {
        let content = lines.whole(["}"]);
        return lines.insert_before(lines.count() + 1, &content);
    }
    let content = lines.get(line)?;
    let at = column.and_then(|c| char_to_byte(content, c));
    // Nothing before the column on this line: the code that misses its end is above.
    let before_blank = at.is_some_and(|at| content[..at].trim().is_empty());
    if before_blank && matches!(token, ";" | ")" | "," | "]" | ":" | "}") {
        let above = (1..line).rev().find(|n| end_of_code(*n).is_some_and(|e| e > 0))?;
        let place = lines.start(above)? + end_of_code(above)?;
        return Some(Op::new(place..place, token));
    }
    let end = end_of_code(line)?;
    let place = match at {
        // The caret stands on or behind the last character of the code: the end is meant.
        Some(at) if at + 1 < end && !closing(token) => at,
        Some(at) if at + 1 < end && !opens_here(content, at) => at,
        _ => before_terminator(&content[..end], token, language),
    };
    let spaced = needs_space(content, place, token);
    let start = lines.start(line)?;
    Some(Op::new(start + place..start + place, if spaced { format!(" {token}") } else { token.to_owned() }))
}

fn closing(token: &str) -> bool {
    matches!(token, ")" | "]" | "}")
}

/// CPython points at the bracket that was never closed.
fn opens_here(content: &str, at: usize) -> bool {
    content[at..].starts_with(['(', '[', '{'])
}

fn after_last_code(lines: &Lines<'_>, line: u32, column: Option<u32>) -> bool {
    let Some(content) = lines.get(line) else { return true };
    let rest_blank = (line + 1..=lines.count()).all(|n| lines.get(n).is_none_or(|l| l.trim().is_empty()));
    let tail_blank = column
        .and_then(|c| char_to_byte(content, c))
        .is_none_or(|at| content[at..].trim().is_empty() || content[at..].trim() == "}");
    rest_blank && tail_blank
}

/// A closing bracket goes before the `:`, `;` or `{` that ends the line.
fn before_terminator(code: &str, token: &str, language: Language) -> usize {
    if closing(token) {
        let mut end = code.len();
        let ends: &[char] = if language == Language::Python { &[':'] } else { &[';', '{'] };
        if code.ends_with(ends) {
            end -= 1;
        }
        return code[..end].trim_end().len();
    }
    code.len()
}

/// Words and opening braces want a blank before them.
fn needs_space(content: &str, place: usize, token: &str) -> bool {
    let before = content[..place].chars().next_back();
    before.is_some_and(|c| !c.is_whitespace())
        && (token == "{"
            || token == "="
            || (token.starts_with(char::is_alphabetic) && before.is_some_and(char::is_alphanumeric)))
}

/// The byte at which a comment begins: where the blanked line ends though the raw one goes on.
fn comment_start(raw: &str, code: &str) -> usize {
    // Blanked characters keep their count, not their bytes.
    let kept = code.chars().count();
    raw.char_indices().nth(kept).map_or(raw.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(path: &str, text: &str, line: u32, column: Option<u32>, token: &str) -> Option<String> {
        let lines = Lines::of(text);
        let op = insert(Language::of(path), &lines, line, column, token)?;
        let mut out = text.to_owned();
        out.replace_range(op.start..op.end, &op.text);
        Some(out)
    }

    #[test]
    fn tokens_go_where_the_tools_point() {
        for (path, text, line, column, token, want) in [
            ("a.py", "def f(x)\n    return x\n", 1, Some(9), ":", "def f(x):\n    return x\n"),
            ("a.py", "if x == 1  # one\n    y\n", 1, Some(10), ":", "if x == 1:  # one\n    y\n"),
            ("a.py", "x = f(1\n", 1, Some(6), ")", "x = f(1)\n"),
            ("a.py", "if f(1:\n    x\n", 1, Some(5), ")", "if f(1):\n    x\n"),
            ("A.java", "    int x = 5\n    int y;\n", 1, Some(14), ";", "    int x = 5;\n    int y;\n"),
            ("A.java", "    int x = 5\n    int y;\n", 1, None, ";", "    int x = 5;\n    int y;\n"),
            ("A.java", "    f(1;\n", 1, Some(8), ")", "    f(1);\n"),
            ("A.java", "    f(1;\n", 1, None, ")", "    f(1);\n"),
            ("a.ts", "foo(1;\n", 1, Some(6), ")", "foo(1);\n"),
            ("a.ts", "const a = [1, 2\nconst b = 3\n", 2, Some(1), "]", "const a = [1, 2]\nconst b = 3\n"),
            ("a.ts", "function f() {\n  return 1\n", 3, Some(1), "}", "function f() {\n  return 1\n}\n"),
            ("A.java", "class A {\n  int x;\n", 2, Some(9), "}", "class A {\n  int x;\n}\n"),
            ("a.go", "x := []int{\n\t1,\n\t2\n}\n", 3, Some(3), ",", "x := []int{\n\t1,\n\t2,\n}\n"),
            ("a.go", "func f()\n", 1, Some(9), "{", "func f() {\n"),
            // Signs of comments within a pattern or a text begin none.
            (
                "a.ts",
                "const a = f(/[/*]/, 1\nconst b = 2\n",
                2,
                Some(1),
                ")",
                "const a = f(/[/*]/, 1)\nconst b = 2\n",
            ),
            (
                "A.java",
                "    String a = \"\"\"\n      // \"a\" {\n      \"\"\"\n    int y;\n",
                4,
                Some(5),
                ";",
                "    String a = \"\"\"\n      // \"a\" {\n      \"\"\";\n    int y;\n",
            ),
        ] {
            assert_eq!(with(path, text, line, column, token).as_deref(), Some(want), "{path} {token}");
        }
    }

    #[test]
    fn odd_tokens_and_places_are_left_alone() {
        assert_eq!(with("a.py", "x\n", 9, None, ":"), None);
        assert_eq!(with("a.py", "x\n", 1, None, ""), None);
        assert_eq!(with("a.py", "x\n", 1, None, "one of many words"), None);
    }
}
