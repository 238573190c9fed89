use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const MARK: &str = "***";

fn known(secrets: &[&str]) -> KnownSecrets {
    let secrets: Vec<SecretString> = secrets.iter().map(|s| SecretString::from(*s)).collect();
    KnownSecrets::new(&secrets)
}

fn redact(secret: &str, text: &str) -> String {
    known(&[secret]).redact(text, MARK)
}

const TOKEN: &str = "gsk_groq-Canary-2c7f41aa";

#[test]
fn every_form_is_found() {
    let with = |separator: &str| {
        let characters: Vec<String> = TOKEN.chars().map(String::from).collect();
        characters.join(separator)
    };
    let hex: String = TOKEN.bytes().map(|b| format!("{b:02x}")).collect();
    for form in [
        TOKEN.to_owned(),
        TOKEN.to_uppercase(),
        TOKEN.to_lowercase(),
        TOKEN.chars().rev().collect(),
        hex.clone(),
        hex.to_uppercase(),
        hex.as_bytes().chunks(2).map(|b| String::from_utf8_lossy(b)).collect::<Vec<_>>().join(":"),
        with(" "),
        with("-"),
        with("\n"),
        with("\r\n    "),
        with("\u{200b}"),
        with("⟨U+200B⟩"),
        with("\u{1b}[31m"),
        with("│"),
        "gsk_groq-Cana-ry-2c7f-41aa".to_owned(),
        "gsk_groq\" + \"-Canary\" + \"-2c7f41aa".to_owned(),
        "gsk_groq-Can'\n                    'ary-2c7f41aa".to_owned(),
        "gsk_groq\n-Canary-2c\n7f41aa".to_owned(),
        STANDARD.encode(TOKEN),
        URL_SAFE_NO_PAD.encode(TOKEN),
        STANDARD.encode(format!("x-access-token:{TOKEN}")),
    ] {
        let text = format!("before: {form} :after");
        assert_eq!(without_breaks(&redact(TOKEN, &text)), "before: *** :after", "{form}");
    }
}

fn without_breaks(text: &str) -> String {
    text.replace('\n', "")
}

#[test]
fn escapes_are_seen_through() {
    let secret = "pa ss\"wörd<&/+\\x:y";
    let url: String = secret.bytes().map(|b| format!("%{b:02x}")).collect();
    let html = "pa ss&quot;wörd&lt;&amp;/+\\x:y";
    let numbered = "pa ss&#34;wörd&#60;&#38;/+&#92;x&#58;y";
    for form in [
        serde_json::Value::from(secret).to_string(),
        "pa%20ss%22w%C3%B6rd%3C%26%2F%2B%5Cx%3Ay".to_owned(),
        "pa+ss%22w%c3%b6rd%3c%26%2f%2b%5cx%3ay".to_owned(),
        "pa%20ss%22w%C3%B6rd%3C&/+%5Cx:y".to_owned(),
        "pa ss\\\"w\\u00f6rd\\u003c\\u0026/+\\\\x:y".to_owned(),
        html.to_owned(),
        numbered.to_owned(),
    ] {
        let out = redact(secret, &format!("[{form}]"));
        assert!(out.contains(MARK) && !out.contains("rd"), "{form}: {out}");
    }
    // Every byte encoded, as nobody has to: hex with percent signs between.
    assert!(redact(secret, &url).starts_with('%') && !redact(secret, &url).contains("77"), "{url}");
}

#[test]
fn base64_is_found_at_every_alignment_and_over_lines() {
    for before in 0..6 {
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(format!("{}{TOKEN}{}", "\u{3}".repeat(before), "?>".repeat(40)));
            let out = redact(TOKEN, &text);
            assert!(out.contains(MARK) && out.len() + 20 < text.len(), "{before}: {out}");
            let wrapped: Vec<_> = text.as_bytes().chunks(16).map(|l| String::from_utf8_lossy(l)).collect();
            let lines = wrapped.join("\n  ");
            let out = redact(TOKEN, &lines);
            assert!(out.contains(MARK), "{before}: {out}");
            assert_eq!(out.matches('\n').count(), lines.matches('\n').count(), "lines keep their numbers");
        }
    }
}

#[test]
fn punctuation_is_followed_by_itself() {
    let secret = "p@$$w0!#";
    for form in ["p@$$w0!#", "P@$$W0!#", "#!0w$$@p", "p @ $ $ w 0 ! #", "p-@-$-$-w-0-!-#", "p@$$\n  w0!#"] {
        assert_eq!(without_breaks(&redact(secret, &format!("a {form} b"))), "a *** b", "{form}");
    }
    assert_eq!(redact(secret, "a pw0 b p-w0 c"), "a pw0 b p-w0 c", "letters alone are not enough");
    let dashes = "--!!--??";
    assert_eq!(redact(dashes, "---!!--??-"), "***-");
    assert_eq!(redact(dashes, "------"), "------");
}

#[test]
fn short_secrets_are_known_as_they_are() {
    assert_eq!(
        redact("stage1", "on stage1, Stage1 and 1egats; c3RhZ2Ux"),
        "on ***, Stage1 and 1egats; c3RhZ2Ux"
    );
    assert_eq!(redact("stage1", "s-t-a-g-e-1 stage 1"), "s-t-a-g-e-1 stage 1");
    assert_eq!(redact("st\"ge1", r#"{"a": "st\"ge1"}"#), r#"{"a": "***"}"#);
    assert_eq!(redact("abc", "abc"), "abc", "too short to be told from a word");
}

#[test]
fn parts_and_neighbours() {
    let two = known(&["first-secret", "first-secret-longer"]);
    assert_eq!(two.redact("x first-secret-longer y first-secret z", MARK), "x *** y *** z");
    assert_eq!(redact("first-secret", "first-secretfirst-secret"), "******");
    assert_eq!(redact("first-secret", "first-first-secret"), "first-***");
    assert_eq!(redact("abcabcab", "xabcabcabcabcabx"), "x***x", "what overlaps is one");
    assert_eq!(redact("--private--", "a --private-- b, private"), "a *** b, private");
    assert_eq!(redact("--privately--", "a --privately-- b"), "a *** b");
}

#[test]
fn lines_of_a_secret_are_secrets() {
    let key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7\nq83vEjRWeJq83vEj\n-----END KEY-----";
    for line in key.lines() {
        assert_eq!(redact(key, &format!("<{line}>")), "<***>");
    }
    assert_eq!(redact(key, &format!("<{key}>")), "<***\n\n\n>");
    assert!(!format!("{:?}", known(&[key])).contains("MII"));
}

/// No secret of random letters is seen in text that was written without knowing it.
#[test]
fn english_is_left_alone() {
    let readme = include_str!("../../README.md");
    let alphabets = ["0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"];
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = |below: usize| {
        // Knuth's linear congruence: the same secrets in every run.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..100 {
        let alphabet = alphabets[round % 2].as_bytes();
        let secrets: Vec<String> =
            (0..20).map(|_| (0..8).map(|_| char::from(alphabet[next(alphabet.len())])).collect()).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_eq!(known(&secrets).redact(readme, MARK), readme, "{secrets:?}");
    }
}

/// Time is linear whatever the text: were it not, this would take hours.
#[test]
fn hostile_text_takes_no_longer() {
    let repeated = "a".repeat(200);
    let secrets = known(&[&repeated, "aaaaaaab", "!!!!!!!!!!!!!!!a"]);
    for text in ["a", "a!", "!", "aaaaaaa b"] {
        let text = text.repeat(300_000 / text.len());
        let started = std::time::Instant::now();
        let _ = secrets.redact(&text, MARK);
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
    }
}

fn in_pieces(known: &KnownSecrets, text: &str, sizes: &[usize]) -> String {
    let mut masking = Masking::new();
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).clamp(1, rest.len());
        out.extend(masking.push(known, &rest[..size], MARK));
        rest = &rest[size..];
    }
    out.extend(masking.finish(MARK));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_secret_over_the_borders_of_pieces_is_masked() {
    let known = known(&[TOKEN, "p@$$w0!#"]);
    let text = format!("one {TOKEN} two\n{}\nthree p@$$w0!# four", STANDARD.encode(TOKEN));
    let whole = known.redact(&text, MARK);
    assert_eq!(whole, "one *** two\n***\nthree *** four");
    for size in 1..text.len() {
        assert_eq!(in_pieces(&known, &text, &[size]), whole, "pieces of {size}");
    }
}

#[test]
fn what_is_no_secret_does_not_wait() {
    let known = known(&[TOKEN]);
    let mut masking = Masking::new();
    assert_eq!(masking.push(&known, b"a plain line\n", MARK), b"a plain line\n");
    assert_eq!(masking.push(&known, b"it is gsk_gr", MARK), b"it is ");
    assert_eq!(masking.push(&known, b"een\n", MARK), b"gsk_green\n");
    assert_eq!(masking.push(&known, TOKEN.as_bytes(), MARK), b"***");
    assert_eq!(masking.push(&known, b"\nline ends in gsk\n", MARK), b"\nline ends in gsk\n");
    assert_eq!(masking.push(&known, &TOKEN.as_bytes()[3..], MARK), b"***");
    assert_eq!(masking.finish(MARK), b"");
}

/// A form of a secret: which one, and what stands between its characters.
fn form(secret: &str, which: usize, separator: &str) -> String {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let spelled = match which {
        0 => secret.to_owned(),
        1 => secret.to_uppercase(),
        2 => secret.to_lowercase(),
        3 => secret.chars().rev().collect(),
        4 => hex,
        5 => hex.to_uppercase(),
        6 => STANDARD.encode(secret),
        7 => URL_SAFE.encode(secret),
        8 => secret
            .chars()
            .enumerate()
            .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect(),
        _ => secret
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect(),
    };
    // Percent signs take no separator into what follows them.
    if which > 8 {
        return spelled;
    }
    let characters: Vec<String> = spelled.chars().map(String::from).collect();
    characters.join(separator)
}

/// The letters and digits of a text, case aside.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

proptest! {
    #[test]
    fn no_form_survives(
        secret in "[!-~]{8,24}",
        which in 0usize..10,
        separator in prop::sample::select(vec!["", "", " ", "\n", "\r\n", "\t", "·", ", ", "\n        "]),
        before in "\\PC{0,20}",
        after in "\\PC{0,20}",
        sizes in prop::collection::vec(1usize..12, 1..6),
    ) {
        let spelled = form(&secret, which, separator);
        let known = known(&[&secret]);
        // At the neighbours' borders nothing of the secret may begin or end by chance.
        let text = format!("{before}\u{1}{spelled}\u{1}{after}");
        let out = known.redact(&text, MARK);
        prop_assert!(out.contains(MARK), "{text:?} → {out:?}");
        prop_assert!(!out.contains(&spelled), "{text:?} → {out:?}");
        let (left, hidden) = (letters(&out), letters(&spelled));
        prop_assert!(hidden.len() < 6 || !left.contains(&hidden), "{text:?} → {out:?}");
        let pieces = in_pieces(&known, &text, &sizes);
        prop_assert!(pieces.contains(MARK) && !pieces.contains(&spelled), "{text:?} → {pieces:?}");
        prop_assert!(out.starts_with(before.as_str()) || before.chars().any(|c| c.is_ascii_punctuation() || c.is_alphanumeric()));
    }

    #[test]
    fn text_without_secrets_is_unchanged(
        secrets in prop::collection::vec("[A-Za-z0-9_+/-]{8,40}|[!-~]{6,20}", 1..5),
        text in "(\\PC|[ -~\n\r\t]|\u{1b}\\[1m){0,400}",
        sizes in prop::collection::vec(1usize..50, 1..6),
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let known = known(&secrets);
        prop_assert_eq!(&known.redact(&text, MARK), &text);
        prop_assert_eq!(in_pieces(&known, &text, &sizes), text);
    }

    #[test]
    fn nothing_else_is_lost(
        words in prop::collection::vec("[a-z ,.\n]{0,12}", 1..12),
        sizes in prop::collection::vec(1usize..40, 1..6),
    ) {
        let known = known(&[TOKEN]);
        let text = words.join(TOKEN);
        let want = words.join(MARK);
        prop_assert_eq!(&known.redact(&text, MARK), &want);
        prop_assert_eq!(in_pieces(&known, &text, &sizes), want);
    }
}
