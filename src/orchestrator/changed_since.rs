//! What differs between two trees, file by file and hunk by hunk. Pure, and bounded in size.

use crate::contract::changes::{ChangedFile, ChangedHunk, FileChangeKind, FileRole};
use crate::contract::git::{FileMode, SourceTree, TreeFile};
use crate::diff::LineDiff;

const MOST_FILES: usize = 300;
const MOST_HUNKS: usize = 60;
/// Lines as they were, over all files.
const MOST_OLD_LINES: usize = 4_000;
/// Larger files are named only.
const MOST_BYTES: usize = 512 << 10;
const MOST_COLUMNS: usize = 400;

const MANIFESTS: &[&str] = &[
    "package.json",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "Cargo.toml",
    "go.mod",
    "go.work",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "libs.versions.toml",
    "Gemfile",
    "composer.json",
    "pnpm-workspace.yaml",
];
const LOCK_FILES: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "pylock.toml",
    "Cargo.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "Gemfile.lock",
    "composer.lock",
];
const TOOLCHAINS: &[&str] = &[
    "rust-toolchain",
    "rust-toolchain.toml",
    ".python-version",
    ".node-version",
    ".nvmrc",
    ".tool-versions",
    ".java-version",
    ".sdkmanrc",
    ".ruby-version",
    ".php-version",
    ".go-version",
    "mise.toml",
    ".mise.toml",
    "gradle-wrapper.properties",
    "maven-wrapper.properties",
    "global.json",
];

/// The files that differ, sorted by path, and how many more there are.
#[must_use]
pub(super) fn changed_files(old: &dyn SourceTree, new: &dyn SourceTree) -> (Vec<ChangedFile>, usize) {
    let (mut before, mut after) = (old.files().iter().peekable(), new.files().iter().peekable());
    let (mut files, mut more, mut room) = (Vec::new(), 0, MOST_OLD_LINES);
    loop {
        let (was, is) = match (before.peek(), after.peek()) {
            (None, None) => return (files, more),
            (Some(_), None) => (before.next(), None),
            (None, Some(_)) => (None, after.next()),
            (Some(was), Some(is)) if was.path < is.path => (before.next(), None),
            (Some(was), Some(is)) if was.path > is.path => (None, after.next()),
            (Some(_), Some(_)) => (before.next(), after.next()),
        };
        if let (Some(was), Some(is)) = (was, is)
            && was.id == is.id
            && was.mode == is.mode
        {
            continue;
        }
        if files.len() == MOST_FILES {
            more += 1;
        } else {
            files.extend(changed_file((old, was), (new, is), &mut room));
        }
    }
}

fn changed_file(
    (old, was): (&dyn SourceTree, Option<&TreeFile>),
    (new, is): (&dyn SourceTree, Option<&TreeFile>),
    room: &mut usize,
) -> Option<ChangedFile> {
    let (change, path) = match (was, is) {
        (None, Some(is)) => (FileChangeKind::Added, &is.path),
        (Some(was), None) => (FileChangeKind::Deleted, &was.path),
        (Some(was), Some(_)) => (FileChangeKind::Modified, &was.path),
        (None, None) => return None,
    };
    let hunks = text(old, was).zip(text(new, is)).map(|(old, new)| hunks(&old, &new, room));
    let (hunks, is_cut) = hunks.unwrap_or((Vec::new(), true));
    Some(ChangedFile { path: path.clone(), change, role: role(path.as_str()), hunks, is_cut })
}

/// A side as text, a missing one as none.
fn text(tree: &dyn SourceTree, file: Option<&TreeFile>) -> Option<String> {
    let Some(file) = file else { return Some(String::new()) };
    if !matches!(file.mode, FileMode::Regular | FileMode::Executable) {
        return None;
    }
    let text = String::from_utf8(tree.read(&file.path)?).ok()?;
    (text.len() <= MOST_BYTES && !text.contains('\0')).then_some(text)
}

fn hunks(old: &str, new: &str, room: &mut usize) -> (Vec<ChangedHunk>, bool) {
    let diff = LineDiff::between(old, new);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut hunks = Vec::new();
    for op in diff.hunks() {
        if hunks.len() == MOST_HUNKS {
            return (hunks, true);
        }
        let (was, is) = (op.old_range(), op.new_range());
        let kept = was.len().min(*room);
        *room -= kept;
        let line = |line: &&str| line.trim_end_matches(['\r', '\n']).chars().take(MOST_COLUMNS).collect();
        hunks.push(ChangedHunk {
            old_first: count(was.start + 1),
            old_count: count(was.len()),
            new_first: count(is.start + 1),
            new_count: count(is.len()),
            old_lines: diff.old[was].iter().take(kept).map(line).collect(),
        });
    }
    (hunks, false)
}

fn role(path: &str) -> FileRole {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if is_yaml && (path.starts_with(".github/workflows/") || matches!(name, "action.yml" | "action.yaml")) {
        FileRole::Workflow
    } else if LOCK_FILES.contains(&name) {
        FileRole::LockFile
    } else if MANIFESTS.contains(&name) || name.starts_with("requirements") && name.ends_with(".txt") {
        FileRole::Manifest
    } else if TOOLCHAINS.contains(&name) || name == "Dockerfile" {
        FileRole::Toolchain
    } else {
        FileRole::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    struct Tree(Vec<TreeFile>, Vec<Vec<u8>>);

    impl Tree {
        fn of(files: &[(&str, &str)]) -> Self {
            let file = |(path, text): &(&str, &str)| TreeFile {
                path: RepoPath::new(path).unwrap(),
                mode: FileMode::Regular,
                id: format!("id of {text}"),
            };
            let contents = files.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
            Self(files.iter().map(file).collect(), contents)
        }
    }

    impl SourceTree for Tree {
        fn files(&self) -> &[TreeFile] {
            &self.0
        }

        fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
            self.0.iter().position(|file| file.path == *path).map(|at| self.1[at].clone())
        }
    }

    #[test]
    fn files_and_hunks_with_the_lines_as_they_were() {
        let old = Tree::of(&[
            (".github/workflows/ci.yml", "a\n"),
            ("gone.py", "x\ny\n"),
            ("same.py", "s\n"),
            ("src/a.py", "1\n2\n3\n4\n5\n6\n"),
        ]);
        let new = Tree::of(&[
            (".github/workflows/ci.yml", "b\n"),
            ("requirements-dev.txt", "flask\n"),
            ("same.py", "s\n"),
            ("src/a.py", "1\ntwo\n3\n4\n6\nseven\n"),
            ("yarn.lock", "l\n"),
        ]);
        let (files, more) = changed_files(&old, &new);
        let told: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.change, f.role)).collect();
        use FileChangeKind::{Added, Deleted, Modified};
        let expected = [
            (".github/workflows/ci.yml", Modified, FileRole::Workflow),
            ("gone.py", Deleted, FileRole::Other),
            ("requirements-dev.txt", Added, FileRole::Manifest),
            ("src/a.py", Modified, FileRole::Other),
            ("yarn.lock", Added, FileRole::LockFile),
        ];
        assert_eq!((told.as_slice(), more), (&expected[..], 0));
        let hunk =
            |h: &ChangedHunk| (h.old_first, h.old_count, h.new_first, h.new_count, h.old_lines.join("|"));
        let hunks: Vec<_> = files[3].hunks.iter().map(hunk).collect();
        let expected = [(2, 1, 2, 1, "2"), (5, 1, 5, 0, "5"), (7, 0, 6, 1, "")];
        assert_eq!(hunks, expected.map(|(a, b, c, d, e)| (a, b, c, d, e.to_owned())));
        assert_eq!(files[1].hunks[0].old_lines, ["x", "y"]);
        assert!(files.iter().all(|file| !file.is_cut));
        assert_eq!(changed_files(&old, &old), (Vec::new(), 0));
    }

    #[test]
    fn what_is_no_text_or_too_much_is_named_only() {
        let (long, other) = ("a\n".repeat(MOST_BYTES), "b\n".repeat(MOST_BYTES));
        let many: String = (0..400).map(|n| format!("{n}\n")).collect();
        let every_other: String =
            (0..400).map(|n| if n % 2 == 0 { "x\n".to_owned() } else { format!("{n}\n") }).collect();
        let old = Tree::of(&[("bytes", "\0"), ("long", &long), ("many", &many)]);
        let new = Tree::of(&[("bytes", "\0\0"), ("long", &other), ("many", &every_other)]);
        let (files, _) = changed_files(&old, &new);
        assert_eq!(files.iter().map(|f| f.hunks.len()).collect::<Vec<_>>(), [0, 0, MOST_HUNKS]);
        assert!(files.iter().all(|file| file.is_cut));
        let names: Vec<String> = (0..MOST_FILES + 7).map(|n| format!("f{n:04}")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
        let (listed, more) = changed_files(&Tree::of(&[]), &Tree::of(&files));
        assert_eq!((listed.len(), more), (MOST_FILES, 7));
    }
}
