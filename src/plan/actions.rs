//! What each known action of another repository means for a sandbox: the rules, by which it is stood for, left out, or
//! run by nobody. The rows are in [`table`]; an action without one runs for real.

mod emulate;
mod table;

pub(super) use table::{ARTIFACT, REPORTS};

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
    /// Puts what other jobs made into the workspace, where it can be had.
    Download,
    /// Left out, but where other jobs that run here need what it keeps.
    Upload,
    /// Left out on purpose, with the reason; the build's result does not depend on it.
    Skipped(&'static str),
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

/// Nothing that a shell would read as more than a word.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@/=:".contains(c))
}

/// Whether the command that CI ran stands in this action's inputs.
pub(super) fn wraps_a_command(uses: &str) -> bool {
    matches!(rule(uses.split('@').next().unwrap_or(uses)), Some(Rule::Wrapper { .. }))
}

/// Looks an action up by `owner/repository[/path]`, without its version.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let name = name.to_ascii_lowercase();
    // Beside the failing step, in its very job.
    if name.ends_with("/ci-healer") {
        return Some(Rule::Skipped("is the healing step itself"));
    }
    let at = table::ACTIONS.binary_search_by(|(known, _)| (*known).cmp(name.as_str())).ok()?;
    Some(table::ACTIONS[at].1)
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
        assert!(matches!(rule("Swatinem/rust-cache"), Some(Rule::Skipped(_))));
        assert!(matches!(rule("someone/ci-healer"), Some(Rule::Skipped(_))));
        assert!(matches!(rule("nick-fields/retry"), Some(Rule::Wrapper { command: "command", .. })));
        assert!(rule("someone/something").is_none());
    }

    #[test]
    fn the_table_is_sorted_and_has_one_row_for_each() {
        assert!(table::ACTIONS.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(table::ACTIONS.iter().all(|(name, _)| *name == name.to_ascii_lowercase()));
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
