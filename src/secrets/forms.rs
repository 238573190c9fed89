//! How a secret may be spelled.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// One spelling of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    pub(super) spelling: Spelling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// In any case, with separators in it.
    Text,
    /// As `Text`, and like no text in any language.
    Encoded,
    /// To the letter.
    Exact,
}

/// The user's name before a token, in basic authentication with GitHub.
const USER: &str = "x-access-token:";

/// Every form of a value; of one shorter than `long`, only the value itself, and as formats quote it.
pub(super) fn of(value: &str, long: usize) -> Vec<Form> {
    let is_long = value.chars().count() >= long;
    let spelling = if is_long { Spelling::Text } else { Spelling::Exact };
    let text = |text: String| Form { bytes: text.into_bytes(), spelling };
    let mut forms = vec![text(value.to_owned())];
    forms.extend(quoted(value).map(text));
    if is_long {
        forms.push(text(value.chars().rev().collect()));
        forms.extend(percent_encoded(value).map(text));
        let encoded = |text: &str| Form { bytes: text.as_bytes().to_vec(), spelling: Spelling::Encoded };
        forms.push(encoded(&hex(value)));
        forms.extend(base64(value).iter().map(|text| encoded(text)));
    }
    let plain = forms[0].bytes.clone();
    let mut is_first = true;
    forms.retain(|form| std::mem::take(&mut is_first) || form.bytes != plain);
    forms
}

/// As JSON, HTML, and workflow commands (values and properties) write it.
fn quoted(value: &str) -> impl Iterator<Item = String> {
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    // Some writers of JSON escape everything beyond ASCII, and what HTML gives a meaning.
    let ascii = json.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii() && !matches!(c, '<' | '>' | '&') {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    });
    let each = |escape: fn(char) -> Option<String>| {
        value.chars().fold(String::new(), |mut out, c| {
            match escape(c) {
                Some(escaped) => out.push_str(&escaped),
                None => out.push(c),
            }
            out
        })
    };
    let named = each(|c| {
        let name = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            _ => return None,
        };
        Some(name.to_owned())
    });
    let numbered = each(|c| "&<>\"'`*_[]!@#~\\|:$".contains(c).then(|| format!("&#{};", c as u32)));
    let data = each(|c| "%\r\n".contains(c).then(|| format!("%{:02X}", c as u32)));
    let property = each(|c| "%\r\n:,".contains(c).then(|| format!("%{:02X}", c as u32)));
    [json, ascii, named, numbered, data, property].into_iter()
}

/// As addresses hold it. What is left as it is differs: nothing, RFC 3986, forms, a path, a component, a whole address.
fn percent_encoded(value: &str) -> impl Iterator<Item = String> {
    ["", "-_.~", "-_.*", "-_.~/", "-_.~!'()*", "-_.~!'()*;,/?:@&=+$#"].into_iter().map(|left| {
        value.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || left.contains(char::from(byte)) {
                out.push(char::from(byte));
            } else if byte == b' ' && left == "-_.*" {
                out.push('+');
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
    })
}

fn hex(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// As a whole, as a password, and as part of something longer, which shows it at one of three alignments.
fn base64(value: &str) -> Vec<String> {
    let mut all = Vec::new();
    for text in [value.to_owned(), format!("{USER}{value}")] {
        all.push(STANDARD.encode(&text));
        all.push(URL_SAFE.encode(&text));
    }
    for before in 0..3 {
        let text = [&vec![0; before], value.as_bytes()].concat();
        // The characters that no neighbour has a part in: six bits each, of eight.
        let range = (before * 8).div_ceil(6)..text.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            all.extend(engine.encode(&text).get(range.clone()).map(str::to_owned));
        }
    }
    all
}
