//! Toolchain actions (`setup-*` and their kin) → the versions they ask for, and the step that does the rest.

use crate::contract::git::SourceTree;

use super::actions::{Toolchain, With, is_word};
use super::image::RequestedToolchain;
use super::versions;

/// What a toolchain action amounts to.
#[derive(Debug, Clone, Default)]
pub(super) struct SetUp {
    pub(super) requested: Vec<RequestedToolchain>,
    pub(super) script: Option<String>,
    pub(super) notes: Vec<String>,
}

/// Reads the action's inputs and the version files they name.
pub(super) fn set_up(toolchain: Toolchain, name: &str, with: &With, tree: &dyn SourceTree) -> SetUp {
    let one = Reader { name, with, tree };
    match toolchain {
        Toolchain::Node => {
            one.versions_by("node", &["node-version", "version"], &["node-version-file"], versions::node, &[])
        }
        Toolchain::Python => {
            let mut out = one.versions_by(
                "python",
                &["python-version"],
                &["python-version-file"],
                versions::python,
                &[".python-version"],
            );
            if name.ends_with("setup-pdm") {
                out.script = Some(pip_install("pdm", None));
            }
            out
        }
        Toolchain::Java => one.java(),
        Toolchain::Go => one.versions_by("go", &["go-version"], &["go-version-file"], versions::go, &[]),
        Toolchain::Rust => one.rust(),
        Toolchain::Uv => one.uv(),
        Toolchain::Pnpm => one.pnpm(),
        Toolchain::Other(language, input) => {
            one.versions_by(language, &[input], &[], |_, text| text.lines().next().map(str::to_owned), &[])
        }
    }
}

fn pip_install(tool: &str, version: Option<&str>) -> String {
    let spec = version.map_or_else(|| tool.to_owned(), |v| format!("{tool}=={v}"));
    format!(
        "command -v {tool} >/dev/null 2>&1 || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install -q '{spec}'"
    )
}

struct Reader<'a> {
    name: &'a str,
    with: &'a With,
    tree: &'a dyn SourceTree,
}

impl Reader<'_> {
    fn requested(&self, language: &'static str, version: Option<&str>, how: &str) -> RequestedToolchain {
        let from = match version {
            Some(version) => format!("{} with {how} {version}", self.name),
            None if how.is_empty() => format!("{} ({language})", self.name),
            None => format!("{} ({language}) with {how}", self.name),
        };
        RequestedToolchain { language, version: version.map(str::to_owned), from }
    }

    /// The version input (several lines: several versions), else the version file, else the action's default files.
    fn versions_by(
        &self,
        language: &'static str,
        inputs: &[&str],
        files: &[&str],
        read: fn(&str, &str) -> Option<String>,
        defaults: &[&str],
    ) -> SetUp {
        let mut out = SetUp::default();
        if let Some((input, value)) = inputs.iter().find_map(|input| Some((input, self.with.get(input)?))) {
            let lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
            out.requested = lines.map(|version| self.requested(language, Some(version), input)).collect();
        } else if let Some(what) = inputs.iter().find_map(|input| self.with.unknown(input)) {
            out.requested.push(self.requested(
                language,
                None,
                &format!("a version that only CI knows ({what})"),
            ));
            out.notes.push(format!("{}: the version comes from {what}, which is not known here", self.name));
        } else if let Some(path) = files.iter().find_map(|file| self.with.get(file)) {
            match versions::read(self.tree, path).and_then(|text| read(path, &text)) {
                Some(version) => out.requested.push(self.requested(
                    language,
                    Some(&version),
                    &format!("version file {path}:"),
                )),
                None => {
                    out.notes.push(format!("{}: no version could be read from {path}", self.name));
                    out.requested.push(self.requested(language, None, ""));
                }
            }
        } else {
            let found = defaults.iter().find_map(|path| {
                let version = read(path, &versions::read(self.tree, path)?)?;
                Some(self.requested(language, Some(&version), &format!("{path}:")))
            });
            out.requested.push(found.unwrap_or_else(|| self.requested(language, None, "")));
        }
        out
    }

    fn java(&self) -> SetUp {
        let mut out = self.versions_by(
            "java",
            &["java-version", "release", "version"],
            &["java-version-file"],
            versions::java,
            &[],
        );
        if let Some(distribution) = self.with.get("distribution")
            && !matches!(distribution, "temurin" | "adopt" | "adopt-hotspot")
        {
            out.notes
                .push(format!("{}: distribution {distribution} is replaced by Eclipse Temurin", self.name));
        }
        for requested in &mut out.requested {
            if let Some(version) = requested.version.as_deref()
                && version.contains("-ea")
            {
                out.notes.push(format!("{}: {version} is an early access build", self.name));
            }
        }
        out
    }

    fn rust(&self) -> SetUp {
        let mut out = SetUp::default();
        let reference = self.with.reference.as_str();
        let named =
            self.name.eq_ignore_ascii_case("dtolnay/rust-toolchain").then(|| branch_of(reference)).flatten();
        let input =
            ["toolchain", "channel", "rust-version"].into_iter().find_map(|i| Some((i, self.with.get(i)?)));
        let unknown = ["toolchain", "channel", "rust-version"].into_iter().find_map(|i| self.with.unknown(i));
        let file_first = !self.name.to_ascii_lowercase().starts_with("dtolnay/");
        if let Some((input, value)) = input {
            // Some actions take a list, of which the last is the default.
            let list = value.split([',', '\n']).map(str::trim).filter(|v| !v.is_empty());
            out.requested = list.map(|version| self.requested("rust", Some(version), input)).collect();
        } else if let Some(what) = unknown {
            out.notes
                .push(format!("{}: the toolchain comes from {what}, which is not known here", self.name));
            out.requested.push(self.requested(
                "rust",
                None,
                &format!("a toolchain that only CI knows ({what})"),
            ));
        } else if let Some(Branch { channel, .. }) = named {
            out.requested.push(self.requested("rust", Some(channel), "version"));
        } else if let Some((version, path)) = versions::rust_of(self.tree).filter(|_| file_first) {
            out.requested.push(self.requested("rust", Some(&version), &format!("{path}:")));
        } else if file_first {
            out.requested.push(self.requested("rust", Some("stable"), "its default,"));
        } else {
            out.requested.push(self.requested("rust", None, ""));
            out.notes.push(format!(
                "{}@{reference}: the toolchain is part of the pinned version; stable is assumed",
                self.name
            ));
        }
        let channel =
            out.requested.last().and_then(|w| w.version.clone()).unwrap_or_else(|| "stable".to_owned());
        out.script = self.rustup(&channel, named.and_then(|branch| branch.component));
        out
    }

    /// Brings components and targets, and the toolchain itself where the image has another.
    fn rustup(&self, channel: &str, also: Option<&str>) -> Option<String> {
        let list = |names: &[&str]| {
            let text = names.iter().find_map(|n| self.with.get(n)).unwrap_or_default();
            text.split([',', ' ', '\n'])
                .filter(|i| is_word(i))
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let components = match list(&["components"]).as_str() {
            // The image's own toolchain is the minimal one; these two come with CI's.
            "" => "clippy rustfmt".to_owned(),
            given => given.to_owned(),
        };
        let components =
            [Some(components.as_str()), also].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let targets = list(&["targets", "target"]);
        if !is_word(channel) {
            return None;
        }
        let mut lines = vec![
            "command -v rustup >/dev/null 2>&1 || { echo 'rustup is not in this image; its own Rust is used'; exit 0; }".to_owned(),
            format!("rustup run {channel} rustc --version >/dev/null 2>&1 || rustup toolchain install {channel} --profile minimal --no-self-update"),
            format!("rustup default {channel}"),
            format!("rustup component add --toolchain {channel} {components} || true"),
        ];
        if !targets.is_empty() {
            lines.push(format!("rustup target add --toolchain {channel} {targets}"));
        }
        Some(lines.join("\n"))
    }

    fn uv(&self) -> SetUp {
        let mut out =
            self.versions_by("python", &["python-version"], &[], versions::python, &[".python-version"]);
        let version =
            self.with.get("version").filter(|v| v.starts_with(|c: char| c.is_ascii_digit()) && is_word(v));
        let spec =
            version.filter(|v| !v.contains('x')).map_or_else(|| "uv".to_owned(), |v| format!("uv=={v}"));
        out.script = Some(format!(
            "command -v uv >/dev/null 2>&1 && exit 0\n\
             if command -v python3 >/dev/null 2>&1 && python3 -m pip --version >/dev/null 2>&1; then\n  \
             PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install -q '{spec}'\nelse\n  \
             curl -LsSf https://astral.sh/uv/install.sh | sh\nfi\n\
             echo \"$HOME/.local/bin\" >> \"$GITHUB_PATH\""
        ));
        out
    }

    fn pnpm(&self) -> SetUp {
        let manifest = self.with.get("package_json_file").unwrap_or("package.json");
        let from_manifest = || {
            let json: serde_json::Value = serde_json::from_str(&versions::read(self.tree, manifest)?).ok()?;
            let manager = json.get("packageManager")?.as_str()?.strip_prefix("pnpm@")?;
            Some(manager.split('+').next()?.to_owned())
        };
        let version = self.with.get("version").map(str::to_owned).or_else(from_manifest);
        let spec = version.filter(|v| is_word(v)).map_or_else(|| "pnpm".to_owned(), |v| format!("pnpm@{v}"));
        let mut script = format!("command -v pnpm >/dev/null 2>&1 || npm install -g {spec}");
        if let Some(install) = self.with.get("run_install").filter(|i| !matches!(*i, "false" | "null")) {
            let frozen = if install.contains("frozen") { " --frozen-lockfile" } else { "" };
            script.push_str(&format!("\npnpm install{frozen}"));
        }
        SetUp { requested: vec![self.requested("node", None, "")], script: Some(script), notes: Vec::new() }
    }
}

/// What a branch or tag of `dtolnay/rust-toolchain` stands for.
#[derive(Debug, Clone, Copy)]
struct Branch<'a> {
    channel: &'a str,
    component: Option<&'static str>,
}

/// `None` for what names no toolchain: `master`, a commit.
fn branch_of(reference: &str) -> Option<Branch<'_>> {
    let sha = reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    let is_version = reference.starts_with(|c: char| c.is_ascii_digit()) && reference.contains('.');
    Some(match reference {
        "clippy" => Branch { channel: "nightly", component: Some("clippy") },
        "miri" => Branch { channel: "nightly", component: Some("miri") },
        "stable" | "beta" | "nightly" => Branch { channel: reference, component: None },
        _ if reference.starts_with("nightly-") || (is_version && !sha) => {
            Branch { channel: reference, component: None }
        }
        _ => return None,
    })
}
