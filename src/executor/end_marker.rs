//! The marker at the end of a step's stderr: it tells that the output is whole, and is taken out of what people read.

pub(super) struct EndMarker {
    text: String,
    /// The end of what was printed, where it may be the marker's beginning.
    held: Vec<u8>,
    was_seen: bool,
}

impl EndMarker {
    /// The marker of the step at `index`; record separators, which no tool prints, stand around it.
    pub(super) fn of(index: usize) -> Self {
        let text = format!("\u{1e}ci-healer: step {index} has ended\u{1e}");
        Self { text, held: Vec::new(), was_seen: false }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes what comes next; returns what is not the marker.
    pub(super) fn take_out(&mut self, bytes: &[u8]) -> Vec<u8> {
        let marker = self.text.as_bytes();
        let mut seen = std::mem::take(&mut self.held);
        seen.extend_from_slice(bytes);
        while let Some(at) = memchr::memmem::find(&seen, marker) {
            seen.drain(at..at + marker.len());
            self.was_seen = true;
        }
        let most = seen.len().min(marker.len() - 1);
        let begun = (1..=most).rev().find(|len| seen.ends_with(&marker[..*len])).unwrap_or(0);
        self.held = seen.split_off(seen.len() - begun);
        seen
    }

    /// What was held back and turned out to be no marker's beginning, as nothing more comes.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    pub(super) fn was_seen(&self) -> bool {
        self.was_seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_found_however_it_is_cut() {
        let whole = format!("error\n{}after\u{1e}", EndMarker::of(3).text());
        for first in 0..whole.len() {
            for second in first..whole.len() {
                let mut marker = EndMarker::of(3);
                let mut printed = marker.take_out(&whole.as_bytes()[..first]);
                printed.extend(marker.take_out(&whole.as_bytes()[first..second]));
                printed.extend(marker.take_out(&whole.as_bytes()[second..]));
                printed.extend(marker.take_held());
                assert_eq!(String::from_utf8(printed).unwrap(), "error\nafter\u{1e}", "{first} {second}");
                assert!(marker.was_seen());
            }
        }
    }

    #[test]
    fn markers_of_other_steps_and_halves_are_none() {
        let mut marker = EndMarker::of(3);
        let other = EndMarker::of(33);
        let half = &EndMarker::of(3).text()[..9].to_owned();
        let mut printed = marker.take_out(other.text().as_bytes());
        printed.extend(marker.take_out(half.as_bytes()));
        printed.extend(marker.take_held());
        assert_eq!(printed, format!("{}{half}", other.text()).into_bytes());
        assert!(!marker.was_seen());
    }
}
