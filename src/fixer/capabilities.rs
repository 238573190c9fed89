//! What a change newly can do, compared with the code before it. A small fix rarely needs new powers: each has a
//! default and a reason in one table; which paths give it is data of each language.
//!
//! Judged is what code leads to, whatever it is called there ([`crate::syntax::Reading`]); what was there before and only
//! moves is not new.

mod annotations;
mod checks;
mod encoding;
mod paths;
#[cfg(test)]
mod tests;
mod uses;

use super::PathRules;
use super::language::Language;
use super::weakening::FileRole;
use crate::contract::bug::BugReport;
use crate::contract::fix::{FileChange, Rejection};
use crate::contract::git::SourceTree;
use crate::syntax::{Grammar, Reading};

pub(crate) use encoding::misread;

/// What is done about a capability that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    Refuse,
    /// Only a run can tell: the fix asks for a counter-proof.
    CounterProof,
    /// It costs confidence.
    Lower,
}

/// What code can do that may make a judge say yes without a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Capability {
    /// Give the process an exit code of its own choice.
    Status,
    /// End the process, or code in it, past everything that waits for its end.
    End,
    /// Run something when the process ends.
    AtEnd,
    /// Reach the test runner or its parts.
    Runner,
    /// Reach the module that assertions come from, in another way than to assert.
    Assertions,
    /// Decide what an import brings.
    Machinery,
    /// Run code that is no code of the repository, or reach what code is made of.
    Code,
    /// Reach a member of a module by a name that nobody can read.
    Unknown,
    /// See who calls, with what command, among which modules.
    Stack,
    /// Answer by where it runs.
    Environment,
    /// Answer by when it runs.
    Time,
    /// Change files.
    Files,
    /// Write past the runner's capture.
    Raw,
    /// Start other programs.
    Programs,
    /// Tell the checker something that nothing shows.
    Unchecked,
    /// Give something of another module, or built in, another meaning.
    Patch,
    /// Say what is equal without looking at both.
    Equality,
    /// Say what a runner says.
    Forge,
    /// Name tests, or put a name together so that it is not read.
    Names,
    /// Switch off, lower or narrow a check.
    Checks,
    /// Is built or run under test, or only then.
    Build,
    /// Raises that it is not there yet.
    Stub,
}

/// The table: capability, the rule's name in reports, what is done about it, and why.
pub(crate) const TABLE: &[(Capability, &str, Treatment, &str)] = &[
    (Capability::Status, "early-exit", Treatment::Refuse, "sets the exit code, which is the verdict"),
    (Capability::End, "early-exit", Treatment::Refuse, "ends the process before the verdict"),
    (Capability::AtEnd, "early-exit", Treatment::CounterProof, "runs something when the process ends"),
    (Capability::Runner, "rigged-judge", Treatment::Refuse, "reaches the test runner"),
    (Capability::Assertions, "rigged-judge", Treatment::Refuse, "reaches what asserts"),
    (Capability::Machinery, "rigged-judge", Treatment::Refuse, "decides what an import brings"),
    (Capability::Code, "hidden-code", Treatment::Refuse, "runs code that cannot be read here"),
    (
        Capability::Unknown,
        "hidden-code",
        Treatment::Refuse,
        "reaches a member by a name that cannot be read here",
    ),
    (
        Capability::Stack,
        "detects-tests",
        Treatment::Refuse,
        "looks at who calls it, or how the process was started",
    ),
    (Capability::Environment, "detects-tests", Treatment::Refuse, "answers by where it runs"),
    (Capability::Time, "detects-tests", Treatment::Refuse, "answers by a fixed time"),
    (Capability::Files, "rigged-judge", Treatment::CounterProof, "changes files"),
    (Capability::Raw, "forged-summary", Treatment::Refuse, "writes past what a runner captures"),
    (Capability::Programs, "rigged-judge", Treatment::Lower, "starts other programs"),
    (Capability::Unchecked, "suppression", Treatment::Refuse, "tells the checker what nothing shows"),
    (
        Capability::Patch,
        "rigged-judge",
        Treatment::Refuse,
        "gives something of another module another meaning",
    ),
    (Capability::Equality, "always-equal", Treatment::Refuse, "compares without looking at both"),
    (Capability::Forge, "forged-summary", Treatment::Refuse, "says what a test runner says"),
    (Capability::Names, "detects-tests", Treatment::Refuse, "names tests or their runner"),
    (Capability::Checks, "suppression", Treatment::Refuse, "switches off, lowers or narrows a check"),
    (Capability::Stub, "stub", Treatment::Refuse, "says that it is not implemented instead of doing it"),
    (Capability::Build, "detects-tests", Treatment::Refuse, "is built otherwise under test"),
];

/// A capability that a change brings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gained {
    pub(crate) capability: Capability,
    /// What the table says, or milder where the code shows why.
    pub(crate) default: Treatment,
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) what: String,
}

impl Gained {
    fn new(capability: Capability, path: &str, line: u32, what: &str) -> Self {
        let row = TABLE.iter().find(|row| row.0 == capability);
        let default = row.map_or(Treatment::Refuse, |row| row.2);
        Self { capability, default, path: path.to_owned(), line, what: what.to_owned() }
    }

    fn with(mut self, default: Treatment) -> Self {
        self.default = default;
        self
    }

    pub(crate) fn why(&self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self.capability).map_or("", |row| row.3)
    }

    /// As the gate refuses it.
    pub(crate) fn rejection(&self) -> Rejection {
        let rule = TABLE.iter().find(|row| row.0 == self.capability).map_or("", |row| row.1).to_owned();
        let what = super::sanitize::one_line(&format!("{}: {}", self.why(), self.what), 160);
        Rejection::TestWeakening { path: self.path.clone(), rule, line: Some(self.line), what }
    }
}

/// What is asked about a change beside its text.
pub(crate) struct Asked<'a> {
    pub(crate) bugs: &'a [BugReport],
    pub(crate) tree: &'a dyn SourceTree,
    pub(crate) paths: &'a PathRules,
    /// The code of the failing tests, by the repository and not by any report.
    pub(crate) failing: String,
}

/// A changed file, read on both sides.
struct Sides<'c> {
    change: &'c FileChange,
    role: FileRole,
    language: Language,
    before: Option<Reading>,
    after: Reading,
}

/// Everything the changes newly can do, what is refused first.
pub(crate) fn gained(changes: &[(&FileChange, FileRole)], asked: &Asked<'_>) -> Vec<Gained> {
    let sides: Vec<Sides<'_>> = changes.iter().filter_map(|(change, role)| read(change, *role)).collect();
    let mut found = Vec::new();
    for one in &sides {
        found.extend(uses::gained(one, &sides, asked));
        found.extend(checks::gained(one, asked));
    }
    found.sort_by_key(|gained| gained.default != Treatment::Refuse);
    found
}

fn read<'c>(change: &'c FileChange, role: FileRole) -> Option<Sides<'c>> {
    let path = change.path.as_str();
    let grammar = Grammar::of(path)?;
    let after = Reading::of(grammar, change.after.as_deref()?).ok()?;
    let before = change.before.as_deref().and_then(|text| Reading::of(grammar, text).ok());
    Some(Sides { change, role, language: Language::of(path), before, after })
}
