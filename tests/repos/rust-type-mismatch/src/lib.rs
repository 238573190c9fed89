//! Loud words.

/// The word in capitals, followed by exclamation marks.
pub fn shout(word: &str, marks: usize) -> String {
    let loud: String = word;
    loud.to_uppercase() + &"!".repeat(marks)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shouts() {
        assert_eq!(super::shout("hey", 2), "HEY!!");
    }
}
