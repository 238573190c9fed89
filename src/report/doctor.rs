//! What `ci-healer doctor` prints: one finding a line, what to change below it.

use super::clean;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Blocking,
    Warning,
    Note,
}

#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub mark: Mark,
    pub what: &'a str,
    pub remedy: Option<&'a str>,
}

#[must_use]
pub fn text(lines: &[Line<'_>]) -> String {
    let mut out = String::new();
    for line in lines {
        let mark = match line.mark {
            Mark::Blocking => "blocked",
            Mark::Warning => "warning",
            Mark::Note => "ok",
        };
        out.push_str(&format!("{mark:8} {}\n", clean::line(line.what, 1000)));
        for remedy in line.remedy.unwrap_or_default().lines() {
            out.push_str(&format!("           {}\n", clean::line(remedy, 1000)));
        }
    }
    out
}
