//! What the fix agent knows of each language's shape: which files are it, how blocks and comments look. Syntax trees
//! tell; where a file has none (another language, or it is broken at that place) its lines do.

use std::sync::Arc;

use crate::syntax::{Bytes, DefinitionKind, Grammar, LiteralKind, Outline, shared_outline};

/// The languages with rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    Rust,
    Python,
    JavaScript,
    TypeScript,
    Java,
    Go,
    Other,
}

impl Language {
    /// By the file name's extension.
    pub(crate) fn of(path: &str) -> Self {
        let ext = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ext)| ext);
        match ext {
            "rs" => Self::Rust,
            "py" | "pyi" => Self::Python,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "ts" | "tsx" | "mts" | "cts" => Self::TypeScript,
            "java" => Self::Java,
            "go" => Self::Go,
            _ => Self::Other,
        }
    }

    /// The name skills and people use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Java => "java",
            Self::Go => "go",
            Self::Other => "other",
        }
    }

    /// What a text in this language holds, as far as it can be read.
    pub(crate) fn outline(self, text: &str) -> Option<Arc<Outline>> {
        let read = |grammar| shared_outline(grammar, text).ok();
        match self {
            Self::Rust => read(Grammar::Rust),
            Self::Python => read(Grammar::Python),
            Self::JavaScript => read(Grammar::JavaScript),
            // By the name alone nobody can say whether it has tags.
            Self::TypeScript => read(Grammar::TypeScript)
                .filter(|outline| outline.is_complete())
                .or_else(|| read(Grammar::Tsx).filter(|outline| outline.is_complete()))
                .or_else(|| read(Grammar::TypeScript)),
            Self::Java => read(Grammar::Java),
            Self::Go => read(Grammar::Go),
            Self::Other => None,
        }
    }

    /// As [`Self::outline`], where all of the text could be read.
    pub(crate) fn whole_outline(self, text: &str) -> Option<Arc<Outline>> {
        self.outline(text).filter(|outline| outline.is_complete())
    }

    /// JavaScript and TypeScript import each other.
    pub(crate) fn is_kin(self, other: Self) -> bool {
        let script = |l| matches!(l, Self::JavaScript | Self::TypeScript);
        self == other || (script(self) && script(other))
    }

    pub(crate) fn indents(self) -> bool {
        self == Self::Python
    }

    pub(crate) fn line_comment(self) -> &'static str {
        match self {
            Self::Python => "#",
            _ => "//",
        }
    }

    /// A line that brings names in, judged by its first words.
    pub(crate) fn is_import(self, line: &str) -> bool {
        let line = line.trim_start();
        let starts = |words: &[&str]| words.iter().any(|w| line.starts_with(w));
        match self {
            Self::Rust => {
                starts(&["use ", "pub use ", "pub(crate) use ", "extern crate ", "mod ", "pub mod "])
            }
            Self::Python => starts(&["import ", "from "]),
            Self::JavaScript | Self::TypeScript => {
                starts(&["import ", "import{", "import\"", "import'", "export * from", "export {"])
                    || (starts(&["const ", "let ", "var "]) && line.contains("require("))
            }
            Self::Java => starts(&["import ", "package "]),
            Self::Go => starts(&["import ", "package "]),
            Self::Other => starts(&["#include", "import ", "using ", "require "]),
        }
    }
}

/// The whitespace a line begins with.
pub(crate) fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Lines with strings and comments blanked out (by spaces, so that columns stay), for counting brackets. Block
/// comments and multi-line strings are followed over lines.
pub(crate) fn code_only(language: Language, text: &str) -> Vec<String> {
    blanked(language, text, false)
}

/// Lines with comments (and Python's long strings, which mostly are comments) blanked out.
pub(crate) fn without_comments(language: Language, text: &str) -> Vec<String> {
    blanked(language, text, true)
}

fn blanked(language: Language, text: &str, keep_strings: bool) -> Vec<String> {
    match language.outline(text) {
        Some(outline) => blanked_by_syntax(language, &outline, text, keep_strings),
        None => blanked_by_line(language, text, keep_strings),
    }
}

/// What becomes of a comment or a literal.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Comment,
    Blank,
    Kept,
}

fn blanked_by_syntax(language: Language, outline: &Outline, text: &str, keep_strings: bool) -> Vec<String> {
    let part_of = |kind: LiteralKind, raw: &str| {
        let is_blank = match kind {
            LiteralKind::Number | LiteralKind::Word => return None,
            // Long strings mostly are comments.
            _ if language == Language::Python => {
                let quoted = raw.trim_start_matches(|c: char| c.is_ascii_alphabetic());
                !keep_strings || quoted.starts_with("\"\"\"") || quoted.starts_with("'''")
            }
            _ => !keep_strings,
        };
        Some(if is_blank { Part::Blank } else { Part::Kept })
    };
    let mut ranges: Vec<(Bytes, Part)> =
        outline.comments.iter().map(|c| (c.clone(), Part::Comment)).collect();
    ranges.extend(outline.literals.iter().filter_map(|literal| {
        let raw = text.get(literal.bytes.clone())?;
        // A prefix (`r`, `f`) is no part of what is quoted.
        let quote = raw.find(['"', '\'', '`', '/']).unwrap_or_default();
        let prefix = if literal.kind == LiteralKind::Text { 0 } else { quote };
        Some((literal.bytes.start + prefix..literal.bytes.end, part_of(literal.kind, raw)?))
    }));
    ranges.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let blank = |text: &str| text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect::<String>();
    // Where all could be read, no quote is left between them.
    let code = |code: &str| match (outline.is_complete(), keep_strings) {
        (false, false) => without_open_quotes(language, code),
        _ => code.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, part) in ranges {
        // Within one that is blank already.
        if range.start < at {
            continue;
        }
        let (Some(before), Some(inside)) = (text.get(at..range.start), text.get(range.clone())) else {
            continue;
        };
        out.push_str(&code(before));
        let ends_line = text[range.end..].starts_with(['\n', '\r']) || range.end == text.len();
        match part {
            Part::Kept => out.push_str(inside),
            // What ends its line leaves nothing, so that the code's end is the line's.
            Part::Comment if ends_line && !inside.contains('\n') => {}
            Part::Comment | Part::Blank => out.push_str(&blank(inside)),
        }
        at = range.end;
    }
    out.push_str(&code(text.get(at..).unwrap_or_default()));
    out.split('\n').map(str::to_owned).collect()
}

/// A string that was begun and not ended reaches to the end of its line.
fn without_open_quotes(language: Language, code: &str) -> String {
    let is_open = |rest: &str| {
        rest.starts_with('"')
            || rest.starts_with('`') && language.is_kin(Language::JavaScript)
            || rest.starts_with('\'') && is_string_quote(language, rest)
    };
    let line = |line: &str| {
        let open = line.char_indices().map(|(at, _)| at).find(|at| is_open(&line[*at..]));
        let (code, rest) = line.split_at(open.unwrap_or(line.len()));
        code.chars().chain(rest.chars().map(|_| ' ')).collect::<String>()
    };
    code.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn blanked_by_line(language: Language, text: &str, keep_strings: bool) -> Vec<String> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Code,
        Block,
        /// The quote, and whether it may span lines.
        Quoted(&'static str, bool),
    }
    let mut state = State::Code;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while !rest.is_empty() {
            let (step, keep) = match state {
                State::Code => {
                    if rest.starts_with(language.line_comment()) {
                        break;
                    }
                    if language != Language::Python && rest.starts_with("/*") {
                        state = State::Block;
                        (2, false)
                    } else if language == Language::Python && rest.starts_with("\"\"\"") {
                        state = State::Quoted("\"\"\"", true);
                        (3, false)
                    } else if language == Language::Python && rest.starts_with("'''") {
                        state = State::Quoted("'''", true);
                        (3, false)
                    } else if rest.starts_with('"') {
                        state = State::Quoted("\"", language == Language::Rust);
                        (1, keep_strings)
                    } else if rest.starts_with('`') && language != Language::Python {
                        state = State::Quoted("`", true);
                        (1, keep_strings)
                    } else if rest.starts_with('\'') && is_string_quote(language, rest) {
                        state = State::Quoted("'", false);
                        (1, keep_strings)
                    } else {
                        (rest.chars().next().map_or(1, char::len_utf8), true)
                    }
                }
                State::Block => {
                    if rest.starts_with("*/") {
                        state = State::Code;
                        (2, false)
                    } else {
                        (rest.chars().next().map_or(1, char::len_utf8), false)
                    }
                }
                State::Quoted(quote, _) => {
                    let keep = keep_strings && quote.len() == 1;
                    if rest.starts_with('\\') && !(quote == "`" && language == Language::Go) {
                        let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
                        (1 + escaped, keep)
                    } else if rest.starts_with(quote) {
                        state = State::Code;
                        (quote.len(), keep)
                    } else {
                        (rest.chars().next().map_or(1, char::len_utf8), keep)
                    }
                }
            };
            let (taken, after) = rest.split_at(step);
            if keep {
                out.push_str(taken);
            } else {
                out.extend(std::iter::repeat_n(' ', taken.chars().count()));
            }
            rest = after;
        }
        if let State::Quoted(_, false) = state {
            state = State::Code;
        }
        lines.push(out);
    }
    lines
}

/// In Rust `'` also begins lifetimes; in Java, Go and Rust it holds one character.
fn is_string_quote(language: Language, rest: &str) -> bool {
    match language {
        Language::Rust => {
            let mut chars = rest.chars().skip(1);
            match chars.next() {
                Some('\\') => true,
                Some(_) => chars.next() == Some('\''),
                None => false,
            }
        }
        _ => true,
    }
}

/// First and last line (from 1) of the smallest function, class, method, test or the like that holds `line`, with what
/// belongs to it; `None` at the top level.
pub(crate) fn enclosing_block(language: Language, text: &str, line: u32) -> Option<(u32, u32)> {
    let Some(outline) = language.outline(text) else { return block_by_line(language, text, line) };
    // A blank line belongs to the code above it.
    let above = text.lines().take(usize::try_from(line).unwrap_or(usize::MAX));
    let code = (1..).zip(above).filter(|(_, text)| !text.trim().is_empty()).last();
    let block = block_of(&outline, code.map_or(line, |(number, _)| number));
    let is_broken = |(first, last): (u32, u32)| {
        outline.errors.iter().any(|error| {
            let (from, to) = (outline.line(error.start), outline.line(error.end));
            from <= last.saturating_add(1) && first <= to
        })
    };
    match block {
        // Where something in it is broken, what the parser found around it may reach too far; so may brackets.
        Some(block) if is_broken(block) => {
            let lines = block_by_line(language, text, line);
            lines.into_iter().chain([block]).min_by_key(|(first, last)| last - first)
        }
        None if !outline.is_complete() => block_by_line(language, text, line),
        block => block,
    }
}

fn block_of(outline: &Outline, line: u32) -> Option<(u32, u32)> {
    let is_block =
        |kind| !matches!(kind, DefinitionKind::Field | DefinitionKind::Constant | DefinitionKind::Type);
    let definitions = outline.definitions.iter().filter(|d| is_block(d.kind)).map(|d| d.lines);
    definitions
        .chain(outline.tests.iter().map(|test| test.lines))
        .filter(|(first, last)| (*first..=*last).contains(&line))
        .min_by_key(|(first, last)| last - first)
}

/// The same by indentation or by brackets, whatever stands between them.
pub(crate) fn block_by_line(language: Language, text: &str, line: u32) -> Option<(u32, u32)> {
    let code = code_only(language, text);
    let at = usize::try_from(line).ok()?.checked_sub(1)?;
    if at >= code.len() {
        return None;
    }
    if language.indents() { python_block(text, &code, at) } else { brace_block(language, text, &code, at) }
}

fn is_head(language: Language, line: &str) -> bool {
    let t = line.trim_start();
    match language {
        Language::Python => ["def ", "async def ", "class "].iter().any(|w| t.starts_with(w)),
        Language::Rust => has_word(t, &["fn", "impl", "struct", "enum", "trait", "mod", "macro_rules"]),
        Language::Go => has_word(t, &["func", "type"]),
        Language::Java => {
            has_word(t, &["class", "interface", "enum", "record"])
                || (t.contains('(')
                    && !has_word(
                        t,
                        &["if", "for", "while", "switch", "catch", "try", "else", "do", "return", "new"],
                    )
                    && !t.trim_end().ends_with(';'))
        }
        Language::JavaScript | Language::TypeScript => {
            has_word(t, &["function", "class", "interface", "describe", "it", "test", "namespace", "enum"])
                || t.contains("=>")
                || (t.contains('(')
                    && t.trim_end().ends_with('{')
                    && !has_word(
                        t,
                        &["if", "for", "while", "switch", "catch", "try", "else", "do", "return"],
                    ))
        }
        Language::Other => !t.is_empty(),
    }
}

/// One of the words stands in `line` as a word.
pub(crate) fn has_word(line: &str, words: &[&str]) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').any(|w| words.contains(&w))
}

fn python_block(text: &str, code: &[String], at: usize) -> Option<(u32, u32)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let blank = |i: usize| code[i].trim().is_empty();
    // A blank line belongs to the code above it.
    let anchor = (0..=at).rev().find(|&i| !blank(i))?;
    let depth = |i: usize| indent_of(lines[i]).len();
    let mut limit = depth(anchor) + 1;
    let mut head = None;
    for i in (0..=anchor).rev() {
        if blank(i) || depth(i) >= limit {
            continue;
        }
        if is_head(Language::Python, lines[i]) {
            head = Some(i);
            break;
        }
        limit = depth(i);
        if limit == 0 && i != anchor {
            break;
        }
    }
    let head = head?;
    let own = depth(head);
    let mut last = head;
    let mut open = 0_i32;
    for (i, line) in code.iter().enumerate().skip(head) {
        if i > head && !blank(i) && open <= 0 && depth(i) <= own && !closes(line) {
            break;
        }
        open += balance(line);
        if !blank(i) {
            last = i;
        }
    }
    // Decorators belong to it.
    let mut first = head;
    while first > 0 && lines[first - 1].trim_start().starts_with('@') && depth(first - 1) == own {
        first -= 1;
    }
    Some((number(first), number(last)))
}

fn closes(code: &str) -> bool {
    code.trim_start().starts_with([')', ']', '}'])
}

fn balance(code: &str) -> i32 {
    code.chars().map(|c| i32::from("([{".contains(c)) - i32::from(")]}".contains(c))).sum()
}

fn brace_block(language: Language, text: &str, code: &[String], at: usize) -> Option<(u32, u32)> {
    let lines: Vec<&str> = text.split('\n').collect();
    // Pairs of lines on which a brace opens and closes.
    let mut open: Vec<usize> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    let mut consider = |first: usize, last: usize| {
        let head = head_line(language, &lines, code, first);
        if head <= at && at <= last && is_head(language, &lines[head..=first.max(head)].join(" ")) {
            let smaller = best.is_none_or(|(a, b)| last - head < b - a);
            if smaller {
                best = Some((head, last));
            }
        }
    };
    for (i, line) in code.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => open.push(i),
                '}' => {
                    if let Some(first) = open.pop() {
                        consider(first, i);
                    }
                }
                _ => {}
            }
        }
    }
    // A file whose braces do not balance has blocks that run to its end.
    let end = lines.len().saturating_sub(1);
    for first in open {
        consider(first, end);
    }
    let (mut first, last) = best?;
    // Attributes, annotations and doc comments belong to it.
    while first > 0 && {
        let above = lines[first - 1].trim_start();
        above.starts_with("#[") || above.starts_with('@') || above.starts_with("///")
    } {
        first -= 1;
    }
    Some((number(first), number(last)))
}

/// Where the statement begins whose brace opens on `line`: signatures may span lines.
fn head_line(language: Language, lines: &[&str], code: &[String], line: usize) -> usize {
    let mut head = line;
    let mut steps = 0;
    while head > 0 && steps < 12 && !is_head(language, lines[head]) {
        let above = code[head - 1].trim_end();
        if above.trim().is_empty() || above.ends_with([';', '}', '{']) {
            break;
        }
        head -= 1;
        steps += 1;
    }
    head
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_blocks_end_where_the_indentation_does() {
        let text = "import os\n\n\n@cache\ndef f(a,\n      b):\n    x = (\n1)\n\n    return x\n\n\ndef g():\n    pass\n";
        assert_eq!(enclosing_block(Language::Python, text, 7), Some((4, 10)));
        assert_eq!(enclosing_block(Language::Python, text, 14), Some((13, 14)));
        assert_eq!(enclosing_block(Language::Python, text, 1), None);
    }

    #[test]
    fn python_methods_come_before_their_class() {
        let text = "class A:\n    x = 1\n\n    def f(self):\n        if 1:\n            return 2\n";
        assert_eq!(enclosing_block(Language::Python, text, 6), Some((4, 6)));
        assert_eq!(enclosing_block(Language::Python, text, 2), Some((1, 6)));
    }

    #[test]
    fn a_broken_line_leaves_the_blocks_around_it() {
        let text = "class A:\n    def f(self)\n        return 1\n\n    def g(self):\n        return 2\n";
        assert_eq!(enclosing_block(Language::Python, text, 3), Some((2, 3)));
        assert_eq!(enclosing_block(Language::Python, text, 6), Some((5, 6)));
        // Brackets and words in strings and patterns are none.
        let js = "function f() {\n  return /[{\"]/.test('}');\n}\nfunction g() {\n  return 1;\n}\n";
        assert_eq!(enclosing_block(Language::JavaScript, js, 5), Some((4, 6)));
        let test = "describe('a', () => {\n  it('x', async () => {\n    f();\n  });\n});\n";
        assert_eq!(enclosing_block(Language::TypeScript, test, 3), Some((2, 4)));
    }

    #[test]
    fn brace_blocks_start_at_their_signature() {
        let text = "use a;\n\n#[inline]\nfn f(\n    x: u8,\n) -> u8 {\n    if x > 1 {\n        return '}' as u8;\n    }\n    x\n}\n";
        assert_eq!(enclosing_block(Language::Rust, text, 8), Some((3, 11)));
        assert_eq!(enclosing_block(Language::Rust, text, 1), None);
        let java = "class A {\n  int f(int x) {\n    if (x > 0) {\n      return \"{\".length();\n    }\n    return 1;\n  }\n}\n";
        assert_eq!(enclosing_block(Language::Java, java, 4), Some((2, 7)));
        let go = "package a\n\nfunc F() int {\n\treturn 1\n";
        assert_eq!(enclosing_block(Language::Go, go, 4), Some((3, 4)), "what is open ends with the file");
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        let code =
            code_only(Language::Rust, "let a = \"{\"; // {\nlet b: &'a str = '{';\n/* {\n{ */ let c = 1;");
        assert!(code.iter().all(|l| !l.contains('{')), "{code:?}");
        assert!(code[1].contains("&'a str"));
        let code = code_only(Language::Python, "x = '''{\n{''' # {\ny = '#'  ");
        assert!(code.iter().all(|l| !l.contains('{') && !l.contains('#')), "{code:?}");
    }

    #[test]
    fn a_broken_file_s_strings_and_comments_do_not_count_either() {
        for (language, text) in [
            (Language::Rust, "fn f() -> &'static str {\n    let x = ;\n    r#\"\"{ // \"#\n}\n"),
            (Language::JavaScript, "const f = () => ;\nconst a = `${g(`{`)} {`; // {\nconst b = /[/{]/;\n"),
            (
                Language::Java,
                "class A {\n  int x = ;\n  String s = \"\"\"\n    { \"quoted\" {\n    \"\"\";\n}\n",
            ),
            (Language::Python, "def f(:\n    x = f'{1}' '{\n    # {\n"),
        ] {
            let (code, all) = (code_only(language, text).join("\n"), text.chars().count());
            let braces = |c: char| code.matches(c).count();
            assert!(braces('{') <= 2 && braces('{') == braces('}'), "{language:?}: {code}");
            assert!(code.chars().count() <= all && code.lines().count() == text.lines().count(), "{code}");
        }
    }

    #[test]
    fn what_is_whole_in_a_broken_file_is_a_block_as_it_stands() {
        let text =
            "function f() {\n  return `${g(`{`)} {`;\n}\n\nfunction h() {\n  return 1;\n}\n\nconst x = ;\n";
        assert_eq!(enclosing_block(Language::JavaScript, text, 2), Some((1, 3)));
        assert_eq!(enclosing_block(Language::JavaScript, text, 6), Some((5, 7)));
    }
}
