//! Words and numbers that nobody can guess, from one secret of the run.

use sha2::{Digest, Sha256};

/// Gives words and numbers one after the other; the same ones for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Words {
    seed: [u8; 32],
    given: u64,
}

impl Words {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, given: 0 }
    }

    fn bytes(&mut self) -> [u8; 32] {
        self.given += 1;
        let mut digest = Sha256::new();
        digest.update(self.seed);
        digest.update(self.given.to_le_bytes());
        digest.finalize().into()
    }

    /// Eight letters and digits, a letter first: a part of a name in every language.
    pub(super) fn mark(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjkmnpqrstvwxz";
        const ALL: &[u8] = b"bcdfghjkmnpqrstvwxz23456789";
        let bytes = self.bytes();
        let pick = |of: &[u8], byte: u8| char::from(of[usize::from(byte) % of.len()]);
        let rest = bytes[1..8].iter().map(|byte| pick(ALL, *byte));
        std::iter::once(pick(LETTERS, bytes[0])).chain(rest).collect()
    }

    /// Six letters, of which a test makes a number when it runs.
    pub(super) fn letters(&mut self) -> String {
        self.bytes()[..6].iter().map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    pub(super) fn number(&mut self, from: u32, to: u32) -> u32 {
        let bytes = self.bytes();
        from + u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) % (to - from)
    }
}

/// A number that a test computes: how it stands in the test, and what it comes to.
pub(super) struct Computed {
    pub(super) letters: String,
    pub(super) factor: u32,
    /// The sum of the letters' codes, times the factor.
    pub(super) value: u32,
    /// Another number.
    pub(super) wrong: u32,
}

impl Computed {
    pub(super) fn new(words: &mut Words) -> Self {
        let (letters, factor) = (words.letters(), words.number(101, 997));
        let value = letters.bytes().map(u32::from).sum::<u32>() * factor;
        Self { letters, factor, value, wrong: value + words.number(1, 5000) }
    }
}
