//! gcc, g++, clang and the linker: `file.c:line:column: error: …`, `undefined reference to …`.

use super::super::findings::{Draft, Findings, number, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "cc",
    triggers: &[
        r"^(?:[A-Za-z]:)?[^\s:][^:]*(?::[^\s:0-9][^:]*)?:[0-9]+:(?:[0-9]+:)? (?:fatal )?(?:error|warning): ",
        r"^(?:/\S*/)?(?:ld|lld|ld\.lld|ld\.gold|collect2|[\w./+-]+\.o|\S+\.(?:c|cc|cpp|cxx)): ?.*(?:undefined reference|cannot find|multiple definition|error: )",
        r"^(?:[A-Za-z]:)?[^\s:][^:]*:(?:[0-9]+|\([^)]*\)): (?:undefined reference|multiple definition)",
        r"^[^\s:][^:]*\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|m|mm|y|l):[0-9]+: ",
        r"^(?:cc1|cc1plus|gcc|g\+\+|clang(?:\+\+)?|clang: |cpp): (?:fatal )?error: ",
    ],
    new: || Box::new(Cc::default()),
};

#[derive(Default)]
struct Cc {
    draft: Option<(Draft, u64, u64)>,
}

impl ToolParser for Cc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some(c) =
            re!(r"^((?:[A-Za-z]:)?[^\s:][^:]*(?::[^\s:0-9][^:]*)?):(\d+):(?:(\d+):)? (fatal error|error|warning): (.*)$")
                .captures(text)
            && re!(r"\.(?:c|cc|cpp|cxx|c\+\+|C|h|hh|hpp|hxx|inl|ipp|tcc|m|mm|cu|cuh|S|s|f|f90|y|l|ll|d)$")
                .is_match(&c[1])
        {
            self.flush(out);
            let message = c[5].to_owned();
            let flag = re!(r" \[-W(?:error=)?([\w+=-]+)\]$").captures(&message).map(|f| f[1].to_owned());
            let bare = re!(r" \[-W[^\]]+\]$").replace(&message, "").into_owned();
            let category = category(&message, flag.is_some());
            let severity = if &c[4] == "warning" { Severity::Warning } else { Severity::Error };
            let mut draft = Draft::new("cc", category, bare).severity(severity);
            draft.code = flag;
            let column = c.get(3).and_then(|m| number(m.as_str()));
            self.draft = Some((draft.at(&c[1], number(&c[2]), column), line.no, line.no));
            return Flow::Take;
        }
        if let Some(c) = re!(r"^(?:\S*(?:ld|lld|ld\.gold): )?(?:([^\s:]+?):(?:(\d+)|\([^)]*\))?:? ?)?(?:in function .*)?((?:undefined reference to|multiple definition of) .*)$").captures(text) {
            self.flush(out);
            let mut draft = Draft::new("cc", Category::Import, &c[3]);
            if let (Some(file), Some(at)) = (c.get(1), c.get(2)) {
                draft = draft.at(file.as_str(), number(at.as_str()), None);
            }
            out.bug(draft);
            return Flow::TakeRest;
        }
        if let Some(c) = re!(r"^(?:\S*/)?(?:ld|lld|ld\.lld|ld\.gold): (?:error: )?((?:cannot find|unable to find|undefined symbol).*)$").captures(text) {
            self.flush(out);
            out.bug(Draft::new("cc", Category::Dependency, &c[1]));
            return Flow::TakeRest;
        }
        if re!(r"^(?:collect2: error: ld returned|clang(?:\+\+)?: error: linker command failed)")
            .is_match(text)
        {
            self.flush(out);
            out.bug(Draft::new("cc", Category::Unknown, text).consequence());
            return Flow::TakeRest;
        }
        if let Some(c) =
            re!(r"^(?:cc1|cc1plus|gcc|g\+\+|clang(?:\+\+)?|cpp): (?:fatal )?error: (.*)$").captures(text)
        {
            self.flush(out);
            out.bug(Draft::new("cc", Category::Configuration, &c[1]));
            return Flow::TakeRest;
        }
        let Some((draft, _, last)) = &mut self.draft else { return Flow::Rest };
        if let Some(c) = re!(r"^([^\s:][^:]*):(\d+):(?:(\d+):)? note: ").captures(text) {
            *last = line.no;
            draft.related.push(place(&c[1], number(&c[2]), c.get(3).and_then(|m| number(m.as_str()))));
            return Flow::Take;
        }
        // The source line, the marks under it, where it was included or expanded.
        if re!(r"^(?:\s*\d* \||\s+\S|\s*\^)").is_match(text) {
            *last = line.no;
            return Flow::Take;
        }
        self.flush(out);
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}

impl Cc {
    fn flush(&mut self, out: &mut Findings) {
        if let Some((draft, first, last)) = self.draft.take() {
            out.bug(draft.span(first, last));
        }
    }
}

fn category(message: &str, flagged: bool) -> Category {
    if message.contains("No such file or directory") || message.contains("file not found") {
        Category::Import
    } else if re!(r"^(?:expected |stray |unterminated|missing terminating|extraneous)").is_match(message) {
        Category::Syntax
    } else if flagged {
        Category::Lint
    } else {
        Category::Type
    }
}
