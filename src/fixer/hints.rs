//! Fixes the log itself states, turned into edits: verified against the file's real text, free, and tried first.
//! Never guesses between candidates; what does not fit the file is left to the next provider.

mod derived;
mod imports;
mod indentation;
mod tokens;

use std::collections::BTreeMap;
use std::ops::Range;

use super::gate::TOOLCHAIN;
use super::language::Language;
use super::patch::patch_fingerprint;
use super::sanitize::one_line;
use super::{PastAttempt, edits};
use crate::contract::bug::{Applicability, BugReport, Category, Fingerprint, Hint, Suggestion};
use crate::contract::fix::{Edit, FixProposal, Usage};
use crate::contract::git::{RepoPath, SourceTree};
use crate::diff::LineDiff;
use crate::placing::find_file;

const SURE: f64 = 0.95;
const LIKELY: f64 = 0.75;
/// Below any sensible `min-confidence`: such a proposal is shown, not applied by itself.
const SHOWN_ONLY: f64 = 0.4;

/// A replacement of bytes in one file's text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Op {
    start: usize,
    end: usize,
    text: String,
}

impl Op {
    fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { start: range.start, end: range.end, text: text.into() }
    }
}

/// What one report's hint comes to.
struct Stated<'b> {
    bug: &'b BugReport,
    /// The hint in words.
    words: String,
    ops: BTreeMap<RepoPath, Vec<Op>>,
    confidence: f64,
}

/// Edits that the log states, best first: all that do not clash at once, then of these what is certain, then report by
/// report. Those that were tried before are left out. Commands that a log states are for the plan to rebuild.
#[must_use]
pub fn toolchain_proposals(
    bugs: &[BugReport],
    tree: &dyn SourceTree,
    history: &[PastAttempt],
) -> Vec<FixProposal> {
    let stated: Vec<Stated<'_>> = bugs.iter().filter_map(|bug| read(bug, tree)).collect();
    let applied: Vec<&Stated<'_>> = stated.iter().filter(|s| s.confidence > SHOWN_ONLY).collect();
    let sure: Vec<&Stated<'_>> = applied.iter().copied().filter(|s| s.confidence >= SURE).collect();
    let mut found = Vec::new();
    if applied.len() > 1 {
        found.extend(join(&applied, tree));
    }
    if sure.len() > 1 && sure.len() < applied.len() {
        found.extend(join(&sure, tree));
    }
    for one in &stated {
        found.extend(join(&[one], tree));
    }
    let mut seen: Vec<String> = Vec::new();
    found.retain(|proposal| {
        let key = edits::apply(&proposal.edits, &[], tree)
            .map_or_else(|r| format!("{r:?}"), |c| patch_fingerprint(&c));
        let tried = history.iter().any(|past| {
            past.patch.as_ref() == Some(&key)
                || past.proposal.provider == TOOLCHAIN && past.proposal.edits == proposal.edits
        });
        let fresh = !tried && !seen.contains(&key);
        seen.push(key);
        fresh
    });
    found
}

/// What runs a tool's own command in the sandbox, to fix `bugs`; `None` where that was tried before.
#[must_use]
pub fn command_proposal(bugs: &[&BugReport], command: &str, history: &[PastAttempt]) -> Option<FixProposal> {
    let tried = history
        .iter()
        .any(|past| past.proposal.provider == TOOLCHAIN && past.proposal.command.as_deref() == Some(command));
    let fingerprints = bugs.iter().map(|bug| bug.fingerprint.clone()).collect();
    let reason = format!("run `{}`", one_line(command, 200));
    (!tried).then(|| proposal(fingerprints, SURE, Vec::new(), Some(command.to_owned()), reason))
}

fn read<'b>(bug: &'b BugReport, tree: &dyn SourceTree) -> Option<Stated<'b>> {
    let derived = if bug.hint.is_none() { derived::hint(bug, tree) } else { None };
    let hint = bug.hint.as_ref().or(derived.as_ref())?;
    let words = one_line(&hint.text, 120);
    let mut stated = Stated { bug, words, ops: BTreeMap::new(), confidence: confidence(hint) };
    for suggestion in &hint.suggestions {
        match suggestion {
            Suggestion::Command { .. } => {}
            Suggestion::AddDependency { name } => {
                if let Some((path, op)) = add_dependency(name, bug, tree) {
                    stated.confidence = SHOWN_ONLY;
                    stated.ops.entry(path).or_default().push(op);
                }
            }
            other => {
                // All of a hint's suggestions together are the fix: one that does not fit spoils it.
                let (path, ops) = edit(other, bug, tree)?;
                stated.ops.entry(path).or_default().extend(ops);
            }
        }
    }
    (!stated.ops.is_empty()).then_some(stated)
}

fn confidence(hint: &Hint) -> f64 {
    match hint.applicability {
        Applicability::MachineApplicable => SURE,
        Applicability::MaybeIncorrect => LIKELY,
    }
}

/// Where a suggestion's change lies in the file as it is.
fn edit(suggestion: &Suggestion, bug: &BugReport, tree: &dyn SourceTree) -> Option<(RepoPath, Vec<Op>)> {
    let file = match suggestion {
        Suggestion::ReplaceLines { file, .. }
        | Suggestion::ReplaceText { file, .. }
        | Suggestion::ExpectedToken { file, .. }
        | Suggestion::RemoveImport { file, .. }
        | Suggestion::AddImport { file, .. }
        | Suggestion::RemoveLine { file, .. }
        | Suggestion::Reindent { file, .. } => file,
        Suggestion::AddDependency { .. } | Suggestion::Command { .. } => return None,
    };
    let path = find_file(file, tree)?;
    let text = tree.read_text(&path)?;
    let lines = Lines::of(&text);
    let language = Language::of(path.as_str());
    let ops = match suggestion {
        Suggestion::ReplaceLines { line, old, new, .. } => vec![replace_lines(&lines, *line, old, new)?],
        Suggestion::ReplaceText { line, column, old, new, .. } => {
            vec![replace_text(&lines, *line, *column, old, new)?]
        }
        Suggestion::ExpectedToken { line, column, token, .. } => {
            vec![tokens::insert(language, &lines, *line, *column, token)?]
        }
        Suggestion::RemoveImport { line, name, .. } => vec![imports::remove(language, &lines, *line, name)?],
        Suggestion::AddImport { statement, .. } => vec![imports::add(language, &lines, statement)?],
        Suggestion::RemoveLine { line, name, .. } => {
            vec![remove_line(language, &lines, *line, name.as_deref())?]
        }
        Suggestion::Reindent { line, columns, .. } => {
            indentation::reindent(language, &lines, *line, *columns, &bug.message)?
        }
        Suggestion::AddDependency { .. } | Suggestion::Command { .. } => return None,
    };
    Some((path, ops))
}

/// A text by lines, with the byte each begins at.
struct Lines<'t> {
    text: &'t str,
    /// Start and content without its end.
    lines: Vec<(usize, &'t str)>,
    ending: &'static str,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut lines = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            lines.push((at, line.trim_end_matches(['\n', '\r'])));
            at += line.len();
        }
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text, lines, ending }
    }

    /// The content of line `number`, from 1.
    fn get(&self, number: u32) -> Option<&'t str> {
        self.lines.get(usize::try_from(number).ok()?.checked_sub(1)?).map(|l| l.1)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// The byte line `number` begins at; the end of the text for the line after the last.
    fn start(&self, number: u32) -> Option<usize> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        match self.lines.get(index) {
            Some((at, _)) => Some(*at),
            None if index == self.lines.len() => Some(self.text.len()),
            None => None,
        }
    }

    /// The bytes of whole lines `first..=last`, with their ends.
    fn span(&self, first: u32, last: u32) -> Option<Range<usize>> {
        Some(self.start(first)?..self.start(last.checked_add(1)?)?)
    }

    /// Whole lines as text, each ended as the file does.
    fn whole<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> String {
        lines.into_iter().fold(String::new(), |out, line| out + line + self.ending)
    }

    /// Puts whole lines before line `number`, also where the last line has no end.
    fn insert_before(&self, number: u32, content: &str) -> Option<Op> {
        let at = self.start(number)?;
        if at == self.text.len() && at > 0 && !self.text.ends_with('\n') {
            let content = content.strip_suffix(self.ending).unwrap_or(content);
            return Some(Op::new(at..at, format!("{}{content}", self.ending)));
        }
        Some(Op::new(at..at, content))
    }
}

fn replace_lines(lines: &Lines<'_>, line: u32, old: &[String], new: &[String]) -> Option<Op> {
    let content = lines.whole(new.iter().map(String::as_str));
    if old.is_empty() {
        return lines.insert_before(line, &content);
    }
    let count = u32::try_from(old.len()).ok()?;
    let fits = |at: u32| {
        old.iter()
            .zip(at..)
            .all(|(want, n)| lines.get(n).is_some_and(|have| have.trim_end() == want.trim_end()))
    };
    // An earlier fix may have moved the lines; near by and only once they are still meant.
    let at = if fits(line) {
        line
    } else {
        let near: Vec<u32> =
            (line.saturating_sub(40).max(1)..=line.saturating_add(40)).filter(|n| fits(*n)).collect();
        match near.as_slice() {
            [only] => *only,
            _ => return None,
        }
    };
    let range = lines.span(at, at + count - 1)?;
    let unended = range.end == lines.text.len() && !lines.text.ends_with('\n');
    let content =
        if unended { content.strip_suffix(lines.ending).unwrap_or(&content).to_owned() } else { content };
    Some(Op::new(range, content))
}

fn replace_text(lines: &Lines<'_>, line: u32, column: Option<u32>, old: &str, new: &str) -> Option<Op> {
    if new.contains('\n') && lines.ending != "\n" {
        return None;
    }
    let content = lines.get(line)?;
    let start = lines.start(line)?;
    let by_char = column.and_then(|c| char_to_byte(content, c));
    // Some tools count bytes.
    let by_byte =
        column.and_then(|c| usize::try_from(c).ok()?.checked_sub(1)).filter(|b| content.is_char_boundary(*b));
    if old.is_empty() {
        let at = start + by_char.or(by_byte)?;
        return Some(Op::new(at..at, new));
    }
    let stands = |at: &usize| content.get(*at..).is_some_and(|rest| rest.starts_with(old));
    let at = match by_char.filter(stands).or(by_byte.filter(stands)) {
        Some(at) => at,
        None => {
            let mut places =
                content.match_indices(old).map(|(at, _)| at).filter(|at| whole_word(content, *at, old));
            match (places.next(), places.next()) {
                (Some(only), None) => only,
                _ => return None,
            }
        }
    };
    Some(Op::new(start + at..start + at + old.len(), new))
}

/// The byte of a column counted in characters from 1; one past the end is the end.
fn char_to_byte(line: &str, column: u32) -> Option<usize> {
    let index = usize::try_from(column).ok()?.checked_sub(1)?;
    line.char_indices().map(|(b, _)| b).chain([line.len()]).nth(index)
}

/// A name is not found inside a longer name.
fn whole_word(line: &str, at: usize, word: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let starts = word.starts_with(name) && line[..at].ends_with(name);
    let ends = word.ends_with(name) && line[at + word.len()..].starts_with(name);
    !starts && !ends
}

fn remove_line(language: Language, lines: &Lines<'_>, line: u32, name: Option<&str>) -> Option<Op> {
    let content = lines.get(line)?;
    if name.is_some_and(|n| !content.match_indices(n).any(|(at, _)| whole_word(content, at, n))) {
        return None;
    }
    if content.trim().is_empty() {
        return None;
    }
    let code = super::language::code_only(language, lines.text);
    let balance = |n: u32| -> i32 {
        code.get(n as usize - 1).map_or(0, |l| {
            l.chars().map(|c| i32::from("([{".contains(c)) - i32::from(")]}".contains(c))).sum()
        })
    };
    let mut last = line;
    let mut open = balance(line);
    if open < 0 {
        return None;
    }
    while open > 0 && last < lines.count() && last < line + 20 {
        last += 1;
        open += balance(last);
    }
    if open != 0 || (language.indents() && only_in_block(lines, line, last)) {
        return None;
    }
    Some(Op::new(lines.span(line, last)?, ""))
}

/// Whether lines `first..=last` are all a Python block has.
fn only_in_block(lines: &Lines<'_>, first: u32, last: u32) -> bool {
    use super::language::indent_of;
    let Some(content) = lines.get(first) else { return false };
    let depth = indent_of(content).len();
    let full = |n: u32| lines.get(n).filter(|l| !l.trim().is_empty());
    let above = (1..first).rev().find_map(full);
    let below = (last + 1..=lines.count()).find_map(full);
    let heads = above.is_some_and(|l| indent_of(l).len() < depth && l.trim_end().ends_with(':'));
    let ends = below.is_none_or(|l| indent_of(l).len() < depth);
    heads && ends
}

/// Joins the edits of several reports into one proposal; of those that contradict each other the first stays.
fn join(stated: &[&Stated<'_>], tree: &dyn SourceTree) -> Option<FixProposal> {
    let mut by_file: BTreeMap<&RepoPath, Vec<&Op>> = BTreeMap::new();
    let mut joined: Vec<&Stated<'_>> = Vec::new();
    for one in stated {
        let clashes = one.ops.iter().any(|(path, ops)| {
            let taken = by_file.get(path).map_or(&[][..], Vec::as_slice);
            ops.iter().any(|op| taken.iter().any(|other| *other != op && clash(op, other)))
                || ops.iter().enumerate().any(|(at, op)| ops[..at].iter().any(|o| o != op && clash(o, op)))
        });
        if !clashes {
            joined.push(one);
            for (path, ops) in &one.ops {
                by_file.entry(path).or_default().extend(ops);
            }
        }
    }
    let mut edits = Vec::new();
    for (path, mut ops) in by_file {
        ops.sort_unstable();
        ops.dedup();
        let before = tree.read_text(path)?;
        let mut after = String::with_capacity(before.len());
        let mut done = 0;
        for op in ops {
            after.push_str(before.get(done..op.start)?);
            after.push_str(&op.text);
            done = op.end;
        }
        after.push_str(before.get(done..)?);
        edits.extend(edits_of(path, &before, &after));
    }
    if edits.is_empty() {
        return None;
    }
    let reason = match joined.as_slice() {
        [one] => one.words.clone(),
        many => format!("apply what the tools suggest for {} reports", many.len()),
    };
    let confidence = joined.iter().map(|s| s.confidence).fold(1.0, f64::min);
    let mut bugs: Vec<_> = joined.iter().map(|s| s.bug.fingerprint.clone()).collect();
    bugs.dedup();
    Some(proposal(bugs, confidence, edits, None, reason))
}

/// Two changes of one place. Whole lines put in at one place stand one after the other.
fn clash(a: &Op, b: &Op) -> bool {
    let (a, b) = if (a.start, a.end) <= (b.start, b.end) { (a, b) } else { (b, a) };
    let lines = |op: &Op| op.start == op.end && op.text.ends_with('\n');
    a.end > b.start || (a.start == b.start && a.end == b.end && !(lines(a) && lines(b)))
}

fn proposal(
    bugs: Vec<Fingerprint>,
    confidence: f64,
    edits: Vec<Edit>,
    command: Option<String>,
    reason: String,
) -> FixProposal {
    FixProposal {
        provider: TOOLCHAIN.to_owned(),
        model: None,
        bugs,
        context_level: 0,
        confidence,
        reason,
        edits,
        command,
        window: Vec::new(),
        reverts: None,
        usage: Usage { cost: Some(0.0), ..Usage::default() },
    }
}

/// Edits that turn `before` into `after`, each quoting enough lines to stand at one place only.
#[must_use]
pub fn edits_of(path: &RepoPath, before: &str, after: &str) -> Vec<Edit> {
    if before == after {
        return Vec::new();
    }
    if before.is_empty() {
        return vec![Edit { path: path.clone(), find: String::new(), replace: after.to_owned() }];
    }
    let diff = LineDiff::between(before, after);
    let (old, new) = (&diff.old, &diff.new);
    let mut hunks: Vec<(Range<usize>, Range<usize>)> =
        diff.hunks().map(|op| (op.old_range(), op.new_range())).collect();
    // Widen a hunk by the equal lines around it until its text is unique; one that meets a neighbour joins it.
    let is_unique = |o: &Range<usize>| {
        let quote = old[o.clone()].concat();
        !quote.is_empty() && unique(before, &quote)
    };
    while let Some(i) = hunks.iter().position(|(o, _)| !is_unique(o)) {
        let above = if i == 0 { 0 } else { hunks[i - 1].0.end };
        let below = hunks.get(i + 1).map_or(old.len(), |next| next.0.start);
        let (o, n) = &mut hunks[i];
        let (up, down) = (o.start > above, o.end < below);
        if up {
            (o.start, n.start) = (o.start - 1, n.start - 1);
        }
        if down {
            (o.end, n.end) = (o.end + 1, n.end + 1);
        }
        if up || down {
            continue;
        }
        // No equal line is left on either side; the whole file is unique, so somebody is there to join.
        let first = if i == 0 { 0 } else { i - 1 };
        if first + 1 >= hunks.len() {
            break;
        }
        let (o, n) = hunks.remove(first + 1);
        (hunks[first].0.end, hunks[first].1.end) = (o.end, n.end);
    }
    hunks
        .into_iter()
        .map(|(o, n)| Edit { path: path.clone(), find: old[o].concat(), replace: new[n].concat() })
        .collect()
}

/// Also overlapping repetitions count.
fn unique(text: &str, quote: &str) -> bool {
    text.find(quote).is_some_and(|at| {
        let next = at + text[at..].chars().next().map_or(1, char::len_utf8);
        !text[next..].contains(quote)
    })
}

/// Import names whose package goes by another name, and common ones that share it.
const PYTHON_PACKAGES: &[(&str, &str)] = &[
    ("yaml", "PyYAML"),
    ("cv2", "opencv-python"),
    ("PIL", "Pillow"),
    ("sklearn", "scikit-learn"),
    ("skimage", "scikit-image"),
    ("bs4", "beautifulsoup4"),
    ("dotenv", "python-dotenv"),
    ("dateutil", "python-dateutil"),
    ("jwt", "PyJWT"),
    ("OpenSSL", "pyOpenSSL"),
    ("Crypto", "pycryptodome"),
    ("attr", "attrs"),
    ("serial", "pyserial"),
    ("git", "GitPython"),
    ("magic", "python-magic"),
    ("MySQLdb", "mysqlclient"),
    ("psycopg2", "psycopg2-binary"),
    ("google.protobuf", "protobuf"),
    ("requests", "requests"),
    ("numpy", "numpy"),
    ("pandas", "pandas"),
    ("scipy", "scipy"),
    ("matplotlib", "matplotlib"),
    ("flask", "Flask"),
    ("django", "Django"),
    ("fastapi", "fastapi"),
    ("pydantic", "pydantic"),
    ("httpx", "httpx"),
    ("aiohttp", "aiohttp"),
    ("click", "click"),
    ("rich", "rich"),
    ("tqdm", "tqdm"),
    ("jinja2", "Jinja2"),
    ("sqlalchemy", "SQLAlchemy"),
    ("redis", "redis"),
    ("boto3", "boto3"),
    ("lxml", "lxml"),
    ("toml", "toml"),
    ("tomli", "tomli"),
    ("typing_extensions", "typing_extensions"),
    ("packaging", "packaging"),
    ("cryptography", "cryptography"),
    ("simplejson", "simplejson"),
];

/// A line for a requirements file. Which version, and whether to trust the package at all, is for people to say.
fn add_dependency(name: &str, bug: &BugReport, tree: &dyn SourceTree) -> Option<(RepoPath, Op)> {
    let python = bug.file.as_deref().is_some_and(|f| Language::of(f) == Language::Python)
        || matches!(bug.tool.as_str(), "pytest" | "python" | "cpython" | "unittest");
    if !python || !matches!(bug.category, Category::Import | Category::Dependency | Category::Runtime) {
        return None;
    }
    let top = name.split('.').next().unwrap_or(name);
    let (_, package) = PYTHON_PACKAGES.iter().find(|(import, _)| *import == name || *import == top)?;
    let path = RepoPath::new("requirements.txt").ok().filter(|p| tree.entry(p).is_some())?;
    let text = tree.read_text(&path)?;
    let listed = text.lines().any(|l| {
        let word = l.split(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).next().unwrap_or_default();
        word.eq_ignore_ascii_case(package)
    });
    if listed {
        return None;
    }
    let lines = Lines::of(&text);
    let op = lines.insert_before(lines.count() + 1, &lines.whole([*package]))?;
    Some((path, op))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::{MemoryTree, bug};

    fn hinted(file: &str, line: u32, suggestions: Vec<Suggestion>) -> BugReport {
        let mut bug = bug("tool", Category::Lint, file, line, "a message");
        bug.hint = Some(Hint {
            text: "do this".to_owned(),
            applicability: Applicability::MachineApplicable,
            suggestions,
        });
        bug
    }

    fn healed(file: &str, text: &str, suggestion: Suggestion) -> Option<String> {
        let tree = MemoryTree::new(&[(file, text)]);
        let proposals = toolchain_proposals(&[hinted(file, 1, vec![suggestion])], &tree, &[]);
        let proposal = proposals.first()?;
        edits::apply(&proposal.edits, &[], &tree).unwrap()[0].after.clone()
    }

    #[test]
    fn lines_are_replaced_where_they_stand() {
        let suggestion = |line: u32, old: &[&str], new: &[&str]| Suggestion::ReplaceLines {
            file: "a.rs".to_owned(),
            line,
            old: old.iter().map(|s| (*s).to_owned()).collect(),
            new: new.iter().map(|s| (*s).to_owned()).collect(),
        };
        let text = "a\nb\nc\n";
        assert_eq!(healed("a.rs", text, suggestion(2, &["b"], &["x", "y"])).unwrap(), "a\nx\ny\nc\n");
        assert_eq!(healed("a.rs", text, suggestion(2, &["c"], &["x"])).unwrap(), "a\nb\nx\n", "moved by one");
        assert_eq!(healed("a.rs", text, suggestion(2, &["z"], &["x"])), None);
        assert_eq!(healed("a.rs", text, suggestion(1, &[], &["x"])).unwrap(), "x\na\nb\nc\n");
        assert_eq!(healed("a.rs", text, suggestion(2, &["b"], &[])).unwrap(), "a\nc\n");
        assert_eq!(healed("a.rs", "a\r\nb\r\n", suggestion(2, &["b"], &["x"])).unwrap(), "a\r\nx\r\n");
        assert_eq!(healed("a.rs", "a\nb", suggestion(2, &["b"], &["x"])).unwrap(), "a\nx");
    }

    #[test]
    fn words_are_replaced_whole_and_once() {
        let suggestion = |column: Option<u32>, old: &str, new: &str| Suggestion::ReplaceText {
            file: "a.rs".to_owned(),
            line: 1,
            column,
            old: old.to_owned(),
            new: new.to_owned(),
        };
        assert_eq!(
            healed("a.rs", "let x = fo(1);\n", suggestion(Some(9), "fo", "foo")).unwrap(),
            "let x = foo(1);\n"
        );
        assert_eq!(
            healed("a.rs", "let x = fo(foo);\n", suggestion(None, "fo", "f")).unwrap(),
            "let x = f(foo);\n"
        );
        assert_eq!(healed("a.rs", "fo + fo\n", suggestion(None, "fo", "f")), None);
        assert_eq!(healed("a.rs", "let x = 1\n", suggestion(Some(10), "", ";")).unwrap(), "let x = 1;\n");
        assert_eq!(healed("a.rs", "\"ü\" + fo\n", suggestion(Some(7), "fo", "f")).unwrap(), "\"ü\" + f\n");
    }

    #[test]
    fn several_reports_make_one_proposal_first() {
        let tree = MemoryTree::new(&[("a.rs", "a\nb\nc\n"), ("b.rs", "x\n")]);
        let replace = |file: &str, line: u32, old: &str, new: &str| {
            hinted(
                file,
                line,
                vec![Suggestion::ReplaceText {
                    file: file.to_owned(),
                    line,
                    column: None,
                    old: old.to_owned(),
                    new: new.to_owned(),
                }],
            )
        };
        let bugs = [replace("a.rs", 1, "a", "A"), replace("a.rs", 3, "c", "C"), replace("b.rs", 1, "x", "X")];
        let proposals = toolchain_proposals(&bugs, &tree, &[]);
        assert_eq!(proposals.iter().map(|p| p.bugs.len()).collect::<Vec<_>>(), [3, 1, 1, 1]);
        let changes = edits::apply(&proposals[0].edits, &[], &tree).unwrap();
        assert_eq!(
            changes.iter().map(|c| c.after.as_deref().unwrap()).collect::<Vec<_>>(),
            ["A\nb\nC\n", "X\n"]
        );
        let past = PastAttempt::reverted(
            proposals[0].clone(),
            patch_fingerprint(&changes),
            "red".to_owned(),
            vec![],
        );
        assert_eq!(toolchain_proposals(&bugs, &tree, &[past]).len(), 3);
    }

    #[test]
    fn of_clashing_hints_the_first_is_taken_and_the_rest_stays() {
        let text: String = (1..=19).map(|n| format!("word{n}\n")).collect();
        let tree = MemoryTree::new(&[("a.rs", &text)]);
        let lines = |line: u32, old: &[&str], new: &str| Suggestion::ReplaceLines {
            file: "a.rs".to_owned(),
            line,
            old: old.iter().map(|s| (*s).to_owned()).collect(),
            new: vec![new.to_owned()],
        };
        let mut bugs: Vec<BugReport> = (1..=18)
            .map(|n| hinted("a.rs", n, vec![lines(n, &[&format!("word{n}")], &format!("W{n}"))]))
            .collect();
        bugs.insert(6, hinted("a.rs", 5, vec![lines(5, &["word5", "word6"], "W5and6")]));
        for (n, bug) in bugs.iter_mut().enumerate() {
            bug.fingerprint = Fingerprint(n.to_string());
        }
        let proposals = toolchain_proposals(&bugs, &tree, &[]);
        assert_eq!(proposals[0].bugs.len(), 18);
        assert!(!proposals[0].bugs.contains(&bugs[6].fingerprint));
        let changes = edits::apply(&proposals[0].edits, &[], &tree).unwrap();
        let healed: String = (1..=18).map(|n| format!("W{n}\n")).collect();
        assert_eq!(changes[0].after.as_deref(), Some(format!("{healed}word19\n").as_str()));
        assert_eq!(proposals.len(), 20, "then one by one");
    }

    #[test]
    fn two_missing_imports_are_added_together() {
        let tree = MemoryTree::new(&[("a.py", "import os\n\nmath.pi\nre.compile\n")]);
        let bugs = [
            bug("x", Category::Runtime, "a.py", 3, "name 'math' is not defined"),
            bug("x", Category::Runtime, "a.py", 4, "name 're' is not defined"),
        ];
        let proposals = toolchain_proposals(&bugs, &tree, &[]);
        let changes = edits::apply(&proposals[0].edits, &[], &tree).unwrap();
        assert_eq!(
            changes[0].after.as_deref(),
            Some("import os\nimport math\nimport re\n\nmath.pi\nre.compile\n")
        );
    }

    #[test]
    fn dependencies_are_shown_and_not_sure() {
        let tree = MemoryTree::new(&[("requirements.txt", "requests"), ("a.py", "import yaml\n")]);
        let mut bug = hinted("a.py", 1, vec![Suggestion::AddDependency { name: "yaml".to_owned() }]);
        bug.category = Category::Import;
        let proposals = toolchain_proposals(&[bug], &tree, &[]);
        assert!(proposals[0].confidence < 0.6);
        let changes = edits::apply(&proposals[0].edits, &[], &tree).unwrap();
        assert_eq!(changes[0].after.as_deref(), Some("requests\nPyYAML"));
    }

    #[test]
    fn whole_statements_are_removed() {
        let remove = |line: u32, name: Option<&str>| Suggestion::RemoveLine {
            file: "a.py".to_owned(),
            line,
            name: name.map(str::to_owned),
        };
        let text = "x = f(\n    1,\n)\nif a:\n    y = 2\n";
        assert_eq!(healed("a.py", text, remove(1, Some("x"))).unwrap(), "if a:\n    y = 2\n");
        assert_eq!(healed("a.py", text, remove(1, Some("z"))), None);
        assert_eq!(healed("a.py", text, remove(5, None)), None, "the block would be empty");
    }

    proptest::proptest! {
        #[test]
        fn edits_rebuild_the_text(before in "[ab\n]{1,40}", after in "[ab\n]{0,40}") {
            let path = RepoPath::new("a.rs").unwrap();
            let edits = edits_of(&path, &before, &after);
            let tree = MemoryTree::new(&[("a.rs", &before)]);
            match edits::apply(&edits, &[], &tree) {
                Ok(changes) => match changes[0].after.clone() {
                    Some(now) => proptest::prop_assert_eq!(now, after),
                    // Nothing is left of the file.
                    None => proptest::prop_assert_eq!(after.trim(), ""),
                },
                Err(why) => proptest::prop_assert_eq!(before, after, "{:?}", why),
            }
        }
    }
}
