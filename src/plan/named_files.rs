//! The manifests and configuration files that steps name: what the failing step works with, and what the steps before it
//! install from.

use super::installs::{commands_of, without_prefixes};
use crate::contract::build::{BuildPlan, NamedFile};
use crate::contract::git::{RepoPath, SourceTree, join};

/// Files that are named at most, and how deep files name others.
const MOST_FILES: usize = 20;
const MAX_DEPTH: usize = 3;
/// Options whose value is a configuration file, or the folder that holds one.
const CONFIG: [&str; 12] = [
    "--config",
    "-c",
    "--config-file",
    "--configuration",
    "--rcfile",
    "-p",
    "--project",
    "--settings",
    "--manifest-path",
    "--rootdir",
    "-f",
    "--file",
];
/// What a package manager works by in the folder where it is called, by the manager's name.
const MANIFESTS: [(&[&str], &[&str]); 9] = [
    (&["npm", "npx", "pnpm", "yarn", "bun", "bunx", "pnpx"], &["package.json"]),
    (&["uv", "poetry", "pdm", "hatch", "rye", "flit"], &["pyproject.toml"]),
    (&["pipenv"], &["Pipfile"]),
    (&["tox", "nox"], &["tox.ini", "noxfile.py", "pyproject.toml"]),
    (&["cargo"], &["Cargo.toml"]),
    (&["go", "gotestsum"], &["go.mod"]),
    (&["mvn", "mvnw"], &["pom.xml"]),
    (&["gradle", "gradlew"], &["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"]),
    (&["make", "gmake"], &["Makefile", "makefile", "GNUmakefile"]),
];

/// What the failing step names, then what the steps before it that install do; each file once, with the command that
/// names it.
///
/// ```
/// use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
/// use ci_healer::plan::{PlanRequest, named_files, plan};
///
/// struct OneFile(TreeFile);
///
/// impl SourceTree for OneFile {
///     fn files(&self) -> &[TreeFile] {
///         std::slice::from_ref(&self.0)
///     }
///
///     fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
///         (*path == self.0.path).then(|| b"pytest".to_vec())
///     }
/// }
///
/// let path = RepoPath::new("requirements/test.txt").unwrap();
/// let tree = OneFile(TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() });
/// let command = Some("pip install -r requirements/test.txt");
/// let planned = plan(&PlanRequest { command, ..PlanRequest::of(&tree) }).unwrap();
/// assert_eq!(named_files(&planned[0].plan, None, &tree)[0].path, path);
/// ```
#[must_use]
pub fn named_files(plan: &BuildPlan, failing: Option<usize>, tree: &dyn SourceTree) -> Vec<NamedFile> {
    let mut found = Named { tree, files: Vec::new() };
    let last = failing.unwrap_or(plan.steps.len().saturating_sub(1));
    let before = plan
        .steps
        .iter()
        .take(last)
        .rev()
        .filter(|step| step.installs.is_some() || step.setup || installs(&step.run));
    for step in plan.steps.get(last).into_iter().chain(before) {
        let folder = step.working_directory.trim_start_matches("./").trim_end_matches('/');
        found.script(&step.run, if folder == "." { "" } else { folder }, MAX_DEPTH);
        for path in step.installs.iter().flatten() {
            found.file(path, &format!("step {:?}", step.name));
        }
    }
    found.files.truncate(MOST_FILES);
    found.files
}

/// A step whose script has a package manager install something, whatever else it does.
fn installs(script: &str) -> bool {
    ["install", "npm ci", "uv sync", "go mod download", "pnpm i", "yarn"]
        .iter()
        .any(|word| script.contains(word))
}

struct Named<'t> {
    tree: &'t dyn SourceTree,
    files: Vec<NamedFile>,
}

impl Named<'_> {
    fn script(&mut self, script: &str, folder: &str, left: usize) {
        // Where the whole needs more than a plain reading, its lines may not.
        let commands =
            commands_of(script).unwrap_or_else(|| script.lines().filter_map(commands_of).flatten().collect());
        let mut folder = folder.to_owned();
        for command in &commands {
            let words: Vec<&str> = without_prefixes(command).iter().map(String::as_str).collect();
            if let ["cd", to] = words[..] {
                folder = join(&folder, to).unwrap_or(folder);
                continue;
            }
            self.command(&words, &folder, left);
        }
    }

    fn command(&mut self, words: &[&str], folder: &str, left: usize) {
        let Some((name, arguments)) = words.split_first() else { return };
        let why: String = words.join(" ").chars().take(100).collect();
        let last = name.rsplit('/').next().unwrap_or(name);
        let (tool, arguments) = match (last, arguments) {
            ("python" | "python3", ["-m", module, rest @ ..]) => (*module, rest),
            ("uv", ["pip", rest @ ..]) => ("pip", rest),
            ("uv" | "poetry" | "pdm" | "pipenv", ["run", rest @ ..]) => {
                self.manifests(last, folder, &why);
                return self.command(rest, folder, left);
            }
            _ => (last, arguments),
        };
        if matches!(tool, "pip" | "pip3") {
            return self.pip(arguments, folder, &why);
        }
        let (inner, arguments) = folder_option(tool, arguments, folder);
        self.options(arguments, &inner, &why);
        self.members(tool, arguments, &inner, &why);
        self.manifests(tool, &inner, &why);
        // Scripts of the repository say what they name.
        let script = match last {
            "sh" | "bash" => arguments.first().copied(),
            _ => name.contains('/').then_some(*name),
        };
        if let Some(path) = script.and_then(|s| join(folder, s)).and_then(|p| RepoPath::new(&p).ok())
            && left > 0
            && let Some(text) = self.tree.read_text(&path).filter(|t| t.len() < 100_000)
        {
            self.script(&text, folder, left - 1);
        }
    }

    fn pip(&mut self, arguments: &[&str], folder: &str, why: &str) {
        let mut arguments = arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            let short =
                argument.strip_prefix("-r").or_else(|| argument.strip_prefix("-c")).filter(|f| !f.is_empty());
            let long = ["--requirement=", "--constraint="].iter().find_map(|o| argument.strip_prefix(o));
            match (*argument, long.or(short)) {
                ("-r" | "-c" | "--requirement" | "--constraint", _) => {
                    if let Some(file) = arguments.next() {
                        self.requirements(file, folder, why, MAX_DEPTH);
                    }
                }
                (_, Some(file)) if !argument.starts_with("--") || long.is_some() => {
                    self.requirements(file, folder, why, MAX_DEPTH);
                }
                ("-e" | "--editable", _) => {}
                (flag, _) if flag.starts_with('-') => {}
                (package, _) => {
                    let path = package.split('[').next().unwrap_or(package);
                    if path.starts_with('.') || path.contains('/') {
                        let Some(inner) = join(folder, path) else { continue };
                        for manifest in ["pyproject.toml", "setup.cfg", "setup.py"] {
                            self.in_folder(&inner, manifest, why);
                        }
                    }
                }
            }
        }
    }

    /// A file of requirements, and those it takes in.
    fn requirements(&mut self, file: &str, folder: &str, why: &str, left: usize) {
        let Some(path) = join(folder, file) else { return };
        self.file(&path, why);
        let Some(text) = RepoPath::new(&path).ok().and_then(|p| self.tree.read_text(&p)) else { return };
        let inner = path.rsplit_once('/').map_or("", |(inner, _)| inner);
        for line in text.lines().filter(|_| left > 0) {
            let taken = ["-r", "-c", "--requirement", "--constraint"]
                .iter()
                .find_map(|o| line.trim().strip_prefix(o));
            if let Some(taken) = taken {
                self.requirements(taken.trim_start_matches('=').trim(), inner, why, left - 1);
            }
        }
    }

    fn options(&mut self, arguments: &[&str], folder: &str, why: &str) {
        for (at, argument) in arguments.iter().enumerate() {
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (*argument, arguments.get(at + 1).copied()),
            };
            let is_config = CONFIG.contains(&option);
            if let Some(path) = value.filter(|_| is_config).and_then(|v| join(folder, v)) {
                self.file(&path, why);
                self.in_folder(&path, "tsconfig.json", why);
            }
            // A file among the arguments, by the ending that configuration has.
            let ending = argument.rsplit_once('.').map(|(_, ending)| ending);
            if !argument.starts_with('-')
                && matches!(ending, Some("toml" | "cfg" | "ini" | "json" | "yaml" | "yml" | "txt"))
                && let Some(path) = join(folder, argument)
            {
                self.file(&path, why);
            }
        }
    }

    /// The manifests of the members that a command is about: `-p crate`, `-w package`, `-pl module`, `:core:test`.
    fn members(&mut self, tool: &str, arguments: &[&str], folder: &str, why: &str) {
        let (manifest, options): (&str, &[&str]) = match tool {
            "cargo" => ("Cargo.toml", &["-p", "--package"]),
            "npm" | "pnpm" | "yarn" => {
                ("package.json", &["-w", "--workspace", "--filter", "-F", "workspace"])
            }
            "mvn" | "mvnw" => ("pom.xml", &["-pl", "--projects"]),
            "gradle" | "gradlew" => {
                for project in arguments.iter().filter_map(|a| a.strip_prefix(':')?.rsplit_once(':')) {
                    let path = project.0.replace(':', "/");
                    self.in_folder(&path, "build.gradle", why);
                    self.in_folder(&path, "build.gradle.kts", why);
                }
                return;
            }
            _ => return,
        };
        for (at, argument) in arguments.iter().enumerate() {
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (*argument, arguments.get(at + 1).copied()),
            };
            let Some(members) = value.filter(|_| options.contains(&option)) else { continue };
            for member in members.split(',') {
                self.member(member, manifest, folder, why);
            }
        }
    }

    /// By its folder, or by the name in its manifest.
    fn member(&mut self, member: &str, manifest: &str, folder: &str, why: &str) {
        let inner = join(folder, member.trim_start_matches(':'));
        if inner.is_some_and(|inner| self.in_folder(&inner, manifest, why)) {
            return;
        }
        let name = [format!("\"{member}\""), format!(">{member}<")];
        let files = self.tree.files().iter().filter(|f| f.path.file_name() == manifest);
        let says = |path: &&RepoPath| {
            let text = self.tree.read_text(path).unwrap_or_default();
            let mut lines = text.lines().take(15).filter(|l| l.contains("name") || l.contains("artifactId"));
            lines.any(|line| name.iter().any(|n| line.contains(n.as_str())))
        };
        let found = files
            .map(|f| &f.path)
            .filter(|p| !p.as_str().contains("node_modules/"))
            .take(200)
            .find(says)
            .cloned();
        if let Some(path) = found {
            self.file(path.as_str(), why);
        }
    }

    fn manifests(&mut self, tool: &str, folder: &str, why: &str) {
        let known = MANIFESTS.iter().find(|(tools, _)| tools.contains(&tool));
        for manifest in known.into_iter().flat_map(|(_, manifests)| *manifests) {
            self.in_folder(folder, manifest, why);
        }
    }

    fn in_folder(&mut self, folder: &str, name: &str, why: &str) -> bool {
        join(folder, name).is_some_and(|path| self.file(&path, why))
    }

    fn file(&mut self, path: &str, why: &str) -> bool {
        let Ok(path) = RepoPath::new(path) else { return false };
        let there = self.tree.entry(&path).is_some();
        if there && !self.files.iter().any(|f| f.path == path) {
            self.files.push(NamedFile { path, why: why.to_owned() });
        }
        there
    }
}

/// Where a command works that is sent to another folder by an option.
fn folder_option<'a, 'w>(tool: &str, arguments: &'a [&'w str], folder: &str) -> (String, &'a [&'w str]) {
    let options: &[&str] = match tool {
        "npm" => &["--prefix", "-C"],
        "pnpm" => &["--dir", "-C"],
        "yarn" | "bun" => &["--cwd"],
        "make" | "gmake" | "go" | "git" => &["-C"],
        "poetry" => &["-C", "--directory", "--project"],
        "uv" => &["--directory", "--project"],
        "gradle" | "gradlew" => &["-p", "--project-dir"],
        _ => &[],
    };
    let inner = arguments.iter().enumerate().find_map(|(at, argument)| {
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (*argument, arguments.get(at + 1).copied()),
        };
        value.filter(|_| options.contains(&option)).and_then(|v| join(folder, v))
    });
    (inner.unwrap_or_else(|| folder.to_owned()), arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::build::PlanStep;
    use crate::contract::git::{FileMode, TreeFile};

    struct Tree(Vec<TreeFile>, Vec<String>);

    impl SourceTree for Tree {
        fn files(&self) -> &[TreeFile] {
            &self.0
        }

        fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
            let at = self.0.iter().position(|f| f.path == *path)?;
            Some(self.1[at].clone().into_bytes())
        }
    }

    fn named(files: &[(&str, &str)], steps: &[&str]) -> Vec<String> {
        let mut files = files.to_vec();
        files.sort_unstable();
        let entry = |path: &str| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        let tree = Tree(
            files.iter().map(|(p, _)| entry(p)).collect(),
            files.iter().map(|(_, t)| (*t).to_owned()).collect(),
        );
        let mut plan: BuildPlan = serde_json::from_value(serde_json::json!({
            "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""},
            "steps": [], "services": [], "skipped": [], "notes": [],
        }))
        .unwrap();
        let step = |run: &&str| PlanStep {
            run: (*run).to_owned(),
            working_directory: ".".to_owned(),
            ..PlanStep::default()
        };
        plan.steps = steps.iter().map(step).collect();
        let found = named_files(&plan, Some(steps.len() - 1), &tree);
        found.into_iter().map(|f| f.path.to_string()).collect()
    }

    #[test]
    fn requirements_and_what_they_take_in() {
        let files = [
            ("requirements/base.txt", ""),
            ("requirements/test.txt", "-r base.txt\npytest\n"),
            ("requirements/other.txt", ""),
            ("constraints.txt", ""),
        ];
        let found = named(&files, &["pip install -r requirements/test.txt -c constraints.txt", "pytest"]);
        assert_eq!(found, ["requirements/test.txt", "requirements/base.txt", "constraints.txt"]);
        assert_eq!(
            named(&files, &["python -m pip install --requirement=constraints.txt"]),
            ["constraints.txt"]
        );
    }

    #[test]
    fn a_local_package_by_its_manifests() {
        let files = [("pyproject.toml", ""), ("libs/a/setup.py", ""), ("libs/b/setup.py", "")];
        let found = named(&files, &["pip install .[test] -e ./libs/a", "pytest"]);
        assert_eq!(found, ["pyproject.toml", "libs/a/setup.py"]);
    }

    #[test]
    fn managers_work_in_the_folder_they_are_called_in_or_sent_to() {
        let files = [("package.json", ""), ("web/package.json", ""), ("api/package.json", "")];
        assert_eq!(
            named(&files, &["cd web\nnpm ci", "npm test --prefix api"]),
            ["api/package.json", "web/package.json"]
        );
        assert_eq!(named(&files, &["npm test"]), ["package.json"]);
    }

    #[test]
    fn members_by_option() {
        let files = [
            ("Cargo.toml", ""),
            ("crates/core/Cargo.toml", "[package]\nname = \"shop-core\"\n"),
            ("crates/other/Cargo.toml", "[package]\nname = \"other\"\n"),
        ];
        assert_eq!(named(&files, &["cargo test -p shop-core"]), ["crates/core/Cargo.toml", "Cargo.toml"]);
        let files = [("settings.gradle", ""), ("core/build.gradle", ""), ("app/build.gradle", "")];
        assert_eq!(named(&files, &["./gradlew :core:test"]), ["core/build.gradle", "settings.gradle"]);
        let files = [("pom.xml", ""), ("core/pom.xml", ""), ("app/pom.xml", "")];
        assert_eq!(named(&files, &["mvn -pl core test"]), ["core/pom.xml", "pom.xml"]);
    }

    #[test]
    fn configuration_by_option_and_scripts_of_the_repository() {
        let files = [
            ("conf/mypy.ini", ""),
            ("web/tsconfig.json", ""),
            ("ci/test.sh", "#!/bin/sh\npytest --config=conf/pytest.toml\n"),
            ("conf/pytest.toml", ""),
        ];
        let found = named(&files, &["mypy --config-file conf/mypy.ini src\ntsc -p web\n./ci/test.sh"]);
        assert_eq!(found, ["conf/mypy.ini", "web/tsconfig.json", "conf/pytest.toml"]);
    }
}
