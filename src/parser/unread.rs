//! A step of one program that failed, and of whose lines no parser read any: what the runner marked of them, or the
//! files that stand alone on them, are what it says.

use super::findings::{FindingBuilder, Findings, Strength};
use super::lines::{Line, Mark};
use super::paths::is_own;
use super::re;
use crate::contract::bug::{Category, Severity};

/// Lines kept of a step.
const MAX_LINES: usize = 1_000;

/// Longer lines are no file's name.
const MAX_PATH: usize = 300;

/// What nobody read of a step.
#[derive(Default)]
pub(super) struct Unread {
    /// Findings before the step.
    before: usize,
    /// With their numbers.
    errors: Vec<(u64, String)>,
    warnings: Vec<(u64, String)>,
    files: Vec<(u64, String)>,
}

impl Unread {
    /// A step begins.
    pub(super) fn begin(&mut self, out: &Findings) {
        *self = Self { before: out.count(), ..Self::default() };
    }

    /// A line that no parser took.
    pub(super) fn line(&mut self, line: &Line<'_>) {
        // Every line of a step comes by, and nearly all say nothing here.
        let says = line.mark != Mark::None
            || line.text.starts_with(['E', 'W'])
            || line.text.len() < MAX_PATH && !line.text.trim_end().contains(' ');
        if !says {
            return;
        }
        let text = line.text.trim_end();
        let (list, text) = match line.mark {
            Mark::Error => (&mut self.errors, text),
            Mark::Warning => (&mut self.warnings, text),
            // As GitHub's page shows them.
            Mark::None if text.starts_with("Error: ") => (&mut self.errors, &text["Error: ".len()..]),
            Mark::None if text.starts_with("Warning: ") => (&mut self.warnings, &text["Warning: ".len()..]),
            Mark::None if re!(r"^[\w@./+-]+\.\w+$").is_match(text) && is_own(text) => (&mut self.files, text),
            _ => return,
        };
        if list.len() < MAX_LINES && !text.is_empty() {
            list.push((line.number, text.to_owned()));
        }
    }

    /// The step has failed, and `program` is all that ran in it.
    pub(super) fn tell(&mut self, program: &str, command: &str, out: &mut Findings) {
        let known = |finding: &FindingBuilder| finding.strength != Strength::Consequence;
        if out.findings[self.before.min(out.count())..].iter().any(known) {
            return;
        }
        let formats = re!(r"(?i)fmt|format|prettier|black|\bfix\b").is_match(command);
        let listed = if formats { Category::Format } else { Category::Lint };
        for (line, file) in std::mem::take(&mut self.files) {
            let finding = FindingBuilder::new("lint", listed, format!("{program} names this file"));
            out.bug(finding.at(&file, None, None).fallback().span(line, line));
        }
        let (errors, warnings) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.warnings));
        let marked =
            if errors.is_empty() { (warnings, Severity::Warning) } else { (errors, Severity::Error) };
        for (line, text) in marked.0 {
            let rule = re!(r"^([A-Z]+\d+|[\w@-]+(?:/[\w-]+)+):? (\S.*)$").captures(&text);
            let (code, message) = rule.as_ref().map_or((None, &*text), |rule| (Some(&rule[1]), &rule[2]));
            let mut finding =
                FindingBuilder::new("lint", Category::Lint, message).severity(marked.1).counted();
            finding.code = code.map(str::to_owned);
            out.bug(finding.fallback().span(line, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    fn read(log: &str) -> Vec<(String, Option<String>, Option<String>, String)> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter().map(|bug| (bug.tool, bug.file, bug.code, bug.message)).collect()
    }

    fn in_each_form(command: &str, marked: &[(&str, &str)], code: u8) -> Vec<String> {
        let form = |error: &str, warning: &str| {
            let mut log = format!("##[group]Run {command}\n{command}\n##[endgroup]\n");
            for (mark, text) in marked {
                let lead = match *mark {
                    "error" => error,
                    "warning" => warning,
                    _ => "",
                };
                log += &format!("{lead}{text}\n");
            }
            log + &format!("{error}Process completed with exit code {code}.\n")
        };
        vec![form("##[error]", "##[warning]"), form("Error: ", "Warning: ")]
    }

    #[test]
    fn marked_lines_of_an_unknown_program_are_its_findings() {
        let warnings = [("warning", "H005 No lang."), ("warning", "H013 No alt.")];
        for log in in_each_form("htmllike --lint .", &warnings, 1) {
            let found = |code: &str, said: &str| {
                ("htmllike".to_owned(), None, Some(code.to_owned()), said.to_owned())
            };
            assert_eq!(read(&log), [found("H005", "No lang."), found("H013", "No alt.")], "{log}");
        }
        let both = [("warning", "H005 No lang."), ("error", "Style/Quotes: single ones")];
        for log in in_each_form("htmllike .", &both, 1) {
            let codes: Vec<_> = read(&log).into_iter().map(|(_, _, code, _)| code).collect();
            assert_eq!(codes, [Some("Style/Quotes".to_owned())], "{log}");
        }
    }

    #[test]
    fn files_alone_on_their_lines_are_what_a_check_names() {
        for log in in_each_form("docfmt --check .", &[("", "src/a.py"), ("", "b.py"), ("", "3 files.")], 3) {
            let found = |file: &str| {
                ("docfmt".to_owned(), Some(file.to_owned()), None, "docfmt names this file".to_owned())
            };
            assert_eq!(read(&log), [found("src/a.py"), found("b.py")], "{log}");
        }
    }

    #[test]
    fn what_is_read_is_not_told_twice_and_a_green_step_says_nothing() {
        let placed = [("", "src/a.toml:3:7: the port is taken twice"), ("error", "Found 1 fault")];
        for log in in_each_form("htmllike .", &placed, 1) {
            assert_eq!(read(&log).len(), 1, "{log}");
        }
        let green = "##[group]Run htmllike .\nhtmllike .\n##[endgroup]\nsrc/a.py\n##[warning]H005 No lang.\n";
        assert_eq!(read(green), []);
    }

    #[test]
    fn a_step_of_which_nothing_is_known_is_told_by_its_own_words() {
        let said = "frobnicate: error: nothing works";
        for log in in_each_form("./frobnicate && make", &[("", said)], 1) {
            let found = read(&log);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].0.as_str(), found[0].3.as_str()), ("unknown", said), "{log}");
        }
    }
}
