//! Holds a change against the table of words that must not be added.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::rows::{ROWS, Row};
use super::{FileRole, weakening};
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;
use crate::fixer::language::{Language, without_comments};
use crate::fixer::sanitize::one_line;

fn compiled(pattern: &str) -> Option<Regex> {
    // `^` and `$` are those of lines, which may end as on Windows.
    RegexBuilder::new(pattern).multi_line(true).crlf(true).build().ok()
}

static COMPILED: LazyLock<Vec<(&'static Row, Regex)>> = LazyLock::new(|| {
    // The table is constant and a test compiles every row.
    ROWS.iter().filter_map(|row| Some((row, compiled(row.pattern)?))).collect()
});

/// A text as rules see it, and which line of the file each of its lines comes from.
struct RuleText {
    text: String,
    /// Where each line begins in `text`, and its number (from 1) in the file.
    lines: Vec<(usize, u32)>,
}

impl RuleText {
    fn raw(text: &str) -> Self {
        let mut seen = Self { text: String::with_capacity(text.len()), lines: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            seen.push(number, line);
        }
        seen
    }

    /// Statements: without comments and empty lines, with calls that run over lines on one.
    fn code(language: Language, text: &str) -> Self {
        static SPACED_DOT: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"([\w)\]])[ \t]*\??(\.|::)[ \t]*([A-Za-z_])").ok());
        let mut seen = Self { text: String::with_capacity(text.len()), lines: Vec::new() };
        let mut goes_on = false;
        for (number, line) in (1..).zip(without_comments(language, text)) {
            let line = line.trim_end();
            if line.trim().is_empty() {
                continue;
            }
            let start = line.trim_start();
            // In Python brackets hold what runs on together; in Go the dot ends the line above.
            let leads = !matches!(language, Language::Python | Language::Go);
            let chained = leads && ["?.", ".", "::"].iter().any(|dot| start.starts_with(dot));
            let joined = (goes_on || chained) && !seen.text.is_empty();
            let (line, backslash) = match line.strip_suffix('\\') {
                Some(line) if language == Language::Python => (line.trim_end(), true),
                _ => (line, false),
            };
            goes_on = backslash || line.ends_with('.') && !line.ends_with("..") || line.ends_with("::");
            let line = SPACED_DOT.as_ref().map_or(line.into(), |dot| dot.replace_all(line, "$1$2$3"));
            if joined {
                seen.text.pop();
                seen.text.push_str(line.trim_start().trim_start_matches('?'));
                seen.text.push('\n');
            } else {
                seen.push(number, &line);
            }
        }
        seen
    }

    fn push(&mut self, number: u32, line: &str) {
        self.lines.push((self.text.len(), number));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn number(&self, at: usize) -> u32 {
        let index = self.lines.partition_point(|(start, _)| *start <= at);
        index.checked_sub(1).map_or(1, |i| self.lines[i].1)
    }

    fn hits(&self, pattern: &Regex) -> Vec<Hit> {
        pattern
            .find_iter(&self.text)
            .map(|found| {
                let (matched, trimmed) = (found.as_str(), found.as_str().trim());
                let start = found.start() + (matched.len() - matched.trim_start().len());
                let end = start + trimmed.len();
                let from = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
                let to = self.text[end..].find('\n').map_or(self.text.len(), |at| end + at);
                let words: Vec<&str> = self.text[from..to].split_whitespace().collect();
                // A statement that runs on ends before the next one begins.
                let next = self.lines.partition_point(|(start, _)| *start < end);
                let last = self.lines.get(next).map_or(u32::MAX, |(_, number)| number - 1);
                Hit { lines: self.number(start)..=last.max(self.number(start)), text: words.join(" ") }
            })
            .collect()
    }
}

/// Whole lines on which a pattern was found.
struct Hit {
    lines: RangeInclusive<u32>,
    text: String,
}

/// Both sides of a change as rules see them.
struct Sides {
    old: RuleText,
    new: RuleText,
}

/// A change prepared for the rules.
pub(super) struct Rules<'c> {
    change: &'c FileChange,
    language: Language,
    raw: Sides,
    code: Sides,
    /// The lines of each stretch that differs, on both sides.
    hunks: Vec<(RangeInclusive<u32>, RangeInclusive<u32>)>,
}

impl<'c> Rules<'c> {
    pub(super) fn of(change: &'c FileChange, diff: &LineDiff<'_>) -> Self {
        let language = Language::of(change.path.as_str());
        let (old, new) =
            (change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
        let raw = Sides { old: RuleText::raw(old), new: RuleText::raw(new) };
        // What a comment is in other files, nobody knows.
        let code = match language {
            Language::Other => Sides { old: RuleText::raw(old), new: RuleText::raw(new) },
            _ => Sides { old: RuleText::code(language, old), new: RuleText::code(language, new) },
        };
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let span = |range: std::ops::Range<usize>| number(range.start) + 1..=number(range.end);
        let hunks = diff.hunks().map(|op| (span(op.old_range()), span(op.new_range()))).collect();
        Self { change, language, raw, code, hunks }
    }

    pub(super) fn find(&self, role: FileRole) -> Option<Rejection> {
        COMPILED
            .iter()
            .filter(|(row, _)| {
                (row.languages.is_empty() || row.languages.contains(&self.language))
                    && row.role.is_none_or(|p| p == role)
            })
            .find_map(|(row, pattern)| {
                let hit = self.gained(if row.raw { &self.raw } else { &self.code }, pattern)?;
                let line = Some(*hit.lines.start());
                Some(weakening(self.change, row.rule, line, one_line(&hit.text, 120)))
            })
    }

    /// Whether errors of one kind are caught and dropped: no cheat by itself.
    pub(super) fn drops_errors(&self) -> bool {
        static DROPS: LazyLock<Vec<(&'static [Language], Option<Regex>)>> = LazyLock::new(|| {
            vec![
                (
                    &[Language::Python],
                    compiled(
                        r"\bexcept\b[^:\n]*:\s*(pass|\.\.\.|continue|return(\s+None)?)\s*$|\bsuppress\s*\(",
                    ),
                ),
                (
                    &[Language::Java, Language::JavaScript, Language::TypeScript],
                    compiled(r"\bcatch\s*(\([^)]*\))?\s*\{\s*\}"),
                ),
            ]
        });
        DROPS
            .iter()
            .filter(|(languages, _)| languages.contains(&self.language))
            .filter_map(|(_, pattern)| pattern.as_ref())
            .any(|pattern| self.gained(&self.code, pattern).is_some())
    }

    /// A line that has come and takes no other's place: moving one is no gain, and neither is changing the rest of it.
    fn gained(&self, sides: &Sides, pattern: &Regex) -> Option<Hit> {
        let new = sides.new.hits(pattern);
        if new.is_empty() {
            return None;
        }
        let old = sides.old.hits(pattern);
        let (come, gone) = (beyond(new, &old), {
            let known = sides.new.hits(pattern);
            beyond(old, &known)
        });
        let meet =
            |a: &RangeInclusive<u32>, b: &RangeInclusive<u32>| a.start() <= b.end() && b.start() <= a.end();
        let mut spent = vec![false; gone.len()];
        come.into_iter().find(|hit| {
            let partner = gone.iter().enumerate().position(|(i, was)| {
                !spent[i]
                    && self.hunks.iter().any(|(old, new)| meet(&hit.lines, new) && meet(&was.lines, old))
            });
            match partner {
                Some(i) => {
                    spent[i] = true;
                    false
                }
                None => true,
            }
        })
    }
}

/// Those whose text is not among `known`, as often as it is there.
fn beyond(hits: Vec<Hit>, known: &[Hit]) -> Vec<Hit> {
    let mut pool: BTreeMap<&str, usize> = BTreeMap::new();
    for hit in known {
        *pool.entry(&hit.text).or_default() += 1;
    }
    hits.into_iter()
        .filter(|hit| match pool.get_mut(hit.text.as_str()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    #[test]
    fn every_row_compiles() {
        for row in ROWS {
            assert!(compiled(row.pattern).is_some(), "{}: {}", row.rule, row.pattern);
        }
        assert_eq!(COMPILED.len(), ROWS.len());
    }

    fn added(path: &str, role: FileRole, line: &str) -> Option<String> {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some("first\n".to_owned()),
            after: Some(format!("first\n{line}\n")),
        };
        match Rules::of(&change, &LineDiff::of(&change)).find(role) {
            Some(Rejection::TestWeakening { rule, .. }) => Some(rule),
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    #[test]
    fn what_looks_away_is_found() {
        use FileRole::{Source, Test};
        for (path, role, line, rule) in [
            ("a.py", Test, "@pytest.mark.skip(reason='flaky')", "skipped-test"),
            ("a.py", Test, "    self.skipTest('x')", "skipped-test"),
            ("a.py", Source, "x = f()  # type: ignore", "suppression"),
            ("a.py", Source, "import os  # noqa: F401", "suppression"),
            ("a.py", Test, "    assert True", "loosened-assertion"),
            ("a.py", Test, "    except AssertionError:", "swallowed-failure"),
            ("a.ts", Source, "// @ts-ignore", "suppression"),
            ("a.js", Source, "/* eslint-disable */", "suppression"),
            ("a.test.js", Test, "it.skip('works', () => {", "skipped-test"),
            ("a.test.js", Test, "xit('works', () => {", "skipped-test"),
            ("a.test.js", Test, "describe.only('x', () => {", "focused-test"),
            ("a.rs", Test, "#[ignore]", "skipped-test"),
            ("a.rs", Source, "    todo!()", "stub"),
            ("a.go", Source, "x := f() //nolint:errcheck", "suppression"),
            ("a_test.go", Test, "\tt.Skip(\"later\")", "skipped-test"),
            ("A.java", Source, "@SuppressWarnings(\"unchecked\")", "suppression"),
            ("ATest.java", Test, "@Disabled", "skipped-test"),
            ("run.txt", Source, "pytest || true", "ignored-failure"),
        ] {
            assert_eq!(added(path, role, line).as_deref(), Some(rule), "{path}: {line}");
        }
    }

    #[test]
    fn honest_lines_pass() {
        for (path, line) in [
            ("a.py", "    return a + b"),
            ("a.py", "    reader.skip()"),
            ("a.py", "    atexit.register(self.close)"),
            ("a.py", "    def compile(self, source):"),
            ("a.py", "class Rect(ctypes.Structure):"),
            ("a.py", "    for finder in sys.meta_path:"),
            ("a.js", "    Error.captureStackTrace(this, this.constructor);"),
            ("a.js", "Object.defineProperty(globalThis, dispatcher, { value: 1 });"),
            ("a.py", "    match = re.compile(pattern)"),
            ("a.py", "    cursor.execute(query)"),
            ("a.py", "    # used to call sys.exit(0)"),
            ("a.py", "    self.assertions = test_size"),
            ("a.js", "const found = /a/.exec(text);"),
            ("a.js", "promise.catch((error) => log(error));"),
            ("a.ts", "function any<T>(list: T[]): boolean {"),
            ("a.go", "\tdefer file.Close()"),
            ("a.go", "\tif err := f(); err != nil { return err }"),
            ("a.rs", "    #[cfg(feature = \"json\")]"),
            ("a.rs", "    fn eq(&self, other: &Self) -> bool { self.0 == other.0 }"),
            ("A.java", "    private final int test = 0;"),
            ("a.py", "import os"),
            ("a.py", "    except ValueError:"),
            ("a.py", "    if value is not None and value >= 3:"),
            ("a.py", "    sys.exit(1)"),
            ("a.py", "    sys.exit(main())"),
            ("a.js", "  if (a || b) {"),
            ("a.js", "const exists = list.some((x) => x.only);"),
            ("a.ts", "const n: number = Number(value);"),
            ("a.rs", "    let x = values.iter().skip(1).sum::<u32>();"),
            ("a.rs", "use std::collections::HashMap;"),
            ("a.go", "\tif err != nil { return err }"),
            ("A.java", "    return Math.max(a, b);"),
            ("A.java", "    } catch (IOException e) {"),
            ("a.js", "  skip: 10,"),
        ] {
            assert_eq!(added(path, FileRole::Source, line), None, "{path}: {line}");
        }
    }

    #[test]
    fn moving_a_line_is_no_finding() {
        let change = FileChange {
            path: RepoPath::new("a.py").unwrap(),
            before: Some("import os  # noqa\nx = 1\ny = 2\n".to_owned()),
            after: Some("x = 1\ny = 2\nimport os  # noqa\n".to_owned()),
        };
        assert_eq!(Rules::of(&change, &LineDiff::of(&change)).find(FileRole::Source), None);
    }
}
