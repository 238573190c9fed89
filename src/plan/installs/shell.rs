//! A shell script's simple commands, as far as a plain reading tells them.

/// Words of each command, without quotes; `None` where the script needs more than a plain reading.
pub(in crate::plan) fn commands(script: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = script.chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('`', None | Some('"')) => return None,
            ('$', None | Some('"')) if chars.peek() == Some(&'(') => {
                let text = substitution(&mut chars)?;
                word.get_or_insert_default().push_str(&text);
            }
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => match chars.next() {
                Some('\n') => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => {}
            },
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('<', None) if chars.peek() == Some(&'<') => return None,
            ('#', None) if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            ('>' | '<', None) => {
                // The target is no argument: what is written there comes from the command.
                if word.as_ref().is_none_or(|w| !w.chars().all(|c| c.is_ascii_digit())) {
                    words.extend(word.take());
                }
                word = None;
                while chars.next_if(|c| matches!(c, '>' | '&' | ' ' | '|')).is_some() {}
                while chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '&' | '|')).is_some() {}
            }
            ('\n' | ';' | '&' | '|' | '(' | ')', None) => {
                words.extend(word.take());
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word);
    if !words.is_empty() {
        commands.push(words);
    }
    Some(commands)
}

/// A command substitution that only asks; its text stays.
fn substitution(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    const ASKS: [&str; 14] = [
        "go env",
        "npm ",
        "pwd",
        "uname",
        "nproc",
        "date",
        "id ",
        "which ",
        "command -v",
        "python -c",
        "python3 -c",
        "lsb_release",
        "dpkg --",
        "basename",
    ];
    let text: String = std::iter::from_fn(|| chars.next_if(|c| *c != ')')).collect();
    chars.next();
    let inner = text.trim_start_matches('(').trim();
    let only_asks =
        ASKS.iter().any(|ask| format!("{inner} ").starts_with(ask)) && !inner.contains(['(', ';', '&', '|']);
    only_asks.then(|| format!("${text})"))
}
