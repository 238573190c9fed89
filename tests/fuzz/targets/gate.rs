//! Whatever passes the gate stays inside its limits and off protected ground.
#![no_main]

use ci_healer::contract::fix::Edit;
use ci_healer::contract::git::RepoPath;
use ci_healer::fixer::{self, FixOptions};
use ci_healer_fuzz::{MemoryTree, proposal};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    files: Vec<(&'a str, &'a str)>,
    edits: Vec<(&'a str, &'a str, &'a str)>,
    confidence: f64,
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let tree = MemoryTree::new(input.files.iter().map(|(path, text)| (*path, text.as_bytes())));
    let edits: Vec<Edit> = input
        .edits
        .iter()
        .filter_map(|(path, find, replace)| {
            let path = RepoPath::new(path).ok()?;
            Some(Edit { path, find: (*find).to_owned(), replace: (*replace).to_owned() })
        })
        .collect();
    let Ok(changes) = fixer::apply(&edits, &[], &tree) else { return };
    let options = FixOptions::new(&[]).expect("no globs of the user's");
    let Ok(notes) = fixer::gate(&proposal(edits, input.confidence), &changes, (&[], &[]), &tree, &options, &[]) else {
        return;
    };
    assert!(notes.changed_lines <= options.max_changed_lines);
    assert!(changes.len() as u64 <= options.max_changed_files);
    assert!((options.min_confidence..=1.0).contains(&input.confidence), "{}", input.confidence);
    for change in &changes {
        let path = change.path.as_str().to_lowercase();
        let first = path.split('/').next().unwrap_or_default();
        assert!(!matches!(first, ".git" | ".github" | ""), "{path}");
        assert!(!path.split('/').any(|part| part == ".git" || part == ".."), "{path}");
    }
});
