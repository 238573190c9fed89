//! A tree in memory, for this room's unit tests.

use std::collections::BTreeMap;

use crate::contract::bug::{BugReport, Category, Fingerprint, LogSpan, Severity};
use crate::contract::fix::{Edit, FixProposal, Usage};
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};

pub(crate) struct MemoryTree {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl MemoryTree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let contents: BTreeMap<_, _> =
            files.iter().map(|(p, t)| (RepoPath::new(p).unwrap(), t.as_bytes().to_vec())).collect();
        let files = contents
            .keys()
            .map(|path| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() })
            .collect();
        Self { files, contents }
    }

    pub(crate) fn with_mode(mut self, path: &str, mode: FileMode) -> Self {
        for file in &mut self.files {
            if file.path.as_str() == path {
                file.mode = mode;
            }
        }
        self
    }
}

impl SourceTree for MemoryTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

pub(crate) fn edit(path: &str, find: &str, replace: &str) -> Edit {
    Edit { path: RepoPath::new(path).unwrap(), find: find.to_owned(), replace: replace.to_owned() }
}

pub(crate) fn proposal(edits: Vec<Edit>) -> FixProposal {
    FixProposal {
        provider: "gemini".to_owned(),
        model: Some("m".to_owned()),
        bugs: Vec::new(),
        context_level: 1,
        confidence: 0.9,
        reason: "a reason".to_owned(),
        edits,
        command: None,
        window: Vec::new(),
        reverts: None,
        usage: Usage::default(),
    }
}

pub(crate) fn bug(tool: &str, category: Category, file: &str, line: u32, message: &str) -> BugReport {
    BugReport {
        fingerprint: Fingerprint(format!("{tool}-{file}-{line}")),
        tool: tool.to_owned(),
        category,
        code: None,
        severity: Severity::Error,
        file: Some(file.to_owned()),
        line: Some(line),
        column: None,
        end_line: None,
        end_column: None,
        message: message.to_owned(),
        test: None,
        log: LogSpan::default(),
        related: Vec::new(),
        hint: None,
        package: None,
    }
}
