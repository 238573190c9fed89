//! A step of one program that failed, and of whose lines no parser read any: the places that they name, the files that
//! they speak of, what the runner marked of them, or else their last words.

use std::collections::VecDeque;

use super::findings::{FindingBuilder, Findings, Strength, number};
use super::lines::{Line, Mark};
use super::paths::is_own;
use super::{re, speaker};
use crate::contract::bug::{Category, Severity};

/// Lines kept of a step.
const MAX_LINES: usize = 1_000;
/// Lines of a step that are looked at again.
const MAX_LAST: usize = 400;
/// Longer lines are no file's name, and are cut.
const MAX_WIDTH: usize = 300;
/// Lines between what is wrong and the place.
const REACH: usize = 12;
/// Lines of a step's last words.
const LAST_WORDS: usize = 8;

/// What nobody read of a step.
#[derive(Default)]
pub(super) struct Unread {
    /// Findings before the step.
    before: usize,
    /// With their numbers.
    errors: Vec<(u64, String)>,
    warnings: Vec<(u64, String)>,
    files: Vec<(u64, String)>,
    last: VecDeque<(u64, String)>,
}

impl Unread {
    /// A step begins.
    pub(super) fn begin(&mut self, out: &Findings) {
        *self = Self { before: out.count(), ..Self::default() };
    }

    /// A line that no parser took.
    pub(super) fn line(&mut self, line: &Line<'_>) {
        let text = line.text.trim_end();
        if text.is_empty() || text.starts_with("shell: ") {
            return;
        }
        self.keep(line.number, text);
        // Every line of a step comes by, and nearly all say nothing here.
        let says = line.mark != Mark::None
            || text.starts_with(['E', 'W'])
            || text.len() < MAX_WIDTH && !text.contains(' ')
            || text.ends_with("s)")
            || text.len() < MAX_WIDTH && text.trim_start().starts_with(['-', '*']);
        if !says {
            return;
        }
        let (list, text) = match line.mark {
            Mark::Error => (&mut self.errors, text),
            Mark::Warning => (&mut self.warnings, text),
            // As GitHub's page shows them.
            Mark::None if text.starts_with("Error: ") => (&mut self.errors, &text["Error: ".len()..]),
            Mark::None if text.starts_with("Warning: ") => (&mut self.warnings, &text["Warning: ".len()..]),
            Mark::None => match re!(r"^\s*(?:[-*] )?(\S+\.\w+)(?: \([\d.]+ ?m?s\))?$").captures(text) {
                Some(found) if is_path(&found[1]) => {
                    (&mut self.files, found.get(1).map_or(text, |file| file.as_str()))
                }
                _ => return,
            },
            _ => return,
        };
        if list.len() < MAX_LINES && !text.is_empty() {
            list.push((line.number, text.to_owned()));
        }
    }

    /// Among the last lines, in the room of the first of them.
    fn keep(&mut self, number: u64, text: &str) {
        let mut kept = if self.last.len() < MAX_LAST {
            String::new()
        } else {
            self.last.pop_front().map(|(_, text)| text).unwrap_or_default()
        };
        kept.clear();
        let end = if text.len() > MAX_WIDTH { text.floor_char_boundary(MAX_WIDTH) } else { text.len() };
        kept.push_str(&text[..end]);
        self.last.push_back((number, kept));
    }

    /// The step has failed, and `program` is all that ran in it.
    pub(super) fn tell(&mut self, program: &str, out: &mut Findings) {
        let own = self.before.min(out.count());
        let known = |finding: &FindingBuilder| finding.strength != Strength::Consequence;
        if out.findings[own..].iter().any(known) {
            let fails = out.findings[own..].iter().any(|finding| known(finding) && finding.fails());
            for finding in out.findings[own..].iter_mut().filter(|_| !fails) {
                // It failed, and all that it said are warnings.
                let said = finding.tool == program || finding.speaker.as_deref() == Some(program);
                finding.counts |= said && finding.severity == Severity::Warning;
            }
            return;
        }
        let category = self.category(&out.spoken);
        let mut found = self.placed(category);
        if found.is_empty() {
            found = self.of_files(category);
        }
        if found.is_empty() {
            for (line, file) in std::mem::take(&mut self.files) {
                let finding = FindingBuilder::new("lint", category, format!("{program} names this file"));
                found.push(finding.at(&file, None, None).span(line, line));
            }
        }
        if found.is_empty() {
            found = self.marked(category);
        }
        if found.is_empty() {
            found.extend(self.last_words(category));
        }
        for finding in found {
            out.bug(finding.counted().fallback());
        }
    }

    /// What kind of failure it is, as far as the commands and the lines say.
    fn category(&self, commands: &str) -> Category {
        let tests = |text: &str| {
            re!(r"(?i)^\W*(?:failed tests?\b|\d+ (?:of \d+ )?tests? failed|\d+ failing\b)|\bAssert\w*(?:Error|Exception)\b").is_match(text)
        };
        if self.last.iter().any(|(_, text)| tests(text)) {
            return Category::Logic;
        }
        let types = |text: &str| {
            re!(r"(?i)^\W*(?:this has type|type (?:error|mismatch)|incompatible types?)\b").is_match(text)
        };
        let stands = |text: &str| re!(r"^\s+at (?:.*\()?\S+:\d+:\d+\)?$").is_match(text);
        let dies = |text: &str| {
            re!(r"^(?:\[[\d:]+\] Error: |(?i:fatal|uncaught)\b|\w+(?:Error|Exception): )").is_match(text)
        };
        match speaker::category(commands) {
            Category::Lint if self.last.iter().any(|(_, text)| types(text)) => Category::Type,
            Category::Lint if self.last.iter().any(|(_, text)| dies(text) || stands(text)) => {
                Category::Runtime
            }
            category => category,
        }
    }

    /// The findings of lines that name a line of a file.
    fn placed(&self, category: Category) -> Vec<FindingBuilder> {
        let mut found = Vec::new();
        // The file whose name stands alone above its findings, and the line that does.
        let (mut head, mut row): (Option<&str>, Option<u32>) = (None, None);
        // The line above, and the last one that speaks of an error.
        let (mut before, mut cause) = ("", None::<(usize, &str)>);
        let mut lines = self.last.iter().peekable();
        let errs =
            re!(r"^\W*(?:\[[\d:]+\] )?(?:\w*(?:Error|Exception)\b|(?i:error|fatal|failure)\b|Expected )");
        let mut count = 0;
        while let Some((at, text)) = lines.next() {
            count += 1;
            let told = cause.filter(|(from, _)| count - from < REACH).map_or(before, |(_, text)| text);
            if errs.is_match(text) {
                cause = Some((count, text));
            }
            let finding = |message: &str, file: &str, line, column| {
                said(message, category).at(file, line, column).span(*at, *at)
            };
            if let Some(c) = of_line(text) {
                let get = |name| c.name(name).map(|m| m.as_str());
                let (line, column) = (get("line").and_then(number), get("column").and_then(number));
                found.push(finding(get("message").unwrap_or(text), &c["path"], line, column));
            } else if let Some(file) = lines.peek().and_then(|(_, next)| sides(text, next)) {
                let first = re!(r"^@@ -(\d+)");
                let hunk = lines.clone().nth(1).and_then(|(_, next)| number(&first.captures(next)?[1]));
                let said = FindingBuilder::new("lint", category, "the file is to be changed as shown");
                found.push(said.at(file, hunk, None).span(*at, *at));
            } else if let Some(frame) = re!(r"^\s+at (?:.*\()?(?:file://)?([^\s()]+):(\d+):(\d+)\)?$").captures(text) {
                if is_path(&frame[1]) && !before.is_empty() {
                    found.push(finding(told, &frame[1], number(&frame[2]), number(&frame[3])));
                    (before, cause) = ("", None);
                }
                continue;
            } else if let Some((file, line, column)) = alone(text) {
                // PyYAML tells first what it was at.
                if !before.is_empty() && !before.starts_with("while ") {
                    // Below a label the line above says what it is.
                    let labelled = re!(r"^\s*[A-Z]\w+:").is_match(text);
                    found.push(finding(if labelled { before } else { told }, file, line, column));
                    cause = None;
                }
            } else if let Some(file) = heading(text) {
                (head, row) = (Some(file), None);
            } else if let Some(file) = head
                && let Some(c) = re!(r"^(?:\s+(?:[^\w\s]+\s+)?(?:(?i:line):? |#|L)?|(?i:line):? |#|)(\d+)(?:[:,](\d+))?(?:-[\d:]+)?(?::?\s+|:)?(\S.*)?$").captures(text)
            {
                let (line, column) = (number(&c[1]), c.get(2).and_then(|m| number(m.as_str())));
                // At the margin, a number alone is a count.
                if column.is_none() && text.starts_with(|c: char| c.is_ascii_digit()) {
                    continue;
                }
                match c.get(3) {
                    Some(message) => found.push(finding(message.as_str(), file, line, column)),
                    None => row = line,
                }
            } else if let Some(file) = head
                && let Some(c) = re!(r"^\s*(?:[^\w\s\x00-\x7f]|x)\s+(\S.*)$").captures(text)
            {
                if re!(r"\b\d+ (?:errors?|warnings?|problems?|issues?)\b").is_match(text) {
                    continue;
                }
                found.push(finding(&c[1], file, None, None));
            } else if let (Some(file), Some(line)) = (head, row.take())
                && text.starts_with(' ')
            {
                found.push(finding(text, file, Some(line), None));
            }
            before = text;
        }
        found
    }

    /// Files that a line says something against.
    fn of_files(&self, category: Category) -> Vec<FindingBuilder> {
        let against = re!(
            r"(?i)\b(?:would|fail(?:s|ed|ure)?|errors?|not|invalid|un\w+ed|rewriting|fixing|reformatting|detected|needs?|should|must|missing|unexpected|unused|differs?|cannot|can't)\b|[✖✗✘×❌]"
        );
        let mut found: Vec<FindingBuilder> = Vec::new();
        let data = re!(r#"^\s*(?:"|[\[{]\s*$|[\]}],?\s*$)"#);
        let says = |text: &str| against.is_match(text) && !data.is_match(text);
        for (at, text) in self.last.iter().filter(|(_, text)| says(text)) {
            let mut words = text
                .split([' ', '\'', '"', '`', '(', ')', ','])
                .map(|word| word.trim_end_matches([':', '.']));
            let Some(file) = words.find(|word| is_path(word)) else { continue };
            let known =
                |finding: &FindingBuilder| finding.location.as_ref().is_some_and(|at| at.file == file);
            if !found.iter().any(known) {
                found.push(said(text, category).at(file, None, None).span(*at, *at));
            }
        }
        found
    }

    /// What the runner marked.
    fn marked(&mut self, category: Category) -> Vec<FindingBuilder> {
        let (errors, warnings) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.warnings));
        let (marked, severity) =
            if errors.is_empty() { (warnings, Severity::Warning) } else { (errors, Severity::Error) };
        marked
            .into_iter()
            .map(|(line, text)| said(&text, category).severity(severity).span(line, line))
            .collect()
    }

    fn last_words(&self, category: Category) -> Option<FindingBuilder> {
        let from = self.last.len().saturating_sub(LAST_WORDS);
        let words: Vec<&str> = self.last.iter().skip(from).map(|(_, text)| text.trim()).collect();
        let ((first, _), (last, _)) = (self.last.get(from)?, self.last.back()?);
        Some(FindingBuilder::new("lint", category, words.join("\n")).span(*first, *last))
    }
}

/// A finding by what is said of it, with its rule and severity apart.
fn said(text: &str, category: Category) -> FindingBuilder {
    let text = text.trim().trim_start_matches(|c: char| !c.is_ascii() || c == ' ').trim();
    let (mut severity, mut rest) = (Severity::Error, text);
    if let Some(c) =
        re!(r"^\[?(?i:((?:fatal )?error|fatal)|(warning|warn)|(?:info|note))\]?(?:: ?|\s+)(\S.*)$")
            .captures(text)
    {
        severity = if c.get(1).is_some() {
            Severity::Error
        } else if c.get(2).is_some() {
            Severity::Warning
        } else {
            Severity::Info
        };
        rest = c.get(3).map_or(text, |m| m.as_str());
    }
    let (code, message) = rule(rest);
    let syntax =
        re!(r"(?i)\bsyntax ?error|\b(?:failed|unable|cannot|could not) (?:to )?(?:pars|decod|json decod)")
            .is_match(message);
    let import = re!(
        r"(?i)\b(?:cannot|can't|couldn't|could not|unable to|failed to) (?:find|resolve|load|import|locate) (?:the )?(?:module|package|import)\b|\b(?:module|package)\b.{0,80}\bnot found\b"
    )
    .is_match(message);
    let category = match category {
        _ if syntax => Category::Syntax,
        Category::Lint if import => Category::Import,
        category => category,
    };
    let mut finding = FindingBuilder::new("lint", category, message).severity(severity);
    finding.code = code.map(str::to_owned);
    finding
}

/// A rule's name before or behind a message, and the rest.
pub(super) fn rule(text: &str) -> (Option<&str>, &str) {
    let lead = re!(
        r"^(?:\[([A-Z]+[-_]?\d+|[a-z][\w@-]*(?:[/.-][\w@-]+)+)\]:?|([A-Z]+[-_]?\d+|[\w@-]+(?:/[\w-]+)+)(?:\[\w+\])?:?) +(\S.*)$"
    );
    if let Some(c) = lead.captures(text) {
        let code = c.get(1).or_else(|| c.get(2)).map(|m| m.as_str());
        return (code, c.get(3).map_or(text, |m| m.as_str()));
    }
    let behind = re!(r"^(.*\S)\s+[\[(]([A-Z]+[-_]?\d+|[a-z][\w@]*(?:[/._-][\w@]+)+)[\])]$");
    if let Some(c) = behind.captures(text) {
        return (c.get(2).map(|m| m.as_str()), c.get(1).map_or(text, |m| m.as_str()));
    }
    (None, text)
}

/// The place that a line names beside what it says.
pub(super) fn place(text: &str) -> Option<(&str, Option<u32>)> {
    let found = of_line(text)?;
    Some((found.name("path")?.as_str(), found.name("line").and_then(|line| number(line.as_str()))))
}

/// `path:3:5: message`, `path(3,5): message`, `path: message, line 3 column 5`.
fn of_line(text: &str) -> Option<regex::Captures<'_>> {
    let found = re!(r#"^\s*(?:[^\w\s./"]+ )?(?P<path>(?:[A-Za-z]:)?[\w@./+\\-]*\w\.\w+|(?:[\w./-]*/)?(?:Docker|Make|Snake|Jenkins)file)[:@](?P<line>\d+)(?:[:,.](?P<column>\d+))?(?:-\d+(?:[:.]\d+)?)?(?:[:,]?\s+(?:- )?|:)(?P<message>\S*[A-Za-z].*)$"#)
        .captures(text)
        .or_else(|| {
            re!(r"^\s*(?P<path>(?:[A-Za-z]:)?[\w@./+\\-]*\w\.\w+)[\[(](?P<line>\d+)(?:[,:] ?(?P<column>\d+))?[\])]:?\s+(?:- )?(?P<message>\S.*)$")
                .captures(text)
        })
        .or_else(|| {
            re!(r"^(?P<message>(?P<path>(?:[A-Za-z]:)?[\w@./+\\-]*\w\.\w+): .*?\bline (?P<line>\d+)(?:,? col(?:umn)? (?P<column>\d+))?.*)$")
                .captures(text)
        })
        .or_else(|| {
            re!(r#"^(?P<message>.*(?i:error|fail|invalid).*?["'` (](?P<path>[\w@./+-]*\w\.[A-Za-z]\w*):(?P<line>\d+)(?::(?P<column>\d+))?(?:["'` ),].*)?)$"#)
                .captures(text)
        })?;
    is_path(&found["path"]).then_some(found)
}

/// The file of a diff whose two sides these lines name.
fn sides<'l>(old: &'l str, new: &str) -> Option<&'l str> {
    let name = |side: &str, text: &str| {
        text.strip_prefix(side).map(|rest| rest.split('\t').next().unwrap_or(rest).trim().len())
    };
    let (old, new) = (old.get(4..4 + name("--- ", old)?)?, new.get(4..4 + name("+++ ", new)?)?);
    // Some name the sides by a folder: `a/` and `b/`, `before/` and `after/`.
    let inner = old.split_once('/').zip(new.split_once('/'));
    let file = match inner {
        Some(((first, rest), (second, same))) if rest == same && first != second => rest,
        _ => old,
    };
    is_path(file).then_some(file)
}

/// A place alone on its line: `at path:3:5`, `--> path:3:5`, `in "path", line 3, column 5`, `Origin: path:3`.
pub(super) fn alone(text: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    let c = re!(r#"^\s*(?:(?:at|in|on|from|File|[A-Z]\w+:|[^\w\s"./]+)\s*)?"?(?P<path>(?:[A-Za-z]:)?[\w@./+\\-]*\w\.\w+)"?(?::|, line )(?P<line>\d+)(?:(?:[:,]|, col(?:umn)? ?)(?P<column>\d+))?[\])]?[.:]?$"#)
        .captures(text)?;
    let get = |name| c.name(name).map(|m| m.as_str());
    let file = get("path").filter(|path| is_path(path))?;
    Some((file, get("line").and_then(number), get("column").and_then(number)))
}

/// Whether such a place has a word in front, and is none of a stack, whose paths begin at the root.
pub(super) fn labelled(text: &str) -> bool {
    re!(r"^\s*(?:at [^/\s]|in |on |from |File |[A-Z]\w+:|-->|[^\w\s/.])").is_match(text)
}

/// A file's name alone, above what is said of it.
fn heading(text: &str) -> Option<&str> {
    let c = re!(r"^\s*(?:[^\w\s./]+\s+)?(\S*\w\.\w+):?$").captures(text)?;
    c.get(1).map(|m| m.as_str()).filter(|path| is_path(path))
}

/// Whether a word is the name of a file of the repository.
fn is_path(word: &str) -> bool {
    let shaped = re!(
        r"^(?:[A-Za-z]:)?[\w@.+\\/-]*\w\.(?:[a-z][a-z0-9]{0,9}|[A-Z][a-z0-9]{0,3})$|(?:^|/)(?:Docker|Make|Snake|Jenkins|Rake|Gem)file$"
    );
    let known = re!(r"(?:^|/)v?\d+\.\w+$|^(?:www\.)?[\w-]+\.(?:com|org|net|io|dev|local)$|^(?:e\.g|i\.e)$");
    shaped.is_match(word) && !known.is_match(word) && is_own(word)
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

    /// Program, file, line, column, code and message of each report.
    type Report = (String, Option<String>, Option<u32>, Option<u32>, Option<String>, String);

    fn reports(command: &str, printed: &str) -> Vec<Report> {
        let log = format!(
            "##[group]Run {command}\n{command}\nshell: /usr/bin/bash -e {{0}}\n##[endgroup]\n{printed}\n##[error]Process completed with exit code 1.\n"
        );
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter()
            .map(|bug| (bug.tool, bug.file, bug.line, bug.column, bug.code, bug.message))
            .collect()
    }

    fn one(printed: &str) -> (Option<String>, Option<u32>, Option<u32>, Option<String>, String) {
        let mut all = reports("frobcheck .", printed);
        assert_eq!(all.len(), 1, "{printed}: {all:?}");
        let (tool, file, line, column, code, message) = all.remove(0);
        assert_eq!(tool, "frobcheck", "{printed}");
        (file, line, column, code, message)
    }

    #[test]
    fn places_are_read_in_the_shapes_that_tools_print() {
        for (printed, line, column, code, message) in [
            ("src/a.xyz:3: [X12] too long", Some(3), None, Some("X12"), "too long"),
            ("src/a.xyz:03,07: [X12] too long", Some(3), Some(7), Some("X12"), "too long"),
            ("src/a.xyz@3:7 NoNull: null", Some(3), Some(7), None, "NoNull: null"),
            ("src/a.xyz(3,7): too long", Some(3), Some(7), None, "too long"),
            ("src/a.xyz:3 too long (no-long-lines)", Some(3), None, Some("no-long-lines"), "too long"),
            ("Secret Type: Key\nLocation:    src/a.xyz:3\n", Some(3), None, None, "Secret Type: Key"),
            ("this is wrong\n  --> src/a.xyz:3:7\n", Some(3), Some(7), None, "this is wrong"),
            ("src/a.xyz\n  03:07 ❌ wrong indent", Some(3), Some(7), None, "wrong indent"),
            ("  ✗ src/a.xyz\n     ✗ #3: long (no_long)", Some(3), None, Some("no_long"), "long"),
            ("src/a.xyz\n3:7 too long. no-long\n\n1 error", Some(3), Some(7), None, "too long. no-long"),
            ("src/a.xyz\n  Line: 3\n    frob: too long", Some(3), None, None, "frob: too long"),
            (
                "--- before/src/a.xyz\n+++ after/src/a.xyz\n@@ -3,2 +3,1 @@\n-a\n b",
                Some(3),
                None,
                None,
                "the file is to be changed as shown",
            ),
            ("[+] Would fix src/a.xyz", None, None, None, "Would fix src/a.xyz"),
            ("src/a.xyz: Unused things detected", None, None, None, "src/a.xyz: Unused things detected"),
            ("2 check failures:\n  - src/a.xyz", None, None, None, "frobcheck names this file"),
        ] {
            let want =
                (Some("src/a.xyz".to_owned()), line, column, code.map(str::to_owned), message.to_owned());
            assert_eq!(one(printed), want, "{printed}");
        }
    }

    #[test]
    fn what_names_no_place_is_told_by_its_last_words() {
        let (file, .., message) = one("Looking at these files:\nNo news was found on this branch.\n");
        assert_eq!((file, &*message), (None, "Looking at these files:\nNo news was found on this branch."));
        // Numbers, data and addresses are no files.
        for printed in [
            "Found 1.5 things",
            "see https://example.org/a.html",
            "\"LEVEL.HIGH\": 3, not good",
            "not e.g. x",
        ] {
            assert_eq!(one(printed).0, None, "{printed}");
        }
    }

    #[test]
    fn a_stack_below_an_error_names_the_repositorys_own_frame() {
        let stack = "Fatal error: no task\n    at run (/usr/lib/node_modules/gulp/a.js:9:1)\n    at build (/home/runner/work/app/app/gulpfile.js:2:9)";
        let (file, line, _, _, message) = one(stack);
        assert_eq!((file.as_deref(), line, &*message), (Some("gulpfile.js"), Some(2), "no task"));
    }

    #[test]
    fn who_speaks_names_a_shape_that_others_print() {
        for (command, printed, tool) in [
            ("fortify check", "C001 no types\n --> a.f90:1:1\n  |\n1 | program a\n  | ^\n", "fortify"),
            (
                "tomlcheck a",
                "error: conflict\n  ┌─ a.toml:2:1\n  │\n2 │ a = 2\n  │ ^ duplicate\n",
                "tomlcheck",
            ),
            ("wordcheck a.md", "a.md\n  1:5-1:14  warning  insensitive  white  equality\n", "wordcheck"),
            ("npx stylelint -f compact", "a.css: line 1, col 5, error - Unknown property\n", "stylelint"),
            ("stylecheck a.py", "a.py:3:1: ABC101 not nice\n", "stylecheck"),
            ("flake8 a.py", "a.py:4:1: D103 Missing docstring in public function\n", "flake8"),
            ("npm run lint", "a.py:3:1: ABC101 not nice\n", "flake8"),
        ] {
            let found = reports(command, printed);
            let tools: Vec<_> = found.iter().map(|(tool, ..)| tool.as_str()).collect();
            assert_eq!(tools, [tool], "{printed}: {found:?}");
        }
    }

    #[test]
    fn of_several_commands_only_one_may_speak() {
        let tools = |second: &str| {
            let log = format!(
                "##[group]Run frobcheck .\nfrobcheck .\n{second}\nshell: /usr/bin/bash -e {{0}}\n##[endgroup]\nsrc/a.xyz: not nice\n##[error]Process completed with exit code 1.\n"
            );
            read(&log).into_iter().map(|(tool, ..)| tool).collect::<Vec<_>>()
        };
        assert_eq!(tools("echo done"), ["frobcheck"]);
        assert_ne!(tools("othercheck ."), ["frobcheck"]);
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
