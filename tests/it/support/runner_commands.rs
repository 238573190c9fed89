//! What the runner makes of a step's output and files: workflow commands in both forms, masks, annotations with their
//! limits, `stop-commands`, and the `GITHUB_OUTPUT` grammar.

use std::collections::BTreeMap;

/// One command that the runner carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) data: String,
}

const REGISTERED: &[&str] = &[
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "add-path",
    "set-env",
    "debug",
    "echo",
    "error",
    "warning",
    "notice",
    "group",
    "endgroup",
    "save-state",
    "set-output",
    "stop-commands",
];

/// Annotations of one level that a step keeps.
const ANNOTATIONS: usize = 10;
const MESSAGE_CHARS: usize = 4096;

/// The log of one step, read line by line from both streams.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    /// As people see it: masked, without the commands that were carried out.
    pub(crate) shown: Vec<String>,
    pub(crate) commands: Vec<Command>,
    /// Those that GitHub keeps.
    pub(crate) annotations: Vec<Command>,
    /// What the runner complained about.
    pub(crate) errors: Vec<String>,
    /// Every line but the masks themselves, as it came.
    pub(crate) raw: String,
    masks: Vec<String>,
    /// The token that switches commands on again.
    stopped: Option<String>,
}

impl StepLog {
    /// The runner's readers end a line at `\n`, at `\r` and at both together.
    pub(crate) fn read(&mut self, chunk: &str) {
        for line in chunk.split(['\n', '\r']) {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        if !line.trim_start().starts_with("::add-mask::") {
            self.raw.push_str(line);
            self.raw.push('\n');
        }
        let Some(command) = parse(line, self.stopped.as_deref()) else {
            if !line.is_empty() {
                self.show(line);
            }
            return;
        };
        if let Some(token) = &self.stopped {
            if command.name.eq_ignore_ascii_case(token) {
                self.stopped = None;
            }
            self.show(line);
            return;
        }
        match command.name.as_str() {
            "add-mask" if command.data.trim().is_empty() => {
                self.errors.push("can't add secret mask for empty string".to_owned());
            }
            "add-mask" => {
                self.masks.push(command.data.clone());
                self.masks.extend(command.data.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned));
                self.masks.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
            }
            "set-env" | "add-path" => self.errors.push(format!("the `{}` command is disabled", command.name)),
            "stop-commands" => {
                let token = command.data.clone();
                if token.is_empty() || REGISTERED.contains(&token.to_lowercase().as_str()) {
                    self.errors.push(format!("invalid stop token {token:?}"));
                } else {
                    self.stopped = Some(token);
                }
            }
            "error" | "warning" | "notice" => {
                let same = self.annotations.iter().filter(|a| a.name == command.name).count();
                if same < ANNOTATIONS {
                    let mut kept = command.clone();
                    kept.data = self.mask(&kept.data).chars().take(MESSAGE_CHARS).collect();
                    self.annotations.push(kept);
                }
                self.show(&format!("##[{}]{}", command.name, command.data));
            }
            "group" | "endgroup" | "debug" => self.show(&format!("##[{}]{}", command.name, command.data)),
            _ => {}
        }
        self.commands.push(command);
    }

    fn show(&mut self, line: &str) {
        let line = self.mask(line);
        self.shown.push(line);
    }

    fn mask(&self, text: &str) -> String {
        self.masks.iter().fold(text.to_owned(), |text, mask| text.replace(mask.as_str(), "***"))
    }

    /// The commands of one name, in order.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Command> {
        self.commands.iter().filter(move |command| command.name == name)
    }

    /// Whether commands are switched off at the end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }
}

/// A command in either form. Unregistered names are text; while stopped, the token is a name too.
fn parse(line: &str, token: Option<&str>) -> Option<Command> {
    parse_current(line, token).or_else(|| parse_legacy(line, token))
}

fn is_name(name: &str, token: Option<&str>) -> bool {
    REGISTERED.contains(&name.to_lowercase().as_str()) || token.is_some_and(|t| t.eq_ignore_ascii_case(name))
}

/// `::name key=value,key=value::data`, at the start of a line after blanks.
fn parse_current(line: &str, token: Option<&str>) -> Option<Command> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, data) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !is_name(name, token) {
        return None;
    }
    let unescape = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let property = |text: &str| unescape(&text.replace("%3A", ":").replace("%2C", ","));
    Some(Command {
        name: name.to_lowercase(),
        properties: pairs(properties, ',', property),
        data: unescape(data),
    })
}

/// `##[name key=value;key=value]data`, anywhere in a line.
fn parse_legacy(line: &str, token: Option<&str>) -> Option<Command> {
    let rest = &line[line.find("##[")? + 3..];
    let (head, data) = rest.split_once(']')?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !is_name(name, token) {
        return None;
    }
    let unescape =
        |text: &str| text.replace("%3B", ";").replace("%0D", "\r").replace("%0A", "\n").replace("%5D", "]");
    Some(Command {
        name: name.to_lowercase(),
        properties: pairs(properties, ';', unescape),
        data: unescape(data),
    })
}

fn pairs(text: &str, separator: char, unescape: impl Fn(&str) -> String) -> BTreeMap<String, String> {
    text.split(separator)
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.trim().to_owned(), unescape(value)))
        .collect()
}

/// Reads a `GITHUB_OUTPUT`, `GITHUB_ENV` or `GITHUB_STATE` file.
pub(crate) fn parse_pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        match (equals, heredoc) {
            (Some(equals), heredoc) if heredoc.is_none_or(|at| equals < at) => {
                let (key, value) = (&line[..equals], &line[equals + 1..]);
                if key.is_empty() {
                    return Err(format!("Invalid format '{line}'"));
                }
                pairs.insert(key.to_owned(), value.to_owned());
            }
            (_, Some(at)) => {
                let (key, delimiter) = (&line[..at], &line[at + 2..]);
                if key.is_empty() || delimiter.is_empty() {
                    return Err(format!("Invalid format '{line}'"));
                }
                let mut value = Vec::new();
                loop {
                    if rest.is_empty() {
                        return Err(format!("Matching delimiter not found '{delimiter}'"));
                    }
                    let (line, after) =
                        rest.split_once('\n').ok_or_else(|| "EOF marker missing new line".to_owned())?;
                    rest = after;
                    if line == delimiter {
                        break;
                    }
                    value.push(line);
                }
                pairs.insert(key.to_owned(), value.join("\n"));
            }
            _ => return Err(format!("Invalid format '{line}'")),
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> StepLog {
        let mut log = StepLog::default();
        text.split_inclusive('\n').for_each(|line| log.read(line));
        log
    }

    #[test]
    fn commands_are_read_in_both_forms() {
        let log = read("  ::error file=a%3Ab.py,line=3::one%0Atwo\nsee ##[warning]here\n::unknown::x\n");
        assert_eq!(log.commands.len(), 2);
        assert_eq!(log.commands[0].properties["file"], "a:b.py");
        assert_eq!(log.commands[0].data, "one\ntwo");
        assert_eq!(log.commands[1].name, "warning");
        assert!(log.shown.contains(&"::unknown::x".to_owned()));
    }

    #[test]
    fn stopped_commands_stay_text_until_the_token() {
        let log = read(
            "::stop-commands::t0ken\n::error::no\n##[error]no\nx\r::set-env name=A::b\n::t0ken::\n::notice::yes\n",
        );
        assert_eq!(
            log.commands.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["stop-commands", "notice"]
        );
        assert!(!log.is_stopped());
    }

    #[test]
    fn masks_hide_what_follows_and_limits_hold() {
        let mut text = String::from("::add-mask::s3cret\nthe s3cret\n::set-env name=A::b\n");
        text.push_str(&"::error::e\n".repeat(12));
        let log = read(&text);
        assert!(log.shown.contains(&"the ***".to_owned()));
        assert_eq!(log.annotations.len(), 10);
        assert_eq!(log.errors, ["the `set-env` command is disabled"]);
    }

    #[test]
    fn file_commands_follow_the_grammar() {
        let pairs = parse_pairs("\na=1=2\nb<<E\nx\ny=z\nE\n").unwrap();
        assert_eq!(pairs["a"], "1=2");
        assert_eq!(pairs["b"], "x\ny=z");
        assert!(parse_pairs("nothing\n").unwrap_err().starts_with("Invalid format"));
        assert!(parse_pairs("b<<E\nx\n").unwrap_err().starts_with("Matching delimiter"));
        assert!(parse_pairs("b<<E\nx\nE").unwrap_err().starts_with("EOF marker"));
    }
}
