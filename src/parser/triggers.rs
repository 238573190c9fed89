//! Which tools a line wakes, and what it says of a failure: all patterns tried at once, on every line of the log.

use std::sync::LazyLock;

use regex_automata::hybrid::dfa::{Cache, DFA, OverlappingState};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::evidence::SIGNS;
use super::gates::{self, Gate, Words};
use super::registry::{self, Tool};

pub(super) struct Triggers {
    pub(super) tools: Vec<&'static Tool>,
    open: Patterns,
    placed: Patterns,
    worded: Patterns,
    words: Words,
}

/// Patterns behind one gate.
struct Patterns {
    dfa: DFA,
    anchored: Anchored,
    owners: Vec<Owner>,
}

/// Whose pattern it is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    /// By its place in `Triggers::tools`.
    Tool(usize),
    /// By its weight.
    Sign(u8),
}

/// Made once: compiling some hundred patterns takes longer than reading a short log.
static TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| Triggers::new(registry::tools().collect()));

/// What a line is to whom.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Who is woken, in order of precedence.
    pub(super) tools: Vec<usize>,
    /// Of the heaviest sign of a failure; 0 where there is none.
    pub(super) weight: u8,
}

impl Triggers {
    fn new(tools: Vec<&'static Tool>) -> Self {
        let (mut open, mut placed, mut worded, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let triggers = tools.iter().enumerate();
        let triggers =
            triggers.flat_map(|(at, tool)| tool.triggers.iter().map(move |one| (Owner::Tool(at), *one)));
        let signs = SIGNS.iter().map(|(pattern, weight)| (Owner::Sign(*weight), *pattern));
        for (owner, pattern) in triggers.chain(signs) {
            match gates::of(pattern) {
                Gate::Open => open.push((owner, pattern)),
                Gate::Place => placed.push((owner, pattern)),
                Gate::Words(its) => {
                    words.extend(its);
                    worded.push((owner, pattern));
                }
            }
        }
        Self {
            tools,
            open: Patterns::new(&open, Anchored::Yes),
            placed: Patterns::new(&placed, Anchored::Yes),
            worded: Patterns::new(&worded, Anchored::No),
            words: Words::new(words),
        }
    }
}

impl Patterns {
    fn new(patterns: &[(Owner, &str)], anchored: Anchored) -> Self {
        let config = DFA::config().match_kind(MatchKind::All).cache_capacity(8 << 20);
        let patterns_alone: Vec<_> = patterns.iter().map(|(_, pattern)| pattern).collect();
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false))
            .build_many(&patterns_alone)
            .expect("triggers and signs are literals that the tests compile");
        Self { dfa, anchored, owners: patterns.iter().map(|(owner, _)| *owner).collect() }
    }

    /// Adds whose patterns match. No search can fail: no byte makes these automata quit, and they may work out anew
    /// what they have no room for.
    fn scan(&self, cache: &mut Cache, line: &[u8], found: &mut Found) {
        let input = Input::new(line).anchored(self.anchored);
        // Most lines match nothing, which is told faster than what they match.
        if !matches!(self.dfa.try_search_fwd(cache, &input.clone().earliest(true)), Ok(Some(_))) {
            return;
        }
        let mut state = OverlappingState::start();
        while self.dfa.try_search_overlapping_fwd(cache, &input, &mut state).is_ok()
            && let Some(matching) = state.get_match()
        {
            match self.owners[matching.pattern()] {
                Owner::Tool(tool) if found.tools.contains(&tool) => {}
                Owner::Tool(tool) => found.tools.push(tool),
                Owner::Sign(weight) => found.weight = found.weight.max(weight),
            }
        }
    }
}

/// Tries the patterns on lines. Keeps what it has worked out of them for the next line.
pub(super) struct Scanner {
    triggers: &'static Triggers,
    open: Cache,
    placed: Cache,
    worded: Cache,
}

impl Scanner {
    pub(super) fn new() -> Self {
        let triggers = &*TRIGGERS;
        let [open, placed, worded] =
            [&triggers.open, &triggers.placed, &triggers.worded].map(|patterns| patterns.dfa.create_cache());
        Self { triggers, open, placed, worded }
    }

    pub(super) fn tool(&self, at: usize) -> &'static Tool {
        self.triggers.tools[at]
    }

    /// Puts what `line` is into `found`.
    pub(super) fn scan(&mut self, line: &[u8], found: &mut Found) {
        found.tools.clear();
        found.weight = 0;
        self.triggers.open.scan(&mut self.open, line, found);
        if gates::has_place(line) {
            self.triggers.placed.scan(&mut self.placed, line, found);
        }
        if self.triggers.words.any(line) {
            self.triggers.worded.scan(&mut self.worded, line, found);
        }
        found.tools.sort_unstable();
    }

    /// Whether any tool is woken.
    pub(super) fn any(&mut self, line: &[u8]) -> bool {
        let mut found = Found::default();
        self.scan(line, &mut found);
        !found.tools.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with what the `regex` crate says of the same patterns, all behind no gate; how many tools woke.
    fn compare(lines: impl Iterator<Item = impl AsRef<[u8]>>) -> usize {
        let triggers = registry::tools().enumerate();
        let triggers =
            triggers.flat_map(|(at, tool)| tool.triggers.iter().map(move |one| (Some(at), *one, 0)));
        let signs = SIGNS.iter().map(|(pattern, weight)| (None, *pattern, *weight));
        let all: Vec<_> = triggers.chain(signs).collect();
        let set = regex::bytes::RegexSetBuilder::new(all.iter().map(|(_, pattern, _)| pattern));
        let set = { set }.unicode(false).size_limit(1 << 26).dfa_size_limit(1 << 23).build().unwrap();
        let mut scanner = Scanner::new();
        let (mut found, mut woke) = (Found::default(), 0);
        for line in lines {
            let line = line.as_ref();
            scanner.scan(line, &mut found);
            let matching: Vec<_> = set.matches(line).into_iter().map(|at| &all[at]).collect();
            let mut tools: Vec<_> = matching.iter().filter_map(|(tool, ..)| *tool).collect();
            tools.dedup();
            let weight = matching.iter().map(|(_, _, weight)| *weight).max().unwrap_or(0);
            assert_eq!((&found.tools, found.weight), (&tools, weight), "{}", String::from_utf8_lossy(line));
            assert_eq!(scanner.any(line), !tools.is_empty());
            woke += tools.len();
        }
        woke
    }

    #[test]
    fn a_line_is_what_each_pattern_alone_says_it_is() {
        assert!(compare(LINES.iter()) >= LINES.len() / 2);
    }

    #[test]
    fn so_are_the_lines_of_real_logs() {
        let recorded = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
        let logs = globset::Glob::new("*.log").unwrap().compile_matcher();
        let logs = ignore::Walk::new(recorded)
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| logs.is_match(path));
        let mut lines = std::collections::BTreeSet::new();
        for log in logs {
            let log = std::io::BufReader::new(std::fs::File::open(log).unwrap());
            let each = |line: super::super::lines::Line<'_>| {
                lines.insert(line.text.to_owned());
            };
            super::super::lines::for_each_line(log, each).unwrap();
        }
        assert!(lines.len() > 5_000, "{}", lines.len());
        assert!(compare(lines.iter()) > lines.len() / 10);
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
