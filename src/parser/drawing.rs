//! Where a finding drawn over several lines ends, in the style that rustc, clippy, ruff, ty and uv share:
//!
//! ```text
//! 1 | / import sys
//! 2 | | import os
//!   | |_________^
//! ```

use super::re;

/// Follows the lines drawn under one finding.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    /// The finding's own line, once the drawing has opened a span there.
    is_open: bool,
    /// The number of the last source line drawn.
    last: Option<u32>,
    end: Option<u32>,
}

impl Drawing {
    /// Takes a line of the drawing under a finding that begins on line `from`.
    pub(crate) fn line(&mut self, text: &str, from: Option<u32>) {
        if self.end.is_some() || from.is_none() {
            return;
        }
        if let Some(found) = re!(r"^\s*(\d+) +\|([ |]*/ )?").captures(text) {
            self.last = found[1].parse().ok();
            self.is_open |= found.get(2).is_some() && self.last == from;
        } else if self.is_open && re!(r"^\s+\|[ |]*\|_+\^").is_match(text) {
            self.end = self.last.filter(|last| Some(*last) >= from);
        }
    }

    /// The last line of the span, where it spans several.
    pub(crate) fn end(&self) -> Option<u32> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(drawing: &str, from: u32) -> Option<u32> {
        let mut read = Drawing::default();
        drawing.lines().for_each(|line| read.line(line, Some(from)));
        read.end()
    }

    #[test]
    fn a_span_ends_at_the_last_line_before_its_mark() {
        let ruff =
            "  |\n 1 | / import sys\n 2 | | import os\n10 | | import re\n   | |_________^\n11 |   x = 1\n";
        assert_eq!(end(ruff, 1), Some(10));
        let rustc =
            "  |\n4 | /     match x {\n5 | |         A => 1,\n...  |\n9 | |     }\n  | |_____^ expected\n";
        assert_eq!(end(rustc, 4), Some(9));
        let nested = "3 |   fn f() -> u8 {\n  |             -- expected\n4 |  /     if x {\n5 |  |     }\n  |  |_____^ expected\n";
        assert_eq!(end(nested, 4), Some(5));
    }

    #[test]
    fn one_line_and_other_spans_have_no_end() {
        assert_eq!(end("1 | import os\n  |        ^^\n", 1), None);
        // The span of a label, not of the finding.
        assert_eq!(end("2 | / fn f() {\n3 | |     y\n  | |     ^\n4 | | }\n  | |_- here\n", 3), None);
        assert_eq!(end("1 | a / b\n  |   ^\n", 1), None);
    }
}
