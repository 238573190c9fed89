//! What changed since CI was green, in a line.

use crate::contract::changes::{ChangedFunctions, ChangedSinceGreen, FileRole};
use crate::contract::event::Event;
use crate::contract::executed::TracedRun;
use crate::contract::report::RunReport;

use super::{markdown, text};

const NAMES: usize = 5;

/// For the summary; empty where it is not known.
pub(super) fn markdown(report: &RunReport) -> String {
    let mut out = String::new();
    if let Some(changes) = &report.changed_since_green {
        let names = named(changes).iter().map(|name| markdown::code(name, 200)).collect::<Vec<_>>();
        out.push_str(&sentence(changes, &names, &format!("`{}`", changes.commit.short())));
        if let Some(functions) = report.changed_functions {
            out.push_str("; ");
            out.push_str(&reached(functions));
        }
        out.push_str(".\n\n");
    }
    if let Some(traced) = report.traced.first() {
        out.push_str(&format!("The failing test {}.\n\n", ran(traced)));
    }
    out
}

/// `2 of 5 changed functions are reached by the failing test`
fn reached(functions: ChangedFunctions) -> String {
    let ChangedFunctions { changed, reached } = functions;
    let functions = text::count(changed, "changed function", "changed functions");
    format!(
        "{reached} of {functions} {} reached by the failing test",
        if changed == 1 { "is" } else { "are" }
    )
}

/// `ran 14 functions in 5 files`
fn ran(traced: &TracedRun) -> String {
    let functions = text::count(traced.functions, "function", "functions");
    format!("ran {functions} in {}", text::count(traced.files, "file", "files"))
}

/// An event about it as a line of plain text; `None` for any other.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ChangedSinceGreen { changes } => {
            let names: Vec<String> =
                named(changes).iter().map(|name| super::clean::line(name, 200)).collect();
            sentence(changes, &names, changes.commit.short())
        }
        Event::ChangedReached { functions } => reached(*functions),
        Event::Traced { ran: traced, .. } => format!("the failing test {}", ran(traced)),
        _ => return None,
    })
}

fn sentence(changes: &ChangedSinceGreen, names: &[String], commit: &str) -> String {
    let ago = match changes.commits_ago {
        Some(ago) if ago > 0 => format!(", {} ago", text::count(ago as usize, "commit", "commits")),
        _ => String::new(),
    };
    let count = changes.files.len() + changes.more_files;
    if count == 0 {
        return format!(
            "Green at {commit}{ago}; nothing changed in the code since: the environment is suspected"
        );
    }
    let files = text::count(count, "changed file", "changed files");
    let more = named(changes).len().saturating_sub(NAMES);
    let names = match (names, more) {
        ([], _) => String::new(),
        (names, 0) => format!(", among them {}", names.join(", ")),
        (names, more) => format!(", among them {} and {more} more", names[..NAMES].join(", ")),
    };
    format!("Green at {commit}{ago}; {files}{names}")
}

/// Manifests, lock files, what says which toolchain there is, and workflows.
fn named(changes: &ChangedSinceGreen) -> Vec<&str> {
    let told = changes.files.iter().filter(|file| file.role != FileRole::Other);
    told.map(|file| file.path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::changes::{ChangedFile, FileChangeKind};
    use crate::contract::git::{CommitSha, RepoPath};

    #[test]
    fn what_ran_is_said_with_its_number() {
        let traced = |functions, files| ran(&TracedRun { functions, files, suspects: Vec::new() });
        assert_eq!(traced(14, 5), "ran 14 functions in 5 files");
        assert_eq!(traced(1, 1), "ran 1 function in 1 file");
        let reached = |changed, reached| super::reached(ChangedFunctions { changed, reached });
        assert_eq!(reached(5, 2), "2 of 5 changed functions are reached by the failing test");
        assert_eq!(reached(1, 1), "1 of 1 changed function is reached by the failing test");
    }

    #[test]
    fn one_line_says_what_changed_since_when() {
        let file = |path: &str, role| ChangedFile {
            path: RepoPath::new(path).unwrap(),
            change: FileChangeKind::Modified,
            role,
            hunks: Vec::new(),
            is_cut: false,
        };
        let mut changes = ChangedSinceGreen {
            commit: CommitSha::new(&"1a2b3c4d".repeat(5)).unwrap(),
            commits_ago: Some(3),
            files: vec![file("a.py", FileRole::Other), file("go.mod", FileRole::Manifest)],
            more_files: 3,
        };
        let mut report = RunReport::begun("heal");
        assert_eq!(markdown(&report), "");
        report.changed_since_green = Some(changes.clone());
        let told = "Green at `1a2b3c4`, 3 commits ago; 5 changed files, among them `go.mod`.\n\n";
        assert_eq!(markdown(&report), told);
        (changes.files, changes.more_files, changes.commits_ago) = (Vec::new(), 0, None);
        let told = "Green at 1a2b3c4; nothing changed in the code since: the environment is suspected";
        let event = Event::ChangedSinceGreen { changes: Box::new(changes.clone()) };
        assert_eq!(line(&event).as_deref(), Some(told));
    }
}
