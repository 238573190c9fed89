//! Names of executed tests, in bounded memory.

/// Bytes kept of one run's names. Beyond, none is kept: a part would look like the whole.
const MAX_BYTES: usize = 8 << 20;
/// What keeping a name costs beside its bytes.
const OVERHEAD: usize = 40;

#[derive(Debug, Default)]
pub(crate) struct TestIds {
    kept: Vec<String>,
    bytes: usize,
    /// All that were named, kept or not.
    named: u64,
}

impl TestIds {
    pub(crate) fn push(&mut self, id: impl Into<String>) {
        self.named += 1;
        if self.overflown() {
            return;
        }
        let id = id.into();
        self.bytes += id.len() + OVERHEAD;
        self.kept.push(id);
        if self.overflown() {
            self.kept = Vec::new();
        }
    }

    /// How many were named.
    pub(crate) fn len(&self) -> u64 {
        self.named
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.named == 0
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.kept.last().map(String::as_str)
    }

    pub(crate) fn append(&mut self, more: Self) {
        self.named += more.named - more.kept.len() as u64;
        self.bytes = self.bytes.max(if more.overflown() { more.bytes } else { 0 });
        if self.overflown() {
            self.kept = Vec::new();
        }
        for id in more.kept {
            self.push(id);
        }
    }

    /// Puts `prefix` before each.
    pub(crate) fn prefixed(self, prefix: &str) -> Self {
        let mut all =
            Self { named: self.named - self.kept.len() as u64, bytes: self.bytes, ..Self::default() };
        if !self.overflown() {
            all.bytes = 0;
            for id in self.kept {
                all.push(format!("{prefix}{id}"));
            }
        }
        all
    }

    /// Each name once, in order.
    pub(crate) fn distinct(mut self) -> Self {
        let before = self.kept.len();
        self.kept.sort();
        self.kept.dedup();
        self.named -= (before - self.kept.len()) as u64;
        self
    }

    /// All names, where all are known.
    pub(crate) fn complete(self) -> Option<Vec<String>> {
        (!self.overflown()).then_some(self.kept)
    }

    fn overflown(&self) -> bool {
        self.bytes > MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(names: usize) -> TestIds {
        let mut ids = TestIds::default();
        for at in 0..names {
            ids.push(format!("{at:0960}"));
        }
        ids
    }

    #[test]
    fn what_is_over_the_limit_is_counted_and_not_kept() {
        let limit = MAX_BYTES / (960 + OVERHEAD);
        assert_eq!(filled(limit).complete().map(|ids| ids.len()), Some(limit));
        let over = filled(limit + 1);
        assert_eq!(over.len(), limit as u64 + 1);
        assert_eq!(over.kept.capacity(), 0);
        assert_eq!(over.complete(), None);
    }

    #[test]
    fn joining_keeps_all_or_nothing() {
        let limit = MAX_BYTES / (960 + OVERHEAD);
        for (first, second) in [(2, 3), (limit, 1), (1, limit), (limit + 1, 1), (1, limit + 1)] {
            let mut ids = filled(first);
            ids.append(filled(second));
            assert_eq!(ids.len(), (first + second) as u64);
            let whole = (first + second <= limit).then_some(first + second);
            assert_eq!(ids.prefixed("").complete().map(|ids| ids.len()), whole, "{first} {second}");
        }
    }

    #[test]
    fn prefixes_and_repeats() {
        let mut ids = TestIds::default();
        for id in ["b", "a", "b"] {
            ids.push(id);
        }
        let ids = ids.prefixed("p.").distinct();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids.complete().unwrap(), ["p.a", "p.b"]);
    }
}
