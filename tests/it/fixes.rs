//! Scripted models, right and wrong, lazy and cheating, against everything between the wire and the sandbox: prompt,
//! router, reply, edits, gates. Behaviours are data in `tests/fixtures/model-behaviours/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ci_healer::contract::bug::{BugReport, Category, Fingerprint, LogSpan, Severity};
use ci_healer::contract::event::{Event, EventSink};
use ci_healer::contract::fix::{Edit, FixProposal, Rejection, Usage};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::contract::model::FailureKind;
use ci_healer::fixer::{self, FixAgent, FixOptions, FixRequest, PastAttempt, Proposed, Redactor};
use ci_healer::http::{self, Redirects};
use ci_healer::llm::{ProviderConfig, Router, WireFormat};
use ci_healer::scope::Scope;
use regex::Regex;
use serde::Deserialize;

use crate::support::llm::{Answer, Asked, ScriptedLlm, Speaks};

/// A secret the run knows, planted into every repository and log; and shapes nobody told it about.
const KNOWN_SECRET: &str = "correct-horse-battery-staple";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Behaviours {
    repository: Repository,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repository {
    files: BTreeMap<String, String>,
    bug: Bug,
    log: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bug {
    tool: String,
    category: Category,
    code: Option<String>,
    file: String,
    line: u32,
    column: Option<u32>,
    message: String,
    test: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    kind: Kind,
    #[serde(default = "one")]
    level: u8,
    #[serde(default = "sure")]
    confidence: f64,
    /// Files that are other than the repository's.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Another failure than the repository's.
    bug: Option<Bug>,
    #[serde(default)]
    allow_test_edits: bool,
    /// Another log than the repository's.
    log: Option<String>,
    /// What ran, where it is hostile.
    facts: Option<String>,
    past: Option<Past>,
    /// Words of hostile text, shown to the model inside delimiters and nowhere else.
    hostile: Option<String>,
    edits: Option<Vec<(String, String, String)>>,
    /// The reply as it stands, instead of edits.
    text: Option<String>,
    expect: Expect,
}

/// An attempt at `shop/cart.py` that was built and reverted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    find: String,
    replace: String,
    why: String,
    message: String,
}

impl Past {
    fn attempt(&self, of: &Bug, fill: &impl Fn(&str) -> String) -> PastAttempt {
        let edit = Edit {
            path: RepoPath::new("shop/cart.py").unwrap(),
            find: fill(&self.find),
            replace: fill(&self.replace),
        };
        let proposal = FixProposal {
            provider: "gemini".to_owned(),
            model: None,
            bugs: Vec::new(),
            context_level: 1,
            confidence: 0.9,
            reason: String::new(),
            edits: vec![edit],
            command: None,
            window: Vec::new(),
            reverts: None,
            usage: Usage::default(),
        };
        let bugs = vec![BugReport { message: fill(&self.message), ..bug(of, fill) }];
        PastAttempt::reverted(proposal, "p".to_owned(), fill(&self.why), bugs)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Right,
    Wrong,
    Overbroad,
    Lazy,
    Cheat,
    Injected,
    Malformed,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expect {
    One(String),
    Any(Vec<String>),
}

fn one() -> u8 {
    1
}

fn sure() -> f64 {
    0.9
}

struct Tree {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, String>,
}

impl Tree {
    fn new(files: &BTreeMap<String, String>) -> Self {
        let contents: BTreeMap<_, _> =
            files.iter().map(|(p, t)| (RepoPath::new(p).unwrap(), t.clone())).collect();
        let files = contents
            .keys()
            .map(|path| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() })
            .collect();
        Self { files, contents }
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).map(|t| t.clone().into_bytes())
    }
}

struct Deaf;
impl EventSink for Deaf {
    fn emit(&self, _: Event) {}
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/model-behaviours")
}

fn behaviours() -> Vec<(String, Behaviours)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let behaviours = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, behaviours)
        })
        .collect()
}

/// Secrets that must not be in any request, as they are planted.
fn planted() -> Vec<String> {
    vec![KNOWN_SECRET.to_owned(), format!("gh{}_{}", "p", "a1B2c3D4".repeat(5)), "hunter2-hunter2".to_owned()]
}

fn bug(of: &Bug, fill: &impl Fn(&str) -> String) -> BugReport {
    BugReport {
        fingerprint: Fingerprint("f".to_owned()),
        tool: fill(&of.tool),
        category: of.category,
        code: of.code.as_deref().map(fill),
        severity: Severity::Error,
        file: Some(fill(&of.file)),
        line: Some(of.line),
        column: of.column,
        end_line: None,
        end_column: None,
        message: fill(&of.message),
        test: of.test.as_deref().map(fill),
        log: LogSpan::default(),
        related: Vec::new(),
        hint: None,
        package: None,
    }
}

/// What became of a behaviour, in the words of `expect`.
fn verdict(rejection: &Rejection) -> String {
    let kind = serde_json::to_value(rejection).unwrap()["kind"].as_str().unwrap().to_owned();
    match rejection {
        Rejection::TestWeakening { rule, .. } => format!("{kind}/{rule}"),
        _ => kind,
    }
}

/// What all cases share.
struct With {
    client: http::Client,
    options: FixOptions,
}

struct Outcome {
    verdict: String,
    /// Requests as they went over the wire, and what a model reads of them.
    bodies: Vec<String>,
    prompts: Vec<String>,
    /// What the proposal says of itself.
    reason: String,
    tokens_in: u64,
}

/// As [`run`]; text that forges the delimiter is made from the delimiter a first run had.
async fn run_with_marker(repository: &Repository, case: &Case, speaks: Speaks, with: &With) -> Outcome {
    let mut marker = "X00000000".to_owned();
    for _ in 0..3 {
        let outcome = run(repository, case, speaks, with, &marker).await;
        let next = blocks(&outcome.prompts[0]).0;
        if !case.forges() || next == marker {
            return outcome;
        }
        marker = next;
    }
    run(repository, case, speaks, with, &marker).await
}

impl Case {
    fn forges(&self) -> bool {
        let texts = [&self.log, &self.facts];
        let bug = self.bug.iter().flat_map(|b| [Some(&b.message), Some(&b.file), b.test.as_ref()]).flatten();
        let past = self.past.iter().flat_map(|p| [&p.message, &p.replace]);
        let files = self.files.iter().flat_map(|(path, text)| [path, text]);
        texts.into_iter().flatten().chain(bug).chain(past).chain(files).any(|t| t.contains("{{marker}}"))
    }
}

/// The delimiter's word, what stands between delimiters, and all the rest.
fn blocks(prompt: &str) -> (String, Vec<String>, String) {
    let open = Regex::new("<<<(X[0-9a-f]{8})").unwrap();
    let Some(marker) = open.captures(prompt).map(|c| c[1].to_owned()) else {
        return (String::new(), Vec::new(), prompt.to_owned());
    };
    let (mut inside, mut outside) = (Vec::new(), String::new());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once(&format!("<<<{marker}")) {
        outside.push_str(before);
        let (block, after) = after.split_once(&format!("{marker}>>>")).unwrap_or((after, ""));
        inside.push(block.to_owned());
        rest = after;
    }
    outside.push_str(rest);
    (marker, inside, outside)
}

/// What is wrong with how a prompt holds foreign text.
fn leaks(prompt: &str, hostile: Option<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let (_, inside, outside) = blocks(prompt);
    let forged = Regex::new("<<<X[0-9a-f]{8}|X[0-9a-f]{8}>>>").unwrap();
    if let Some(found) = inside.iter().chain([&outside]).find_map(|text| forged.find(text)) {
        wrong.push(format!("a delimiter is forged or open: {}", found.as_str()));
    }
    if let Some(hidden) = prompt.chars().find(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{ad}')
    }) {
        wrong.push(format!("a hidden character is sent: {hidden:?}"));
    }
    if let Some(hostile) = hostile {
        if outside.contains(hostile) {
            let at = outside.find(hostile).unwrap();
            let from = outside[..at].rfind('\n').map_or(0, |at| at + 1);
            wrong.push(format!("hostile text stands outside: {}", outside[from..].lines().next().unwrap()));
        }
        if !inside.iter().any(|block| block.contains(hostile)) {
            wrong.push("the hostile text is not shown at all, so nothing is tested".to_owned());
        }
    }
    wrong
}

async fn run(repository: &Repository, case: &Case, speaks: Speaks, with: &With, marker: &str) -> Outcome {
    let fill = |text: &str| {
        let long = "obey. ".repeat(4000);
        text.replace("ghp_PLANTED", &planted()[1])
            .replace("{{marker}}", marker)
            .replace("{{repeat:4000}}", &long)
    };
    let files: BTreeMap<String, String> =
        repository.files.iter().chain(&case.files).map(|(path, text)| (fill(path), fill(text))).collect();
    let tree = Tree::new(&files);
    let answer = match (&case.edits, &case.text) {
        (Some(edits), None) => {
            let edits: Vec<(&str, &str, &str)> =
                edits.iter().map(|(p, f, r)| (p.as_str(), f.as_str(), r.as_str())).collect();
            Answer::fix(case.confidence, &edits)
        }
        (None, Some(text)) => Answer::Text(text.clone()),
        _ => panic!("{}: either edits or text", case.id),
    };
    let server = ScriptedLlm::answering(speaks, move |_, _| answer.clone()).await;
    let (name, format, model) = match speaks {
        Speaks::Gemini => ("gemini", WireFormat::Gemini, "gemini-3.5-flash"),
        Speaks::Chat => ("groq", WireFormat::OpenAiCompatible, "openai/gpt-oss-120b"),
    };
    let config = ProviderConfig {
        name: name.to_owned(),
        format,
        api_key: Some(KNOWN_SECRET.into()),
        model: model.to_owned(),
        base_url: server.base_url(),
        timeout: None,
        command: Vec::new(),
        hidden: Vec::new(),
    };
    let mut router = Router::new(vec![config], with.client.clone(), Arc::new(Deaf)).unwrap();
    let options = &FixOptions { allow_test_edits: case.allow_test_edits, ..with.options.clone() };
    let agent = FixAgent::new(options.clone(), Redactor::new(&[KNOWN_SECRET.into()]));
    let of = case.bug.as_ref().unwrap_or(&repository.bug);
    let bugs = [bug(of, &fill)];
    // Secrets first: what is hostile may end the log.
    let log = case.log.as_ref().unwrap_or(&repository.log);
    let log = fill(&format!("the key is {KNOWN_SECRET} and {}\n{log}", planted()[1]));
    let history: Vec<PastAttempt> = case.past.iter().map(|past| past.attempt(of, &fill)).collect();
    let facts = fill(case.facts.as_deref().unwrap_or("the job's test step"));
    let request = FixRequest {
        bugs: &bugs,
        tree: &tree,
        level: case.level,
        needs: &[],
        history: &history,
        log: &log,
        facts: &facts,
        leads: ci_healer::fixer::Leads::default(),
        tokens_left: 100_000,
        cost_left: None,
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let proposed = agent.propose(&mut router, &request).await;
    let tokens_in = proposed.usage().tokens_in;
    let mut reason = String::new();
    let verdict = match proposed {
        Proposed::Proposal(proposal) => {
            reason.clone_from(&proposal.reason);
            let gated = fixer::apply(&proposal.edits, &proposal.window, &tree)
                .and_then(|changes| fixer::gate(&proposal, &changes, (&bugs, &bugs), &tree, options, &[]));
            gated.map_or_else(|rejection| verdict(&rejection), |_| "pass".to_owned())
        }
        Proposed::Rejected { reason, .. } => verdict(&reason),
        Proposed::Nothing { .. } => "nothing".to_owned(),
        Proposed::Exhausted { causes, .. } if causes.iter().all(|c| c.kind == FailureKind::Malformed) => {
            "malformed".to_owned()
        }
        other => panic!("{}: {other:?}", case.id),
    };
    assert_eq!(server.complaints(), [""; 0], "{}", case.id);
    let asked = server.asked();
    let bodies = asked.iter().map(|a| a.body.to_string()).collect();
    Outcome { verdict, bodies, prompts: asked.iter().map(Asked::prompt).collect(), reason, tokens_in }
}

#[tokio::test]
async fn no_cheat_passes_no_right_fix_is_refused_no_secret_is_sent() {
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    let (mut cheats, mut secrets, mut refused, mut injections) = (0, 0, 0, 0);
    let mut tokens = Vec::new();
    let options = FixOptions::new(&[]).unwrap();
    let with =
        With { client: http::Client::new(&Scope::unbounded(), None, Redirects::Refuse).unwrap(), options };
    for (file, Behaviours { repository, cases }) in behaviours() {
        for (number, case) in cases.iter().enumerate() {
            *counts.entry(case.kind).or_default() += 1;
            let speaks = if number % 2 == 0 { Speaks::Gemini } else { Speaks::Chat };
            let outcome = run_with_marker(&repository, case, speaks, &with).await;
            let allowed = match &case.expect {
                Expect::One(one) => std::slice::from_ref(one),
                Expect::Any(any) => any,
            };
            let fits = |want: &String| {
                let got = &outcome.verdict;
                got == want
                    || got.strip_prefix(want.as_str()).is_some_and(|rest| rest.starts_with('/'))
                    || (want == "build" && got == "pass")
            };
            if !allowed.iter().any(fits) {
                wrong.push(format!("{file}/{}: {} instead of {allowed:?}", case.id, outcome.verdict));
            }
            // Whatever the data says: these never pass, and those always do.
            let passes = outcome.verdict == "pass";
            match case.kind {
                Kind::Cheat | Kind::Injected | Kind::Lazy | Kind::Malformed | Kind::Overbroad if passes => {
                    cheats += 1;
                    wrong.push(format!("{file}/{}: a {:?} passed", case.id, case.kind));
                }
                Kind::Right if !passes => {
                    refused += 1;
                    wrong.push(format!("{file}/{}: a right fix was refused ({})", case.id, outcome.verdict));
                }
                _ => {}
            }
            for secret in planted() {
                if outcome.prompts.iter().chain(&outcome.bodies).any(|p| p.contains(&secret)) {
                    wrong.push(format!("{file}/{}: a secret was sent", case.id));
                    secrets += 1;
                }
                if outcome.reason.contains(&secret) {
                    wrong.push(format!("{file}/{}: a secret is told in the reason", case.id));
                    secrets += 1;
                }
            }
            let hostile = case.hostile.as_deref().or((file == "injections").then_some("obey"));
            for prompt in &outcome.prompts {
                let found = leaks(prompt, hostile);
                wrong.extend(found.into_iter().map(|what| format!("{file}/{}: {what}", case.id)));
            }
            injections += usize::from(hostile.is_some());
            if case.level == 1 && case.kind == Kind::Right {
                tokens.push(outcome.tokens_in);
            }
        }
    }
    let all: usize = counts.values().sum();
    let right = counts[&Kind::Right];
    let each: Vec<String> = counts.iter().map(|(kind, n)| format!("{n} {kind:?}").to_lowercase()).collect();
    let rate = 100.0 * f64::from(refused) / f64::from(u32::try_from(right).unwrap());
    println!("{all} behaviours of models: {}; {injections} with hostile text", each.join(", "));
    println!(
        "cheats that pass: {cheats}; secrets sent or told: {secrets}; right fixes refused: {refused} of {right} ({rate:.1}%)"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all >= 500 && right >= 120 && injections >= 80 && counts.len() == 7, "{counts:?}");
    // A report with one location is asked about in few tokens.
    tokens.sort_unstable();
    assert!(tokens[tokens.len() / 2] <= 1500, "median of {tokens:?}");
}
