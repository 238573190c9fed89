//! Without a workflow: the project files say how a repository is built and tested.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::build::{BuildPlan, ImageChoice, MULTI_RUNTIME_IMAGE, PlanStep, Runtime};
use crate::contract::git::{RepoPath, SourceTree};

use super::contexts::Hashes;
use super::image::{self, Needs, RequestedToolchain};
use super::installs;
use super::out_of_reach;
use super::step_template::Evaluator;
use super::{PlanError, PlanRequest, Planned, versions};

const MAX_PROJECTS: usize = 10;
/// Folders whose projects are not the repository's own.
const FOREIGN: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "testdata",
    "fixtures",
    "fixture",
    "examples",
    "example",
    "samples",
    "target",
    "dist",
    "build",
    ".github",
    "templates",
    "template",
    "docs",
];

/// A plan of one step: the user's own command.
pub(super) fn command(command: &str, request: &PlanRequest<'_>) -> Planned {
    let projects = projects(request.tree);
    let languages: BTreeSet<&'static str> = projects.iter().map(|p| p.language).collect();
    let mut image = image(&projects, request);
    if request.sandbox_image.is_none_or(|i| i.is_empty() || i == "auto") && languages.len() != 1 {
        image.why = "for `command`, GitHub's runner image is stood in for".to_owned();
    }
    let directory = request.working_directory.trim();
    let step = PlanStep {
        name: format!("Run {}", command.lines().next().unwrap_or_default()),
        run: command.to_owned(),
        shell: Some("bash".to_owned()),
        working_directory: if directory.is_empty() { ".".to_owned() } else { directory.to_owned() },
        origin: "command".to_owned(),
        ..PlanStep::default()
    };
    finish(request.tree, vec![step], image, vec!["the steps are those given as `command`".to_owned()])
}

/// A plan from the project files.
pub(super) fn detect(request: &PlanRequest<'_>) -> Result<Planned, PlanError> {
    let projects = projects(request.tree);
    let mut notes = vec!["there is no workflow: the steps follow the project files".to_owned()];
    let mut steps = Vec::new();
    let mut tests = 0;
    for project in projects.iter().take(MAX_PROJECTS) {
        let planned = project.steps(request.tree);
        if planned.tests {
            tests += 1;
        } else {
            notes.push(format!("no tests were found for {}", project.manifest));
        }
        steps.extend(planned.steps);
    }
    if projects.len() > MAX_PROJECTS {
        notes.push(format!("only the first {MAX_PROJECTS} of {} projects are built", projects.len()));
    }
    if steps.is_empty() || tests == 0 {
        let found = projects.iter().map(|p| p.manifest.as_str()).collect::<Vec<_>>().join(", ");
        let why = if found.is_empty() {
            "there is no workflow and no project file (package.json, pyproject.toml, requirements.txt, setup.py, pom.xml, \
             build.gradle, go.mod, Cargo.toml)"
                .to_owned()
        } else {
            format!(
                "there is no workflow, and no tests were found for {found}; a run without tests would prove nothing"
            )
        };
        return Err(PlanError::Refused {
            why,
            remedy: Some("give the commands to reproduce as `command`".to_owned()),
        });
    }
    let image = image(&projects, request);
    Ok(finish(request.tree, steps, image, notes))
}

fn finish(
    tree: &dyn SourceTree,
    mut steps: Vec<PlanStep>,
    image: ImageChoice,
    notes: Vec<String>,
) -> Planned {
    for step in &mut steps {
        step.installs = installs::installs(step, tree);
    }
    out_of_reach::mark(&mut steps);
    let plan = BuildPlan {
        workflow: None,
        job: None,
        matrix: BTreeMap::new(),
        image,
        steps: steps.clone(),
        services: Vec::new(),
        skipped: Vec::new(),
        passed_over: Vec::new(),
        actions: Vec::new(),
        artifacts: Vec::new(),
        checkout: None,
        notes,
    };
    let templates = steps.iter().map(|_| None).collect();
    let evaluator =
        Evaluator { steps, templates, known: Vec::new(), hashes: std::sync::Arc::new(Hashes::default()) };
    Planned { plan, evaluator, ci_job: None }
}

fn image(projects: &[Project], request: &PlanRequest<'_>) -> ImageChoice {
    let languages: BTreeSet<&'static str> = projects.iter().map(|p| p.language).collect();
    let requested: Vec<RequestedToolchain> =
        projects.iter().filter_map(|p| p.requested(request.tree)).collect();
    let needs = Needs {
        maven: projects.iter().any(|p| p.kind() == "pom.xml"),
        gradle: projects.iter().any(|p| p.kind().starts_with("build.gradle")),
    };
    let mut choice = image::choose(&requested, &languages, needs);
    if requested.is_empty() {
        choice.reference = MULTI_RUNTIME_IMAGE.to_owned();
        choice.why = match languages.iter().copied().collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "no project file says which toolchain".to_owned(),
            list => format!("the project files are those of {list}, and none names a version"),
        };
        choice.runtimes =
            languages.iter().map(|l| Runtime { language: (*l).to_owned(), version: None }).collect();
    }
    if let Some(reference) = request.sandbox_image.filter(|i| !i.is_empty() && *i != "auto") {
        choice.reference = reference.to_owned();
        choice.why = "sandbox-image says so".to_owned();
    }
    choice
}

/// A manifest and the language it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Project {
    language: &'static str,
    manifest: String,
}

struct Steps {
    steps: Vec<PlanStep>,
    tests: bool,
}

/// The manifests, in the order they count within one folder.
const MANIFESTS: &[(&str, &str)] = &[
    ("package.json", "node"),
    ("pyproject.toml", "python"),
    ("setup.py", "python"),
    ("requirements.txt", "python"),
    ("setup.cfg", "python"),
    ("tox.ini", "python"),
    ("pom.xml", "java"),
    ("build.gradle", "java"),
    ("build.gradle.kts", "java"),
    ("go.mod", "go"),
    ("Cargo.toml", "rust"),
];

/// The projects: for each language the outermost manifests, since they know those below them.
fn projects(tree: &dyn SourceTree) -> Vec<Project> {
    let mut found: Vec<(usize, usize, Project)> = Vec::new();
    for file in tree.files() {
        let path: &str = file.path.as_ref();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(rank) = MANIFESTS.iter().position(|(manifest, _)| *manifest == name) else { continue };
        if folder.split('/').any(|part| FOREIGN.contains(&part)) {
            continue;
        }
        let depth = if folder.is_empty() { 0 } else { folder.split('/').count() };
        found.push((depth, rank, Project { language: MANIFESTS[rank].1, manifest: path.to_owned() }));
    }
    found.sort_by(|a, b| (a.0, a.1, &a.2.manifest).cmp(&(b.0, b.1, &b.2.manifest)));
    let mut out: Vec<Project> = Vec::new();
    for (_, _, project) in found {
        let inside = |outer: &Project| {
            let folder = outer.folder();
            outer.language == project.language
                && (folder.is_empty()
                    || folder == project.folder()
                    || project.folder().starts_with(&format!("{folder}/")))
        };
        if !out.iter().any(inside) {
            out.push(project);
        }
    }
    out
}

impl Project {
    fn folder(&self) -> &str {
        self.manifest.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn kind(&self) -> &str {
        self.manifest.rsplit('/').next().unwrap_or_default()
    }

    fn path(&self, name: &str) -> String {
        if self.folder().is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder()) }
    }

    fn has(&self, tree: &dyn SourceTree, name: &str) -> bool {
        RepoPath::new(&self.path(name)).is_ok_and(|p| tree.entry(&p).is_some())
    }

    fn text(&self, tree: &dyn SourceTree, name: &str) -> Option<String> {
        versions::read(tree, &self.path(name))
    }

    /// Files of this project, by their paths.
    fn any_file(&self, tree: &dyn SourceTree, test: impl Fn(&str) -> bool) -> bool {
        let prefix = if self.folder().is_empty() { String::new() } else { format!("{}/", self.folder()) };
        tree.files().iter().any(|f| {
            let path: &str = f.path.as_ref();
            path.strip_prefix(&prefix).is_some_and(&test)
        })
    }

    fn requested(&self, tree: &dyn SourceTree) -> Option<RequestedToolchain> {
        let files: &[&str] = match self.language {
            "node" => &[".nvmrc", ".node-version", ".tool-versions"],
            "python" => &[".python-version", ".tool-versions"],
            "java" => &[".java-version", ".tool-versions", ".sdkmanrc"],
            "go" => &["go.mod"],
            _ => &["rust-toolchain.toml", "rust-toolchain"],
        };
        files.iter().find_map(|name| {
            let text = self.text(tree, name)?;
            let version = match self.language {
                "node" => versions::node(name, &text),
                "python" => versions::python(name, &text),
                "java" => versions::java(name, &text),
                "go" => versions::go(name, &text),
                _ => versions::rust(&text),
            }?;
            let from = format!("{} says {version}", self.path(name));
            Some(RequestedToolchain { language: self.language, version: Some(version), from })
        })
    }

    fn step(&self, name: &str, run: impl Into<String>, setup: bool) -> PlanStep {
        PlanStep {
            name: if self.folder().is_empty() {
                name.to_owned()
            } else {
                format!("{name} ({})", self.folder())
            },
            run: run.into(),
            shell: Some("bash".to_owned()),
            working_directory: if self.folder().is_empty() {
                ".".to_owned()
            } else {
                self.folder().to_owned()
            },
            origin: format!("detected from {}", self.manifest),
            setup,
            ..PlanStep::default()
        }
    }

    fn steps(&self, tree: &dyn SourceTree) -> Steps {
        match self.language {
            "node" => self.node(tree),
            "python" => self.python(tree),
            "java" => self.java(tree),
            "go" => Steps {
                steps: vec![
                    self.step("Build", "go build ./...", false),
                    self.step("Test", "go test ./...", false),
                ],
                tests: self.any_file(tree, |p| p.ends_with("_test.go")),
            },
            _ => {
                let locked = if self.has(tree, "Cargo.lock") { " --locked" } else { "" };
                let workspace = self
                    .text(tree, "Cargo.toml")
                    .is_some_and(|t| t.lines().any(|l| l.trim() == "[workspace]"));
                let all = if workspace { " --workspace" } else { "" };
                let source = |p: &str| p.ends_with(".rs");
                Steps {
                    steps: vec![self.step("Test", format!("cargo test{all}{locked}"), false)],
                    // Any Rust source may hold tests; doctests count as well.
                    tests: self.any_file(tree, source),
                }
            }
        }
    }

    fn node(&self, tree: &dyn SourceTree) -> Steps {
        let json: serde_json::Value =
            self.text(tree, "package.json").and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
        let script = |name: &str| json.pointer(&format!("/scripts/{name}")).and_then(|s| s.as_str());
        let lists =
            ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "workspaces"];
        let depends = lists.iter().any(|key| match json.get(key) {
            Some(serde_json::Value::Object(map)) => !map.is_empty(),
            Some(serde_json::Value::Array(items)) => !items.is_empty(),
            _ => false,
        });
        let (install, run) = if self.has(tree, "pnpm-lock.yaml") {
            (
                Some(
                    "command -v pnpm >/dev/null 2>&1 || npm install -g pnpm\npnpm install --frozen-lockfile",
                ),
                "pnpm",
            )
        } else if self.has(tree, "yarn.lock") {
            let install = if self.has(tree, ".yarnrc.yml") {
                "corepack enable\nyarn install --immutable"
            } else {
                "command -v yarn >/dev/null 2>&1 || npm install -g yarn\nyarn install --frozen-lockfile"
            };
            (Some(install), "yarn")
        } else if self.has(tree, "bun.lock") || self.has(tree, "bun.lockb") {
            (Some("bun install --frozen-lockfile"), "bun")
        } else if self.has(tree, "package-lock.json") || self.has(tree, "npm-shrinkwrap.json") {
            (Some("npm ci"), "npm")
        } else {
            (depends.then_some("npm install"), "npm")
        };
        let mut steps = Vec::new();
        if let Some(install) = install {
            steps.push(self.step("Install", install, true));
        }
        let real = script("test").filter(|s| !s.contains("no test specified"));
        let own = self.any_file(tree, |p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            [".test.js", ".test.mjs", ".test.cjs"].iter().any(|end| name.ends_with(end))
        });
        if let Some(build) = script("build").filter(|_| real.is_some() || own) {
            let _ = build;
            steps.push(self.step("Build", format!("{run} run build"), false));
        }
        if real.is_some() {
            steps.push(self.step(
                "Test",
                if run == "bun" { "bun run test".to_owned() } else { format!("{run} test") },
                false,
            ));
        } else if own {
            steps.push(self.step("Test", "node --test", false));
        }
        Steps { steps, tests: real.is_some() || own }
    }

    fn python(&self, tree: &dyn SourceTree) -> Steps {
        let manifests = [
            "pyproject.toml",
            "requirements.txt",
            "requirements-dev.txt",
            "dev-requirements.txt",
            "setup.py",
            "setup.cfg",
            "tox.ini",
            "Pipfile",
        ];
        let texts: Vec<(&str, String)> =
            manifests.iter().filter_map(|m| Some((*m, self.text(tree, m)?))).collect();
        let mentions = |word: &str| texts.iter().any(|(_, t)| t.contains(word));
        let tests = self.any_file(tree, |p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            name.ends_with(".py")
                && (name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py")
        });
        let pytest =
            mentions("pytest") || self.any_file(tree, |p| p.ends_with("conftest.py") || p == "pytest.ini");
        let (install, prefix) = if self.has(tree, "uv.lock") {
            ("command -v uv >/dev/null 2>&1 || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install -q uv\nuv sync --all-extras --all-groups".to_owned(), "uv run ")
        } else if self.has(tree, "poetry.lock") {
            ("command -v poetry >/dev/null 2>&1 || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install -q poetry\npoetry install --all-extras".to_owned(), "poetry run ")
        } else {
            (self.pip(tree, &texts, pytest), "")
        };
        let mut steps = Vec::new();
        if !install.is_empty() {
            steps.push(self.step("Install", install, true));
        }
        let python = if prefix.is_empty() { "python3 -m " } else { prefix };
        if tests {
            let run = if pytest {
                format!("{python}pytest")
            } else if prefix.is_empty() {
                "python3 -m unittest discover".to_owned()
            } else {
                format!("{prefix}python -m unittest discover")
            };
            steps.push(self.step("Test", run, false));
        }
        Steps { steps, tests }
    }

    fn pip(&self, tree: &dyn SourceTree, texts: &[(&str, String)], pytest: bool) -> String {
        let has_text = |name: &str| texts.iter().find(|(m, _)| *m == name).map(|(_, t)| t.as_str());
        let mut lines: Vec<String> = Vec::new();
        for name in ["requirements.txt", "requirements-dev.txt", "dev-requirements.txt"] {
            let real = has_text(name)
                .is_some_and(|t| t.lines().any(|l| !l.trim().is_empty() && !l.trim().starts_with('#')));
            if real {
                lines.push(format!("python3 -m pip install -r {name}"));
            }
        }
        let installable = has_text("setup.py").is_some()
            || has_text("pyproject.toml")
                .is_some_and(|t| t.contains("[build-system]") || t.contains("[project]"));
        if installable {
            let table: toml::Table =
                has_text("pyproject.toml").and_then(|t| t.parse().ok()).unwrap_or_default();
            let extras = table
                .get("project")
                .and_then(|p| p.get("optional-dependencies"))
                .and_then(toml::Value::as_table);
            let requested = extras.map(|e| {
                ["test", "tests", "testing", "dev"]
                    .into_iter()
                    .filter(|n| e.contains_key(*n))
                    .collect::<Vec<_>>()
            });
            let extra = requested
                .filter(|w| !w.is_empty())
                .map_or_else(String::new, |w| format!("[{}]", w.join(",")));
            lines.push(format!("python3 -m pip install -e '.{extra}'"));
        }
        let _ = tree;
        if pytest {
            lines.push("python3 -c 'import pytest' 2>/dev/null || python3 -m pip install pytest".to_owned());
        }
        if lines.is_empty() {
            return String::new();
        }
        lines.insert(0, "export PIP_BREAK_SYSTEM_PACKAGES=1".to_owned());
        lines.join("\n")
    }

    fn java(&self, tree: &dyn SourceTree) -> Steps {
        let tests = self.any_file(tree, |p| p.contains("src/test/") || p.contains("/test/"));
        let run = if self.kind() == "pom.xml" {
            if self.has(tree, "mvnw") { "./mvnw -B -ntp verify" } else { "mvn -B -ntp verify" }
        } else if self.has(tree, "gradlew") {
            "./gradlew --no-daemon test"
        } else {
            "gradle --no-daemon test"
        };
        Steps { steps: vec![self.step("Test", run, false)], tests }
    }
}
