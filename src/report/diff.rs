//! Changes as a unified diff, for people to read.

use similar::TextDiff;

use crate::contract::fix::FileChange;

/// One unified diff over all files, three lines of context.
pub(super) fn unified(changes: &[FileChange]) -> String {
    let mut out = String::new();
    for change in changes {
        let path = change.path.as_str();
        let name = |prefix: &str, text: &Option<String>| match text {
            Some(_) => format!("{prefix}/{path}"),
            None => "/dev/null".to_owned(),
        };
        let (old, new) = (change.before.as_deref().unwrap_or(""), change.after.as_deref().unwrap_or(""));
        let diff = TextDiff::from_lines(old, new);
        let header = (name("a", &change.before), name("b", &change.after));
        out.push_str(&diff.unified_diff().header(&header.0, &header.1).to_string());
    }
    out
}
