//! Maven's Surefire and Failsafe, 2.x and 3.x: each failing test with its trace, the summary, the counts.

use std::collections::BTreeSet;

use super::stack::{Stack, file_of_class};
use crate::contract::bug::Category;
use crate::parser::findings::{Counts, FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const SUREFIRE: Tool = Tool {
    name: "surefire",
    triggers: &[
        r"^(\[[A-Z]+\] +)?Tests run: [0-9]+, Failures: [0-9]+, Errors: [0-9]+",
        r"^(\[ERROR\] +)?\S.*<<< (FAILURE|ERROR)!",
        r"^\[ERROR\] +(Failures|Errors): *$",
        r"^(\[ERROR\] +)?(Failed tests|Tests in error): *($|\S)",
        r"^(\[INFO\] )?Running [A-Za-z_][A-Za-z0-9_.$]*$",
        r"^(\[INFO\] )?(No tests to run|Tests are skipped)\.$",
    ],
    new: |_| Box::new(Surefire::default()),
};

#[derive(Default)]
struct Surefire {
    class: Option<String>,
    open: Option<Open>,
    /// Class and method of the failures told with their traces.
    told: BTreeSet<String>,
    summary: bool,
    /// Nothing was read below its heading yet.
    heads: bool,
    /// Passed, failed, skipped of classes whose module has not summed up.
    counts: (u64, u64, u64),
    /// Maven speaks of what goes well, too: without `-q`.
    talks: bool,
    counted: bool,
}

struct Open {
    id: String,
    class: String,
    stack: Stack,
    first: u64,
    last: u64,
}

impl Surefire {
    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        let mut finding = open.stack.finding("surefire", Category::Logic, Some(&open.class));
        if open.stack.is_empty() {
            finding.message = "the test failed".to_owned();
            finding.code = None;
        }
        if finding.frames.is_empty() {
            finding.location = Some(location(&file_of_class(&open.class), None, None));
        }
        self.told.insert(short(&open.id));
        out.bug(finding.test(open.id).span(open.first, open.last));
    }

    fn head(&mut self, body: &str, line_number: u64) -> bool {
        let Some(name) = body.split(" <<< ").next().filter(|_| body.contains(" <<< ")) else { return false };
        let name = re!(r"\s+(?:-- )?Time elapsed:.*$").replace(name, "");
        let name = name.trim();
        let current = self.class.clone().unwrap_or_default();
        let (class, method) = if let Some(found) =
            re!(r"^(.+?)\(([\w.$]+)\)$").captures(name).filter(|f| f[2].contains('.') || f[2] == current)
        {
            (found[2].to_owned(), found[1].to_owned())
        } else if name == current
            || current.is_empty() && !name.contains(' ') && re!(r"\.[A-Z]\w*$").is_match(name)
        {
            (name.to_owned(), String::new())
        } else if let Some(method) = name.strip_prefix(&format!("{current}.")).filter(|_| !current.is_empty())
        {
            (current, method.to_owned())
        } else if let Some(found) = re!(r"^((?:\w+\.)+[A-Z][\w$]*)\.(\S.*)$").captures(name) {
            (found[1].to_owned(), found[2].to_owned())
        } else {
            (current, name.to_owned())
        };
        let id = if method.is_empty() || class.is_empty() {
            format!("{class}{method}")
        } else {
            format!("{class}.{method}")
        };
        self.open = Some(Open { id, class, stack: Stack::default(), first: line_number, last: line_number });
        true
    }

    fn count(&mut self, body: &str, out: &mut Findings) -> bool {
        let run = re!(r"^Tests run: (\d+), Failures: (\d+), Errors: (\d+)(?:, Skipped: (\d+))?(.*)$");
        let Some(found) = run.captures(body) else { return false };
        let n = |at: usize| found.get(at).and_then(|m| m.as_str().parse::<u64>().ok()).unwrap_or(0);
        let (failed, skipped) = (n(2) + n(3), n(4));
        let passed = n(1).saturating_sub(failed + skipped);
        let rest = &found[5];
        if rest.contains("Time elapsed") {
            self.counts.0 += passed;
            self.counts.1 += failed;
            self.counts.2 += skipped;
            if let Some(class) = rest.rsplit_once(" in ").map(|(_, class)| class.trim()) {
                self.class = Some(class.to_owned());
            }
            self.summary = false;
        } else {
            self.counts = (0, 0, 0);
            self.summary = false;
            out.tests("surefire", passed, failed, skipped);
            self.counted = true;
        }
        true
    }

    /// A line below a summary's heading.
    fn summary_line(
        &mut self,
        levelled: Option<(&str, &str)>,
        text: &str,
        line_number: u64,
        out: &mut Findings,
    ) -> Response {
        match levelled {
            Some(("ERROR", rest)) if rest.starts_with("  ") => self.summed(rest, line_number, out),
            Some(("INFO" | "WARNING" | "WARN", _)) => self.summary = false,
            // Others head their lists with the same words, and name no class and method below.
            None if self.heads && !text.trim().is_empty() && !is_row(text) => {
                (self.summary, self.heads) = (false, false);
                return Response::Declined(Next::Idle);
            }
            None if text.starts_with("  ") => self.summed(text, line_number, out),
            Some(("ERROR", rest)) if !rest.is_empty() => {
                self.summary = false;
                return Response::Declined(Next::Idle);
            }
            _ => {}
        }
        self.heads &= text.trim().is_empty();
        Response::Consumed(Next::Active)
    }

    /// `CartTest.discount:22->check:26 expected …`
    fn summed(&mut self, body: &str, line_number: u64, out: &mut Findings) {
        let row = re!(
            r"^ *(?:Run \d+: )?(?:([\w$.]+)>)?([\w$.]+)[.#]([\w$]+)((?:\(.*?\))?(?:\{.*?\})?(?:\[.*?\])?)(?::(\d+))?((?:->[\w$.<>]+:\d+)*) *(?:» )?(.*)$"
        );
        let Some(found) = row.captures(body) else { return };
        let class = &found[2];
        let of = found.get(1).map_or(class, |m| m.as_str());
        let simple = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
        let key = format!("{}.{}", simple(of), &found[3]);
        let nested = format!("{}.{}", simple(of).rsplit('$').next().unwrap_or_default(), &found[3]);
        let method = format!(".{}", &found[3]);
        let known = |k: &str| self.told.contains(k);
        let outer = simple(of).split('$').next().map(|c| format!("{c}{method}")).unwrap_or_default();
        if known(&key) || known(&nested) || known(&outer) || known(&short(of)) {
            return;
        }
        // A set-up method's failure was told under its class.
        if self.told.contains(&simple(of)) {
            return;
        }
        let mut spots = Vec::new();
        if let Some(line) = found.get(5).and_then(|m| number(m.as_str())) {
            spots.push(location(&file_of_class(class), Some(line), None));
        }
        for hop in found[6].split("->").filter(|h| !h.is_empty()) {
            let Some((name, line)) = hop.rsplit_once(':') else { continue };
            let owner = name.rsplit_once('.').map_or(class, |(owner, _)| owner);
            spots.push(location(&file_of_class(owner), number(line), None));
        }
        if spots.is_empty() {
            spots.push(location(&file_of_class(class), None, None));
        }
        let mut finding =
            FindingBuilder::new("surefire", Category::Logic, found[7].trim()).span(line_number, line_number);
        if found[7].trim().is_empty() {
            finding.message = "the test failed".to_owned();
        }
        finding.frames = spots.into_iter().rev().collect();
        self.told.insert(key);
        out.bug(finding.test(format!("{of}.{}{}", &found[3], &found[4])));
    }
}

/// Simple class and method, without parameters.
fn short(id: &str) -> String {
    let id = id.split(['(', '{', '[']).next().unwrap_or(id).trim();
    let mut parts: Vec<&str> = id.rsplit('.').take(2).collect();
    parts.reverse();
    // A class alone: only its own name.
    if parts.last().is_some_and(|p| p.starts_with(|c: char| c.is_ascii_uppercase())) {
        return parts.pop().unwrap_or_default().to_owned();
    }
    parts.join(".")
}

/// The text behind Maven's level.
pub(super) fn unlevel(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('[')?;
    let (level, body) = rest.split_once(']')?;
    matches!(level, "ERROR" | "INFO" | "WARNING" | "WARN" | "FATAL" | "DEBUG")
        .then(|| (level, body.strip_prefix(' ').unwrap_or(body)))
}

/// Whether a summary's row begins as its rows do: `CartTest.adds:9`, `adds(CartTest)`, `CartTest>BaseTest.adds`.
fn is_row(text: &str) -> bool {
    re!(r"^\s*[A-Za-z_$][\w$]*(?:[\w$.]*\.[\w$]|\(|>|->|\[|:\d)").is_match(text)
}

impl ToolParser for Surefire {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let levelled = unlevel(text);
        let body = levelled.map_or(text, |(_, body)| body);
        self.talks |= match levelled {
            Some((level, _)) => level == "INFO",
            // Old versions print without levels, `-q` or not, so that they have told.
            None => body.starts_with("Running ") || body.trim_start().starts_with("Tests run: "),
        };
        if matches!(body.trim(), "No tests to run." | "Tests are skipped.") {
            out.some_tests("surefire", Counts::NONE_RAN);
            return Response::Consumed(Next::Idle);
        }
        if self.count(body.trim_start(), out) {
            self.close(out);
            return Response::Consumed(Next::Active);
        }
        if text.contains(" <<< FAILURE!") || text.contains(" <<< ERROR!") {
            self.close(out);
            self.summary = false;
            if self.head(body.trim_start(), line.number) {
                return Response::Consumed(Next::Active);
            }
        }
        if let Some(class) = body.strip_prefix("Running ").filter(|c| !c.contains(' ')) {
            self.close(out);
            self.summary = false;
            self.class = Some(class.to_owned());
            return Response::Consumed(Next::Active);
        }
        let heading = body.trim_end();
        if levelled.is_none_or(|(level, _)| level == "ERROR")
            && ["Failures:", "Errors:", "Failed tests:", "Tests in error:"]
                .iter()
                .any(|h| heading.starts_with(h))
        {
            self.close(out);
            (self.summary, self.heads) = (true, levelled.is_none());
            if let Some((_, first)) = heading.split_once(":").filter(|(_, rest)| !rest.trim().is_empty()) {
                self.heads = false;
                self.summed(first, line.number, out);
            }
            return Response::Consumed(Next::Active);
        }
        if let Some(open) = &mut self.open {
            if levelled.is_none() || body.starts_with("\tat ") {
                if open.stack.line(body) {
                    open.last = line.number;
                    return Response::Consumed(Next::Active);
                }
                if open.stack.is_empty() && !body.trim().is_empty() {
                    open.stack.begin(body);
                    open.last = line.number;
                    return Response::Consumed(Next::Active);
                }
                if !open.stack.has_frames() && line.number - open.first < 200 {
                    open.stack.more(body);
                    return Response::Consumed(Next::Active);
                }
                if body.trim().is_empty() {
                    self.close(out);
                    return Response::Consumed(Next::Active);
                }
                // Text behind the frames belongs to nobody.
                return Response::Declined(Next::Active);
            }
            self.close(out);
        }
        if self.summary {
            return self.summary_line(levelled, text, line.number, out);
        }
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        let (passed, failed, skipped) = std::mem::take(&mut self.counts);
        if passed + failed + skipped > 0 {
            out.tests("surefire", passed, failed, skipped);
            self.counted = true;
        }
        if self.counted && !self.talks {
            out.silent_when_green("surefire");
        }
    }
}
