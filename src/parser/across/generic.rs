//! `path:line:column: error: message` and `path(line,column): error CODE: message` of tools nobody taught us. Counts
//! only where no known tool reported an error.

use super::super::findings::{Draft, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "generic",
    triggers: &[
        r"^(?:[A-Za-z]:)?[\w./\\@+-]+\.[A-Za-z][\w]{0,7}:[0-9]+(?::[0-9]+)?:? ",
        r"^(?:[A-Za-z]:)?[\w./\\@+-]+\.[A-Za-z][\w]{0,7}\([0-9]+(?:,[0-9]+)?\) ?: ",
    ],
    new: || Box::new(Generic),
};

struct Generic;

impl ToolParser for Generic {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let Some(c) = re!(
            r"^((?:[A-Za-z]:)?[\w./\\@+-]+\.[A-Za-z]\w{0,7})(?::(\d+)(?::(\d+))?:?|\((\d+)(?:,(\d+))?\) ?:) +(?:(fatal error|[Ee]rror|ERROR|[Ww]arning|WARNING)\b[: ]*)?(?:([A-Z]+\d+): )?(\S.*)$"
        )
        .captures(line.text)
        else {
            return Flow::Done;
        };
        // A host and port, a version, a measurement are no files.
        let extension = c[1].rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        if c.get(6).is_none() && !KNOWN.contains(&extension.as_str()) || HOSTS.contains(&extension.as_str()) {
            return Flow::Done;
        }
        let of = |a: usize, b: usize| c.get(a).or_else(|| c.get(b)).and_then(|m| number(m.as_str()));
        let warning = c.get(6).is_some_and(|m| m.as_str().eq_ignore_ascii_case("warning"));
        let severity = if warning { Severity::Warning } else { Severity::Error };
        let mut draft = Draft::new("generic", Category::Lint, &c[8])
            .at(&c[1], of(2, 4), of(3, 5))
            .severity(severity)
            .fallback();
        draft.code = c.get(7).map(|m| m.as_str().to_owned());
        out.bug(draft);
        Flow::Last
    }
}

const KNOWN: &[&str] = &[
    "c", "cc", "cpp", "h", "hpp", "cs", "css", "scss", "less", "dart", "ex", "exs", "erl", "go", "hs",
    "html", "java", "js", "jsx", "mjs", "cjs", "json", "kt", "kts", "lua", "md", "php", "pl", "proto", "py",
    "pyi", "rb", "rs", "scala", "sh", "sql", "swift", "tf", "toml", "ts", "tsx", "vue", "svelte", "xml",
    "yaml", "yml", "zig", "groovy", "gradle",
];

const HOSTS: &[&str] = &["com", "org", "net", "io", "dev", "local", "internal", "localhost"];
