//! Reads a shell script as far as it can be read without running it: the simple commands in it, and what has to come
//! before each of them so that it means the same on its own. What this does not understand is left alone.

/// A word of a command as it stands in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Word {
    pub(in crate::plan) raw: String,
    /// What the command gets, where no expansion decides; patterns of file names stand as they are.
    pub(in crate::plan) literal: Option<String>,
    /// What stands in `$(…)`, `` `…` `` and `<(…)`.
    inner: Vec<String>,
}

impl Word {
    pub(super) fn plain(text: &str) -> Self {
        Self { raw: text.to_owned(), literal: Some(text.to_owned()), inner: Vec::new() }
    }

    pub(in crate::plan) fn is(&self, text: &str) -> bool {
        self.literal.as_deref() == Some(text)
    }

    /// `NAME=value` before a command.
    pub(in crate::plan) fn is_assignment(&self) -> bool {
        self.raw.split_once('=').is_some_and(|(name, _)| {
            let name = name.strip_suffix('+').unwrap_or(name);
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    }
}

/// A simple command that may be run on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Command {
    /// Commands before it that only set things up, in order.
    pub(in crate::plan) setup: Vec<String>,
    /// What lists the files, `|`, and `xargs` with its options; empty where the command stands alone.
    pub(in crate::plan) piped: String,
    pub(in crate::plan) words: Vec<Word>,
    /// Those of one number run the same in several packages; 0: none other does.
    pub(super) group: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word { word: Word, start: usize, end: usize },
    Redirect { input: bool, end: usize },
    Operator { text: &'static str, start: usize },
}

/// The simple commands of `script`, in order; none where it holds what is not understood (here-documents, functions,
/// `case`).
pub(in crate::plan) fn commands(script: &str) -> Vec<Command> {
    let text = script.replace("\r\n", "\n").replace("\\\n", " ");
    let mut reader = Reader::new(&text);
    reader.read().map_or_else(Vec::new, |()| reader.found)
}

/// Commands that only prepare: where and with what the ones after them run.
const SETUP: &[&str] =
    &["cd", "pushd", "popd", "export", "unset", "source", ".", "set", "shopt", "umask", "ulimit"];
/// Installs of the step's own: what they install is what CI ran.
const INSTALLS: &[&[&str]] = &[
    &["pip", "install"],
    &["pip3", "install"],
    &["python", "-m", "pip", "install"],
    &["python3", "-m", "pip", "install"],
    &["uv", "sync"],
    &["uv", "pip"],
    &["uv", "venv"],
    &["uv", "tool", "install"],
    &["pipx", "install"],
    &["poetry", "install"],
    &["pdm", "install"],
    &["pipenv", "install"],
    &["python", "-m", "venv"],
    &["python3", "-m", "venv"],
    &["npm", "ci"],
    &["npm", "install"],
    &["npm", "i"],
    &["yarn", "install"],
    &["pnpm", "install"],
    &["pnpm", "i"],
    &["bun", "install"],
    &["corepack", "enable"],
    &["go", "install"],
    &["go", "mod", "download"],
    &["cargo", "install"],
    &["rustup", "component"],
    &["rustup", "toolchain"],
    &["gem", "install"],
    &["bundle", "install"],
    &["bundle", "config"],
    &["composer", "install"],
    &["terraform", "init"],
    &["sudo", "apt-get"],
    &["apt-get"],
];
/// Commands that list files and change nothing.
const LISTS: &[&str] = &[
    "find", "git", "ls", "echo", "printf", "cat", "grep", "egrep", "sort", "uniq", "head", "tail", "tr",
    "cut", "fd", "rg",
];

/// One level of `( … )`.
#[derive(Default)]
struct Level {
    setup: Vec<String>,
    /// Compound commands open in it: what stands there may run or not.
    open: usize,
    /// Something was set up where it may not have run.
    uncertain: bool,
}

struct Reader<'t> {
    text: &'t str,
    levels: Vec<Level>,
    /// Where the pipeline began, and what is in it so far.
    pipeline: Option<(usize, Vec<Vec<Word>>)>,
    found: Vec<Command>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, levels: vec![Level::default()], pipeline: None, found: Vec::new() }
    }

    fn read(&mut self) -> Option<()> {
        let tokens = tokens(self.text)?;
        let mut words: Vec<Word> = Vec::new();
        let (mut start, mut end, mut reads_input, mut before) = (0, 0, false, "\n");
        for token in tokens {
            match token {
                Token::Word { word, start: at, end: to } => {
                    if words.is_empty() {
                        start = at;
                    }
                    end = to;
                    words.push(word);
                }
                Token::Redirect { input, end: to } => {
                    reads_input |= input;
                    end = end.max(to);
                }
                Token::Operator { text, start: at } => {
                    // `name()` begins a function.
                    if text == "(" && !words.is_empty() {
                        return None;
                    }
                    self.command(std::mem::take(&mut words), (start, end), reads_input, before, text)?;
                    match text {
                        "(" => self.levels.push(Level::default()),
                        ")" if self.levels.len() > 1 => {
                            self.levels.pop();
                        }
                        ")" | ";;" => return None,
                        _ => {}
                    }
                    if text != "|" {
                        self.pipeline = None;
                    }
                    (before, reads_input, start, end) = (text, false, at, at);
                }
            }
        }
        self.command(words, (start, end), reads_input, before, "\n")
    }

    /// Takes in one command between the operators `before` and `after`.
    fn command(
        &mut self,
        mut words: Vec<Word>,
        (mut start, end): (usize, usize),
        reads_input: bool,
        before: &str,
        after: &str,
    ) -> Option<()> {
        while let Some(first) = words.first() {
            let level = self.levels.last_mut()?;
            match first.raw.as_str() {
                "if" | "while" | "until" | "{" => level.open += 1,
                "fi" | "done" | "}" => level.open = level.open.checked_sub(1)?,
                "then" | "elif" | "else" | "do" | "!" => {}
                "for" | "select" => {
                    level.open += 1;
                    return Some(());
                }
                "case" | "function" => return None,
                _ => break,
            }
            let gone = words.remove(0).raw.len();
            start += gone;
            start += self.text[start..].len() - self.text[start..].trim_start().len();
        }
        if words.is_empty() {
            return Some(());
        }
        for inner in words.iter().flat_map(|w| &w.inner) {
            for mut command in commands(inner) {
                if self.may_stand(&command.words) {
                    command.setup = self.setup().into_iter().chain(command.setup).collect();
                    self.found.push(command);
                }
            }
        }
        let text = self.text.get(start..end)?.to_owned();
        let piped = before == "|";
        if is_setup(&words) {
            let level = self.levels.last_mut()?;
            if level.open > 0 {
                level.uncertain = true;
            } else if !piped && after != "|" && after != "&" && before != "||" {
                level.setup.push(text);
            }
        } else if self.may_stand(&words) && !reads_input {
            let through = piped.then(|| self.through_xargs(&mut words, end)).flatten();
            if let Some(piped) = through.or((!piped).then(String::new)) {
                self.found.push(Command { setup: self.setup(), piped, words: words.clone(), group: 0 });
            }
        }
        self.pipeline.get_or_insert((start, Vec::new())).1.push(words);
        Some(())
    }

    fn setup(&self) -> Vec<String> {
        self.levels.iter().flat_map(|level| level.setup.iter().cloned()).collect()
    }

    /// Whether a command here means the same on its own.
    fn may_stand(&self, words: &[Word]) -> bool {
        let certain = self.levels.iter().all(|level| !level.uncertain);
        let compound = self.levels.iter().any(|level| level.open > 0);
        certain && (!compound || words.iter().all(|word| word.literal.is_some()))
    }

    /// `list | xargs command`: takes `xargs` off the words; what then stands before them.
    fn through_xargs(&self, words: &mut Vec<Word>, end: usize) -> Option<String> {
        let (start, before) = self.pipeline.as_ref()?;
        let lists = |words: &Vec<Word>| {
            let first = words.first().and_then(|w| w.literal.as_deref()).unwrap_or_default();
            let changes = |w: &Word| {
                let text = w.literal.as_deref().unwrap_or("-exec");
                ["-exec", "-ok", "-delete", "-fprint", "-fls"].iter().any(|bad| text.starts_with(bad))
            };
            let of_git = first != "git"
                || words.get(1).is_some_and(|w| w.is("ls-files") || w.is("diff") || w.is("grep"));
            LISTS.contains(&first) && of_git && !words.iter().any(changes)
        };
        if !words.first()?.is("xargs") || !before.iter().all(lists) {
            return None;
        }
        let mut count = 1;
        while let Some(option) = words.get(count)?.literal.clone().filter(|o| o.starts_with('-')) {
            match option.as_str() {
                "-0" | "-r" | "-t" | "-0r" | "-r0" | "--null" | "--no-run-if-empty" => count += 1,
                "-n" | "-P" | "-d" | "-L" => count += 2,
                _ => return None,
            }
        }
        let listing = self.text.get(*start..end)?;
        let at = listing.rfind("xargs")?;
        let options: Vec<String> = words.drain(..count).map(|w| w.raw).collect();
        Some(format!("{}{} ", &listing[..at], options.join(" ")))
    }
}

fn is_setup(words: &[Word]) -> bool {
    let first = words[0].literal.as_deref().unwrap_or_default();
    let installs = |known: &&[&str]| {
        words.len() >= known.len() && known.iter().zip(words).all(|(text, word)| word.is(text))
    };
    SETUP.contains(&first) || words.iter().all(Word::is_assignment) || INSTALLS.iter().any(installs)
}

/// The script in words and operators; `None` where it holds a here-document or something unfinished.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let operator = ["&&", "||", "|&", ";;", "\n", ";", "|", "&", "(", ")"]
            .into_iter()
            .find(|op| rest.starts_with(op) && !(*op == "&" && rest.starts_with("&>")));
        if bytes[at] == b' ' || bytes[at] == b'\t' {
            at += 1;
        } else if bytes[at] == b'#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(operator) = operator {
            if operator == "|&" {
                return None;
            }
            found.push(Token::Operator { text: operator, start: at });
            at += operator.len();
        } else if let Some(length) = redirect(rest)? {
            let input = rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('<');
            let target = rest[length..].len() - rest[length..].trim_start_matches(' ').len();
            at += length + target;
            let (_, end) = word(text, at)?;
            at = end;
            found.push(Token::Redirect { input, end: at });
        } else {
            let (read, end) = word(text, at)?;
            found.push(Token::Word { word: read, start: at, end });
            at = end;
        }
    }
    Some(found)
}

/// The length of a redirection's operator at the start of `rest`; the outer `None` where it is a here-document.
#[expect(clippy::option_option, reason = "not understood, or not there")]
fn redirect(rest: &str) -> Option<Option<usize>> {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let sign = &rest[digits..];
    if sign.starts_with("<<") {
        return None;
    }
    // `<(…)` is a word.
    if sign.starts_with("<(") || sign.starts_with(">(") {
        return Some(None);
    }
    let operator =
        ["&>>", "&>", ">>", ">&", ">|", "<&", ">", "<"].into_iter().find(|op| sign.starts_with(op));
    Some(operator.map(|op| digits + op.len()))
}

/// The word at `at`, and where it ends.
fn word(text: &str, at: usize) -> Option<(Word, usize)> {
    let mut inner = Vec::new();
    let mut literal = Some(String::new());
    let mut chars = text[at..].char_indices().peekable();
    let mut quote = None;
    let mut end = text.len();
    while let Some((offset, c)) = chars.next() {
        let here = at + offset;
        let rest = &text[here..];
        let expands = quote != Some('\'');
        if expands
            && (rest.starts_with("$(")
                || quote.is_none() && (rest.starts_with("<(") || rest.starts_with(">(")))
        {
            let close = closing(rest, 2)?;
            inner.push(rest[2..close].to_owned());
            literal = None;
            while chars.next_if(|(o, _)| at + o <= here + close).is_some() {}
            continue;
        }
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (_, '`') if expands => {
                let close = rest[1..].find('`')? + 1;
                inner.push(rest[1..close].to_owned());
                literal = None;
                while chars.next_if(|(o, _)| at + o <= here + close).is_some() {}
            }
            (_, '$') if expands => literal = None,
            (None, '\'' | '"') => quote = Some(c),
            (None | Some('"'), '\\') => {
                let (_, next) = chars.next()?;
                if let Some(literal) = &mut literal {
                    literal.push(next);
                }
            }
            (None, ' ' | '\t' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>') => {
                end = here;
                break;
            }
            (_, c) => {
                if let Some(literal) = &mut literal {
                    literal.push(c);
                }
            }
        }
    }
    if quote.is_some() {
        return None;
    }
    (end > at).then(|| (Word { raw: text[at..end].to_owned(), literal, inner }, end))
}

/// Where the bracket that opened before `from` closes.
fn closing(text: &str, from: usize) -> Option<usize> {
    let mut depth = 1;
    let mut quote = None;
    let mut chars = text[from..].char_indices();
    while let Some((offset, c)) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next()?;
            }
            (None, '\'' | '"') => quote = Some(c),
            (_, '(') => depth += 1,
            (_, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(from + offset);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<String> {
        commands(script)
            .into_iter()
            .map(|c| {
                let words: Vec<&str> = c.words.iter().map(|w| w.raw.as_str()).collect();
                let mut parts = c.setup;
                parts.push(format!("{}{}", c.piped, words.join(" ")));
                parts.join(" && ")
            })
            .collect()
    }

    #[test]
    fn commands_are_found_with_what_sets_them_up() {
        for (script, expected) in [
            ("ruff check .", &["ruff check ."][..]),
            ("cd a\nexport X=1 # why\nblack --check \\\n  src", &["cd a && export X=1 && black --check src"]),
            (
                "echo hi; cd 'a b' && make lint || exit 1",
                &["echo hi", "cd 'a b' && make lint", "cd 'a b' && exit 1"],
            ),
            ("(cd a && x 1) && y 2", &["cd a && x 1", "y 2"]),
            (
                "pip install -q ruff==1\nruff check . > out.txt 2>&1",
                &["pip install -q ruff==1 && ruff check ."],
            ),
            ("test -z \"$(gofmt -l .)\"", &["gofmt -l .", "test -z \"$(gofmt -l .)\""]),
            ("if [ -n \"$(gofmt -l a)\" ]; then exit 1; fi\nx", &["gofmt -l a", "exit 1", "x"]),
            (
                "git ls-files '*.go' | xargs -r gofmt -l",
                &["git ls-files '*.go'", "git ls-files '*.go' | xargs -r gofmt -l"],
            ),
            ("diff <(echo -n) <(gofmt -d .)", &["echo -n", "gofmt -d .", "diff <(echo -n) <(gofmt -d .)"]),
            ("A=1 b c | tee log", &["A=1 b c"]),
        ] {
            assert_eq!(read(script), expected, "{script}");
        }
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for script in [
            "cat <<X\nblack --check .\nX",
            "f() { black --check .; }\nf",
            "case $x in a) black --check .;; esac",
            "echo 'open",
        ] {
            assert_eq!(read(script), Vec::<String>::new(), "{script}");
        }
        // Inside a loop only what does not depend on it; after a folder that may have changed nothing.
        assert_eq!(read("for d in a b; do black --check $d; done"), Vec::<String>::new());
        assert_eq!(read("if x; then cd a; fi; black --check ."), ["x"]);
        // Files that are deleted on the way, and input that is not there.
        assert_eq!(read("find . -delete | xargs black --check"), ["find . -delete"]);
        assert_eq!(read("cat a.py | black --check -"), ["cat a.py"]);
        assert_eq!(read("prettier --check <a.js"), Vec::<String>::new());
    }
}
