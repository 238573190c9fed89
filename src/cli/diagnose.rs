//! `ci-healer diagnose [LOG | -]`: a log in, bug reports out. Touches
//! nothing else; of the repository it looks at names, and at manifests.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::Flags;
use crate::contract::bug::{Diagnosis, Origins};
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use crate::error::ExpectedError;
use crate::parser::{self, ParseOptions};
use crate::placing;
use crate::report::diagnosis::{self, Format};

/// A folder as a source tree: what git would not ignore of it.
struct Folder {
    root: PathBuf,
    files: Vec<TreeFile>,
}

impl Folder {
    fn open(root: &str) -> Result<Self, ExpectedError> {
        let root = PathBuf::from(root);
        if !root.is_dir() {
            return Err(ExpectedError::usage(format!("--repo {root:?} is not a folder")));
        }
        let mut files: Vec<TreeFile> = ignore::WalkBuilder::new(&root)
            .hidden(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
            .filter_map(|entry| RepoPath::new(entry.path().strip_prefix(&root).ok()?.to_str()?).ok())
            .map(|path| TreeFile { path, mode: FileMode::Regular, id: String::new() })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root, files })
    }
}

impl SourceTree for Folder {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.entry(path)?;
        std::fs::read(self.root.join(path.as_str())).ok()
    }

    fn open(&self, path: &RepoPath) -> Option<(u64, Box<dyn std::io::Read + Send + '_>)> {
        self.entry(path)?;
        let file = std::fs::File::open(self.root.join(path.as_str())).ok()?;
        Some((file.metadata().ok()?.len(), Box::new(file)))
    }
}

/// Read at once from the log.
const BUFFER: usize = 1 << 16;

pub(super) fn run(flags: &Flags, rest: &[String], usage: &str) -> anyhow::Result<ExitCode> {
    let format = flags.get("format").and_then(|name| Format::from_name(name)).unwrap_or(Format::Text);
    let path = rest.first().map_or("-", String::as_str);
    diagnose(flags.get("repo"), path, format).map_err(|error| error.hint(usage).into())
}

fn diagnose(repo: Option<&String>, path: &str, format: Format) -> Result<ExitCode, ExpectedError> {
    let options = ParseOptions::default();
    let (mut diagnosis, origins) = if path == "-" {
        read(io::stdin().lock(), "standard input", &options)?
    } else {
        let file = open(Path::new(path))?;
        read(BufReader::with_capacity(BUFFER, file), path, &options)?
    };
    if let Some(repo) = repo {
        placing::place(&mut diagnosis, &origins, &[], &Folder::open(repo)?);
    }
    match diagnosis::write(&diagnosis, format, &mut io::stdout().lock()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.map_err(|e| ExpectedError::environment(format!("cannot write the reports: {e}")))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(
    mut log: impl BufRead,
    what: &str,
    options: &ParseOptions,
) -> Result<(Diagnosis, Origins), ExpectedError> {
    let head = log.fill_buf().map_err(|e| unreadable(what, &e))?;
    if parser::looks_binary(head) {
        return Err(ExpectedError::usage(format!("{what} is a binary file, not a log")));
    }
    parser::read(log, options).map_err(|e| unreadable(what, &e))
}

fn open(path: &Path) -> Result<std::fs::File, ExpectedError> {
    let file = std::fs::File::open(path).map_err(|e| unreadable(&path.display().to_string(), &e))?;
    let is_dir = file.metadata().is_ok_and(|m| m.is_dir());
    if is_dir {
        return Err(ExpectedError::usage(format!("{} is a folder, not a log", path.display())));
    }
    Ok(file)
}

fn unreadable(what: &str, error: &io::Error) -> ExpectedError {
    ExpectedError::usage(format!("cannot read {what}: {error}"))
}
