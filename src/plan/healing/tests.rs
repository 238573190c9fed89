use std::collections::BTreeMap;

use super::*;
use crate::contract::git::{FileMode, TreeFile};

struct Files {
    list: Vec<TreeFile>,
    texts: BTreeMap<String, String>,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let texts: BTreeMap<_, _> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let entry = |path: &String| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        Self { list: texts.keys().map(entry).collect(), texts }
    }

    /// With what was proposed written down.
    fn with(&self, proposal: &Proposal) -> Self {
        let mut texts = self.texts.clone();
        texts.insert(proposal.file.clone(), proposal.after.clone());
        let files: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        Self::new(&files)
    }
}

impl SourceTree for Files {
    fn files(&self) -> &[TreeFile] {
        &self.list
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.texts.get(path.as_str()).map(|text| text.clone().into_bytes())
    }
}

const CI: &str = ".github/workflows/ci.yml";

const MATRIX: &str = "\
name: CI
on:
  push:
    branches: [main]
  pull_request:

# Two of them.
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - run: ruff check
  test:
    strategy:
      matrix:
        python: ['3.12', '3.13']
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - run: pytest   # all

# What all jobs share.
env:
  CI: '1'
";

/// What was proposed lacks nothing, and changes nothing that was there.
#[track_caller]
fn fits(files: &Files, wanted: Option<Placement>) -> Proposal {
    let proposal = propose(files, &survey(files), wanted).unwrap();
    for line in proposal.before.iter().flat_map(|before| before.lines()) {
        assert!(
            line.starts_with("on:") || proposal.after.lines().any(|l| l == line),
            "{line}\n{}",
            proposal.after
        );
    }
    let after = survey(&files.with(&proposal));
    for job in &after.healing {
        assert!(job.lacks.is_empty(), "{job:?}\n{}", proposal.after);
    }
    assert!(!after.healing.is_empty(), "{}", proposal.after);
    proposal
}

#[test]
fn a_job_is_added_to_the_one_workflow_of_ci() {
    let files = Files::new(&[
        (CI, MATRIX),
        (
            ".github/workflows/release.yml",
            "on: {push: {tags: ['v*']}}\njobs: {r: {runs-on: x, steps: [{run: make}]}}\n",
        ),
    ]);
    let proposal = fits(&files, None);
    assert_eq!(proposal.file, CI);
    assert!(proposal.after.contains("    needs: [lint, test]\n"), "{}", proposal.after);
    assert!(proposal.after.contains("on:\n  workflow_dispatch:\n  push:\n"), "{}", proposal.after);
    assert!(proposal.after.ends_with("\n# What all jobs share.\nenv:\n  CI: '1'\n"), "{}", proposal.after);
    let split = fits(&files, Some(Placement::Split));
    assert!(split.after.contains("mode: patch") && split.after.contains("mode: publish"), "{}", split.after);
    // Again is once too often.
    let again = files.with(&proposal);
    assert_eq!(survey(&again).healing.len(), 1);
    assert!(propose(&again, &survey(&again), None).is_ok_and(|second| second.file != CI));
}

#[test]
fn each_way_of_writing_triggers_and_jobs() {
    for on in ["on: push", "on: [push, pull_request]", "'on':\n    push:"] {
        let text = format!(
            "{on}\njobs:\n    build:\n        runs-on: ubuntu-latest\n        steps:\n            - run: make\n\n\n"
        );
        let proposal = fits(&Files::new(&[(CI, &text)]), None);
        assert_eq!(proposal.file, CI, "{on}");
        assert!(proposal.after.contains("\n    heal:\n"), "{}", proposal.after);
    }
    // What cannot be added to is left alone.
    let flow =
        Files::new(&[(CI, "on: push\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n")]);
    let proposal = propose(&flow, &survey(&flow), None).unwrap();
    assert_eq!(proposal.file, ".github/workflows/ci-healer.yml");
    assert!(proposal.notes[0].contains("cannot be added to"), "{:?}", proposal.notes);
}

#[test]
fn several_workflows_are_heard_of_by_one_of_its_own() {
    let of = |name: &str, folder: &str| {
        format!(
            "name: {name}\non:\n  push:\n    paths: [{folder}/**]\n  workflow_dispatch:\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make -C {folder} test\n"
        )
    };
    let (api, web) = (of("\"API: tests\"", "api"), of("Web", "web"));
    let files = Files::new(&[(".github/workflows/api.yml", &api), (".github/workflows/web.yml", &web)]);
    let proposal = fits(&files, None);
    assert_eq!(proposal.file, ".github/workflows/ci-healer.yml");
    assert!(proposal.after.contains("    workflows: [\"API: tests\", \"Web\"]\n"), "{}", proposal.after);
    assert!(propose(&files, &survey(&files), Some(Placement::Job)).is_err());
    let one = Files::new(&[(CI, MATRIX)]);
    assert!(propose(&one, &survey(&one), Some(Placement::Workflow)).is_ok_and(|p| p.before.is_none()));
}

#[test]
fn without_any_workflow_ci_is_made_of_the_project_s_files() {
    let files = Files::new(&[
        ("package.json", r#"{"name": "a", "scripts": {"test": "node --test"}}"#),
        ("a.test.js", "test('a', () => {})\n"),
    ]);
    let proposal = fits(&files, None);
    assert_eq!(proposal.file, CI);
    assert!(
        proposal.after.contains("npm test") && proposal.after.contains("needs: [test]"),
        "{}",
        proposal.after
    );
    let nothing = Files::new(&[("README.md", "nothing\n")]);
    assert!(propose(&nothing, &survey(&nothing), None).unwrap_err().contains("no project file"));
}

fn lacks(text: &str) -> Vec<String> {
    let found = survey(&Files::new(&[(CI, text)])).healing;
    assert_eq!(found.len(), 1, "{text}");
    found[0].lacks.clone()
}

#[test]
fn what_an_existing_job_lacks_is_named() {
    let bare = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n  heal:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ci-healer/ci-healer@v0\n";
    let said = lacks(bare).join("\n");
    for part in [
        "if: ${{ failure() }}",
        "needs: [test]",
        "actions/checkout",
        "permissions:",
        "timeout-minutes",
        "workflow_dispatch",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let same_job = "on: [push, workflow_dispatch]\npermissions: {contents: write, actions: write, pull-requests: write}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    timeout-minutes: 9\n    steps:\n      - uses: actions/checkout@v7\n        with: {persist-credentials: false}\n      - run: make\n      - uses: ci-healer/ci-healer@v0\n        if: ${{ failure() }}\n";
    assert_eq!(lacks(same_job), Vec::<String>::new());
    assert!(
        lacks(&same_job.replace("        if: ${{ failure() }}\n", ""))[0]
            .starts_with("`if: ${{ failure() }}` on the step")
    );
    assert!(lacks(&same_job.replace("contents: write, ", ""))[0].starts_with("`contents: write`"));
    let diagnoses = same_job
        .replace(
            "        if: ${{ failure() }}\n",
            "        if: ${{ failure() }}\n        with: {mode: diagnose}\n",
        )
        .replace("contents: write, actions: write, pull-requests: write", "contents: read, actions: read");
    assert_eq!(lacks(&diagnoses), Vec::<String>::new());
}
