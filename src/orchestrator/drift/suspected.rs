//! Whether a red job may be a release's doing, inside a heal: cheap, by what is known anyway, and never where what changed
//! since CI was green explains it.

use crate::contract::bug::{BugReport, Fingerprint};
use crate::contract::build::BuildPlan;
use crate::contract::changes::{ChangedFile, ChangedSinceGreen, FileRole};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::fix::{Edit, FileChange, FixProposal, Usage};
use crate::contract::outcome::Outcome;
use crate::drift::{self, Time};
use crate::fixer;

use super::super::driver::Driver;
use super::super::evidence::Evidence;
use super::super::state::{LoopEvent, State};
use super::manifests::scripts;
use super::worlds::locks_in;
use super::{Ground, Limits, Sought, seek};

/// Why a release is suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// The code is what it was when CI was green.
    NothingChanged,
    /// What installs fails, and nothing that says what is installed changed.
    InstallFails,
    /// The failures lie in dependencies, and the log names nothing that changed.
    InDependencies,
}

impl Suspicion {
    fn in_words(self) -> &'static str {
        match self {
            Self::NothingChanged => "no code changed since CI was green",
            Self::InstallFails => {
                "what installs the packages fails, and nothing of ours that it reads changed"
            }
            Self::InDependencies => "the failures lie in dependencies",
        }
    }
}

/// What a heal knows of a search; one a run.
pub(in crate::orchestrator) struct DriftWatch {
    /// How often the commands may be run; none: nobody is suspected.
    runs: u32,
    /// Authorities that the registries' answers are trusted by, beside the usual ones.
    ca: Option<Vec<u8>>,
    was_asked: bool,
    sought: Option<Sought>,
}

impl DriftWatch {
    pub(in crate::orchestrator) fn new(runs: u32, ca: Option<Vec<u8>>) -> Self {
        Self { runs, ca, was_asked: false, sought: None }
    }
}

/// No run reads it.
fn is_beside_the_code(file: &ChangedFile) -> bool {
    let path = file.path.as_str().to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let is_text = [".md", ".rst", ".adoc"].iter().any(|end| name.ends_with(end));
    file.role == FileRole::Other
        && (is_text || ["license", "authors", "codeowners", ".gitignore"].contains(&name))
}

fn is_of_dependencies(file: &str) -> bool {
    ["site-packages/", "dist-packages/", "node_modules/", "/usr/lib/", "/opt/"]
        .iter()
        .any(|folder| file.contains(folder))
}

pub(super) fn suspicion(changes: &ChangedSinceGreen, plan: &BuildPlan, seen: &Evidence) -> Option<Suspicion> {
    if seen.not_here.is_some() || changes.more_files > 0 {
        return None;
    }
    let changed: Vec<&ChangedFile> = changes.files.iter().filter(|file| !is_beside_the_code(file)).collect();
    if changed.is_empty() {
        return Some(Suspicion::NothingChanged);
    }
    // What is installed was changed with intent.
    if changed.iter().any(|file| file.role != FileRole::Other) {
        return None;
    }
    let log = String::from_utf8_lossy(&seen.log);
    if changed.iter().any(|file| log.contains(file.path.as_str())) {
        return None;
    }
    let step = seen.observation.failing_step.and_then(|step| plan.steps.get(step))?;
    const INSTALLS: &[&str] =
        &["pip install", "npm install", "npm ci", "pnpm install", "yarn install", "uv sync"];
    if INSTALLS.iter().any(|command| step.run.contains(command)) {
        return Some(Suspicion::InstallFails);
    }
    let lines: Vec<&str> = log.lines().collect();
    let bugs = &seen.diagnosis.bugs;
    let all_lie_there = !bugs.is_empty() && bugs.iter().all(|bug| lies_in_dependencies(bug, &lines));
    all_lie_there.then_some(Suspicion::InDependencies)
}

/// A report has no file where all of its frames are of others.
fn lies_in_dependencies(bug: &BugReport, log: &[&str]) -> bool {
    let number = |line: u64| usize::try_from(line).unwrap_or(usize::MAX);
    let (first, last) = (number(bug.log.first), number(bug.log.last));
    let its_lines = || log.iter().take(last).skip(first.saturating_sub(1));
    bug.file.as_deref().map_or_else(|| its_lines().any(|line| is_of_dependencies(line)), is_of_dependencies)
}

impl Driver {
    /// The search, where a release is suspected and nothing is kept yet; what it came to is remembered.
    pub(in crate::orchestrator) async fn suspect_drift(&mut self, state: &State) {
        if self.drift.was_asked || self.drift.runs < LEAST_RUNS || !self.workspace.changes().is_empty() {
            return;
        }
        self.drift.was_asked = true;
        let leg = state.leg();
        let Some(seen) = state.baseline(leg) else { return };
        let steps = scripts(&self.plans[leg]);
        if drift::travels(&steps).is_some() || !drift::installs_freely(&steps, &locks_in(&self.workspace)) {
            return;
        }
        let Some(changes) = self.last_green.changes(&mut self.workspace).await else { return };
        let Some(why) = suspicion(&changes, &self.plans[leg].plan, seen) else { return };
        let green = self.last_green.run().await;
        let since = green.and_then(|run| run.at.as_deref()).and_then(Time::parse);
        self.journal.emit(Event::Progress {
            what: format!("looking for a release that broke it: {}", why.in_words()),
        });
        // What is left after it is for a fix.
        let left = self.scope.deadline().map(|end| end.saturating_duration_since(std::time::Instant::now()));
        let scope = left.map_or_else(|| self.scope.clone(), |left| self.scope.child(left / 2));
        let ground = Ground {
            workspace: &mut self.workspace,
            executor: &mut self.executor,
            journal: &self.journal,
            scope: &scope,
            tells_runs: false,
        };
        let limits = Limits { since, runs: self.drift.runs, ca: self.drift.ca.as_deref() };
        // Its worlds leave volumes and states of their own.
        let planned = [(self.plans.len() + leg, &self.plans[leg])];
        let mut sought = seek(ground, &planned, &limits).await;
        self.clocks.build += sought.clocks.build;
        sought.pin = self.workspace.changes();
        if self.workspace.revert(&sought.pin).is_err() {
            log::debug!("the pin could not be taken out again");
        }
        self.drift.sought = Some(sought);
    }

    /// The pin that was proven, as a fix like any other.
    pub(in crate::orchestrator) async fn propose_pin(
        &mut self,
        state: &State,
        bugs: Vec<Fingerprint>,
    ) -> LoopEvent {
        self.suspect_drift(state).await;
        let proposal = self.pin_proposal(bugs);
        self.offer(state, proposal, None).await
    }

    fn pin_proposal(&self, bugs: Vec<Fingerprint>) -> Option<FixProposal> {
        let sought = self.drift.sought.as_ref().filter(|sought| sought.of_workflows.is_empty())?;
        let (package, to) = (sought.report.package.as_ref()?, sought.report.to.as_ref()?);
        let edits: Vec<Edit> = sought
            .pin
            .iter()
            .flat_map(|change| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                fixer::edits_of(&change.path, &text(&change.before), &text(&change.after))
            })
            .collect();
        (!edits.is_empty()).then(|| FixProposal {
            provider: PROVIDER.to_owned(),
            model: None,
            bugs,
            context_level: 0,
            confidence: PROVEN,
            reason: format!("hold back {package} {to}, which broke the build"),
            edits,
            command: None,
            window: Vec::new(),
            reverts: None,
            usage: Usage { cost: Some(0.0), ..Usage::default() },
        })
    }

    /// What is found, in words for whoever makes a fix; empty where nobody is named.
    pub(in crate::orchestrator) async fn drift_facts(&mut self, state: &State) -> String {
        if self.advisor.is_some() {
            self.suspect_drift(state).await;
        }
        let Some(report) = self.drift.sought.as_ref().map(|s| &s.report) else { return String::new() };
        let (Some(package), Some(to)) = (&report.package, &report.to) else { return String::new() };
        let from = report.from.as_deref().unwrap_or("(none)");
        let deprecations = self.drift.sought.as_ref().map_or("", |s| s.deprecations.as_str());
        let heard = if deprecations.is_empty() {
            String::new()
        } else {
            format!("\nwhat the older release warned of:\n{deprecations}")
        };
        format!(
            "\nno change of this repository broke it: the release {to} of {package} did, proven by running; with {from} the \
             same commands pass. Make the code fit {package} {to} (and, where it can be, {from} as well).{heard}"
        )
    }

    /// What of the pin lies in workflows.
    pub(in crate::orchestrator) fn pin_of_workflows(&self) -> Vec<FileChange> {
        self.drift.sought.as_ref().map(|sought| sought.of_workflows.clone()).unwrap_or_default()
    }

    /// How the run ends where no fix of the code was proven and a release is named: with the pin as a patch.
    pub(in crate::orchestrator) fn ends_as_drift(&mut self, outcome: Outcome) -> Outcome {
        let is_unhealed = matches!(outcome, Outcome::Exhausted { .. } | Outcome::BudgetSpent { .. });
        let Some(sought) = self.drift.sought.as_ref().filter(|_| is_unhealed) else { return outcome };
        if !matches!(sought.outcome, Outcome::Drift { .. }) || !self.workspace.changes().is_empty() {
            return outcome;
        }
        if let Err(error) = self.workspace.apply(&sought.pin) {
            log::debug!("the pin does not fit: {error}");
        }
        sought.outcome.clone()
    }
}

/// Who offers a pin.
const PROVIDER: &str = "drift";
/// Its pair of worlds was run.
const PROVEN: f64 = 1.0;
/// Below, nothing could be proven.
const LEAST_RUNS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::changes::FileChangeKind;
    use crate::contract::git::{CommitSha, RepoPath};

    fn changed(files: &[(&str, FileRole)]) -> ChangedSinceGreen {
        let of = |(path, role): &(&str, FileRole)| ChangedFile {
            path: RepoPath::new(path).unwrap(),
            change: FileChangeKind::Modified,
            role: *role,
            hunks: Vec::new(),
            is_cut: false,
        };
        ChangedSinceGreen {
            commit: CommitSha::new(&"a".repeat(40)).unwrap(),
            commits_ago: Some(1),
            files: files.iter().map(of).collect(),
            more_files: 0,
        }
    }

    fn suspected(files: &[(&str, FileRole)], run: &str, log: &str) -> Option<Suspicion> {
        let plan: BuildPlan = serde_json::from_value(serde_json::json!({
            "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""},
            "steps": [{"name": "x", "run": run, "shell": null, "working_directory": ".", "origin": "run", "env": {},
                "continue_on_error": false}],
            "services": [], "skipped": [], "notes": []
        }))
        .unwrap();
        let mut seen = Evidence::of_log(log.as_bytes().to_vec());
        seen.observation.failing_step = Some(0);
        suspicion(&changed(files), &plan, &seen)
    }

    #[test]
    fn nothing_that_the_change_explains_is_suspected() {
        use FileRole::{Manifest, Other, Workflow};
        let code: &[(&str, FileRole)] = &[("src/app.py", Other)];
        let of_ours = "src/app.py:3: error: Incompatible types  [assignment]\n";
        let of_theirs = "Traceback (most recent call last):\n  File \"/usr/lib/python3/site-packages/jwt/api.py\", line 119, in encode\n    raise TypeError(\"Subject\")\nTypeError: Subject must be a string\n";
        for (files, run, log, expected) in [
            (&[][..], "pytest", of_ours, Some(Suspicion::NothingChanged)),
            (&[("README.md", Other)], "pytest", of_ours, Some(Suspicion::NothingChanged)),
            (code, "mypy .", of_ours, None),
            (
                code,
                "pip install -r requirements.txt",
                "ERROR: no matching distribution\n",
                Some(Suspicion::InstallFails),
            ),
            (&[("requirements.txt", Manifest)], "pip install -r requirements.txt", "ERROR: no\n", None),
            (&[(".github/workflows/ci.yml", Workflow)], "pytest", of_theirs, None),
            (code, "python app.py", of_theirs, Some(Suspicion::InDependencies)),
        ] {
            assert_eq!(suspected(files, run, log), expected, "{files:?} {run}");
        }
        let many = ChangedSinceGreen { more_files: 3, ..changed(&[]) };
        let seen = Evidence::of_log(Vec::new());
        let plan: BuildPlan = serde_json::from_value(serde_json::json!({
            "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""}, "steps": [], "services": [],
            "skipped": [], "notes": []
        }))
        .unwrap();
        assert_eq!(suspicion(&many, &plan, &seen), None);
    }
}
