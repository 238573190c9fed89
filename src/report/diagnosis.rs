//! What `diagnose` prints: JSON (`ci-healer/diagnosis/1`), text for people, annotations, SARIF 2.1.0.

use std::io::{self, Write};

use serde::Serialize;

use crate::contract::bug::Diagnosis;

use super::commands::{Annotation, Level};
use super::{annotations, clean, sarif, text};

/// The value of `schema`.
const SCHEMA: &str = "ci-healer/diagnosis/1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Text,
    /// Workflow commands that GitHub shows as annotations.
    GitHub,
    Sarif,
}

impl Format {
    /// The names that [`Format::from_name`] takes, for messages.
    pub const NAMES: &str = "json, text, github, sarif";

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            "github" => Some(Self::GitHub),
            "sarif" => Some(Self::Sarif),
            _ => None,
        }
    }
}

/// Writes the whole diagnosis.
pub fn write(diagnosis: &Diagnosis, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => json(diagnosis, out),
        Format::Text => plain(diagnosis, out),
        Format::GitHub => github(diagnosis, out),
        Format::Sarif => sarif::write(diagnosis, out),
    }
}

fn json(diagnosis: &Diagnosis, out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        #[serde(flatten)]
        diagnosis: &'a Diagnosis,
    }
    serde_json::to_writer_pretty(&mut *out, &Document { schema: SCHEMA, diagnosis })?;
    writeln!(out)
}

fn plain(diagnosis: &Diagnosis, out: &mut dyn Write) -> io::Result<()> {
    let lines = text::number(diagnosis.lines);
    if diagnosis.bugs.is_empty() {
        writeln!(out, "nothing failed in {lines} lines")?;
    } else {
        let bugs = text::count(diagnosis.bugs.len(), "failure", "failures");
        writeln!(out, "{bugs} in {lines} lines")?;
    }
    for (index, bug) in diagnosis.bugs.iter().enumerate() {
        writeln!(out, "\n{}. {}", index + 1, text::bug(bug))?;
        let message = text::message(bug);
        if !message.is_empty() {
            writeln!(out, "   {message}")?;
        }
        if let Some(file) = &bug.file {
            writeln!(out, "   at    {}", text::place(file, bug.line, bug.column))?;
        }
        for place in &bug.related {
            writeln!(out, "   see   {}", text::location(place))?;
        }
        if let Some(hint) = &bug.hint {
            writeln!(out, "   hint  {}", clean::line(&hint.text, 300))?;
        }
        writeln!(out, "   log   lines {}–{}, {}", bug.log.first, bug.log.last, clean::line(&bug.tool, 60))?;
    }
    if !diagnosis.tests.is_empty() {
        writeln!(out)?;
    }
    for run in &diagnosis.tests {
        writeln!(
            out,
            "{}: {} executed, {} passed, {} failed, {} skipped",
            clean::line(&run.runner, 60),
            text::known(run.executed),
            text::known(run.passed),
            text::known(run.failed),
            text::known(run.skipped)
        )?;
    }
    Ok(())
}

fn github(diagnosis: &Diagnosis, out: &mut dyn Write) -> io::Result<()> {
    let mut all = annotations::for_bugs(&diagnosis.bugs);
    if all.is_empty() {
        let message = format!("nothing failed in {} lines", text::number(diagnosis.lines));
        all.push(Annotation::general(Level::Notice, "ci-healer", message));
    }
    for annotation in all {
        writeln!(out, "{}", annotation.command())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn render(format: Format) -> String {
        let mut out = Vec::new();
        write(&sample::diagnosis(), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_names_its_schema_and_holds_to_it() {
        let value: serde_json::Value = serde_json::from_str(&render(Format::Json)).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["bugs"][0]["category"], "import");
        assert!(value["bugs"][0]["end_line"].is_null());
        sample::assert_valid("diagnosis-1", &value);
    }

    #[test]
    fn text_is_for_people() {
        insta::assert_snapshot!(render(Format::Text), @r"
        2 failures in 1,234 lines

        1. IMPORT error in src/app.py line 3
           cannot import name 'foo'
           at    src/app.py:3:5
           see   tests/test_app.py:1
           log   lines 12–20, cpython

        2. LOGIC error in src/calc.py line 8 (test tests/test_calc.py::test_add)
           assert 3 == 4
           at    src/calc.py:8
           hint  Did you mean 4?
           log   lines 30–41, pytest

        pytest: 41 executed, 40 passed, 1 failed, 2 skipped
        ");
    }

    #[test]
    fn github_prints_one_command_per_line() {
        insta::assert_snapshot!(render(Format::GitHub), @r"
        ::error file=src/app.py,line=3,col=5,title=import (cpython)::cannot import name 'foo'
        ::error file=src/calc.py,line=8,title=failing test (pytest)%3A tests/test_calc.py%3A%3Atest_add::assert 3 == 4%0ADid you mean 4?
        ");
        let mut out = Vec::new();
        write(&Diagnosis::default(), Format::GitHub, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "::notice title=ci-healer::nothing failed in 0 lines\n");
    }
}
