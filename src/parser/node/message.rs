//! The message of a failure, gathered line by line up to its stack or source.

/// Lines and bytes kept; a diff of two large objects tells nothing more after that.
const MAX_LINES: usize = 60;
const MAX_BYTES: usize = 6000;

#[derive(Debug, Default)]
pub(super) struct Message {
    lines: Vec<String>,
    bytes: usize,
    ended: bool,
}

impl Message {
    pub(super) fn line(&mut self, text: &str) {
        if self.ended || self.lines.len() >= MAX_LINES || self.bytes + text.len() > MAX_BYTES {
            return;
        }
        self.bytes += text.len() + 1;
        self.lines.push(text.trim_end().to_owned());
    }

    /// A blank line within the message; those at its ends go.
    pub(super) fn blank(&mut self) {
        if !self.lines.is_empty() {
            self.line("");
        }
    }

    /// What follows is no longer the message.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The text without blank lines around it, or `otherwise` where nothing was said.
    pub(super) fn text(&self, otherwise: &str) -> String {
        let text = self.lines.join("\n");
        let text = text.trim_end().trim_start_matches('\n');
        if text.trim().is_empty() { otherwise.to_owned() } else { text.trim_start().to_owned() }
    }
}
