//! Failures that no change of the code should fix: memory, disk, network, registries, permissions, secrets.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

/// Bytes of a line that is read for a message.
const MAX_LINE: usize = 2_000;

pub(super) const TOOL: Tool = Tool {
    name: "environment",
    triggers: &[
        r"^.*(?:No space left on device|ENOSPC)",
        r"^.*(?:(?:JavaScript heap out of|Cannot allocate) memory|java\.lang\.OutOfMemoryError|OOMKilled)",
        r"^.*(?:(?:Could not resolve|no such) host|Temporary failure in name resolution|getaddrinfo (?:EAI_AGAIN|ENOTFOUND))",
        r"^.*(?:ETIMEDOUT|ECONN(?:RESET|REFUSED)|Connection (?:refused|timed out|reset by peer)|(?:i/o|TLS handshake) timeout)",
        r"^.*(?:toomanyrequests|API rate limit exceeded|429 Too Many Requests|503 Service Unavailable|502 Bad Gateway)",
        r"^.*(?:Input required and not supplied|Bad credentials|could not read Username|Authentication failed for|unauthorized: authentication|denied: requested access)",
        r"^(?:E: (?:Failed to fetch|Unable to locate package|Could not get lock|Unable to fetch)|curl: \([0-9]+\)|wget: unable)",
        r"^.*Permission denied \(publickey",
        r"^(?:.*: line [0-9]+: +[0-9]+ )?Killed\b",
        r"^.*signal: (?:9, SIGKILL|killed)",
    ],
    new: |_| Box::new(Environment),
};

struct Environment;

impl ToolParser for Environment {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim();
        // Data on one line, which may hold any words.
        if text.len() > MAX_LINE {
            return Response::Declined(Next::Finished);
        }
        // Retried, announced, or what a passing test prints.
        if re!(r"(?i)\b(?:retry|retrying|warn|warning|npm warn|attempt|will try)\b|^\s*(?:ok|✓|✔|PASS)\b")
            .is_match(text)
        {
            return Response::Declined(Next::Finished);
        }
        out.failed();
        let finding = FindingBuilder::new("environment", Category::Environment, text);
        // Nothing but itself explains these; refused connections may be a test's own doing.
        let sure = re!(r"No space left|ENOSPC|out of memory|OutOfMemory|Cannot allocate|OOMKilled|^E: |toomanyrequests|rate limit|Input required|Bad credentials|could not read Username|Permission denied \(publickey").is_match(text);
        out.bug(if sure { finding } else { finding.fallback() });
        Response::Consumed(Next::Finished)
    }
}
