//! What `ci-healer help` prints.

use std::fmt::Write as _;

const COMMANDS: &str = "\
ci-healer: re-runs what failed in CI, fixes it minimally, proves the fix

  ci-healer                        in a workflow: the action, driven by its inputs
  ci-healer heal [--repo PATH|URL] [--no-push] [flags]
  ci-healer diagnose [LOG | -]     a build log in, bug reports out [--format json|text|github|sarif]
  ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--format json|text]
  ci-healer doctor                 what a run would stumble over
  ci-healer demo [NAME]            heals broken sample repositories, offline and without keys
  ci-healer report EVENTS          renders events.jsonl of a run again [--format text|json|markdown]
  ci-healer sweep                  removes what killed runs left in the Docker engine

Every input of the action is a flag, --name value or --name=value:
";

/// The commands, and the inputs with their defaults.
pub fn text(inputs: impl Iterator<Item = (&'static str, &'static str)>) -> String {
    let mut out = COMMANDS.to_owned();
    for (name, default) in inputs {
        if default.is_empty() {
            let _ = writeln!(out, "  --{name}");
        } else {
            let _ = writeln!(out, "  --{name:20} {default}");
        }
    }
    out.push_str(
        "\nExit: 0 as fail-on says it is fine, 1 unhealed, 2 bad input, 3 environment, 4 a bug of ours\n",
    );
    out
}
