//! Comments of two versions: those that a tool reads stay with what they are about, others may change where a finding
//! asks for it.

use std::collections::BTreeMap;

use super::{NeutralEdit, Walk};
use crate::syntax::canonical::Canonical;
use crate::syntax::comments::Comment;

impl Walk<'_> {
    pub(super) fn comments(&mut self) -> Option<()> {
        if read(self.old) != read(self.new) {
            return None;
        }
        let (old, new) = (remarks(self.old), remarks(self.new));
        let gone = beyond(&old, &new);
        let come = beyond(&new, &old);
        if gone.is_empty() && come.is_empty() {
            return Some(());
        }
        // One that is gone is named by its line; one that has come stands where one is gone, or where code is named.
        let asked = gone.iter().all(|c| self.findings.want_style((c.first, c.last)))
            && come.iter().all(|c| {
                let near = self.old.leaves.get(c.anchor.min(self.old.leaves.len().saturating_sub(1)));
                let line = near.map_or(1, |leaf| self.old.line(leaf.start));
                gone.iter().any(|g| g.anchor == c.anchor) || self.findings.want_style((line, line))
            });
        asked.then(|| self.edits.push(NeutralEdit::Comment))
    }
}

/// Each comment that a tool reads, with the code it stands at.
fn read<'c>(code: &'c Canonical<'_>) -> Vec<(String, bool, Vec<&'c str>)> {
    let on = |line: u32| code.leaves_on(line).iter().map(|leaf| code.nodes[leaf.node].text.as_str());
    let mut found: Vec<_> = code
        .comments
        .iter()
        .filter(|c| c.is_read)
        .map(|c| {
            let line = if c.trails { c.first } else { c.last.saturating_add(1) };
            // The first of a file may speak of all of it.
            (c.text.clone(), c.anchor == 0, on(line).collect())
        })
        .collect();
    found.sort();
    found
}

fn remarks<'c>(code: &'c Canonical<'_>) -> Vec<&'c Comment> {
    code.comments.iter().filter(|c| !c.is_read).collect()
}

/// Those whose text is not among `known`, as often as it is there.
fn beyond<'c>(comments: &[&'c Comment], known: &[&Comment]) -> Vec<&'c Comment> {
    let mut pool: BTreeMap<&str, usize> = BTreeMap::new();
    for comment in known {
        *pool.entry(&comment.text).or_default() += 1;
    }
    comments
        .iter()
        .filter(|c| match pool.get_mut(c.text.as_str()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .copied()
        .collect()
}
