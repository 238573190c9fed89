//! What the fuzz targets share: a repository in memory, and what must hold for any log.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::sync::OnceLock;

use ci_healer::contract::bug::Diagnosis;
use ci_healer::contract::fix::{Edit, FixProposal, Usage};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::parser::{self, ParseOptions};

/// Files in memory, as the program sees a checkout.
pub struct MemoryTree {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl MemoryTree {
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let contents: BTreeMap<_, _> = files
            .into_iter()
            .filter_map(|(path, bytes)| Some((RepoPath::new(path).ok()?, bytes.to_vec())))
            .collect();
        let files = contents
            .keys()
            .map(|path| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() })
            .collect();
        Self { files, contents }
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

/// Reads a log and checks what holds for every diagnosis.
pub fn diagnose(log: &[u8]) -> Diagnosis {
    let read = |log: &[u8]| parser::diagnose(log, &ParseOptions::default()).expect("memory can be read");
    let diagnosis = read(log);
    for bug in &diagnosis.bugs {
        assert!(bug.log.first <= bug.log.last && bug.log.last <= diagnosis.lines, "{bug:?}");
        assert!(bug.line != Some(0) && bug.column != Some(0), "counted from 1: {bug:?}");
        assert!(bug.line.is_none() || bug.file.is_some(), "a line of no file: {bug:?}");
    }
    // However the log comes in, and however often, it says the same.
    let in_pieces = parser::diagnose(BufReader::with_capacity(7, log), &ParseOptions::default());
    assert_eq!(in_pieces.expect("memory can be read"), diagnosis);
    let json = serde_json::to_string(&diagnosis).expect("a diagnosis is JSON");
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).expect("and can be read back"), diagnosis);
    diagnosis
}

/// Puts the input into the middle of a recorded log of the family, so that its parsers are active when it comes.
pub fn family(name: &str, input: &[u8]) {
    static LOGS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let logs = LOGS.get_or_init(|| recorded(name));
    let [log, high, low, inserted @ ..] = input else { return };
    let log = &logs[usize::from(*log) % logs.len()];
    let at = (usize::from(*high) << 8 | usize::from(*low)) % (log.len() + 1);
    diagnose(&[&log[..at], inserted, &log[at..]].concat());
}

fn recorded(family: &str) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/logs");
    let mut logs = Vec::new();
    for tool in parser::family(family) {
        let Ok(folder) = std::fs::read_dir(fixtures.join(tool)) else { continue };
        let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let of_log = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "log"));
        logs.extend(of_log.filter_map(|path| std::fs::read(path).ok()));
    }
    assert!(!logs.is_empty(), "no recorded logs of {family}");
    logs
}

/// What a model might have proposed.
pub fn proposal(edits: Vec<Edit>, confidence: f64) -> FixProposal {
    FixProposal {
        provider: "gemini".to_owned(),
        model: Some("m".to_owned()),
        bugs: Vec::new(),
        context_level: 4,
        confidence,
        reason: "a reason".to_owned(),
        edits,
        command: None,
        window: Vec::new(),
        reverts: None,
        usage: Usage::default(),
    }
}
