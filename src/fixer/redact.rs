//! Takes secrets out of text before it leaves: known values, and whatever looks like a credential.

use std::sync::LazyLock;

use regex::Regex;
use secrecy::SecretString;

use crate::secrets::KnownSecrets;

/// Stands where a secret was.
pub(crate) const MARK: &str = "[redacted]";

/// Shapes of credentials; where there is a group `keep`, it stays.
const SHAPES: &[&str] = &[
    // Private keys, whole, also where the log cut the end off.
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\z)",
    // GitHub, GitLab, npm, PyPI, crates.io, RubyGems, Docker.
    r"\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|cio[A-Za-z0-9]{32}|rubygems_[a-f0-9]{32,}|dckr_pat_[\w-]{16,})",
    // Clouds: AWS ids, Google keys and OAuth, Azure storage and SAS, DigitalOcean, Heroku-style.
    r"\b(A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z0-9]{16}\b",
    r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}|\bAQ\.[\w-]{30,}",
    r"(?i)\b(?P<keep>AccountKey=|SharedAccessSignature=|[?&]sig=)[\w%+/=-]{20,}",
    r"\b(do[opr]_v1_[a-f0-9]{40,})",
    // Model servers, payments, chat, mail.
    r"\b(sk|pk|rk)-(proj-|ant-|or-|live-|test-)?[\w-]{16,}|\bgsk_[A-Za-z0-9]{16,}|\bhf_[A-Za-z0-9]{20,}|\bxai-[\w-]{20,}|\br8_[A-Za-z0-9]{20,}",
    r"\b[sr]k_(live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9]{16,}",
    r"\bxox[abeoprs]-[\w-]{10,}|\bxapp-[\w-]{10,}|https://hooks\.slack\.com/services/[\w/]+|https://discord(app)?\.com/api/webhooks/[\w/-]+",
    r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\bkey-[a-f0-9]{32}\b|\bAC[a-f0-9]{32}\b|\bSK[a-f0-9]{32}\b",
    // JSON Web Tokens.
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?",
    // Passwords in addresses.
    r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*:)[^\s/@]{3,}@",
    // HTTP headers.
    r"(?i)(?P<keep>\b(authorization|proxy-authorization|x-api-key|x-goog-api-key|private-token)\b['\x22]?\s*[:=]\s*['\x22]?(bearer |basic |token )?)[\w+/=.~-]{8,}",
    r"(?i)(?P<keep>\bbearer\s+)[\w+/=.~-]{16,}",
    // `SOME_TOKEN=value`, `"password": "value"` where the value is no code: one quoted or bare word of some length.
    r"(?P<keep>\b[A-Z0-9_]*(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)[A-Z0-9_]*\s*=\s*['\x22]?)[\w+/=.~!@#$%^&*-]{8,}",
    r"(?i)(?P<keep>\b[\w-]*(token|secret|password|passwd|api[_-]?key|access[_-]?key|client[_-]?secret)['\x22]?\s*[:=]\s*['\x22])[^'\x22\s]{8,}",
];

static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    // The table is constant and a test compiles every row.
    SHAPES.iter().filter_map(|shape| Regex::new(shape).ok()).collect()
});

/// Knows the run's own secrets, and what others look like.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    known: KnownSecrets,
}

impl Redactor {
    /// `secrets` are the values that must never leave.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        Self { known: KnownSecrets::new(secrets) }
    }

    /// The text without secrets.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut out = self.known.redact(text, MARK);
        for shape in COMPILED.iter() {
            if !shape.is_match(&out) {
                continue;
            }
            out = shape
                .replace_all(&out, |captures: &regex::Captures<'_>| {
                    let keep = captures.name("keep").map_or("", |m| m.as_str());
                    let end = if captures[0].ends_with('@') && keep.contains("://") { "@" } else { "" };
                    // Lines keep their numbers.
                    let lines = "\n".repeat(captures[0].matches('\n').count() - keep.matches('\n').count());
                    format!("{keep}{MARK}{end}{lines}")
                })
                .into_owned();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert_eq!(COMPILED.len(), SHAPES.len());
    }

    #[test]
    fn credentials_are_taken_out_by_their_shape() {
        let jwt = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0abc", "c2lnbmF0dXJl"].join(".");
        // Put together here, so that no scanner takes this file for a leak.
        for secret in [
            format!("gh{}_{}", "p", "a1B2".repeat(9)),
            format!("github_{}_{}", "pat", "a1B2".repeat(9)),
            format!("AKIA{}", "ABCD1234".repeat(2)),
            format!("AIza{}", "Sy-_a1B2".repeat(5)),
            format!("sk-{}{}", "proj-", "a1B2".repeat(9)),
            format!("gsk_{}", "a1B2".repeat(9)),
            format!("xox{}-1234567890-abcdefghij", "b"),
            format!("sk_{}_{}", "live", "a1B2".repeat(6)),
            jwt,
        ] {
            let text = format!("before {secret} after");
            assert_eq!(Redactor::default().redact(&text), format!("before {MARK} after"), "{secret}");
        }
        let key =
            format!("-----BEGIN {} KEY-----\nabc\ndef\n-----END {} KEY-----", "RSA PRIVATE", "RSA PRIVATE");
        assert_eq!(Redactor::default().redact(&format!("a\n{key}\nb")), format!("a\n{MARK}\n\n\n\nb"));
    }

    #[test]
    fn credentials_are_taken_out_by_their_name() {
        for (text, want) in [
            ("DB_PASSWORD=hunter2hunter2", "DB_PASSWORD=[redacted]"),
            ("\"api_key\": \"abcdefgh12345\"", "\"api_key\": \"[redacted]\""),
            ("postgres://user:s3cr3t@host/db", "postgres://user:[redacted]@host/db"),
            ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
        ] {
            assert_eq!(Redactor::default().redact(text), want);
        }
    }

    #[test]
    fn code_is_left_alone() {
        for text in [
            "let token = parser.next_token();",
            "def check_password(password: str) -> bool:",
            "error[E0432]: unresolved import `foo::Token`",
            "https://example.com/a:b",
            "assert tokens == ['a', 'b']",
            "const secret = process.env.SECRET;",
            "sk-learn and pk-tree",
            "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(Redactor::default().redact(text), text);
        }
    }

    #[test]
    fn known_values_are_found_in_other_clothes() {
        let redactor = Redactor::new(&["pa ss\"w0rd/+".into(), "abc".into()]);
        for text in ["x pa ss\"w0rd/+ y", "q=pa%20ss%22w0rd%2F%2B&", r#"{"a":"pa ss\"w0rd/+"}"#] {
            let out = redactor.redact(text);
            assert!(out.contains(MARK) && !out.contains("w0rd"), "{text}: {out}");
        }
        for pad in ["", "a", "ab"] {
            let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{pad}pa ss\"w0rd/+:zz"));
            assert!(redactor.redact(&encoded).contains(MARK), "{encoded}");
        }
        assert_eq!(redactor.redact("abc"), "abc", "too short to be told from a word");
        assert!(!format!("{redactor:?}").contains("w0rd"));
    }

    proptest::proptest! {
        #[test]
        fn a_known_value_never_survives(
            secret in "[!-~]{6,24}",
            before in "\\PC{0,30}",
            after in "\\PC{0,30}",
        ) {
            let redactor = Redactor::new(&[secret.clone().into()]);
            let out = redactor.redact(&format!("{before}{secret}{after}"));
            // The mark itself may hold a short secret's letters.
            proptest::prop_assume!(!MARK.contains(secret.as_str()));
            proptest::prop_assert!(!out.contains(&secret), "{out}");
        }
    }
}
