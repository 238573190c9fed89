//! The last words of a step on its stderr: heard, and taken out of what people read.

pub(super) struct EndMarker {
    text: String,
    /// The end of what was printed, where it may be the words' beginning.
    held: Vec<u8>,
    was_heard: bool,
}

impl EndMarker {
    /// The words of the step at `index`; record separators, which no tool prints, stand around them.
    pub(super) fn of(index: usize) -> Self {
        let text = format!("\u{1e}ci-healer: step {index} has ended\u{1e}");
        Self { text, held: Vec::new(), was_heard: false }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes what comes next; returns what is not the words.
    pub(super) fn listen(&mut self, bytes: &[u8]) -> Vec<u8> {
        let words = self.text.as_bytes();
        let mut seen = std::mem::take(&mut self.held);
        seen.extend_from_slice(bytes);
        while let Some(at) = memchr::memmem::find(&seen, words) {
            seen.drain(at..at + words.len());
            self.was_heard = true;
        }
        let most = seen.len().min(words.len() - 1);
        let begun = (1..=most).rev().find(|len| seen.ends_with(&words[..*len])).unwrap_or(0);
        self.held = seen.split_off(seen.len() - begun);
        seen
    }

    /// What was held back to the end, and whether the words came.
    pub(super) fn close(self) -> (Vec<u8>, bool) {
        (self.held, self.was_heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_heard_however_they_are_cut() {
        let whole = format!("error\n{}after\u{1e}", EndMarker::of(3).text());
        for first in 0..whole.len() {
            for second in first..whole.len() {
                let mut words = EndMarker::of(3);
                let mut printed = words.listen(&whole.as_bytes()[..first]);
                printed.extend(words.listen(&whole.as_bytes()[first..second]));
                printed.extend(words.listen(&whole.as_bytes()[second..]));
                let (held, was_heard) = words.close();
                printed.extend(held);
                assert_eq!(String::from_utf8(printed).unwrap(), "error\nafter\u{1e}", "{first} {second}");
                assert!(was_heard);
            }
        }
    }

    #[test]
    fn other_steps_and_halves_say_nothing() {
        let mut words = EndMarker::of(3);
        let other = EndMarker::of(33);
        let half = &EndMarker::of(3).text()[..9].to_owned();
        let mut printed = words.listen(other.text().as_bytes());
        printed.extend(words.listen(half.as_bytes()));
        let (held, was_heard) = words.close();
        printed.extend(held);
        assert_eq!(printed, format!("{}{half}", other.text()).into_bytes());
        assert!(!was_heard);
    }
}
