//! webpack, esbuild, Rollup, Vite and Parcel: what they could not resolve, parse or link.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame, clean};
use super::hints::{missing_module, quoted};
use super::message::Message;
use crate::contract::bug::Category;

/// Lines that trigger [`Webpack`].
pub(super) const WEBPACK: &[&str] =
    &[r"^ERROR in (\./|\.\./|/|[a-z@])\S*", r"^webpack [0-9.]+ compiled with "];
/// Lines that trigger [`Esbuild`].
pub(super) const ESBUILD: &[&str] = &[r"^\xe2\x9c\x98 \[ERROR\] ", r"^\S+:[0-9]+:[0-9]+: ERROR: "];
/// Lines that trigger [`Rollup`].
pub(super) const ROLLUP: &[&str] = &[r"^\[!\] "];
/// Lines that trigger [`Vite`].
pub(super) const VITE: &[&str] = &[r"^error during build:"];

/// Lines that trigger [`Rolldown`].
pub(super) const ROLLDOWN: &[&str] = &[
    r"^\[error\] Build failed with [0-9]+ errors?:$",
    r"^\[(?:UNRESOLVED|PARSE|MISSING|INVALID|UNLOADABLE|TRANSFORM|PLUGIN)_[A-Z_]+\] \S",
];

/// Lines that trigger [`Parcel`].
pub(super) const PARCEL: &[&str] = &[r"^\xf0\x9f\x9a\xa8 Build failed\."];

/// A failure of a bundler: its finding and the message so far.
#[derive(Default)]
struct Open(Option<(FindingBuilder, Message)>);

impl Open {
    fn start(&mut self, finding: FindingBuilder, message: &str, out: &mut Findings) {
        self.close(out);
        let mut text = Message::default();
        if !message.is_empty() {
            text.line(message);
        }
        self.0 = Some((finding, text));
    }

    fn close(&mut self, out: &mut Findings) {
        let Some((mut finding, message)) = self.0.take() else { return };
        finding.message = message.text("the build failed");
        let first = finding.message.lines().next().unwrap_or_default().to_owned();
        finding.category = category(&finding.message);
        let specifier = [
            "Can't resolve ",
            "Could not resolve ",
            "failed to resolve import ",
            "Failed to resolve import ",
        ]
        .iter()
        .find_map(|lead| finding.message.find(lead))
        .and_then(|at| quoted(&finding.message, at));
        finding.hint = specifier.and_then(|(name, _)| missing_module(&first, name));
        out.bug(finding);
    }
}

fn category(message: &str) -> Category {
    let says = |part: &str| message.contains(part);
    if says("resolve ")
        || says("No matching export")
        || says("is not exported by")
        || says("was not found in")
    {
        Category::Import
    } else if says("TS2") {
        Category::Type
    } else if says("parse")
        || says("Parse")
        || says("Expected ")
        || says("Unexpected ")
        || says("SyntaxError")
        || says("Unterminated")
        || says(" expected")
    {
        Category::Syntax
    } else {
        Category::Configuration
    }
}

#[derive(Default)]
pub(super) struct Webpack(Open);

impl ToolParser for Webpack {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        // What a loader or plugin has from TypeScript names its place itself, under webpack's head or in it.
        if text.starts_with("[tsl] ERROR in ") {
            self.0.0 = None;
            return Response::Declined(Next::Idle);
        }
        if re!(r"^ERROR in \S+:\d+:\d+$").is_match(text) {
            self.0.close(out);
            return Response::Declined(Next::Idle);
        }
        if let Some(caps) =
            re!(r"^ERROR in (\S+?)(?: (\d+):(\d+)(?:-[\d:]+)?|\((\d+),(\d+)\):?)?$").captures(text)
        {
            let get = |i| caps.get(i).and_then(|m| number(m.as_str()));
            // webpack counts columns from 0; what it has from TypeScript, from 1.
            let (at, column) = (get(2).or(get(4)), get(3).map(|n| n + 1).or(get(5)));
            let path = caps[1].rsplit('!').next().unwrap_or_default().to_owned();
            self.0.start(
                FindingBuilder::new("webpack", Category::Syntax, "")
                    .at(clean(&path), at, column)
                    .span(line.number, line.number),
                "",
                out,
            );
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.0.0 else { return Response::Declined(Next::Idle) };
        if let Some(caps) = re!(r"^ @ (\S+) (\d+):(\d+)(?:-[\d:]+)?$").captures(text) {
            // Who imports it; the first one is the file itself, where the head named no line.
            let at = location(clean(&caps[1]), number(&caps[2]), number(&caps[3]).map(|n| n + 1));
            match &mut finding.location {
                Some(location) if location.line.is_none() && location.file == at.file => *location = at,
                _ => finding.related.push(at),
            }
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("WARNING in ")
            || text.starts_with("webpack ")
            || text.starts_with("asset ")
            || text.starts_with("npm ")
        {
            self.0.close(out);
            return Response::Declined(Next::Idle);
        }
        finding.log.last = line.number;
        if text.trim().is_empty() {
            message.blank();
        } else if let Some(caps) = re!(r"^SyntaxError: (\S+): .*\((\d+):(\d+)\)$").captures(text) {
            finding.location = Some(location(&caps[1], number(&caps[2]), number(&caps[3])));
            message.line(text);
        } else if frames::marked_line(text).is_some()
            || frames::is_source_line(text)
            || text.starts_with("resolve '")
        {
            message.end();
        } else {
            message.line(text);
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.close(out);
    }
}

#[derive(Default)]
pub(super) struct Esbuild {
    open: Open,
}

impl ToolParser for Esbuild {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(message) = text.strip_prefix("✘ [ERROR] ") {
            self.open.start(
                FindingBuilder::new("esbuild", Category::Syntax, "").span(line.number, line.number),
                message,
                out,
            );
            return Response::Consumed(Next::Active);
        }
        if let Some(caps) = re!(r"^(\S.*?):(\d+):(\d+): ERROR: (.*)$").captures(text) {
            let (tool, category) = if caps[1].ends_with("meson.build") {
                // Meson prints its errors in the same words.
                let category = if caps[4].starts_with("Dependency ") || caps[4].starts_with("Program ") {
                    Category::Dependency
                } else {
                    Category::Configuration
                };
                ("meson", category)
            } else {
                ("esbuild", Category::Syntax)
            };
            let finding = FindingBuilder::new(tool, category, "").at(
                clean(&caps[1]),
                number(&caps[2]),
                number(&caps[3]),
            );
            self.open.start(finding.span(line.number, line.number), &caps[4], out);
            self.open.close(out);
            return Response::Consumed(Next::Idle);
        }
        let Some((finding, message)) = &mut self.open.0 else { return Response::Declined(Next::Idle) };
        if text.trim().is_empty() {
            return Response::Consumed(Next::Active);
        }
        if !text.starts_with("  ") {
            self.open.close(out);
            return Response::Declined(Next::Idle);
        }
        finding.log.last = line.number;
        match text.trim().strip_suffix(':').and_then(frames::location) {
            Some(at) if finding.location.is_none() => finding.location = Some(at),
            Some(at) => finding.related.push(at),
            None if text.contains('│') || text.contains('╵') => {}
            None => message.line(text.trim()),
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.open.close(out);
    }
}

/// What Rollup says, by itself or through Vite: `src/a.js (1:9): …`, `Could not resolve "x" from "src/a.js"`.
fn rollup_line(finding: &mut FindingBuilder, message: &mut Message, text: &str, line_number: u64) {
    finding.log.last = line_number;
    if let Some(frame) = frames::frame(text) {
        message.end();
        if let Frame::At(at) = frame {
            finding.frames.push(at);
        }
        return;
    }
    if let Some(found) =
        text.strip_prefix("file: ").and_then(|f| frames::location(f.split(" (").next().unwrap_or(f)))
    {
        finding.location = Some(found);
    } else if finding.location.as_ref().is_none_or(|at| at.line.is_none())
        && let Some(caps) = re!(r"(?:^|[ :])(\S+\.\w+) \((\d+):(\d+)\)").captures(text)
    {
        finding.location = Some(location(clean(&caps[1]), number(&caps[2]), number(&caps[3])));
    } else if finding.location.is_none()
        && let Some(caps) = re!(r#" (?:from|imported by) "?([^"\s]+\.\w+)"?\.?"#).captures(text)
    {
        finding.location = Some(location(clean(&caps[1]), None, None));
    }
    if let Some(caps) = re!(r"^\s*╭─\[ (.+?):(\d+):(\d+) \]").captures(text) {
        // Rolldown draws the source, and says above it what is wrong.
        finding.location = Some(location(clean(&caps[1]), number(&caps[2]), number(&caps[3])));
        message.end();
    } else if re!(r"^\s*\d+: |^\s*\^").is_match(text) {
        message.end();
    } else if !text.starts_with("https://") {
        message.line(text);
    }
}

/// Rollup (`[!] …`) and Vite (`error during build:`) end with their error, so the block has no end of its own.
#[derive(Default)]
struct Last(Open);

impl Last {
    fn line(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        let Some((finding, message)) = &mut self.0.0 else { return Response::Declined(Next::Idle) };
        if finding.frames.is_empty() || text.starts_with(' ') {
            if text.trim().is_empty() {
                message.blank();
            } else {
                rollup_line(finding, message, text, line_number);
            }
            return Response::Consumed(Next::Active);
        }
        self.0.close(out);
        Response::Declined(Next::Idle)
    }
}

#[derive(Default)]
pub(super) struct Rollup(Last);

impl ToolParser for Rollup {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let Some(message) = line.text.strip_prefix("[!] ") else {
            return self.0.line(line.text, line.number, out);
        };
        self.0.0.start(
            FindingBuilder::new("rollup", Category::Syntax, "").span(line.number, line.number),
            "",
            out,
        );
        self.0.line(message, line.number, out)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.0.close(out);
    }
}

#[derive(Default)]
pub(super) struct Vite(Last);

impl ToolParser for Vite {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if !line.text.starts_with("error during build:") {
            return self.0.line(line.text, line.number, out);
        }
        self.0.0.start(
            FindingBuilder::new("vite", Category::Syntax, "").span(line.number, line.number),
            "",
            out,
        );
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.0.close(out);
    }
}

/// Rolldown by itself: `[UNRESOLVED_IMPORT] message`, and the drawn source below, with its place.
#[derive(Default)]
pub(super) struct Rolldown(Open);

impl ToolParser for Rolldown {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^\[([A-Z][A-Z_]+)\] (\S.*)$").captures(text) {
            let finding = FindingBuilder::new("rolldown", Category::Syntax, "")
                .span(line.number, line.number)
                .code(&c[1]);
            self.0.start(finding, &c[2], out);
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.0.0 else {
            return Response::Declined(if text.is_empty() || text.starts_with('[') {
                Next::Active
            } else {
                Next::Idle
            });
        };
        if text.is_empty() || frames::frame(text).is_some() {
            self.0.close(out);
            return Response::Consumed(Next::Active);
        }
        rollup_line(finding, message, text, line.number);
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.close(out);
    }
}

/// Parcel: `@parcel/core: message`, its place and source indented below. What says more about a cause has no place.
#[derive(Default)]
pub(super) struct Parcel {
    open: Open,
    before: usize,
}

impl ToolParser for Parcel {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("🚨 Build failed.") {
            self.end(out);
            self.before = out.count();
            self.open.start(
                FindingBuilder::new("parcel", Category::Syntax, "").span(line.number, line.number),
                "",
                out,
            );
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.open.0 else { return Response::Declined(Next::Idle) };
        if text.trim().is_empty() {
            message.blank();
            return Response::Consumed(Next::Active);
        }
        if let Some(caps) = re!(r"^(?:@[\w-]+/[\w.-]+|[\w.-]+|\w*Error): (\S.*)$").captures(text) {
            if message.is_empty() {
                message.line(&caps[1]);
            } else {
                let finding =
                    FindingBuilder::new("parcel", Category::Syntax, "").span(line.number, line.number);
                self.open.start(finding, &caps[1], out);
            }
            return Response::Consumed(Next::Active);
        }
        if !text.starts_with(' ') {
            self.end(out);
            return Response::Declined(Next::Idle);
        }
        finding.log.last = line.number;
        if let Some(frame) = frames::frame(text) {
            message.end();
            if let Frame::At(at) = frame {
                finding.frames.push(at);
            }
        } else if let Some(at) = frames::location(text) {
            message.end();
            match &finding.location {
                None => finding.location = Some(at),
                Some(_) => finding.related.push(at),
            }
        } else if frames::marked_line(text).is_none() && !frames::is_source_line(text) {
            message.line(text.trim());
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.end(out);
    }
}

impl Parcel {
    fn end(&mut self, out: &mut Findings) {
        self.open.close(out);
        let own = |finding: &FindingBuilder| finding.tool == "parcel";
        if out.findings.iter().skip(self.before).any(|finding| own(finding) && finding.location.is_some()) {
            out.retract(self.before, |finding| own(finding) && finding.location.is_none());
        }
        self.before = out.count();
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    fn found(log: &str) -> Vec<(String, String)> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let at = |n: Option<u32>| n.unwrap_or_default();
        let location = |bug: &crate::contract::bug::BugReport| {
            format!("{}:{}:{}", bug.file.as_deref().unwrap_or_default(), at(bug.line), at(bug.column))
        };
        bugs.iter().map(|bug| (bug.tool.clone(), location(bug))).collect()
    }

    #[test]
    fn a_loaders_diagnostics_are_the_compilers() {
        let own = ("tsc".to_owned(), "src/a.ts:1:13".to_owned());
        for log in [
            "ERROR in /home/runner/work/app/app/src/a.ts\n1:12-16\n[tsl] ERROR in /home/runner/work/app/app/src/a.ts(1,13)\n      TS2305: No.\n\nwebpack 5.9.0 compiled with 1 error in 9 ms\n",
            "ERROR in /home/runner/work/app/app/src/a.ts\n./src/a.ts 1:12-16\n[tsl] ERROR in /home/runner/work/app/app/src/a.ts(1,13)\n      TS2305: No.\n @ ./src/b.ts 1:0-30\n",
            "ERROR in ./src/a.ts:1:13\nTS2305: No.\n  > 1 | import { a } from './b';\n      |          ^\n\nwebpack 5.9.0 compiled with 1 error in 9 ms\n",
        ] {
            assert_eq!(found(log), std::slice::from_ref(&own), "{log}");
        }
    }
}
