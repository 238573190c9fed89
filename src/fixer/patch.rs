//! The name a patch goes by.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::contract::fix::FileChange;

/// A name for a set of changes: equal patches have equal names, in whatever order the files come.
#[must_use]
pub fn patch_fingerprint(changes: &[FileChange]) -> String {
    let mut sorted: Vec<_> = changes.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    for change in sorted {
        for part in [Some(change.path.as_str()), change.before.as_deref(), change.after.as_deref()] {
            // Lengths keep the parts apart, and a missing side from an empty one.
            let length = part.map_or(u64::MAX, |p| p.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: RepoPath::new(path).unwrap(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn names_follow_content_not_order() {
        let (a, b) = (change("a", Some("1"), Some("2")), change("b", None, Some("")));
        assert_eq!(patch_fingerprint(&[a.clone(), b.clone()]), patch_fingerprint(&[b.clone(), a.clone()]));
        assert_ne!(
            patch_fingerprint(std::slice::from_ref(&b)),
            patch_fingerprint(&[change("b", Some(""), Some(""))])
        );
        assert_ne!(patch_fingerprint(&[a]), patch_fingerprint(&[b]));
    }
}
