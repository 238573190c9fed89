//! Expected errors: the user's input or the environment, each with what to do about it. Bugs of ours stay `anyhow`.

use std::fmt;

/// Who can fix it decides the exit code (`interface.md`'s table in the README).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Bad configuration or input: exit 2.
    Usage,
    /// No Docker, no token right, no network: exit 3.
    Environment,
}

impl ErrorKind {
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Environment => 3,
        }
    }
}

/// Exit code of a bug of ours.
pub const EXIT_BUG: u8 = 4;

/// An error we expected to be possible. Messages are lower case and carry the path, name or value they are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedError {
    pub kind: ErrorKind,
    pub message: String,
    /// What to change.
    pub hint: Option<String>,
}

impl ExpectedError {
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), hint: None }
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Environment, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ExpectedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpectedError {}
