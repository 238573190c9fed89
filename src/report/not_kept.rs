//! What was offered and not kept, and why: collapsed, and absent where all was kept.

use crate::contract::report::{Iteration, ProposalReport, ProposalVerdict, RunReport};

use super::bug_list::origin;
use super::{markdown, text};

const DIFF_BYTES: usize = 20_000;
/// For the line that counts what does not fit.
const NOTE: usize = 200;

/// At most `room` bytes.
pub(super) fn markdown(report: &RunReport, room: usize) -> String {
    let of_turn = |iteration| move |proposal| (iteration, proposal);
    let all = report.iterations.iter().flat_map(|turn| turn.proposals.iter().map(of_turn(turn)));
    let all: Vec<(&Iteration, &ProposalReport)> =
        all.filter(|(_, proposal)| proposal.verdict != ProposalVerdict::Kept).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut out = format!("### Tried and not kept ({})\n\n", all.len());
    for (index, (iteration, proposal)) in all.iter().enumerate() {
        let row = attempt(index + 1, iteration, proposal);
        if out.len() + row.len() + NOTE > room {
            out.push_str(&format!("{} more are in `results.json`.\n\n", all.len() - index));
            break;
        }
        out.push_str(&row);
    }
    out
}

fn attempt(number: usize, iteration: &Iteration, proposal: &ProposalReport) -> String {
    let (mark, reason) = match &proposal.verdict {
        ProposalVerdict::Kept => return String::new(),
        ProposalVerdict::Reverted { why, .. } => ("↩️ taken back", why.clone()),
        ProposalVerdict::Rejected { rejection } => ("⛔ rejected", text::rejection(rejection)),
    };
    let mut out = format!(
        "<details><summary>{number}. {mark}: {} ({})</summary>\n\n",
        markdown::html_code(&proposal.offer.fix, 200),
        markdown::html_code(&proposal.offer.provider, 60),
    );
    out.push_str(&format!("- Why not: {}\n", markdown::code(&reason, 500)));
    out.push_str(&format!("- From {}\n", origin(proposal, false)));
    if proposal.offer.usage.tokens() > 0 {
        let cost =
            proposal.offer.usage.cost.map_or(String::new(), |cost| format!(", {}", text::dollars(cost)));
        out.push_str(&format!("- {} tokens{cost}\n", text::number(proposal.offer.usage.tokens())));
    }
    if let Some(command) = &proposal.offer.command {
        out.push_str(&format!("- Command: {}\n", markdown::code(command, 300)));
    }
    let ran = matches!(proposal.verdict, ProposalVerdict::Reverted { .. });
    if let Some(execution) = iteration.execution.as_ref().filter(|_| ran) {
        out.push_str(&format!(
            "- Sandbox: {} after {}\n",
            markdown::code(&text::ending(execution), 300),
            text::duration(execution.duration)
        ));
    }
    if !proposal.diff.is_empty() {
        out.push_str(&format!("\n{}", markdown::fence(&proposal.diff, "diff", DIFF_BYTES)));
    }
    out.push_str("\n</details>\n\n");
    out
}
