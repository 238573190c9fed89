//! Version files (`.nvmrc`, `.python-version`, `go.mod`, `rust-toolchain.toml`, `.tool-versions`, …) → the version asked.

use crate::contract::git::{RepoPath, SourceTree};

/// A tracked text file, by a path relative to the repository.
pub(super) fn read(tree: &dyn SourceTree, path: &str) -> Option<String> {
    tree.read_text(&RepoPath::new(path.trim().trim_start_matches("./")).ok()?)
}

fn first_line(text: &str) -> Option<String> {
    text.lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim())
        .find(|l| !l.is_empty())
        .map(str::to_owned)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// asdf's and mise's `.tool-versions`: `nodejs 20.11.0`.
fn tool_versions(text: &str, names: &[&str]) -> Option<String> {
    text.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let name = words.next()?;
        names.contains(&name).then(|| words.next().map(str::to_owned)).flatten()
    })
}

fn mise(text: &str, names: &[&str]) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let tools = table.get("tools")?.as_table()?;
    let value = names.iter().find_map(|name| tools.get(*name))?;
    let value = value.as_array().and_then(|a| a.first()).unwrap_or(value);
    value.get("version").unwrap_or(value).as_str().map(str::to_owned)
}

pub(super) fn node(path: &str, text: &str) -> Option<String> {
    match file_name(path) {
        "package.json" => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            ["/volta/node", "/devEngines/runtime/version", "/engines/node"]
                .iter()
                .find_map(|pointer| json.pointer(pointer)?.as_str().map(str::to_owned))
        }
        ".tool-versions" => tool_versions(text, &["nodejs", "node"]),
        "mise.toml" | ".mise.toml" => mise(text, &["node", "nodejs"]),
        _ => first_line(text),
    }
}

pub(super) fn python(path: &str, text: &str) -> Option<String> {
    match file_name(path) {
        ".tool-versions" => tool_versions(text, &["python"]),
        "mise.toml" | ".mise.toml" => mise(text, &["python"]),
        "pyproject.toml" => {
            let table: toml::Table = text.parse().ok()?;
            let project = table.get("project").and_then(|p| p.get("requires-python"));
            let poetry = || table.get("tool")?.get("poetry")?.get("dependencies")?.get("python");
            project.or_else(poetry)?.as_str().map(str::to_owned)
        }
        "Pipfile" => {
            let table: toml::Table = text.parse().ok()?;
            table.get("requires")?.get("python_version")?.as_str().map(str::to_owned)
        }
        _ => first_line(text),
    }
}

/// `toolchain go1.22.1` before `go 1.21`, as setup-go does.
pub(super) fn go(path: &str, text: &str) -> Option<String> {
    match file_name(path) {
        "go.mod" | "go.work" => {
            let directive = |name: &str| {
                text.lines().find_map(|line| {
                    let mut words = line.split_whitespace();
                    (words.next()? == name).then(|| words.next().map(str::to_owned)).flatten()
                })
            };
            let toolchain = directive("toolchain").filter(|t| t != "default");
            toolchain.map(|t| t.trim_start_matches("go").to_owned()).or_else(|| directive("go"))
        }
        ".tool-versions" => tool_versions(text, &["golang", "go"]),
        "mise.toml" | ".mise.toml" => mise(text, &["go", "golang"]),
        _ => first_line(text).map(|v| v.trim_start_matches("go").to_owned()),
    }
}

pub(super) fn java(path: &str, text: &str) -> Option<String> {
    let raw = match file_name(path) {
        ".tool-versions" => tool_versions(text, &["java"])?,
        ".sdkmanrc" => text.lines().find_map(|l| l.trim().strip_prefix("java=").map(str::to_owned))?,
        _ => first_line(text)?,
    };
    // `temurin-21.0.2+13`, `21.0.2-tem`: the number is what counts.
    let from = raw.find(|c: char| c.is_ascii_digit())?;
    let number: String = raw[from..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    Some(number.trim_end_matches('.').to_owned())
}

/// `rust-toolchain.toml` or the older `rust-toolchain`.
pub(super) fn rust(text: &str) -> Option<String> {
    if let Ok(table) = text.parse::<toml::Table>()
        && let Some(toolchain) = table.get("toolchain")
    {
        return toolchain.get("channel").and_then(toml::Value::as_str).map(str::to_owned);
    }
    first_line(text).filter(|l| !l.contains(['[', '=']))
}

pub(super) fn rust_of(tree: &dyn SourceTree) -> Option<(String, &'static str)> {
    ["rust-toolchain.toml", "rust-toolchain"]
        .into_iter()
        .find_map(|path| Some((rust(&read(tree, path)?)?, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_gives_its_version() {
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(node(".nvmrc", "# lts\nv20.11.0\n"), some("v20.11.0"));
        assert_eq!(
            node("a/package.json", r#"{"engines":{"node":">=18"},"volta":{"node":"20.1.0"}}"#),
            some("20.1.0")
        );
        assert_eq!(node(".tool-versions", "python 3.12.1\nnodejs 20.1.0\n"), some("20.1.0"));
        assert_eq!(python("pyproject.toml", "[project]\nrequires-python = \">=3.9\"\n"), some(">=3.9"));
        assert_eq!(python(".python-version", "3.12\n3.11\n"), some("3.12"));
        assert_eq!(python("mise.toml", "[tools]\npython = [\"3.11\", \"3.12\"]\n"), some("3.11"));
        assert_eq!(go("go.mod", "module x\n\ngo 1.21\n\ntoolchain go1.22.1\n"), some("1.22.1"));
        assert_eq!(go("go.mod", "module x\n\ngo 1.21.0 // comment\n"), some("1.21.0"));
        assert_eq!(java(".tool-versions", "java temurin-21.0.2+13.0.LTS\n"), some("21.0.2"));
        assert_eq!(java(".sdkmanrc", "java=17.0.9-tem\n"), some("17.0.9"));
        assert_eq!(rust("[toolchain]\nchannel = \"1.79.0\"\ncomponents = []\n"), some("1.79.0"));
        assert_eq!(rust("nightly-2024-05-01\n"), some("nightly-2024-05-01"));
        assert_eq!(node("package.json", "{"), None);
    }
}
