//! pre-commit: each hook that failed, by its id; what its tool printed is read under the tool's own name.

use super::super::findings::{FindingBuilder, Findings, Strength};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location, LogSpan};

pub(super) const TOOL: Tool = Tool {
    name: "pre-commit",
    triggers: &[r"^\S.*\.\.\.Failed$", r"^- hook id: "],
    new: |_| Box::new(PreCommit::default()),
};

/// Lines kept of what a hook printed.
const MAX_LINES: usize = 12;

#[derive(Default)]
struct PreCommit {
    open: Option<Hook>,
    /// The name of a hook that failed, before its id is told.
    named: bool,
}

struct Hook {
    id: String,
    first: u64,
    last: u64,
    modified: bool,
    printed: Vec<String>,
    /// Findings before the hook's own.
    before: usize,
}

impl ToolParser for PreCommit {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if re!(r"\.\.\.+(?:\([^)]*\))?(?:Failed|Passed|Skipped)$").is_match(text) {
            self.close(out);
            self.named = text.ends_with("Failed");
            return if self.named {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        if let Some(id) = text.strip_prefix("- hook id: ") {
            self.close(out);
            let (first, before) = (line.number, out.count());
            self.open = Some(Hook {
                id: id.trim().to_owned(),
                first,
                last: first,
                modified: false,
                printed: Vec::new(),
                before,
            });
            return Response::Consumed(Next::Active);
        }
        let Some(hook) = &mut self.open else {
            return Response::Declined(if self.named { Next::Active } else { Next::Idle });
        };
        if text == "- files were modified by this hook" {
            hook.modified = true;
            hook.last = line.number;
            return Response::Consumed(Next::Active);
        }
        if re!(r"^- (?:exit code: \d+|duration: [\d.]+s)$").is_match(text) {
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("pre-commit hook(s) made changes.") || text == "All changes made by hooks:" {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        if !text.trim().is_empty() && hook.printed.len() < MAX_LINES {
            hook.printed.push(text.trim_end().to_owned());
            hook.last = line.number;
        }
        Response::Declined(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl PreCommit {
    fn close(&mut self, out: &mut Findings) {
        self.named = false;
        let Some(hook) = self.open.take() else { return };
        // What its tool said in its own words is read under the tool's name, below the hook.
        let own: Vec<&FindingBuilder> = out
            .findings
            .iter()
            .skip(hook.before)
            .filter(|finding| finding.strength == Strength::Root && finding.log.first >= hook.first)
            .collect();
        if let Some(first) = own.first() {
            let places =
                own.iter().filter_map(|finding| finding.location.as_ref().or(finding.frames.first()));
            let mut finding =
                FindingBuilder::new("pre-commit", first.category, "the hook failed").code(hook.id);
            let mut files: Vec<Location> = Vec::new();
            for place in places {
                if !files.iter().any(|known| known.file == place.file) {
                    files.push(place.clone());
                }
            }
            let mut files = files.into_iter();
            finding.location = files.next();
            finding.related = files.collect();
            finding.log = LogSpan { first: hook.first, last: hook.last };
            out.bug(finding);
            return;
        }
        let files: Vec<&str> = hook
            .printed
            .iter()
            .filter_map(|text| {
                let found = re!(r"^(?:Fixing|Rewriting|reformatted|Sorting|Formatting|Formatted|fixed) (\S+\.\w+)\b|^(\S+\.\w+)(?::(\d+))?(?::| )")
                    .captures(text)?;
                found.get(1).or_else(|| found.get(2)).map(|path| path.as_str().trim_end_matches(':'))
            })
            .filter(|path| super::super::paths::is_own(path))
            .collect();
        let said = hook.printed.join("\n");
        let (category, message) = if hook.modified {
            let files = if files.is_empty() { String::new() } else { format!(": {}", files.join(", ")) };
            (Category::Format, format!("files were modified by this hook{files}"))
        } else {
            (Category::Lint, if said.is_empty() { "the hook failed".to_owned() } else { said.clone() })
        };
        let mut finding = FindingBuilder::new("pre-commit", category, message).code(hook.id);
        let line = re!(r"^\S+\.\w+:(\d+)\b").captures(&said).and_then(|c| c[1].parse().ok());
        if let Some(file) = files.first() {
            finding = finding.at(file, line, None);
        }
        finding.log = LogSpan { first: hook.first, last: hook.last };
        finding.related =
            files.iter().skip(1).map(|file| super::super::findings::location(file, None, None)).collect();
        out.bug(finding);
    }
}
