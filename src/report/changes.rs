//! What changed since CI was green, in a line.

use crate::contract::changes::{ChangedSinceGreen, FileRole};
use crate::contract::report::RunReport;

use super::{markdown, text};

const NAMES: usize = 5;

/// For the summary; empty where it is not known.
pub(super) fn markdown(report: &RunReport) -> String {
    report.changed_since_green.as_ref().map_or(String::new(), |changes| {
        let names = named(changes).iter().map(|name| markdown::code(name, 200)).collect::<Vec<_>>();
        format!("{}.\n\n", sentence(changes, &names, &format!("`{}`", changes.commit.short())))
    })
}

/// For a line of plain text.
pub(super) fn line(changes: &ChangedSinceGreen) -> String {
    let names: Vec<String> = named(changes).iter().map(|name| super::clean::line(name, 200)).collect();
    sentence(changes, &names, changes.commit.short())
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
        assert_eq!(line(&changes), told);
    }
}
