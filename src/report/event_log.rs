//! `events.jsonl`: what happened, line by line, on disk as it happens.
//!
//! The file is opened once and never again by its name. Every line passes the redactor, is bounded, and is written by
//! one call, so that a run that is killed leaves whole lines. Reading takes all of it for foreign text.

use std::fs::File;
use std::io::{self, Write as _};

use serde_json::Value;

use super::commands::Redactor;
use super::directory::{Directory, ReportError};
use crate::contract::event::{EVENTS_SCHEMA, Event, Stamped};

pub const EVENTS_FILE: &str = "events.jsonl";

/// A longer line gives its place to one that says so.
const MAX_LINE: usize = 4 << 20;
/// Nothing is added to a longer file.
const MAX_FILE: u64 = 256 << 20;

/// The file, open.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    written: u64,
    redactor: Redactor,
    is_broken: bool,
    untold: Option<io::Error>,
}

impl EventLog {
    /// A new one in the place of an earlier run's.
    pub fn create(dir: &Directory, redactor: Redactor) -> Result<Self, ReportError> {
        Ok(Self { file: dir.create(EVENTS_FILE)?, written: 0, redactor, is_broken: false, untold: None })
    }

    /// Adds a line for events that are written down. After a failure nothing more is written: [`EventLog::trouble`].
    pub fn write(&mut self, stamped: &Stamped) {
        if !stamped.event.is_recorded() || self.is_broken || self.written >= MAX_FILE {
            return;
        }
        let mut line = self.line(stamped);
        line.push('\n');
        match self.file.write_all(line.as_bytes()) {
            Ok(()) => self.written += line.len() as u64,
            Err(error) => {
                // Half a line helps nobody.
                let _ = self.file.set_len(self.written);
                self.is_broken = true;
                self.untold = Some(error);
            }
        }
    }

    /// Why the file is not whole; told once.
    pub fn trouble(&mut self) -> Option<String> {
        self.untold.take().map(|error| format!("{EVENTS_FILE} is not whole: {error}"))
    }

    fn line(&self, stamped: &Stamped) -> String {
        let mut value = serde_json::json!(stamped);
        redact(&mut value, &self.redactor);
        let kind = value["event"].clone();
        // Once more over the whole: a secret may stand over two values.
        let line = self.redactor.redact(&value.to_string());
        let is_whole =
            line.len() <= MAX_LINE && !line.contains('\n') && serde_json::from_str::<Value>(&line).is_ok();
        if is_whole {
            return line;
        }
        let mut omitted = serde_json::json!({"event": "omitted", "kind": kind, "bytes": line.len()});
        omitted["at"] = value["at"].clone();
        omitted["elapsed"] = value["elapsed"].clone();
        omitted.to_string()
    }
}

/// Redacts every text in `value`, as it is before JSON's escapes.
fn redact(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(fields) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            for key in keys {
                let Some(mut value) = fields.remove(&key) else { continue };
                redact(&mut value, redactor);
                fields.insert(redactor.redact(&key), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Why a file is not taken for events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    #[error("line {line} is not an event of ci-healer: {why}")]
    NotAnEvent { line: usize, why: String },
    #[error("it does not begin with the start of a run ({EVENTS_SCHEMA})")]
    NoStart,
    #[error("it is of schema {0:?}; this version reads {EVENTS_SCHEMA}")]
    OtherSchema(String),
}

/// Reads the lines of `events.jsonl`. Kinds that are not known are left out, and so is a last line that was torn.
pub fn read(text: &[u8]) -> Result<Vec<Stamped>, EventsError> {
    let mut events = Vec::new();
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let is_torn = index + 1 == lines.len() && !line.ends_with(b"\n");
        match serde_json::from_slice::<Stamped>(line) {
            Ok(stamped) if stamped.event == Event::Unknown => {}
            Ok(stamped) => events.push(stamped),
            Err(_) if is_torn => {}
            Err(error) => return Err(EventsError::NotAnEvent { line: index + 1, why: error.to_string() }),
        }
    }
    match events.first().map(|first| &first.event) {
        Some(Event::RunStarted { schema, .. }) if schema == EVENTS_SCHEMA => Ok(events),
        Some(Event::RunStarted { schema, .. }) => Err(EventsError::OtherSchema(schema.clone())),
        _ => Err(EventsError::NoStart),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;

    use super::*;
    use crate::contract::report::BudgetReport;

    fn start() -> Event {
        Event::RunStarted {
            schema: EVENTS_SCHEMA.to_owned(),
            version: "1".to_owned(),
            mode: "heal".to_owned(),
            budget: BudgetReport::default(),
        }
    }

    fn stamped(event: Event) -> Stamped {
        Stamped { at: 1, elapsed: Duration::from_millis(1500), event }
    }

    fn warning(what: &str) -> Event {
        Event::Warning { what: what.to_owned() }
    }

    fn written(secrets: &[SecretString], events: &[Event]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let dir = Directory::open(folder.path(), "out").unwrap();
        let mut log = EventLog::create(&dir, Redactor::new(secrets)).unwrap();
        events.iter().for_each(|event| log.write(&stamped(event.clone())));
        assert_eq!(log.trouble(), None);
        std::fs::read_to_string(folder.path().join("out").join(EVENTS_FILE)).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let events = [start(), Event::ProofExpired, warning("two\nlines")];
        let text =
            written(&[], &[events.as_slice(), &[Event::Progress { what: "live".to_owned() }]].concat());
        assert_eq!(read(text.as_bytes()).unwrap(), events.map(stamped));
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_broken_one_in_the_middle_named() {
        let text = written(&[], &[start(), warning("whole"), warning("torn")]);
        let torn = &text[..text.len() - 5];
        assert_eq!(read(torn.as_bytes()).unwrap().len(), 2);
        let broken = text.replacen("whole\"", "whole", 1);
        assert!(matches!(read(broken.as_bytes()), Err(EventsError::NotAnEvent { line: 2, .. })));
    }

    #[test]
    fn kinds_of_later_versions_are_left_out_and_other_files_refused() {
        let later = r#"{"at":1,"elapsed":1.0,"event":"dreamt","of":"sheep"}"#;
        let text = format!("{}{later}\n", written(&[], &[start()]));
        assert_eq!(read(text.as_bytes()).unwrap().len(), 1);
        assert_eq!(read(b""), Err(EventsError::NoStart));
        assert_eq!(read(format!("{later}\n").as_bytes()), Err(EventsError::NoStart));
        let other = text.replace(EVENTS_SCHEMA, "ci-healer/events/9");
        assert_eq!(read(other.as_bytes()), Err(EventsError::OtherSchema("ci-healer/events/9".to_owned())));
        assert!(matches!(read(b"hello\n"), Err(EventsError::NotAnEvent { line: 1, .. })));
    }

    #[test]
    fn no_secret_is_written_and_no_line_is_endless() {
        let secrets = [SecretString::from("line one\nline \"two\"")];
        let text = written(&secrets, &[start(), warning("say line one\nline \"two\" again")]);
        assert!(!text.contains("line one"), "{text}");
        assert_eq!(read(text.as_bytes()).unwrap().len(), 2);
        let text = written(&[], &[start(), warning(&"x".repeat(MAX_LINE))]);
        assert!(text.len() < 2000, "{}", text.len());
        assert!(text.contains(r#""kind":"warning""#), "{text}");
        assert_eq!(read(text.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_link_in_its_place_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Directory::open(folder.path(), "out").unwrap();
        let precious = folder.path().join("precious");
        std::fs::write(&precious, "precious").unwrap();
        let link = folder.path().join("out").join(EVENTS_FILE);
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        let mut log = EventLog::create(&dir, Redactor::new(&[])).unwrap();
        // A link that takes the name's place later gets nothing either.
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        log.write(&stamped(start()));
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    }
}
