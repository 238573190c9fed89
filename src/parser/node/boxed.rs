//! Linters that draw: Biome (`path:1:8 rule ━━━`, then `✖ message`), and oxlint, which prints as miette does
//! (`× message`, then `╭─[path:1:26]`).

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames;
use super::hints::{command, shell_word};
use crate::contract::bug::{Applicability, Category, Severity};

/// Lines that trigger [`Biome`].
pub(super) const BIOME: &[&str] = &[
    r"^\S+(:[0-9]+:[0-9]+)? (lint|parse|format|assist|organizeImports|suppressions|check)\S* .*\xe2\x94\x81\xe2\x94\x81",
];
/// Lines that trigger [`Oxlint`].
pub(super) const OXLINT: &[&str] =
    &[r"^\s*(\xc3\x97|\xe2\x9a\xa0|x|!) \S", r"^\s*[,\xe2\x95\xad][-\xe2\x94\x80]+\[\S+:[0-9]+:[0-9]+\]"];

/// Lines that trigger [`Swc`].
pub(super) const SWC: &[&str] = &[r"^(?:Error: )?Failed to compile [0-9]+ files? with swc"];

/// swc draws as oxlint does, and says only at the end that it was swc.
#[derive(Default)]
pub(super) struct Swc;

impl ToolParser for Swc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        out.failed();
        let mut any = false;
        for finding in out.findings.iter_mut().filter(|f| f.tool == "oxlint" && f.code.is_none()) {
            finding.tool = "swc";
            any = true;
        }
        if !any {
            out.bug(FindingBuilder::new("swc", Category::Syntax, line.text).consequence());
        }
        Response::Consumed(Next::Idle)
    }
}

#[derive(Default)]
pub(super) struct Biome {
    open: Option<FindingBuilder>,
    /// The message was read: what follows may be the frame around the code.
    drawn: bool,
}

impl Biome {
    /// Reports the finding that waited for the end of its frame.
    fn close(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take().filter(|_| std::mem::take(&mut self.drawn)) {
            out.bug(finding);
        }
    }

    /// A line of the frame: `  > 12 │ code`, the last of which is where the finding ends.
    fn frame(&mut self, text: &str) -> bool {
        let Some(finding) = &mut self.open else { return false };
        let Some(caps) = re!(r"^\s+(?:(>) +)?(?:(\d+) +)?[│|]|^\s+\.\.\.$").captures(text) else {
            return false;
        };
        let from = finding.location.as_ref().and_then(|at| at.line);
        if caps.get(1).is_some() {
            let end = caps.get(2).and_then(|m| number(m.as_str()));
            finding.end_line = end.filter(|_| from.is_some()).filter(|end| Some(*end) > from);
        }
        true
    }
}

impl ToolParser for Biome {
    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }

    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(caps) = re!(r"^(\S+?)(?::(\d+):(\d+))? ((?:lint|parse|format|assist|organizeImports|suppressions|check)\S*)(?:\s+FIXABLE)? .*━").captures(text) {
            let get = |i| caps.get(i).and_then(|m| number(m.as_str()));
            let rule = &caps[4];
            let category = match rule.split('/').next() {
                Some("parse") => Category::Syntax,
                Some("format" | "assist" | "organizeImports") => Category::Format,
                _ => Category::Lint,
            };
            let mut finding = FindingBuilder::new("biome", category, "").at(&caps[1], get(2), get(3)).span(line.number, line.number).code(rule);
            let file = shell_word(&relative(&caps[1], &[]));
            if category == Category::Format {
                let run = format!("npx biome check --write {file}");
                finding.hint = Some(command("the file differs from what Biome writes", Applicability::MachineApplicable, run));
            } else if text.contains(" FIXABLE ") {
                let run = format!("npx biome lint --write {file}");
                finding.hint = Some(command("Biome offers a fix", Applicability::MaybeIncorrect, run));
            }
            self.close(out);
            self.open = Some(finding);
            return Response::Consumed(Next::Active);
        }
        if self.open.is_some() && text.trim().is_empty() || self.drawn && self.frame(text) {
            return Response::Consumed(Next::Active);
        }
        if self.drawn {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        let Some(finding) = &mut self.open else { return Response::Declined(Next::Idle) };
        let message = text.trim_start();
        let mark = message.chars().next().filter(|_| text.starts_with("  "));
        let severity = match mark {
            Some('✖' | '×') => Severity::Error,
            Some('!' | '⚠') => Severity::Warning,
            Some('i' | 'ℹ') => Severity::Info,
            _ => {
                self.open = None;
                return Response::Declined(Next::Idle);
            }
        };
        finding.message = message.chars().skip(1).collect::<String>().trim().to_owned();
        finding.severity = severity;
        finding.log.last = line.number;
        // What cannot be parsed is reported as such.
        if finding.message.starts_with("Code formatting aborted due to parsing errors") {
            self.open = None;
            return Response::Consumed(Next::Idle);
        }
        self.drawn = true;
        Response::Consumed(Next::Active)
    }
}

#[derive(Default)]
pub(super) struct Oxlint {
    message: Option<(Severity, String, u64)>,
    /// A finding whose drawing is being read.
    drawn: Option<FindingBuilder>,
}

impl Oxlint {
    fn close(&mut self, out: &mut Findings) {
        if let Some(finding) = self.drawn.take() {
            out.bug(finding);
        }
    }

    /// A line of the drawing; false where it is over.
    fn drawing(&mut self, text: &str) -> bool {
        let Some(finding) = &mut self.drawn else { return false };
        let Some(caps) = re!(r"^(?:(\d+) )?[│|·:]( [│|]* ?[╰├`|][─-][▶>])?").captures(text)
        else {
            return false;
        };
        if caps.get(2).is_some() && finding.end_line.is_none() {
            let from = finding.location.as_ref().and_then(|at| at.line);
            let end = caps.get(1).and_then(|m| number(m.as_str()));
            finding.end_line = end.filter(|_| from.is_some()).filter(|end| Some(*end) > from);
        }
        true
    }
}

impl ToolParser for Oxlint {
    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }

    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim();
        if self.drawing(text) {
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        if let Some(caps) = re!(r"^[╭,][─-]+\[\s*(.+?:\d+:\d+)\s*\]").captures(text)
            && let Some((severity, message, first)) = self.message.take()
            && let Some(at) = frames::location(&caps[1])
        {
            let (code, message) = match re!(r"^([\w-]+\([\w/-]+\)): (.*)$").captures(&message) {
                Some(caps) => (Some(caps[1].to_owned()), caps[2].to_owned()),
                None => (None, message),
            };
            let category = if code.is_some() { Category::Lint } else { Category::Syntax };
            let mut finding =
                FindingBuilder::new("oxlint", category, message).severity(severity).span(first, line.number);
            finding.location = Some(at);
            finding.code = code;
            self.drawn = Some(finding);
            return Response::Consumed(Next::Active);
        }
        let mut chars = text.chars();
        let severity = match chars.next() {
            Some('×' | 'x') => Severity::Error,
            Some('⚠' | '!') => Severity::Warning,
            _ => {
                return if self.message.as_ref().is_some_and(|(_, _, first)| line.number < first + 4) {
                    Response::Declined(Next::Active)
                } else {
                    Response::Declined(Next::Idle)
                };
            }
        };
        // What stands there alone may be anyone's: it counts only with a place under it.
        self.message = Some((severity, chars.as_str().trim().to_owned(), line.number));
        Response::Declined(Next::Active)
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    fn ends(log: &str) -> Vec<(Option<u32>, Option<u32>)> {
        let found = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        found.bugs.iter().map(|bug| (bug.line, bug.end_line)).collect()
    }

    #[test]
    fn biomes_finding_ends_with_the_last_marked_line_of_its_own_frame() {
        let log = "\
m.js:10:7 lint/correctness/useValidForDirection ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

  × The update clause in this loop moves the variable in the wrong direction.
  
     9 │   }
  > 10 │   for (
       │       ^
  > 11 │     let i = 0;
        ...
  > 24 │   ) {
       │   ^
    25 │     alert(i);
  
  i The variable moves away from the value that ends the loop.
  

m.js:29:3 lint/suspicious/noDuplicateObjectKeys  FIXABLE  ━━━━━━━━━━━━━━━━━━━━━━━━━━

  × This property is later overwritten by an object member with the same name.
  
    28 │ export const same = {
  > 29 │   a: 1,
       │   ^^^^
  
  i Overwritten with this property.
  
  > 30 │   a: [
       │   ^^^^
  > 33 │   ],
       │   ^
  
Found 2 errors.
";
        assert_eq!(ends(log), [(Some(10), Some(24)), (Some(29), None)]);
    }

    #[test]
    fn oxlints_finding_ends_where_its_drawing_closes() {
        let ascii = "
  x eslint(no-empty): Unexpected empty block statements
    ,-[m.js:8:8]
  7 |     }
  8 | ,-> if (f) {
  9 | |   
 10 | `-> }
 11 |     export class A {
    `----
  help: Remove this block or add a comment inside it

  x eslint(no-debugger): `debugger` statement is not allowed
   ,-[b.js:1:1]
 1 | debugger;
   : ^^^^^^^^^
   `----
";
        assert_eq!(ends(ascii), [(Some(8), Some(10)), (Some(1), None)]);
        let drawn = "
  × eslint(no-useless-constructor): Empty constructors are unnecessary
    ╭─[m.js:12:3]
 11 │     export class A {
 12 │ ╭─▶   constructor() {
 13 │ ├─▶   }
    · ╰──── here
 14 │     }
    ╰────
";
        assert_eq!(ends(drawn), [(Some(12), Some(13))]);
    }
}
