//! Names in messages.

/// Identifiers that the message quotes: `a::b` gives its last part first.
pub(super) fn quoted_names(message: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = message;
    while let Some(at) = rest.find(['`', '\'', '"']) {
        let quote = rest[at..].chars().next().unwrap_or('`');
        let inner = &rest[at + 1..];
        let Some(end) = inner.find(quote) else { break };
        let text = &inner[..end];
        for part in text.rsplit(|c: char| !c.is_alphanumeric() && c != '_') {
            let name_like = part.len() > 1 && !part.starts_with(|c: char| c.is_ascii_digit());
            if name_like && text.len() < 120 && !names.iter().any(|n| n == part) {
                names.push(part.to_owned());
            }
        }
        rest = &inner[end + 1..];
    }
    // javac names the symbol on a line of its own.
    for (word, next) in message.split_whitespace().zip(message.split_whitespace().skip(1)) {
        if matches!(word, "class" | "method" | "variable" | "symbol:" | "undefined:") {
            let name: String = next.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.len() > 1 && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
