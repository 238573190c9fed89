//! The manual page, in troff's man macros.

use std::fmt::Write as _;

use super::help::{self, Command};

/// Text that troff takes as it is.
fn plain(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-").replace('`', "");
    // A leading dot or quote would be a request.
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

/// The whole page.
#[must_use]
pub fn page(version: &str, commands: &[Command]) -> String {
    let mut out = format!(
        ".TH CI\\-HEALER 1 \"\" \"{}\"\n.SH NAME\nci\\-healer \\- re\\-runs what failed in CI, fixes it minimally, proves the fix\n\
         .SH SYNOPSIS\n.B ci\\-healer\n.I COMMAND\n[FLAGS]\n.SH COMMANDS\n",
        plain(version.trim())
    );
    for command in commands {
        let usage = help::usage(command).replacen("usage: ", "", 1);
        let _ = write!(out, ".SS {}\n.B {}\n.PP\n{}\n", command.name, plain(&usage), plain(command.about));
        for flag in command.flags {
            item(&mut out, &help::of_flag(flag), flag.default, flag.doc);
        }
        for (code, what) in command.exit {
            let _ = write!(out, ".PP\nExit code {code}: {}.\n", plain(what));
        }
    }
    let inputs = commands.iter().map(|command| &command.inputs).max_by_key(|inputs| inputs.len());
    out.push_str(
        ".SH INPUTS\nEvery input of the action is a flag of \\fBheal\\fR, \\fBdoctor\\fR and \\fBdemo\\fR.\n",
    );
    let mut group = "";
    for input in inputs.into_iter().flatten() {
        if input.group != group {
            group = input.group;
            let _ = writeln!(out, ".SS {}", plain(group));
        }
        let doc = if input.allowed.is_empty() {
            input.doc.to_owned()
        } else {
            format!("{} ({})", input.doc, input.allowed)
        };
        item(&mut out, &format!("--{}", input.name), input.default, &doc);
    }
    out.push_str(".SH EXIT STATUS\n");
    for (code, what) in help::exit_codes(&[]) {
        let _ = write!(out, ".TP\n.B {code}\n{}\n", plain(what));
    }
    out
}

fn item(out: &mut String, name: &str, default: &str, doc: &str) {
    let default = if default.is_empty() { String::new() } else { format!(" [{}]", plain(default)) };
    let _ = write!(out, ".TP\n.B {}{default}\n{}\n", plain(name), plain(doc));
}
