//! The parts of a workflow that no plan is made of, or only much later, validated as GitHub does: a
//! file that GitHub refuses is refused here, with the line, before anything is decided.

use super::PlanError;
use super::expr;
use super::workflow::{Reader, is_identifier, plain_text};
use super::yaml::{Kind, Node};

const CONTAINER_KEYS: &[&str] = &["image", "credentials", "env", "ports", "volumes", "options"];
const SERVICE_KEYS: &[&str] =
    &["image", "credentials", "env", "ports", "volumes", "options", "command", "entrypoint"];
const STRATEGY_KEYS: &[&str] = &["matrix", "fail-fast", "max-parallel"];

/// One expression alone, which may come to anything.
fn is_open(node: &Node) -> bool {
    node.as_str().is_some_and(|text| expr::whole_expression(text).is_some())
}

fn holds_expression(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${{"))
}

impl Reader<'_> {
    /// What stands at the top of a workflow.
    pub(super) fn validate_workflow(&mut self, root: &Node) -> Result<(), PlanError> {
        let checked = self.workflow_keys(root);
        self.unless_run(checked)
    }

    /// What a job says beside its steps.
    pub(super) fn validate_job(&mut self, job: &Node) -> Result<(), PlanError> {
        for check in [Self::settings, Self::strategy, Self::runner_and_containers] {
            let checked = check(self, job);
            self.unless_run(checked)?;
        }
        Ok(())
    }

    fn workflow_keys(&mut self, root: &Node) -> Result<(), PlanError> {
        self.scalar(root.get("name"), "`name`")?;
        self.scalar(root.get("run-name"), "`run-name`")?;
        self.permissions(root.get("permissions"))?;
        self.concurrency(root.get("concurrency"))
    }

    fn settings(&mut self, job: &Node) -> Result<(), PlanError> {
        self.permissions(job.get("permissions"))?;
        self.concurrency(job.get("concurrency"))?;
        self.optional_map(job.get("outputs"), "`outputs`")?;
        self.flag(job.get("continue-on-error"), "`continue-on-error`")?;
        self.number(job.get("timeout-minutes"), "`timeout-minutes`")
    }

    fn strategy(&mut self, job: &Node) -> Result<(), PlanError> {
        let Some(strategy) = job.get("strategy").filter(|n| matches!(n.kind, Kind::Map(_))) else {
            return Ok(());
        };
        self.known_keys(strategy, "`strategy`", STRATEGY_KEYS)?;
        self.flag(strategy.get("fail-fast"), "`fail-fast`")?;
        self.number(strategy.get("max-parallel"), "`max-parallel`")
    }

    /// Runner, container and services.
    fn runner_and_containers(&mut self, job: &Node) -> Result<(), PlanError> {
        if let Some(runs_on) = job.get("runs-on") {
            self.runs_on(runs_on)?;
        }
        if let Some(container) = job.get("container").filter(|n| !n.is_null()) {
            self.container(container, "`container`", CONTAINER_KEYS)?;
        }
        for (name, service) in job.get("services").map_or(&[][..], Node::entries) {
            let what = format!("the service `{}`", name.text);
            if !is_identifier(&name.text) {
                return Err(self.fault(name.line, format!("{what} must have a name that starts with a letter or `_` and holds only letters, digits, `-` and `_`")));
            }
            if service.is_null() {
                return Err(self.fault(name.line, format!("{what} has no `image`")));
            }
            self.container(service, &what, SERVICE_KEYS)?;
        }
        Ok(())
    }

    /// `true`, `false`, or an expression that says so.
    pub(super) fn flag(&self, node: Option<&Node>, what: &str) -> Result<(), PlanError> {
        match self.scalar(node, what)? {
            Some(node) if !matches!(node.kind, Kind::Bool(_)) && !is_open(&node) => {
                Err(self.fault(node.line, format!("{what} must be true or false, or one expression")))
            }
            _ => Ok(()),
        }
    }

    fn number(&self, node: Option<&Node>, what: &str) -> Result<(), PlanError> {
        let Some(node) = self.scalar(node, what)? else { return Ok(()) };
        let positive = match &node.kind {
            Kind::Number { value, .. } => value.is_finite() && *value > 0.0,
            _ => is_open(&node),
        };
        if positive {
            return Ok(());
        }
        Err(self.fault(node.line, format!("{what} must be a positive number, or one expression")))
    }

    fn runs_on(&mut self, node: &Node) -> Result<(), PlanError> {
        match &node.kind {
            Kind::Map(_) => {
                self.known_keys(node, "`runs-on`", &["group", "labels"])?;
                self.scalar(node.get("group"), "`runs-on.group`")?;
                self.strings(node.get("labels"), "`runs-on.labels`").map(drop)
            }
            Kind::List(items) if items.is_empty() => Err(self.fault(node.line, "`runs-on` names no runner")),
            _ => self.strings(Some(node), "`runs-on`").map(drop),
        }
    }

    fn container(&mut self, node: &Node, what: &str, known: &[&str]) -> Result<(), PlanError> {
        if !matches!(node.kind, Kind::Map(_)) {
            return match &node.kind {
                Kind::String { .. } => Ok(()),
                _ => Err(self.fault(
                    node.line,
                    format!("{what} must be an image or a mapping with one, not {}", node.describe()),
                )),
            };
        }
        self.known_keys(node, what, known)?;
        if self.scalar(node.get("image"), &format!("the `image` of {what}"))?.is_none() {
            return Err(self.fault(node.line, format!("{what} has no `image`")));
        }
        self.scalar(node.get("options"), &format!("the `options` of {what}"))?;
        self.optional_map(node.get("env"), &format!("the `env` of {what}"))?;
        self.optional_map(node.get("credentials"), &format!("the `credentials` of {what}"))?;
        for key in ["ports", "volumes"] {
            let Some(list) = node.get(key).filter(|n| !n.is_null() && !is_open(n)) else { continue };
            let Kind::List(items) = &list.kind else {
                return Err(self.fault(
                    list.line,
                    format!("the `{key}` of {what} must be a list, not {}", list.describe()),
                ));
            };
            for item in items {
                let text = plain_text(item).filter(|_| !item.is_null());
                let right = match &text {
                    Some(_) if holds_expression(item) => true,
                    Some(text) => key != "ports" || is_port(text),
                    None => false,
                };
                if !right {
                    let shown = text.map_or_else(|| item.describe().to_owned(), |t| format!("`{t}`"));
                    let kind = if key == "ports" { "a port" } else { "a volume" };
                    return Err(
                        self.fault(item.line, format!("{shown} in the `{key}` of {what} is not {kind}"))
                    );
                }
            }
        }
        Ok(())
    }

    fn permissions(&mut self, node: Option<&Node>) -> Result<(), PlanError> {
        let Some(node) = node.filter(|n| !n.is_null()) else { return Ok(()) };
        let problem = match &node.kind {
            Kind::String { text, .. } if matches!(text.as_str(), "read-all" | "write-all") => return Ok(()),
            Kind::Map(entries) => {
                let wrong = entries
                    .iter()
                    .find(|(_, level)| !matches!(level.as_str(), Some("read" | "write" | "none")));
                match wrong {
                    None => return Ok(()),
                    Some((key, _)) => {
                        format!("the permission `{}` must be `read`, `write` or `none`", key.text)
                    }
                }
            }
            _ => "`permissions` must be `read-all`, `write-all` or a mapping".to_owned(),
        };
        Err(self.fault(node.line, problem))
    }

    fn concurrency(&mut self, node: Option<&Node>) -> Result<(), PlanError> {
        let Some(node) = node.filter(|n| !n.is_null()) else { return Ok(()) };
        match &node.kind {
            Kind::Map(_) => {
                self.known_keys(node, "`concurrency`", &["group", "cancel-in-progress", "queue"])?;
                if self.scalar(node.get("group"), "`concurrency.group`")?.is_none() {
                    return Err(self.fault(node.line, "`concurrency` has no `group`"));
                }
                self.flag(node.get("cancel-in-progress"), "`cancel-in-progress`")
            }
            _ => self.scalar(Some(node), "`concurrency`").map(drop),
        }
    }
}

/// `[[host address:]host port:]port[/protocol]`, each port a number or a range of numbers.
fn is_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = |part: &str| part.trim().parse::<u16>().is_ok();
    let ports_of = |part: &str| part.split('-').count() <= 2 && part.split('-').all(number);
    let mut parts = ports.rsplitn(3, ':');
    let inside = parts.next().is_some_and(ports_of);
    // An address before the host's port may leave that port open: `127.0.0.1::80`.
    let outside = parts.next();
    let address = parts.next();
    let outside = outside.is_none_or(|part| ports_of(part) || (part.is_empty() && address.is_some()));
    matches!(protocol, "tcp" | "udp" | "sctp") && inside && outside
}

#[cfg(test)]
mod tests {
    use super::is_port;

    #[test]
    fn ports_as_docker_reads_them() {
        for right in
            ["80", "8080:80", "80/tcp", "53:53/udp", "127.0.0.1:80:80", "127.0.0.1::80", "80-90:80-90"]
        {
            assert!(is_port(right), "{right}");
        }
        for wrong in ["", "abc", "99999:1", "1:99999", "80/xyz", ":80", "1:2:3:", "a-b"] {
            assert!(!is_port(wrong), "{wrong}");
        }
    }
}
