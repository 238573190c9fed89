//! What `ci-healer help` and `--help` print: made from what the commands and inputs say of themselves.

use std::fmt::Write as _;

/// Columns of a terminal.
const WIDTH: usize = 80;

const ABOUT: &str = "ci-healer: re-runs what failed in CI, fixes it minimally, proves the fix";

/// Of every command.
const EXIT: &[(u8, &str)] =
    &[(0, "it went well"), (2, "bad input"), (3, "the environment is at fault"), (4, "a bug of ours")];

/// What is told of a command.
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    /// Empty: none.
    pub arguments: &'static str,
    pub about: &'static str,
    pub flags: &'static [Flag],
    pub inputs: Vec<Input>,
    /// What its exit code says that others' do not.
    pub exit: &'static [(u8, &'static str)],
}

/// A flag that is no input of the action.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    pub name: &'static str,
    /// One letter that stands for it.
    pub short: Option<char>,
    /// What its value is called; empty: it takes none.
    pub value: &'static str,
    /// Empty: anything.
    pub values: &'static [&'static str],
    /// Empty: none.
    pub default: &'static str,
    pub doc: &'static str,
}

/// What is told of one input.
#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    /// Inputs of one group follow one another.
    pub group: &'static str,
    /// Empty: none.
    pub default: &'static str,
    pub doc: &'static str,
    /// Empty: anything.
    pub allowed: String,
    /// Empty: too many to list.
    pub values: Vec<&'static str>,
}

/// All commands, a line each.
#[must_use]
pub fn overview(commands: &[Command]) -> String {
    let mut out = format!(
        "{ABOUT}\n\nUsage: ci-healer COMMAND [FLAGS]\n       ci-healer              in a workflow: the action, driven by its inputs\n\nCommands:\n"
    );
    for command in commands {
        entry(&mut out, command.name, "", command.about);
    }
    out.push_str(
        "\n`ci-healer COMMAND --help` tells all that a command takes. Every input of the action is a\n\
         flag of `heal`: --name value or --name=value.\n",
    );
    exits(&mut out, &[]);
    out
}

/// One command with its flags and inputs, what each means, what is allowed, and what stands where nothing is given.
#[must_use]
pub fn command(command: &Command) -> String {
    let mut out = String::new();
    paragraph(&mut out, command.about, 0);
    let _ = writeln!(out, "\n{}", in_lines(&usage(command).replacen('u', "U", 1)));
    if !command.flags.is_empty() {
        out.push_str("\nFlags:\n");
        for flag in command.flags {
            let allowed = if flag.values.is_empty() { String::new() } else { one_of(flag.values) };
            entry(&mut out, &of_flag(flag), flag.default, &sentence(flag.doc, &allowed));
        }
    }
    let mut group = "";
    for input in &command.inputs {
        if input.group != group {
            group = input.group;
            let _ = write!(out, "\n{group}:\n");
        }
        entry(&mut out, &format!("--{}", input.name), input.default, &sentence(input.doc, &input.allowed));
    }
    exits(&mut out, command.exit);
    out
}

/// `usage: ci-healer plan [FLAGS] [--repo PATH] [--format text|json] [--INPUT VALUE …]`
#[must_use]
pub fn usage(command: &Command) -> String {
    let mut out = format!("usage: ci-healer {}", command.name);
    for flag in command.flags {
        let _ = match (flag.value, flag.values) {
            ("", _) => write!(out, " [--{}]", flag.name),
            (value, []) => write!(out, " [--{} {value}]", flag.name),
            (_, values) => write!(out, " [--{} {}]", flag.name, values.join("|")),
        };
    }
    if !command.inputs.is_empty() {
        out.push_str(" [--INPUT VALUE ...]");
    }
    if !command.arguments.is_empty() {
        let _ = write!(out, " {}", command.arguments);
    }
    out
}

/// A usage within a terminal's width; what is in brackets stays together.
fn in_lines(usage: &str) -> String {
    let mut parts = usage.split(" [");
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut width = out.chars().count();
    for part in parts {
        let length = " [".len() + part.chars().count();
        if width + length > WIDTH {
            out.push_str("\n      ");
            width = 6;
        }
        out.push_str(" [");
        out.push_str(part);
        width += length;
    }
    out
}

/// `-v, --verbose` or `--repo PATH`
pub(super) fn of_flag(flag: &Flag) -> String {
    let short = flag.short.map_or(String::new(), |short| format!("-{short}, "));
    let value = if flag.value.is_empty() { String::new() } else { format!(" {}", flag.value) };
    format!("{short}--{}{value}", flag.name)
}

fn one_of(values: &[&str]) -> String {
    format!("one of {}", values.join(", "))
}

fn sentence(doc: &str, allowed: &str) -> String {
    if allowed.is_empty() { doc.to_owned() } else { format!("{doc} ({allowed})") }
}

/// What an exit code says, the command's own before those of all.
pub(super) fn exit_codes(own: &[(u8, &'static str)]) -> Vec<(u8, &'static str)> {
    let of_all = EXIT.iter().filter(|(code, _)| !own.iter().any(|(other, _)| other == code));
    let mut codes: Vec<_> = own.iter().chain(of_all).copied().collect();
    codes.sort_unstable();
    codes
}

fn exits(out: &mut String, own: &[(u8, &'static str)]) {
    out.push_str("\nExit codes:\n");
    for (code, what) in exit_codes(own) {
        let _ = writeln!(out, "  {code}  {what}");
    }
}

/// A name with its default, and what it is for, indented below.
fn entry(out: &mut String, name: &str, default: &str, doc: &str) {
    let default = if default.is_empty() { String::new() } else { format!("  [{default}]") };
    let _ = writeln!(out, "  {name}{default}");
    paragraph(out, doc, 6);
}

/// Adds the text in lines of a terminal's usual width, indented.
fn paragraph(out: &mut String, text: &str, indent: usize) {
    let mut column = WIDTH;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            let start = if out.is_empty() || out.ends_with('\n') { "" } else { "\n" };
            let _ = write!(out, "{start}{:indent$}{word}", "");
            column = indent + length;
        } else {
            let _ = write!(out, " {word}");
            column += 1 + length;
        }
    }
    out.push('\n');
}
