//! How a run ended, in words: the real cause, and the one thing that would change it. Both follow from the record alone,
//! so that every format says the same, and none advises what would not help.

use crate::contract::build::Exit;
use crate::contract::fix::Rejection;
use crate::contract::outcome::{BudgetKind, MISSING_SECRET, ONLY_HOSTED, Outcome};
use crate::contract::report::{ProposalReport, ProposalVerdict, RunReport};

use super::{markdown, text, view};

/// What the transition says where no source of fixes has another idea; why that is so, the record tells better.
const GENERIC: &[&str] = &[
    "the tools state no fix, and no model server has a key",
    "the log names no failure in the code",
    "no proposal made the build better",
];

/// How the transition begins where a fix needs a permission; what it is, the record tells better.
const MISSING_PERMISSION: &str = "a fix was offered that ";

/// The end as one sentence without a full stop, for a line of plain text.
pub(super) fn sentence(report: &RunReport) -> String {
    match (cause(report), &report.outcome) {
        (Some(cause), _) => format!("not healed: {}", cause.plain()),
        (None, Outcome::BudgetSpent { which }) => format!("not healed: {}", spent(report, *which)),
        (None, outcome) => text::outcome(outcome),
    }
}

/// What of a budget is used up, and what it came to.
fn spent(report: &RunReport, which: BudgetKind) -> String {
    let budget = &report.budget;
    match which {
        BudgetKind::Attempts => match budget.attempts.limit {
            Some(limit) => format!("all {} are used", text::count(limit as usize, "attempt", "attempts")),
            None => "all attempts are used".to_owned(),
        },
        BudgetKind::Time if report.baseline.is_none() => {
            "the time was over before the failing commit had been run once".to_owned()
        }
        BudgetKind::Time => "the time budget is spent".to_owned(),
        BudgetKind::Tokens => "the token budget is spent".to_owned(),
        BudgetKind::Cost => "the cost budget is spent".to_owned(),
        BudgetKind::Pushes => format!(
            "CI was red on every heal that was pushed ({} in all)",
            budget.pushes.limit.unwrap_or(budget.pushes.spent)
        ),
    }
}

/// What the first line says after the outcome's own words: what was found, and what of it is fixed. Only what is proven
/// is called fixed.
pub(super) fn count(report: &RunReport) -> String {
    let bugs = view::all_bugs(report);
    if bugs.is_empty() {
        return String::new();
    }
    let all = text::count(bugs.len(), "bug", "bugs");
    if view::is_proven(&report.outcome) {
        return format!(": {all} fixed and proven");
    }
    let fixed = bugs.iter().filter(|bug| view::is_fixed(report, &bug.fingerprint)).count();
    if matches!(report.outcome, Outcome::Partial { .. }) {
        return format!(": {fixed} of {all} fixed and proven");
    }
    match fixed {
        0 => format!(": {all} found"),
        gone => format!(": {all} found; fixes that are not proven remove {gone}"),
    }
}

/// Why it ended so, in Markdown; `None` where the outcome's name says it.
pub(super) fn why(report: &RunReport) -> Option<String> {
    let words = |text: &str| markdown::code(text, 1000);
    if let Some(cause) = cause(report) {
        return Some(cause.markdown());
    }
    match &report.outcome {
        Outcome::Flaky { failed, runs } => {
            Some(format!("The unchanged code failed {failed} of {runs} times."))
        }
        Outcome::NotReproduced { runs } => {
            Some(format!("The unchanged code was green {runs} of {runs} times in the sandbox."))
        }
        Outcome::Environment { why } | Outcome::Exhausted { why } | Outcome::Refused { why, .. } => {
            Some(words(why))
        }
        Outcome::Partial { why } => Some(format!("The rest is still red: {}", words(why))),
        Outcome::Error { what } => Some(words(what)),
        Outcome::BudgetSpent { which } => {
            let spent = capitalised(&spent(report, *which));
            let cause = Cause::of_attempts(report).filter(|_| *which == BudgetKind::Attempts);
            Some(match cause {
                Some(cause) => format!("{spent}. {}", cause.markdown()),
                None => format!("{spent}."),
            })
        }
        Outcome::Healed
        | Outcome::Patched
        | Outcome::Drift { .. }
        | Outcome::AlreadyGreen
        | Outcome::Diagnosed
        | Outcome::Cancelled => None,
    }
}

/// What to do now, in Markdown. Heals have more to say, which the summary does.
pub(super) fn next(report: &RunReport, patch: Option<&str>) -> String {
    match &report.outcome {
        Outcome::Healed | Outcome::Patched => {
            let file = patch.map_or(String::new(), |file| format!(" ({})", markdown::code(file, 200)));
            format!("publish the proven patch{file} with a `mode: publish` job, or apply it by hand.")
        }
        Outcome::Partial { .. } => match (&report.push, patch) {
            (Some(push), _) => {
                let branch = markdown::code(push.branch.as_str(), 200);
                format!("review what is fixed (branch {branch}), and fix the rest by hand.")
            }
            (None, Some(file)) => {
                let file = markdown::code(file, 200);
                format!("nothing was published; apply {file} with `git apply`, and fix the rest by hand.")
            }
            (None, None) => "nothing was published; fix the rest by hand.".to_owned(),
        },
        Outcome::Drift { .. } => match patch {
            Some(file) => format!(
                "make the code fit the new release; until then {} holds it back, and the commands pass with it.",
                markdown::code(file, 200)
            ),
            None => "make the code fit the new release, or hold it back.".to_owned(),
        },
        Outcome::AlreadyGreen if report.baseline.is_none() => {
            "nothing to do: GitHub says that nothing failed in this run.".to_owned()
        }
        Outcome::AlreadyGreen => "nothing to do: every step succeeded.".to_owned(),
        Outcome::Diagnosed if report.bugs().is_empty() => {
            "read the log of the failed step: it names no failure in the code.".to_owned()
        }
        Outcome::Diagnosed => "fix what is listed below.".to_owned(),
        Outcome::Flaky { .. } => {
            "run the failed job again (`rerun-flaky: true` does so by itself); the tests below want a fix that no log can \
             give."
                .to_owned()
        }
        Outcome::NotReproduced { .. } => {
            "run the failed job again: the failure does not repeat here and may be flaky (`rerun-flaky: true` does so by \
             itself). If it stays red, CI differs from the sandbox: see `ci-healer plan`, or name \
             the failing command with `command`."
                .to_owned()
        }
        Outcome::Environment { .. } => after_environment(report),
        Outcome::Exhausted { .. } => cause(report).map_or_else(|| by_hand(report), |cause| cause.remedy(report)),
        Outcome::BudgetSpent { which } => after_budget(report, *which),
        Outcome::Refused { remedy: Some(remedy), .. } => remedy_text(remedy),
        Outcome::Refused { .. } if report.final_proof.is_some() => match patch {
            Some(file) => format!("the proven fix was not published; it is in {}.", markdown::code(file, 200)),
            None => "the proven fix was not published.".to_owned(),
        },
        Outcome::Refused { .. } if report.baseline.is_some() => "nothing was published.".to_owned(),
        Outcome::Refused { .. } => "nothing was run or changed.".to_owned(),
        Outcome::Error { .. } => {
            format!("run the job again; if it happens twice, report it with `results.json`. {}", published(report))
        }
        Outcome::Cancelled => format!("run the job again. {}", published(report)),
    }
}

/// A remedy may hold YAML to paste.
pub(super) fn remedy_text(remedy: &str) -> String {
    if remedy.trim().contains('\n') {
        format!("change this in the workflow:\n\n{}", markdown::fence(remedy, "yaml", 4000))
    } else {
        markdown::code(remedy, 1000)
    }
}

fn published(report: &RunReport) -> String {
    match &report.push {
        Some(push) => format!("What was published stands on {}.", markdown::code(push.branch.as_str(), 200)),
        None => "Nothing was published.".to_owned(),
    }
}

fn after_environment(report: &RunReport) -> String {
    if report.push.is_some() {
        return "look at the run of CI on the heal branch: what fails there lies outside the code."
            .to_owned();
    }
    if let Outcome::Environment { why } = &report.outcome
        && let Some(named) = why.strip_prefix(MISSING_SECRET)
        && let Some(advice) = pass_on(report, |secret| named.contains(&format!("secrets.{secret},")))
    {
        return format!("pass it on; no change of the code would help, so none was tried.\n\n{advice}");
    }
    let notes = report.baseline.iter().flat_map(|baseline| &baseline.execution.notes);
    if let Some(note) = notes.into_iter().find(|note| note.contains(ONLY_HOSTED)) {
        return format!(
            "{}. No change of the code would help, so none was tried.",
            markdown::code(note, 500)
        );
    }
    match report.baseline.as_ref().map(|baseline| &baseline.execution.exit) {
        Some(Exit::TimedOut { .. }) => "raise `sandbox-timeout`, if the build is to take that long.".to_owned(),
        Some(Exit::OutOfMemory { .. }) => "raise `sandbox-memory`, if the build is to need that much.".to_owned(),
        _ => "fix the environment, then run the job again. No change of the code would help, so none was tried."
            .to_owned(),
    }
}

/// The input that passes secrets on which the failing step, or one before it, misses, to be pasted.
fn pass_on(report: &RunReport, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let failing = report.baseline.as_ref()?.execution.failed_step?;
    let steps = report.plan.as_ref()?.steps.iter().take(failing + 1);
    let mut names: Vec<&String> =
        steps.flat_map(|step| step.missing_secrets.keys()).filter(|name| is_meant(name)).collect();
    names.sort();
    names.dedup();
    let lines: String = names.iter().map(|name| format!("    {name}=${{{{ secrets.{name} }}}}\n")).collect();
    let yaml = format!("with:\n  sandbox-env: |\n{lines}");
    (!lines.is_empty()).then(|| markdown::fence(&yaml, "yaml", 4000))
}

fn after_budget(report: &RunReport, which: BudgetKind) -> String {
    let limit = |limit: Option<String>| limit.map_or(String::new(), |limit| format!(" (now {limit})"));
    let budget = &report.budget;
    match which {
        BudgetKind::Time => {
            format!("raise `time-budget`{}.", limit(budget.time.limit.map(|seconds| format!("{seconds} s"))))
        }
        BudgetKind::Tokens => {
            format!("raise `token-budget`{}.", limit(budget.tokens.limit.map(text::number)))
        }
        BudgetKind::Cost => format!("raise `cost-budget`{}.", limit(budget.cost.limit.map(text::dollars))),
        BudgetKind::Pushes => {
            "look at the run of CI on the heal branch: it is red where the sandbox is green, and \
                               pushing more often would not change that."
                .to_owned()
        }
        BudgetKind::Attempts => match Cause::of_attempts(report) {
            // Some of it was on the right way.
            _ if view::kept(report).next().is_some() => {
                format!("raise `max-attempts`{}.", limit(budget.attempts.limit.map(|n| n.to_string())))
            }
            Some(cause) => cause.remedy(report),
            None => by_hand(report),
        },
    }
}

/// Nothing that could be set would change it.
fn by_hand(report: &RunReport) -> String {
    if view::proposals(report).next().is_some() {
        "read the attempts below; what they learned may help whoever fixes it by hand.".to_owned()
    } else {
        "fix it by hand; nothing was tried.".to_owned()
    }
}

/// Why no fix was found.
enum Cause<'r> {
    /// The log tells nothing that a fix could be for.
    NothingNamed,
    /// The tools state no fix, and there is no model to ask.
    NoIdea,
    /// A gate turned the last fix down.
    TurnedDown(&'r ProposalReport, &'r Rejection),
    /// The last fix ran, and made nothing better.
    InVain(&'r str),
}

/// The cause of a run that found no fix, where the record tells it.
fn cause(report: &RunReport) -> Option<Cause<'_>> {
    let Outcome::Exhausted { why } = &report.outcome else { return None };
    if !GENERIC.contains(&why.as_str()) && !why.starts_with(MISSING_PERMISSION) {
        return None;
    }
    if report.baseline.is_some() && view::all_bugs(report).is_empty() {
        return Some(Cause::NothingNamed);
    }
    Cause::of_attempts(report).or_else(|| (!may_ask_models(report)).then_some(Cause::NoIdea))
}

/// Unless the record says otherwise: older ones do not tell.
fn may_ask_models(report: &RunReport) -> bool {
    report.model_servers.as_ref().is_none_or(|servers| !servers.ready.is_empty())
}

impl<'r> Cause<'r> {
    /// What stopped the last fix that was offered, or the one rule that stopped most of them.
    fn of_attempts(report: &'r RunReport) -> Option<Self> {
        let all: Vec<&ProposalReport> = view::proposals(report).collect();
        let rejection = |proposal: &&'r ProposalReport| match &proposal.verdict {
            ProposalVerdict::Rejected { rejection } => Some((*proposal, rejection)),
            _ => None,
        };
        let opened: Vec<_> = all
            .iter()
            .filter_map(rejection)
            .filter(|(_, rejection)| opened_by(rejection.as_str()).is_some())
            .collect();
        if opened.len() * 2 > all.len() {
            return opened.last().map(|(proposal, rejection)| Self::TurnedDown(proposal, rejection));
        }
        let last = all.last()?;
        match &last.verdict {
            ProposalVerdict::Rejected { rejection } => Some(Self::TurnedDown(last, rejection)),
            ProposalVerdict::Reverted { why, .. } => Some(Self::InVain(why)),
            ProposalVerdict::Kept => None,
        }
    }

    /// Our words, and the foreign ones behind them.
    fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            Self::NothingNamed => ("the log names no failure in the code", None),
            Self::NoIdea => ("the tools state no fix, and there is no model to ask", None),
            Self::TurnedDown(proposal, rejection) if is_of_a_tool(proposal) => {
                ("the fix that the tools state was turned down", Some(text::rejection(rejection)))
            }
            Self::TurnedDown(_, rejection) => {
                ("what was offered was turned down", Some(text::rejection(rejection)))
            }
            Self::InVain(why) => {
                ("no fix made the build better; the last one was taken back", Some((*why).to_owned()))
            }
        }
    }

    fn plain(&self) -> String {
        match self.parts() {
            (ours, None) => ours.to_owned(),
            (ours, Some(foreign)) => format!("{ours}: {}", super::clean::line(&foreign, 500)),
        }
    }

    fn markdown(&self) -> String {
        let (ours, foreign) = self.parts();
        let mut out = capitalised(ours);
        match foreign {
            Some(foreign) => out.push_str(&format!(": {}", markdown::code(&foreign, 1000))),
            None => out.push('.'),
        }
        out
    }

    /// The one thing that would change it.
    fn remedy(&self, report: &RunReport) -> String {
        if let Self::TurnedDown(_, rejection) = self
            && let Some(input) = opened_by(rejection.as_str())
        {
            return format!("look at what was offered below; if it is right, {input} lets it through.");
        }
        if let Self::NothingNamed = self
            && let Some(advice) = pass_on(report, |_| true)
        {
            return format!(
                "read the log of the failed step; if it fails for a secret that is not passed on, pass it on.\n\n{advice}"
            );
        }
        if let Self::NothingNamed = self {
            return "read the log of the failed step; where another command says more, name it with `command`."
                .to_owned();
        }
        match &report.model_servers {
            Some(servers) if servers.ready.is_empty() && !servers.without_key.is_empty() => {
                "let a model try: give a key with `gemini-api-key` (or `groq-api-key`, or `openai-api-key`)."
                    .to_owned()
            }
            Some(servers) if servers.ready.is_empty() => {
                "let a model try: name one in `providers`, and give its key.".to_owned()
            }
            _ => by_hand(report),
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn is_of_a_tool(proposal: &ProposalReport) -> bool {
    proposal.offer.provider == "toolchain"
}

/// What kind of rule turned a fix down, in a few words; `kind` is [`Rejection::as_str`].
pub(super) fn kind_of(kind: &str) -> &'static str {
    match kind {
        "no_change" => "changes nothing",
        "low_confidence" => "low confidence",
        "too_many_lines" => "too many lines",
        "too_many_files" => "too many files",
        "path" => "a path that no fix may change",
        "outside_window" => "outside what was shown",
        "needs_context" => "needs more shown",
        "not_applicable" => "does not apply",
        "repeated" => "the same patch again",
        "test_weakening" => "weakens the checks",
        "test_edit" => "changes a test file",
        "content" => "content that no fix may have",
        "judge_disarmed" => "its step cannot fail any more",
        "overfitted" => "answers the failing test alone",
        "no_counter_proof" => "no counter-proof",
        _ => "another rule",
    }
}

/// The input that would let such a fix through.
pub(super) fn opened_by(kind: &str) -> Option<&'static str> {
    match kind {
        "low_confidence" => Some("a lower `min-confidence`"),
        "too_many_lines" => Some("a higher `max-changed-lines`"),
        "too_many_files" => Some("a higher `max-changed-files`"),
        "test_edit" => Some("`allow-test-edits: true`"),
        // What breaks a rule for everybody is let through by nothing.
        _ => None,
    }
}

#[cfg(test)]
mod tests;
