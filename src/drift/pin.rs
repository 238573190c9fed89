//! The pin that holds a release back, in the ecosystem's own style: an upper bound where a manifest names the package, a
//! line of its own where none does, an override in package.json, else in the command that installs it.

mod builds;
mod cargo;
mod npm;
mod python;

use super::resolved::{CARGO, NPM, Package};
pub use npm::exactly;
pub use python::constrained_project;

/// What is held back.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    pub package: &'a Package,
    /// The release that breaks.
    pub below: &'a str,
    /// The last that does not.
    pub at: &'a str,
    /// The log of the build that fails, where only isolated builds take the package.
    pub build: Option<&'a str>,
}

/// One file of the repository with the pin in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pin {
    pub path: String,
    pub after: String,
    /// A file that it reads, and its text.
    pub beside: Option<(String, String)>,
    /// What steps run in another way with it: the lines of a workflow's scripts, as they were and as they are.
    pub scripts: Vec<(String, String)>,
}

/// The pin for a repository with these files (paths and texts), whose steps run `scripts`.
#[must_use]
pub fn pin(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    if hold.package.ecosystem == NPM {
        return npm::of_npm(files, scripts, hold);
    }
    if hold.package.ecosystem == CARGO {
        return cargo::of_cargo(files, hold);
    }
    match hold.build {
        Some(log) => builds::of_build(files, scripts, log, hold),
        None => python::of_python(files, scripts, hold),
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first line that `change` takes is replaced.
fn replace_line(text: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut done = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match (!done).then(|| change(bare)).flatten() {
            Some(changed) => {
                out.push_str(&changed);
                out.push_str(&line[bare.len()..]);
                done = true;
            }
            None => out.push_str(line),
        }
    }
    done.then_some(out)
}

fn words(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in line.split_whitespace() {
        if let Some(start) = line[at..].find(word) {
            found.push((at + start, word));
            at += start + word.len();
        }
    }
    found
}

/// In the script line of a workflow.
fn in_commands(
    files: &[(String, String)],
    scripts: &str,
    change: impl Fn(&str) -> Option<String>,
) -> Option<Pin> {
    for line in scripts.lines() {
        let Some(changed) = change(line) else { continue };
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with(".github/workflows/")) {
            if text.contains(line.trim()) {
                let after = text.replace(line.trim(), changed.trim());
                // A plain scalar of YAML may not hold quotes at its head; here they stand inside.
                let scripts = vec![(line.to_owned(), changed)];
                return Some(Pin { path: path.clone(), after, scripts, ..Pin::default() });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(ecosystem: &str, name: &str, files: &[(&str, &str)], scripts: &str) -> (String, String) {
        let files: Vec<_> = files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let package = Package::new(ecosystem, name);
        let hold = Hold { package: &package, below: "3.0", at: "2.3.7", build: None };
        let pin = pin(&files, scripts, hold).unwrap();
        (pin.path, pin.after)
    }

    #[test]
    fn python_is_pinned_where_it_is_named_else_beside() {
        let run = "pip install -r requirements.txt";
        let of = |text: &str| pinned("python", "werk-zeug", &[("requirements.txt", text)], run).1;
        assert_eq!(of("flask\nWerk_zeug\n"), "flask\nWerk_zeug<3.0  # werk-zeug 3.0 breaks the build\n");
        assert_eq!(
            of("werk-zeug[x]>=2 ; python_version > '3'  # old\n"),
            "# werk-zeug 3.0 breaks the build\nwerk-zeug[x]>=2,<3.0 ; python_version > '3'  # old\n"
        );
        assert_eq!(of("flask"), "flask\nwerk-zeug<3.0  # werk-zeug 3.0 breaks the build\n");
        let toml = "[project]\nname = \"werk-zeug\"\ndependencies = [\"flask\", \"werk-zeug>=1\"]\n";
        assert_eq!(
            pinned("python", "werk-zeug", &[("pyproject.toml", toml)], "pip install .").1,
            "[project]\nname = \"werk-zeug\"\ndependencies = [\"flask\", \"werk-zeug>=1,<3.0\"]\n"
        );
        let build = "[build-system]\nrequires = [\"setuptools\"]\n";
        assert_eq!(
            pinned("python", "werk-zeug", &[("pyproject.toml", build)], "pip install .").1,
            "[build-system]\nrequires = [\"werk-zeug<3.0\", \"setuptools\"]\n"
        );
        let flow = "steps:\n  - run: pip install black pytest\n";
        let (path, after) =
            pinned("python", "black", &[(".github/workflows/ci.yml", flow)], "pip install black pytest");
        assert_eq!(
            (path.as_str(), after.as_str()),
            (".github/workflows/ci.yml", "steps:\n  - run: pip install \"black<3.0\" pytest\n")
        );
    }

    #[test]
    fn npm_is_pinned_in_its_manifest() {
        let of = |text: &str| pinned("npm", "qs", &[("package.json", text)], "npm install").1;
        assert_eq!(
            of("{\n  \"dependencies\": {\n    \"qs\": \"*\"\n  }\n}\n"),
            "{\n  \"dependencies\": {\n    \"qs\": \"<3.0\"\n  }\n}\n"
        );
        assert_eq!(
            of("{\n  \"dependencies\": {\"qs\": \"^2.1\"}\n}\n"),
            "{\n  \"dependencies\": {\"qs\": \"^2.1 <3.0\"}\n}\n"
        );
        assert_eq!(
            of("{\n  \"name\": \"x\"\n}\n"),
            "{\n  \"name\": \"x\",\n  \"overrides\": {\n    \"qs\": \"2.3.7\"\n  }\n}\n"
        );
        assert_eq!(
            of("{\"overrides\": {\"a\": \"1\"}}"),
            "{\"overrides\": {\n    \"qs\": \"2.3.7\",\"a\": \"1\"}}"
        );
        assert_eq!(of("{\"overrides\": {\"qs\": \">=1\"}}"), "{\"overrides\": {\"qs\": \"2.3.7\"}}");
    }

    #[test]
    fn the_bound_stands_in_the_tools_own_lists() {
        let of = |path: &str, text: &str, run: &str| pinned("python", "werk-zeug", &[(path, text)], run).1;
        let tox =
            "[tox]\nenvlist = py\n\n[testenv]\ndeps =\n    flask\n    werk-zeug\ncommands =\n    werk-zeug\n";
        assert_eq!(
            of("tox.ini", tox, "tox"),
            "[tox]\nenvlist = py\n\n[testenv]\ndeps =\n    flask\n    # werk-zeug 3.0 breaks the build\n    werk-zeug<3.0\ncommands =\n    werk-zeug\n"
        );
        let nox = "def tests(session):\n    session.install(\"werk-zeug\")\n    session.run(\"werk-zeug\")\n";
        assert_eq!(
            of("noxfile.py", nox, "nox"),
            "def tests(session):\n    session.install(\"werk-zeug<3.0\")\n    session.run(\"werk-zeug\")\n"
        );
        let uv = "[project]\nname = \"x\"\ndependencies = [\"flask\"]\n";
        assert_eq!(
            of("pyproject.toml", uv, "uv sync\nuv run pytest"),
            "[project]\nname = \"x\"\ndependencies = [\"flask\"]\n\n[tool.uv]\n# werk-zeug 3.0 breaks the build\nconstraint-dependencies = [\"werk-zeug<3.0\"]\n"
        );
        for (line, after) in [
            ("uvx werk-zeug check .", "uvx werk-zeug@2.3.7 check ."),
            ("uvx --from werk-zeug tool", "uvx --from \"werk-zeug<3.0\" tool"),
            ("uv tool run werk-zeug", "uv tool run werk-zeug@2.3.7"),
            ("uv run --with werk-zeug werk-zeug", "uv run --with \"werk-zeug<3.0\" werk-zeug"),
            ("pipx run werk-zeug .", "pipx run werk-zeug==2.3.7 ."),
        ] {
            let flow = format!("  - run: {line}\n");
            assert_eq!(of(".github/workflows/ci.yml", &flow, line), format!("  - run: {after}\n"));
        }
    }

    #[test]
    fn what_others_bring_is_overridden_as_the_manager_reads_it() {
        let text = "{\n  \"name\": \"x\"\n}\n";
        let of = |run: &str, files: &[(&str, &str)]| pinned("npm", "qs", files, run);
        let entry = "  # qs 3.0 breaks the build\n  \"qs\": \"2.3.7\"\n";
        assert!(
            of("yarn install", &[("package.json", text)])
                .1
                .contains("\"resolutions\": {\n    \"qs\": \"2.3.7\"")
        );
        assert_eq!(
            of("pnpm install", &[("package.json", text)]),
            ("pnpm-workspace.yaml".to_owned(), format!("overrides:\n{entry}"))
        );
        assert_eq!(
            of(
                "pnpm install",
                &[("package.json", text), ("pnpm-workspace.yaml", "overrides:\n  a: 1\n  qs: 3\n")]
            )
            .1,
            format!("overrides:\n  a: 1\n{entry}")
        );
        let old = "{\"packageManager\": \"pnpm@9.1.0\"}";
        let pinned = of("pnpm install", &[("package.json", old)]).1;
        let value: serde_json::Value = serde_json::from_str(&pinned).unwrap();
        assert_eq!(value["pnpm"]["overrides"]["qs"], "2.3.7");
    }

    #[test]
    fn a_script_of_the_same_name_stays() {
        let text = "{\"scripts\": {\"qs\": \"*\"}, \"devDependencies\": {\"qs\": \"*\", \"a}\\\"{\": \"1\"}, \"qs\": \"*\"}";
        let files = [("package.json".to_owned(), text.to_owned())];
        let pin = exactly(&files, "npm install", &Package::new("npm", "qs"), "6.14.0").unwrap();
        assert_eq!(
            pin.after,
            "{\"scripts\": {\"qs\": \"*\"}, \"devDependencies\": {\"qs\": \"6.14.0\", \"a}\\\"{\": \"1\"}, \"qs\": \"*\"}"
        );
    }
}
