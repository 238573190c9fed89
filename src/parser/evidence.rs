//! Did anything fail, and which lines tell it best? Answers for logs in which no tool's parser speaks.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::findings::Findings;
use super::lines::{Line, Mark};

/// Lines kept.
const KEEP: usize = 8;
/// Bytes kept of each.
const WIDTH: usize = 400;

/// What a line says, and how much it weighs. From 10 on a line alone proves that something failed.
const SIGNS: &[(&str, u8)] = &[
    // Said by whoever ran the command.
    (r"(?i)exit(?:ed)?(?: with)?(?: status)?(?: code)?[ :=]+[1-9][0-9]*\b", 10),
    (r"(?i)\breturned (?:a )?non-zero (?:exit )?(?:code|status)", 10),
    (r"(?i)^command failed\b", 10),
    (r"(?i)^(?:build|tests?|job|step|task) (?:has )?failed\b", 11),
    (r"^BUILD FAIL(?:ED|URE)", 11),
    // A tool's own last words.
    (r"^[\w./-]{0,40}:? ?(?:fatal|FATAL|Fatal)(?: error)?[: ]", 13),
    (r"^(?:error|ERROR|Error)\b ?(?:\[[\w-]+\])?[:!] ?\S", 12),
    (r"^\[(?:ERROR|error|FATAL|fatal)\] ?\S", 12),
    (r"^(?:E|ERR!|✖|✘|✗|×|❌) +\S", 11),
    (r"^[\w./@-]{1,60}: (?:error|fatal|ERROR): ", 12),
    (r"^\w*(?:Error|Exception)(?:: |$)", 12),
    (r"^(?:panic|PANIC|thread '.*' panicked)\b", 14),
    (r"^(?:FAIL|FAILED|FAILURE)\b", 11),
    (r"^(?:Segmentation fault|Killed|Aborted|Bus error|Illegal instruction|Terminated)\b", 13),
    (r"(?:command not found|[Nn]o such file or directory|[Pp]ermission denied|cannot execute)", 9),
    (r"^Traceback \(most recent call last\)", 12),
    // Hints only.
    (
        r"(?i)\b(?:error|failed|failure|fatal|cannot|unable to|denied|refused|invalid|unexpected|undefined|missing)\b",
        3,
    ),
];

/// Lines that hold such words and mean that all is well.
static HARMLESS: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"(?i)\b(?:0|no|zero|without(?: any)?) (?:\w+ )?(?:error|failure|failed|problem|issue)s?\b",
        r"(?i)\b(?:error|failure|failed|problem|issue)s?[:=] ?0\b",
        r"(?i)^\s*(?:warn|warning|npm warn|note|info|debug|hint)\b",
        r"(?i)\b(?:downloading|downloaded|compiling|installing|unpacking|setting up|building|checking|fetched|get:)\b.*\berror",
        r"(?i)\bexit(?:ed)?(?: with)?(?: code)? 0\b",
        r"(?i)\b(?:ok|passed|✓|✔)\b.*\berror",
        r"^sudo: unable to (?:send audit message|resolve host)",
        r"^\s*\+? ?(?:if|echo|for|while|case|set|test|\[\[?) ",
    ])
});

static SIGN_SET: LazyLock<RegexSet> =
    LazyLock::new(|| set(&SIGNS.iter().map(|(pattern, _)| *pattern).collect::<Vec<_>>()));

fn set(patterns: &[&str]) -> RegexSet {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(1 << 24)
        .build()
        .expect("patterns are literals that the tests compile")
}

/// The most telling lines so far.
pub(super) struct Evidence {
    /// Weight, line number, text; at most `KEEP`, in order of the log.
    lines: Vec<(u8, u64, String)>,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    pub(super) fn line(&mut self, line: &Line<'_>, out: &mut Findings) {
        let text = line.text.trim();
        if text.is_empty() {
            return;
        }
        let bytes = &text.as_bytes()[..text.len().min(2000)];
        let marked = line.mark == Mark::Error;
        if !marked && !SIGN_SET.is_match(bytes) {
            return;
        }
        let weight = SIGN_SET.matches(bytes).into_iter().map(|at| SIGNS[at].1).max().unwrap_or(0);
        let weight = if marked { weight.max(10) } else { weight };
        if !marked && HARMLESS.is_match(bytes) {
            return;
        }
        if weight >= 10 {
            out.failed();
        }
        if self.lines.len() == KEEP {
            let lightest = self.lines.iter().enumerate().min_by_key(|(_, (w, ..))| *w);
            match lightest {
                Some((at, (least, ..))) if *least < weight => {
                    self.lines.remove(at);
                }
                _ => return,
            }
        }
        if self.lines.iter().any(|(_, _, seen)| seen == text) {
            return;
        }
        self.lines.push((weight, line.no, text.chars().take(WIDTH).collect()));
    }

    /// The lines worth showing, in order, where they prove a failure.
    pub(super) fn telling(self) -> Option<Vec<(u64, String)>> {
        let heaviest = self.lines.iter().map(|(w, ..)| *w).max().filter(|w| *w >= 10)?;
        // Hints stay out where there is proof.
        let floor = if heaviest >= 10 { 9 } else { 0 };
        Some(self.lines.into_iter().filter(|(w, ..)| *w >= floor).map(|(_, no, text)| (no, text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(log: &str) -> Option<Vec<(u64, String)>> {
        let mut evidence = Evidence::new();
        let mut out = Findings::default();
        for (at, text) in log.lines().enumerate() {
            evidence.line(&Line { no: at as u64 + 1, text, mark: Mark::None }, &mut out);
        }
        evidence.telling()
    }

    #[test]
    fn a_log_in_which_nothing_failed_tells_nothing() {
        assert_eq!(
            telling("Compiling error-chain v1\n0 errors, 0 failures\nno errors found\nexit code 0"),
            None
        );
        assert_eq!(telling("Downloading thiserror\nwarning: invalid config\n"), None);
        assert_eq!(telling(""), None);
    }

    #[test]
    fn the_strongest_lines_are_kept_in_order() {
        let log =
            "start\nfatal: not a git repository\nfoo error bar\nProcess completed with exit code 128.\n";
        let lines = telling(log).unwrap();
        assert_eq!(lines.iter().map(|(no, _)| *no).collect::<Vec<_>>(), [2, 4]);
    }
}
