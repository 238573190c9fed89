//! Completion scripts for shells, from what the commands say of themselves.

use std::fmt::Write as _;

use super::help::Command;

/// A flag of a command: its name with the dashes, and the values it may have.
struct Completed<'a> {
    name: String,
    /// Empty: a file's name, or anything.
    values: Vec<&'a str>,
    takes_value: bool,
    doc: &'a str,
}

fn completed(command: &Command) -> Vec<Completed<'_>> {
    let own = command.flags.iter().map(|flag| Completed {
        name: format!("--{}", flag.name),
        values: flag.values.to_vec(),
        takes_value: !flag.value.is_empty(),
        doc: flag.doc,
    });
    let inputs = command.inputs.iter().map(|input| Completed {
        name: format!("--{}", input.name),
        values: input.values.clone(),
        takes_value: input.values != ["true", "false"],
        doc: input.doc,
    });
    let help = Completed {
        name: "--help".to_owned(),
        values: Vec::new(),
        takes_value: false,
        doc: "Tells all that it takes.",
    };
    own.chain(inputs).chain([help]).collect()
}

/// The script for a shell; nothing for one that is not known.
#[must_use]
pub fn script(shell: &str, commands: &[Command], shells: &[&str]) -> Option<String> {
    match shell {
        "bash" => Some(bash(commands, shells)),
        // Its own completion system reads bash's once it is told to.
        "zsh" => Some(format!(
            "#compdef ci-healer\nautoload -U +X bashcompinit && bashcompinit\n{}",
            bash(commands, shells)
        )),
        "fish" => Some(fish(commands, shells)),
        "powershell" => Some(powershell(commands, shells)),
        _ => None,
    }
}

fn names(commands: &[Command]) -> String {
    commands.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

fn bash(commands: &[Command], shells: &[&str]) -> String {
    let mut out = "_ci_healer() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n  COMPREPLY=()\n".to_owned();
    let _ = writeln!(
        out,
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi",
        names(commands)
    );
    out.push_str("  case \"${COMP_WORDS[1]} $before\" in\n");
    for command in commands {
        for flag in completed(command).iter().filter(|flag| !flag.values.is_empty()) {
            let values = flag.values.join(" ");
            let (command, flag) = (command.name, &flag.name);
            let _ = writeln!(
                out,
                "    '{command} {flag}') COMPREPLY=($(compgen -W '{values}' -- \"$word\")); return;;"
            );
        }
    }
    let _ = writeln!(
        out,
        "    'completions completions') COMPREPLY=($(compgen -W '{}' -- \"$word\")); return;;\n    'help help') COMPREPLY=($(compgen -W '{}' -- \"$word\")); return;;\n  esac",
        shells.join(" "),
        names(commands)
    );
    out.push_str("  case \"$word\" in -*) case \"${COMP_WORDS[1]}\" in\n");
    for command in commands {
        let flags = completed(command).into_iter().map(|flag| flag.name).collect::<Vec<_>>().join(" ");
        let name = command.name;
        let _ = writeln!(out, "    {name}) COMPREPLY=($(compgen -W '{flags}' -- \"$word\"));;");
    }
    out.push_str("  esac; return;; esac\n  COMPREPLY=($(compgen -f -- \"$word\"))\n}\ncomplete -o filenames -F _ci_healer ci-healer\n");
    out
}

/// Text between single quotes, as fish and PowerShell read it.
fn quoted(text: &str, escaped_quote: &str) -> String {
    format!("'{}'", text.replace('\\', "/").replace('\'', escaped_quote))
}

fn fish(commands: &[Command], shells: &[&str]) -> String {
    let mut out = "complete -c ci-healer -n __fish_use_subcommand -f\n".to_owned();
    for command in commands {
        let name = command.name;
        let about = quoted(command.about, "\\'");
        let _ = writeln!(out, "complete -c ci-healer -n __fish_use_subcommand -f -a {name} -d {about}");
        for flag in completed(command) {
            let (long, doc) = (&flag.name[2..], quoted(flag.doc, "\\'"));
            let _ = write!(
                out,
                "complete -c ci-healer -n '__fish_seen_subcommand_from {name}' -l {long} -d {doc}"
            );
            let _ = match (flag.takes_value, flag.values.as_slice()) {
                (false, _) => writeln!(out),
                (true, []) => writeln!(out, " -r"),
                (true, values) => writeln!(out, " -x -a '{}'", values.join(" ")),
            };
        }
    }
    for (command, values) in [("completions", shells.join(" ")), ("help", names(commands))] {
        let _ = writeln!(
            out,
            "complete -c ci-healer -n '__fish_seen_subcommand_from {command}' -f -a '{values}'"
        );
    }
    out
}

fn powershell(commands: &[Command], shells: &[&str]) -> String {
    let list = |words: &str| {
        let words: Vec<String> = words.split_whitespace().map(|word| quoted(word, "''")).collect();
        format!("@({})", words.join(", "))
    };
    let mut out = "Register-ArgumentCompleter -Native -CommandName ci-healer -ScriptBlock {\n    param($word, $ast, $position)\n    $flags = @{\n".to_owned();
    let mut values = String::new();
    for command in commands {
        let flags = completed(command);
        let names = flags.iter().map(|flag| flag.name.as_str()).collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "        {} = {}", quoted(command.name, "''"), list(&names));
        for flag in flags.iter().filter(|flag| !flag.values.is_empty()) {
            let key = quoted(&format!("{} {}", command.name, flag.name), "''");
            let _ = writeln!(values, "        {key} = {}", list(&flag.values.join(" ")));
        }
    }
    for (command, words) in [("completions", shells.join(" ")), ("help", names(commands))] {
        let _ =
            writeln!(values, "        {} = {}", quoted(&format!("{command} {command}"), "''"), list(&words));
    }
    let _ = write!(
        out,
        "    }}\n    $values = @{{\n{values}    }}\n    $words = @($ast.CommandElements | ForEach-Object {{ $_.ToString() }})\n    \
         if ($word -ne '') {{ $words = @($words | Select-Object -SkipLast 1) }}\n    \
         $found = if ($words.Count -le 1) {{ {} }}\n    \
         elseif ($values.ContainsKey(\"$($words[1]) $($words[-1])\")) {{ $values[\"$($words[1]) $($words[-1])\"] }}\n    \
         else {{ $flags[$words[1]] }}\n    \
         $found | Where-Object {{ $_ -like \"$word*\" }} | ForEach-Object {{ [System.Management.Automation.CompletionResult]::new($_) }}\n}}\n",
        list(&names(commands))
    );
    out
}
