//! gcc, g++, clang and the linker: `file.c:line:column: error: …`, `undefined reference to …`.

use std::collections::BTreeSet;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "cc",
    triggers: &[
        r"^(?:[A-Za-z]:)?[^\s:][^:]*(?::[^\s:0-9][^:]*)?:[0-9]+:(?:[0-9]+:)? (?:fatal )?(?:error|warning): ",
        r"^(?:/\S*/)?(?:ld|lld|ld\.lld|ld\.gold|collect2|[\w./+-]+\.o|\S+\.(?:c|cc|cpp|cxx)): ?.*(?:undefined reference|cannot find|multiple definition|error: )",
        r"^(?:[A-Za-z]:)?[^\s:][^:]*:(?:[0-9]+|\([^)]*\)): (?:undefined reference|multiple definition)",
        r"^[^\s:][^:]*\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|m|mm|y|l):[0-9]+: ",
        r"^[^\s:]+: [^\s:]+:[0-9]+: .*Assertion [`'].*' failed\.$",
        r"^[^\s:]+:[0-9]+:[0-9]+:   required from here",
        r"^(?:cc1|cc1plus|gcc|g\+\+|clang(?:\+\+)?|clang: |cpp): (?:fatal )?error: ",
    ],
    new: |_| Box::new(Cc::default()),
};

#[derive(Default)]
struct Cc {
    finding: Option<(FindingBuilder, u64, u64)>,
    /// Where a template's instantiation, of which the next error speaks, was asked for.
    asked: Option<Location>,
    /// Such places of errors in others' headers: one mistake makes many.
    reported: BTreeSet<Location>,
}

impl ToolParser for Cc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(c) =
            re!(r"^((?:[A-Za-z]:)?[^\s:][^:]*(?::[^\s:0-9][^:]*)?):(\d+):(?:(\d+):)? (fatal error|error|warning): (.*)$")
                .captures(text)
            && re!(r"\.(?:c|cc|cpp|cxx|c\+\+|C|h|hh|hpp|hxx|inl|ipp|tcc|m|mm|cu|cuh|S|s|f|f90|y|l|ll|d)$")
                .is_match(&c[1])
        {
            self.flush(out);
            let message = c[5].to_owned();
            let severity = if &c[4] == "warning" { Severity::Warning } else { Severity::Error };
            let mut finding = finding(&message).severity(severity);
            let column = c.get(3).and_then(|m| number(m.as_str()));
            finding.frames.extend(self.asked.take());
            self.finding = Some((finding.at(&inside(&c[1], out), number(&c[2]), column), line.number, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^(?:\S*(?:ld|lld|ld\.gold): )?(?:([^\s:]+?):(?:(\d+)|\([^)]*\))?:? ?)?(?:in function .*)?((?:undefined reference to|multiple definition of) .*)$").captures(text) {
            self.flush(out);
            let mut finding = FindingBuilder::new("cc", Category::Import, &c[3]);
            // Without debug information the linker knows only whose code it was.
            let source = |file: &&str| re!(r"\.(?:c|cc|cpp|cxx|m|mm)$").is_match(file);
            if let (Some(file), Some(at)) = (c.get(1), c.get(2)) {
                finding = finding.at(file.as_str(), number(at.as_str()), None);
            } else if let Some(file) = c.get(1).map(|file| file.as_str()).filter(source) {
                finding = finding.at(file, None, None);
            }
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) = re!(r"^(?:\S*/)?(?:ld|lld|ld\.lld|ld\.gold): (?:error: )?((?:cannot find|unable to find|undefined symbol).*)$").captures(text) {
            self.flush(out);
            self.finding = Some((FindingBuilder::new("cc", Category::Dependency, &c[1]), line.number, line.number));
            return Response::Consumed(Next::Active);
        }
        if re!(r"^(?:collect2: error: ld returned|clang(?:\+\+)?: error: linker command failed)")
            .is_match(text)
        {
            self.flush(out);
            out.bug(FindingBuilder::new("cc", Category::Unknown, text).consequence());
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) = re!(r"^[^\s:]+: ([^\s:]+):(\d+): .*(Assertion [`'].*' failed)\.$").captures(text) {
            self.flush(out);
            out.failed();
            out.bug(FindingBuilder::new("cc", Category::Runtime, &c[3]).at(&c[1], number(&c[2]), None));
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) = re!(r"^([^\s:]+):(\d+):(\d+):   required from here").captures(text) {
            self.flush(out);
            self.asked = Some(location(&inside(&c[1], out), number(&c[2]), number(&c[3])));
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) =
            re!(r"^(?:cc1|cc1plus|gcc|g\+\+|clang(?:\+\+)?|cpp): (?:fatal )?error: (.*)$").captures(text)
        {
            self.flush(out);
            out.bug(FindingBuilder::new("cc", Category::Configuration, &c[1]));
            return Response::Consumed(Next::Idle);
        }
        self.below(text, line.number, out)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}

/// An error of a compiler's in a file of the repository, where another tool passes its lines on.
pub(in crate::parser) fn compiler_error(text: &str) -> Option<FindingBuilder> {
    let c =
        re!(r"^([^\s:/][^:]*\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|pyx)):(\d+):(?:(\d+):)? (?:fatal )?error: (.*)$")
            .captures(text)?;
    let column = c.get(3).and_then(|m| number(m.as_str()));
    Some(finding(&c[4]).at(&c[1], number(&c[2]), column))
}

/// Of the compiler, or of the tools made of it that print as it does: told apart by what stands in brackets.
fn finding(message: &str) -> FindingBuilder {
    if let Some(c) =
        re!(r"^(.*) \[([a-z][\w.-]*(?:,[a-z][\w.-]*)*)(?:,-warnings-as-errors)?\]$").captures(message)
    {
        // clang-diagnostic-…: the compiler's own, told by clang-tidy.
        let code = c[2].strip_suffix(",-warnings-as-errors").unwrap_or(&c[2]).to_owned();
        let category = match code.strip_prefix("clang-diagnostic-") {
            Some(flag) => category(&c[1], flag != "error"),
            None => Category::Lint,
        };
        // The names of clang-tidy's checks begin with a module's.
        let tool = if code.contains('-') { "clang-tidy" } else { "cppcheck" };
        return FindingBuilder::new(tool, category, &c[1]).code(code);
    }
    let flag = re!(r" \[-W(?:error=)?([\w+=-]+)\]$").captures(message).map(|f| f[1].to_owned());
    let bare = re!(r" \[-W[^\]]+\]$").replace(message, "").into_owned();
    if flag.as_deref() == Some("clang-format-violations") {
        return FindingBuilder::new("clang-format", Category::Format, bare).code("clang-format-violations");
    }
    let mut finding = FindingBuilder::new("cc", category(message, flag.is_some()), bare);
    finding.code = flag;
    finding
}

impl Cc {
    /// A line below a finding: a note, the source, or none of its own.
    fn below(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        let Some((finding, _, last)) = &mut self.finding else { return Response::Declined(Next::Idle) };
        if let Some(c) = re!(r"^([^\s:][^:]*):(\d+):(?:(\d+):)? note: (in instantiation of )?").captures(text)
        {
            *last = line_number;
            let at = location(&inside(&c[1], out), number(&c[2]), c.get(3).and_then(|m| number(m.as_str())));
            if c.get(4).is_some() {
                finding.frames.push(at);
            } else {
                finding.related.push(at);
            }
            return Response::Consumed(Next::Active);
        }
        if text.starts_with(">>> ") {
            // lld, with debug information: `>>> referenced by a.c:2 (/src/a.c:2)`.
            if let Some(c) =
                re!(r"^>>> (?:referenced|defined) (?:by|at) .*?\(?([^\s():]+):(\d+)\)?$").captures(text)
            {
                finding.frames.push(location(&c[1], number(&c[2]), None));
            }
            *last = line_number;
            return Response::Consumed(Next::Active);
        }
        // The source line, the marks under it, where it was included or expanded.
        if re!(r"^(?:\s*\d* \||\s+\S|\s*\^)").is_match(text) {
            *last = line_number;
            return Response::Consumed(Next::Active);
        }
        self.flush(out);
        Response::Declined(Next::Idle)
    }

    fn flush(&mut self, out: &mut Findings) {
        if let Some((finding, first, last)) = self.finding.take() {
            let foreign = finding.location.as_ref().is_some_and(|at| !is_own(&at.file));
            if foreign
                && let Some(at) = finding.frames.iter().find(|at| is_own(&at.file))
                && !self.reported.insert(at.clone())
            {
                return;
            }
            out.bug(finding.span(first, last));
        }
    }
}

/// The compiler's path, from the folder it ran in: the one make entered, or a build folder, as Meson's.
fn inside(path: &str, out: &Findings) -> String {
    match out.folder() {
        Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path.trim_start_matches("../").to_owned(),
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

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    fn locations(log: &str) -> Vec<(Option<String>, Option<u32>)> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter().map(|bug| (bug.file, bug.line)).collect()
    }

    #[test]
    fn an_error_in_the_librarys_header_is_where_it_was_asked_for() {
        let one = "/usr/include/c++/12/bits/ops.h:45:23: error: invalid operands ('P' and 'P')\n\
                   /usr/include/c++/12/bits/algo.h:9:8: note: in instantiation of function 'g' requested here\n\
                   src/a.cpp:7:25: note: in instantiation of function 'std::sort' requested here\n";
        let other = one.replace("45:23", "69:22").replace("invalid", "no matching");
        assert_eq!(locations(&format!("{one}{other}")), [(Some("src/a.cpp".into()), Some(7))]);
    }

    #[test]
    fn nobody_can_tell_whose_a_line_is_of_two_folders_side_by_side() {
        let log = "make[1]: Entering directory '/home/runner/work/app/app/x'\n\
                   make[1]: Entering directory '/home/runner/work/app/app/y'\n\
                   a.c:1:1: error: unknown type name 'x'\n\
                   make[1]: Leaving directory '/home/runner/work/app/app/x'\n\
                   a.c:2:1: error: unknown type name 'y'\n";
        assert_eq!(locations(log), [(Some("a.c".into()), Some(1)), (Some("y/a.c".into()), Some(2))]);
    }

    #[test]
    fn folders_of_a_make_that_died_end_with_its_step() {
        let log = "##[group]Run make\n##[endgroup]\nmake: Entering directory '/home/runner/work/app/app/sub'\n\
                   ##[group]Run gcc\n##[endgroup]\na.c:1:1: error: unknown type name 'x'\n";
        assert_eq!(locations(log), [(Some("a.c".into()), Some(1))]);
        let within = log.replace("##[group]Run gcc\n##[endgroup]\n", "");
        assert_eq!(locations(&within), [(Some("sub/a.c".into()), Some(1))]);
    }

    #[test]
    fn lld_and_assert_name_places() {
        let lld = "ld.lld: error: undefined symbol: helper\n>>> referenced by main.c:2 (src/main.c:2)\n\
                   >>>               /tmp/main-1.o:(twice)\n";
        assert_eq!(locations(lld), [(Some("src/main.c".into()), Some(2))]);
        let assert = "crash: src/crash.cpp:3: int main(): Assertion `n == 1' failed.\n";
        assert_eq!(locations(assert), [(Some("src/crash.cpp".into()), Some(3))]);
    }
}
