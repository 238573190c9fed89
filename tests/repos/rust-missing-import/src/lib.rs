//! Counts words.

/// How often each word occurs.
pub fn tally(text: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::tally;

    #[test]
    fn counts_every_word() {
        let counts = tally("a b a");
        assert_eq!(counts["a"], 2);
        assert_eq!(counts["b"], 1);
    }
}
