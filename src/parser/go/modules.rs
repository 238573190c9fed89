//! The go command's own errors: modules, `go.sum`, the proxy, the toolchain. The `go: ` lines and `go.mod` places.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "go-modules",
    triggers: &[
        r"^go: [^df]",
        r"^go: (?:download(?:ing)? .*: |disallowed|finding .*: |found [^ ]+ in .*, but|directory|fetch)",
        r"^(?:\S*/)?go\.(?:mod|work|sum):[0-9]+",
        r"^found packages ",
        r"^package \S+(?:: build constraints exclude|$)",
        r"^(?:package \S+ is not in|no required module provides|no Go files in|verifying \S+: |pattern \S+: |missing go\.sum)",
        r"^build .*: (?:cannot|no)",
    ],
    new: |_| Box::new(Modules::default()),
};

#[derive(Default)]
struct Modules {
    finding: Option<(FindingBuilder, u64, u64)>,
    lines: usize,
}

impl ToolParser for Modules {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(c) = re!(r"^((?:\S*/)?go\.(?:mod|work|sum)):(\d+)(?::(\d+))?: (.*)$").captures(text) {
            // Below `go: errors parsing go.mod:` this is what it means.
            if self.finding.as_ref().is_some_and(|(d, ..)| d.message.ends_with(':')) {
                self.finding = None;
            }
            self.flush(out);
            let finding = FindingBuilder::new("go-modules", Category::Configuration, &c[4]);
            let column = c.get(3).and_then(|m| number(m.as_str()));
            self.finding = Some((finding.at(&c[1], number(&c[2]), column), line.number, line.number));
            self.lines = 0;
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = error(text) {
            self.flush(out);
            let mut finding = FindingBuilder::new("go-modules", category(message), message);
            if let Some(c) = re!(r"^found packages \w+ \((\S+)\) and .* in (\S+)$").captures(message) {
                finding = finding.at(&format!("{}/{}", &c[2], &c[1]), None, None);
            }
            self.finding = Some((with_hint(finding, message), line.number, line.number));
            self.lines = 0;
            return Response::Consumed(Next::Active);
        }
        let Some((finding, _, last)) = &mut self.finding else { return Response::Declined(Next::Idle) };
        if text.starts_with(['\t', ' ']) && self.lines < 20 {
            self.lines += 1;
            *last = line.number;
            finding.message.push('\n');
            finding.message.push_str(text.trim());
            finding.category =
                if finding.location.is_some() { finding.category } else { category(&finding.message) };
            let message = finding.message.clone();
            *finding = with_hint(finding.clone(), &message);
            return Response::Consumed(Next::Active);
        }
        self.flush(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}

impl Modules {
    fn flush(&mut self, out: &mut Findings) {
        if let Some((finding, first, last)) = self.finding.take()
            // A package's name alone heads the chain of its imports, or nothing.
            && !re!(r"^package \S+$").is_match(&finding.message)
        {
            out.bug(finding.span(first, last));
        }
    }
}

/// The message of a line that is an error; most `go: ` lines tell of progress.
fn error(text: &str) -> Option<&str> {
    let Some(message) = text.strip_prefix("go: ") else {
        return re!(r"^(?:found packages |package \S+(?: is not in|: build constraints exclude|$)|no required module provides|no Go files in|verifying \S+: |pattern \S+: |missing go\.sum|build .*: (?:cannot|no))")
            .is_match(text)
            .then_some(text);
    };
    if re!(r"^(?:downloading \S+ \S+$|downloading go|finding module|finding \S+ \S+$|extracting|added |upgraded |downgraded |removed |creating new|to add module|copying |found \S+ in \S+ \S+$|warning|no module dependencies|unzipping|trying |switching |updating |setting )").is_match(message) {
        return None;
    }
    Some(message)
}

fn category(message: &str) -> Category {
    if re!(r"(?i)dial tcp|no such host|connection (?:refused|reset)|i/o timeout|TLS handshake|50[0-9] |429 |proxyconnect|could not read Username|terminal prompts disabled|Permission denied|no space left").is_match(message) {
        Category::Environment
    } else if re!(
        r"toolchain not available|requires go >=|running go|go\.mod requires|^(?:package |found packages |no Go files|pattern |cannot find main module|go\.mod file not found|errors parsing|unknown|flag |build )"
    )
    .is_match(message)
    {
        Category::Configuration
    } else {
        Category::Dependency
    }
}

/// The command that Go itself names, and what it says of a missing entry.
pub(super) fn with_hint(mut finding: FindingBuilder, message: &str) -> FindingBuilder {
    let command = re!(r"(?:^|\s|; )(go (?:mod tidy|mod download [^\s]+|mod download|get [\w./@-]+|mod vendor|work sync))(?:\s|$)").captures(message);
    if let Some(c) = command {
        let run = c[1].to_owned();
        finding.hint = None;
        // Which package, and whether to trust it, is for people to say.
        if let Some(name) = run.strip_prefix("go get ") {
            let missing = Suggestion::AddDependency { name: name.to_owned() };
            return finding.suggest(&run, Applicability::MaybeIncorrect, missing);
        }
        return finding.suggest(&run.clone(), Applicability::MachineApplicable, Suggestion::Command { run });
    }
    if message.contains("missing go.sum entry") || message.contains("updates to go.mod needed") {
        return finding.suggest(
            message,
            Applicability::MachineApplicable,
            Suggestion::Command { run: "go mod tidy".to_owned() },
        );
    }
    finding
}
