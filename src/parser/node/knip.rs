//! knip: a heading for each kind of finding, and below it what is unused, unlisted or unresolved, and where.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::Category;

/// Lines that trigger [`Knip`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^(?:Unused|Unlisted|Unresolved|Duplicate|Referenced) (?:optional )?(?:files|dependencies|devDependencies|peerDependencies|binaries|imports|exports|exported|enum|class|namespace|catalog)[a-z ]* \([0-9]+\)$",
];

#[derive(Default)]
pub(super) struct Knip {
    /// The heading, without its count.
    kind: String,
}

impl ToolParser for Knip {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^([A-Z][a-z]+ [A-Za-z ]+) \(\d+\)$").captures(text) {
            c[1].clone_into(&mut self.kind);
            return Response::Consumed(Next::Active);
        }
        let Some(c) = re!(r"^(\S+)(?:(?:\s{2,}.*?)??\s{2,}(\S*\.\w+)(?::(\d+):(\d+))?)?$").captures(text)
        else {
            self.kind.clear();
            return Response::Declined(Next::Idle);
        };
        let of_package = re!(r"ependencies|binaries|catalog").is_match(&self.kind);
        let category = match self.kind.as_str() {
            _ if of_package => Category::Dependency,
            "Unresolved imports" => Category::Import,
            _ => Category::Lint,
        };
        let at = |group: usize| c.get(group).and_then(|n| number(n.as_str()));
        let file =
            c.get(2).map_or_else(|| if of_package { "package.json" } else { &c[1] }, |file| file.as_str());
        let message = format!("{}: {}", self.kind.to_lowercase(), &c[1]);
        let code = self.kind.to_lowercase().replace(' ', "-");
        out.bug(FindingBuilder::new("knip", category, message).at(file, at(3), at(4)).code(code));
        Response::Consumed(Next::Active)
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn each_kind_is_read_below_its_heading() {
        let log = "Unused files (1)\nsrc/old.ts\nUnlisted dependencies (1)\nleft-pad  index.js:1:18\nUnused devDependencies (1)\ntape  package.json:9:6\nUnused exports (1)\nhelp  function  src/a.ts:3:17\n\nDone.\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let read: Vec<_> = bugs
            .iter()
            .map(|bug| (bug.file.as_deref().unwrap_or(""), bug.line, bug.message.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("src/old.ts", None, "unused files: src/old.ts"),
                ("index.js", Some(1), "unlisted dependencies: left-pad"),
                ("package.json", Some(9), "unused devdependencies: tape"),
                ("src/a.ts", Some(3), "unused exports: help"),
            ]
        );
    }
}
