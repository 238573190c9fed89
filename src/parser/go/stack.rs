//! Goroutine stacks: panics, fatal errors, data races.

use super::super::findings::{FindingBuilder, location, number};
use super::super::re;
use crate::contract::bug::{Category, Location};

const MAX_FRAMES: usize = 200;
const MAX_LINES: usize = 2_000;

/// A crash being read.
#[derive(Debug, Default, Clone)]
pub(super) struct Stack {
    pub(super) message: String,
    pub(super) category: Option<Category>,
    /// A test that the stack or the message names.
    pub(super) test: Option<String>,
    frames: Vec<Location>,
    /// Where Go's own sources lie, once a frame shows it.
    goroot: Option<String>,
    in_stack: bool,
    race: bool,
    function: String,
    lines: usize,
}

impl Stack {
    pub(super) fn start(text: &str) -> Option<Self> {
        if text == "WARNING: DATA RACE" {
            let message = "data race".to_owned();
            return Some(Self { message, race: true, in_stack: true, ..Self::default() });
        }
        let c = re!(r"^(panic|fatal error): (.*)$").captures(text)?;
        let message = if &c[1] == "panic" { c[2].to_owned() } else { text.to_owned() };
        let category = message.starts_with("test timed out").then_some(Category::Timeout);
        Some(Self { message, category, ..Self::default() })
    }

    /// Whether the line belongs to it.
    pub(super) fn line(&mut self, text: &str) -> bool {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return false;
        }
        if self.race && text.starts_with("==================") {
            self.race = false;
            self.in_stack = false;
            self.lines = MAX_LINES;
            return true;
        }
        if let Some(c) = re!(r"^\s+(\S.*?\.(?:go|s)):(\d+)(?: \+0x[0-9a-f]+)?$").captures(text) {
            self.in_stack = true;
            self.frame(&c[1], number(&c[2]));
            return true;
        }
        if re!(r"^goroutine \d+ \[").is_match(text) {
            self.in_stack = true;
            return true;
        }
        if !self.in_stack {
            // Message over several lines, the signal, re-panics, the tests running at a timeout.
            if let Some(c) = re!(r"^\s+((?:Test|Fuzz|Benchmark|Example)\S*) \(").captures(text)
                && self.category == Some(Category::Timeout)
            {
                self.test.get_or_insert_with(|| c[1].to_owned());
                return true;
            }
            if text.is_empty()
                || text == "running tests:"
                || text.starts_with("[signal ")
                || text.starts_with("[recovered")
            {
                return true;
            }
            if text.starts_with("\tpanic: ") {
                return true;
            }
            if re!(r"^(?:FAIL|ok |--- |=== |exit status)").is_match(text) {
                return false;
            }
            if self.message.lines().count() < 30 {
                self.message.push('\n');
                self.message.push_str(text);
            }
            return true;
        }
        if let Some(c) = re!(r"^\s*(?:created by )?([\w./*()\[\]{}·$%-]+?)(?:\(.*\))?(?: in goroutine \d+)?$")
            .captures(text)
            && (text.contains('.') || text.starts_with("panic("))
            && !re!(r"^(?:FAIL|ok |exit status|PASS)").is_match(text)
        {
            self.function = c[1].to_owned();
            if self.test.is_none()
                && let Some(name) = re!(r"\.((?:Test|Fuzz|Benchmark)\w+)(?:\.|$)").captures(&self.function)
                && !self.function.starts_with("testing.")
            {
                self.test = Some(name[1].to_owned());
            }
            return true;
        }
        text.is_empty()
            || re!(r"^(?:Previous |Write at |Read at |Goroutine \d|\[failed to restore|Found |\.\.\.|\s+main\.|rax|rbx|r\d|rip|eflags)").is_match(text)
    }

    fn frame(&mut self, file: &str, line: Option<u32>) {
        let standard = re!(r"^(?:testing|runtime|panic|reflect|sync|internal/)").is_match(&self.function);
        if standard
            && self.goroot.is_none()
            && let Some(at) = file.find("/src/testing/").or_else(|| file.find("/src/runtime/"))
        {
            self.goroot = Some(file[..at + 5].to_owned());
        }
        if self.frames.len() < MAX_FRAMES && !standard {
            self.frames.push(location(file, line, None));
        }
    }

    /// Other languages say `panic:` too; a goroutine's stack makes it Go's.
    pub(super) fn is_go(&self) -> bool {
        self.in_stack || self.category.is_some() || !self.frames.is_empty()
    }

    pub(super) fn frames(&self) -> Vec<Location> {
        let ours = |f: &&Location| self.goroot.as_ref().is_none_or(|root| !f.file.starts_with(root.as_str()));
        self.frames.iter().filter(ours).cloned().collect()
    }

    pub(super) fn into_finding(self, tool: &'static str) -> FindingBuilder {
        let frames = self.frames();
        let mut finding = FindingBuilder::new(tool, self.category.unwrap_or(Category::Runtime), self.message);
        finding.frames = frames;
        finding.test = self.test;
        finding
    }
}
