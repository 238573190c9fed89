//! Which paths a fix may touch: what is never touched, what holds the build's judges (tests, their configuration,
//! lock files), and what git ignores. Names are compared as the least strict file system would.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use unicode_normalization::UnicodeNormalization;

use crate::contract::fix::Rejection;
use crate::contract::git::{FileMode, RepoPath, SourceTree};
use crate::error::ExpectedError;

/// Never changed by any fix: they decide what runs, who may push, and what a checkout does.
const NEVER: &[&str] = &[
    ".github/**",
    ".gitlab/**",
    ".gitlab-ci.yml",
    ".circleci/**",
    ".travis.yml",
    ".buildkite/**",
    ".azure-pipelines/**",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    ".drone.yml",
    ".cirrus.yml",
    ".woodpecker/**",
    ".woodpecker.y*ml",
    ".forgejo/**",
    ".gitea/**",
    ".semaphore/**",
    ".teamcity/**",
    ".tekton/**",
    "cloudbuild.y*ml",
    "buildspec.y*ml",
    "Jenkinsfile*",
    "**/.gitmodules",
    "**/.gitattributes",
    "**/.gitignore",
    ".husky/**",
    ".githooks/**",
    "**/.pre-commit-config.yaml",
    "**/lefthook.y*ml",
    "**/.lintstagedrc*",
    "**/CODEOWNERS",
    "**/.envrc",
    "**/.npmrc",
    "**/.yarnrc*",
    "**/pip.conf",
    "**/.cargo/**",
    ".devcontainer/**",
    ".vscode/**",
    ".idea/**",
    "**/.env",
    "**/.env.*",
    ".ci-healer/**",
    // What Python runs before anything else, and what registers plug-ins.
    "**/sitecustomize{.py,/**}",
    "**/usercustomize{.py,/**}",
    "**/*.pth",
    "**/*.{egg,dist}-info/**",
    // Other modules, other plug-ins, other sources of what is built.
    "**/go.work",
    "**/init.gradle*",
    "**/*.init.gradle*",
    "**/init.d/*.gradle*",
];

/// New files only: the runners and what they stand on, found by name. Whoever is found first is the judge; a file
/// of that name that was there already is the project's own.
const SHADOWS: &[&str] = &[
    "**/{pytest,_pytest,pluggy,iniconfig,unittest,doctest,nose,nose2,hypothesis,coverage,xdist,mock}{.py,.so,/**/*.py}",
    "**/pytest_*{.py,/**/*.py}",
    "**/{org/junit,junit/framework,org/testng,org/hamcrest,org/assertj,org/mockito,com/google/common/truth}/**",
    "**/META-INF/services/org.{junit,testng,mockito}*",
];

/// Test files and what they compare against.
const TESTS: &[&str] = &[
    "**/test/**",
    "**/tests/**",
    "**/__tests__/**",
    "**/__mocks__/**",
    "**/spec/**",
    "**/specs/**",
    "**/e2e/**",
    "**/cypress/**",
    "**/testdata/**",
    "**/test-data/**",
    "**/fixtures/**",
    "**/__fixtures__/**",
    "**/__snapshots__/**",
    "**/snapshots/**",
    "**/golden/**",
    "**/*.snap",
    "**/*.golden",
    "**/test_*.py",
    "**/*_test.py",
    "**/{test,tests}.py",
    "**/conftest.py",
    "**/*_test.go",
    "**/*_test.rs",
    "**/{test,tests}.rs",
    "**/{test,tests}.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
    "**/test-*.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
    "**/*{-,_}{test,tests}.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
    "**/*.{test,spec}.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
    "**/*.{test,spec}-d.ts",
    "**/src/{test,testFixtures,testDebug,testRelease,integrationTest,integration-test,functionalTest,androidTest,it}/**",
];

/// Tests whose names tell it by their capitals: `AuditIT` is one, `Audit` is none.
const TESTS_BY_CAPITALS: &[&str] = &[
    "**/{Test,Tests,*Test,*Tests,*TestCase,*TestSuite,*IT,*ITCase,*Spec}.{java,kt,groovy,scala}",
    "**/Test[A-Z]*.{java,kt,groovy,scala}",
    "**/*_{TEST,TESTS,Test,Tests,test,tests,IT}.{java,kt,groovy,scala}",
];

/// Configuration of test runners, linters, type checkers and formatters: what decides how strict the judge is. One data
/// file names it by tool; what is new and has the look of configuration is protected under any name
/// ([`looks_like_settings`]).
const TOOL_FILES: &str = include_str!("tool_files.txt");

fn judges() -> impl Iterator<Item = String> {
    let rows =
        TOOL_FILES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    rows.flat_map(|(_, names)| names.split_whitespace()).map(|name| format!("**/{name}"))
}

/// What the dependencies and the build are written in; its settings are guarded one by one.
const MANIFESTS: &[&str] = &[
    "package.json",
    "cargo.toml",
    "pyproject.toml",
    "setup.cfg",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "tsconfig.json",
    "composer.json",
];

/// Whether a file that is new would be taken for configuration by some tool: its name or a folder of its own begins with
/// a dot, or it lies where tools look first and is written as settings are.
pub(crate) fn looks_like_settings(path: &RepoPath, tree: &dyn SourceTree) -> bool {
    let folded = fold(path.as_str());
    let mut parts = folded.split('/');
    if parts.any(|part| part.starts_with('.')) {
        return true;
    }
    let name = folded.rsplit('/').next().unwrap_or_default();
    if MANIFESTS.contains(&name) {
        return false;
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let settings = [
        "toml",
        "ini",
        "cfg",
        "conf",
        "config",
        "json",
        "json5",
        "jsonc",
        "yaml",
        "yml",
        "xml",
        "properties",
        "neon",
        "dist",
    ];
    let config = [".config.", ".conf.", "rc."].iter().any(|part| name.contains(part)) || name.ends_with("rc");
    // Beside a manifest, which is where a tool is started.
    let beside = |manifest: &&str| {
        let folder = path.parent();
        let other = if folder.is_empty() { (*manifest).to_owned() } else { format!("{folder}/{manifest}") };
        RepoPath::new(&other).is_ok_and(|other| tree.entry(&other).is_some())
    };
    config || settings.contains(&extension) && (path.parent().is_empty() || MANIFESTS.iter().any(beside))
}

/// Written by tools; a tool's own command may renew them, a model may not.
const LOCKS: &[&str] = &[
    "**/Cargo.lock",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/bun.lock",
    "**/bun.lockb",
    "**/deno.lock",
    "**/poetry.lock",
    "**/Pipfile.lock",
    "**/uv.lock",
    "**/pdm.lock",
    "**/go.sum",
    "**/go.work.sum",
    "**/gradle.lockfile",
    "**/Gemfile.lock",
    "**/composer.lock",
    "**/flake.lock",
];

/// Third-party and generated code: fixing it there is undone by the next install.
const VENDORED: &[&str] = &[
    "**/node_modules/**",
    "vendor/**",
    "**/vendor/**/*.go",
    "**/third_party/**",
    "**/.venv/**",
    "**/site-packages/**",
    "**/*.min.js",
    "**/*.min.css",
];

/// What a path is to a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// No fix may touch it, whoever proposes it.
    Never,
    /// Given by the user's `protected-paths`.
    User,
    /// A test, or what a test compares against.
    Test,
    /// Configuration of the build's judges.
    Judge,
    /// A lock file: only a tool's own command may renew it.
    Lock,
    /// Code of others, or generated.
    Vendored,
}

impl Protection {
    /// Restored for the second half of the final proof, which shows that the fix does not lean on it.
    #[must_use]
    pub fn restored_in_proof(self) -> bool {
        matches!(self, Self::Never | Self::User | Self::Test | Self::Judge)
    }

    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Never => "no fix may change this file",
            Self::User => "is protected by `protected-paths`",
            Self::Test => "is a test file; tests may be edited only with `allow-test-edits`",
            Self::Judge => "is configuration of the build, its tests or its linters",
            Self::Lock => "is a lock file; only the tool itself may renew it",
            Self::Vendored => "is third-party or generated code",
        }
    }
}

/// The compiled lists.
#[derive(Debug, Clone)]
pub struct PathRules {
    sets: Vec<(Protection, GlobSet)>,
    tests_by_capitals: GlobSet,
    shadows: GlobSet,
}

impl PathRules {
    /// The built-in lists and the user's globs (which match anywhere where they name no folder).
    pub fn new(user: &[String]) -> Result<Self, ExpectedError> {
        let mut sets = Vec::new();
        for (protection, globs) in [
            (Protection::Never, NEVER),
            (Protection::Test, TESTS),
            (Protection::Judge, &[]),
            (Protection::Lock, LOCKS),
            (Protection::Vendored, VENDORED),
        ] {
            let globs = globs.iter().copied().map(fold);
            let set = match protection {
                Protection::Judge => glob_set(judges().map(|glob| fold(&glob)))?,
                _ => glob_set(globs)?,
            };
            sets.push((protection, set));
        }
        let user: Vec<String> = user
            .iter()
            .map(|glob| glob.trim().trim_start_matches("./").trim_start_matches('/'))
            .filter(|glob| !glob.is_empty())
            .flat_map(|glob| {
                let glob = glob.strip_suffix('/').map_or_else(|| glob.to_owned(), |dir| format!("{dir}/**"));
                let anywhere = (!glob.contains('/')).then(|| format!("**/{glob}"));
                // A folder's name protects what is in it.
                let inside = (!glob.ends_with("**")).then(|| format!("{glob}/**"));
                [Some(glob), anywhere, inside].into_iter().flatten()
            })
            .collect();
        sets.insert(1, (Protection::User, glob_set(user.iter().map(|glob| fold(glob)))?));
        let tests_by_capitals = glob_set(TESTS_BY_CAPITALS.iter().map(|glob| (*glob).to_owned()))?;
        let shadows = glob_set(SHADOWS.iter().copied().map(fold))?;
        Ok(Self { sets, tests_by_capitals, shadows })
    }

    /// The strictest rule that covers `path`.
    #[must_use]
    pub fn protection(&self, path: &str) -> Option<Protection> {
        let folded = fold(path);
        if folded.split('/').any(is_git_dir) {
            return Some(Protection::Never);
        }
        let listed =
            self.sets.iter().find(|(_, set)| set.is_match(&folded)).map(|(protection, _)| *protection);
        match listed {
            Some(Protection::Never | Protection::User) => listed,
            _ if self.tests_by_capitals.is_match(visible(path)) => Some(Protection::Test),
            other => other,
        }
    }

    /// Every tracked file that the protected half of the final proof restores.
    #[must_use]
    pub fn restored_in_proof(&self, tree: &dyn SourceTree) -> Vec<RepoPath> {
        let restored =
            |path: &RepoPath| self.protection(path.as_str()).is_some_and(Protection::restored_in_proof);
        tree.files().iter().map(|f| &f.path).filter(|p| restored(p)).cloned().collect()
    }
}

fn glob_set(globs: impl Iterator<Item = String>) -> Result<GlobSet, ExpectedError> {
    let bad = |glob: &str, e: globset::Error| {
        ExpectedError::usage(format!("protected-paths: {glob:?} is not a glob: {}", e.kind()))
            .hint("one glob per line, such as `src/generated/**`")
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let built = GlobBuilder::new(&glob).literal_separator(true).build().map_err(|e| bad(&glob, e))?;
        set.add(built);
    }
    set.build().map_err(|e| bad("", e))
}

/// As a case-insensitive, normalising file system would see the name, without characters that do not show.
fn fold(path: &str) -> String {
    visible(path).chars().flat_map(char::to_lowercase).collect()
}

/// Normalised and without characters that do not show.
fn visible(path: &str) -> String {
    path.nfkc().filter(|c| !super::sanitize::is_invisible(*c)).collect()
}

/// `.git` in every spelling some file system takes for it: trailing dots and blanks, NTFS short names and streams.
fn is_git_dir(part: &str) -> bool {
    let part = part.split(':').next().unwrap_or(part);
    let part = part.trim_end_matches(['.', ' ']);
    part == ".git" || part == "git~1" || part == ".git~1" || part == "git~2"
}

/// Checks that `path` is a plain file that a fix may touch, whoever proposes it; `Test`, `Judge` and `Lock` are
/// left to the caller.
pub(crate) fn check(path: &RepoPath, tree: &dyn SourceTree, rules: &PathRules) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::Path { path: path.to_string(), why: why.to_owned() });
    if let Some(protection @ (Protection::Never | Protection::User | Protection::Vendored)) =
        rules.protection(path.as_str())
    {
        return refuse(protection.why());
    }
    if path.as_str().chars().any(super::sanitize::is_invisible) {
        return refuse("has invisible characters in its name");
    }
    match tree.entry(path).map(|f| f.mode) {
        Some(FileMode::Symlink) => return refuse("is a symbolic link"),
        Some(FileMode::Submodule) => return refuse("is a submodule"),
        Some(FileMode::Regular | FileMode::Executable) => return Ok(()),
        None => {}
    }
    // A new file: no link or file may stand where its folders are, and no twin that differs only in case.
    let folded = fold(path.as_str());
    for file in tree.files() {
        let other = file.path.as_str();
        if fold(other) == folded {
            return refuse("differs from an existing file only in case or spelling");
        }
        let is_parent = path.as_str().strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
            || folded.strip_prefix(&fold(other)).is_some_and(|rest| rest.starts_with('/'));
        if is_parent {
            return refuse(match file.mode {
                FileMode::Symlink => "leads through a symbolic link",
                FileMode::Submodule => "lies in a submodule",
                _ => "lies below a file",
            });
        }
    }
    if is_ignored(path, tree) {
        return refuse("is ignored by git");
    }
    if rules.shadows.is_match(&folded) {
        return refuse("would stand before the test runner or what it is made of");
    }
    if shadows_standard_module(path, tree) {
        return refuse("would stand before a module of Python's own");
    }
    if path.file_name() == "build.rs" {
        return refuse("is a build script; builds do not get new ones");
    }
    Ok(())
}

/// Whether Python may find a new file under the name of one of its own modules. A module inside a package has the
/// package's name before its own; any other folder can be where Python looks first.
fn shadows_standard_module(path: &RepoPath, tree: &dyn SourceTree) -> bool {
    let is_package = |folder: &str| {
        RepoPath::new(&format!("{folder}/__init__.py")).is_ok_and(|init| tree.entry(&init).is_some())
    };
    let mut folder = path.parent();
    let Some(mut name) =
        path.file_name().strip_suffix(".py").or_else(|| path.file_name().strip_suffix(".so"))
    else {
        return false;
    };
    if name == "__init__" {
        name = folder.rsplit('/').next().unwrap_or_default();
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
    crate::syntax::is_standard_python_module(name) && (folder.is_empty() || !is_package(folder))
}

/// Whether the repository's own `.gitignore` files ignore a path that is not tracked.
fn is_ignored(path: &RepoPath, tree: &dyn SourceTree) -> bool {
    let mut folders = vec![String::new()];
    let mut at = String::new();
    for part in path.parent().split('/').filter(|p| !p.is_empty()) {
        if !at.is_empty() {
            at.push('/');
        }
        at.push_str(part);
        folders.push(at.clone());
    }
    // The nearest file decides; within it the last line that matches.
    for folder in folders.iter().rev() {
        let name = if folder.is_empty() { ".gitignore".to_owned() } else { format!("{folder}/.gitignore") };
        let Some(text) = RepoPath::new(&name).ok().and_then(|p| tree.read_text(&p)) else { continue };
        let matcher = gitignore(&text);
        let relative =
            path.as_str().strip_prefix(folder.as_str()).unwrap_or(path.as_str()).trim_start_matches('/');
        let verdict = matcher.matched_path_or_any_parents(relative, false);
        if verdict.is_ignore() {
            return true;
        }
        if verdict.is_whitelist() {
            return false;
        }
    }
    false
}

fn gitignore(text: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in text.lines() {
        // A line git cannot read either is no rule.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::MemoryTree;

    fn rules() -> PathRules {
        PathRules::new(&["docs/**".to_owned(), "schema.sql".to_owned(), "gen/".to_owned()]).unwrap()
    }

    #[test]
    fn git_s_own_folder_in_every_spelling() {
        for path in [
            ".git/config",
            ".GIT/config",
            "a/.Git/hooks/x",
            ".git./config",
            ".git /config",
            "git~1/config",
            ".git::$INDEX_ALLOCATION/config",
            ".g\u{200c}it/config",
            "．git/config",
            ".ＧＩＴ/x",
            ".GitHub/workflows/ci.yml",
            ".github/dependabot.yml",
        ] {
            assert_eq!(rules().protection(path), Some(Protection::Never), "{path}");
        }
        for path in ["src/git.rs", "a/.gitkeep", "github/x.rs", "gitx/config"] {
            assert_eq!(rules().protection(path), None, "{path}");
        }
    }

    #[test]
    fn each_list_knows_its_files() {
        for (path, want) in [
            ("tests/a.py", Protection::Test),
            ("pkg/a_test.go", Protection::Test),
            ("src/test/java/A.java", Protection::Test),
            ("src/a.spec.ts", Protection::Test),
            ("src/FooTest.java", Protection::Test),
            ("src/TestFoo.java", Protection::Test),
            ("src/AuditIT.java", Protection::Test),
            ("test.js", Protection::Test),
            ("src/setupTests.ts", Protection::Judge),
            ("src/__snapshots__/a.snap", Protection::Test),
            ("conftest.py", Protection::Test),
            ("pytest.ini", Protection::Judge),
            ("web/eslint.config.mjs", Protection::Judge),
            ("Makefile", Protection::Judge),
            ("go.sum", Protection::Lock),
            ("web/package-lock.json", Protection::Lock),
            ("node_modules/a/index.js", Protection::Vendored),
            ("docs/a/b.md", Protection::User),
            ("db/schema.sql", Protection::User),
            ("gen/a.rs", Protection::User),
            (".gitlab-ci.yml", Protection::Never),
        ] {
            assert_eq!(rules().protection(path), Some(want), "{path}");
        }
        for path in [
            "src/main.rs",
            "src/contest.py",
            "pyproject.toml",
            "package.json",
            "Cargo.toml",
            "latest.js",
            "src/mocking.py",
            "src/Contest.java",
            "src/Audit.java",
            "src/Testament.java",
            "src/setup.ts",
            "src/testing.ts",
            "internal/mock/mock.go",
            "build.rs",
            "src/org/junction/A.java",
            "internal/mock/store.go",
            "src/mock/server.js",
            "tools/coverage/report.py",
            "src/testimonials/List.tsx",
            "src/vendor/Vendor.java",
            "src/spec.ts",
            "debian/init.d/server",
        ] {
            assert_eq!(rules().protection(path), None, "{path}");
        }
    }

    /// As each tool's documentation names its files.
    #[test]
    fn every_tool_s_files_are_covered() {
        let documented: &[(&str, &[&str])] = &[
            (
                "pytest",
                &["pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "conftest.py"],
            ),
            ("coverage.py", &[".coveragerc"]),
            ("hatch", &["hatch.toml"]),
            ("uv", &["uv.toml", "uv.lock"]),
            ("ruff", &["ruff.toml", ".ruff.toml"]),
            ("mypy", &["mypy.ini", ".mypy.ini"]),
            ("basedpyright", &["pyrightconfig.json", ".basedpyright/baseline.json"]),
            ("python", &["sitecustomize.py", "usercustomize.py", "a.pth", "pyvenv.cfg"]),
            (
                "jest",
                &["jest.config.ts", "jest.config.js", "jest.config.mjs", "jest.config.json", "jest.setup.js"],
            ),
            ("vitest", &["vitest.config.ts", "vitest.workspace.ts"]),
            ("mocha", &[".mocharc.js", ".mocharc.cjs", ".mocharc.yaml", ".mocharc.jsonc"]),
            (
                "eslint",
                &[
                    "eslint.config.js",
                    "eslint.config.mts",
                    ".eslintrc.json",
                    ".eslintignore",
                    "eslint-suppressions.json",
                ],
            ),
            ("jshint", &[".jshintrc", ".jshintignore"]),
            ("prettier", &[".prettierrc", ".prettierrc.toml", "prettier.config.cts", ".prettierignore"]),
            ("biome", &["biome.json", "biome.jsonc", ".biome.json"]),
            ("oxlint", &[".oxlintrc.json", "oxlint.config.ts"]),
            ("bun", &["bunfig.toml", "bun.lock"]),
            ("deno", &["deno.json", "deno.jsonc", "deno.lock"]),
            ("pnpm", &["pnpm-workspace.yaml", ".pnpmfile.cjs", "pnpm-lock.yaml"]),
            ("yarn", &[".yarnrc.yml", ".pnp.cjs"]),
            (
                "golangci-lint",
                &[
                    ".golangci.yml",
                    ".golangci.yaml",
                    ".golangci.toml",
                    ".golangci.json",
                    ".golangci-lint.yml",
                ],
            ),
            ("revive", &["revive.toml"]),
            ("clippy", &["clippy.toml", ".clippy.toml"]),
            ("nextest", &[".config/nextest.toml"]),
            ("rustup", &["rust-toolchain", "rust-toolchain.toml"]),
            ("cargo", &[".cargo/config.toml", ".cargo/config"]),
            ("junit", &["src/main/resources/junit-platform.properties"]),
            ("maven", &[".mvn/maven.config", ".mvn/jvm.config"]),
            ("phpunit", &["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"]),
            ("rspec", &[".rspec", ".rspec-local"]),
            ("git", &[".gitconfig", ".gitattributes", ".gitmodules"]),
        ];
        let rules = rules();
        for (tool, names) in documented {
            for name in *names {
                assert!(rules.protection(name).is_some(), "{tool}: {name}");
                assert!(
                    rules.protection(&format!("web/{name}")).is_some() || name.starts_with(".config/"),
                    "{tool}: {name}"
                );
            }
        }
        for name in ["src/tasks.rs", "src/config.json", "src/settings.py", "locale/de.json", "shop/tasks.py"]
        {
            assert_eq!(rules.protection(name), None, "{name}");
        }
    }

    #[test]
    fn a_new_file_that_looks_like_settings_is_protected() {
        let tree =
            MemoryTree::new(&[("package.json", "{}"), ("web/package.json", "{}"), ("src/a.json", "{}")]);
        let looks = |path: &str| looks_like_settings(&RepoPath::new(path).unwrap(), &tree);
        for path in [
            ".newtool.yml",
            "sometool.toml",
            "web/tool.json",
            "src/.hidden/a.py",
            "a/tool.config.js",
            ".toolrc",
        ] {
            assert!(looks(path), "{path}");
        }
        for path in
            ["src/b.json", "src/lib/data.yaml", "Cargo.toml", "src/source.py", "locale/de.json", "LICENSE"]
        {
            assert!(!looks(path), "{path}");
        }
    }

    #[test]
    fn who_stands_before_the_judge_is_refused_wherever_it_is_found() {
        let tree = MemoryTree::new(&[
            ("shop/__init__.py", ""),
            ("bin/run.py", ""),
            ("tools/coverage/report.py", ""),
            ("crates/b/build.rs", ""),
        ]);
        let refused = |path: &str| check(&RepoPath::new(path).unwrap(), &tree, &rules()).is_err();
        for path in [
            "pytest.py",
            "lib/pytest.py",
            "lib/pytest/__init__.py",
            "_pytest/runner.py",
            "a/pluggy.py",
            "a/unittest/case.py",
            "a/sitecustomize.py",
            "sitecustomize/__init__.py",
            "json.py",
            "bin/json.py",
            "src/json/__init__.py",
            "shop.egg-info/entry_points.txt",
            "src/main/java/org/junit/Assert.java",
            "build.rs",
            "crates/a/build.rs",
            "go.work",
            "crates/a/.cargo/config.toml",
        ] {
            assert!(refused(path), "{path}");
        }
        for path in [
            "tools/coverage/report.py",
            "crates/b/build.rs",
            "src/mock/server.js",
            "shop/json.py",
            "shop/types.py",
            "bin/cart.py",
            "src/jsonx/__init__.py",
            "shop/builder.rs",
        ] {
            assert!(!refused(path), "{path}");
        }
    }

    #[test]
    fn links_submodules_and_ignored_files_are_refused() {
        let tree = MemoryTree::new(&[
            ("link", "/etc"),
            ("sub", ""),
            ("file", "x"),
            (".gitignore", "target/\n*.log\n!keep.log\n"),
            ("a/.gitignore", "secret.txt\n"),
        ])
        .with_mode("link", FileMode::Symlink)
        .with_mode("sub", FileMode::Submodule);
        let why = |path: &str| match check(&RepoPath::new(path).unwrap(), &tree, &rules()) {
            Err(Rejection::Path { why, .. }) => why,
            other => format!("{other:?}"),
        };
        assert_eq!(why("link"), "is a symbolic link");
        assert_eq!(why("link/passwd"), "leads through a symbolic link");
        assert_eq!(why("LINK/passwd"), "leads through a symbolic link");
        assert_eq!(why("sub/x"), "lies in a submodule");
        assert_eq!(why("file/x"), "lies below a file");
        assert_eq!(why("FILE"), "differs from an existing file only in case or spelling");
        assert_eq!(why("target/x"), "is ignored by git");
        assert_eq!(why("b/x.log"), "is ignored by git");
        assert_eq!(why("a/secret.txt"), "is ignored by git");
        assert_eq!(why("b/secret.txt"), "Ok(())");
        assert_eq!(why("keep.log"), "Ok(())");
    }

    #[test]
    fn a_bad_glob_names_itself() {
        let error = PathRules::new(&["a[".to_owned()]).unwrap_err();
        assert!(error.message.contains("a["), "{error:?}");
    }
}
