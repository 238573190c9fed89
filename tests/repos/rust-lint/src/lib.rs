//! Greetings.

/// A greeting for a name, for nobody where there is none.
pub fn greet(name: &str) -> String {
    if name.len() == 0 {
        return "Hello, nobody".to_string();
    }
    return format!("Hello, {name}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn greets() {
        assert_eq!(super::greet("Ada"), "Hello, Ada");
        assert_eq!(super::greet(""), "Hello, nobody");
    }
}
