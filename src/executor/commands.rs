//! The commands that steps give by printing them: of the old ones that runners still obey, those that later steps see.
//!
//! `::set-output name=…::…` and `::save-state name=…::…`. What a step prints between `::stop-commands::token` and
//! `::token::` is only text. Everything stays in the log as it was printed.

/// The longest line that can be a command.
const MAX_LINE: usize = 1 << 20;

/// What a step has said so far, over the pieces its output comes in.
#[derive(Debug, Default)]
pub(super) struct Commands {
    line: Vec<u8>,
    stopped_by: Option<String>,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) state: Vec<(String, String)>,
}

impl Commands {
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() <= MAX_LINE {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    /// The last line may lack its end.
    pub(super) fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let trimmed = line.trim_ascii();
        if trimmed.starts_with(b"::") {
            self.command(&String::from_utf8_lossy(trimmed));
        }
    }

    fn command(&mut self, line: &str) {
        let Some((head, value)) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")) else {
            return;
        };
        let (name, properties) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        if let Some(token) = &self.stopped_by {
            if name == token {
                self.stopped_by = None;
            }
            return;
        }
        let called = || {
            let of = |pair: &str| pair.trim().strip_prefix("name=").map(|name| unescape(name, true));
            properties.split(',').find_map(of).filter(|name| !name.is_empty())
        };
        match name.to_ascii_lowercase().as_str() {
            "stop-commands" if !value.is_empty() => self.stopped_by = Some(value.to_owned()),
            "set-output" => self.outputs.extend(called().map(|name| (name, unescape(value, false)))),
            "save-state" => self.state.extend(called().map(|name| (name, unescape(value, false)))),
            _ => {}
        }
    }
}

fn unescape(text: &str, is_property: bool) -> String {
    let mut text = text.replace("%0D", "\r").replace("%0A", "\n");
    if is_property {
        text = text.replace("%3A", ":").replace("%2C", ",");
    }
    text.replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&str]) -> Commands {
        let mut commands = Commands::default();
        pieces.iter().for_each(|piece| commands.read(piece.as_bytes()));
        commands.end_line();
        commands
    }

    #[test]
    fn outputs_and_state_are_read_over_pieces() {
        let said = said(&["x\n  ::set-out", "put name=a::1%0A2%25\n::save-state name=b%3A::", "3"]);
        assert_eq!(said.outputs, [("a".to_owned(), "1\n2%".to_owned())]);
        assert_eq!(said.state, [("b:".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn what_is_stopped_is_text() {
        let said = said(&["::stop-commands::tok\n::set-output name=a::1\n::tok::\n::SET-OUTPUT name=b::2\n"]);
        assert_eq!(said.outputs, [("b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn other_lines_say_nothing() {
        let said =
            said(&["say ::set-output name=a::1\n::set-output::1\n::set-output name=::1\n::error::x\n"]);
        assert!(said.outputs.is_empty() && said.state.is_empty());
    }
}
