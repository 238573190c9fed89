//! Which program reads a step's script, and how: GitHub's table of shells.

/// A step's shell, ready for its script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shell {
    /// The command line, with `{0}` where the script's path goes.
    template: Vec<String>,
    /// The script file's extension, with the dot.
    pub(super) extension: &'static str,
    fix: Fix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fix {
    Nothing,
    /// PowerShell goes on after errors and forgets exit codes unless told otherwise.
    PowerShell,
}

impl Shell {
    /// `wanted` is the step's `shell:`; where it names none, `has_bash` decides between bash and sh.
    pub(super) fn resolve(wanted: Option<&str>, has_bash: bool) -> Result<Self, String> {
        let wanted = wanted.map(str::trim).filter(|s| !s.is_empty());
        let (template, extension, fix) = match wanted {
            // Only an explicit `bash` gets pipefail; the default does not.
            None if has_bash => ("bash -e {0}", ".sh", Fix::Nothing),
            None | Some("sh") => ("sh -e {0}", ".sh", Fix::Nothing),
            Some("bash") => ("bash --noprofile --norc -eo pipefail {0}", ".sh", Fix::Nothing),
            Some("python") => ("python {0}", ".py", Fix::Nothing),
            Some("pwsh") => ("pwsh -command '. '\\''{0}'\\'''", ".ps1", Fix::PowerShell),
            Some(other @ ("cmd" | "powershell")) => {
                return Err(format!("shell {other:?} exists on Windows only"));
            }
            Some(custom) if custom.contains("{0}") => (custom, "", Fix::Nothing),
            Some(other) => {
                return Err(format!(
                    "shell {other:?} is neither bash, sh, python, pwsh nor a template with {{0}}"
                ));
            }
        };
        let template = split_words(template)?;
        Ok(Self { template, extension, fix })
    }

    /// The command line for the script at `path`.
    pub(super) fn argv(&self, path: &str) -> Vec<String> {
        self.template.iter().map(|word| word.replace("{0}", path)).collect()
    }

    /// The script file's content.
    pub(super) fn script(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n");
        match self.fix {
            Fix::Nothing => format!("{text}\n"),
            Fix::PowerShell => format!(
                "$ErrorActionPreference = 'stop'\n{text}\n\
                 if ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) {{ exit $LASTEXITCODE }}\n"
            ),
        }
    }
}

/// Splits a command line at blanks, minding quotes and backslashes as a shell does; expands nothing.
pub(super) fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => match chars.next() {
                Some(next) => {
                    if quote == Some('"') && !matches!(next, '"' | '\\' | '$' | '`') {
                        word.get_or_insert_default().push('\\');
                    }
                    word.get_or_insert_default().push(next);
                }
                None => return Err(format!("{text:?} ends in a backslash")),
            },
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(format!("{text:?} has an open quote"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(shell: Option<&str>, has_bash: bool) -> String {
        Shell::resolve(shell, has_bash).unwrap().argv("/x/s").join("|")
    }

    #[test]
    fn github_s_table() {
        assert_eq!(argv(None, true), "bash|-e|/x/s");
        assert_eq!(argv(None, false), "sh|-e|/x/s");
        assert_eq!(argv(Some("bash"), true), "bash|--noprofile|--norc|-eo|pipefail|/x/s");
        assert_eq!(argv(Some("sh"), true), "sh|-e|/x/s");
        assert_eq!(argv(Some("python"), true), "python|/x/s");
        assert_eq!(argv(Some("pwsh"), true), "pwsh|-command|. '/x/s'");
        assert_eq!(argv(Some("bash -l \"{0}\""), true), "bash|-l|/x/s");
        assert_eq!(argv(Some("perl {0}"), true), "perl|/x/s");
    }

    #[test]
    fn unknown_shells_are_refused_with_what_is_allowed() {
        for bad in ["fish", "cmd", "powershell", "bash '{0}"] {
            assert!(Shell::resolve(Some(bad), true).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        let words = split_words(r#"--a "b c" 'd "e' f\ g --h="i j" """#).unwrap();
        assert_eq!(words, ["--a", "b c", "d \"e", "f g", "--h=i j", ""]);
        assert!(split_words("'open").is_err());
    }

    #[test]
    fn scripts_lose_windows_line_ends() {
        assert_eq!(Shell::resolve(None, true).unwrap().script("a\r\nb"), "a\nb\n");
    }
}
