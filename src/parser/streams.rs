//! Tells interleaved outputs apart by the prefix that marks them: compose services, task runners, workspaces.

use std::collections::BTreeMap;

use log_scan::stream_prefix::split_prefix;

/// Streams open at once; further prefixes are read as plain text.
const MAX_STREAMS: usize = 64;

#[derive(Default)]
pub(super) struct OutputStreams<L> {
    main: L,
    marked: BTreeMap<String, L>,
}

impl<L: Default> OutputStreams<L> {
    /// The output stream of a line, its text without the prefix, and the prefix. `opens` says whether what is behind a new prefix opens one.
    pub(super) fn of<'a>(
        &mut self,
        text: &'a str,
        opens: impl FnOnce(&str) -> bool,
    ) -> (&mut L, &'a str, &'a str) {
        let Some((key, rest)) = split_prefix(text) else { return (&mut self.main, text, "") };
        let known = self.marked.contains_key(key);
        if known || (self.marked.len() < MAX_STREAMS && opens(rest)) {
            (self.marked.entry(key.to_owned()).or_default(), rest, key)
        } else {
            (&mut self.main, text, "")
        }
    }

    /// Each with its prefix; the main one has none.
    pub(super) fn drain(&mut self) -> Vec<(String, L)> {
        let marked = std::mem::take(&mut self.marked);
        std::iter::once((String::new(), std::mem::take(&mut self.main))).chain(marked).collect()
    }
}
