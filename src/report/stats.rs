//! Many runs in one page: what was red, what became of it, what it took, and which setting would open what was refused.
//!
//! Made from `results.json` files alone, as Markdown and as one HTML page that loads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::contract::bug::Category;
use crate::contract::report::{BudgetReport, Timings};

use super::{clean, ends, markdown, text};

/// Rows of a table; the rest is counted.
const ROWS: usize = 50;

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Stats {
    total: Group,
    by_repository: BTreeMap<String, Group>,
    by_kind: BTreeMap<&'static str, Group>,
    by_outcome: BTreeMap<String, usize>,
    /// Why proposals were turned down or taken back, and the setting that would let such a one through.
    refused: BTreeMap<(&'static str, Option<&'static str>), usize>,
    /// Files that are no record of a run.
    unreadable: usize,
    /// What a person is taken to need for one fix.
    minutes_per_fix: u32,
}

/// Runs that have something in common.
#[derive(Debug, Default, Clone)]
struct Group {
    runs: usize,
    red: usize,
    healed: usize,
    /// A fix that is proven here, and not green in CI.
    proven: usize,
    tokens: u64,
    cost: f64,
    time: Duration,
}

/// What is counted of a `results.json`. Reading whole reports here would make the action's image a good deal larger.
#[derive(Debug, Deserialize)]
struct Record {
    repository: Option<String>,
    outcome: String,
    baseline: Option<Baseline>,
    #[serde(default)]
    jobs: Vec<Job>,
    iterations: Vec<Iteration>,
    push: Option<IgnoredAny>,
    ci: Option<Ci>,
    budget: BudgetReport,
    timings: Timings,
}

#[derive(Debug, Deserialize)]
struct Job {
    baseline: Option<Baseline>,
}

#[derive(Debug, Deserialize)]
struct Baseline {
    bugs: Vec<Bug>,
}

#[derive(Debug, Deserialize)]
struct Bug {
    category: Category,
}

#[derive(Debug, Deserialize)]
struct Iteration {
    bugs: Vec<Bug>,
    proposals: Vec<Proposal>,
}

#[derive(Debug, Deserialize)]
struct Proposal {
    verdict: String,
    rejection: Option<Refusal>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Ci {
    verdict: String,
}

impl Record {
    /// The failure was there; what only looked at a log counts, too.
    fn is_red(&self) -> bool {
        !matches!(self.outcome.as_str(), "already_green" | "cancelled")
    }

    /// Healed, and nothing is known that speaks against it.
    fn is_healed(&self) -> bool {
        let ci = self.ci.as_ref().map(|ci| ci.verdict.as_str());
        self.outcome == "healed" && self.push.is_some() && matches!(ci, None | Some("passed" | "skipped"))
    }

    fn is_proven_only(&self) -> bool {
        matches!(self.outcome.as_str(), "healed" | "patched" | "partial") && !self.is_healed()
    }

    fn categories(&self) -> impl Iterator<Item = Category> {
        let baselines = self.baseline.iter().chain(self.jobs.iter().filter_map(|job| job.baseline.as_ref()));
        let found = baselines.flat_map(|baseline| &baseline.bugs);
        found.chain(self.iterations.iter().flat_map(|turn| &turn.bugs)).map(|bug| bug.category)
    }
}

impl Group {
    fn add(&mut self, record: &Record) {
        let (red, healed, proven) = (record.is_red(), record.is_healed(), record.is_proven_only());
        self.runs += 1;
        self.red += usize::from(red);
        self.healed += usize::from(healed);
        self.proven += usize::from(proven);
        self.tokens = self.tokens.saturating_add(record.budget.tokens.spent);
        self.cost += record.budget.cost.spent.max(0.0);
        self.time = self.time.saturating_add(record.timings.total);
    }

    fn cells(&self) -> Vec<String> {
        vec![
            text::number(self.red as u64),
            text::number(self.healed as u64),
            text::number(self.proven as u64),
            text::number(self.tokens),
            text::dollars(self.cost),
            text::duration(self.time),
        ]
    }
}

/// A table of either format.
struct Table {
    title: &'static str,
    head: Vec<&'static str>,
    /// The first cell of each row is a name from outside.
    rows: Vec<Vec<String>>,
    more: usize,
}

const GROUP_HEAD: [&str; 6] = ["red runs", "healed", "proven, not green in CI", "tokens", "cost", "time"];

impl Stats {
    #[must_use]
    pub fn new(minutes_per_fix: u32) -> Self {
        Self { minutes_per_fix, ..Self::default() }
    }

    /// Takes up what a file holds.
    pub fn add(&mut self, json: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Record>(json) else {
            self.unreadable += 1;
            return;
        };
        self.total.add(&record);
        let repository = record.repository.clone().unwrap_or_else(|| "(unknown)".to_owned());
        self.by_repository.entry(repository).or_default().add(&record);
        let kinds: BTreeSet<&str> = record.categories().map(text::category).collect();
        for kind in kinds {
            self.by_kind.entry(kind).or_default().add(&record);
        }
        *self.by_outcome.entry(record.outcome.clone()).or_default() += 1;
        for proposal in record.iterations.iter().flat_map(|turn| &turn.proposals) {
            if let ("rejected", Some(refusal)) = (proposal.verdict.as_str(), &proposal.rejection) {
                let why = (ends::kind_of(&refusal.kind), ends::opened_by(&refusal.kind));
                *self.refused.entry(why).or_default() += 1;
            }
        }
    }

    /// How many records were read.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.total.runs
    }

    fn sentences(&self) -> Vec<String> {
        let total = &self.total;
        let mut out = vec![
            format!(
                "{}, {} red: {} healed, {} proven and not green in CI.",
                text::count(total.runs, "run", "runs"),
                text::number(total.red as u64),
                text::number(total.healed as u64),
                text::number(total.proven as u64)
            ),
            format!(
                "Spent: {} tokens, {}, {}.",
                text::number(total.tokens),
                text::dollars(total.cost),
                text::duration(total.time)
            ),
        ];
        if total.healed > 0 {
            let saved = total.healed as u64 * u64::from(self.minutes_per_fix);
            out.push(format!(
                "About {} minutes of red saved, at {} minutes that a person would need for a fix (an assumption: \
                 `--minutes-per-fix`).",
                text::number(saved),
                self.minutes_per_fix
            ));
        }
        if self.unreadable > 0 {
            let files = text::count(self.unreadable, "file is", "files are");
            out.push(format!("{files} no record of a run, or of another version, and left out."));
        }
        out
    }

    fn tables(&self) -> Vec<Table> {
        let group = |title, first, groups: Vec<(String, &Group)>| {
            let mut groups = groups;
            groups.sort_by(|(a, x), (b, y)| y.red.cmp(&x.red).then(a.cmp(b)));
            let more = groups.len().saturating_sub(ROWS);
            let rows = groups.into_iter().take(ROWS);
            let rows =
                rows.map(|(name, group)| std::iter::once(name).chain(group.cells()).collect()).collect();
            Table { title, head: std::iter::once(first).chain(GROUP_HEAD).collect(), rows, more }
        };
        let kinds = self.by_kind.iter().map(|(name, group)| ((*name).to_owned(), group)).collect();
        let repositories = self.by_repository.iter().map(|(name, group)| (name.clone(), group)).collect();
        let mut outcomes: Vec<_> = self.by_outcome.iter().collect();
        outcomes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let outcomes = outcomes.into_iter().map(|(name, count)| vec![name.clone(), count.to_string()]);
        let mut refused: Vec<_> = self.refused.iter().collect();
        refused.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let more = refused.len().saturating_sub(ROWS);
        let refused = refused.into_iter().take(ROWS).map(|((why, opens), count)| {
            let opens = opens.map_or("nothing: it would break a rule for everybody", |input| input);
            vec![(*why).to_owned(), count.to_string(), opens.replace('`', "")]
        });
        let tables = [
            Table {
                title: "How they ended",
                head: vec!["outcome", "runs"],
                rows: outcomes.collect(),
                more: 0,
            },
            group("By kind of failure", "kind", kinds),
            group("By repository", "repository", repositories),
            Table {
                title: "What was refused",
                head: vec!["why", "times", "let through by"],
                rows: refused.collect(),
                more,
            },
        ];
        tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
    }

    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("## CI healing\n\n");
        for sentence in self.sentences() {
            out.push_str(&format!("{sentence}\n\n"));
        }
        for table in self.tables() {
            out.push_str(&format!("### {}\n\n| {} |\n", table.title, table.head.join(" | ")));
            let rule: Vec<&str> =
                table.head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }).collect();
            out.push_str(&format!("|{}|\n", rule.join("|")));
            for row in &table.rows {
                let cells: Vec<String> = row
                    .iter()
                    .enumerate()
                    .map(|(at, cell)| if at == 0 { markdown::code(cell, 200) } else { cell.clone() })
                    .collect();
                out.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
            out.push_str(&more(table.more));
            out.push('\n');
        }
        out
    }

    /// One page that loads nothing from anywhere.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::from(PAGE_HEAD);
        for sentence in self.sentences() {
            out.push_str(&format!("<p>{}</p>\n", escaped(&sentence.replace('`', ""))));
        }
        for table in self.tables() {
            let head: String = table.head.iter().map(|cell| format!("<th>{}</th>", escaped(cell))).collect();
            out.push_str(&format!("<h2>{}</h2>\n<div><table><tr>{head}</tr>\n", escaped(table.title)));
            for row in &table.rows {
                let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
                out.push_str(&format!("<tr>{cells}</tr>\n"));
            }
            out.push_str(&format!("</table></div>\n<p>{}</p>\n", escaped(more(table.more).trim())));
        }
        out.push_str("</main>\n");
        out
    }
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!("\n{count} more are left out.\n") }
}

const PAGE_HEAD: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width\"><title>CI healing</title>\n<style>\n\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }\n\
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }\n\
div { overflow-x: auto } table { border-collapse: collapse }\n\
th, td { padding: .25rem .75rem; border-bottom: 1px solid #8886; text-align: right; white-space: nowrap }\n\
th:first-child, td:first-child { text-align: left }\n</style>\n<main><h1>CI healing</h1>\n";

/// One line of text within HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean::line(text, 500).chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => out.push_str(&format!("&#{};", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ci::CiVerdict;
    use crate::contract::fix::Rejection;
    use crate::contract::outcome::Outcome;
    use crate::contract::report::{ProposalVerdict, RunReport};
    use crate::report::{results, sample};

    fn stats(reports: &[RunReport]) -> Stats {
        let mut stats = Stats::new(30);
        for report in reports {
            stats.add(results::text(report).as_bytes());
        }
        stats
    }

    #[test]
    fn runs_are_counted_by_what_became_of_them() {
        let mut unproven = sample::healed();
        unproven.outcome = Outcome::Exhausted { why: "no idea".to_owned() };
        let rejection = Rejection::TooManyLines { changed: 60, maximum: 50 };
        unproven.iterations[1].proposals[0].verdict = ProposalVerdict::Rejected { rejection };
        let mut red_in_ci = sample::healed();
        red_in_ci.ci.as_mut().unwrap().verdict = CiVerdict::Failed;
        let mut green = sample::healed();
        (green.outcome, green.repository) = (Outcome::AlreadyGreen, Some("octo/other".to_owned()));
        green.iterations.clear();
        let mut stats = stats(&[sample::healed(), unproven, red_in_ci, green]);
        stats.add(b"{}");
        let text = stats.markdown();
        insta::assert_snapshot!(text);
        assert_eq!(stats.runs(), 4);
    }

    #[test]
    fn foreign_names_stay_text() {
        let mut report = sample::healed();
        sample::hostile(&mut report, "<script>alert(1)</script> | `x` @octocat");
        let stats = stats(&[report]);
        assert!(!stats.html().contains("<script>") && stats.html().contains("&#60;script&#62;"));
        assert!(
            stats.markdown().contains("``<script>alert(1)</script> ∣ `x` @octocat``"),
            "{}",
            stats.markdown()
        );
        assert!(!stats.html().contains("http://") && !stats.html().contains("src="));
    }
}
