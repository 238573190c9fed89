//! What becomes of a fix, by the kind of failure: the repository's own rules.

use std::collections::{BTreeMap, BTreeSet};

use super::bug::Category;
use super::settings::{Setting, setting};

setting! {
    /// A kind of failure, as people who write a policy call it.
    Kind {
        Format = "format",
        Lint = "lint",
        Types = "types",
        Tests = "tests",
        Syntax = "syntax",
        Imports = "imports",
        Runtime = "runtime",
        Dependency = "dependency",
        Configuration = "configuration",
        Timeout = "timeout",
        /// All that have no line of their own.
        Default = "default",
    }
}

setting! {
    /// What becomes of a fix.
    Way {
        /// Onto the failing pull request's branch.
        Push = "push",
        PullRequest = "pull-request",
        /// Review comments with suggestions.
        Suggest = "suggest",
        /// No fix is asked for.
        Diagnose = "diagnose",
    }
}

impl Kind {
    fn of(category: Category) -> Self {
        match category {
            Category::Format => Self::Format,
            Category::Lint => Self::Lint,
            Category::Type => Self::Types,
            Category::Logic => Self::Tests,
            Category::Syntax | Category::Indentation => Self::Syntax,
            Category::Import => Self::Imports,
            Category::Runtime => Self::Runtime,
            Category::Dependency => Self::Dependency,
            Category::Configuration => Self::Configuration,
            Category::Timeout => Self::Timeout,
            Category::Environment | Category::Unknown => Self::Default,
        }
    }
}

/// Ways by kinds; a kind without one has no rule of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    ways: BTreeMap<Kind, Way>,
}

impl Policy {
    /// Reads lines (or entries between commas) of `kind: way`. The error names the entry that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut ways = BTreeMap::new();
        for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let read = entry
                .split_once(':')
                .and_then(|(kind, way)| Some((Kind::from_name(kind.trim())?, Way::from_name(way.trim())?)));
            let (kind, way) = read.ok_or_else(|| entry.to_owned())?;
            if ways.insert(kind, way).is_some() {
                return Err(format!("{entry} (a second one for {})", kind.as_str()));
            }
        }
        Ok(Self { ways })
    }

    /// The way of a failure's fix; `None` where nothing is said of its kind.
    #[must_use]
    pub fn way(&self, category: Category) -> Option<Way> {
        self.ways.get(&Kind::of(category)).or_else(|| self.ways.get(&Kind::Default)).copied()
    }

    /// The categories that no fix is asked for.
    #[must_use]
    pub fn only_diagnosed(&self) -> BTreeSet<Category> {
        Category::ALL.into_iter().filter(|category| self.way(*category) == Some(Way::Diagnose)).collect()
    }

    /// The kinds that go this way.
    pub fn kinds(&self, way: Way) -> impl Iterator<Item = Kind> {
        self.ways.iter().filter(move |(_, chosen)| **chosen == way).map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_a_line_goes_the_default_way() {
        let policy = Policy::parse("format: push\nlint: suggest, default: diagnose").unwrap();
        assert_eq!(policy.way(Category::Format), Some(Way::Push));
        assert_eq!(policy.way(Category::Lint), Some(Way::Suggest));
        assert_eq!(policy.way(Category::Logic), Some(Way::Diagnose));
        assert!(policy.only_diagnosed().contains(&Category::Type));
        assert!(!policy.only_diagnosed().contains(&Category::Format));
        assert_eq!(Policy::default().way(Category::Lint), None);
        assert!(Policy::default().only_diagnosed().is_empty());
    }

    #[test]
    fn what_is_no_rule_is_named() {
        for (text, named) in [
            ("lint", "lint"),
            ("lint: yes", "lint: yes"),
            ("style: push", "style: push"),
            ("lint: push\nlint: suggest", "lint: suggest (a second one for lint)"),
        ] {
            assert_eq!(Policy::parse(text).unwrap_err(), named);
        }
    }
}
