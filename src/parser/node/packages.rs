//! npm, yarn and pnpm: what they say when they cannot install or run.
//!
//! A script that fails is the script's failure, told by what it printed; the manager's closing lines about it are none.

use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::hints::command;
use super::message::Message;
use crate::contract::bug::{Applicability, Category, Hint};

/// Lines that trigger [`Npm`].
pub(super) const NPM: &[&str] = &[r"^npm (error|ERR!)( |$)"];
/// Lines that trigger [`Yarn`].
pub(super) const YARN: &[&str] = &[
    r"^error ([A-Z]|[@a-z0-9._/-]+@[0-9]|\S+: )",
    r"^\xe2\x9e\xa4 YN[0-9]+: ",
    r"^(Internal Error|Usage Error): ",
    r"^yarn (run|install) v[0-9]",
];
/// Lines that trigger [`Pnpm`].
pub(super) const PNPM: &[&str] = &[
    r"^(\s|\xe2\x80\x89)*\[?(ERR_PNPM_[A-Z_0-9]+|ELIFECYCLE)",
    r"^(\s|\xe2\x80\x89)?ERROR(\s|\xe2\x80\x89) ",
    // It speaks: many print ` ERROR ` before a line.
    r"^(Run |[+$>] )?pnpm ",
    r"^Scope: (all )?[0-9]+ ",
    r"^(Lockfile is up to date, resolution step is skipped|Progress: resolved [0-9]|Packages: \+[0-9])",
];

#[derive(Default)]
pub(super) struct Npm {
    first: u64,
    last: u64,
    code: Option<String>,
    message: Message,
    lines: Vec<String>,
}

impl ToolParser for Npm {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        let Some(message) = text.strip_prefix("npm error").or_else(|| text.strip_prefix("npm ERR!")) else {
            // Notices stand between the lines of an error.
            if text.starts_with("npm ") || text.is_empty() && self.first > 0 {
                return Response::Declined(Next::Active);
            }
            self.close(out);
            return Response::Declined(Next::Idle);
        };
        let message = message.trim();
        if self.first == 0 {
            self.first = line.number;
        }
        self.last = line.number;
        if let Some(code) = message.strip_prefix("code ") {
            // A second code is a second error.
            if self.code.is_some() {
                self.close(out);
                self.first = line.number;
            }
            self.code = Some(code.to_owned());
        } else if message.starts_with("syscall ")
            || message.starts_with("errno ")
            || message.starts_with("A complete log of this run")
            || message.starts_with("For a full report see")
            || message.contains("-debug-0.log")
        {
        } else if self.lines.len() < 80 {
            self.lines.push(message.to_owned());
            self.message.line(without_topic(message));
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

/// `404 Not Found` → `Not Found`: npm repeats the topic on each line.
fn without_topic(message: &str) -> &str {
    for topic in ["404 ", "ERESOLVE ", "notarget ", "engine ", "notsup ", "JSON.parse ", "network "] {
        if let Some(rest) = message.strip_prefix(topic) {
            return rest;
        }
    }
    message
}

impl Npm {
    fn close(&mut self, out: &mut Findings) {
        let Self { first, last, code, message, lines } = std::mem::take(self);
        if first == 0 {
            return;
        }
        let whole = lines.join("\n");
        let first_line = lines.iter().find(|l| !l.is_empty()).cloned().unwrap_or_default();
        let code = code.as_deref().unwrap_or_default();
        if is_script_failure(code, &whole) {
            out.bug(
                FindingBuilder::new("npm", Category::Unknown, message.text("the script failed"))
                    .span(first, last)
                    .consequence(),
            );
            return;
        }
        let category = npm_category(code, &whole);
        let text = message.text(code);
        let mut finding = FindingBuilder::new("npm", category, text).span(first, last);
        finding.code = (!code.is_empty()).then(|| code.to_owned());
        if code == "EJSONPARSE" {
            finding = finding.at(&json_path(&whole), None, None);
        } else if matches!(category, Category::Dependency | Category::Configuration) && !whole.contains("gyp")
        {
            finding = finding.at("package.json", None, None);
        }
        finding.hint = npm_hint(&first_line, &whole);
        out.bug(finding);
    }
}

/// The closing lines after a script of the project's own.
fn is_script_failure(code: &str, whole: &str) -> bool {
    let lifecycle = code == "ELIFECYCLE"
        || whole.starts_with("Lifecycle script ")
        || whole.contains("Test failed.  See above");
    let workspace = whole.starts_with("Lifecycle") || whole.contains("Lifecycle script `");
    let plain = code.bytes().all(|b| b.is_ascii_digit())
        && !whole.contains("node_modules")
        && !whole.is_empty()
        && !whole.starts_with("Missing script");
    lifecycle || workspace || (plain && (whole.contains("command failed") || whole.contains("Exit status")))
}

fn npm_category(code: &str, whole: &str) -> Category {
    match code {
        "ERESOLVE" | "ETARGET" | "E404" | "EPEERINVALID" | "EINTEGRITY" | "ENOVERSIONS" => {
            Category::Dependency
        }
        "EUSAGE" if whole.contains("npm ci") || whole.contains("in sync") => Category::Dependency,
        "EJSONPARSE" => Category::Syntax,
        "EBADENGINE" | "EBADPLATFORM" | "ENOWORKSPACES" | "EUNSUPPORTEDPROTOCOL" | "EINVALIDPACKAGENAME" => {
            Category::Configuration
        }
        "ECONNREFUSED"
        | "ECONNRESET"
        | "ENOTFOUND"
        | "EAI_AGAIN"
        | "ETIMEDOUT"
        | "ENOSPC"
        | "EACCES"
        | "EPERM"
        | "E401"
        | "E403"
        | "E500"
        | "E502"
        | "E503"
        | "E504"
        | "E429"
        | "ENEEDAUTH"
        | "ERR_SOCKET_TIMEOUT"
        | "ECONNABORTED"
        | "FETCH_ERROR"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "CERT_HAS_EXPIRED"
        | "EMFILE" => Category::Environment,
        _ if whole.contains("network") || whole.contains("FetchError") => Category::Environment,
        "ENOENT" => Category::Configuration,
        _ if whole.starts_with("Missing script") => Category::Configuration,
        _ => Category::Dependency,
    }
}

/// `JSON.parse Invalid package.json: …`, `Failed to parse /path/package.json`.
fn json_path(whole: &str) -> String {
    let word = whole.split_whitespace().find(|w| w.trim_end_matches(':').ends_with(".json"));
    word.map_or_else(|| "package.json".to_owned(), |w| w.trim_end_matches(':').to_owned())
}

fn npm_hint(first: &str, whole: &str) -> Option<Hint> {
    if whole.contains("package.json and package-lock.json") && whole.contains("in sync") {
        return Some(command(
            first,
            Applicability::MachineApplicable,
            "npm install --package-lock-only".to_owned(),
        ));
    }
    if whole.contains("can only install with an existing package-lock.json") {
        return Some(command(
            first,
            Applicability::MaybeIncorrect,
            "npm install --package-lock-only".to_owned(),
        ));
    }
    None
}

#[derive(Default)]
pub(super) struct Yarn {
    /// Yarn itself has spoken: `error …` is its own.
    here: bool,
}

/// `➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.`
static BERRY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^➤ (?P<code>YN\d+): (?:[│┌└·] ?)*(?P<msg>.*)$").expect("a literal"));

impl ToolParser for Yarn {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("yarn ") {
            self.here = true;
            return Response::Consumed(Next::Idle);
        }
        if let Some(caps) = BERRY.captures(text) {
            berry(&caps["code"], caps["msg"].trim(), out);
            return Response::Consumed(Next::Idle);
        }
        if let Some(usage) =
            text.strip_prefix("Usage Error: ").or_else(|| text.strip_prefix("Internal Error: "))
        {
            out.bug(FindingBuilder::new("yarn", Category::Configuration, usage));
            return Response::Consumed(Next::Idle);
        }
        let Some(message) = text.strip_prefix("error ").filter(|_| self.here) else {
            return Response::Declined(Next::Idle);
        };
        if message.starts_with("Command failed") || message.starts_with("Found incompatible module") {
            out.bug(FindingBuilder::new("yarn", Category::Unknown, message).consequence());
            return Response::Consumed(Next::Idle);
        }
        let lock = message.contains("lockfile needs to be updated");
        let category = if lock
            || message.starts_with("Couldn't find ")
            || message.contains("Integrity check failed")
        {
            Category::Dependency
        } else if is_network(message) {
            Category::Environment
        } else if message.starts_with("Command \"") || message.contains("is incompatible with this module") {
            Category::Configuration
        } else {
            Category::Dependency
        };
        let mut finding = FindingBuilder::new("yarn", category, message);
        if category != Category::Environment {
            finding = finding.at("package.json", None, None);
        }
        if lock {
            finding.hint = Some(command(
                message,
                Applicability::MachineApplicable,
                "yarn install --no-frozen-lockfile".to_owned(),
            ));
        }
        out.bug(finding);
        Response::Consumed(Next::Idle)
    }
}

/// Codes of yarn 2 and later that end an install; the rest inform.
fn berry(code: &str, message: &str, out: &mut Findings) {
    // The lock file's difference is printed under the same code, line by line.
    if code == "YN0028" && !message.contains("explicitly forbidden") {
        return;
    }
    let category = match code {
        "YN0028" | "YN0016" | "YN0027" | "YN0035" | "YN0018" | "YN0082" => Category::Dependency,
        "YN0001" if is_network(message) => Category::Environment,
        "YN0009" => Category::Dependency,
        "YN0041" | "YN0080" => Category::Environment,
        _ => return,
    };
    let mut finding = FindingBuilder::new("yarn", category, message).code(code);
    if code == "YN0028" {
        finding.hint = Some(command(
            message,
            Applicability::MachineApplicable,
            "yarn install --no-immutable".to_owned(),
        ));
    }
    out.bug(finding);
}

fn is_network(message: &str) -> bool {
    [
        "ECONN",
        "ENOTFOUND",
        "ETIMEDOUT",
        "EAI_AGAIN",
        "network",
        "certificate",
        "tunneling socket",
        "status code 50",
        "status code 429",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

#[derive(Default)]
pub(super) struct Pnpm {
    open: Option<FindingBuilder>,
    message: Message,
    /// pnpm was seen to run: ` ERROR ` is its own.
    here: bool,
    /// What is open is pnpm's for certain.
    sure: bool,
}

static PNPM_ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*\[?(?P<code>ERR_PNPM_[A-Z_0-9]+|ELIFECYCLE|ERROR)\]?\s{1,3}(?P<msg>.*)$")
        .expect("a literal")
});

impl ToolParser for Pnpm {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(caps) = PNPM_ERROR.captures(text) {
            self.close(out);
            let code = &caps["code"];
            let message = caps["msg"].trim();
            self.here |= code != "ERROR";
            self.sure = self.here;
            if code == "ELIFECYCLE"
                || code.starts_with("ERR_PNPM_RECURSIVE_RUN")
                || code == "ERR_PNPM_RECURSIVE_EXEC_FIRST_FAIL"
                || code == "ERR_PNPM_RECURSIVE_FAIL"
                // A package's script that failed, in the summary.
                || code == "ERROR" && re!(r"^\S+@\S+ \S+: `.*`$").is_match(message)
            {
                out.bug(FindingBuilder::new("pnpm", Category::Unknown, message).consequence());
                return Response::Consumed(Next::Idle);
            }
            let category = pnpm_category(code, message);
            let mut finding =
                FindingBuilder::new("pnpm", category, message).code(code).span(line.number, line.number);
            if category != Category::Environment {
                finding = finding.at("package.json", None, None);
            }
            if code == "ERR_PNPM_OUTDATED_LOCKFILE" {
                let run = "pnpm install --lockfile-only --no-frozen-lockfile".to_owned();
                finding.hint = Some(command(message, Applicability::MachineApplicable, run));
            }
            self.message.line(message);
            self.open = Some(finding);
            return if self.sure {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Active)
            };
        }
        self.here |= speaks(text);
        let Some(open) = &mut self.open else { return Response::Declined(Next::Idle) };
        self.sure |= text.starts_with("For help, run: pnpm ");
        let on = text.is_empty()
            || text.starts_with([' ', '*'])
            || (line.number < open.log.first + 12 && !text.starts_with(['>', '#', '$']));
        if !on {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        if text.trim().is_empty() {
            self.message.blank();
        } else {
            self.message.line(text);
            open.log.last = line.number;
        }
        // It may be the next program's as well: nothing ends what pnpm says.
        if text.trim().is_empty() {
            Response::Consumed(Next::Active)
        } else {
            Response::Declined(Next::Active)
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Pnpm {
    fn close(&mut self, out: &mut Findings) {
        let message = std::mem::take(&mut self.message);
        if let Some(mut finding) = self.open.take().filter(|_| self.sure) {
            finding.message = message.text(&finding.message);
            out.bug(finding);
        }
    }
}

/// A line that shows that pnpm runs here.
fn speaks(text: &str) -> bool {
    re!(r"^(?:(?:Run |[+$>] )?pnpm |Scope: (?:all )?\d+ |Lockfile is up to date|Progress: resolved |Packages: \+)")
        .is_match(text)
}

fn pnpm_category(code: &str, message: &str) -> Category {
    if is_network(message)
        || code.starts_with("ERR_PNPM_META_FETCH")
        || code == "ERR_PNPM_FETCH_401"
        || code == "ERR_PNPM_FETCH_403"
    {
        Category::Environment
    } else if code == "ERR_PNPM_NO_SCRIPT"
        || code.starts_with("ERR_PNPM_UNSUPPORTED")
        || code == "ERR_PNPM_NO_IMPORTER_MANIFEST_FOUND"
    {
        Category::Configuration
    } else if code == "ERR_PNPM_JSON_PARSE" {
        Category::Syntax
    } else {
        Category::Dependency
    }
}
