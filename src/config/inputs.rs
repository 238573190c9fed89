//! The inputs, one row each: what the action, the flags, the README's table and `ci-healer help` say of an input is
//! made from its row.

use crate::contract::policy;
use crate::contract::settings::{
    ActionsMode, CounterProofRule, FailOn, Hardening, Mode, Network, OnPartial, ProviderName,
    PullRequestMode, SandboxDocker, SandboxToken,
};

/// One input of the action and flag of the command line.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// kebab-case; `INPUT_<NAME>` in upper case, `--<name>` as a flag.
    pub name: &'static str,
    /// Empty: none. An expression (`${{ … }}`) is the workflow's to evaluate; elsewhere it stands for none.
    pub default: &'static str,
    pub kind: Kind,
    pub secret: Secret,
    pub fallback: Fallback,
    /// Markdown on one line, of whole sentences.
    pub doc: &'static str,
}

impl Input {
    /// The default where no workflow evaluates expressions.
    #[must_use]
    pub fn own_default(&self) -> &'static str {
        if self.default.starts_with("${{") { "" } else { self.default }
    }
}

/// What an input's values look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Text,
    /// One line of at most so many characters.
    Line(usize),
    Url,
    /// A folder inside the workspace.
    Folder,
    /// A folder: of the workspace in a workflow, anywhere elsewhere.
    FolderAnywhere,
    /// A workflow run's address or number.
    Run,
    /// A branch name with placeholders.
    Branch,
    /// A PEM file.
    Certificates,
    Switch,
    OneOf(&'static [&'static str]),
    /// Comma- or newline-separated.
    List,
    ListOf(&'static [&'static str]),
    /// Lines of `kind: way`.
    Policy,
    /// One a line.
    Globs,
    /// Lines `NAME` or `NAME=value`.
    Variables,
    /// From the first to the last.
    Number(u64, u64),
    Fraction(f64, f64),
    /// Or the word, which stands for no limit.
    FractionOr(f64, f64, &'static str),
    /// Written as durations are.
    Duration(&'static str, &'static str),
    /// Of memory.
    Bytes(u64, u64),
}

impl Kind {
    /// What is allowed, to complete "… is not …".
    #[must_use]
    pub fn allowed(&self) -> String {
        match *self {
            Self::Text => "text".to_owned(),
            Self::Line(most) => format!("one line of at most {most} characters"),
            Self::Url => "an http(s) address without credentials".to_owned(),
            Self::Folder => "a directory inside the workspace".to_owned(),
            Self::FolderAnywhere => {
                "a directory, in a workflow one inside the workspace, and none of git's own".to_owned()
            }
            Self::Run => "the address of a workflow run (https://github.com/owner/name/actions/runs/123), or its number".to_owned(),
            Self::Branch => {
                format!("a branch name, with the placeholders {}", super::values::PLACEHOLDERS.join(", "))
            }
            Self::Certificates => "a PEM file of certificates".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::List => "a comma-separated list".to_owned(),
            Self::ListOf(names) => format!("a comma-separated list, each one of {}", names.join(", ")),
            Self::Globs => "a list of globs, one a line".to_owned(),
            Self::Policy => format!(
                "lines of `kind: way`, each kind one of {}, each way one of {}",
                policy::Kind::NAMES.join(", "),
                policy::Way::NAMES.join(", ")
            ),
            Self::Variables => "lines of NAME or NAME=value, names of letters, digits and _".to_owned(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Fraction(least, most) => format!("a number from {least} to {most}"),
            Self::FractionOr(least, most, word) => format!("a number from {least} to {most}, or {word}"),
            Self::Duration(least, most) => {
                format!("a duration from {least} to {most}, such as 90s, 30m or 1h30m")
            }
            Self::Bytes(least, most) => {
                format!("an amount of memory from {}m to {}g, such as 512m or 4g", least >> 20, most >> 30)
            }
        }
    }

    /// Whether a flag of this kind may be given several times.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List | Self::ListOf(_) | Self::Globs | Self::Variables | Self::Policy)
    }
}

/// Whether the value must never be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Yes,
    No,
    /// The names may be shown, each value may not.
    Values,
}

/// A variable that gives the value where neither a flag nor the input does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    None,
    /// A workflow's inputs are explicit; on a developer's machine the usual variable counts.
    OutsideWorkflows(&'static str),
    /// A fact of the machine rather than a wish.
    Everywhere(&'static str),
}

/// Text without a default.
const PLAIN: Input =
    Input { name: "", default: "", kind: Kind::Text, secret: Secret::No, fallback: Fallback::None, doc: "" };

/// Every input, in the order of the documentation.
pub const INPUTS: &[Input] = &[
    Input {
        name: "mode",
        default: "heal",
        kind: Kind::OneOf(Mode::NAMES),
        doc: "What to do: `heal` (the whole loop), `diagnose` (annotations and report; no fix, no key), `patch` (a \
            proven patch and its proof; never pushes, needs no write token), `publish` (takes what `patch` made, \
            re-checks every gate, pushes and watches; never runs repository code).",
        ..PLAIN
    },
    Input {
        name: "github-token",
        default: "${{ github.token }}",
        secret: Secret::Yes,
        fallback: Fallback::OutsideWorkflows("GITHUB_TOKEN"),
        doc: "Reads runs and jobs; pushes where there is no `push-token`.",
        ..PLAIN
    },
    Input {
        name: "push-token",
        secret: Secret::Yes,
        doc: "Personal access token or App token whose pushes start workflow runs.",
        ..PLAIN
    },
    Input {
        name: "providers",
        default: "toolchain,command,gemini,groq,openai,history",
        kind: Kind::ListOf(ProviderName::NAMES),
        doc: "Who is asked for a fix, in this order. One without a key is skipped, and the report says so. `command` is \
              the program of the flag `--model-command`. `history`, always last, offers the revert of one change since the last green run, as a pull request only.",
        ..PLAIN
    },
    Input {
        name: "gemini-api-key",
        secret: Secret::Yes,
        fallback: Fallback::OutsideWorkflows("GEMINI_API_KEY"),
        doc: "Key for Gemini.",
        ..PLAIN
    },
    Input { name: "gemini-model", default: "gemini-3.8-flash", doc: "Gemini model.", ..PLAIN },
    Input {
        name: "gemini-base-url",
        default: "https://generativelanguage.googleapis.com",
        kind: Kind::Url,
        doc: "Server that answers Gemini's `generateContent`.",
        ..PLAIN
    },
    Input {
        name: "groq-api-key",
        secret: Secret::Yes,
        fallback: Fallback::OutsideWorkflows("GROQ_API_KEY"),
        doc: "Key for Groq.",
        ..PLAIN
    },
    Input { name: "groq-model", default: "openai/gpt-oss-120b", doc: "Groq model.", ..PLAIN },
    Input {
        name: "groq-base-url",
        default: "https://api.groq.com/openai/v1",
        kind: Kind::Url,
        doc: "Server that answers Groq's chat completions.",
        ..PLAIN
    },
    Input {
        name: "openai-api-key",
        secret: Secret::Yes,
        fallback: Fallback::OutsideWorkflows("OPENAI_API_KEY"),
        doc: "Key for any OpenAI-compatible server.",
        ..PLAIN
    },
    Input { name: "openai-model", doc: "Model of the OpenAI-compatible server.", ..PLAIN },
    Input {
        name: "openai-base-url",
        kind: Kind::Url,
        doc: "Address of an OpenAI-compatible server (OpenRouter, vLLM, Ollama, a gateway).",
        ..PLAIN
    },
    Input {
        name: "model-fallback",
        default: "true",
        kind: Kind::Switch,
        doc: "Whether the newest model of the same family that the server lists answers in the place of one that is gone, \
            and the only one that a server of one's own lists in the place of any; `false` stops there.",
        ..PLAIN
    },
    Input {
        name: "model-timeout",
        kind: Kind::Duration("1s", "1h"),
        doc: "How long one answer of a model may take; empty for 90s with public services, and 10m with any other server.",
        ..PLAIN
    },
    Input {
        name: "command",
        doc: "Shell lines that reproduce the failure; they replace the workflow's steps.",
        ..PLAIN
    },
    Input { name: "workflow", doc: "Workflow file to reproduce; empty for the run's own.", ..PLAIN },
    Input {
        name: "job",
        kind: Kind::List,
        doc: "Job id (or a list of them) to reproduce; empty for the failed one.",
        ..PLAIN
    },
    Input {
        name: "run",
        kind: Kind::Run,
        doc: "A failed workflow run to heal, by its address; it has to be of this repository, and is only diagnosed where its \
            head is of another one.",
        ..PLAIN
    },
    Input {
        name: "all-jobs",
        default: "false",
        kind: Kind::Switch,
        doc: "Where nothing says which job failed (a plain clone), all jobs of the CI of pushes and pull requests are run in \
            turn, and the first red one is healed; `true` heals all of them.",
        ..PLAIN
    },
    Input {
        name: "working-directory",
        default: ".",
        kind: Kind::Folder,
        doc: "Where `command` and detected projects start, relative to the workspace.",
        ..PLAIN
    },
    Input {
        name: "max-attempts",
        default: "5",
        kind: Kind::Number(1, 100),
        doc: "Fix attempts over the whole run.",
        ..PLAIN
    },
    Input {
        name: "time-budget",
        default: "30m",
        kind: Kind::Duration("10s", "24h"),
        doc: "Wall clock for the whole run, such as `30m`.",
        ..PLAIN
    },
    Input {
        name: "token-budget",
        default: "200000",
        kind: Kind::Number(0, 1_000_000_000),
        doc: "Model tokens, in and out, over the whole run.",
        ..PLAIN
    },
    Input {
        name: "cost-budget",
        kind: Kind::Fraction(0.0, 100_000.0),
        doc: "Dollars over the whole run, by the price table in the documentation; empty for no limit.",
        ..PLAIN
    },
    Input {
        name: "min-confidence",
        default: "0.6",
        kind: Kind::Fraction(0.0, 1.0),
        doc: "Proposals below this confidence (0 to 1) are not tried.",
        ..PLAIN
    },
    Input {
        name: "max-changed-lines",
        default: "50",
        kind: Kind::Number(1, 100_000),
        doc: "Lines one proposal may change.",
        ..PLAIN
    },
    Input {
        name: "max-changed-files",
        default: "5",
        kind: Kind::Number(1, 1_000),
        doc: "Files one proposal may change.",
        ..PLAIN
    },
    Input {
        name: "protected-paths",
        kind: Kind::Globs,
        doc: "Globs of files that no fix may change, beside the built-in list.",
        ..PLAIN
    },
    Input {
        name: "allow-test-edits",
        default: "false",
        kind: Kind::Switch,
        doc: "Whether a fix may change test files.",
        ..PLAIN
    },
    Input {
        name: "allow-manifest-edits",
        default: "false",
        kind: Kind::Switch,
        doc: "Whether a pin that holds back the release which broke an untouched repository may be a fix; without it, the pin \
            is a patch for people.",
        ..PLAIN
    },
    Input {
        name: "policy",
        kind: Kind::Policy,
        doc: "What becomes of a fix by the kind of failure, lines of `kind: way`; kinds: `format`, `lint`, `types`, `tests`, \
            `syntax`, `imports`, `runtime`, `dependency`, `configuration`, `timeout`, `default` (the others). Ways: \
            `pull-request`, `diagnose` (none is asked for), `suggest` (one-click suggestions in a review of the failing pull \
            request, where its diff holds all lines), `push` (onto its branch: layout and what tools do to their own findings, \
            with a `push-token`; else `suggest`).",
        ..PLAIN
    },
    Input {
        name: "guidance",
        doc: "What a model is told of the repository's conventions, as data; a line `@AGENTS.md` stands for that file of the \
            default branch. At most 6000 characters are shown.",
        ..PLAIN
    },
    Input {
        name: "require-counter-proof",
        default: "auto",
        kind: Kind::OneOf(CounterProofRule::NAMES),
        doc: "Whether a heal needs a counter-proof, a run of its step in which planted failures are reported: `auto` (where \
            one can be made), `true` (always), `false` (none is made).",
        ..PLAIN
    },
    Input {
        name: "sandbox-image",
        default: "auto",
        doc: "Image to run in; `auto` takes the job's `container:`, else what its setup steps ask for, else the \
            multi-runtime image.",
        ..PLAIN
    },
    Input {
        name: "sandbox-network",
        default: "on",
        kind: Kind::OneOf(Network::NAMES),
        doc: "`on`, `off`, or `setup-only` (off once the failing step begins).",
        ..PLAIN
    },
    Input {
        name: "sandbox-memory",
        default: "4g",
        kind: Kind::Bytes(64 << 20, 1 << 44),
        doc: "Memory limit, such as `4g`.",
        ..PLAIN
    },
    Input {
        name: "sandbox-cpus",
        kind: Kind::FractionOr(0.01, 1024.0, "all"),
        doc: "CPU limit, such as `2`; empty for all.",
        ..PLAIN
    },
    Input {
        name: "sandbox-pids",
        default: "4096",
        kind: Kind::Number(16, 4_194_304),
        doc: "Process limit.",
        ..PLAIN
    },
    Input {
        name: "actions-mode",
        default: "auto",
        kind: Kind::OneOf(ActionsMode::NAMES),
        doc: "How steps that use actions run in the sandbox. `auto`: known set-up actions by rules, where an image has \
            the version, and all others for real, but for those left out on purpose (publishing, notifying, caches). \
            `rules`: nothing is fetched. `real`: set-up actions as well.",
        ..PLAIN
    },
    Input {
        name: "sandbox-hardening",
        default: "compatible",
        kind: Kind::OneOf(Hardening::NAMES),
        doc: "`compatible` (as hosted runners do) or `strict` (no capabilities, no new privileges, unprivileged \
            user).",
        ..PLAIN
    },
    Input {
        name: "sandbox-docker",
        default: "off",
        kind: Kind::OneOf(SandboxDocker::NAMES),
        doc: "`off`, or `on`: steps that call Docker get an engine of their own, in a privileged container, and whoever gets \
            code into them is root on this machine. Only with `mode: patch` or `diagnose`, and only where no token of this \
            step can write.",
        ..PLAIN
    },
    Input {
        name: "sandbox-token",
        default: "off",
        kind: Kind::OneOf(SandboxToken::NAMES),
        doc: "`off`: `${{ github.token }}` is empty in steps. `read`: it is `github-token`, which whoever gets code into \
            the sandbox may then read with. Only with `mode: patch` or `diagnose`, and only where that token cannot write \
            contents, actions or pull requests.",
        ..PLAIN
    },
    Input {
        name: "sandbox-timeout",
        default: "20m",
        kind: Kind::Duration("1s", "24h"),
        doc: "Time for one execution of the plan.",
        ..PLAIN
    },
    Input {
        name: "sandbox-env",
        kind: Kind::Variables,
        secret: Secret::Values,
        doc: "Variables for the sandbox, one per line, `NAME` (passed on) or `NAME=value`.",
        ..PLAIN
    },
    Input {
        name: "ca-bundle",
        kind: Kind::Certificates,
        fallback: Fallback::Everywhere("SSL_CERT_FILE"),
        doc: "PEM file of extra certificate authorities, trusted by ci-healer and in the sandbox.",
        ..PLAIN
    },
    Input {
        name: "flaky-runs",
        default: "2",
        kind: Kind::Number(0, 100),
        doc: "How often a green baseline is run again before the verdict is \"flaky\" or \"not reproduced\", and the step of a mended test before the proof holds.",
        ..PLAIN
    },
    Input {
        name: "rerun-flaky",
        default: "false",
        kind: Kind::Switch,
        doc: "Whether the failed jobs of a run that is over (`workflow_run`) are run again, once, where the failure does not \
            repeat here; needs `actions: write`. In the failed run itself GitHub allows it to nobody.",
        ..PLAIN
    },
    Input {
        name: "drift-runs",
        default: "16",
        kind: Kind::Number(0, 100),
        doc: "How often the commands may be run to find the release of a dependency or a tool that broke them; with less than 4, `heal` looks for none.",
        ..PLAIN
    },
    Input {
        name: "branch",
        default: "heal/{ref}-{sha7}",
        kind: Kind::Branch,
        doc: "Template of the heal branch's name; `{ref}`, `{sha7}`.",
        ..PLAIN
    },
    Input {
        name: "commit-prefix",
        default: "fix:",
        kind: Kind::Line(100),
        doc: "How commit messages and the pull request's title begin.",
        ..PLAIN
    },
    Input {
        name: "commit-mode",
        default: "auto",
        kind: Kind::OneOf(&["auto", "api", "git"]),
        doc: "`api` (Git Data API, verified commits), `git` (a push), or `auto`: `api` in workflows, `git` \
            outside.",
        ..PLAIN
    },
    Input {
        name: "pull-request",
        default: "auto",
        kind: Kind::OneOf(PullRequestMode::NAMES),
        doc: "`auto` (where CI needs one, or on success), `always`, `draft`, `never`.",
        ..PLAIN
    },
    Input {
        name: "wait-for-ci",
        default: "true",
        kind: Kind::Switch,
        doc: "Whether to watch the heal branch's workflow run.",
        ..PLAIN
    },
    Input {
        name: "ci-timeout",
        default: "30m",
        kind: Kind::Duration("10s", "24h"),
        doc: "How long to watch it.",
        ..PLAIN
    },
    Input {
        name: "on-partial",
        default: "",
        kind: Kind::OneOf(OnPartial::NAMES),
        doc: "What becomes of fixes that are each proven for their own failure while others stay red: `publish` (the \
            default: a pull request that says what is still red, never on the failing branch), `patch` (only in \
            `report-dir`), `nothing` (as `patch`, and nothing is said of it outside).",
        ..PLAIN
    },
    Input {
        name: "push-partial",
        default: "",
        kind: Kind::Switch,
        doc: "The older name of `on-partial`: `true` means `publish`, `false` means `patch`.",
        ..PLAIN
    },
    Input {
        name: "fail-on",
        default: "unhealed",
        kind: Kind::OneOf(FailOn::NAMES),
        doc: "When this step fails: `unhealed`, `error`, `never`.",
        ..PLAIN
    },
    Input {
        name: "report-dir",
        default: ".ci-healer",
        kind: Kind::FolderAnywhere,
        doc: "Folder in the workspace (on the command line: anywhere) for `results.json`, `proof.json`, the patch and the summary.",
        ..PLAIN
    },
    Input {
        name: "check-run-id",
        default: "${{ job.check_run_id }}",
        kind: Kind::Number(1, u64::MAX),
        doc: "The job's id in the API, which no variable carries. Leave it alone.",
        ..PLAIN
    },
];

/// The groups that people are shown the inputs in, each with its first input.
const GROUPS: &[(&str, &str)] = &[
    ("mode", "What to do, and as whom"),
    ("providers", "Who is asked for fixes"),
    ("command", "What is reproduced"),
    ("max-attempts", "Budgets"),
    ("min-confidence", "What a fix may do, and what it has to prove"),
    ("sandbox-image", "The sandbox"),
    ("branch", "Branch, commit, pull request, CI"),
    ("fail-on", "How it ends"),
];

/// The group of the input of this name; empty: there is no such input.
#[must_use]
pub fn group(name: &str) -> &'static str {
    let place = |name: &str| INPUTS.iter().position(|input| input.name == name);
    let Some(at) = place(name) else { return "" };
    let begun = GROUPS.iter().rev().find(|(first, _)| place(first).is_some_and(|first| first <= at));
    begun.map_or("", |(_, title)| title)
}
