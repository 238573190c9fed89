//! Reads YAML as GitHub does, into a tree that knows the line of everything.
//!
//! GitHub's rules, as against a general reader's: one document; core-schema scalars (so `3.10` is the number 3.1);
//! anchors and aliases, but no merge keys; a key given twice is an error; only the core tags. Size, depth and the
//! expansion of aliases are bounded, so that no file can take more than a moment or a few megabytes.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::PlanError;

/// Larger files are refused unread.
pub(super) const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 100;
/// Nodes after aliases are expanded.
const MAX_NODES: usize = 200_000;

/// Bytes read again at most for the sake of indentation.
const MAX_REPAIR_WORK: usize = 8 << 20;

/// A value and the line it starts on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// From 1.
    pub(super) line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number {
        value: f64,
        /// As written, to warn where the number is not what was meant (`3.10`).
        raw: String,
    },
    String {
        text: String,
        /// A `|` or `>` block, whose text starts on the line after.
        block: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: u32,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[(Key, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// What it is, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number { .. } => "a number",
            Kind::String { .. } => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Self::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, v)| 1 + v.size()).sum(),
            _ => 0,
        }
    }
}

/// A list or mapping that is still being read.
struct Open {
    anchor: usize,
    line: u32,
    kind: Kind,
    key: Option<Key>,
    seen: HashSet<String>,
}

/// Reads one document.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Node, PlanError> {
    let fail =
        |line: Option<u32>, problem: String| PlanError::Invalid { file: file.to_owned(), line, problem };
    if bytes.len() > MAX_BYTES {
        let newlines = bytes[..MAX_BYTES].iter().filter(|&&b| b == b'\n').count();
        return Err(fail(
            u32::try_from(newlines + 1).ok(),
            format!("is larger than {} KiB, which no workflow needs to be", MAX_BYTES / 1024),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        fail(u32::try_from(line).ok(), "is not UTF-8 text".to_owned())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read_leniently(text).map_err(|(line, problem)| fail(line, problem))
}

/// GitHub's reader does not mind how the lines of a `[ … ]`, `{ … }` or quoted text are indented; ours is strict, so a
/// line it stumbles over there is moved to the right, which changes nothing else.
fn read_leniently(text: &str) -> Result<Node, Fault> {
    let mut text = Cow::Borrowed(text);
    let mut moved: BTreeSet<usize> = BTreeSet::new();
    let tries = (MAX_REPAIR_WORK / text.len().max(1)).min(500);
    loop {
        let reader =
            Reader { stack: Vec::new(), anchors: HashMap::new(), nodes: 0, documents: 0, root: None };
        let (line, problem) = match reader.read(&text) {
            Err((Some(line), problem)) if problem.starts_with("YAML: invalid indentation") => (line, problem),
            result => return result,
        };
        // For a quoted text the line where it starts is named, not the one that is out of place.
        let first = line as usize + usize::from(problem.contains("quoted"));
        let target = (first..first + 200).find(|n| !moved.contains(n));
        let start = target.and_then(|n| line_start(&text, n));
        let (Some(target), Some(start)) = (target, start) else { return Err((Some(line), problem)) };
        if moved.len() >= tries || (target != first && !problem.contains("quoted")) {
            return Err((Some(line), problem));
        }
        moved.insert(target);
        text.to_mut().insert_str(start, &" ".repeat(MAX_DEPTH));
    }
}

/// Where a line (from 1) starts.
fn line_start(text: &str, line: usize) -> Option<usize> {
    if line <= 1 {
        return Some(0);
    }
    text.match_indices('\n').nth(line - 2).map(|(at, _)| at + 1)
}

type Fault = (Option<u32>, String);

struct Reader {
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl Reader {
    fn read(mut self, text: &str) -> Result<Node, Fault> {
        for event in Parser::new_from_str(text) {
            let (event, span) =
                event.map_err(|e| (u32::try_from(e.marker().line()).ok(), format!("YAML: {}", e.info())))?;
            let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
            self.event(event, line)?;
        }
        Ok(self.root.unwrap_or(Node { kind: Kind::Null, line: 1 }))
    }

    fn event(&mut self, event: Event<'_>, line: u32) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((
                        Some(line),
                        "a second YAML document starts here; GitHub reads one per file".into(),
                    ));
                }
                Ok(())
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err((
                        Some(line),
                        "this alias stands for something that contains it, or is not defined".into(),
                    ));
                };
                let size = node.size();
                if self.nodes + size > MAX_NODES {
                    return Err((Some(line), format!("aliases expand to more than {MAX_NODES} values")));
                }
                let node = Node { line, ..node.clone() };
                self.nodes += size - 1;
                self.place(node, 0)
            }
            Event::Scalar(value, style, anchor, tag) => {
                let kind = scalar(&value, style, tag.as_deref()).map_err(|e| (Some(line), e))?;
                self.place(Node { kind, line }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, line, Kind::List(Vec::new()), tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                self.open(anchor, line, Kind::Map(Vec::new()), tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                self.place(Node { kind: open.kind, line: open.line }, open.anchor)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, line: u32, kind: Kind, tag: Option<&Tag>) -> Result<(), Fault> {
        if let Some(tag) = tag {
            return Err((Some(line), format!("the tag `{}` is not allowed here", tag_text(tag))));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err((Some(line), format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        if let Some(Open { kind: Kind::Map(_), key: None, .. }) = self.stack.last() {
            return Err((Some(line), "a list or mapping cannot be a key".into()));
        }
        self.stack.push(Open { anchor, line, kind, key: None, seen: HashSet::new() });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err((Some(node.line), format!("has more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let line = node.line;
                    let Some(text) = key_text(&node) else {
                        return Err((Some(line), "a list or mapping cannot be a key".into()));
                    };
                    if !parent.seen.insert(text.clone()) {
                        let first = entries.iter().find(|(k, _)| k.text == text).map_or(0, |(k, _)| k.line);
                        return Err((Some(line), format!("`{text}` is already defined on line {first}")));
                    }
                    parent.key = Some(Key { text, line });
                }
            },
            _ => {}
        }
        Ok(())
    }
}

fn key_text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::String { text, .. } => Some(text.clone()),
        Kind::Number { raw, .. } => Some(raw.clone()),
        Kind::Bool(b) => Some(b.to_string()),
        Kind::Null => Some(String::new()),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

fn tag_text(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix).replace("tag:yaml.org,2002:", "!!")
}

fn scalar(value: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let string = || Kind::String { text: value.to_owned(), block };
    if let Some(tag) = tag {
        let plain = plain(value);
        return match (tag_text(tag).as_str(), plain) {
            ("!!str" | "!", _) => Ok(string()),
            ("!!null", kind @ Kind::Null)
            | ("!!bool", kind @ Kind::Bool(_))
            | ("!!int" | "!!float", kind @ Kind::Number { .. }) => Ok(kind),
            (other, _) => {
                Err(format!("the tag `{other}` is not allowed here; quote a value that starts with `!`"))
            }
        };
    }
    Ok(if style == ScalarStyle::Plain { plain(value) } else { string() })
}

/// YAML 1.2's core schema.
fn plain(value: &str) -> Kind {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    match number(value) {
        Some(n) => Kind::Number { value: n, raw: value.to_owned() },
        None => Kind::String { text: value.to_owned(), block: false },
    }
}

fn number(value: &str) -> Option<f64> {
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    let sign = if value.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        _ if matches!(value, ".nan" | ".NaN" | ".NAN") => return Some(f64::NAN),
        _ => {}
    }
    let radix = |digits: &str, radix: u32| {
        let clean = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        #[expect(clippy::cast_precision_loss, reason = "numbers of workflows are doubles")]
        clean.then(|| u64::from_str_radix(digits, radix).ok().map(|n| n as f64)).flatten()
    };
    if let Some(hex) = value.strip_prefix("0x") {
        return radix(hex, 16);
    }
    if let Some(octal) = value.strip_prefix("0o") {
        return radix(octal, 8);
    }
    let starts = unsigned.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'.');
    let allowed =
        unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !starts || !allowed || !unsigned.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    value.parse::<f64>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        parse("w.yml", text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let node = read("a: 3.10\nb: '3.10'\nc: yes\nd: on\ne: True\nf: ~\ng: 0x10\nh: 1e3\ni: 1.2.3\nj: 2024-01-01\nk: -1\nl: .5")
            .unwrap();
        let number = |key| match node.get(key).map(|n| &n.kind) {
            Some(Kind::Number { value, .. }) => *value,
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(number("a"), 3.1);
        assert_eq!(number("g"), 16.0);
        assert_eq!(number("h"), 1000.0);
        assert_eq!(number("k"), -1.0);
        assert_eq!(number("l"), 0.5);
        for (key, text) in [("b", "3.10"), ("c", "yes"), ("d", "on"), ("i", "1.2.3"), ("j", "2024-01-01")] {
            assert_eq!(node.get(key).and_then(Node::as_str), Some(text), "{key}");
        }
        assert_eq!(node.get("e").map(|n| &n.kind), Some(&Kind::Bool(true)));
        assert!(node.get("f").is_some_and(Node::is_null));
    }

    #[test]
    fn anchors_are_expanded_and_merge_keys_are_not() {
        let node = read("a: &x {k: v}\nb: *x\nc:\n  <<: *x\n").unwrap();
        assert_eq!(node.get("b").and_then(|b| b.get("k")).and_then(Node::as_str), Some("v"));
        assert!(node.get("c").is_some_and(|c| c.get("<<").is_some() && c.get("k").is_none()));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, want) in [
            ("a: 1\nb: 2\na: 3\n", "line 3: `a` is already defined on line 1"),
            ("a: 1\n---\nb: 1\n", "line 2: a second YAML document"),
            ("a: !foo\n", "line 1: the tag `!foo` is not allowed"),
            ("a: [1, 2\n", "YAML:"),
            ("a: *nope\n", "line 1: "),
            ("? [a]\n: 1\n", "cannot be a key"),
            ("a: &a [*a]\n", "line 1: "),
            ("a:\n\t- b\n", "line 2: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(want), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn flow_and_quotes_may_be_indented_in_any_way() {
        let node = read("a:\n  b: [\n  x,\ny\n  ]\n  c: {\n  d: 1\n  }\n  e: \"one\n two\nthree\"\n  f: 1\n")
            .unwrap();
        let a = node.get("a").unwrap();
        assert!(matches!(&a.get("b").unwrap().kind, Kind::List(items) if items.len() == 2));
        assert_eq!(a.get("e").and_then(Node::as_str), Some("one two three"));
        assert_eq!(a.get("f").unwrap().line, 12);
    }

    #[test]
    fn bombs_and_depth_are_refused() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..12 {
            let refs = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        assert!(read(&bomb).unwrap_err().contains("aliases expand"));
        for (open, close) in [("[", "]"), ("{a: ", "}")] {
            let deep = format!("a: {}x{}", open.repeat(5000), close.repeat(5000));
            assert!(read(&deep).is_err());
        }
        assert!(read(&"- ".repeat(20_000)).is_err());
        assert!(parse("w.yml", &vec![b'a'; MAX_BYTES + 1]).is_err());
        assert!(parse("w.yml", b"a: \xff\n").unwrap_err().to_string().contains("line 1"));
    }
}
