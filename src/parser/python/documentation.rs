//! Builders of documentation, Sphinx and MkDocs: their warnings fail the build where they are told to, which only their
//! last line says.

use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const SPHINX: Tool = Tool {
    name: "sphinx",
    triggers: &[r"^Running Sphinx v[0-9]", r"^Warning, treated as error:$"],
    new: |_| Box::new(Builder { read: sphinx, ..Builder::new() }),
};

pub(super) const MKDOCS: Tool = Tool {
    name: "mkdocs",
    triggers: &[
        r"^INFO    -  (?:Cleaning site directory|Building documentation)",
        r"^(?:WARNING|ERROR  ) -  \S",
        r"^Aborted with [0-9]+ (?:configuration errors?|warnings?)",
    ],
    new: |_| Box::new(Builder { read: mkdocs, ..Builder::new() }),
};

/// Findings kept of one build.
const MAX_HELD: usize = 5_000;

struct Builder {
    read: fn(&str) -> Option<FindingBuilder>,
    held: Vec<FindingBuilder>,
    /// Findings of others before it began.
    before: Option<usize>,
    /// The next line is what the build failed for.
    treated: bool,
}

impl Builder {
    fn new() -> Self {
        Self { read: |_| None, held: Vec::new(), before: None, treated: false }
    }

    /// Reports what is held back, and whether it made the build fail.
    fn end(&mut self, failed: bool, out: &mut Findings) {
        for finding in self.held.drain(..) {
            out.bug(if failed { finding.counted() } else { finding });
        }
        self.before = None;
    }
}

impl ToolParser for Builder {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let before = *self.before.get_or_insert(out.count());
        if std::mem::take(&mut self.treated) {
            if let Some(finding) = treated_as_error(text) {
                out.bug(finding.span(line.number.saturating_sub(1), line.number));
                self.end(false, out);
            }
            return Response::Consumed(Next::Idle);
        }
        if text == "Warning, treated as error:" {
            self.treated = true;
            return Response::Consumed(Next::Active);
        }
        if re!(r"^(?:build succeeded|(?:INFO    -  )?Documentation built in )").is_match(text) {
            // What it could not read or import did not fail it.
            out.retract(before, |finding| matches!(finding.tool, "lint" | "python"));
            for finding in self.held.iter_mut().filter(|finding| finding.severity == Severity::Error) {
                finding.severity = Severity::Warning;
            }
            self.end(false, out);
            out.succeeded();
            return Response::Consumed(Next::Idle);
        }
        if re!(r"^(?:build finished with problems|Aborted with \d+ )").is_match(text) {
            out.failed();
            self.end(true, out);
            return Response::Consumed(Next::Idle);
        }
        match (self.read)(text) {
            Some(finding) if self.held.len() < MAX_HELD => {
                self.held.push(finding.span(line.number, line.number));
                Response::Consumed(Next::Active)
            }
            _ => Response::Declined(Next::Active),
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.end(false, out);
    }
}

/// `/app/docs/index.rst:4: WARNING: unknown document: 'nowhere' [ref.doc]`, `… .py:docstring of app.f:3: ERROR: …`
fn sphinx(text: &str) -> Option<FindingBuilder> {
    let c = re!(
        r"^(?:((?:[A-Za-z]:)?[^\s:][^:]*\.\w+)(?::docstring of [^:]+)?(?::(\d+))?: |([^\s:][^:]*\.\w+): )?(WARNING|ERROR|CRITICAL|SEVERE): (\S.*?)(?: \[([a-z][\w-]*(?:\.[\w-]+)*)\])?$"
    )
    .captures(text)?;
    let mut finding = FindingBuilder::new("sphinx", Category::Lint, &c[5]);
    if &c[4] == "WARNING" {
        finding = finding.severity(Severity::Warning);
    }
    if let Some(file) = c.get(1).or_else(|| c.get(3)) {
        // A line counted within a docstring is none of the file's.
        let line = c.get(2).filter(|_| !text.contains(":docstring of ")).and_then(|m| number(m.as_str()));
        finding = finding.at(file.as_str(), line, None);
    } else {
        finding.category = Category::Configuration;
    }
    finding.code = c.get(6).map(|code| code.as_str().to_owned());
    Some(finding)
}

/// What older versions stop at: `/app/docs/index.rst:4:unknown document: nowhere`.
fn treated_as_error(text: &str) -> Option<FindingBuilder> {
    let c = re!(r"^(?:((?:[A-Za-z]:)?[^\s:][^:]*\.\w+):(?:(\d+):)? ?)?(\S.*)$").captures(text)?;
    let finding = FindingBuilder::new("sphinx", Category::Lint, &c[3]);
    Some(match c.get(1) {
        Some(file) => finding.at(file.as_str(), c.get(2).and_then(|m| number(m.as_str())), None),
        None => finding,
    })
}

/// `WARNING -  Doc file 'index.md' contains a link …`, `ERROR   -  Config value 'theme': …`
fn mkdocs(text: &str) -> Option<FindingBuilder> {
    let c = re!(r"^(WARNING|ERROR  ) -  (\S.*)$").captures(text)?;
    let mut finding = FindingBuilder::new("mkdocs", Category::Lint, &c[2]);
    if &c[1] == "WARNING" {
        finding = finding.severity(Severity::Warning);
    }
    if let Some(page) = re!(r"^Doc file '([^']+)'").captures(&c[2]) {
        finding = finding.at(&format!("docs/{}", &page[1]), None, None);
    } else if c[2].starts_with("Config value") || c[2].contains("'nav' configuration") {
        finding.category = Category::Configuration;
        finding = finding.at("mkdocs.yml", None, None);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::Severity;
    use crate::parser::{ParseOptions, diagnose};

    fn read(log: &str) -> Vec<(String, Option<String>, Option<u32>, Severity)> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter().map(|bug| (bug.tool, bug.file, bug.line, bug.severity)).collect()
    }

    #[test]
    fn warnings_count_where_the_last_line_says_so() {
        let sphinx = "Running Sphinx v9.0.4\n/home/runner/work/app/app/index.rst:4: WARNING: unknown document: 'nowhere' [ref.doc]\n";
        let found = [("sphinx".to_owned(), Some("index.rst".to_owned()), Some(4), Severity::Warning)];
        assert_eq!(
            read(&format!(
                "{sphinx}build finished with problems, 1 warning (with warnings treated as errors).\n"
            )),
            found
        );
        assert_eq!(read(&format!("{sphinx}build succeeded, 1 warning.\n")), []);
        let old = "Running Sphinx v4.0.0\n\nWarning, treated as error:\n/home/runner/work/app/app/index.rst:4:unknown document: nowhere\n";
        assert_eq!(
            read(old),
            [("sphinx".to_owned(), Some("index.rst".to_owned()), Some(4), Severity::Error)]
        );
        let mkdocs = "INFO    -  Building documentation to directory: /app/site\nWARNING -  Doc file 'a.md' contains a link 'b.md', but the target is not found.\n\n";
        let found = [("mkdocs".to_owned(), Some("docs/a.md".to_owned()), None, Severity::Warning)];
        assert_eq!(read(&format!("{mkdocs}Aborted with 1 warnings in strict mode!\n")), found);
        assert_eq!(read(&format!("{mkdocs}INFO    -  Documentation built in 0.10 seconds\n")), []);
    }
}
