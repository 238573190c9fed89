//! `make honest HISTORIES="DIR…"`: what people committed as fixes, held against the rules that a model's answer must pass.
//!
//! Of every commit that calls itself a fix and changes tests and code together, the tests are laid over the commit before
//! it, and its code is proposed. Nothing is run: the rules alone are asked. Whatever they refuse is a right fix lost, but
//! for what was no fix; each is printed, to be read.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, that reports")]
#![allow(clippy::disallowed_methods, reason = "starts programs to look at them, bound to no run")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::ensure;
use ci_healer::contract::bug::{BugReport, Category, Fingerprint, LogSpan, Severity};
use ci_healer::contract::fix::{FileChange, FixProposal, Rejection, Usage};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::fixer::{FixOptions, PathRules, Protection, gate};

/// Of one history, the newest.
const COMMITS: &str = "6000";
/// Larger ones are refused for their size, which says nothing of the rules.
const MOST_FILES: usize = 5;
const MOST_LINES: usize = 50;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let histories: Vec<PathBuf> =
        std::env::args().skip(1).filter(|a| !a.starts_with('-')).map(PathBuf::from).collect();
    ensure!(!histories.is_empty(), "no history given: make honest HISTORIES=\"a clone, and another\"");
    let (mut asked, mut refused) = (0u32, BTreeMap::<String, u32>::new());
    for history in &histories {
        let history = History(history.clone());
        for commit in history.fixes()? {
            let Some(fix) = history.fix(&commit)? else { continue };
            asked += 1;
            if let Err(why) = fix.judged()? {
                *refused.entry(rule(&why)).or_default() += 1;
                println!("{} {}\n  {why:?}", history.0.display(), fix.subject);
            }
        }
    }
    let lost: u32 = refused.values().sum();
    println!("\n{asked} fixes, {lost} refused");
    refused.iter().for_each(|(rule, count)| println!("{count:5}  {rule}"));
    Ok(())
}

fn rule(why: &Rejection) -> String {
    match why {
        Rejection::TestWeakening { rule, .. } => rule.clone(),
        other => other.as_str().to_owned(),
    }
}

/// A clone, bare or not.
struct History(PathBuf);

struct Fix {
    subject: String,
    tree: Laid,
    changes: Vec<FileChange>,
    bugs: Vec<BugReport>,
}

impl History {
    fn git(&self, args: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new("git").arg("-C").arg(&self.0).args(args).output()?;
        ensure!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }

    fn text(&self, args: &[&str]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.git(args)?).into_owned())
    }

    fn fixes(&self) -> anyhow::Result<Vec<String>> {
        let log = self.text(&["log", "--no-merges", "--format=%H %s", "-n", COMMITS])?;
        let is_fix = |subject: &str| {
            let words = subject.to_lowercase();
            words
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| ["fix", "fixes", "fixed", "bug", "bugfix"].contains(&word))
        };
        let commits =
            log.lines().filter_map(|line| line.split_once(' ')).filter(|(_, subject)| is_fix(subject));
        Ok(commits.map(|(commit, _)| commit.to_owned()).collect())
    }

    /// `None` where it does not change both, or too much.
    fn fix(&self, commit: &str) -> anyhow::Result<Option<Fix>> {
        let parent = format!("{commit}^");
        let Ok(numbers) = self.text(&["diff", "--numstat", "--no-renames", &parent, commit]) else {
            return Ok(None);
        };
        let rules = PathRules::new(&[])?;
        let (mut source, mut tests, mut lines) = (Vec::new(), Vec::new(), 0);
        for row in numbers.lines() {
            let mut columns = row.split('\t');
            let (Some(more), Some(fewer), Some(path)) = (columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            match rules.protection(path) {
                Some(Protection::Test) => tests.push(path.to_owned()),
                None if is_code(path) => {
                    lines +=
                        more.parse::<usize>().unwrap_or(MOST_LINES).max(fewer.parse().unwrap_or(MOST_LINES));
                    source.push(path.to_owned());
                }
                _ => {}
            }
        }
        if source.is_empty() || tests.is_empty() || source.len() > MOST_FILES || lines > MOST_LINES {
            return Ok(None);
        }
        let at = |revision: &str, path: &str| {
            self.git(&["cat-file", "blob", &format!("{revision}:{path}")])
                .ok()
                .map(|b| String::from_utf8_lossy(&b).into_owned())
        };
        let mut laid = BTreeMap::new();
        let mut changes = Vec::new();
        for path in &source {
            let (before, after) = (at(&parent, path), at(commit, path));
            laid.insert(path.clone(), before.clone());
            changes.push(FileChange { path: RepoPath::new(path)?, before, after });
        }
        let mut bugs = Vec::new();
        for path in &tests {
            let hunks = self.text(&["diff", "-U0", &parent, commit, "--", path])?;
            bugs.extend(hunks.lines().filter_map(first_added).map(|line| failing(path, line)));
        }
        let files = self.text(&["ls-tree", "-r", "--name-only", commit])?;
        let subject = self.text(&["log", "-1", "--format=%h %s", commit])?.trim().to_owned();
        let tree = Laid::new(&self.0, commit, &files, laid)?;
        Ok(Some(Fix { subject, tree, changes, bugs }))
    }
}

fn is_code(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["py", "js", "mjs", "cjs", "jsx", "ts", "tsx", "go", "rs", "java"].contains(&extension)
}

/// The first new line of a hunk's head `@@ -1,2 +3,4 @@`.
fn first_added(head: &str) -> Option<u32> {
    let (_, new) = head.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = new.split_once(" @@")?;
    new.split(',').next()?.parse().ok()
}

fn failing(path: &str, line: u32) -> BugReport {
    BugReport {
        fingerprint: Fingerprint::default(),
        tool: "test".to_owned(),
        category: Category::Logic,
        code: None,
        severity: Severity::Error,
        file: Some(path.to_owned()),
        line: Some(line),
        column: None,
        end_line: None,
        end_column: None,
        message: String::new(),
        test: Some(format!("{path}:{line}")),
        log: LogSpan::default(),
        related: Vec::new(),
        hint: None,
        package: None,
    }
}

impl Fix {
    fn judged(&self) -> anyhow::Result<Result<(), Rejection>> {
        let mut options = FixOptions::new(&[])?;
        options.max_changed_lines = 1000;
        let proposal = FixProposal {
            provider: "gemini".to_owned(),
            model: None,
            bugs: Vec::new(),
            context_level: 4,
            confidence: 1.0,
            reason: self.subject.clone(),
            edits: Vec::new(),
            command: None,
            window: Vec::new(),
            reverts: None,
            usage: Usage::default(),
        };
        let bugs = (self.bugs.as_slice(), self.bugs.as_slice());
        Ok(gate(&proposal, &self.changes, bugs, &self.tree, &options, &[]).map(|_| ()))
    }
}

/// A commit, with some files as they were.
struct Laid {
    repository: PathBuf,
    commit: String,
    files: Vec<TreeFile>,
    laid: BTreeMap<String, Option<String>>,
}

impl Laid {
    fn new(
        repository: &Path,
        commit: &str,
        files: &str,
        laid: BTreeMap<String, Option<String>>,
    ) -> anyhow::Result<Self> {
        let mut files: Vec<TreeFile> = files
            .lines()
            .filter(|path| !matches!(laid.get(*path), Some(None)))
            .filter_map(|path| {
                Some(TreeFile { path: RepoPath::new(path).ok()?, mode: FileMode::Regular, id: String::new() })
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { repository: repository.to_owned(), commit: commit.to_owned(), files, laid })
    }
}

impl SourceTree for Laid {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        if let Some(text) = self.laid.get(path.as_str()) {
            return text.clone().map(String::into_bytes);
        }
        History(self.repository.clone()).git(&["cat-file", "blob", &format!("{}:{path}", self.commit)]).ok()
    }
}
