//! The tree of suites and tests that verbose reporters print: marks and indentation give each test's full id.

use super::super::test_ids::TestIds;

/// Names of the executed tests, as far as the tree names them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    on: bool,
    /// Indentation and name of the suites around the current line.
    suites: Vec<(usize, String)>,
    ids: TestIds,
}

/// What a line is to the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Test,
    /// Perhaps the name of a suite.
    Suite,
    None,
}

/// What the mark before a test's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Passed,
    Failed,
    Skipped,
}

/// The mark, and the name without the time it took.
pub(super) fn marked(text: &str) -> Option<(Mark, &str)> {
    let text = text.trim_start();
    let first = text.chars().next()?;
    let mark = match first {
        '✓' | '✔' | '√' => Mark::Passed,
        '✕' | '✖' | '✗' | '×' | '✘' => Mark::Failed,
        '○' | '✎' | '↓' | '﹣' => Mark::Skipped,
        _ => return None,
    };
    let name = text[first.len_utf8()..].strip_prefix(' ')?.trim();
    Some((mark, without_time(name)))
}

/// `name (12 ms)`, `name (1.2s)` → `name`.
pub(super) fn without_time(name: &str) -> &str {
    let Some((rest, time)) = name.strip_suffix(')').and_then(|n| n.rsplit_once(" (")) else { return name };
    let digits = time.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == 'μ' || c == ' ');
    let timed = !digits.is_empty()
        && digits.len() < time.len()
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if timed { rest } else { name }
}

impl Tree {
    pub(super) fn start(&mut self) {
        self.on = true;
        self.suites.clear();
    }

    pub(super) fn stop(&mut self) {
        self.on = false;
    }

    /// What the line is to the tree. The name of a suite looks like any indented line, so it is not taken from others.
    pub(super) fn line(&mut self, text: &str) -> Part {
        if !self.on {
            return Part::None;
        }
        let indent = text.bytes().take_while(|b| *b == b' ').count();
        let name = text.trim();
        if name.is_empty() || indent < 2 {
            self.on = false;
            return Part::None;
        }
        self.suites.retain(|(at, _)| *at < indent);
        match marked(text) {
            Some((mark, name)) => {
                if mark != Mark::Skipped {
                    let chain = self.suites.iter().map(|(_, suite)| suite.as_str()).chain([name]);
                    self.ids.push(chain.collect::<Vec<_>>().join(" › "));
                }
                Part::Test
            }
            None => {
                self.suites.push((indent, name.to_owned()));
                Part::Suite
            }
        }
    }

    pub(super) fn take_ids(&mut self) -> TestIds {
        std::mem::take(&mut self.ids)
    }
}
