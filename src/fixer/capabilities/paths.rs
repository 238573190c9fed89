//! Which paths give which capability: a text of rows for each language.

use std::sync::LazyLock;

use super::Capability;
use crate::fixer::language::Language;

/// A path, and how it is to be met.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    capability: Capability,
    path: &'static str,
    /// A member of anything.
    member: bool,
    /// It alone, called with nothing.
    empty_call: bool,
    /// A key of it that nobody can read.
    unknown: bool,
}

type Rows = LazyLock<Vec<Pattern>>;

static PYTHON: Rows = LazyLock::new(|| patterns(include_str!("python.txt")));
static SCRIPT: Rows = LazyLock::new(|| patterns(include_str!("script.txt")));
static GO: Rows = LazyLock::new(|| patterns(include_str!("go.txt")));
static RUST: Rows = LazyLock::new(|| patterns(include_str!("rust.txt")));
static JAVA: Rows = LazyLock::new(|| patterns(include_str!("java.txt")));

fn named(name: &str) -> Option<Capability> {
    Some(match name {
        "status" => Capability::Status,
        "end" => Capability::End,
        "at-end" => Capability::AtEnd,
        "runner" => Capability::Runner,
        "assertions" => Capability::Assertions,
        "machinery" => Capability::Machinery,
        "code" => Capability::Code,
        "unknown" => Capability::Unknown,
        "stack" => Capability::Stack,
        "environment" => Capability::Environment,
        "time" => Capability::Time,
        "files" => Capability::Files,
        "raw" => Capability::Raw,
        "programs" => Capability::Programs,
        "unchecked" => Capability::Unchecked,
        _ => return None,
    })
}

fn patterns(text: &'static str) -> Vec<Pattern> {
    let rows = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    rows.filter_map(|(name, paths)| Some((named(name)?, paths)))
        .flat_map(|(capability, paths)| {
            paths.split_whitespace().map(move |path| Pattern {
                capability,
                path: path.trim_start_matches("*.").trim_end_matches(".*").trim_end_matches("()"),
                member: path.starts_with("*."),
                empty_call: path.ends_with("()"),
                unknown: path.ends_with(".*"),
            })
        })
        .collect()
}

/// Every capability that a path gives; `from` is the path with what is made by calls.
pub(super) fn capabilities(language: Language, path: &str, from: &str) -> Vec<Capability> {
    let rows = match language {
        Language::Python => &PYTHON,
        Language::JavaScript | Language::TypeScript => &SCRIPT,
        Language::Go => &GO,
        Language::Rust => &RUST,
        Language::Java => &JAVA,
        Language::Other => return Vec::new(),
    };
    let mut found: Vec<Capability> =
        rows.iter().filter(|row| row.covers(path, from)).map(|row| row.capability).collect();
    found.dedup();
    found
}

impl Pattern {
    fn covers(&self, path: &str, from: &str) -> bool {
        let begins = |whole: &str| {
            whole.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        };
        if self.member {
            // Of something: the first part is what it is read from.
            let mut rest = path;
            while let Some((_, members)) = rest.split_once('.') {
                if begins(members) {
                    return true;
                }
                rest = members;
            }
            return false;
        }
        if self.unknown {
            return path.strip_prefix(self.path).is_some_and(|rest| rest.starts_with(".*"));
        }
        if self.empty_call {
            return from.strip_prefix(self.path).is_some_and(|rest| rest.starts_with("()"));
        }
        begins(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        for text in [
            include_str!("python.txt"),
            include_str!("script.txt"),
            include_str!("go.txt"),
            include_str!("rust.txt"),
            include_str!("java.txt"),
        ] {
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let (name, paths) = line.split_once(": ").unwrap();
                assert!(named(name).is_some() && !paths.is_empty(), "{line}");
            }
        }
    }

    #[test]
    fn paths_are_met_whole() {
        let of = |path: &str| capabilities(Language::Python, path, path);
        assert_eq!(of("os._exit"), [Capability::End]);
        assert_eq!(of("os.path.join"), []);
        assert_eq!(of("os._exiting"), []);
        assert_eq!(of("?.__traceback__.tb_frame.f_back"), [Capability::Stack]);
        assert_eq!(of("os.*"), [Capability::Unknown]);
        assert_eq!(of("tb_frame"), []);
        let script = |from: &str| capabilities(Language::JavaScript, "Date.getDay", from);
        assert_eq!(script("Date().getDay()"), [Capability::Time]);
        assert_eq!(script("Date(_).getDay()"), []);
    }
}
