//! The workflow commands and file commands of the Actions runner.
//!
//! Facts (actions/runner `ActionCommand.cs`, `FileCommandManager.cs`): a command is a line that starts with `::` after
//! blanks; the legacy form `##[name …]` is taken *anywhere* in a line; both output streams are read; lines end at
//! `\n` and at `\r`. Output files take `NAME<<DELIMITER` blocks.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use super::clean;
use crate::secrets::{KnownSecrets, Masking};

/// GitHub cuts messages at 4,096 characters; we cut before it does, so that the end still says so.
const MESSAGE_CHARS: usize = 4000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// A message at a place in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub level: Level,
    pub file: Option<String>,
    /// First and last line, from 1.
    pub lines: Option<(u32, u32)>,
    /// First and last column, from 1; GitHub takes them only within one line.
    pub columns: Option<(u32, u32)>,
    pub title: String,
    /// May hold several lines.
    pub message: String,
}

impl Annotation {
    /// A message about the run as a whole.
    pub fn general(level: Level, title: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, file: None, lines: None, columns: None, title: title.into(), message: message.into() }
    }

    /// The command's line, without its line break.
    #[must_use]
    pub fn command(&self) -> String {
        let mut properties: Vec<(&str, String)> = Vec::new();
        if let Some(file) = self.file.as_deref().map(|f| clean::line(f, 1000)).filter(|f| !f.is_empty()) {
            properties.push(("file", file));
            if let Some((first, last)) = self.lines {
                properties.push(("line", first.to_string()));
                if last > first {
                    properties.push(("endLine", last.to_string()));
                } else if let Some((from, to)) = self.columns {
                    properties.push(("col", from.to_string()));
                    if to > from {
                        properties.push(("endColumn", to.to_string()));
                    }
                }
            }
        }
        let title = clean::line(&self.title, 200);
        if !title.is_empty() {
            properties.push(("title", title));
        }
        let properties: Vec<String> =
            properties.iter().map(|(key, value)| format!("{key}={}", escape_property(value))).collect();
        let message = clip(&clean::block(&self.message, 4 * MESSAGE_CHARS), MESSAGE_CHARS);
        let blank = if properties.is_empty() { "" } else { " " };
        defuse_legacy(&format!(
            "::{}{blank}{}::{}",
            self.level.as_str(),
            properties.join(","),
            escape_data(&message)
        ))
    }
}

fn clip(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Escapes a command's message.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a command's property value.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `::group::title`
pub(super) fn group(title: &str) -> String {
    defuse_legacy(&format!("::group::{}", escape_data(&clean::line(title, 200))))
}

pub(super) const END_GROUP: &str = "::endgroup::";

/// Breaks the legacy form of commands, which would work in the middle of a line.
pub(super) fn defuse_legacy(line: &str) -> String {
    line.replace("##[", "## [")
}

/// One line of text that the runner takes for text, whatever it holds: for messages of ours that quote foreign text
/// outside of `StopCommands`.
#[must_use]
pub fn inert_line(text: &str) -> String {
    let line = defuse_legacy(&clean::line(text, 4000));
    if line.trim_start().starts_with("::") { format!("› {}", line.trim_start()) } else { line }
}

/// Switches the runner's reading of commands off, and on again: foreign text is printed in between only.
#[derive(Debug)]
pub(super) struct StopCommands {
    token: String,
}

impl StopCommands {
    /// With a token that nothing inside can know.
    pub(super) fn new() -> Self {
        Self { token: random_token() }
    }

    pub(super) fn stop(&self) -> String {
        format!("::stop-commands::{}", self.token)
    }

    pub(super) fn resume(&self) -> String {
        format!("::{}::", self.token)
    }
}

/// 128 random bits as hex. Where the system gives no randomness there is nothing safe to do but stop.
pub(super) fn random_token() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system provides random numbers");
    bytes.iter().fold(String::from("h"), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

/// `::add-mask::` lines for every form in which the secrets could appear. Print them first, in workflows only.
#[must_use]
pub fn mask_commands(secrets: &[SecretString]) -> Vec<String> {
    let mut lines: Vec<String> =
        forms(secrets).iter().map(|form| format!("::add-mask::{}", escape_data(form))).collect();
    lines.dedup();
    lines
}

/// Each secret as it is, line by line, and as base64 carries it (alone, and as the password of basic authentication).
fn forms(secrets: &[SecretString]) -> Vec<String> {
    let mut all = Vec::new();
    for secret in secrets {
        let secret = secret.expose_secret();
        if secret.trim().is_empty() {
            continue;
        }
        all.push(secret.to_owned());
        // Lines of a key file are masked one by one; its short ones ("-", "{") would blot out everything else.
        if secret.trim().contains(['\n', '\r']) {
            let lines = secret.split(['\n', '\r']).map(str::trim).filter(|l| l.len() >= 6);
            all.extend(lines.map(str::to_owned));
        } else if secret.trim() != secret {
            all.push(secret.trim().to_owned());
        }
        for text in [secret.trim().to_owned(), format!("x-access-token:{}", secret.trim())] {
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                let encoded = engine.encode(&text);
                if !all.contains(&encoded) {
                    all.push(encoded);
                }
            }
        }
    }
    all
}

/// Stands where a secret was.
const MARK: &str = "***";

/// Replaces secrets by `***` in everything that is written to files or shown: masks cover a workflow's log and summary
/// only, and fewer forms.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    known: Arc<KnownSecrets>,
}

impl Redactor {
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        Self { known: Arc::new(KnownSecrets::new(secrets)) }
    }

    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.known.redact(text, MARK)
    }

    /// Takes the next piece of a text; returns what of it can be shown.
    pub(super) fn push(&self, masking: &mut Masking, piece: &[u8]) -> Vec<u8> {
        masking.push(&self.known, piece, MARK)
    }

    /// What is left of a text that is over.
    pub(super) fn finish(&self, masking: &mut Masking) -> Vec<u8> {
        masking.finish(MARK)
    }
}

/// One output or variable for `GITHUB_OUTPUT`, `GITHUB_STATE`, `GITHUB_ENV`: always the block form, whose delimiter
/// the value cannot contain.
#[must_use]
pub fn file_command(name: &str, value: &str) -> String {
    let mut delimiter = random_token();
    while value.contains(&delimiter) {
        delimiter = random_token();
    }
    let value = value.strip_suffix('\n').unwrap_or(value);
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn annotation(file: &str, title: &str, message: &str) -> Annotation {
        Annotation {
            level: Level::Error,
            file: Some(file.to_owned()),
            lines: Some((3, 3)),
            columns: Some((5, 9)),
            title: title.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn annotations_escape_their_parts() {
        assert_eq!(
            annotation("a,b:c.py", "50% off", "one\ntwo: %0A").command(),
            "::error file=a%2Cb%3Ac.py,line=3,col=5,endColumn=9,title=50%25 off::one%0Atwo: %250A"
        );
        let mut several = annotation("a.py", "", "m");
        several.lines = Some((3, 7));
        assert_eq!(several.command(), "::error file=a.py,line=3,endLine=7::m");
        assert_eq!(Annotation::general(Level::Notice, "", "x").command(), "::notice::x");
    }

    #[test]
    fn long_messages_are_cut_by_us() {
        let command = annotation("a", "t", &"é".repeat(9000)).command();
        assert!(command.ends_with("é…"));
        assert!(command.split("::").nth(2).unwrap().chars().count() <= 4096);
    }

    #[test]
    fn lines_of_ours_are_no_commands() {
        assert_eq!(inert_line("  ::set-output name=x::y"), "› ::set-output name=x::y");
        assert_eq!(inert_line("a\r::error::b"), "a ::error::b");
        assert_eq!(inert_line("see ##[error]x"), "see ## [error]x");
    }

    #[test]
    fn masks_cover_the_encoded_forms() {
        let token = SecretString::from("ghp_abc%1".to_owned());
        let masks = mask_commands(&[token, SecretString::from(String::new())]);
        let basic = STANDARD.encode("x-access-token:ghp_abc%1");
        assert!(masks.contains(&"::add-mask::ghp_abc%251".to_owned()));
        assert!(masks.contains(&format!("::add-mask::{basic}")));
        assert!(masks.iter().all(|m| m.len() > "::add-mask::".len()), "an empty mask: {masks:?}");
    }

    #[test]
    fn secrets_do_not_reach_files() {
        let redactor = Redactor::new(&[SecretString::from("top\"secret\nline-two".to_owned())]);
        let json = serde_json::json!({ "log": "a top\"secret\nline-two b" }).to_string();
        assert_eq!(redactor.redact(&json), r#"{"log":"a *** b"}"#);
        assert_eq!(redactor.redact("only line-two here"), "only *** here");
        let encoded = STANDARD.encode("x-access-token:top\"secret\nline-two");
        assert_eq!(redactor.redact(&format!("basic {encoded}")), "basic ***");
        assert!(!format!("{redactor:?}").contains("line-two"));
    }

    /// The runner's reading of one line, as far as it decides whether the line is a command.
    fn is_command(line: &str) -> bool {
        line.trim_start().starts_with("::") || line.contains("##[")
    }

    proptest! {
        #[test]
        fn hostile_text_makes_no_second_command(
            file in "(\\PC|[\r\n:,%#\\[\\]]){0,30}",
            title in "(\\PC|[\r\n:,%#\\[\\]]){0,30}",
            message in "(\\PC|[\r\n:,%]|##\\[error\\]|\n::set-env name=A::b){0,30}",
        ) {
            let command = annotation(&file, &title, &message).command();
            prop_assert!(!command.contains(['\n', '\r']), "{command:?}");
            prop_assert!(!command.contains("##["), "{command:?}");
            let rest = command.strip_prefix("::error").unwrap();
            let (properties, _) = rest.split_once("::").unwrap();
            for pair in properties.trim().split(',').filter(|p| !p.is_empty()) {
                let key = pair.split_once('=').unwrap().0;
                prop_assert!(["file", "line", "col", "endColumn", "title"].contains(&key), "{command:?}");
            }
        }

        #[test]
        fn an_inert_line_is_no_command(text in "(\\PC|[ \t\r\n]|::|##\\[|error){0,20}") {
            let line = inert_line(&text);
            prop_assert!(!line.contains(['\n', '\r']) && !is_command(&line), "{line:?}");
        }

        #[test]
        fn file_commands_read_back(value in "(\\PC|\n|\r|<<|=){0,40}") {
            let written = file_command("name", &value);
            let (head, rest) = written.split_once('\n').unwrap();
            let delimiter = head.strip_prefix("name<<").unwrap();
            let lines: Vec<&str> = rest.split('\n').collect();
            let end = lines.iter().position(|l| *l == delimiter).unwrap();
            prop_assert_eq!(end, lines.len() - 2, "the block ends at its end");
            prop_assert_eq!(lines[..end].join("\n"), value.strip_suffix('\n').unwrap_or(&value));
        }
    }
}
