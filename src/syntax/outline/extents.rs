//! How far a definition reaches: over the decorators, attributes and comments before it, and what stands in what.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Bytes, Definition, DefinitionKind, line_of, lines_of};

/// What may widen a definition.
pub(super) struct Extents<'t> {
    text: &'t str,
    /// By what is wrapped.
    wrappers: BTreeMap<(usize, usize), Bytes>,
    /// Attributes and comments, by where they end; whether blank lines may follow.
    leads: Vec<(Bytes, bool)>,
}

impl<'t> Extents<'t> {
    pub(super) fn new(
        text: &'t str,
        wrappers: BTreeMap<(usize, usize), Bytes>,
        leads: &[Bytes],
        comments: &[Bytes],
    ) -> Self {
        let inner = |c: &&Bytes| {
            let comment = text.get((*c).clone()).unwrap_or_default();
            !["//!", "/*!", "#!"].iter().any(|m| comment.starts_with(m))
        };
        let mut all: Vec<(Bytes, bool)> = leads.iter().map(|l| (l.clone(), true)).collect();
        all.extend(comments.iter().filter(inner).map(|c| (c.clone(), false)));
        all.sort_by_key(|(lead, _)| lead.end);
        Self { text, wrappers, leads: all }
    }

    /// The range with what wraps it and with what leads it.
    pub(super) fn widen(&self, bytes: &Bytes) -> Bytes {
        let mut wide = bytes.clone();
        // Each is larger than what it wraps.
        while let Some(wrapper) = self.wrappers.get(&(wide.start, wide.end)).filter(|w| **w != wide) {
            wide = wrapper.clone();
        }
        while let Some(lead) = self.lead_before(wide.start) {
            wide.start = lead;
        }
        wide
    }

    fn lead_before(&self, start: usize) -> Option<usize> {
        let end = self.text.get(..start)?.trim_end().len();
        let index = self.leads.partition_point(|(lead, _)| lead.end < end);
        let (lead, apart) = self.leads.get(index).filter(|(lead, _)| lead.end == end && lead.start < end)?;
        let gap = self.text.get(end..start)?;
        if !apart && gap.matches('\n').count() > 1 {
            return None;
        }
        // What stands behind code belongs to that.
        let line = self.text.get(..lead.start)?.rsplit('\n').next()?;
        (line.trim().is_empty() || *apart).then_some(lead.start)
    }

    /// Whole definitions, each name once, in the order of the file, and what each stands in.
    pub(super) fn definitions(&self, mut found: Vec<Definition>, starts: &[usize]) -> Vec<Definition> {
        found.sort_by_key(|d| (d.name_bytes.start, d.kind));
        found.dedup_by_key(|d| d.name_bytes.start);
        for definition in &mut found {
            definition.bytes = self.widen(&definition.bytes);
            definition.lines = lines_of(starts, &definition.bytes);
            definition.head_line = line_of(starts, definition.name_bytes.start);
        }
        found.sort_by_key(|d| (d.bytes.start, Reverse(d.bytes.end), d.name_bytes.start));
        let mut open: Vec<usize> = Vec::new();
        for id in 0..found.len() {
            let bytes = found[id].bytes.clone();
            // Of two with one extent (`const a = 1, b = 2`) neither holds the other.
            while let Some(last) = open.last() {
                let outer = &found[*last].bytes;
                if outer.end > bytes.start && *outer != bytes {
                    break;
                }
                open.pop();
            }
            if let Some(&parent) = open.last() {
                let outer = &found[parent];
                let path = match &outer.container {
                    Some(container) => format!("{container}.{}", outer.name),
                    None => outer.name.clone(),
                };
                let is_type = matches!(
                    outer.kind,
                    DefinitionKind::Class
                        | DefinitionKind::Interface
                        | DefinitionKind::Enum
                        | DefinitionKind::Implementation
                );
                let definition = &mut found[id];
                definition.parent = Some(parent);
                if definition.container.is_none() && path.len() <= 1000 {
                    definition.container = Some(path);
                }
                if is_type && definition.kind == DefinitionKind::Function {
                    definition.kind = DefinitionKind::Method;
                }
            }
            open.push(id);
        }
        found
    }
}
