//! JaCoCo: the agent's `*.exec` tells the classes of which some code ran; a report made of it tells methods and lines.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::in_runs;
use super::{Collected, Places};

/// What begins a file: a block of this kind, its magic number and the format's version.
const HEADER: [u8; 5] = [0x01, 0xC0, 0xC0, 0x10, 0x07];
const SESSION: u8 = 0x10;
const CLASS: u8 = 0x11;
/// Classes of one file that are read.
const MOST_CLASSES: usize = 20_000;

/// Whether it names any of the repository's.
pub(super) fn execution(
    test: &str,
    failed: bool,
    bytes: &[u8],
    places: &Places<'_>,
    into: &mut Collected,
) -> bool {
    into.classes(test, failed, ran(bytes).unwrap_or_default().into_iter(), places)
}

/// The classes of which a probe ran, by their names inside the JVM; `None` of what is no such file. One that ends too
/// early holds what it holds.
fn ran(bytes: &[u8]) -> Option<Vec<String>> {
    let mut rest = Bytes(bytes.strip_prefix(&HEADER)?);
    let mut classes = Vec::new();
    while let Some(name) = next_class(&mut rest) {
        classes.extend(name);
        if classes.len() >= MOST_CLASSES {
            break;
        }
    }
    Some(classes)
}

/// The next class: its name where it ran, and `None` within where it did not.
fn next_class(rest: &mut Bytes<'_>) -> Option<Option<String>> {
    loop {
        match rest.byte()? {
            // Of a file that was appended to.
            0x01 => drop(rest.take(4)?),
            SESSION => {
                rest.text()?;
                // When it began and ended.
                rest.take(16)?;
            }
            CLASS => {
                // The class's number.
                rest.take(8)?;
                let name = rest.text()?;
                let probes = rest.count()?;
                let hits = rest.take(probes.div_ceil(8))?;
                return Some(hits.iter().any(|byte| *byte != 0).then_some(name));
            }
            _ => return None,
        }
    }
}

struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// As Java writes it: two bytes of length, and UTF-8 of a kind.
    fn text(&mut self) -> Option<String> {
        let length = self.take(2)?.try_into().ok().map(u16::from_be_bytes)?;
        Some(String::from_utf8_lossy(self.take(usize::from(length))?).into_owned())
    }

    /// Seven bits a byte, the lowest first.
    fn count(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for shift in (0..28).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

/// Of a source file.
#[derive(Default)]
struct SourceFile {
    /// First line of code → name, and whether it ran.
    methods: BTreeMap<u32, (String, bool)>,
    /// Lines of code, and those of them that ran.
    lines: BTreeSet<u32>,
    ran: BTreeSet<u32>,
}

/// Methods and lines of the XML report. Whether it names any of the repository's that ran.
pub(super) fn report(
    test: &str,
    failed: bool,
    bytes: &[u8],
    places: &Places<'_>,
    into: &mut Collected,
) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (mut ran, mut lines_of) = (Vec::new(), Vec::new());
    for (path, source) in source_files(&text) {
        let Some(file) = places.ending(&[path]) else { continue };
        let starts: Vec<u32> = source.methods.keys().copied().collect();
        for (start, (name, _)) in source.methods.iter().filter(|(_, (_, ran))| *ran) {
            let next = starts.iter().copied().find(|other| other > start).unwrap_or(u32::MAX);
            let own = *start..next.max(start.saturating_add(1));
            let last = source.lines.range(own.clone()).next_back().copied().unwrap_or(*start);
            let Some(index) = into.function(file, name, Some((*start, last))) else { continue };
            ran.push(index);
            lines_of.push((index, in_runs(source.ran.range(own).copied())));
        }
    }
    let found = !ran.is_empty();
    into.test(test, Some(failed), ran);
    into.lines(test, lines_of);
    found
}

/// By the path that a file's package gives it.
fn source_files(text: &str) -> BTreeMap<String, SourceFile> {
    let mut files: BTreeMap<String, SourceFile> = BTreeMap::new();
    let (mut package, mut class, mut path) = (String::new(), String::new(), String::new());
    let mut method: Option<(u32, String)> = None;
    for tag in text.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        let of = |name: &str| attribute(tag, name);
        let number = |name: &str| of(name).and_then(|value| value.parse::<u32>().ok()).filter(|n| *n > 0);
        let below =
            |package: &str, file: &str| format!("{package}/{file}").trim_start_matches('/').to_owned();
        match tag.split_whitespace().next().unwrap_or_default() {
            "package" => of("name").unwrap_or_default().clone_into(&mut package),
            "class" => {
                let name = of("name").unwrap_or_default();
                name.rsplit(['/', '$']).next().unwrap_or(name).clone_into(&mut class);
                path = below(&package, of("sourcefilename").unwrap_or_default());
            }
            "method" => {
                let name = match of("name").unwrap_or_default() {
                    "&lt;init&gt;" => class.clone(),
                    name => format!("{class}.{name}"),
                };
                // What the compiler makes is within what somebody wrote.
                method = number("line").filter(|_| !name.contains("lambda$")).map(|line| (line, name));
            }
            "/method" => method = None,
            "counter" if of("type") == Some("METHOD") => {
                if let Some((line, name)) = method.take() {
                    let ran = number("covered").is_some();
                    let known = files.entry(path.clone()).or_default().methods.entry(line);
                    known.or_insert((name, false)).1 |= ran;
                }
            }
            "sourcefile" => path = below(&package, of("name").unwrap_or_default()),
            "line" => {
                let Some(line) = number("nr") else { continue };
                let file = files.entry(path.clone()).or_default();
                file.lines.insert(line);
                if number("ci").is_some() {
                    file.ran.insert(line);
                }
            }
            _ => {}
        }
    }
    files
}

/// Of a tag that JaCoCo wrote.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let value = &tag[tag.find(&format!(" {name}=\""))? + name.len() + 3..];
    value.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the agent writes it: a header, a session, classes.
    fn execution_of(classes: &[(&str, &[u8])]) -> Vec<u8> {
        let text =
            |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
        let mut bytes = [&HEADER[..], &[SESSION], &text("host-1"), &[0; 16]].concat();
        for (name, hits) in classes {
            let probes = u8::try_from(hits.len() * 8).unwrap();
            bytes.extend([&[CLASS][..], &[7; 8], &text(name), &[probes], *hits].concat());
        }
        bytes
    }

    #[test]
    fn classes_of_which_something_ran_are_read_as_far_as_the_file_goes() {
        let bytes = execution_of(&[("shop/Total", &[0, 4]), ("shop/Never", &[0]), ("shop/Cart$Item", &[1])]);
        assert_eq!(ran(&bytes).unwrap(), ["shop/Total", "shop/Cart$Item"]);
        let twice = [bytes.clone(), execution_of(&[("shop/More", &[1])])].concat();
        assert_eq!(ran(&twice).unwrap().len(), 3);
        for end in 0..bytes.len() {
            assert!(ran(&bytes[..end]).unwrap_or_default().len() <= 2);
        }
        assert_eq!(ran(b"\x01\xc0\xc0\x10\x06"), None);
        let mut endless = [&HEADER[..], &[CLASS], &[0; 8], &[0, 1, b'a']].concat();
        endless.extend([0xFF; 9]);
        assert_eq!(ran(&endless).unwrap(), [""; 0]);
    }

    /// What JaCoCo 0.8.12's agent and its XML formatter made of one run of `total` and `main` on Java 21.
    #[test]
    fn what_the_real_agent_and_report_wrote_is_read() {
        assert_eq!(ran(include_bytes!("recorded/jacoco.exec")).unwrap(), ["shop/Cart"]);
        let files = source_files(include_str!("recorded/jacoco.xml"));
        let cart = &files["shop/Cart.java"];
        let methods: Vec<_> =
            cart.methods.iter().map(|(line, (name, ran))| (*line, name.as_str(), *ran)).collect();
        let expected = [
            (3, "Cart", false),
            (5, "Cart.total", true),
            (13, "Cart.unused", false),
            (17, "Cart.main", true),
        ];
        assert_eq!(methods, expected);
        assert_eq!(cart.ran.iter().copied().collect::<Vec<_>>(), [5, 6, 7, 9, 17, 18]);
    }

    #[test]
    fn a_report_tells_methods_and_lines() {
        let text = "<?xml version=\"1.0\"?><report name=\"shop\"><package name=\"shop\">\
            <class name=\"shop/Total\" sourcefilename=\"Total.java\">\
            <method name=\"&lt;init&gt;\" desc=\"()V\" line=\"3\"><counter type=\"METHOD\" missed=\"1\" covered=\"0\"/></method>\
            <method name=\"of\" desc=\"([I)I\" line=\"5\"><counter type=\"LINE\" missed=\"1\" covered=\"3\"/><counter type=\"METHOD\" missed=\"0\" covered=\"1\"/></method>\
            <method name=\"lambda$of$0\" desc=\"()V\" line=\"6\"><counter type=\"METHOD\" missed=\"0\" covered=\"1\"/></method>\
            <counter type=\"METHOD\" missed=\"1\" covered=\"2\"/></class>\
            <sourcefile name=\"Total.java\"><line nr=\"3\" mi=\"2\" ci=\"0\" mb=\"0\" cb=\"0\"/><line nr=\"5\" mi=\"0\" ci=\"2\" mb=\"0\" cb=\"0\"/>\
            <line nr=\"6\" mi=\"0\" ci=\"2\"/><line nr=\"8\" mi=\"2\" ci=\"0\"/></sourcefile></package></report>";
        let files = source_files(text);
        let total = &files["shop/Total.java"];
        let methods: Vec<_> =
            total.methods.iter().map(|(line, (name, ran))| (*line, name.as_str(), *ran)).collect();
        assert_eq!(methods, [(3, "Total", false), (5, "Total.of", true)]);
        assert_eq!(total.lines.iter().copied().collect::<Vec<_>>(), [3, 5, 6, 8]);
        assert_eq!(total.ran.iter().copied().collect::<Vec<_>>(), [5, 6]);
    }
}
