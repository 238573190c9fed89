//! Controls in Go, for `go test`.

use super::calls::{arguments, other_literal};
use super::rust::replaced;
use super::site::Site;
use super::words::Computed;
use crate::syntax::{Bytes, Grammar};

/// How far above a failure its condition stands.
const NEAR: usize = 3;

pub(super) fn must_fail(site: &Site, mark: &str, computed: &Computed) -> Option<String> {
    if !site.parameters()?.ends_with("*testing.T") {
        return None;
    }
    let Computed { letters, factor, wrong, .. } = computed;
    let name = format!("{}_{mark}", site.case.name);
    Some(format!(
        "\nfunc {name}(t *testing.T) {{\n\tvalue := 0\n\tfor _, c := range \"{letters}\" {{\n\t\tvalue += int(c)\n\t}}\n\t\
         value *= {factor}\n\tif value != {wrong} {{\n\t\tt.Fatalf(\"%d is not %d\", value, {wrong})\n\t}}\n}}"
    ))
}

/// The place to change in the file, and what comes there.
pub(super) fn inverted(site: &Site, assertion: Bytes, delta: u32, mark: &str) -> Option<(Bytes, String)> {
    let text = &site.text[assertion.clone()];
    let open = text.find('(')?;
    let (object, name) = text[..open].rsplit_once('.')?;
    if matches!(name, "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow") {
        return condition(site, assertion.start);
    }
    let (parts, _) = arguments(Grammar::Go, text, open)?;
    let turned = match name {
        "Equal" | "Equalf" => {
            // The expected value comes behind `t`, where that is handed over.
            let literal = parts
                .iter()
                .take(3)
                .find_map(|range| Some((range.clone(), other_literal(&text[range.clone()], delta, mark)?)));
            match literal {
                Some((range, other)) => replaced(text, range, &other),
                None => format!("{object}.Not{name}{}", &text[open..]),
            }
        }
        "True" | "False" => {
            let range = parts.iter().find(|range| &text[(*range).clone()] != "t")?.clone();
            let other = format!("!({})", &text[range.clone()]);
            replaced(text, range, &other)
        }
        _ => return None,
    };
    Some((assertion, turned))
}

/// The condition under which the test says that it failed, turned round.
fn condition(site: &Site, at: usize) -> Option<(Bytes, String)> {
    let mut end = site.text[..at].rfind('\n')?;
    for _ in 0..NEAR {
        let start = site.text[..end].rfind('\n').map_or(0, |at| at + 1);
        let line = &site.text[start..end];
        if let Some(rest) = line.trim_start().strip_prefix("if ") {
            let whole = rest.trim_end().strip_suffix('{')?.trim_end();
            // What comes before the last semicolon is no part of the condition.
            let behind = whole.rfind(';').map_or(0, |at| at + 1);
            let bare = whole[behind..].trim();
            let from = start
                + line.find("if ")?
                + 3
                + behind
                + (whole[behind..].len() - whole[behind..].trim_start().len());
            return (!bare.is_empty() && !bare.contains('"'))
                .then(|| (from..from + bare.len(), format!("!({bare})")));
        }
        end = start.checked_sub(1)?;
    }
    None
}

/// What is compared in the condition before a failure that is told, with the statement before it where that computes it.
pub(super) fn compared(site: &Site, at: usize) -> Option<Bytes> {
    if site.grammar != Grammar::Go {
        return None;
    }
    let (condition, _) = condition(site, at)?;
    let start = site.text[..condition.start].rfind('\n').map_or(0, |at| at + 1);
    let line = &site.text[start..condition.end];
    let own = start + (line.len() - line.trim_start().len());
    if site.text[own..condition.end].contains('(') {
        return Some(own..condition.end);
    }
    // `got := double(2)`
    let before = site.text[..start].trim_end_matches('\n');
    let above = before.rfind('\n').map_or(0, |at| at + 1);
    let name = site.text[condition.clone()].split_whitespace().next()?;
    let makes = before[above..].trim_start();
    (makes.starts_with(name) && makes.contains(":=") && makes.contains('('))
        .then(|| above + (before.len() - above - makes.len())..condition.end)
}
