use super::*;
use crate::contract::git::{FileMode, TreeFile};

struct Tree(Vec<(TreeFile, &'static str)>, Vec<TreeFile>);

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.1
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.0.iter().find(|(f, _)| f.path == *path).map(|(_, text)| text.as_bytes().to_vec())
    }
}

fn tree(files: &[(&str, &'static str)]) -> Tree {
    let mut found: Vec<(TreeFile, &str)> = files
        .iter()
        .map(|(path, text)| {
            let path = RepoPath::new(path).unwrap();
            (TreeFile { path, mode: FileMode::Regular, id: String::new() }, *text)
        })
        .collect();
    found.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let list = found.iter().map(|(f, _)| f.clone()).collect();
    Tree(found, list)
}

fn look(run: &str, tree: &Tree) -> Option<Vec<String>> {
    let step = PlanStep { run: run.to_owned(), working_directory: ".".to_owned(), ..PlanStep::default() };
    installs(&step, tree)
}

#[test]
fn what_installs_is_told_from_what_builds() {
    let tree = tree(&[
        (
            "package.json",
            r#"{"scripts": {"bootstrap": "npm ci && husky", "build": "tsc", "all": "npm run build"}}"#,
        ),
        (
            "Makefile",
            "PIP ?= pip\nREQ := requirements.txt\n.PHONY: deps\ndeps: venv $(REQ)\n\t@$(PIP) install -r requirements.txt\nvenv:\n\tpython3 -m venv .venv\nbuild: deps\n\tpython3 setup.py build\n",
        ),
        ("requirements.txt", "x\n"),
        ("justfile", "setup:\n    uv sync\n    just hooks\nhooks:\n    npm ci\ndist: setup\n    uv build\n"),
        (
            "scripts/install",
            "#!/usr/bin/env bash\nset -euo pipefail\nif ! command -v x; then\n  sudo apt-get install -y x\nfi\nsleep 1\n",
        ),
        ("scripts/bootstrap.py", "import subprocess\nsubprocess.run(['pip', 'install', 'x'])\n"),
        ("scripts/prepare", "#!/bin/sh\nnpm run build\n"),
        ("src/a.py", ""),
    ]);
    for run in [
        "npm ci",
        "npm run bootstrap",
        "make venv",
        "just setup",
        "scripts/install",
        "bash ./scripts/install",
        "python3 scripts/bootstrap.py",
        "uv sync --frozen",
        "pip install -e '.[dev]' && pip install -r requirements.txt",
        "python -m pip install --upgrade pip\npip install pytest==8 'ruff==0.14.*' # tests",
        "go install honnef.co/go/tools/cmd/staticcheck@latest",
        "sudo apt-get update -q && sudo apt-get install -yq libpq-dev",
        "curl -LsSf https://example.org/install.sh | sh -s -- -b /usr/local/bin",
        "echo \"$(go env GOPATH)/bin\" >> $GITHUB_PATH",
        "for t in a b; do cargo install $t; done",
        "mvn -B dependency:go-offline",
        "cp requirements.txt /tmp/x",
        "git config --global user.name x",
    ] {
        assert!(look(run, &tree).is_some(), "{run}");
    }
    for run in [
        "npm run build",
        "npm run all",
        "npm ci && npm run build",
        "npm install ./src",
        "make build",
        "make",
        "just dist",
        "scripts/prepare",
        "pip install .",
        "pip install ./src",
        "pip install dist/*.whl",
        "python setup.py build_ext",
        "cargo build",
        "cargo install --path .",
        "go install ./...",
        "mvn install",
        "cp -r src dist",
        "cp src/*.py lib/",
        "git fetch --tags",
        "git config user.name x",
        "x=$(tsc)",
        "cat <<EOF > a\nb\nEOF",
        "",
    ] {
        assert!(look(run, &tree).is_none(), "{run}");
    }
}

#[test]
fn the_files_that_decide_are_named() {
    let tree = tree(&[
        ("Makefile", "deps:\n\t./scripts/get.sh\n"),
        ("scripts/get.sh", "pip install -r ci/requirements-ci.txt\n"),
        ("ci/requirements-ci.txt", "x\n"),
    ]);
    assert_eq!(look("make deps", &tree).unwrap(), ["Makefile", "ci/requirements-ci.txt", "scripts/get.sh"]);
}

#[test]
fn installing_runs_scripts_of_the_package() {
    let builds = tree(&[("package.json", r#"{"scripts": {"prepare": "tsc", "test": "x"}}"#)]);
    assert_eq!(look("npm ci", &builds), None);
    assert!(look("npm ci --ignore-scripts", &builds).is_some());
    let hooks = tree(&[("package.json", r#"{"scripts": {"prepare": "husky", "test": "x"}}"#)]);
    assert!(look("npm ci", &hooks).is_some());
}

#[test]
fn native_code_is_compiled_when_it_is_installed() {
    let native = tree(&[("setup.py", "setup(ext_modules=[Extension('x', ['x.c'])])")]);
    assert_eq!(look("pip install -e .", &native), None);
    let plain = tree(&[("setup.py", "setup(name='x')")]);
    assert!(look("pip install -e .", &plain).is_some());
}
