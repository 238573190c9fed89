//! JUnit XML printed into a log: failing test cases with the places their stacks name.

use super::super::findings::{FindingBuilder, Findings, TestOutcome, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{self, Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, LogSpan};

pub(super) const TOOL: Tool = Tool {
    name: "junit-xml",
    triggers: &[r"^\s*(?:<\?xml .*\?>\s*)?<testsuites?[\s>]"],
    new: |_| Box::new(Junit::default()),
};

/// Bytes kept of one test case.
const MAX_TEXT: usize = 1 << 18;
/// Lines of one test case, or of what is printed outside of them; where there are more, the file was cut off.
const MAX_LINES: u64 = 20_000;

#[derive(Default)]
struct Junit {
    /// Text from an open `<testcase` on.
    open: Option<(String, u64)>,
    /// The outermost element's end.
    end: Option<&'static str>,
    /// Within `<system-out>` or `<system-err>` of a suite.
    printed: bool,
    /// Within a tag.
    tag: bool,
    /// When something was last read.
    last: u64,
    /// The name of the suite: a linter's is the file.
    suite: String,
}

impl ToolParser for Junit {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let mut rest = line.text;
        let end = *self.end.get_or_insert_with(|| {
            self.last = line.number;
            if rest.contains("<testsuites") { "</testsuites>" } else { "</testsuite>" }
        });
        if line.number - self.last > MAX_LINES {
            return Response::Declined(Next::Finished);
        }
        loop {
            if let Some((text, first)) = &mut self.open {
                let end = case_end(text.len(), text, rest);
                let Some(end) = end else {
                    if text.len() + rest.len() < MAX_TEXT {
                        text.push('\n');
                        text.push_str(rest);
                    }
                    return Response::Consumed(Next::Active);
                };
                text.push('\n');
                text.push_str(&rest[..end]);
                let span = LogSpan { first: *first, last: line.number };
                match of_linter(text, &self.suite) {
                    Some(finding) => out.bug(finding.span(span.first, span.last)),
                    None => read(text, span, out),
                }
                self.open = None;
                self.last = line.number;
                rest = &rest[end..];
            }
            let case = rest.find("<testcase");
            if let Some(at) = rest[..case.unwrap_or(rest.len())].rfind("<testsuite ") {
                self.suite = attribute(&rest[at..], "name").unwrap_or_default();
            }
            match case {
                Some(at) => {
                    self.open = Some((String::new(), line.number));
                    self.last = line.number;
                    rest = &rest[at..];
                }
                None => break,
            }
        }
        if rest.contains(end) {
            return Response::Consumed(Next::Finished);
        }
        let last = |what: &str| rest.rfind(what);
        let within = self.printed || self.tag;
        let opened = last("<system-out").max(last("<system-err"));
        let closed = last("</system-out").max(last("</system-err"));
        if opened != closed {
            self.printed = opened > closed;
        }
        if last("<") != last(">") {
            self.tag = last("<") > last(">");
        }
        // Other text between the elements is another program's: the file was cut off.
        if within || self.printed || rest.trim_start().starts_with('<') || rest.trim().is_empty() {
            Response::Consumed(Next::Active)
        } else {
            Response::Declined(Next::Finished)
        }
    }
}

/// Where in `more` the test case that `text` began ends.
fn case_end(len: usize, text: &str, more: &str) -> Option<usize> {
    let self_closed = |s: &str| {
        let tag = s.find('>')?;
        s[..tag].ends_with('/').then_some(tag + 1)
    };
    if len == 0
        && let Some(end) = self_closed(more)
    {
        return Some(end);
    }
    if !text.contains('>')
        && let Some(end) = self_closed(more)
    {
        return Some(end);
    }
    more.find("</testcase>").map(|at| at + "</testcase>".len())
}

pub(super) fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag
        .find(&format!(" {name}="))
        .map(|at| at + name.len() + 2)
        .or_else(|| tag.find(&format!("\n{name}=")).map(|at| at + name.len() + 2))?;
    let quote = tag.as_bytes().get(at).filter(|q| matches!(q, b'"' | b'\''))?;
    let value = &tag[at + 1..];
    value.find(*quote as char).map(|end| unescape(&value[..end]))
}

fn unescape(text: &str) -> String {
    let character = |caps: &regex::Captures<'_>| {
        let of = |digits: usize, radix| u32::from_str_radix(caps.get(digits)?.as_str(), radix).ok();
        of(1, 16)
            .or_else(|| of(2, 10))
            .and_then(char::from_u32)
            .map_or_else(|| caps[0].to_owned(), String::from)
    };
    re!(r"&#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
        .replace_all(text, character)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// A linter's finding: its suites are files, its cases rules, and it tells the line in words.
fn of_linter(case: &str, suite: &str) -> Option<FindingBuilder> {
    let at = case.find("<failure").or_else(|| case.find("<error"))?;
    let body = unescape(&case[at..]);
    let told = re!(r"(?s)^<[^>]*>\s*(?:<!\[CDATA\[)?\s*(?i:line) (\d+),? (?i:col(?:umn)?) (\d+),? ?(?:(?i:error|warning) - )?(.*?)(?:\]\]>)?\s*</")
        .captures(&body)?;
    let head = case.split_inclusive('>').next()?;
    let name = attribute(head, "name")?;
    let file =
        attribute(head, "file").or_else(|| re!(r"^\S+\.\w+$").is_match(suite).then(|| suite.to_owned()))?;
    let message = attribute(&case[at..], "message").filter(|said| !said.is_empty());
    let message = message.unwrap_or_else(|| told[3].to_owned());
    // `org.eslint.no-undef`: the tool and its rule.
    let named = re!(r"^org\.(\w+)\.(\S+)$").captures(&name);
    let (tool, rule) = named
        .as_ref()
        .map_or((None, &*name), |c| (Some(c[1].to_owned()), c.get(2).map_or("", |m| m.as_str())));
    let known = registry::tools().map(|known| known.name).find(|known| tool.as_deref() == Some(*known));
    let syntax = re!(r"(?i)^(?:invalid-syntax|parse|syntax)").is_match(rule);
    let category = if syntax { Category::Syntax } else { Category::Lint };
    let mut finding = FindingBuilder::new(known.unwrap_or(TOOL.name), category, message).at(
        &file,
        number(&told[1]),
        number(&told[2]),
    );
    finding.code = (!rule.is_empty()).then(|| rule.to_owned());
    Some(finding)
}

fn read(case: &str, span: LogSpan, out: &mut Findings) {
    // What the test printed may be of another report.
    let printed = ["<system-out", "<system-err"].into_iter().filter_map(|tag| case.find(tag)).min();
    let case = &case[..printed.unwrap_or(case.len())];
    let head = case.split_inclusive('>').next().unwrap_or(case);
    let name = attribute(head, "name").unwrap_or_default();
    let class = attribute(head, "classname").unwrap_or_default();
    let test = if class.is_empty() { name } else { format!("{class}.{name}") };
    let failure = case.find("<failure").or_else(|| case.find("<error"));
    let ran = if failure.is_some() {
        TestOutcome::Failed
    } else if case.contains("<skipped") {
        TestOutcome::Skipped
    } else {
        TestOutcome::Passed
    };
    out.test("junit-xml", &test, ran);
    let Some(at) = failure else { return };
    let body = &case[at..];
    let tag = body.split_inclusive('>').next().unwrap_or(body);
    let stack = body.get(tag.len()..).unwrap_or("");
    // Colours, as pytest writes what no XML may hold.
    let plain = |text: String| re!(r"(?:\x1b|#x1B)\[[0-9;]*m").replace_all(&text, "").into_owned();
    let stack = plain(unescape(
        stack
            .split("</failure>")
            .next()
            .unwrap_or(stack)
            .split("</error>")
            .next()
            .unwrap_or("")
            .trim_start_matches("<![CDATA["),
    ));
    let message = attribute(tag, "message")
        .map(plain)
        .filter(|m| !m.trim().is_empty())
        .unwrap_or_else(|| stack.lines().next().unwrap_or("").to_owned());
    let mut finding =
        FindingBuilder::new("junit-xml", Category::Logic, message).test(test).span(span.first, span.last);
    for frame in stack.lines().take(300) {
        if let Some(c) = re!(r"^\s*at (?:[\w$.<>/@-]+\()([\w$]+\.(?:java|kt|scala|groovy)):(\d+)\)").captures(frame) {
            let class = frame.trim().trim_start_matches("at ");
            let foreign = re!(r"^(?:[\w.]+(?:@[\w.]+)?/)?(?:java|javax|jdk|sun|com\.sun|org\.junit|junit|org\.testng|org\.hamcrest|org\.assertj|org\.apache\.maven|org\.gradle|kotlin|scala)\.").is_match(class);
            if !foreign {
                finding.frames.push(location(&c[1], number(&c[2]), None));
            }
        } else if let Some(c) = re!(r"\bin (?:test )?file (\S+), line (\d+)").captures(frame) {
            finding.frames.push(location(&c[1], number(&c[2]), None));
        } else if let Some(c) = re!(r"(?:file://)?((?:[A-Za-z]:)?[\w./\\@+-]+\.(?:py|js|jsx|ts|tsx|mjs|cjs|go|rs|rb|php|cs|java)):(\d+)(?::(\d+))?").captures(frame) {
            finding.frames.push(location(&c[1], number(&c[2]), c.get(3).and_then(|m| number(m.as_str()))));
        }
    }
    let file = attribute(head, "file");
    if finding.frames.is_empty()
        && let Some(file) = file
    {
        finding.location = Some(location(&file, attribute(head, "line").and_then(|l| number(&l)), None));
    }
    out.bug(finding);
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::Category;
    use crate::parser::{ParseOptions, diagnose};

    const CASE: &str = "<testcase name=\"adds\" classname=\"t.A\"><failure message=\"2 is not 3\">at t.A.adds(A.java:7)\n</failure></testcase>";
    const BEHIND: &str = "src/behind.ts(7,3): error TS2304: Cannot find name 'behind'.";

    fn tools(log: &str) -> Vec<String> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter().map(|bug| bug.tool).collect()
    }

    #[test]
    fn what_stands_behind_a_file_is_not_its_own() {
        for file in [
            format!("<testsuite name=\"t.A\">\n{CASE}\n</testsuite>"),
            format!("<testsuites>\n<testsuite name=\"t.A\">\n{CASE}\n</testsuite>\n</testsuites>"),
            format!(
                "<testsuites>\n<testsuite\n  name=\"t.A\"\n  tests=\"1\">\n{CASE}\n</testsuite>\n</testsuites>"
            ),
            // Cut off, as by `head`.
            format!("<testsuites>\n<testsuite name=\"t.A\">\n{CASE}"),
        ] {
            assert_eq!(tools(&format!("{file}\n{BEHIND}\n")), ["junit-xml", "tsc"], "{file}");
        }
    }

    #[test]
    fn a_linters_cases_are_its_findings() {
        for (case, tool, rule) in [
            (
                "<testcase name=\"org.eslint.no-undef\" classname=\"a\"><failure message=\"no\"><![CDATA[line 3, col 7, Error - no (no-undef)]]></failure></testcase>",
                "eslint",
                "no-undef",
            ),
            (
                "<testcase name=\"org.frob.X12\" line=\"3\" column=\"7\"><failure message=\"no\">line 3, col 7, no</failure></testcase>",
                "junit-xml",
                "X12",
            ),
            (
                "<testcase name=\"frob(no-long)\"><error message=\"no\">line 3, column 7, no</error></testcase>",
                "junit-xml",
                "frob(no-long)",
            ),
        ] {
            let log = format!(
                "<testsuites>\n<testsuite package=\"p\" name=\"src/a.x\">\n{case}\n</testsuite>\n</testsuites>\n"
            );
            let diagnosis = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
            let bug = &diagnosis.bugs[0];
            assert_eq!(
                (bug.tool.as_str(), bug.code.as_deref(), bug.message.as_str()),
                (tool, Some(rule), "no")
            );
            assert_eq!((bug.file.as_deref(), bug.line, bug.column), (Some("src/a.x"), Some(3), Some(7)));
            assert_eq!((bug.category, &bug.test), (Category::Lint, &None));
            assert!(diagnosis.tests.is_empty());
        }
    }

    #[test]
    fn coloured_stacks_are_read() {
        let log = "<testsuites>\n<testcase name=\"a\" classname=\"t\">\n<failure message=\"no\">#x1B[1m#x1B[31mt/test_a.py#x1B[0m:5: AssertionError</failure>\n</testcase>\n</testsuites>\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        assert_eq!((bugs[0].file.as_deref(), bugs[0].line), (Some("t/test_a.py"), Some(5)));
    }

    #[test]
    fn a_frames_url_is_a_path() {
        let log = "<testsuites>\n<testcase name=\"a\" classname=\"test\">\n<failure message=\"no\">\nat f (file:///home/runner/work/app/app/t/a.mjs:2:28)\n</failure>\n</testcase>\n</testsuites>\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        assert_eq!(bugs[0].file.as_deref(), Some("t/a.mjs"));
    }

    #[test]
    fn characters_by_their_numbers_are_read() {
        let text = "&#x22;a&#34; &#x3e; b&#xA;&#128512; &amp;lt; &#xFFFFFF;";
        assert_eq!(super::unescape(text), "\"a\" > b\n\u{1F600} &lt; &#xFFFFFF;");
    }

    #[test]
    fn what_a_suite_printed_is_not_read() {
        let printed = format!("<system-out><![CDATA[\n{BEHIND}\n]]></system-out>");
        assert_eq!(tools(&format!("<testsuite>\n{CASE}\n{printed}\n</testsuite>\n")), ["junit-xml"]);
    }

    #[test]
    fn bats_places_are_read_deepest_first() {
        let failure =
            "(from function `check&#39; in file lib.bash, line 2,\n in test file cart.bats, line 7)";
        let case = format!(
            "<testcase name=\"adds\" classname=\"cart.bats\"><failure>{failure}</failure></testcase>"
        );
        let log = format!("<testsuite>\n{case}\n</testsuite>\n");
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        assert_eq!((bugs[0].file.as_deref(), bugs[0].line), (Some("lib.bash"), Some(2)));
        assert_eq!(bugs[0].related[0].file, "cart.bats");
    }
}
