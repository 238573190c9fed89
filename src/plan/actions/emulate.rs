//! Actions that a step of ours does the work of: its script by the action's inputs, `None` where they give nothing to run.

use super::{With, is_word};

/// A version that is really one, for `name==version` and its like.
fn pinned(version: Option<&str>) -> Option<&str> {
    version.filter(|v| v.starts_with(|c: char| c.is_ascii_digit()) && is_word(v))
}

fn pip(tool: &str, package: &str, version: Option<&str>) -> String {
    let spec = pinned(version).map_or_else(|| package.to_owned(), |v| format!("{package}=={v}"));
    format!(
        "command -v {tool} >/dev/null 2>&1 || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install -q '{spec}'"
    )
}

fn cargo_install(spec: &str) -> Option<String> {
    let mut lines = Vec::new();
    for item in spec.split([',', ' ', '\n']).map(str::trim).filter(|i| !i.is_empty()) {
        let (name, version) = item.split_once('@').map_or((item, None), |(n, v)| (n, Some(v)));
        if !is_word(name) {
            return None;
        }
        let (package, binary) = match name {
            "nextest" => ("cargo-nextest", "cargo-nextest"),
            "wasm-bindgen" => ("wasm-bindgen-cli", "wasm-bindgen"),
            "just" | "cross" | "mdbook" | "typos" | "wasm-pack" | "ripgrep" => (name, name),
            _ => (name, name),
        };
        let version = pinned(version).map_or_else(String::new, |v| format!(" --version {v}"));
        lines.push(format!(
            "command -v {binary} >/dev/null 2>&1 || cargo install --locked {package}{version}"
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn apt(packages: &str, unless: &str) -> Option<String> {
    let packages: Vec<&str> = packages.split_whitespace().collect();
    if packages.is_empty() || !packages.iter().all(|p| is_word(p)) {
        return None;
    }
    let guard =
        if unless.is_empty() { String::new() } else { format!("command -v {unless} >/dev/null 2>&1 || ") };
    let list = packages.join(" ");
    Some(format!("{guard}{{ sudo apt-get update -q && sudo apt-get install -yq {list}; }}"))
}

pub(super) fn gradle_build_action(with: &With) -> Option<String> {
    let arguments = with.get("arguments")?;
    let gradle = "if [ -x ./gradlew ]; then ./gradlew";
    let directory = with.get("build-root-directory").filter(|d| is_word(d));
    let enter = directory.map_or_else(String::new, |d| format!("cd {d}\n"));
    Some(format!("{enter}{gradle} {arguments}; else gradle {arguments}; fi"))
}

pub(super) fn cargo(with: &With) -> Option<String> {
    let toolchain = with.get("toolchain").map_or_else(String::new, |t| format!(" +{t}"));
    let arguments = with.get("args").map_or_else(String::new, |a| format!(" {a}"));
    Some(format!("cargo{toolchain} {}{arguments}", with.get("command")?))
}

pub(super) fn clippy_check(with: &With) -> Option<String> {
    Some(
        format!("cargo clippy {}", with.any(&["args", "clippy_flags"]).unwrap_or_default()).trim().to_owned(),
    )
}

pub(super) fn rustfmt(_: &With) -> Option<String> {
    Some("cargo fmt --all -- --check".to_owned())
}

pub(super) fn install_action(with: &With) -> Option<String> {
    match with.get("tool") {
        Some(tools) => cargo_install(tools),
        None => cargo_install(&with.reference),
    }
}

pub(super) fn install_crate(with: &With) -> Option<String> {
    let version = with.get("version").map_or_else(String::new, |v| format!("@{v}"));
    cargo_install(&format!("{}{version}", with.get("crate")?))
}

pub(super) fn cache_cargo_install_action(with: &With) -> Option<String> {
    cargo_install(with.get("tool")?)
}

pub(super) fn cargo_binstall(_: &With) -> Option<String> {
    cargo_install("cargo-binstall")
}

pub(super) fn cargo_deny_action(with: &With) -> Option<String> {
    let install = cargo_install("cargo-deny")?;
    Some(
        format!("{install}\ncargo deny check {}", with.get("command-arguments").unwrap_or_default())
            .trim_end()
            .to_owned(),
    )
}

pub(super) fn setup_just(_: &With) -> Option<String> {
    cargo_install("just")
}

pub(super) fn setup_protoc(_: &With) -> Option<String> {
    apt("protobuf-compiler", "protoc")
}

pub(super) fn cache_apt_pkgs_action(with: &With) -> Option<String> {
    apt(with.get("packages")?, "")
}

pub(super) fn install_poetry(with: &With) -> Option<String> {
    Some(pip("poetry", "poetry", with.any(&["version", "poetry-version"])))
}

pub(super) fn hatch(_: &With) -> Option<String> {
    Some(pip("hatch", "hatch", None))
}

pub(super) fn pre_commit(with: &With) -> Option<String> {
    let install = pip("pre-commit", "pre-commit", None);
    let arguments = with.get("extra_args").unwrap_or("--all-files");
    Some(format!("{install}\npre-commit run --show-diff-on-failure --color=always {arguments}"))
}

pub(super) fn black(with: &With) -> Option<String> {
    let install = pip("black", "black", with.get("version"));
    Some(format!(
        "{install}\nblack {} {}",
        with.get("options").unwrap_or("--check --diff"),
        with.get("src").unwrap_or(".")
    ))
}

pub(super) fn isort_action(with: &With) -> Option<String> {
    let install = pip("isort", "isort", with.get("isort-version"));
    Some(format!("{install}\nisort {} .", with.get("configuration").unwrap_or("--check-only --diff")))
}

pub(super) fn ruff_action(with: &With) -> Option<String> {
    let install = pip("ruff", "ruff", with.get("version"));
    Some(format!(
        "{install}\nruff {} {}",
        with.get("args").unwrap_or("check"),
        with.get("src").unwrap_or(".")
    ))
}

pub(super) fn pyright_action(with: &With) -> Option<String> {
    let install = pip("pyright", "pyright", with.get("version"));
    Some(format!("{install}\npyright {}", with.get("extra-args").unwrap_or_default()).trim_end().to_owned())
}

pub(super) fn golangci_lint_action(with: &With) -> Option<String> {
    let version = with.get("version").filter(|v| is_word(v) && *v != "latest").unwrap_or_default();
    let directory = with.get("working-directory").filter(|d| is_word(d));
    let enter = directory.map_or_else(String::new, |d| format!("cd {d}\n"));
    let arguments = with.get("args").unwrap_or_default();
    let script = format!(
        "{enter}export PATH=\"$PATH:$(go env GOPATH)/bin\"\n\
                 command -v golangci-lint >/dev/null 2>&1 || curl -sSfL \
                 https://raw.githubusercontent.com/golangci/golangci-lint/HEAD/install.sh | \
                 sh -s -- -b \"$(go env GOPATH)/bin\" {version}\ngolangci-lint run {arguments}"
    );
    Some(script.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

pub(super) fn staticcheck_action(_: &With) -> Option<String> {
    Some("go run honnef.co/go/tools/cmd/staticcheck@latest ./...".to_owned())
}

pub(super) fn actions_yarn(with: &With) -> Option<String> {
    Some(format!("yarn {}", with.get("cmd")?))
}

pub(super) fn npm_install(_: &With) -> Option<String> {
    Some("if [ -f yarn.lock ]; then yarn install --frozen-lockfile; else npm ci; fi".to_owned())
}
