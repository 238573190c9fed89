//! Which tools a line wakes: all their patterns tried at once, on every line of the log.
//!
//! Most patterns tell after a few bytes that a line is not theirs. One that opens with `.*` cannot; it is tried only on
//! lines that hold one of the words it must match, and words are searched for many times faster than patterns.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet, RegexSetBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::registry::{self, Tool};

pub(super) struct Triggers {
    pub(super) tools: Vec<&'static Tool>,
    early: Patterns,
    late: Patterns,
    /// Some word of each late pattern.
    words: Regex,
}

struct Patterns {
    set: RegexSet,
    /// Pattern → tool.
    owners: Vec<usize>,
}

/// Made once: compiling some hundred patterns takes longer than reading a short log.
pub(super) static TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| {
    let tools: Vec<_> = registry::tools().collect();
    let (mut early, mut late, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for (at, tool) in tools.iter().enumerate() {
        for trigger in tool.triggers {
            match late_words(trigger) {
                Some(its) => {
                    words.extend(its);
                    late.push((at, *trigger));
                }
                None => early.push((at, *trigger)),
            }
        }
    }
    words.sort();
    words.dedup();
    let words: Vec<_> = words.iter().map(|word| regex::escape(word)).collect();
    let words = Regex::new(&words.join("|")).expect("escaped words");
    Triggers { tools, early: Patterns::new(&early), late: Patterns::new(&late), words }
});

impl Triggers {
    /// Whether any tool is woken.
    pub(super) fn any(&self, line: &[u8]) -> bool {
        self.early.set.is_match(line) || self.words.is_match(line) && self.late.set.is_match(line)
    }

    /// Who is woken, in order of precedence.
    pub(super) fn woken_by(&self, line: &[u8]) -> Vec<usize> {
        let mut tools: Vec<_> = self.early.matches(line).collect();
        if self.words.is_match(line) {
            tools.extend(self.late.matches(line));
            tools.sort_unstable();
        }
        tools.dedup();
        tools
    }
}

impl Patterns {
    fn new(patterns: &[(usize, &str)]) -> Self {
        let set = RegexSetBuilder::new(patterns.iter().map(|(_, pattern)| pattern))
            .unicode(false)
            .size_limit(1 << 26)
            .dfa_size_limit(1 << 23)
            .build()
            .expect("triggers are literals that the tests compile");
        Self { set, owners: patterns.iter().map(|(owner, _)| *owner).collect() }
    }

    fn matches<'a>(&'a self, line: &[u8]) -> impl Iterator<Item = usize> + use<'a> {
        self.set.matches(line).into_iter().map(|pattern| self.owners[pattern])
    }
}

/// For a pattern that says nothing before a line's middle: words of which every match holds at least one.
fn late_words(pattern: &str) -> Option<Vec<String>> {
    let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()?;
    if opens(&hir) != Opening::Anything {
        return None;
    }
    words(&hir)
}

/// What a pattern asks of a line's first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// Nothing, or one byte: what comes next decides.
    Open,
    /// Some bytes and not others.
    Selective,
    /// Any run of text may come first.
    Anything,
}

fn opens(hir: &Hir) -> Opening {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => Opening::Open,
        HirKind::Literal(_) => Opening::Selective,
        HirKind::Capture(capture) => opens(&capture.sub),
        HirKind::Repetition(repetition) => match repetition.sub.kind() {
            HirKind::Class(class) if takes_text(class) && repetition.max.is_none_or(|max| max > 20) => {
                Opening::Anything
            }
            HirKind::Class(_) if repetition.max.is_some_and(|max| max <= 1) => Opening::Open,
            HirKind::Class(_) => Opening::Selective,
            _ => match opens(&repetition.sub) {
                Opening::Selective if repetition.min == 0 => Opening::Open,
                opening => opening,
            },
        },
        HirKind::Concat(parts) => {
            parts.iter().map(opens).find(|part| *part != Opening::Open).unwrap_or(Opening::Open)
        }
        HirKind::Alternation(branches) => {
            if branches.iter().any(|branch| opens(branch) == Opening::Anything) {
                Opening::Anything
            } else {
                Opening::Selective
            }
        }
    }
}

/// Whether letters, blanks and colons are all of a class: what any message is made of.
fn takes_text(class: &Class) -> bool {
    let Class::Bytes(class) = class else { return true };
    b"a :".iter().all(|byte| class.iter().any(|range| (range.start()..=range.end()).contains(byte)))
}

/// The most telling set of literals of which a match holds at least one.
fn words(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => None,
        HirKind::Literal(literal) => Some(vec![std::str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Capture(capture) => words(&capture.sub),
        HirKind::Repetition(repetition) => (repetition.min > 0).then(|| words(&repetition.sub)).flatten(),
        HirKind::Concat(parts) => parts.iter().filter_map(words).max_by_key(|words| shortest(words)),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<_>> = branches.iter().map(words).collect();
            Some(all?.concat())
        }
    }
}

fn shortest(words: &[String]) -> usize {
    words.iter().map(String::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_tell_late_are_known_by_their_words() {
        let words = |pattern| late_words(pattern).map(|words| words.join(","));
        for (pattern, want) in [
            (r"^.*(?:No space left|ENOSPC)", Some("No space left,ENOSPC")),
            (r"^(\[ERROR\] +)?\S.*<<< (FAILURE|ERROR)!", Some("FAILURE,ERROR")),
            (r"^(?:.*: line [0-9]+: +)?Killed\b", Some("Killed")),
            (r"^.{0,60}(?:gofmt|goimports)\b", Some("gofmt,goimports")),
            (r"^test .+ \.\.\. ", None),
            (r"^[^\s:]+\.go$", None),
            (r"^error: .*", None),
            (r"^ {0,4}at .+:[0-9]+$", None),
            (r"^(?:ok|FAIL)\s", None),
        ] {
            assert_eq!(words(pattern).as_deref(), want, "{pattern}");
        }
    }

    #[test]
    fn a_line_wakes_the_same_tools_as_each_pattern_alone() {
        let alone: Vec<_> = registry::tools()
            .enumerate()
            .flat_map(|(at, tool)| tool.triggers.iter().map(move |trigger| (at, *trigger)))
            .map(|trigger| Patterns::new(&[trigger]))
            .collect();
        let mut woke = 0;
        for line in LINES {
            let mut want: Vec<_> =
                alone.iter().flat_map(|pattern| pattern.matches(line.as_bytes())).collect();
            want.dedup();
            assert_eq!(TRIGGERS.woken_by(line.as_bytes()), want, "{line}");
            assert_eq!(TRIGGERS.any(line.as_bytes()), !want.is_empty(), "{line}");
            woke += want.len();
        }
        assert!(woke >= LINES.len() / 2);
    }

    const LINES: &[&str] = &[
        "",
        "write /var/lib/x: No space left on device",
        "/bin/bash: line 1: 41 Killed    python train.py",
        "process didn't exit successfully: `x` (signal: 9, SIGKILL: kill)",
        "ArithmeticTest > adds FAILED",
        "[ERROR] com.acme.CartTest.adds -- Time elapsed: 0.1 s <<< FAILURE!",
        "build.gradle.kts:3:1: error: Unresolved reference: plugin",
        "src/a.py:3:5 - error: \"x\" is not defined",
        "src/a.js: line 3, col 5, Error - Unexpected token",
        "npm ERR! code ECONNREFUSED",
        "error[E0425]: cannot find value `x` in this scope",
        "--- FAIL: TestAdds (0.00s)",
        "just words, nothing else",
    ];
}
