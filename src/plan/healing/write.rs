//! The workflow that fits: a job in the one workflow that is CI, or a workflow of its own that hears of several. Existing
//! text is only added to, and what comes of it is read again before anybody is shown it.

use std::fmt::Write as _;

use crate::contract::build::MULTI_RUNTIME_IMAGE;
use crate::contract::git::{RepoPath, SourceTree};

use super::super::{PlanRequest, detect, workflow, yaml};
use super::{ACTION, CiWorkflow, FOLDER, Survey};

/// The version of the action that is written down.
const VERSION: &str = "v0";
const OWN_FILE: &str = ".github/workflows/ci-healer.yml";
/// For both: a heal takes half an hour at most by itself, and CI is watched for as long.
const MINUTES: u32 = 75;

/// Where the heal is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// A job behind those of CI, in their workflow.
    Job,
    /// The same in two: one that runs code and may not write, one that writes and runs none.
    Split,
    /// A workflow that is started when CI's has ended.
    Workflow,
}

impl Placement {
    /// The names, in the order of the documentation.
    pub const NAMES: &[&str] = &["job", "split", "workflow"];

    /// The placement that has exactly this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "job" => Some(Self::Job),
            "split" => Some(Self::Split),
            "workflow" => Some(Self::Workflow),
            _ => None,
        }
    }
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its path.
    pub file: String,
    /// What it holds now; `None`: it is new.
    pub before: Option<String>,
    /// What it would hold.
    pub after: String,
    /// What people should know of the choice.
    pub notes: Vec<String>,
}

/// What to write, by what is there. `wanted`: where the user wants it.
///
/// # Errors
///
/// In words: what stands in the way.
pub fn propose(
    tree: &dyn SourceTree,
    survey: &Survey,
    wanted: Option<Placement>,
) -> Result<Proposal, String> {
    match survey.ci.as_slice() {
        [] => ci_of_its_own(tree, survey),
        [only] if wanted != Some(Placement::Workflow) => {
            let split = wanted == Some(Placement::Split);
            match in_workflow(tree, only, split) {
                Ok(proposal) => Ok(proposal),
                Err(why) if split => Err(format!("{} cannot be added to: {why}", only.file)),
                Err(why) => {
                    let mut proposal = of_its_own(tree, &survey.ci)?;
                    proposal.notes.insert(0, format!("{} cannot be added to: {why}", only.file));
                    Ok(proposal)
                }
            }
        }
        several if matches!(wanted, None | Some(Placement::Workflow)) => of_its_own(tree, several),
        several => Err(format!(
            "there are several workflows of CI, and a job waits for those of its own alone: {}",
            several.iter().map(|ci| ci.file.as_str()).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn read(tree: &dyn SourceTree, file: &str) -> Option<String> {
    RepoPath::new(file).ok().and_then(|path| tree.read(&path)).and_then(|bytes| String::from_utf8(bytes).ok())
}

const SAME_REPOSITORY: &str = "(github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository)";

/// The steps of a heal; `inputs` are lines of `with`.
fn steps(head: Option<&str>, inputs: &[&str]) -> String {
    let mut text = String::from("    steps:\n      - uses: actions/checkout@v7\n        with:\n");
    if let Some(head) = head {
        // Named by its address, the run's commit lies anywhere in the history.
        let _ = writeln!(
            text,
            "          ref: {head}\n          fetch-depth: ${{{{ inputs.run && '0' || '1' }}}}"
        );
    }
    let _ = write!(text, "          persist-credentials: false\n      - uses: {ACTION}@{VERSION}\n");
    if !inputs.is_empty() {
        text.push_str("        with:\n");
    }
    for input in inputs {
        let _ = writeln!(text, "          {input}");
    }
    text
}

const KEY: &str = "gemini-api-key: ${{ secrets.GEMINI_API_KEY }}";
const TOKEN: &str = "push-token: ${{ secrets.HEAL_TOKEN }}";
const RIGHTS: &str = "    permissions:\n      contents: write        # the heal branch\n      actions: write         # the failed jobs' logs; starts and watches CI on the heal branch\n      pull-requests: write   # offers the heal for review\n";

/// The jobs that heal what `needs` shows red.
fn jobs(needs: &[String], split: bool) -> String {
    let needs = needs.join(", ");
    let head = |name: &str, needs: &str, condition: &str| {
        format!(
            "  {name}:\n    needs: [{needs}]\n    if: ${{{{ {condition} }}}}\n    runs-on: ubuntu-latest\n    timeout-minutes: {MINUTES}\n"
        )
    };
    let condition = format!("failure() && {SAME_REPOSITORY}");
    let mut text = format!(
        "  # Re-runs what failed in a sandbox, fixes it minimally, proves the fix.\n{}",
        head("heal", &needs, &condition)
    );
    if !split {
        let _ = write!(text, "{RIGHTS}{}", steps(None, &[KEY, TOKEN]));
        return text;
    }
    text.push_str("    permissions:\n      contents: read\n      actions: read        # the failed jobs' logs\n    outputs:\n      outcome: ${{ steps.heal.outputs.outcome }}\n");
    let heal = steps(None, &["mode: patch", KEY]);
    text.push_str(&heal.replace(&format!("@{VERSION}\n"), &format!("@{VERSION}\n        id: heal\n")));
    text.push_str("      - uses: actions/upload-artifact@v7\n        if: ${{ always() }}\n        with:\n          name: ci-healer\n          path: .ci-healer/\n          include-hidden-files: true\n\n");
    let patched = "always() && contains(fromJSON('[\"patched\", \"partial\"]'), needs.heal.outputs.outcome)";
    let _ = write!(
        text,
        "  # Writes, and runs no code of the repository.\n{}{RIGHTS}",
        head("publish", "heal", patched)
    );
    let publish = steps(None, &["mode: publish", TOKEN]);
    let download = "      - uses: actions/download-artifact@v8\n        with:\n          name: ci-healer\n          path: .ci-healer\n";
    text.push_str(
        &publish.replace(&format!("      - uses: {ACTION}"), &format!("{download}      - uses: {ACTION}")),
    );
    text
}

/// Adds the jobs, and `workflow_dispatch`, to an existing workflow.
fn in_workflow(tree: &dyn SourceTree, ci: &CiWorkflow, split: bool) -> Result<Proposal, String> {
    let before = read(tree, &ci.file).ok_or("it cannot be read")?;
    let root = yaml::parse(&ci.file, before.as_bytes()).map_err(|error| error.to_string())?;
    let taken = |name: &str| ci.jobs.iter().any(|job| job.eq_ignore_ascii_case(name));
    if taken("heal") || split && taken("publish") {
        return Err("it has a job of that name already".to_owned());
    }
    let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
    // The end of `jobs`: before the next key of the file, and what is said above that.
    let at = |key: &str| root.entries().iter().find(|(k, _)| k.text == key).map(|(k, _)| k.line as usize);
    let begin = at("jobs").ok_or("it has no jobs")?;
    let next = root.entries().iter().map(|(key, _)| key.line as usize).filter(|line| *line > begin).min();
    let mut end = next.map_or(lines.len(), |line| line - 1);
    while end > begin && lines[end - 1].trim().is_empty() || next.is_some() && lines[end - 1].starts_with('#')
    {
        end -= 1;
    }
    let first =
        lines[begin..end].iter().find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let indent = first.map_or(2, |line| line.len() - line.trim_start().len());
    let added = jobs(&ci.jobs, split);
    let shifted = added.lines().map(|line| match line.strip_prefix("  ") {
        Some(rest) => format!("{}{rest}", " ".repeat(indent)),
        None => line.to_owned(),
    });
    let block: Vec<String> = std::iter::once(String::new()).chain(shifted).collect();
    lines.splice(end..end, block);
    let mut notes = Vec::new();
    if !ci.dispatches
        && let Some(note) = add_dispatch(&mut lines, &root)
    {
        notes.push(note);
    }
    let after = lines.join("\n") + "\n";
    let read_again = workflow::read(&ci.file, after.as_bytes(), false).map_err(|error| error.to_string())?;
    let expected = ci.jobs.len() + if split { 2 } else { 1 };
    if read_again.jobs.len() != expected
        || read_again.jobs[..ci.jobs.len()].iter().map(|j| &j.id).ne(&ci.jobs)
    {
        return Err("its jobs are not written one below the other".to_owned());
    }
    if !split {
        notes.push("a public repository is better off with `--placement split`: there the job that runs its code cannot write".to_owned());
    }
    Ok(Proposal { file: ci.file.clone(), before: Some(before), after, notes })
}

/// Adds the trigger by which CI is started on a heal branch without a token; says so where that is the user's to do.
fn add_dispatch(lines: &mut Vec<String>, root: &yaml::Node) -> Option<String> {
    let by_hand =
        "add `workflow_dispatch:` to its triggers, so that CI can be started on the heal branch".to_owned();
    let on = root.entries().iter().find(|(key, _)| key.text == "on");
    let Some((key, node)) = on else { return Some(by_hand) };
    let at = key.line as usize - 1;
    let value = lines[at].split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
    let value = value.split(" #").next().unwrap_or_default().trim().to_owned();
    match &node.kind {
        yaml::Kind::Map(_) if value.is_empty() => {
            let child = lines[at + 1..]
                .iter()
                .find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))?;
            let indent = " ".repeat(child.len() - child.trim_start().len());
            lines.insert(at + 1, format!("{indent}workflow_dispatch:"));
            None
        }
        yaml::Kind::String { .. } => {
            lines[at] = format!("on: [{value}, workflow_dispatch]");
            None
        }
        yaml::Kind::List(_) if value.ends_with(']') => {
            lines[at] = format!("on: {}, workflow_dispatch]", value.trim_end_matches(']').trim_end());
            None
        }
        _ => Some(by_hand),
    }
}

/// A workflow that hears of each of these.
fn of_its_own(tree: &dyn SourceTree, ci: &[CiWorkflow]) -> Result<Proposal, String> {
    if read(tree, OWN_FILE).is_some() {
        return Err(format!("{OWN_FILE} is there already; `ci-healer init --check` says what it lacks"));
    }
    let names = ci.iter().map(|ci| serde_json::Value::from(ci.name.clone()).to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    let run = "github.event.workflow_run";
    let condition = format!(
        "github.event_name == 'workflow_dispatch' || ({run}.conclusion == 'failure' && {run}.head_repository.full_name == github.repository)"
    );
    let head = "${{ github.event.workflow_run.head_sha }}";
    let after = format!(
        "name: Heal CI\n\n# Started when one of these has ended; heals the run that failed, at its own commit.\non:\n  workflow_run:\n    workflows: [{names}]\n    types: [completed]\n  workflow_dispatch:\n    inputs:\n      run:\n        description: Address of the failed run\n        required: true\n\npermissions: {{}}\n\nconcurrency:\n  group: heal-${{{{ {run}.head_branch || inputs.run }}}}\n  cancel-in-progress: false\n\njobs:\n  heal:\n    if: ${{{{ {condition} }}}}\n    runs-on: ubuntu-latest\n    timeout-minutes: {MINUTES}\n{RIGHTS}{}",
        steps(Some(head), &["run: ${{ inputs.run }}", KEY, TOKEN])
    );
    workflow::read(OWN_FILE, after.as_bytes(), false).map_err(|error| error.to_string())?;
    let mut notes = vec![
        "GitHub starts `workflow_run` for workflows of the default branch only: merge it there first"
            .to_owned(),
    ];
    notes.extend(ci.iter().filter(|ci| !ci.dispatches).map(|ci| {
        format!(
            "add `workflow_dispatch:` to {}, or make the push token: else nothing starts CI on a heal branch",
            ci.file
        )
    }));
    Ok(Proposal { file: OWN_FILE.to_owned(), before: None, after, notes })
}

/// No workflow at all: one with the commands that the project's files stand for.
fn ci_of_its_own(tree: &dyn SourceTree, survey: &Survey) -> Result<Proposal, String> {
    let file = format!("{FOLDER}ci.yml");
    if read(tree, &file).is_some() {
        let why = survey.others.iter().find(|(other, _)| *other == file).map_or("", |(_, why)| why);
        return Err(format!("{file} is not started by pushes or pull requests to test them: {why}"));
    }
    let planned = detect::detect(&PlanRequest::of(tree)).map_err(|error| error.to_string())?;
    let plan = &planned.plan;
    let mut run = String::new();
    for step in &plan.steps {
        if step.working_directory == "." {
            run.push_str("      - run: |\n");
        } else {
            let _ = writeln!(run, "      - working-directory: {}\n        run: |", step.working_directory);
        }
        for line in step.run.trim().lines() {
            let _ = writeln!(run, "          {line}");
        }
    }
    // Hosted runners have what the multi-runtime image has.
    let container = match plan.image.reference.as_str() {
        MULTI_RUNTIME_IMAGE => String::new(),
        image => format!("    container: {image}\n"),
    };
    let test = format!(
        "  test:\n    runs-on: ubuntu-latest\n{container}    timeout-minutes: 30\n    permissions:\n      contents: read\n    steps:\n      - uses: actions/checkout@v7\n        with:\n          persist-credentials: false\n{run}"
    );
    let after = format!(
        "name: CI\n\non:\n  push:\n    branches-ignore: [\"heal/**\"]\n  pull_request:\n  workflow_dispatch:   # lets ci-healer start CI on the heal branch\n\npermissions: {{}}\n\njobs:\n{test}\n{}",
        jobs(&["test".to_owned()], false)
    );
    workflow::read(&file, after.as_bytes(), false).map_err(|error| error.to_string())?;
    let notes = vec![format!(
        "there is no workflow of CI: the commands are what the project's files stand for ({}); look at them",
        plan.notes.first().map_or("detected", String::as_str)
    )];
    Ok(Proposal { file, before: None, after, notes })
}
