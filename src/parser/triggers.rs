//! Which tools a line triggers, and how strong a failure marker it holds.

use std::sync::LazyLock;

use log_scan::lines::Block;
use log_scan::{Matches, Patterns};

use super::evidence::FAILURE_MARKERS;
use super::registry::{self, Tool};

struct Triggers {
    tools: Vec<&'static Tool>,
    patterns: Patterns,
    /// Whose each pattern is.
    owners: Vec<Owner>,
}

#[derive(Debug, Clone, Copy)]
enum Owner {
    /// By its place in `Triggers::tools`.
    Tool(usize),
    /// By its weight.
    FailureMarker(u8),
}

/// Made once.
static TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| {
    let tools: Vec<_> = registry::tools().collect();
    let triggers = tools.iter().enumerate();
    let triggers =
        triggers.flat_map(|(at, tool)| tool.triggers.iter().map(move |one| (Owner::Tool(at), *one)));
    let signs = FAILURE_MARKERS.iter().map(|(pattern, weight)| (Owner::FailureMarker(*weight), *pattern));
    let (owners, patterns): (Vec<_>, Vec<_>) = triggers.chain(signs).unzip();
    Triggers { tools, patterns: Patterns::new(&patterns), owners }
});

/// What a line matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LineMatches {
    /// The tools it triggers, in order of precedence.
    pub(super) tools: Vec<usize>,
    /// Of the heaviest failure marker; 0 where there is none.
    pub(super) weight: u8,
}

pub(super) struct Scanner {
    patterns: log_scan::Scanner,
    /// Of the lines of the last block.
    block: Matches,
    /// Of the last single line.
    line: Matches,
}

impl Scanner {
    pub(super) fn new() -> Self {
        let patterns = log_scan::Scanner::new(&TRIGGERS.patterns);
        Self { patterns, block: Matches::default(), line: Matches::default() }
    }

    pub(super) fn tool(at: usize) -> &'static Tool {
        TRIGGERS.tools[at]
    }

    pub(super) fn scan(&mut self, block: &Block) {
        self.patterns.scan(block, &mut self.block);
    }

    /// Puts what the last block's line at this place is into `found`.
    pub(super) fn of(&self, line: usize, found: &mut LineMatches) {
        found.set(self.block.of(line));
    }

    /// Puts what `line` is into `found`.
    pub(super) fn scan_line(&mut self, line: &str, found: &mut LineMatches) {
        self.patterns.scan_line(line.as_bytes(), &mut self.line);
        found.set(self.line.of(0));
    }

    /// Whether the line triggers any tool.
    pub(super) fn any(&mut self, line: &str) -> bool {
        let mut found = LineMatches::default();
        self.scan_line(line, &mut found);
        !found.tools.is_empty()
    }
}

impl LineMatches {
    fn set(&mut self, matching: impl Iterator<Item = usize>) {
        self.tools.clear();
        self.weight = 0;
        for pattern in matching {
            match TRIGGERS.owners[pattern] {
                Owner::Tool(tool) => self.tools.push(tool),
                Owner::FailureMarker(weight) => self.weight = self.weight.max(weight),
            }
        }
        self.tools.sort_unstable();
        self.tools.dedup();
    }
}

#[cfg(test)]
mod tests {
    use log_scan::lines::for_each_block;

    use super::*;

    /// What the `regex` crate says of the same patterns, all behind no gate.
    struct Each {
        all: Vec<(Option<usize>, &'static str, u8)>,
        set: regex::bytes::RegexSet,
    }

    impl Each {
        fn new() -> Self {
            let triggers = registry::tools().enumerate();
            let triggers =
                triggers.flat_map(|(at, tool)| tool.triggers.iter().map(move |one| (Some(at), *one, 0)));
            let signs = FAILURE_MARKERS.iter().map(|(pattern, weight)| (None, *pattern, *weight));
            let all: Vec<_> = triggers.chain(signs).collect();
            let set = regex::bytes::RegexSetBuilder::new(all.iter().map(|(_, pattern, _)| pattern));
            let set = { set }.unicode(false).size_limit(1 << 26).dfa_size_limit(1 << 23).build().unwrap();
            Self { all, set }
        }

        fn of(&self, line: &str) -> LineMatches {
            let matching: Vec<_> = self.set.matches(line.as_bytes()).iter().map(|at| self.all[at]).collect();
            let mut tools: Vec<_> = matching.iter().filter_map(|(tool, ..)| *tool).collect();
            tools.dedup();
            LineMatches { tools, weight: matching.iter().map(|(_, _, weight)| *weight).max().unwrap_or(0) }
        }
    }

    /// With more than 64 words among them they would be searched for several times slower.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn words_are_searched_for_fast() {
        assert!(TRIGGERS.patterns.is_fast() || !std::arch::is_x86_feature_detected!("avx2"));
    }

    #[test]
    fn a_line_is_what_each_pattern_alone_says_it_is() {
        let (each, mut scanner, mut found) = (Each::new(), Scanner::new(), LineMatches::default());
        let mut triggered = 0;
        for line in LINES {
            scanner.scan_line(line, &mut found);
            assert_eq!(found, each.of(line), "{line}");
            assert_eq!(scanner.any(line), !found.tools.is_empty());
            triggered += found.tools.len();
        }
        assert!(triggered >= LINES.len() / 2);
    }

    #[test]
    fn so_are_the_lines_of_real_logs() {
        let recorded = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
        let logs = globset::Glob::new("*.log").unwrap().compile_matcher();
        let logs = ignore::Walk::new(recorded)
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| logs.is_match(path));
        let (each, mut scanner, mut found) = (Each::new(), Scanner::new(), LineMatches::default());
        let (mut lines, mut triggered) = (std::collections::BTreeMap::new(), 0);
        for log in logs {
            let mut log = std::io::BufReader::new(std::fs::File::open(log).unwrap());
            let mut compare = |block: &Block| {
                scanner.scan(block);
                for (at, line) in block.lines().enumerate() {
                    scanner.of(at, &mut found);
                    let wanted = lines.entry(line.text.to_owned()).or_insert_with(|| each.of(line.text));
                    assert_eq!(found, *wanted, "{}", line.text);
                    triggered += found.tools.len();
                }
            };
            for_each_block(&mut log, &mut compare).unwrap();
        }
        assert!(lines.len() > 5_000, "{}", lines.len());
        assert!(triggered > lines.len() / 10);
    }

    const LINES: &[&str] = &[
        "",
        "write /var/lib/x: No space left on device",
        "/bin/bash: line 1: 41 Killed    python train.py",
        "process didn't exit successfully: `x` (signal: 9, SIGKILL: kill)",
        "ArithmeticTest > adds FAILED",
        "[ERROR] com.acme.CartTest.adds -- Time elapsed: 0.1 s <<< FAILURE!",
        "build.gradle.kts:3:1: error: Unresolved reference: plugin",
        "src/a.py:3:5 - error: \"x\" is not defined",
        "src/a.js: line 3, col 5, Error - Unexpected token",
        "npm ERR! code ECONNREFUSED",
        "error[E0425]: cannot find value `x` in this scope",
        "--- FAIL: TestAdds (0.00s)",
        "    ERROR: no such thing",
        "  the job has Failed with Exit Code: 3",
        "dir/a.py:3:5: E501 line too long",
        "just words, nothing else",
    ];
}
