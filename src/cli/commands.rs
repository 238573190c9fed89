//! The commands, one row each: what they are called, what they take, and what is said of it. Parsing, help, completions
//! and the manual page are made from these rows and from the table of inputs.

use crate::config::{self, Flags, INPUTS, Kind};
use crate::error::ExpectedError;
use crate::report::help;

/// A command of the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    pub(super) name: &'static str,
    /// What follows the flags; empty: nothing may.
    arguments: &'static str,
    about: &'static str,
    flags: &'static [help::Flag],
    inputs: Inputs,
    /// What its exit code says beside those of all commands.
    exit: &'static [(u8, &'static str)],
}

/// Which inputs of the action are flags of a command.
#[derive(Debug, Clone, Copy)]
enum Inputs {
    None,
    All,
    Only(&'static [&'static str]),
}

const REPO: help::Flag = help::Flag {
    name: "repo",
    short: None,
    value: "PATH|URL",
    values: &[],
    default: ".",
    doc: "The checkout, a git address, or owner/name on GitHub.",
};

const FOLDER: help::Flag =
    help::Flag { name: "repo", short: None, value: "PATH", values: &[], default: ".", doc: "The checkout." };

const fn format(values: &'static [&'static str]) -> help::Flag {
    help::Flag {
        name: "format",
        short: None,
        value: "FORMAT",
        values,
        default: values[0],
        doc: "How it is printed.",
    }
}

const NO_PUSH: help::Flag = help::Flag {
    name: "no-push",
    short: None,
    value: "",
    values: &[],
    default: "",
    doc: "Proves the fix and writes it as a patch into the report folder; pushes nothing.",
};

const SINCE: help::Flag = help::Flag {
    name: "since",
    short: None,
    value: "DATE",
    values: &[],
    default: "",
    doc: "When the commands last passed, as `2025-01-20` or with a time; else the commit's date.",
};

const APPLY: help::Flag = help::Flag {
    name: "apply",
    short: None,
    value: "",
    values: &[],
    default: "",
    doc: "Writes the proven fix into the files of the checkout, all of them or none; pushes nothing.",
};

const COMMIT: help::Flag = help::Flag {
    name: "commit",
    short: None,
    value: "REV",
    values: &[],
    default: "",
    doc: "Heals this commit; without it the files as they are: tracked ones, and others that git does not ignore.",
};

const WATCH: help::Flag = switch(
    "watch",
    "Heals again when files change; what it writes itself does not count. Pushes nothing; Ctrl-C ends it.",
);

const VERBOSE: help::Flag = help::Flag {
    name: "verbose",
    short: Some('v'),
    value: "",
    values: &[],
    default: "",
    doc: "Shows all that the steps print, as they print it.",
};

const MODEL_COMMAND: help::Flag = help::Flag {
    name: config::MODEL_COMMAND,
    short: None,
    value: "COMMAND",
    values: &[],
    default: "",
    doc: "A program that is asked for fixes: the prompt on its standard input, the answer on its standard output \
          (`claude -p`). It starts without a shell, in an empty folder, without our keys and tokens.",
};
const fn switch(name: &'static str, doc: &'static str) -> help::Flag {
    help::Flag { name, short: None, value: "", values: &[], default: "", doc }
}

pub(super) const SHELLS: &[&str] = &["bash", "zsh", "fish", "powershell"];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "heal",
        arguments: "",
        about: "Re-runs what failed in CI, fixes it minimally, proves the fix and pushes it to a heal branch.",
        flags: &[REPO, APPLY, COMMIT, WATCH, NO_PUSH, VERBOSE, MODEL_COMMAND],
        inputs: Inputs::All,
        exit: &[(0, "healed, already green, diagnosed, or a proven patch was made"), (1, "not healed")],
    },
    Command {
        name: "init",
        arguments: "",
        about: "Looks at a repository's workflows, shows the one that would heal, and writes it.",
        flags: &[
            FOLDER,
            switch("check", "Says what a job that calls ci-healer lacks; writes nothing."),
            switch("yes", "Writes without asking."),
            switch("dry-run", "Shows and does not ask."),
            help::Flag {
                name: "placement",
                short: None,
                value: "PLACEMENT",
                values: crate::plan::Placement::NAMES,
                default: "",
                doc: "`job` behind those of CI (what one workflow gets), `split` in two (for public repositories), or a \
                      `workflow` of its own (what several get).",
            },
        ],
        inputs: Inputs::None,
        exit: &[(0, "written, shown, or nothing is missing"), (1, "something is missing")],
    },
    Command {
        name: "drift",
        arguments: "",
        about: "Names the release of a dependency or a tool that broke an untouched repository, and proves it.",
        flags: &[REPO, SINCE, VERBOSE],
        inputs: Inputs::All,
        exit: &[(0, "green with today's packages"), (1, "a release is named, or none is to blame")],
    },
    Command {
        name: "diagnose",
        arguments: "[LOG | -]",
        about: "Reads a build log and prints what failed where; needs no network, no Docker and no key.",
        flags: &[
            format(&["text", "json", "github", "sarif"]),
            help::Flag {
                name: "repo",
                short: None,
                value: "PATH",
                values: &[],
                default: "",
                doc: "The tree that the log is of: its files tell where a report belongs.",
            },
        ],
        inputs: Inputs::None,
        exit: &[(0, "the log was read, whatever it says")],
    },
    Command {
        name: "plan",
        arguments: "",
        about: "Prints what would be run of a repository's CI; runs and fetches nothing.",
        flags: &[FOLDER, format(&["text", "json"])],
        inputs: Inputs::Only(&["command", "workflow", "job", "working-directory", "sandbox-image"]),
        exit: &[(0, "there is a plan"), (1, "understood, but it cannot be run here")],
    },
    Command {
        name: "doctor",
        arguments: "",
        about: "Tells what a run would stumble over: engine, tokens, permissions, models.",
        flags: &[FOLDER, MODEL_COMMAND],
        inputs: Inputs::All,
        exit: &[(0, "nothing stands in the way"), (3, "something does")],
    },
    Command {
        name: "demo",
        arguments: "[NAME]",
        about: "Heals broken sample repositories in containers, offline and without keys.",
        flags: &[],
        inputs: Inputs::All,
        exit: &[(0, "each sample ended as it should"), (1, "one did not")],
    },
    Command {
        name: "report",
        arguments: "EVENTS | -",
        about: "Renders the events of a run (`events.jsonl` in its report folder) again.",
        flags: &[format(&["text", "json", "markdown"])],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "stats",
        arguments: "DIR...",
        about: "Sums up many runs: reads every results.json below the folders, writes one Markdown and one HTML page.",
        flags: &[
            help::Flag {
                name: "output",
                short: None,
                value: "DIR",
                values: &[],
                default: ".",
                doc: "Where `ci-healer-stats.md` and `ci-healer-stats.html` go.",
            },
            help::Flag {
                name: "minutes-per-fix",
                short: None,
                value: "NUMBER",
                values: &[],
                default: "30",
                doc: "What a person is taken to need for one fix, for the minutes of red that were saved.",
            },
        ],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "sweep",
        arguments: "",
        about: "Removes what killed runs left in the Docker engine.",
        flags: &[],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "completions",
        arguments: "SHELL",
        about: "Prints a completion script for bash, zsh, fish or powershell.",
        flags: &[],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "man",
        arguments: "",
        about: "Prints the manual page (`ci-healer man | man -l -`).",
        flags: &[],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "help",
        arguments: "[COMMAND]",
        about: "Prints the commands, or all that one of them takes.",
        flags: &[],
        inputs: Inputs::None,
        exit: &[],
    },
    Command {
        name: "version",
        arguments: "",
        about: "Prints the version, and the commit it was built from.",
        flags: &[],
        inputs: Inputs::None,
        exit: &[],
    },
];

/// The command of this name; the nearest one is named where there is none.
pub(super) fn find(name: &str) -> Result<&'static Command, ExpectedError> {
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| {
        let error = ExpectedError::usage(format!(
            "unknown command {name:?}; there are {}",
            COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(", ")
        ));
        match config::nearest(name, COMMANDS.iter().map(|command| command.name)) {
            Some(near) => error.hint(format!("did you mean `ci-healer {near}`?")),
            None => error.hint("`ci-healer help` tells what each is for"),
        }
    })
}

impl Command {
    /// Splits what stands behind the command's name; what it does not take is refused with how it is used.
    pub(super) fn parse(&self, args: &[String]) -> Result<(Flags, Vec<String>), ExpectedError> {
        let with_usage = |error: ExpectedError| match error.hint {
            None => error.hint(self.usage()),
            Some(_) => error,
        };
        let own: Vec<String> = self
            .flags
            .iter()
            .map(|flag| if flag.value.is_empty() { format!("{}!", flag.name) } else { flag.name.to_owned() })
            .collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let args: Vec<String> = args.iter().map(|arg| self.in_long(arg)).collect();
        let (flags, rest) = config::flags(&args, &own).map_err(with_usage)?;
        let is_taken = |name: &str| self.flags.iter().any(|flag| flag.name == name) || self.takes_input(name);
        if let Some(other) = flags.keys().find(|name| !is_taken(name)) {
            return Err(with_usage(ExpectedError::usage(format!("{} does not take --{other}", self.name))));
        }
        for flag in self.flags.iter().filter(|flag| !flag.values.is_empty()) {
            if let Some(value) = flags.get(flag.name).filter(|value| !flag.values.contains(&value.as_str())) {
                let allowed = flag.values.join(", ");
                let problem = format!("--{} {value:?} is not one of {allowed}", flag.name);
                return Err(with_usage(ExpectedError::usage(problem)));
            }
        }
        let most = usize::from(!self.arguments.is_empty());
        match rest.get(most) {
            Some(extra) => {
                Err(with_usage(ExpectedError::usage(format!("{}: unexpected argument {extra:?}", self.name))))
            }
            None => Ok((flags, rest)),
        }
    }

    /// `-v` is `--verbose` where the command has it.
    fn in_long(&self, arg: &str) -> String {
        let mut letters = arg.strip_prefix('-').unwrap_or_default().chars();
        let flag = match (letters.next(), letters.next()) {
            (Some(letter), None) => self.flags.iter().find(|flag| flag.short == Some(letter)),
            _ => None,
        };
        flag.map_or_else(|| arg.to_owned(), |flag| format!("--{}", flag.name))
    }

    fn takes_input(&self, name: &str) -> bool {
        match self.inputs {
            Inputs::None => false,
            Inputs::All => INPUTS.iter().any(|input| input.name == name),
            Inputs::Only(names) => names.contains(&name),
        }
    }

    /// `usage: ci-healer plan [--repo PATH] [--format text|json] [inputs as flags]`
    pub(super) fn usage(&self) -> String {
        help::usage(&self.described())
    }

    /// All that is to be said of it.
    pub(super) fn described(&self) -> help::Command {
        help::Command {
            name: self.name,
            arguments: self.arguments,
            about: self.about,
            flags: self.flags,
            inputs: INPUTS.iter().filter(|input| self.takes_input(input.name)).map(row).collect(),
            exit: self.exit,
        }
    }
}

/// All commands, as help, completions and the manual page tell them.
pub(super) fn described() -> Vec<help::Command> {
    COMMANDS.iter().map(Command::described).collect()
}

fn row(input: &config::Input) -> help::Input {
    let values: Vec<&'static str> = match input.kind {
        Kind::OneOf(values) | Kind::ListOf(values) => values.to_vec(),
        Kind::Switch => vec!["true", "false"],
        _ => Vec::new(),
    };
    help::Input {
        name: input.name,
        group: config::group(input.name),
        default: input.own_default(),
        doc: input.doc,
        allowed: if input.kind == Kind::Text { String::new() } else { input.kind.allowed() },
        values,
    }
}

/// The version, and the commit where the build was told it.
pub(super) fn version() -> String {
    let commit = option_env!("CI_HEALER_COMMIT").filter(|commit| !commit.is_empty());
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    format!("ci-healer {}{commit}\n", env!("CARGO_PKG_VERSION"))
}

/// Whether somebody asks what a command takes, before anything else is understood.
pub(super) fn asks_for_help(args: &[String]) -> bool {
    args.iter().any(|arg| arg == "--help" || arg == "-h")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn refused(command: &str, given: &str) -> String {
        let error = find(command).unwrap().parse(&args(given)).unwrap_err();
        format!("{}\n{}", error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn each_command_takes_its_own_flags_and_its_inputs() {
        let (flags, rest) = find("heal").unwrap().parse(&args("--no-push --repo x --job=a")).unwrap();
        let want = [("job", "a"), ("no-push", "true"), ("repo", "x")];
        assert_eq!(flags, want.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert!(rest.is_empty());
        let (_, rest) = find("diagnose").unwrap().parse(&args("--format json build.log")).unwrap();
        assert_eq!(rest, ["build.log"]);
    }

    #[test]
    fn what_a_command_does_not_take_is_named_with_how_it_is_used() {
        let said = refused("plan", "--mode heal");
        assert!(said.starts_with("plan does not take --mode\nusage: ci-healer plan"), "{said}");
        let said = refused("plan", "--format yaml");
        assert!(said.starts_with("--format \"yaml\" is not one of text, json\n"), "{said}");
        let said = refused("sweep", "all");
        assert!(said.starts_with("sweep: unexpected argument \"all\"\nusage: ci-healer sweep"), "{said}");
        let said = refused("heal", "--max-attemps 3");
        assert_eq!(said, "unknown flag --max-attemps\ndid you mean --max-attempts?");
    }

    #[test]
    fn a_misspelt_command_is_told_the_nearest() {
        let error = find("diagnos").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `ci-healer diagnose`?"));
        assert!(error.message.contains("completions"), "{}", error.message);
    }

    #[test]
    fn every_input_is_in_a_group() {
        let groups: BTreeSet<_> = INPUTS.iter().map(|input| config::group(input.name)).collect();
        assert!(groups.len() > 5 && !groups.contains(""), "{groups:?}");
    }
}
