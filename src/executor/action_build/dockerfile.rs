//! Reads a Dockerfile into what there is to do. What cannot be done here is refused by its line, never passed over.

use std::collections::BTreeMap;

/// Stages, and the arguments that stand before the first one.
#[derive(Debug, Default)]
pub(super) struct Dockerfile {
    pub(super) arguments: Vec<(String, Option<String>)>,
    pub(super) stages: Vec<Stage>,
    pub(super) escape: char,
}

/// What begins with a `FROM`.
#[derive(Debug)]
pub(super) struct Stage {
    /// As it is written: an image or an earlier stage.
    pub(super) from: String,
    pub(super) name: Option<String>,
    pub(super) line: usize,
    pub(super) instructions: Vec<Instruction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) line: usize,
    /// As people know it again.
    pub(super) shown: String,
    pub(super) what: What,
}

/// Values are as they are written: they are expanded when their turn comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Argument(Vec<(String, Option<String>)>),
    Env(Vec<(String, String)>),
    Run(Command),
    Copy(Copy),
    Folder(String),
    User(String),
    Shell(Vec<String>),
    Entrypoint(Command),
    Arguments(Command),
    /// Says something of the image that an action's container does not look at.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// For the shell.
    Text(String),
    Words(Vec<String>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Copy {
    /// Another stage or image; `None`: the context.
    pub(super) from: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) sources: Vec<Source>,
    pub(super) to: String,
    /// `ADD`, which unpacks archives.
    pub(super) unpacks: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Path(String),
    /// Text in the Dockerfile itself.
    Text {
        name: String,
        content: String,
        expands: bool,
    },
}

impl Command {
    fn of(text: &str) -> Self {
        words_of_json(text).map_or_else(|| Self::Text(text.to_owned()), Self::Words)
    }

    /// The words of a command line.
    pub(super) fn words(&self, shell: &[String]) -> Vec<String> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Text(text) => shell.iter().cloned().chain([text.clone()]).collect(),
        }
    }
}

/// A text in a Dockerfile that an instruction announces by `<<NAME`.
struct Heredoc {
    name: String,
    content: String,
    /// The name stands in quotes: the text is as it is.
    is_literal: bool,
}

/// Reads the whole file; the error names the line.
pub(super) fn parse(text: &str) -> Result<Dockerfile, String> {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    let mut file = Dockerfile { escape: escape_of(&lines), ..Dockerfile::default() };
    let mut at = 0;
    while let Some((line, whole)) = logical_line(&lines, &mut at, file.escape) {
        let (keyword, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole.as_str(), ""));
        let (keyword, rest) = (keyword.to_ascii_uppercase(), rest.trim());
        let fault = |what: &str| format!("line {line} of its Dockerfile: {what}");
        let takes_texts = ["RUN", "COPY", "ADD"].contains(&keyword.as_str());
        let texts =
            if takes_texts { heredocs(rest, &lines, &mut at).map_err(|e| fault(&e))? } else { Vec::new() };
        if keyword == "FROM" {
            file.stages.push(stage(rest, line).map_err(|what| fault(&what))?);
            continue;
        }
        let what = instruction(&keyword, rest, texts, file.escape).map_err(|what| fault(&what))?;
        let Some(stage) = file.stages.last_mut() else {
            match what {
                What::Argument(arguments) => file.arguments.extend(arguments),
                _ => return Err(fault("only ARG may stand before FROM")),
            }
            continue;
        };
        let shown = format!("{keyword} {}", rest.chars().take(120).collect::<String>());
        stage.instructions.push(Instruction { line, shown, what });
    }
    if file.stages.is_empty() {
        return Err("its Dockerfile has no FROM".to_owned());
    }
    Ok(file)
}

/// One instruction that another image leaves to those which are built on it.
pub(super) fn parse_trigger(text: &str) -> Result<Vec<Instruction>, String> {
    Ok(parse(&format!("FROM scratch\n{text}"))?
        .stages
        .pop()
        .map(|stage| stage.instructions)
        .unwrap_or_default())
}

/// The character that takes the meaning of the next one: `# escape=…` among the first lines may change it.
fn escape_of(lines: &[&str]) -> char {
    for line in lines {
        let Some((name, value)) = line.trim().strip_prefix('#').and_then(|line| line.split_once('=')) else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") {
            return value.trim().chars().next().unwrap_or('\\');
        }
    }
    '\\'
}

/// The next instruction, its continued lines joined, and the number of its first line.
fn logical_line(lines: &[&str], at: &mut usize, escape: char) -> Option<(usize, String)> {
    let (mut first, mut whole) = (0, String::new());
    while let Some(line) = lines.get(*at) {
        *at += 1;
        let bare = line.trim();
        // Comments and empty lines end nothing.
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if first == 0 {
            first = *at;
        }
        let end = line.trim_end();
        let escapes = end.chars().rev().take_while(|c| *c == escape).count();
        if escapes % 2 == 1 {
            whole.push_str(&end[..end.len() - escape.len_utf8()]);
        } else {
            whole.push_str(end);
            break;
        }
    }
    let whole = whole.trim().to_owned();
    (first > 0).then_some((first, whole))
}

/// The texts that follow an instruction's line, in the order in which it names them.
fn heredocs(rest: &str, lines: &[&str], at: &mut usize) -> Result<Vec<Heredoc>, String> {
    let mut found = Vec::new();
    for (name, strips, is_literal) in rest.split_whitespace().filter_map(heredoc_of) {
        let mut content = String::new();
        loop {
            let Some(line) = lines.get(*at) else { return Err(format!("<<{name} has no end")) };
            *at += 1;
            let line = if strips { line.trim_start_matches('\t') } else { line };
            if line == name {
                break;
            }
            content.push_str(line);
            content.push('\n');
        }
        found.push(Heredoc { name, content, is_literal });
    }
    Ok(found)
}

/// `<<NAME`, `<<-NAME`, `<<"NAME"`: the name, whether leading tabs go, whether the text is as it is.
fn heredoc_of(word: &str) -> Option<(String, bool, bool)> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (strips, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let bare = ['"', '\''].iter().find_map(|quote| rest.strip_prefix(*quote)?.strip_suffix(*quote));
    let name = bare.unwrap_or(rest);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| (name.to_owned(), strips, bare.is_some()))
}

fn stage(rest: &str, line: usize) -> Result<Stage, String> {
    let (flags, rest) = flags(rest);
    if let Some((name, _)) = flags.iter().find(|(name, _)| name != "platform") {
        return Err(format!("`FROM --{name}` is not known"));
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    let name = match words.as_slice() {
        [_] => None,
        [_, kind, name] if kind.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
        _ => return Err(format!("`FROM {rest}` is no image, alone or with a name")),
    };
    Ok(Stage { from: words[0].to_owned(), name, line, instructions: Vec::new() })
}

fn instruction(keyword: &str, rest: &str, texts: Vec<Heredoc>, escape: char) -> Result<What, String> {
    if rest.is_empty() {
        return Err(format!("`{keyword}` says nothing"));
    }
    Ok(match keyword {
        "ARG" => {
            let pair = |word: String| match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            What::Argument(words(rest, escape).into_iter().map(pair).collect())
        }
        "ENV" => What::Env(pairs(rest, escape)?),
        "RUN" => run(rest, texts)?,
        "COPY" | "ADD" => What::Copy(copy(keyword, rest, texts)?),
        "WORKDIR" => What::Folder(rest.to_owned()),
        "USER" => What::User(rest.to_owned()),
        "SHELL" => What::Shell(words_of_json(rest).ok_or("`SHELL` is no list of words")?),
        "ENTRYPOINT" => What::Entrypoint(Command::of(rest)),
        "CMD" => What::Arguments(Command::of(rest)),
        "LABEL" | "EXPOSE" | "MAINTAINER" | "STOPSIGNAL" | "HEALTHCHECK" | "VOLUME" | "ONBUILD" => {
            What::Nothing
        }
        other => return Err(format!("`{other}` is not known")),
    })
}

fn run(rest: &str, texts: Vec<Heredoc>) -> Result<What, String> {
    let (flags, rest) = flags(rest);
    for (name, value) in &flags {
        let part = |key: &str| value.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        match name.as_str() {
            // An empty cache, and a secret that nobody has given.
            "mount" if ["cache", "tmpfs"].contains(&part("type").unwrap_or("bind")) => {}
            "mount" if ["secret", "ssh"].contains(&part("type").unwrap_or("bind")) => {
                if part("required").is_some_and(|required| required != "false") {
                    return Err(format!("`RUN --mount={value}` wants what no build has here"));
                }
            }
            "network" if value == "default" => {}
            _ => return Err(format!("`RUN --{name}={value}` is not done here")),
        }
    }
    let Some(first) = texts.first() else { return Ok(What::Run(Command::of(rest))) };
    if texts.len() == 1 && heredoc_of(rest).is_some() {
        if first.content.starts_with("#!") {
            return Err("a `RUN` text that names its own interpreter is not done here".to_owned());
        }
        return Ok(What::Run(Command::Text(first.content.clone())));
    }
    // The shell reads them itself.
    let ends = texts.iter().map(|text| format!("{}{}\n", text.content, text.name));
    Ok(What::Run(Command::Text(format!("{rest}\n{}", ends.collect::<String>()))))
}

fn copy(keyword: &str, rest: &str, texts: Vec<Heredoc>) -> Result<Copy, String> {
    let (flags, rest) = flags(rest);
    let mut copy = Copy { unpacks: keyword == "ADD", ..Copy::default() };
    for (name, value) in flags {
        match name.as_str() {
            "from" if keyword == "COPY" && value.contains('$') => {
                return Err(format!("`COPY --from={value}`: no variable may stand there"));
            }
            "from" if keyword == "COPY" => copy.from = Some(value),
            "chown" => copy.owner = Some(value),
            "chmod" => copy.mode = Some(value),
            // How layers lie upon each other shows in no file.
            "link" => {}
            _ => return Err(format!("`{keyword} --{name}` is not done here")),
        }
    }
    let mut words =
        words_of_json(rest).unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
    copy.to = words.pop().unwrap_or_default();
    if words.is_empty() {
        return Err(format!("`{keyword}` needs what is copied, and where to"));
    }
    let mut texts = texts.into_iter();
    for word in words {
        let is_remote = ["http://", "https://", "git@", "git://"].iter().any(|way| word.starts_with(way));
        if copy.unpacks && is_remote {
            return Err(format!("`ADD {word}` would fetch from outside of the sandbox, which is not done"));
        }
        copy.sources.push(match heredoc_of(&word).and_then(|_| texts.next()) {
            Some(text) => Source::Text { name: text.name, content: text.content, expands: !text.is_literal },
            None => Source::Path(word),
        });
    }
    Ok(copy)
}

/// The leading `--name=value` words, and the rest.
fn flags(rest: &str) -> (Vec<(String, String)>, &str) {
    let (mut found, mut rest) = (Vec::new(), rest.trim_start());
    while let Some(flag) = rest.strip_prefix("--") {
        let (word, behind) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        let (name, value) = word.split_once('=').unwrap_or((word, "true"));
        found.push((name.to_ascii_lowercase(), value.trim_matches('"').to_owned()));
        rest = behind.trim_start();
    }
    (found, rest)
}

fn words_of_json(text: &str) -> Option<Vec<String>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok())?
}

/// Splits at blanks that are neither quoted nor escaped; quotes and escapes stay.
fn words(text: &str, escape: char) -> Vec<String> {
    let (mut found, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
        if c == escape && quote != Some('\'') {
            word.extend(chars.next());
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

/// `NAME=value …`, or the older `NAME value`.
fn pairs(text: &str, escape: char) -> Result<Vec<(String, String)>, String> {
    let words = words(text, escape);
    if words.first().is_some_and(|first| !first.contains('=')) {
        let (name, value) =
            text.split_once(char::is_whitespace).ok_or_else(|| format!("`ENV {text}` gives no value"))?;
        return Ok(vec![(name.to_owned(), value.trim().to_owned())]);
    }
    let pair = |word: String| {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` gives no value"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    words.into_iter().map(pair).collect()
}

/// A word without its quotes and escapes, its variables put in.
pub(super) fn expand(
    word: &str,
    escape: char,
    variables: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = word.chars().peekable();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' if !is_quoted => out.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => is_quoted = !is_quoted,
            c if c == escape => match chars.next() {
                Some(next) if !is_quoted || ['"', '$', escape].contains(&next) => out.push(next),
                next => out.extend([Some(c), next].into_iter().flatten()),
            },
            '$' if chars.peek() == Some(&'{') => {
                chars.next();
                let (mut inside, mut depth) = (String::new(), 1);
                for c in chars.by_ref() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    if depth == 0 {
                        break;
                    }
                    inside.push(c);
                }
                if depth > 0 {
                    return Err(format!("`{word}` has a brace without its other half"));
                }
                out.push_str(&braced(&inside, escape, variables)?);
            }
            '$' => {
                let mut name = String::new();
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                match name.as_str() {
                    "" => out.push('$'),
                    name => out.push_str(variables.get(name).map_or("", String::as_str)),
                }
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// `${NAME}`, and what it is without a value or with one.
fn braced(inside: &str, escape: char, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, rule) = inside.split_at(end);
    let value = variables.get(name);
    let (rule, set) = match rule.strip_prefix(':') {
        Some(rule) => (rule, value.filter(|value| !value.is_empty())),
        None => (rule, value),
    };
    let mut rest = rule.chars();
    match (rest.next(), set) {
        (None, _) => Ok(value.cloned().unwrap_or_default()),
        (Some('-'), Some(set)) => Ok(set.clone()),
        (Some('+'), None) => Ok(String::new()),
        (Some('-' | '+'), _) => expand(rest.as_str(), escape, variables),
        (Some('?'), Some(set)) => Ok(set.clone()),
        _ => Err(format!("`${{{inside}}}` has no value, or is not read here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> What {
        let instructions = parse(&format!("FROM a\n{text}")).unwrap().stages.remove(0).instructions;
        assert_eq!(instructions.len(), 1, "{instructions:?}");
        instructions[0].what.clone()
    }

    fn refused(text: &str) -> String {
        parse(&format!("FROM a\n{text}")).unwrap_err()
    }

    #[test]
    fn instructions_are_joined_over_their_lines_and_stages_told_apart() {
        let text = "# syntax=docker/dockerfile:1\nARG V=1 W\nFROM --platform=linux/amd64 a:$V AS Build\n\nrun one && \\\n  # why\n\n  two \\\n  three\nFROM b\nCOPY --from=build /x /y\nENTRYPOINT [\"/y\", \"-v\"]\n";
        let file = parse(text).unwrap();
        assert_eq!(file.arguments, [("V".to_owned(), Some("1".to_owned())), ("W".to_owned(), None)]);
        let [first, second] = &file.stages[..] else { panic!("two stages") };
        assert_eq!((first.from.as_str(), first.name.as_deref(), first.line), ("a:$V", Some("build"), 3));
        assert_eq!(first.instructions[0].what, What::Run(Command::Text("one &&   two   three".to_owned())));
        assert_eq!(first.instructions[0].line, 5);
        let words = ["/y", "-v"].map(str::to_owned).to_vec();
        assert_eq!(second.instructions[1].what, What::Entrypoint(Command::Words(words)));
        let windows = parse("# escape=`\nFROM a\nRUN x `\n y\\z\n").unwrap();
        assert_eq!(windows.stages[0].instructions[0].what, What::Run(Command::Text("x  y\\z".to_owned())));
    }

    #[test]
    fn texts_in_the_file_are_a_command_or_a_file() {
        let text = |what: &str| What::Run(Command::Text(what.to_owned()));
        assert_eq!(only("RUN <<EOF\nset -e\n# kept\ntrue\nEOF"), text("set -e\n# kept\ntrue\n"));
        assert_eq!(only("RUN python3 - <<'E'\nprint(1)\nE"), text("python3 - <<'E'\nprint(1)\nE\n"));
        assert_eq!(only("RUN cat <<<word"), text("cat <<<word"));
        let What::Copy(copy) = only("COPY <<-\"EOF\" /run.sh\n\techo $A\n\tEOF") else { panic!("a copy") };
        let source = Source::Text { name: "EOF".to_owned(), content: "echo $A\n".to_owned(), expands: false };
        assert_eq!((copy.sources, copy.to.as_str()), (vec![source], "/run.sh"));
        assert!(refused("RUN <<EOF\n#!/usr/bin/env python3\nEOF").contains("names its own interpreter"));
        assert!(refused("RUN <<EOF\nx").contains("<<EOF has no end"));
    }

    #[test]
    fn what_is_not_done_here_is_refused_by_its_line() {
        for (text, says) in [
            (
                "RUN --mount=type=bind,target=/x make",
                "line 2 of its Dockerfile: `RUN --mount=type=bind,target=/x`",
            ),
            ("RUN --mount=type=secret,id=t,required=true x", "wants what no build has here"),
            ("RUN --security=insecure x", "`RUN --security=insecure` is not done here"),
            ("RUN --network=host x", "`RUN --network=host` is not done here"),
            ("ADD http://169.254.169.254/x /x", "would fetch from outside of the sandbox"),
            ("COPY --parents a b /c", "`COPY --parents` is not done here"),
            ("COPY a", "needs what is copied"),
            ("FRMO x", "`FRMO` is not known"),
        ] {
            assert!(refused(text).contains(says), "{text}: {}", refused(text));
        }
        assert!(parse("RUN x\nFROM a").unwrap_err().contains("only ARG may stand before FROM"));
        assert!(parse("# nothing").unwrap_err().contains("no FROM"));
        let cached = only("RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=t make");
        assert_eq!(cached, What::Run(Command::Text("make".to_owned())));
    }

    #[test]
    fn variables_are_put_in_by_the_shell_s_rules() {
        let variables =
            [("A", "1"), ("EMPTY", ""), ("P", "/bin")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let expanded = |word: &str| expand(word, '\\', &variables).unwrap();
        for (word, is) in [
            ("$A-${A}b", "1-1b"),
            ("$NONE${NONE}", ""),
            ("${NONE:-d$A}${EMPTY:-e}${EMPTY-f}", "d1e"),
            ("${A:+yes}${EMPTY:+no}${EMPTY+set}", "yesset"),
            ("'$A \"' \"$A b\" \\$A", "$A \" 1 b $A"),
            ("\"a\\\"b\\n\"", "a\"b\\n"),
            ("5$ $", "5$ $"),
        ] {
            assert_eq!(expanded(word), is, "{word}");
        }
        assert!(expand("${A#1}", '\\', &variables).is_err());
        assert!(expand("${A", '\\', &variables).is_err());
        let two =
            What::Env(vec![("A".to_owned(), "b\\ c".to_owned()), ("D".to_owned(), "\"e f\"".to_owned())]);
        assert_eq!(only("ENV A=b\\ c D=\"e f\""), two);
        assert_eq!(only("ENV A b  c"), What::Env(vec![("A".to_owned(), "b  c".to_owned())]));
    }
}
