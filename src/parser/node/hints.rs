//! What a JavaScript tool's message says about its own fix, as data.
//!
//! Only what the message determines: nothing here guesses names or versions.

use crate::contract::bug::{Applicability, Hint, Suggestion};

/// A hint of one suggestion.
pub(super) fn hint(text: &str, applicability: Applicability, suggestion: Suggestion) -> Hint {
    Hint { text: text.to_owned(), applicability, suggestions: vec![suggestion] }
}

/// The tool's own fixing command.
pub(super) fn command(text: &str, applicability: Applicability, run: String) -> Hint {
    hint(text, applicability, Suggestion::Command { run })
}

/// A file name as one word of a shell command.
pub(super) fn shell_word(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@,=:".contains(&b);
    if !path.is_empty() && path.bytes().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// The installable package of an import: `lodash/fp` → `lodash`, `@a/b/c` → `@a/b`; nothing for relative and absolute
/// paths, aliases (`~/x`, `@/x`, `#x`) and node's own modules.
pub(super) fn package_of(specifier: &str) -> Option<String> {
    let scoped = specifier.starts_with('@');
    let mut parts = specifier.split('/');
    let first = parts.next()?;
    let name = if scoped { format!("{first}/{}", parts.next()?) } else { first.to_owned() };
    let valid = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._~".contains(&b))
            && part.bytes().any(|b| b.is_ascii_alphanumeric())
    };
    let all_valid = name.trim_start_matches('@').split('/').all(valid);
    (all_valid && !name.starts_with('~') && !is_builtin(&name)).then_some(name)
}

/// Modules that come with node, importable without `node:`.
pub(super) fn is_builtin(name: &str) -> bool {
    const BUILTIN: &[&str] = &[
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "sys",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ];
    name.starts_with("node:") || BUILTIN.contains(&name)
}

/// `Cannot find module 'x'`: the package to add, where `x` names one.
pub(super) fn missing_module(message: &str, specifier: &str) -> Option<Hint> {
    let name = package_of(specifier)?;
    Some(hint(message, Applicability::MaybeIncorrect, Suggestion::AddDependency { name }))
}

/// The first text between quotes (any of `'`, `"`, `` ` ``) at or after `from`, and where the text begins.
pub(super) fn quoted(text: &str, from: usize) -> Option<(&str, usize)> {
    let rest = text.get(from..)?;
    let open = rest.find(['\'', '"', '`'])?;
    let mark = &rest[open..=open];
    let inside = &rest[open + 1..];
    let close = inside.find(mark)?;
    Some((&inside[..close], from + open + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_packages_only() {
        assert_eq!(package_of("lodash/fp").as_deref(), Some("lodash"));
        assert_eq!(package_of("@scope/name/sub").as_deref(), Some("@scope/name"));
        for line_number in [
            "./a",
            "../a",
            "/a/b",
            "@/a",
            "~/a",
            "#a",
            "fs",
            "node:fs",
            "fs/promises",
            "C:\\a",
            "",
            "@scope",
            "A b",
        ] {
            assert_eq!(package_of(line_number), None, "{line_number}");
        }
    }

    #[test]
    fn quotes_what_a_shell_would_read() {
        assert_eq!(shell_word("src/a.js"), "src/a.js");
        assert_eq!(shell_word("a b$(x)'.js"), r"'a b$(x)'\''.js'");
    }
}
