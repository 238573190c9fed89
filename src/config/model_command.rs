//! `--model-command`: a program that answers in the place of a model server. A flag and nothing else: whoever can set a
//! variable or a file of ours must not be able to start programs with it.

use super::lookup::Lookup;
use crate::error::ExpectedError;

/// The flag's name.
pub const FLAG: &str = "model-command";

/// The program and its arguments; empty where none is given.
pub(super) fn read(from: &Lookup<'_>) -> Result<Vec<String>, ExpectedError> {
    let refused = |why: &str| {
        ExpectedError::usage(format!("{FLAG} {why}"))
            .hint("on a machine of your own: ci-healer heal --model-command 'claude -p'")
    };
    let is_set = |name: &str| from.variables.get(name).is_some_and(|value| !value.trim().is_empty());
    if is_set("INPUT_MODEL-COMMAND") {
        return Err(refused(
            "is no input of the action: it starts a program, and is a flag of the command line alone",
        ));
    }
    let Some(text) = from.flags.get(FLAG).map(|text| text.trim()).filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    if from.in_workflow {
        return Err(refused("is given in a workflow of GitHub Actions, where it is refused"));
    }
    let mut words = words(text).map_err(|why| refused(&format!("{text:?} is no command line: {why}")))?;
    // It starts in an empty folder, where a relative path leads nowhere.
    if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
        let path = std::path::absolute(program.as_str());
        *program = path.map_err(|e| refused(&format!("{program:?}: {e}")))?.to_string_lossy().into_owned();
    }
    Ok(words)
}

/// Splits as a shell would, with quotes and backslashes and nothing else of a shell.
fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = chars.next().ok_or("it ends with a backslash")?;
                word.get_or_insert_default().push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Flags, RepositoryFile};

    fn read_with(
        flag: Option<&str>,
        variables: &[(&str, &str)],
        in_workflow: bool,
    ) -> Result<Vec<String>, String> {
        let flags: Flags = flag.map(|text| (FLAG.to_owned(), text.to_owned())).into_iter().collect();
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let file = &RepositoryFile::default();
        read(&Lookup { flags: &flags, variables: &variables, file, in_workflow }).map_err(|e| e.message)
    }

    #[test]
    fn a_command_line_is_split_without_a_shell() {
        let split = |text| read_with(Some(text), &[], false).unwrap();
        assert_eq!(split("claude -p --tools ''"), ["claude", "-p", "--tools", ""]);
        assert_eq!(split(r#"x "a b" 'c "d"' e\ f $(id) ;"#), ["x", "a b", "c \"d\"", "e f", "$(id)", ";"]);
        assert!(split("./tool -p")[0].starts_with('/'));
        assert!(read_with(Some("x 'y"), &[], false).unwrap_err().contains("quote"));
    }

    #[test]
    fn only_the_flag_counts_and_no_workflow_has_it() {
        assert_eq!(
            read_with(None, &[("MODEL_COMMAND", "x"), ("CI_HEALER_MODEL_COMMAND", "x")], false).unwrap(),
            [""; 0]
        );
        for in_workflow in [true, false] {
            let refused = read_with(None, &[("INPUT_MODEL-COMMAND", "x")], in_workflow).unwrap_err();
            assert!(refused.contains("no input of the action"), "{refused}");
        }
        assert!(read_with(Some("x"), &[], true).is_err());
    }
}
