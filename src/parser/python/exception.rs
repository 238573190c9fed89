//! What a Python exception says: its family, and the fix where the interpreter itself names one.
//!
//! Facts: CPython's messages from 3.6 to 3.14. The interpreter prints source lines without their indentation, so
//! columns of a caret are columns of the printed text, not of the file.

use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::FindingBuilder;
use crate::parser::re;

/// A raised exception as printed, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Raised {
    /// Without its module: `KeyError`.
    pub(super) kind: String,
    /// Behind the colon; may be empty.
    pub(super) text: String,
    /// The source line printed above, without its indentation.
    pub(super) source: Option<String>,
    /// Where the caret's run starts and ends in `source`, counted in characters from 0.
    pub(super) caret: Option<(usize, usize)>,
}

impl Raised {
    /// Reads `json.decoder.JSONDecodeError: Expecting value`. `None` for what is no exception's line.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        let found =
            re!(r"^((?:[A-Za-z_]\w*\.)*(?:<locals>\.)?)([A-Za-z_]\w*)(?:: ?(.*))?$").captures(line)?;
        let (module, kind) = (&found[1], &found[2]);
        let text = found.get(3).map_or("", |m| m.as_str());
        let upper = kind.starts_with(|c: char| c.is_ascii_uppercase());
        // Some libraries' exceptions are lower case, but then the module is printed before them.
        if !upper && module.is_empty() || kind == "Traceback" {
            return None;
        }
        Some(Self { kind: kind.to_owned(), text: text.to_owned(), source: None, caret: None })
    }

    pub(super) fn message(&self) -> String {
        let text = without_addresses(&self.text);
        if text.is_empty() { self.kind.clone() } else { format!("{}: {text}", self.kind) }
    }

    /// The family, `otherwise` where the kind says nothing of its own.
    pub(super) fn category(&self, otherwise: Category) -> Category {
        category_of(&self.kind, &self.text, otherwise)
    }

    /// Adds to `finding` the fix that the message states for `file:line`.
    pub(super) fn hint(&self, finding: FindingBuilder, file: &str, line: u32) -> FindingBuilder {
        match self.suggestion(file, line) {
            Some((text, applicability, suggestion)) => finding.suggest(&text, applicability, suggestion),
            None => finding,
        }
    }

    fn suggestion(&self, file: &str, line: u32) -> Option<(String, Applicability, Suggestion)> {
        use Applicability::{MachineApplicable, MaybeIncorrect};
        let message = self.message();
        let file = file.to_owned();
        if matches!(self.kind.as_str(), "IndentationError" | "TabError") {
            return Some((message, MaybeIncorrect, Suggestion::Reindent { file, line, columns: None }));
        }
        if let Some(token) = quoted_after(&self.text, "expected ").filter(|t| is_token(t)) {
            let sure = if token == ":" { MachineApplicable } else { MaybeIncorrect };
            let token = token.to_owned();
            let change = match self.insert_at_caret(&token) {
                Some((old, new)) => Suggestion::ReplaceText { file, line, column: None, old, new },
                None => Suggestion::ExpectedToken { file, line, column: None, token },
            };
            return Some((message, sure, change));
        }
        if let Some(name) = missing_module(&self.kind, &self.text) {
            return Some((message, MaybeIncorrect, Suggestion::AddDependency { name: name.to_owned() }));
        }
        if let Some(module) = quoted_after(&self.text, "Did you forget to import ") {
            let statement = format!("import {module}");
            return Some((message, MachineApplicable, Suggestion::AddImport { file, statement }));
        }
        if let Some(name) =
            quoted_after(&self.text, "Did you mean: ").or_else(|| quoted_after(&self.text, "Did you mean "))
        {
            let old = self.text.split('\'').collect::<Vec<_>>();
            let old = self.misspelt(&old)?;
            let new = name.trim_start_matches('.').to_owned();
            return Some((
                message,
                MaybeIncorrect,
                Suggestion::ReplaceText { file, line, column: None, old, new },
            ));
        }
        if self.kind == "SyntaxError" && self.text.contains("'==' or ':=' instead of '='") {
            let source = self.source.as_ref()?;
            let old = source.clone();
            let at = self.caret.map_or(0, |(start, _)| byte_of(source, start));
            let sign = at + source.get(at..)?.find(" = ")?;
            let new = format!("{} == {}", &source[..sign], &source[sign + 3..]);
            return Some((
                message,
                MaybeIncorrect,
                Suggestion::ReplaceText { file, line, column: None, old, new },
            ));
        }
        if self.kind == "SyntaxError" && self.text.starts_with("Missing parentheses in call to 'print'") {
            let old = self.source.clone()?;
            let rest = old.strip_prefix("print ")?.trim();
            let new = format!("print({rest})");
            return Some((
                message,
                MaybeIncorrect,
                Suggestion::ReplaceText { file, line, column: None, old, new },
            ));
        }
        None
    }

    /// The source line before and after `token` is put where the caret points.
    fn insert_at_caret(&self, token: &str) -> Option<(String, String)> {
        let source = self.source.as_ref().filter(|s| !s.is_empty())?;
        let at = byte_of(source, self.caret?.0);
        Some((source.clone(), format!("{}{token}{}", &source[..at], &source[at..])))
    }

    /// The name in the message that stands in the source: the wrong one.
    fn misspelt(&self, parts: &[&str]) -> Option<String> {
        // Quoted words are at the odd places; the suggestion itself is the last of them.
        let quoted: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
        let candidates = &quoted[..quoted.len().saturating_sub(1)];
        let attribute = self.kind == "AttributeError";
        let pick = if attribute { candidates.last() } else { candidates.first() };
        pick.filter(|name| !name.is_empty()).map(|name| (*name).to_owned())
    }
}

/// The family of an exception by its name.
pub(super) fn category_of(kind: &str, text: &str, otherwise: Category) -> Category {
    match kind {
        "IndentationError" | "TabError" => Category::Indentation,
        "SyntaxError" => Category::Syntax,
        "ModuleNotFoundError" | "ImportError" => Category::Import,
        "TimeoutError" | "TimeoutExpired" => Category::Timeout,
        "AssertionError" => Category::Logic,
        "MemoryError" => Category::Environment,
        "Failed" if text.starts_with("Timeout") => Category::Timeout,
        "ConnectionError" | "ConnectionRefusedError" | "ConnectionResetError" | "gaierror" | "URLError"
            if was_refused(text) =>
        {
            Category::Environment
        }
        "OSError" if text.contains("No space left on device") => Category::Environment,
        _ => otherwise,
    }
}

/// The system or a server answered so: a test may raise an exception of any name, with words of its own.
fn was_refused(text: &str) -> bool {
    re!(r"^(?:<urlopen error )?\[Errno -?\d+\]|\(host='[^']+', port=\d+\): Max retries exceeded with url|^\('Connection aborted\.', .*Error\(\d+, ")
        .is_match(text)
        && !re!(r"\(host='(?:localhost|127\.0\.0\.1|::1)'").is_match(text)
}

/// The package that an import misses; `None` where a sub-module of a present package is missing.
fn missing_module<'a>(kind: &str, text: &'a str) -> Option<&'a str> {
    if !matches!(kind, "ModuleNotFoundError" | "ImportError") {
        return None;
    }
    let rest = text.strip_prefix("No module named ")?;
    let name = rest.split(';').next().unwrap_or(rest).trim_matches(['\'', '"']);
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    plain.then_some(name)
}

/// `x` of `…Did you mean: 'x'?`, behind `lead`.
fn quoted_after<'a>(text: &'a str, lead: &str) -> Option<&'a str> {
    let rest = text[text.find(lead)? + lead.len()..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = &rest[1..];
    inner.find(quote).map(|end| &inner[..end]).filter(|name| !name.is_empty())
}

fn is_token(text: &str) -> bool {
    text.len() <= 2 && text.bytes().all(|b| b.is_ascii_punctuation())
}

/// Byte index of the `at`-th character, at most the end.
fn byte_of(text: &str, at: usize) -> usize {
    text.char_indices().nth(at).map_or(text.len(), |(i, _)| i)
}

/// `<Cart object at 0x7f18b83ac8d0>` changes with every run and says nothing.
pub(super) fn without_addresses(text: &str) -> String {
    re!(r"0x[0-9a-fA-F]{4,}").replace_all(text, "0x…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_system_answered_is_the_environments() {
        for (kind, text, want) in [
            ("ConnectionError", "", Category::Logic),
            ("ConnectionError", "the service is down", Category::Logic),
            ("ConnectionRefusedError", "[Errno 111] Connection refused", Category::Environment),
            ("URLError", "<urlopen error [Errno -2] Name or service not known>", Category::Environment),
            (
                "ConnectionError",
                "HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded with url: / (Caused by x)",
                Category::Environment,
            ),
            (
                "ConnectionError",
                "HTTPConnectionPool(host='localhost', port=80): Max retries exceeded with url: / (Caused by x)",
                Category::Logic,
            ),
        ] {
            assert_eq!(category_of(kind, text, Category::Logic), want, "{kind}: {text}");
        }
    }

    fn suggestion(message: &str, source: Option<&str>, caret: Option<(usize, usize)>) -> Option<Suggestion> {
        let mut raised = Raised::read(message).unwrap();
        raised.source = source.map(str::to_owned);
        raised.caret = caret;
        raised.suggestion("a.py", 1).map(|(_, _, s)| s)
    }

    fn replace(old: &str, new: &str) -> Option<Suggestion> {
        Some(Suggestion::ReplaceText {
            file: "a.py".into(),
            line: 1,
            column: None,
            old: old.into(),
            new: new.into(),
        })
    }

    #[test]
    fn the_interpreters_own_fixes_are_read() {
        assert_eq!(
            suggestion("SyntaxError: expected ':'", Some("def f(a) # x"), Some((8, 9))),
            replace("def f(a) # x", "def f(a): # x")
        );
        assert_eq!(
            suggestion("NameError: name 'pricse' is not defined. Did you mean: 'prices'?", None, None),
            replace("pricse", "prices")
        );
        assert_eq!(
            suggestion(
                "AttributeError: 'Cart' object has no attribute 'ad'. Did you mean: 'add'?",
                None,
                None
            ),
            replace("ad", "add")
        );
        assert_eq!(
            suggestion(
                "ImportError: cannot import name 'a' from 'b' (/x/b.py). Did you mean: 'ab'?",
                None,
                None
            ),
            replace("a", "ab")
        );
        assert_eq!(
            suggestion("NameError: name 'os' is not defined. Did you forget to import 'os'?", None, None),
            Some(Suggestion::AddImport { file: "a.py".into(), statement: "import os".into() })
        );
        assert_eq!(
            suggestion("ModuleNotFoundError: No module named 'yaml'", None, None),
            Some(Suggestion::AddDependency { name: "yaml".into() })
        );
        assert_eq!(suggestion("ModuleNotFoundError: No module named 'shop.nothing'", None, None), None);
        assert_eq!(
            suggestion(
                "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
                Some("print 1"),
                None
            ),
            replace("print 1", "print(1)")
        );
        assert_eq!(
            suggestion(
                "SyntaxError: invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
                Some("if a = 1:"),
                Some((3, 8))
            ),
            replace("if a = 1:", "if a == 1:")
        );
    }

    #[test]
    fn only_exception_lines_are_exceptions() {
        for line in ["KeyError", "a.b.SomeError: x", "ValueError: ", "requests.exceptions.timeout: x"] {
            assert!(Raised::read(line).is_some(), "{line}");
        }
        for line in ["  KeyError: x", "no error here", "12:30:45", "shop/cart.py:12: x", "foo: bar", ""] {
            assert!(Raised::read(line).is_none(), "{line}");
        }
    }
}
