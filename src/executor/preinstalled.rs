//! Which tools of the multi-runtime image steps used although nothing installed them: each tool's command writes itself
//! down (see `docker/Dockerfile.sandbox`). Steps can write anything there as well, so it is told and decides nothing.

use super::error::ExecutorError;
use super::sandbox::Sandbox;

/// One line per use: `ruff 0.14.14`.
pub(super) const FILE: &str = "/ci-healer/preinstalled";
/// A step that calls a tool for every file writes many lines.
const LIMIT: usize = 1 << 20;
const MOST: usize = 20;

/// What the report says of them; nothing where none was used.
pub(super) async fn note(sandbox: &Sandbox) -> Result<Option<String>, ExecutorError> {
    let used = match sandbox.get_file(FILE, LIMIT).await {
        Ok(used) => used.unwrap_or_default(),
        Err(ExecutorError::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(text(&String::from_utf8_lossy(&used)))
}

fn text(used: &str) -> Option<String> {
    let is_plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    let mut tools: Vec<&str> = Vec::new();
    for line in used.lines().filter(|line| line.len() < 60) {
        let is_tool = line.split_once(' ').is_some_and(|(name, version)| is_plain(name) && is_plain(version));
        if is_tool && !tools.contains(&line) && tools.len() < MOST {
            tools.push(line);
        }
    }
    (!tools.is_empty()).then(|| {
        format!(
            "no step installed {}: the sandbox's own stood in, and CI may have had another version or none",
            tools.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_told_once_and_nothing_else() {
        let used = "ruff 0.14.14\npytest 8.4.2\nruff 0.14.14\n<b>x</b> 1\nrm\n\n";
        assert!(text(used).unwrap().starts_with("no step installed ruff 0.14.14, pytest 8.4.2: "));
        assert_eq!(text(""), None);
        let many: String = (0..99).map(|n| format!("tool{n} 1\n")).collect();
        assert_eq!(text(&many).unwrap().matches("tool").count(), MOST);
    }
}
