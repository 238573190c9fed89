//! `git diff --exit-code`: files that differ from what the commands before it made of them.

use super::super::findings::{FindingBuilder, Findings, Strength};
use super::super::lines::Line;
use super::super::python::diff::Hunks;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "git",
    triggers: &[
        r"^diff --git ",
        r"^(Run |\+ |\$ )?git (diff|show|log|stash)\b",
        r"^All changes made by hooks:$",
    ],
    new: |_| Box::new(Git::default()),
};

/// Files of one diff.
const MAX_FILES: usize = 200;

#[derive(Default)]
struct Git {
    files: Vec<FindingBuilder>,
    open: Option<(String, Hunks, u64)>,
    /// The command fails where there is a difference.
    strict: bool,
    /// pre-commit shows what its hooks changed.
    hooks: bool,
    header: bool,
}

impl ToolParser for Git {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text == "All changes made by hooks:" {
            self.hooks = true;
            return Response::Consumed(Next::Active);
        }
        if let Some(names) = text.strip_prefix("diff --git ") {
            self.close(line.number);
            // git's own folders, one for each side.
            let file =
                names.split_once(" b/").map(|(old, new)| if old == format!("a/{new}") { new } else { old });
            if let Some(file) = file.filter(|_| self.files.len() < MAX_FILES) {
                self.open = Some((file.to_owned(), Hunks::new(file), line.number));
            }
            self.header = true;
            return Response::Consumed(Next::Active);
        }
        if let Some((_, hunks, _)) = &mut self.open {
            let head = [
                "index ",
                "--- ",
                "+++ ",
                "old mode ",
                "new mode ",
                "new file ",
                "deleted file ",
                "Binary files ",
                "similarity ",
                "rename ",
            ];
            if self.header && head.iter().any(|word| text.starts_with(word)) {
                return Response::Consumed(Next::Active);
            }
            if hunks.line(text) {
                self.header = false;
                return Response::Consumed(Next::Active);
            }
            self.close(line.number);
        }
        if let Some(rest) = re!(r"^(?:Run |\+ |\$ )?git (?:(diff) |show|log|stash)").captures(text) {
            // Another command shows a difference for information.
            self.report(false, out);
            self.strict = rest.get(1).is_some() && (text.contains("--exit-code") || text.contains("--quiet"));
            return Response::Declined(Next::Idle);
        }
        if text.trim().is_empty() {
            return Response::Declined(Next::Active);
        }
        // The next line tells whether the difference was the failure.
        let failed = text.starts_with("Process completed with exit code ")
            || text.starts_with("Error: Process completed with exit code ")
            || text.starts_with("make: *** ")
            || text.starts_with("npm error");
        self.report(failed, out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out.now());
        self.report(false, out);
    }
}

impl Git {
    fn close(&mut self, last: u64) {
        let Some((file, hunks, first)) = self.open.take() else { return };
        let (line, changes) = hunks.finish();
        let mut finding = FindingBuilder::new(
            "git",
            Category::Lint,
            "the committed file is stale: it differs from what the commands before made of it",
        )
        .at(&file, line, None)
        .code("diff")
        .span(first, last.saturating_sub(1).max(first));
        finding.strength = Strength::Fallback;
        for change in changes {
            finding.add_suggestion("the difference that git shows", Applicability::MachineApplicable, change);
        }
        self.files.push(finding);
    }

    fn report(&mut self, failed: bool, out: &mut Findings) {
        let files = std::mem::take(&mut self.files);
        if self.hooks {
            self.hooks = false;
            for file in files {
                hook_change(file, out);
            }
        } else if failed || self.strict {
            files.into_iter().for_each(|file| out.bug(file));
            self.strict = false;
        }
    }
}

/// What a hook of pre-commit changed is the fix of what was reported of it.
fn hook_change(change: FindingBuilder, out: &mut Findings) {
    let Some(hook) = out.last_of("pre-commit").filter(|hook| hook.hint.is_none()) else { return };
    if hook.code.as_deref().is_none() || !hook.message.contains("modified") {
        return;
    }
    let Some(hint) = change.hint else { return };
    let shown: Vec<Suggestion> = hint.suggestions;
    for suggestion in shown {
        hook.add_suggestion("the change that the hooks made", Applicability::MachineApplicable, suggestion);
    }
    if hook.location.is_none() {
        hook.location = change.location;
    }
}
