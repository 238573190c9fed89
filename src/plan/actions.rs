//! The one table of known remote actions: what each means for a sandbox.
//!
//! Facts: each action's own `action.yml` and README. An action that is not in the table is skipped and noted.

/// What to do with a `uses:` step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// The workspace is there already.
    Checkout,
    /// Its toolchain decides about the image; see `toolchain`.
    Toolchain(Toolchain),
    /// Its input holds the command that CI ran.
    Wrapper { command: &'static str, shell: Option<&'static str> },
    /// A step of ours does the same.
    Emulate(fn(&With) -> Option<String>),
    /// Left out; the build's result does not depend on it.
    Harmless(&'static str),
    /// Left out, and the result may depend on it.
    Missing(&'static str),
    /// Left out; each of its outputs is taken to be `true`.
    Filter(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toolchain {
    Node,
    Python,
    Java,
    Go,
    Rust,
    Uv,
    Pnpm,
    /// Another language, by its name and its version input.
    Other(&'static str, &'static str),
}

/// A step's `with:`, evaluated.
#[derive(Debug, Clone, Default)]
pub(super) struct With {
    /// Name in lower case; the text, or what it would need to be known.
    pub(super) values: Vec<(String, Result<String, String>)>,
    /// What stands after the `@`.
    pub(super) reference: String,
}

impl With {
    /// A known, non-empty input.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(n, _)| n == name)?;
        value.as_deref().ok().map(str::trim).filter(|v| !v.is_empty())
    }

    /// What an input that is not known would need.
    pub(super) fn unknown(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(n, _)| n == name)?;
        value.as_ref().err().map(String::as_str)
    }

    fn all_known(&self) -> bool {
        self.values.iter().all(|(_, v)| v.is_ok())
    }

    fn any<'w>(&'w self, names: &[&str]) -> Option<&'w str> {
        names.iter().find_map(|name| self.get(name))
    }
}

/// A version that is really one, for `name==version` and its like.
fn pinned(version: Option<&str>) -> Option<&str> {
    version.filter(|v| v.starts_with(|c: char| c.is_ascii_digit()) && is_word(v))
}

/// Nothing that a shell would read as more than a word.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@/=:".contains(c))
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

const SAVES: &str = "only saves and restores caches";
const REPORTS: &str = "only reports or uploads results";
const PUBLISHES: &str = "publishes, deploys or signs in, which a sandbox must not";
const DOCKER: &str = "needs a Docker engine, which the sandbox does not have";
pub(super) const ARTIFACT: &str = "brings what another job made, which is not here";
const SECURITY: &str = "scans or guards, and does not build";

/// Whether the command that CI ran stands in this action's inputs.
pub(super) fn wraps_a_command(uses: &str) -> bool {
    matches!(rule(uses.split('@').next().unwrap_or(uses)), Some(Rule::Wrapper { .. }))
}

/// Looks an action up by `owner/repository[/path]`, without its version.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn rule(name: &str) -> Option<Rule> {
    use Rule::{Checkout, Emulate, Filter, Harmless, Missing, Wrapper};
    let name = name.to_ascii_lowercase();
    let toolchain = |t| Some(Rule::Toolchain(t));
    Some(match name.as_str() {
        "actions/checkout" => Checkout,
        "actions/setup-node" | "useblacksmith/setup-node" => return toolchain(Toolchain::Node),
        "actions/setup-python"
        | "useblacksmith/setup-python"
        | "conda-incubator/setup-miniconda"
        | "mamba-org/setup-micromamba"
        | "pdm-project/setup-pdm" => return toolchain(Toolchain::Python),
        "actions/setup-java"
        | "oracle-actions/setup-java"
        | "graalvm/setup-graalvm"
        | "useblacksmith/setup-java"
        | "s4u/setup-maven-action" => return toolchain(Toolchain::Java),
        "actions/setup-go" | "useblacksmith/setup-go" | "buildjet/setup-go" => {
            return toolchain(Toolchain::Go);
        }
        "dtolnay/rust-toolchain"
        | "actions-rs/toolchain"
        | "actions-rust-lang/setup-rust-toolchain"
        | "moonrepo/setup-rust"
        | "hecrj/setup-rust-action"
        | "ructions/toolchain"
        | "dsherret/rust-toolchain-file"
        | "ironcorelabs/rust-toolchain"
        | "crusty-pie/toolchain" => return toolchain(Toolchain::Rust),
        "astral-sh/setup-uv" | "yezz123/setup-uv" | "hynek/setup-cached-uv" => {
            return toolchain(Toolchain::Uv);
        }
        "pnpm/action-setup" | "pnpm/setup" => return toolchain(Toolchain::Pnpm),
        "actions/setup-dotnet" => return toolchain(Toolchain::Other("dotnet", "dotnet-version")),
        "ruby/setup-ruby" => return toolchain(Toolchain::Other("ruby", "ruby-version")),
        "shivammathur/setup-php" => return toolchain(Toolchain::Other("php", "php-version")),
        "oven-sh/setup-bun" => return toolchain(Toolchain::Other("bun", "bun-version")),
        "denoland/setup-deno" => return toolchain(Toolchain::Other("deno", "deno-version")),
        "erlef/setup-beam" => return toolchain(Toolchain::Other("elixir", "elixir-version")),
        "swift-actions/setup-swift" => return toolchain(Toolchain::Other("swift", "swift-version")),
        "subosito/flutter-action" => return toolchain(Toolchain::Other("flutter", "flutter-version")),
        "mlugg/setup-zig" | "goto-bus-stop/setup-zig" => {
            return toolchain(Toolchain::Other("zig", "version"));
        }
        "haskell-actions/setup" => return toolchain(Toolchain::Other("haskell", "ghc-version")),
        "julia-actions/setup-julia" => return toolchain(Toolchain::Other("julia", "version")),

        "nick-fields/retry" | "nick-invision/retry" => Wrapper { command: "command", shell: Some("shell") },
        "wandalen/wretry.action" | "coactions/retry" => Wrapper { command: "command", shell: None },
        "gabrielbb/xvfb-action" | "coactions/setup-xvfb" | "smithki/xvfb-action" => {
            Wrapper { command: "run", shell: None }
        }

        "gradle/gradle-build-action"
        | "gradle/actions/setup-gradle"
        | "burrunan/gradle-cache-action"
        | "eskatos/gradle-command-action" => Emulate(|with| {
            let arguments = with.get("arguments")?;
            let gradle = "if [ -x ./gradlew ]; then ./gradlew";
            let directory = with.get("build-root-directory").filter(|d| is_word(d));
            let enter = directory.map_or_else(String::new, |d| format!("cd {d}\n"));
            Some(format!("{enter}{gradle} {arguments}; else gradle {arguments}; fi"))
        }),
        "actions-rs/cargo" | "ructions/cargo" => Emulate(|with| {
            let toolchain = with.get("toolchain").map_or_else(String::new, |t| format!(" +{t}"));
            let arguments = with.get("args").map_or_else(String::new, |a| format!(" {a}"));
            Some(format!("cargo{toolchain} {}{arguments}", with.get("command")?))
        }),
        "actions-rs/clippy-check" | "giraffate/clippy-action" => Emulate(|with| {
            Some(
                format!("cargo clippy {}", with.any(&["args", "clippy_flags"]).unwrap_or_default())
                    .trim()
                    .to_owned(),
            )
        }),
        "actions-rust-lang/rustfmt" => Emulate(|_| Some("cargo fmt --all -- --check".to_owned())),
        "taiki-e/install-action" => Emulate(|with| match with.get("tool") {
            Some(tools) => cargo_install(tools),
            None => cargo_install(&with.reference),
        }),
        "baptiste0928/cargo-install" => Emulate(|with| {
            let version = with.get("version").map_or_else(String::new, |v| format!("@{v}"));
            cargo_install(&format!("{}{version}", with.get("crate")?))
        }),
        "taiki-e/cache-cargo-install-action" => Emulate(|with| cargo_install(with.get("tool")?)),
        "cargo-bins/cargo-binstall" => Emulate(|_| cargo_install("cargo-binstall")),
        "embarkstudios/cargo-deny-action" => Emulate(|with| {
            let install = cargo_install("cargo-deny")?;
            Some(
                format!("{install}\ncargo deny check {}", with.get("command-arguments").unwrap_or_default())
                    .trim_end()
                    .to_owned(),
            )
        }),
        "extractions/setup-just" | "taiki-e/setup-just" => Emulate(|_| cargo_install("just")),
        "arduino/setup-protoc" => Emulate(|_| apt("protobuf-compiler", "protoc")),
        "awalsh128/cache-apt-pkgs-action" => Emulate(|with| apt(with.get("packages")?, "")),
        "snok/install-poetry" | "abatilo/actions-poetry" => {
            Emulate(|with| Some(pip("poetry", "poetry", with.any(&["version", "poetry-version"]))))
        }
        "pypa/hatch" => Emulate(|_| Some(pip("hatch", "hatch", None))),
        "pre-commit/action" => Emulate(|with| {
            let install = pip("pre-commit", "pre-commit", None);
            let arguments = with.get("extra_args").unwrap_or("--all-files");
            Some(format!("{install}\npre-commit run --show-diff-on-failure --color=always {arguments}"))
        }),
        "psf/black" => Emulate(|with| {
            let install = pip("black", "black", with.get("version"));
            Some(format!(
                "{install}\nblack {} {}",
                with.get("options").unwrap_or("--check --diff"),
                with.get("src").unwrap_or(".")
            ))
        }),
        "isort/isort-action" => Emulate(|with| {
            let install = pip("isort", "isort", with.get("isort-version"));
            Some(format!("{install}\nisort {} .", with.get("configuration").unwrap_or("--check-only --diff")))
        }),
        "astral-sh/ruff-action" | "chartboost/ruff-action" => Emulate(|with| {
            let install = pip("ruff", "ruff", with.get("version"));
            Some(format!(
                "{install}\nruff {} {}",
                with.get("args").unwrap_or("check"),
                with.get("src").unwrap_or(".")
            ))
        }),
        "jakebailey/pyright-action" => Emulate(|with| {
            let install = pip("pyright", "pyright", with.get("version"));
            Some(
                format!("{install}\npyright {}", with.get("extra-args").unwrap_or_default())
                    .trim_end()
                    .to_owned(),
            )
        }),
        "golangci/golangci-lint-action" => Emulate(|with| {
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
        }),
        "dominikh/staticcheck-action" => {
            Emulate(|_| Some("go run honnef.co/go/tools/cmd/staticcheck@latest ./...".to_owned()))
        }
        "borales/actions-yarn" => Emulate(|with| Some(format!("yarn {}", with.get("cmd")?))),
        "bahmutov/npm-install" => Emulate(|_| {
            Some("if [ -f yarn.lock ]; then yarn install --frozen-lockfile; else npm ci; fi".to_owned())
        }),
        "stcarolas/setup-maven" => Harmless("Maven comes with the image"),

        "actions/cache"
        | "actions/cache/restore"
        | "actions/cache/save"
        | "swatinem/rust-cache"
        | "mozilla-actions/sccache-action"
        | "useblacksmith/cache"
        | "buildjet/cache"
        | "hendrikmuhs/ccache-action"
        | "leafo/gh-actions-cache"
        | "actions-rust-lang/audit"
        | "useblacksmith/rust-cache"
        | "runs-on/cache" => Harmless(SAVES),
        "actions/upload-artifact"
        | "actions/upload-artifact/merge"
        | "codecov/codecov-action"
        | "codecov/test-results-action"
        | "coverallsapp/github-action"
        | "codacy/codacy-coverage-reporter-action"
        | "enricomi/publish-unit-test-result-action"
        | "enricomi/publish-unit-test-result-action/composite"
        | "dorny/test-reporter"
        | "mikepenz/action-junit-report"
        | "trunk-io/analytics-uploader"
        | "madrapps/jacoco-report"
        | "irongut/codecoveragesummary"
        | "scacap/action-surefire-report"
        | "actions/upload-pages-artifact"
        | "marocchino/sticky-pull-request-comment"
        | "peter-evans/create-or-update-comment"
        | "slackapi/slack-github-action"
        | "8398a7/action-slack"
        | "rtcamp/action-slack-notify"
        | "test-summary/action"
        | "benchmark-action/github-action-benchmark"
        | "datadog/junit-upload-github-action"
        | "paambaati/codeclimate-action"
        | "codspeedhq/action"
        | "5monkeys/cobertura-action"
        | "phoenix-actions/test-reporting"
        | "davelosert/vitest-coverage-report-action"
        | "py-cov-action/python-coverage-comment-action"
        | "sarisia/actions-status-discord"
        | "andstor/file-existence-action" => Harmless(REPORTS),
        "step-security/harden-runner"
        | "github/codeql-action/init"
        | "github/codeql-action/analyze"
        | "github/codeql-action/autobuild"
        | "github/codeql-action/upload-sarif"
        | "ossf/scorecard-action"
        | "gradle/wrapper-validation-action"
        | "gradle/actions/wrapper-validation"
        | "gradle/actions/dependency-submission"
        | "actions/dependency-review-action"
        | "rustsec/audit-check"
        | "aquasecurity/trivy-action"
        | "fossas/fossa-action"
        | "snyk/actions/setup"
        | "sonarsource/sonarcloud-github-action"
        | "sonarsource/sonarqube-scan-action"
        | "zizmorcore/zizmor-action"
        | "gitleaks/gitleaks-action"
        | "advanced-security/maven-dependency-submission-action" => Harmless(SECURITY),
        "jlumbroso/free-disk-space"
        | "easimon/maximize-build-space"
        | "insightsengineering/disk-space-reclaimer"
        | "endbug/latest-tag"
        | "styfle/cancel-workflow-action"
        | "actions/labeler"
        | "actions/stale"
        | "dependabot/fetch-metadata"
        | "crazy-max/ghaction-setup-docker"
        | "al-cheb/configure-pagefile-action"
        | "ilammy/msvc-dev-cmd"
        | "microsoft/setup-msbuild"
        | "1password/load-secrets-action"
        | "actions/create-github-app-token"
        | "tibdex/github-app-token"
        | "actions/first-interaction"
        | "gradle/develocity-actions/setup-maven"
        | "gradle/develocity-actions/setup-gradle"
        | "actions/problem-matcher"
        | "r7kamura/rust-problem-matchers"
        | "actions/add-to-project"
        | "webfactory/ssh-agent" => {
            Harmless("prepares the hosted machine or the repository, and does not build")
        }
        // Beside the failing step, in its very job.
        own if own.ends_with("/ci-healer") => Harmless("is the healing step itself"),
        "re-actors/alls-green" => Harmless("only looks at the results of other jobs"),
        "actions/deploy-pages"
        | "actions/configure-pages"
        | "peaceiris/actions-gh-pages"
        | "softprops/action-gh-release"
        | "jamesives/github-pages-deploy-action"
        | "goreleaser/goreleaser-action"
        | "pypa/gh-action-pypi-publish"
        | "docker/login-action"
        | "aws-actions/configure-aws-credentials"
        | "aws-actions/amazon-ecr-login"
        | "google-github-actions/auth"
        | "google-github-actions/setup-gcloud"
        | "azure/login"
        | "actions/attest-build-provenance"
        | "actions/attest"
        | "ncipollo/release-action"
        | "changesets/action"
        | "googleapis/release-please-action"
        | "google-github-actions/release-please-action"
        | "peter-evans/create-pull-request"
        | "peter-evans/repository-dispatch"
        | "stefanzweifel/git-auto-commit-action"
        | "crazy-max/ghaction-import-gpg"
        | "actions/create-release"
        | "actions/upload-release-asset"
        | "svenstaro/upload-release-action"
        | "cloudflare/wrangler-action"
        | "sigstore/cosign-installer"
        | "js-devtools/npm-publish"
        | "release-drafter/release-drafter"
        | "katyo/publish-crates"
        | "release-plz/action"
        | "marcoieni/release-plz-action"
        | "cycjimmy/semantic-release-action"
        | "hashicorp/setup-terraform" => Harmless(PUBLISHES),
        "docker/setup-buildx-action"
        | "docker/setup-qemu-action"
        | "docker/metadata-action"
        | "docker/build-push-action"
        | "docker/bake-action"
        | "useblacksmith/setup-docker-builder"
        | "useblacksmith/build-push-action"
        | "docker/setup-docker-action"
        | "helm/kind-action"
        | "engineerd/setup-kind"
        | "supercharge/mongodb-github-action"
        | "supercharge/redis-github-action"
        | "shogo82148/actions-setup-mysql"
        | "ankane/setup-postgres"
        | "ikalnytskyi/action-setup-postgres"
        | "hoverkraft-tech/compose-action"
        | "isbang/compose-action"
        | "testcontainers/setup-testcontainers-cloud-action" => Missing(DOCKER),
        "actions/download-artifact" | "dawidd6/action-download-artifact" => Missing(ARTIFACT),
        "actions/github-script" => Missing("runs JavaScript against GitHub's API"),
        "dorny/paths-filter"
        | "tj-actions/changed-files"
        | "tj-actions/verify-changed-files"
        | "fkirc/skip-duplicate-actions"
        | "jitterbit/get-changed-files"
        | "technote-space/get-diff-action" => {
            Filter("looks at what changed; everything is taken to have changed")
        }
        _ => return None,
    })
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

/// Runs an emulation where all its inputs are known.
pub(super) fn emulate(build: fn(&With) -> Option<String>, with: &With) -> Option<String> {
    with.all_known().then(|| build(with)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[(&str, &str)]) -> With {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), Ok((*v).to_owned()))).collect();
        With { values, reference: "v1".into() }
    }

    fn script(name: &str, values: &[(&str, &str)]) -> Option<String> {
        match rule(name) {
            Some(Rule::Emulate(build)) => emulate(build, &with(values)),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn names_are_found_without_regard_to_case() {
        assert!(matches!(rule("Actions/Checkout"), Some(Rule::Checkout)));
        assert!(matches!(rule("Swatinem/rust-cache"), Some(Rule::Harmless(_))));
        assert!(matches!(rule("someone/ci-healer"), Some(Rule::Harmless(_))));
        assert!(matches!(rule("nick-fields/retry"), Some(Rule::Wrapper { command: "command", .. })));
        assert!(rule("someone/something").is_none());
    }

    #[test]
    fn emulations_take_their_inputs() {
        assert_eq!(
            script("actions-rs/cargo", &[("command", "test"), ("args", "--all")]).as_deref(),
            Some("cargo test --all")
        );
        assert!(
            script("pre-commit/action", &[])
                .unwrap()
                .ends_with("pre-commit run --show-diff-on-failure --color=always --all-files")
        );
        assert!(
            script("taiki-e/install-action", &[("tool", "nextest@0.9.1, just")])
                .unwrap()
                .contains("--version 0.9.1")
        );
        assert_eq!(script("taiki-e/install-action", &[("tool", "x; rm -rf /")]), None);
        assert_eq!(script("gradle/actions/setup-gradle", &[]), None);
        assert_eq!(script("awalsh128/cache-apt-pkgs-action", &[("packages", "a $(b)")]), None);
    }

    #[test]
    fn unknown_inputs_are_not_emulated() {
        let with = With { values: vec![("cmd".into(), Err("needs.x".into()))], reference: String::new() };
        match rule("borales/actions-yarn") {
            Some(Rule::Emulate(build)) => assert_eq!(emulate(build, &with), None),
            other => panic!("{other:?}"),
        }
    }
}
