//! Finds an input's value and reads it as its row of the table says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::flags::Flags;
use super::inputs::{Fallback, INPUTS, Input, Kind, Secret};
use super::repository_file::{REPOSITORY_FILE, RepositoryFile};
use super::values::{self, list};
use crate::contract::ci::RunAddress;
use crate::contract::git::RepoPath;
use crate::contract::policy::Policy;
use crate::contract::settings::Setting;
use crate::error::ExpectedError;

/// The longest bad value that is shown whole.
const SHOWN: usize = 200;

/// Looks inputs up: flags first, then `INPUT_*`, then the repository's own file, then the usual variable where the row
/// names one, then the default.
pub(super) struct Lookup<'a> {
    pub(super) flags: &'a Flags,
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) file: &'a RepositoryFile,
    pub(super) in_workflow: bool,
}

/// A value as it was given, and where.
struct Given {
    input: &'static Input,
    text: Option<String>,
    origin: String,
}

impl Lookup<'_> {
    fn given(&self, name: &'static str) -> Result<Given, ExpectedError> {
        let Some(input) = INPUTS.iter().find(|i| i.name == name) else {
            // A row that is read and not in the table; the test of the defaults meets it.
            return Err(ExpectedError::usage(format!("there is no input {name}")));
        };
        let value = |value: &String| Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        let found = |text, origin| Ok(Given { input, text: Some(text), origin });
        if let Some(text) = self.flags.get(name).and_then(value) {
            return found(text, format!("flag --{name}"));
        }
        // The runner keeps hyphens in the name.
        let variable = format!("INPUT_{}", name.to_ascii_uppercase());
        let in_file = self.file.get(name);
        // A runner hands over the default as if it had been written down: then the file's word counts.
        let is_said = |text: &String| in_file.is_none() || !self.in_workflow || *text != input.own_default();
        if let Some(text) = self.variables.get(&variable).and_then(value).filter(is_said) {
            return found(text, format!("input {name}"));
        }
        if let Some(text) = in_file {
            return found(text.to_owned(), format!("{REPOSITORY_FILE}: {name}"));
        }
        let fallback = match input.fallback {
            Fallback::Everywhere(variable) => Some(variable),
            Fallback::OutsideWorkflows(variable) if !self.in_workflow => Some(variable),
            Fallback::OutsideWorkflows(_) | Fallback::None => None,
        };
        if let Some((text, variable)) =
            fallback.and_then(|v| Some((self.variables.get(v).and_then(value)?, v)))
        {
            return found(text, format!("variable {variable}"));
        }
        let default = Some(input.own_default().to_owned()).filter(|d| !d.is_empty());
        Ok(Given { input, text: default, origin: format!("input {name}") })
    }

    /// The value, where one is given or there is a default.
    pub(super) fn find<T: Read>(&self, name: &'static str) -> Result<Option<T>, ExpectedError> {
        let given = self.given(name)?;
        let Some(text) = &given.text else { return Ok(None) };
        T::read(&given.input.kind, text).map(Some).map_err(|allowed| given.refuse(&allowed))
    }

    /// For inputs with a default: there is always a value.
    pub(super) fn need<T: Read>(&self, name: &'static str) -> Result<T, ExpectedError> {
        self.find(name)?.ok_or_else(|| ExpectedError::usage(format!("input {name} needs a value")))
    }

    /// The value, unless it is the word for "as you see fit".
    pub(super) fn unless<T: Read>(&self, word: &str, name: &'static str) -> Result<Option<T>, ExpectedError> {
        if self.given(name)?.text.as_deref() == Some(word) { Ok(None) } else { self.find(name) }
    }

    pub(super) fn secret(&self, name: &'static str) -> Result<Option<SecretString>, ExpectedError> {
        Ok(self.given(name)?.text.map(SecretString::from))
    }

    /// Lines `NAME=value`, and lines `NAME` looked up in our own environment.
    pub(super) fn environment(
        &self,
        name: &'static str,
    ) -> Result<BTreeMap<String, SecretString>, ExpectedError> {
        let given = self.given(name)?;
        let read = values::environment(given.text.as_deref().unwrap_or_default(), self.variables);
        read.map_err(|problem| given.refuse(&problem.unwrap_or_else(|| given.input.kind.allowed())))
    }

    /// A file of certificates; what is not there counts only where it is an explicit wish.
    pub(super) fn certificates(&self, name: &'static str) -> Result<Option<PathBuf>, ExpectedError> {
        let given = self.given(name)?;
        let Some(path) = given.text.as_ref().map(PathBuf::from) else { return Ok(None) };
        let refuse = |why: &str| Err(given.refuse(&format!("{} ({why})", given.input.kind.allowed())));
        match std::fs::read(&path) {
            Ok(pem) if memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").is_some() => Ok(Some(path)),
            Ok(_) => refuse("it holds no PEM certificate"),
            // The variable may be a leftover of another system.
            Err(_) if given.origin.starts_with("variable") => Ok(None),
            Err(error) => refuse(&format!("cannot read it: {error}")),
        }
    }

    /// What the table marks as secret, and is given: nothing that a row names goes unmasked.
    pub(super) fn secrets(&self) -> Result<Vec<SecretString>, ExpectedError> {
        let mut secrets = Vec::new();
        for input in INPUTS {
            match input.secret {
                Secret::No => {}
                Secret::Yes => secrets.extend(self.secret(input.name)?),
                Secret::Values => secrets.extend(self.environment(input.name)?.into_values()),
            }
        }
        Ok(secrets)
    }
}

impl Given {
    fn refuse(&self, allowed: &str) -> ExpectedError {
        let text = self.text.as_deref().unwrap_or_default();
        let value = match (self.input.secret, self.input.kind) {
            (Secret::Yes | Secret::Values, _) => "the value".to_owned(),
            (Secret::No, Kind::Url) => format!("{:?}", without_credentials(text)),
            (Secret::No, _) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{:?}…", &text[..end]),
                None => format!("{text:?}"),
            },
        };
        ExpectedError::usage(format!("{}: {value} is not {allowed}", self.origin))
    }
}

/// `https://user:password@host` → `https://***@host`
fn without_credentials(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    match url[start..].rfind('@') {
        Some(at) => format!("{}***{}", &url[..start], &url[start + at..]),
        None => url.to_owned(),
    }
}

/// A type that values are read as; the error completes "… is not …".
pub(super) trait Read: Sized {
    fn read(kind: &Kind, text: &str) -> Result<Self, String>;
}

impl<T: Setting> Read for T {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        T::from_name(text).ok_or_else(|| kind.allowed())
    }
}

/// Each once, in the order given.
impl<T: Setting + PartialEq> Read for Vec<T> {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        let mut all = Self::new();
        for name in list(text) {
            let one = T::from_name(&name).ok_or_else(|| kind.allowed())?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Ok(all)
    }
}

impl Read for Vec<String> {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Globs => {
                let globs = values::lines(text);
                for glob in &globs {
                    globset::Glob::new(glob).map_err(|e| format!("{} ({e})", kind.allowed()))?;
                }
                Ok(globs)
            }
            _ => Ok(list(text)),
        }
    }
}

impl Read for RunAddress {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| kind.allowed())
    }
}

impl Read for Policy {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|entry| format!("{}: {entry:?} is none", kind.allowed()))
    }
}

impl Read for bool {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(kind.allowed()),
        }
    }
}

impl Read for u64 {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        let number = match *kind {
            Kind::Number(least, most) => text.parse().ok().filter(|n| (least..=most).contains(n)),
            Kind::Bytes(least, most) => values::bytes(text).filter(|n| (least..=most).contains(n)),
            _ => None,
        };
        number.ok_or_else(|| kind.allowed())
    }
}

impl Read for u32 {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        u64::read(kind, text).and_then(|n| Self::try_from(n).map_err(|_| kind.allowed()))
    }
}

impl Read for f64 {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        let number = match *kind {
            Kind::Fraction(least, most) | Kind::FractionOr(least, most, _) => {
                text.parse::<Self>().ok().filter(|n| n.is_finite() && *n >= least && *n <= most)
            }
            _ => None,
        };
        number.ok_or_else(|| kind.allowed())
    }
}

impl Read for Duration {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        let duration = match *kind {
            Kind::Duration(least, most) => values::duration(text).filter(|d| {
                values::duration(least).is_none_or(|l| *d >= l)
                    && values::duration(most).is_none_or(|m| *d <= m)
            }),
            _ => None,
        };
        duration.ok_or_else(|| kind.allowed())
    }
}

impl Read for String {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        let sound = match *kind {
            Kind::Line(most) => !text.chars().any(char::is_control) && text.chars().count() <= most,
            Kind::OneOf(names) => names.contains(&text),
            Kind::Branch => values::is_branch_template(text),
            Kind::Url => return values::url(text).ok_or_else(|| kind.allowed()),
            Kind::FolderAnywhere => {
                !text.chars().any(char::is_control)
                    && text.split('/').all(|part| !part.eq_ignore_ascii_case(".git"))
            }
            Kind::Folder => !text.starts_with('/') && text.split('/').all(|part| part != ".."),
            _ => true,
        };
        if sound { Ok(text.to_owned()) } else { Err(kind.allowed()) }
    }
}

/// A folder that we write to: never in git's own.
impl Read for RepoPath {
    fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        Self::new(text)
            .ok()
            .filter(|p| !p.as_str().split('/').any(|part| part.eq_ignore_ascii_case(".git")))
            .ok_or_else(|| kind.allowed())
    }
}
