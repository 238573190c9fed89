//! Scripted models, right and wrong, lazy and cheating, against everything between the wire and the sandbox: prompt,
//! router, reply, edits, gates. Behaviours are data in `tests/fixtures/model-behaviours/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ci_healer::contract::bug::{BugReport, Category, Fingerprint, LogSpan, Severity};
use ci_healer::contract::event::{Event, EventSink};
use ci_healer::contract::fix::Rejection;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::contract::model::FailureKind;
use ci_healer::fixer::{self, FixAgent, FixOptions, FixRequest, Proposed, Redactor};
use ci_healer::http::{self, Redirects};
use ci_healer::llm::{ProviderConfig, Router, WireFormat};
use serde::Deserialize;

use crate::support::llm::{Answer, ScriptedLlm, Speaks};

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
    edits: Option<Vec<(String, String, String)>>,
    /// The reply as it stands, instead of edits.
    text: Option<String>,
    expect: Expect,
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

fn bug(of: &Bug) -> BugReport {
    BugReport {
        fingerprint: Fingerprint("f".to_owned()),
        tool: of.tool.clone(),
        category: of.category,
        code: of.code.clone(),
        severity: Severity::Error,
        file: Some(of.file.clone()),
        line: Some(of.line),
        column: of.column,
        end_line: None,
        end_column: None,
        message: of.message.clone(),
        test: of.test.clone(),
        log: LogSpan::default(),
        related: Vec::new(),
        hint: None,
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
    client: reqwest::Client,
    options: FixOptions,
}

struct Outcome {
    verdict: String,
    prompts: Vec<String>,
    tokens_in: u64,
}

async fn run(repository: &Repository, case: &Case, speaks: Speaks, with: &With) -> Outcome {
    let mut files = repository.files.clone();
    files.extend(case.files.clone());
    for text in files.values_mut() {
        *text = text.replace("ghp_PLANTED", &planted()[1]);
    }
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
    };
    let mut router = Router::new(vec![config], with.client.clone(), Arc::new(Deaf)).unwrap();
    let options = &FixOptions { allow_test_edits: case.allow_test_edits, ..with.options.clone() };
    let agent = FixAgent::new(options.clone(), Redactor::new(&[KNOWN_SECRET.into()]));
    let bugs = [bug(case.bug.as_ref().unwrap_or(&repository.bug))];
    let log = format!("{}\nthe key is {KNOWN_SECRET} and {}", repository.log, planted()[1]);
    let request = FixRequest {
        bugs: &bugs,
        tree: &tree,
        level: case.level,
        history: &[],
        log: &log,
        facts: "the job's test step",
        tokens_left: 100_000,
        cost_left: None,
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let proposed = agent.propose(&mut router, &request).await;
    let tokens_in = proposed.usage().tokens_in;
    let verdict = match proposed {
        Proposed::Proposal(proposal) => {
            let gated = fixer::apply(&proposal.edits, &proposal.window, &tree)
                .and_then(|changes| fixer::gate(&proposal, &changes, &bugs, &tree, options, &[]));
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
    Outcome { verdict, prompts: asked.iter().map(|a| a.body.to_string() + &a.prompt()).collect(), tokens_in }
}

#[tokio::test]
async fn no_cheat_passes_no_right_fix_is_refused_no_secret_is_sent() {
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut tokens = Vec::new();
    let options = FixOptions::new(&[]).unwrap();
    let with = With { client: http::client(None, Redirects::Refuse).unwrap(), options };
    for (file, Behaviours { repository, cases }) in behaviours() {
        for (number, case) in cases.iter().enumerate() {
            *counts.entry(case.kind).or_default() += 1;
            let speaks = if number % 2 == 0 { Speaks::Gemini } else { Speaks::Chat };
            let outcome = run(&repository, case, speaks, &with).await;
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
                    wrong.push(format!("{file}/{}: a {:?} passed", case.id, case.kind));
                }
                Kind::Right if !passes => wrong.push(format!("{file}/{}: a right fix was refused", case.id)),
                _ => {}
            }
            for secret in planted() {
                if outcome.prompts.iter().any(|p| p.contains(&secret)) {
                    wrong.push(format!("{file}/{}: a secret was sent", case.id));
                }
            }
            if case.level == 1 && case.kind == Kind::Right {
                tokens.push(outcome.tokens_in);
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{counts:?}", wrong.join("\n"));
    let all: usize = counts.values().sum();
    assert!(all >= 100 && counts.len() == 7, "{counts:?}");
    // A report with one location is asked about in few tokens.
    tokens.sort_unstable();
    assert!(tokens[tokens.len() / 2] <= 1500, "median of {tokens:?}");
}
