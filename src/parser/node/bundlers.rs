//! webpack, esbuild, Rollup, Vite and Parcel: what they could not resolve, parse or link.

use super::super::findings::{Draft, Findings, number, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, ToolParser};
use super::frames::{self, Frame, clean};
use super::hints::{missing_module, quoted};
use super::message::Message;
use crate::contract::bug::Category;

/// Lines that wake [`Webpack`].
pub(super) const WEBPACK: &[&str] =
    &[r"^ERROR in (\./|\.\./|/|[a-z@])\S*", r"^webpack [0-9.]+ compiled with "];
/// Lines that wake [`Esbuild`].
pub(super) const ESBUILD: &[&str] = &[r"^\xe2\x9c\x98 \[ERROR\] ", r"^\S+:[0-9]+:[0-9]+: ERROR: "];
/// Lines that wake [`Rollup`].
pub(super) const ROLLUP: &[&str] = &[r"^\[!\] "];
/// Lines that wake [`Vite`].
pub(super) const VITE: &[&str] = &[r"^error during build:"];

/// Lines that wake [`Parcel`].
pub(super) const PARCEL: &[&str] = &[r"^\xf0\x9f\x9a\xa8 Build failed\."];

/// A failure of a bundler: its draft and the message so far.
#[derive(Default)]
struct Open(Option<(Draft, Message)>);

impl Open {
    fn start(&mut self, draft: Draft, message: &str, out: &mut Findings) {
        self.close(out);
        let mut text = Message::default();
        if !message.is_empty() {
            text.line(message);
        }
        self.0 = Some((draft, text));
    }

    fn close(&mut self, out: &mut Findings) {
        let Some((mut draft, message)) = self.0.take() else { return };
        draft.message = message.text("the build failed");
        let first = draft.message.lines().next().unwrap_or_default().to_owned();
        draft.category = category(&draft.message);
        let specifier = [
            "Can't resolve ",
            "Could not resolve ",
            "failed to resolve import ",
            "Failed to resolve import ",
        ]
        .iter()
        .find_map(|lead| draft.message.find(lead))
        .and_then(|at| quoted(&draft.message, at));
        draft.hint = specifier.and_then(|(name, _)| missing_module(&first, name));
        out.bug(draft);
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
    {
        Category::Syntax
    } else {
        Category::Configuration
    }
}

#[derive(Default)]
pub(super) struct Webpack(Open);

impl ToolParser for Webpack {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        // What a loader or plugin has from TypeScript names its place itself, under webpack's head or in it.
        if text.starts_with("[tsl] ERROR in ") {
            self.0.0 = None;
            return Flow::Rest;
        }
        if re!(r"^ERROR in \S+:\d+:\d+$").is_match(text) {
            self.0.close(out);
            return Flow::Rest;
        }
        if let Some(caps) = re!(r"^ERROR in (\S+)(?: (\d+):(\d+)(?:-[\d:]+)?)?$").captures(text) {
            let get = |i| caps.get(i).and_then(|m| number(m.as_str()));
            let path = caps[1].rsplit('!').next().unwrap_or_default().to_owned();
            self.0.start(
                Draft::new("webpack", Category::Syntax, "")
                    .at(clean(&path), get(2), get(3))
                    .span(line.no, line.no),
                "",
                out,
            );
            return Flow::Take;
        }
        let Some((draft, message)) = &mut self.0.0 else { return Flow::Rest };
        if let Some(caps) = re!(r"^ @ (\S+) (\d+):(\d+)(?:-[\d:]+)?$").captures(text) {
            // Who imports it; the first one is the file itself, where the head named no line.
            let at = place(clean(&caps[1]), number(&caps[2]), number(&caps[3]));
            match &mut draft.place {
                Some(place) if place.line.is_none() && place.file == at.file => *place = at,
                _ => draft.related.push(at),
            }
            return Flow::Take;
        }
        if text.starts_with("WARNING in ")
            || text.starts_with("webpack ")
            || text.starts_with("asset ")
            || text.starts_with("npm ")
        {
            self.0.close(out);
            return Flow::Rest;
        }
        draft.log.last = line.no;
        if text.trim().is_empty() {
            message.blank();
        } else if let Some(caps) = re!(r"^SyntaxError: (\S+): .*\((\d+):(\d+)\)$").captures(text) {
            draft.place = Some(place(&caps[1], number(&caps[2]), number(&caps[3])));
            message.line(text);
        } else if frames::marked_line(text).is_some()
            || frames::is_source_line(text)
            || text.starts_with("resolve '")
        {
            message.end();
        } else {
            message.line(text);
        }
        Flow::Take
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
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some(said) = text.strip_prefix("✘ [ERROR] ") {
            self.open.start(Draft::new("esbuild", Category::Syntax, "").span(line.no, line.no), said, out);
            return Flow::Take;
        }
        if let Some(caps) = re!(r"^(\S.*?):(\d+):(\d+): ERROR: (.*)$").captures(text) {
            let draft = Draft::new("esbuild", Category::Syntax, "").at(
                clean(&caps[1]),
                number(&caps[2]),
                number(&caps[3]),
            );
            self.open.start(draft.span(line.no, line.no), &caps[4], out);
            self.open.close(out);
            return Flow::TakeRest;
        }
        let Some((draft, message)) = &mut self.open.0 else { return Flow::Rest };
        if text.trim().is_empty() {
            return Flow::Take;
        }
        if !text.starts_with("  ") {
            self.open.close(out);
            return Flow::Rest;
        }
        draft.log.last = line.no;
        match text.trim().strip_suffix(':').and_then(frames::place) {
            Some(at) if draft.place.is_none() => draft.place = Some(at),
            Some(at) => draft.related.push(at),
            None if text.contains('│') || text.contains('╵') => {}
            None => message.line(text.trim()),
        }
        Flow::Take
    }

    fn finish(&mut self, out: &mut Findings) {
        self.open.close(out);
    }
}

/// What Rollup says, by itself or through Vite: `src/a.js (1:9): …`, `Could not resolve "x" from "src/a.js"`.
fn rollup_line(draft: &mut Draft, message: &mut Message, text: &str, no: u64) {
    draft.log.last = no;
    if let Some(frame) = frames::frame(text) {
        message.end();
        if let Frame::At(at) = frame {
            draft.frames.push(at);
        }
        return;
    }
    if let Some(found) =
        text.strip_prefix("file: ").and_then(|f| frames::place(f.split(" (").next().unwrap_or(f)))
    {
        draft.place = Some(found);
    } else if draft.place.is_none()
        && let Some(caps) = re!(r#"(?:^|[ :])(\S+\.\w+) \((\d+):(\d+)\)"#).captures(text)
    {
        draft.place = Some(place(clean(&caps[1]), number(&caps[2]), number(&caps[3])));
    } else if draft.place.is_none()
        && let Some(caps) = re!(r#" (?:from|imported by) "?([^"\s]+\.\w+)"?\.?"#).captures(text)
    {
        draft.place = Some(place(clean(&caps[1]), None, None));
    }
    if re!(r"^\s*\d+: |^\s*\^").is_match(text) {
        message.end();
    } else if !text.starts_with("https://") {
        message.line(text);
    }
}

/// Rollup (`[!] …`) and Vite (`error during build:`) end with their error, so the block has no end of its own.
#[derive(Default)]
struct Last(Open);

impl Last {
    fn line(&mut self, text: &str, no: u64, out: &mut Findings) -> Flow {
        let Some((draft, message)) = &mut self.0.0 else { return Flow::Rest };
        if draft.frames.is_empty() || text.starts_with(' ') {
            if text.trim().is_empty() {
                message.blank();
            } else {
                rollup_line(draft, message, text, no);
            }
            return Flow::Take;
        }
        self.0.close(out);
        Flow::Rest
    }
}

#[derive(Default)]
pub(super) struct Rollup(Last);

impl ToolParser for Rollup {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let Some(said) = line.text.strip_prefix("[!] ") else { return self.0.line(line.text, line.no, out) };
        self.0.0.start(Draft::new("rollup", Category::Syntax, "").span(line.no, line.no), "", out);
        self.0.line(said, line.no, out)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.0.close(out);
    }
}

#[derive(Default)]
pub(super) struct Vite(Last);

impl ToolParser for Vite {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        if !line.text.starts_with("error during build:") {
            return self.0.line(line.text, line.no, out);
        }
        self.0.0.start(Draft::new("vite", Category::Syntax, "").span(line.no, line.no), "", out);
        Flow::Take
    }

    fn finish(&mut self, out: &mut Findings) {
        self.0.0.close(out);
    }
}

/// Parcel: `@parcel/core: message`, its place and source indented below. What says more about a cause has no place.
#[derive(Default)]
pub(super) struct Parcel {
    open: Open,
    before: usize,
}

impl ToolParser for Parcel {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if text.starts_with("🚨 Build failed.") {
            self.end(out);
            self.before = out.count();
            self.open.start(Draft::new("parcel", Category::Syntax, "").span(line.no, line.no), "", out);
            return Flow::Take;
        }
        let Some((draft, message)) = &mut self.open.0 else { return Flow::Rest };
        if text.trim().is_empty() {
            message.blank();
            return Flow::Take;
        }
        if let Some(caps) = re!(r"^(?:@[\w-]+/[\w.-]+|[\w.-]+|\w*Error): (\S.*)$").captures(text) {
            if message.is_empty() {
                message.line(&caps[1]);
            } else {
                let draft = Draft::new("parcel", Category::Syntax, "").span(line.no, line.no);
                self.open.start(draft, &caps[1], out);
            }
            return Flow::Take;
        }
        if !text.starts_with(' ') {
            self.end(out);
            return Flow::Rest;
        }
        draft.log.last = line.no;
        if let Some(frame) = frames::frame(text) {
            message.end();
            if let Frame::At(at) = frame {
                draft.frames.push(at);
            }
        } else if let Some(at) = frames::place(text) {
            message.end();
            match &draft.place {
                None => draft.place = Some(at),
                Some(_) => draft.related.push(at),
            }
        } else if frames::marked_line(text).is_none() && !frames::is_source_line(text) {
            message.line(text.trim());
        }
        Flow::Take
    }

    fn finish(&mut self, out: &mut Findings) {
        self.end(out);
    }
}

impl Parcel {
    fn end(&mut self, out: &mut Findings) {
        self.open.close(out);
        let own = |draft: &Draft| draft.tool == "parcel";
        if out.drafts.iter().skip(self.before).any(|draft| own(draft) && draft.place.is_some()) {
            out.retract(self.before, |draft| own(draft) && draft.place.is_none());
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
        let place = |bug: &crate::contract::bug::BugReport| {
            format!("{}:{}:{}", bug.file.as_deref().unwrap_or_default(), at(bug.line), at(bug.column))
        };
        bugs.iter().map(|bug| (bug.tool.clone(), place(bug))).collect()
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
