//! What `ci-healer help` prints.

use std::fmt::Write as _;

/// Columns of a terminal.
const WIDTH: usize = 80;

const COMMANDS: &str = "\
ci-healer: re-runs what failed in CI, fixes it minimally, proves the fix

  ci-healer                        in a workflow: the action, driven by its inputs
  ci-healer heal [--repo PATH|URL] [--no-push] [flags]
  ci-healer diagnose [LOG | -]     a build log in, bug reports out [--format json|text|github|sarif]
                                   [--repo PATH]
  ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--format json|text]
  ci-healer doctor                 what a run would stumble over
  ci-healer demo [NAME]            heals broken sample repositories, offline and without keys
  ci-healer report EVENTS          renders events.jsonl of a run again [--format text|json|markdown]
  ci-healer sweep                  removes what killed runs left in the Docker engine

Every input of the action is a flag, --name value or --name=value:
";

/// What is told of one input.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    /// Empty: none.
    pub default: &'static str,
    pub doc: &'static str,
    /// Empty: anything.
    pub allowed: String,
}

/// The commands, and the inputs with their defaults, their meaning and what is allowed.
pub fn text(inputs: impl Iterator<Item = Row>) -> String {
    let mut out = COMMANDS.to_owned();
    for Row { name, default, doc, allowed } in inputs {
        let head = if default.is_empty() { format!("--{name}") } else { format!("--{name:22} {default}") };
        let _ = writeln!(out, "  {head}");
        wrapped(&mut out, doc);
        if !allowed.is_empty() {
            wrapped(&mut out, &format!("({allowed})"));
        }
    }
    out.push_str(
        "\nExit: 0 as fail-on says it is fine, 1 unhealed, 2 bad input, 3 environment, 4 a bug of ours\n",
    );
    out
}

/// Adds the text in lines of a terminal's usual width, indented.
fn wrapped(out: &mut String, text: &str) {
    let mut column = WIDTH;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            let start = if out.ends_with('\n') { "" } else { "\n" };
            let _ = write!(out, "{start}      {word}");
            column = 6 + length;
        } else {
            let _ = write!(out, " {word}");
            column += 1 + length;
        }
    }
    out.push('\n');
}
