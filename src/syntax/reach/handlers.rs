//! What scripts catch and drop.

use super::Reading;

/// A `try` whose handler does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// What is tried, on one line without its brackets.
    pub tried: String,
    /// Something in it says what comes instead: it answers, or leaves another value.
    pub falls_back: bool,
    /// The whole, on one line.
    pub text: String,
    pub line: u32,
}

/// What leaves something behind, or leads elsewhere.
const FALLS_BACK: &[&str] = &[
    "return_statement",
    "assignment_expression",
    "augmented_assignment_expression",
    "variable_declarator",
    "break_statement",
    "continue_statement",
];

impl Reading {
    /// Of a script: every `try` with a handler in which nothing stands.
    pub fn dropped(&self) -> Vec<Dropped> {
        if !self.grammar.is_script() {
            return Vec::new();
        }
        (0..self.nodes.len()).filter_map(|node| self.dropped_by(node)).collect()
    }

    fn dropped_by(&self, node: usize) -> Option<Dropped> {
        if self.nodes[node].kind != "try_statement" {
            return None;
        }
        let handled = self.child(node, "handler").and_then(|handler| self.child(handler, "body"))?;
        if self.named(handled).iter().any(|n| self.nodes[*n].kind != "empty_statement") {
            return None;
        }
        let body = self.child(node, "body")?;
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let tried = words(self.text_of(body).trim_start_matches('{').trim_end_matches('}'));
        let falls_back = self.within(body).any(|n| FALLS_BACK.contains(&self.nodes[n].kind));
        Some(Dropped { tried, falls_back, text: words(self.text_of(node)), line: self.line(node) })
    }
}
