//! Answers that are set right by what the failing test says is missing: `amount + 14 * bool(prices)` where it wants 7 and
//! got -7. A number that is new, is what expected and actual differ by, and counts by the shape of the input alone, was
//! made for the test. What the repository knows already, its code, its data or what it
//! tells people, is a constant of its own.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, failing_code, may_be_test};
use crate::contract::bug::BugReport;
use crate::contract::fix::FileChange;
use crate::contract::git::{RepoPath, SourceTree};
use crate::syntax::{Definition, DefinitionKind, Grammar, Measured, Reading, Term, shared_outline};

/// Numbers of one message that are held against each other.
const MOST: usize = 8;
/// Files beside the changed one that are searched for a constant.
const MOST_FILES: usize = 400;
/// A file that is searched is at most as large.
const LARGEST: usize = 256 * 1024;

/// Numbers that honest code adds, multiplies by and asks for.
const COMMON: &[f64] = &[
    0.0, 1.0, 2.0, 3.0, 10.0, 24.0, 60.0, 100.0, 255.0, 256.0, 365.0, 1000.0, 1024.0, 3600.0, 86_400.0, 1e6,
    1e9,
];

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r"-?\b\d{1,12}(?:\.\d{1,9})?\b").ok()
});

fn numbers(text: &str) -> Vec<f64> {
    let found =
        NUMBER.iter().flat_map(|pattern| pattern.find_iter(text)).filter_map(|m| m.as_str().parse().ok());
    found.collect()
}

/// What the failing assertions' expected and actual values differ by.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    values: Vec<f64>,
    /// What the failing tests are about.
    words: BTreeSet<String>,
}

impl Differences {
    fn holds(&self, value: f64) -> bool {
        self.values.iter().any(|known| (known.abs() - value.abs()).abs() < 1e-9)
    }
}

/// By message and code of the failing tests: expected is what both say, actual what the message alone says.
pub(crate) fn differences(bugs: &[BugReport], tree: &dyn SourceTree) -> Differences {
    let (mut found, mut about) = (Vec::new(), BTreeSet::new());
    for bug in bugs.iter().filter(may_be_test) {
        let code = failing_code(std::slice::from_ref(bug), tree);
        let stated = numbers(&code);
        about.extend(words(&code));
        about.extend(words(bug.test.as_deref().unwrap_or_default()));
        let (mut expected, mut actual): (Vec<f64>, Vec<f64>) =
            numbers(&bug.message).into_iter().partition(|number| stated.contains(number));
        // A message may say nothing of what is wanted.
        if expected.is_empty() {
            expected.clone_from(&stated);
        }
        for list in [&mut expected, &mut actual] {
            list.truncate(MOST);
        }
        for one in &expected {
            for other in &actual {
                found.push(one - other);
                if *other != 0.0 && *one != 0.0 {
                    found.extend([one / other, other / one]);
                }
            }
        }
    }
    found.retain(|value| value.is_finite() && !COMMON.contains(&value.abs()));
    Differences { values: found, words: about }
}

/// What a change answers with because the test misses it.
pub(crate) fn find(change: &FileChange, differences: &Differences, tree: &dyn SourceTree) -> Option<Finding> {
    let grammar = Grammar::of(change.path.as_str())?;
    let after = Reading::of(grammar, change.after.as_deref()?).ok()?;
    let before = change.before.as_deref().and_then(|text| Reading::of(grammar, text).ok())?;
    let old = before.terms();
    let is_new = |term: &Term| !old.iter().any(|known| known.value.abs() == term.value.abs());
    let missing = after
        .terms()
        .into_iter()
        .filter(|term| !term.function.is_empty() && differences.holds(term.value) && is_new(term))
        .find(|term| !is_known(change, term, differences, tree));
    let finding = |factor, line, what: &str, text: &str| Finding {
        factor,
        line,
        what: format!("{what} (`{}`)", super::super::sanitize::one_line(text, 80)),
    };
    if let Some(term) = missing {
        return Some(if term.shaped {
            finding(
                None,
                term.line,
                "adds what the failing test misses by the shape of its input",
                &term.text,
            )
        } else {
            finding(Some(0.85), term.line, "adds what the failing test misses", &term.text)
        });
    }
    // Before, what was in the input counted.
    let computing = before.computing();
    let measured_before: BTreeSet<String> = before.measured().into_iter().map(|m| m.function).collect();
    let is_made = |m: &Measured| {
        m.constants > 0 && computing.contains(&m.function) && !measured_before.contains(&m.function)
    };
    let is_about_values = !differences.values.is_empty();
    let measured = after.measured().into_iter().find(|m| is_about_values && is_made(m))?;
    let factor = (measured.constants == 1).then_some(0.75);
    Some(finding(factor, measured.line, "answers by the length of its input alone", &measured.text))
}

/// Whether the repository knows the number: as a constant with a name, or near words that the fix or the failing test
/// uses, in code of the same folder, in what is written for people and in data. Elsewhere it is another number.
fn is_known(change: &FileChange, term: &Term, differences: &Differences, tree: &dyn SourceTree) -> bool {
    let value = term.value;
    let holds = |text: &str| numbers(text).iter().any(|known| known.abs() == value.abs());
    if change.before.as_deref().is_some_and(holds) {
        return true;
    }
    let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let own = folder(change.path.as_str());
    let others = tree.files().iter().map(|file| &file.path).filter(|path| **path != change.path);
    let mut found: Vec<(Source, &RepoPath)> = others
        .filter_map(|path| Some((Source::of(path.as_str(), folder(path.as_str()) == own)?, path)))
        .collect();
    found.sort_by_key(|(source, _)| *source);
    // As a float is spelled with a point and without.
    let spelled = value.abs().to_string();
    let mut about = words(&format!("{} {} {}", term.function, term.text, change.path));
    about.extend(differences.words.iter().cloned());
    found
        .into_iter()
        .take(MOST_FILES)
        .filter_map(|(source, path)| Some((source, path, tree.read_text(path)?)))
        .filter(|(_, _, text)| text.len() <= LARGEST && text.contains(&spelled))
        .any(|(source, path, text)| {
            let lines: Vec<&str> = text.lines().collect();
            let constants = named_constants(path, &text);
            let is_it = |at: usize| {
                if !holds(lines[at]) {
                    return false;
                }
                let named = constants.iter().any(|(first, last)| (*first..=*last).contains(&(at + 1)));
                // A row of a table speaks for itself; a sentence may begin or end on the line beside.
                let is_row = source == Source::Elsewhere || path.as_str().ends_with("sv");
                let reach = usize::from(!is_row);
                let near = &lines[at.saturating_sub(reach)..(at + reach + 1).min(lines.len())];
                let speaks = || near.iter().any(|line| words(line).iter().any(|word| about.contains(word)));
                named || source != Source::Elsewhere && speaks()
            };
            (0..lines.len()).any(is_it)
        })
}

/// Words of a text that say what it is about, without their endings.
fn words(text: &str) -> BTreeSet<String> {
    // What stands in any code, any test and any path.
    const COMMON: &[&str] = &[
        "def", "the", "and", "are", "for", "not", "let", "var", "int", "pub", "use", "has", "get", "new",
        "is", "assert", "equal", "expect", "return", "self", "this", "true", "false", "none", "null", "else",
        "elif", "test", "tests", "func", "function", "const", "public", "static", "class", "bool", "float",
        "double", "string", "with", "from", "import", "src", "lib", "main", "index", "value", "values",
        "result", "number", "list", "item", "items", "length", "size", "name", "data", "amount", "that",
        "then", "when", "have", "what", "will", "must", "should", "describe", "left", "right", "actual",
        "want", "java",
    ];
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut put = |word: &mut String| {
        let whole = std::mem::take(word).to_lowercase();
        if whole.len() > 2 && !COMMON.contains(&whole.as_str()) {
            // `prices` and `price`, `shipping` and `shipped`.
            found.insert(whole.chars().take(5).collect());
        }
    };
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_alphabetic() || c.is_uppercase() && before.is_lowercase() {
            put(&mut word);
        }
        if c.is_alphabetic() {
            word.push(c);
        }
        before = c;
    }
    put(&mut word);
    found
}

/// Where a number may stand that is no test's, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// Code of the same folder.
    Beside,
    /// Text for people, or data.
    Told,
    /// Code of other folders.
    Elsewhere,
}

impl Source {
    fn of(path: &str, is_beside: bool) -> Option<Self> {
        const TOLD: &[&str] =
            &["md", "rst", "adoc", "csv", "tsv", "json", "yaml", "yml", "toml", "ini", "properties"];
        // Versions and pins are numbers of something else.
        const OTHERS: &[&str] =
            &["lock", "package.json", "manifest", "changelog", "changes", "history", "requirements"];
        let lower = path.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        if ["test", "spec", "fixture", "snap"].iter().any(|word| lower.contains(word))
            || lower.starts_with('.')
        {
            return None;
        }
        if name.starts_with("readme") {
            return Some(Self::Told);
        }
        if OTHERS.iter().any(|word| name.contains(word)) {
            return None;
        }
        if Grammar::of(path).is_some() {
            return Some(if is_beside { Self::Beside } else { Self::Elsewhere });
        }
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        TOLD.contains(&ending).then_some(Self::Told)
    }
}

/// Lines of what has a name and one value, at the top of a file or of a class: `FEE = 14`, `const fee = 14`,
/// `static final int FEE = 14;`. A long one is a table, which does not name what stands in it.
fn named_constants(path: &RepoPath, text: &str) -> Vec<(usize, usize)> {
    const LONGEST: u32 = 3;
    let outline = Grammar::of(path.as_str()).and_then(|grammar| shared_outline(grammar, text).ok());
    let Some(outline) = outline else { return Vec::new() };
    let is_constant = |d: &&Definition| {
        let head = text.get(d.head..d.bytes.end).unwrap_or_default().split(['=', '\n']).next();
        let words: Vec<&str> = head.unwrap_or_default().split_whitespace().collect();
        let is_declared = ["const", "static", "final"].iter().any(|word| words.contains(word));
        let shouts = d.name.len() > 1 && d.name.to_uppercase() == d.name && d.name.to_lowercase() != d.name;
        matches!(d.kind, DefinitionKind::Constant | DefinitionKind::Field)
            && (is_declared || shouts || outline.grammar == Grammar::Go)
            && d.lines.1 - d.head_line < LONGEST
    };
    let number = |line: u32| usize::try_from(line).unwrap_or(usize::MAX);
    outline.definitions.iter().filter(is_constant).map(|d| (number(d.head_line), number(d.lines.1))).collect()
}
