//! Edits are applied whole or not at all, and our own diff says what they did.
#![no_main]

use ci_healer::contract::fix::{Edit, FileChange};
use ci_healer::contract::git::{RepoPath, SourceTree as _};
use ci_healer::{diff, fixer};
use ci_healer_fuzz::MemoryTree;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    before: &'a str,
    after: &'a str,
    edits: Vec<(bool, &'a str, &'a str)>,
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let tree = MemoryTree::new([("src/a.py", input.before.as_bytes())]);
    let path = |old: bool| RepoPath::new(if old { "src/a.py" } else { "src/new.py" }).expect("a path");
    let edits: Vec<Edit> = input
        .edits
        .iter()
        .map(|(old, find, replace)| Edit {
            path: path(*old),
            find: (*find).to_owned(),
            replace: (*replace).to_owned(),
        })
        .collect();
    if let Ok(changes) = fixer::apply(&edits, &[], &tree) {
        assert!(changes.iter().all(|c| c.before != c.after && c.before == tree.read_text(&c.path)));
        reads_back(&changes, &tree);
    }
    // What turns one text into another does so, by quotes that stand at one place each.
    // (A last line without an end does not say which it would have.)
    let says_its_ends = !input.before.contains("\r\n") || input.before.ends_with('\n');
    if input.before != input.after && !input.before.is_empty() && says_its_ends {
        let edits = fixer::edits_of(&path(true), input.before, input.after);
        let changes = fixer::apply(&edits, &[], &tree).expect("our own edits apply");
        assert_eq!(changes[0].after.as_deref(), Some(input.after));
        reads_back(&changes, &tree);
    }
});

fn reads_back(changes: &[FileChange], tree: &MemoryTree) {
    let patch = diff::unified(changes);
    if let Ok(read) = fixer::read_patch(&patch, tree) {
        assert_eq!(read, changes, "{patch}");
    }
}
