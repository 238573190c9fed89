//! Which models belong together: the same name but for the version in it.

/// A name taken apart: `gemini-3.8-flash` is `gemini-` `[3, 8]` `-flash`. Dates and revisions behind it do not count.
#[derive(Debug, PartialEq, Eq)]
struct Name<'n> {
    head: &'n str,
    version: Vec<u32>,
    tail: &'n str,
}

impl<'n> Name<'n> {
    /// `None` where no version is in it. A number of parameters (`120b`) is none.
    fn of(model: &'n str) -> Option<Self> {
        let bytes = model.as_bytes();
        let mut from = 0;
        while let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) {
            let length = |b: &&u8| b.is_ascii_digit() || **b == b'.';
            let end = start + bytes[start..].iter().take_while(length).count();
            let is_size = bytes.get(end).is_some_and(|b| b.eq_ignore_ascii_case(&b'b'));
            let begins_word = start == 0 || !bytes[start - 1].is_ascii_digit();
            if !is_size && begins_word && end - start <= 6 {
                let version: Option<Vec<u32>> = model[start..end]
                    .trim_end_matches('.')
                    .split('.')
                    .map(|part| part.parse().ok())
                    .collect();
                return Some(Self {
                    head: &model[..start],
                    version: version?,
                    tail: revision_off(&model[end..]),
                });
            }
            from = end;
        }
        None
    }
}

/// `-flash-001` → `-flash`; `-mini-2025-08-07` → `-mini`; `-flash-latest` → `-flash`
fn revision_off(tail: &str) -> &str {
    let tail = tail.strip_suffix("-latest").unwrap_or(tail);
    let is_number = |c: char| c.is_ascii_digit() || c == '-';
    let cut = tail.trim_end_matches(is_number);
    // Digits that belong to a word (`-4o1`) stay.
    if tail[cut.len()..].starts_with('-') || cut.len() == tail.len() { cut } else { tail }
}

/// Of those listed the newest of the family of `model`, itself aside.
pub(super) fn newest<'l>(model: &str, listed: &[&'l str]) -> Option<&'l str> {
    let wanted = Name::of(model)?;
    let fits = |name: &&&str| **name != model;
    let family = listed.iter().filter(fits).filter_map(|name| Some((Name::of(name)?, *name)));
    let family = family.filter(|(name, _)| name.head == wanted.head && name.tail == wanted.tail);
    // Of one version the plain name, not its revision.
    family
        .max_by(|(a, x), (b, y)| a.version.cmp(&b.version).then(y.len().cmp(&x.len())))
        .map(|(_, name)| name)
}

/// Whether a server that was asked for one model and names another really means another.
pub(super) fn is_other(asked: &str, answered: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let (asked, answered) = (last(asked), last(answered));
    let is_revision = |rest: &str| {
        rest.is_empty()
            || rest == "-latest"
            || rest.starts_with([':', '@'])
            || (rest.starts_with('-') && rest[1..].chars().all(|c| c.is_ascii_digit() || c == '-'))
    };
    let extends = |short: &str, long: &str| long.strip_prefix(short).is_some_and(is_revision);
    !answered.is_empty() && !extends(&asked, &answered) && !extends(&answered, &asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_same_family_answers() {
        let google = [
            "gemini-3.5-flash",
            "gemini-3.8-flash",
            "gemini-3.8-flash-001",
            "gemini-3.5-flash-lite",
            "gemini-3.10-flash-preview",
            "gemini-3.1-pro-preview",
            "text-embedding-004",
        ];
        assert_eq!(newest("gemini-2.5-flash", &google), Some("gemini-3.8-flash"));
        assert_eq!(newest("gemini-2.5-flash-lite", &google), Some("gemini-3.5-flash-lite"));
        assert_eq!(newest("gemini-2.0-flash-001", &google), Some("gemini-3.8-flash"));
        assert_eq!(newest("gemini-2.5-pro", &google), None, "a preview is another family");
        assert_eq!(
            newest("gemini-2.5-flash", &["gemini-3.9-flash", "gemini-3.10-flash"]),
            Some("gemini-3.10-flash")
        );
        let openai = ["gpt-6.1", "gpt-6.1-mini", "gpt-6.1-mini-2026-10-01", "gpt-5.6-luna"];
        assert_eq!(newest("gpt-5-mini-2025-08-07", &openai), Some("gpt-6.1-mini"));
        assert_eq!(newest("openai/gpt-oss-120b", &["openai/gpt-oss-20b"]), None, "a size is no version");
        assert_eq!(newest("qwen/qwen3-32b", &["qwen/qwen3.6-27b"]), None);
    }

    #[test]
    fn a_revision_is_no_other_model() {
        for (asked, answered) in [
            ("gpt-5", "gpt-5-2025-08-07"),
            ("gemini-3.8-flash", "gemini-3.8-flash-001"),
            ("openai/gpt-oss-120b", "gpt-oss-120b"),
            ("qwen3:free", "qwen3"),
            ("m", ""),
        ] {
            assert!(!is_other(asked, answered), "{asked} {answered}");
        }
        for (asked, answered) in [
            ("gpt-5", "gpt-5-mini"),
            ("gemini-2.5-pro", "gemini-3.8-flash"),
            ("gemini-flash-latest", "gemini-3.8-flash"),
        ] {
            assert!(is_other(asked, answered), "{asked} {answered}");
        }
    }
}
