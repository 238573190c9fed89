//! Did anything fail, and which lines tell it best? Answers for logs in which no tool's parser speaks.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::findings::Findings;
use super::lines::{Line, Mark};

/// Lines kept.
const KEEP: usize = 8;
/// Bytes kept of each.
const WIDTH: usize = 400;

/// Markers of a failure, each with a weight: from 10 on, one line is proof that something failed. ASCII classes, no
/// Unicode; tried together with the tools' triggers.
pub(super) const FAILURE_MARKERS: &[(&str, u8)] = &[
    // Said by whoever ran the command.
    (r"(?i)exit(?:ed)?(?: with)?(?: status)?(?: code)?[ :=]+[1-9][0-9]*\b", 10),
    (r"\b[Rr]eturned (?:a )?non-zero (?:exit )?(?:code|status)", 10),
    (r"(?i)^\s*command failed\b", 10),
    (r"(?i)^\s*(?:build|tests?|job|step|task) (?:has )?failed\b", 11),
    (r"^\s*BUILD FAIL(?:ED|URE)", 11),
    // A tool's own last words.
    (r"^\s*(?:[\w.-]*/[\w./-]*)?[\w.-]{0,40}:? ?(?:fatal|FATAL|Fatal)(?: error)?[: ]", 13),
    (r"^\s*(?:error|ERROR|Error)\b ?(?:\[[\w-]+\])?[:!] ?\S", 12),
    (r"^\s*\[(?:ERROR|error|FATAL|fatal)\] ?\S", 12),
    (r"^\s*(?:E|ERR!|✖|✘|✗|×|❌) +\S", 11),
    (r"^\s*(?:[\w.@-]*/[\w./@-]*)?[\w.@-]{1,60}: (?:error|fatal|ERROR): ", 12),
    (r"^\s*\w*(?:Error|Exception)(?:: |\s*$)", 12),
    (r"^\s*(?:panic|PANIC|thread '.*' panicked)\b", 14),
    (r"^\s*(?:FAIL|FAILED|FAILURE)\b", 11),
    (r"^(?:(?:rake aborted!|Result: FAIL)$|\*\* \(\w+\) )", 11),
    (r"^(?:[0-9]+ doctests?, )?[0-9]+ tests?, [1-9][0-9]* failures?", 11),
    (r"^\s*(?:Segmentation fault|Killed|Aborted|Bus error|Illegal instruction|Terminated)\b", 13),
    (r"(?:command not found|[Nn]o such file or directory|[Pp]ermission denied|cannot execute)", 9),
    (r"^\s*Traceback \(most recent call last\)", 12),
];

/// Lines that hold such words and mean that all is well.
static HARMLESS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = [
        r"(?i)\b(?:0|no|zero|without(?: any)?) (?:\w+ )?(?:error|failure|failed|problem|issue)s?\b",
        r"(?i)\b(?:error|failure|failed|problem|issue)s?[:=] ?0\b",
        r"(?i)^\s*(?:warn|warning|npm warn|note|info|debug|hint)\b",
        r"(?i)\b(?:downloading|downloaded|compiling|installing|unpacking|setting up|building|checking|fetched|get:)\b.*\berror",
        r"(?i)\bexit(?:ed)?(?: with)?(?: code)? 0\b",
        r"(?i)\b(?:ok|passed|✓|✔)\b.*\berror",
        r"^sudo: unable to (?:send audit message|resolve host)",
        r"^\s*\+? ?(?:if|echo|for|while|case|set|test|\[\[?) ",
    ];
    let set = RegexSetBuilder::new(patterns).unicode(false).build();
    set.expect("patterns are literals that the tests compile")
});

/// The most telling lines so far.
pub(super) struct Evidence {
    /// Weight, line number, text; at most `KEEP`, in order of the log.
    lines: Vec<(u8, u64, String)>,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// A line whose heaviest marker weighs `weight`.
    pub(super) fn line(&mut self, line: &Line<'_>, weight: u8, out: &mut Findings) {
        let marked = line.mark == Mark::Error;
        if weight == 0 && !marked {
            return;
        }
        let text = line.text.trim();
        if text.is_empty() {
            return;
        }
        let bytes = &text.as_bytes()[..text.len().min(2000)];
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
        self.lines.push((weight, line.number, text.chars().take(WIDTH).collect()));
    }

    /// The lines worth showing, in order, where they prove a failure.
    pub(super) fn failure_lines(self) -> Option<Vec<(u64, String)>> {
        self.lines.iter().find(|(weight, ..)| *weight >= 10)?;
        Some(self.lines.into_iter().map(|(_, line_number, text)| (line_number, text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::triggers::{LineMatches, Scanner};
    use super::*;

    fn failure_lines(log: &str) -> Option<Vec<(u64, String)>> {
        let mut evidence = Evidence::new();
        let mut out = Findings::default();
        let (mut scanner, mut found) = (Scanner::new(), LineMatches::default());
        for (at, text) in log.lines().enumerate() {
            scanner.scan_line(text, &mut found);
            evidence.line(&Line { number: at as u64 + 1, text, mark: Mark::None }, found.weight, &mut out);
        }
        evidence.failure_lines()
    }

    #[test]
    fn a_log_in_which_nothing_failed_tells_nothing() {
        assert_eq!(
            failure_lines("Compiling error-chain v1\n0 errors, 0 failures\nno errors found\nexit code 0"),
            None
        );
        assert_eq!(failure_lines("Downloading thiserror\nwarning: invalid config\n"), None);
        assert_eq!(failure_lines(""), None);
    }

    #[test]
    fn whoever_says_it_and_from_where() {
        for line in [
            "./configure: error: no compiler found",
            "  tools/gen/run: fatal: no input",
            "/usr/bin/x-1.2: ERROR: broken",
            "git: fatal: not a repository",
            "The process exited with EXIT CODE: 3",
            "The command returned a non-zero code: 2",
            "** (Mix) mix format failed due to --check-formatted.",
            "1 doctest, 4 tests, 2 failures, 1 skipped",
            "Result: FAIL",
        ] {
            assert!(failure_lines(line).is_some(), "{line}");
        }
    }

    #[test]
    fn the_strongest_lines_are_kept_in_order() {
        let log =
            "start\nfatal: not a git repository\nfoo error bar\nProcess completed with exit code 128.\n";
        let lines = failure_lines(log).unwrap();
        assert_eq!(lines.iter().map(|(line_number, _)| *line_number).collect::<Vec<_>>(), [2, 4]);
    }
}
