//! Which commands a shell script calls, as far as its text says so.

/// Deeper nesting than any script a person wrote.
const MAX_DEPTH: usize = 40;
/// Stands in a word for what only the run could tell.
const OPEN: char = '\u{0}';
/// They open or close what holds commands, and are none themselves.
const RESERVED: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "time"];

/// The names of all commands that the script calls, those of its own functions left out; `None` where its text does not
/// say which they are.
pub(super) fn commands(script: &str) -> Option<Vec<String>> {
    let mut reader = Reader {
        chars: script.chars().collect(),
        at: 0,
        depth: 0,
        called: Vec::new(),
        functions: Vec::new(),
        documents: Vec::new(),
    };
    reader.list(End::OfText)?;
    let Reader { mut called, functions, .. } = reader;
    called.retain(|name| !functions.contains(name));
    (!called.iter().any(|name| name.contains(OPEN))).then_some(called)
}

/// What ends a list of commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    OfText,
    Bracket,
    /// `;;` or `esac`
    Branch,
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    called: Vec<String>,
    functions: Vec<String>,
    /// The ends of the documents (`<<EOF`) that begin in the next line.
    documents: Vec<String>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < MAX_DEPTH).then_some(())
    }

    fn list(&mut self, end: End) -> Option<()> {
        self.deeper()?;
        let mut words: Vec<String> = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                self.end_command(&mut words);
                self.depth -= 1;
                return (end == End::OfText).then_some(());
            };
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.chars.get(self.at + 1) == Some(&'\n') => self.at += 2,
                '#' => self.skip_to_line_end(),
                '\n' => {
                    self.end_command(&mut words);
                    self.at += 1;
                    self.skip_documents();
                }
                ';' if end == End::Branch && self.starts_with(";;") => {
                    self.end_command(&mut words);
                    self.at += 2;
                    self.depth -= 1;
                    return Some(());
                }
                '<' | '>' => self.redirection()?,
                '&' if self.starts_with("&>") => self.redirection()?,
                ';' | '&' | '|' => {
                    self.end_command(&mut words);
                    self.at += 1;
                }
                '(' => self.bracket(&mut words)?,
                ')' => {
                    self.end_command(&mut words);
                    self.at += 1;
                    self.depth -= 1;
                    return (end == End::Bracket).then_some(());
                }
                _ => {
                    let word = self.word()?;
                    if end == End::Branch && word == "esac" && name(&words).is_none() {
                        self.end_command(&mut words);
                        self.at -= "esac".len();
                        self.depth -= 1;
                        return Some(());
                    }
                    self.take(word, &mut words)?;
                }
            }
        }
    }

    /// A word of a command; some begin what has rules of its own.
    fn take(&mut self, word: String, words: &mut Vec<String>) -> Option<()> {
        let is_name = name(words).is_none();
        match word.as_str() {
            "[[" if is_name => {
                self.called.push(word);
                words.clear();
                self.skip_past("]]")
            }
            "{" if words.first().is_some_and(|w| w == "function") => {
                self.end_command(words);
                Some(())
            }
            "case" if is_name => {
                words.clear();
                self.case()
            }
            // A digit before `>` belongs to the redirection.
            digits
                if matches!(self.peek(), Some('<' | '>')) && digits.chars().all(|c| c.is_ascii_digit()) =>
            {
                Some(())
            }
            _ => {
                words.push(word);
                Some(())
            }
        }
    }

    fn end_command(&mut self, words: &mut Vec<String>) {
        if let Some(name) = name(words) {
            if name == "function" {
                self.functions.extend(words.get(1).cloned());
            } else {
                self.called.push(name.to_owned());
            }
        }
        words.clear();
    }

    fn bracket(&mut self, words: &mut Vec<String>) -> Option<()> {
        if name(words).is_none() && self.starts_with("((") {
            words.clear();
            return self.skip_past("))");
        }
        if words.last().is_some_and(|w| w.ends_with('=')) {
            // The items of an array.
            self.at += 1;
            while let Some(c) = self.peek() {
                match c {
                    ')' => {
                        self.at += 1;
                        return Some(());
                    }
                    c if c.is_whitespace() => self.at += 1,
                    '#' => self.skip_to_line_end(),
                    '(' | '<' | '>' | ';' | '&' | '|' => return None,
                    _ => drop(self.word()?),
                }
            }
            return None;
        }
        if self.starts_with("()") {
            self.at += 2;
            words.retain(|word| word != "function");
            self.functions.extend(words.pop().filter(|_| words.is_empty()));
            return words.is_empty().then_some(());
        }
        if name(words).is_some() {
            return None;
        }
        words.clear();
        self.at += 1;
        self.list(End::Bracket)
    }

    /// What stands after `case`, with its `esac`.
    fn case(&mut self) -> Option<()> {
        loop {
            self.skip_space();
            self.peek()?;
            if self.word()? == "in" {
                break;
            }
        }
        loop {
            self.skip_space();
            if self.peek()? == '(' {
                self.at += 1;
            }
            if self.starts_with("esac") {
                self.at += "esac".len();
                return Some(());
            }
            while self.peek()? != ')' {
                match self.peek()? {
                    c if c.is_whitespace() || c == '|' => self.at += 1,
                    '(' | '<' | '>' | ';' | '&' => return None,
                    _ => drop(self.word()?),
                }
            }
            self.at += 1;
            self.list(End::Branch)?;
        }
    }

    fn skip_space(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '#' => self.skip_to_line_end(),
                c if c.is_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn skip_to_line_end(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    /// Past words and operators that call nothing, up to the one that ends them.
    fn skip_past(&mut self, end: &str) -> Option<()> {
        while self.peek().is_some() {
            if self.starts_with(end) {
                self.at += end.len();
                return Some(());
            }
            match self.peek()? {
                c if c.is_whitespace() || "&|()<>;!=".contains(c) => self.at += 1,
                _ => drop(self.word()?),
            }
        }
        None
    }

    fn redirection(&mut self) -> Option<()> {
        if self.starts_with("<(") || self.starts_with(">(") {
            self.at += 2;
            return self.list(End::Bracket);
        }
        let is_document = self.starts_with("<<") && !self.starts_with("<<<");
        while self.peek().is_some_and(|c| "<>&|-".contains(c)) {
            self.at += 1;
        }
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
        let target = self.word()?;
        if is_document {
            self.documents.push(target);
        }
        Some(())
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while self.peek().is_some() {
                let from = self.at;
                self.skip_to_line_end();
                let line: String = self.chars[from..self.at].iter().collect();
                self.at = (self.at + 1).min(self.chars.len());
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    /// One word, without its quotes; what is called inside it counts.
    fn word(&mut self) -> Option<String> {
        let mut word = String::new();
        let from = self.at;
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || ";&|<>()".contains(c) => break,
                '\\' => {
                    word.extend(self.chars.get(self.at + 1).filter(|c| **c != '\n'));
                    self.at += 2;
                }
                '\'' => {
                    self.at += 1;
                    while self.peek()? != '\'' {
                        word.extend(self.peek());
                        self.at += 1;
                    }
                    self.at += 1;
                }
                '"' => {
                    self.at += 1;
                    self.quoted(&mut word)?;
                }
                '$' | '`' => self.expansion(&mut word)?,
                c => {
                    word.push(c);
                    self.at += 1;
                }
            }
        }
        (self.at > from).then_some(word)
    }

    /// To the closing `"`.
    fn quoted(&mut self, word: &mut String) -> Option<()> {
        loop {
            match self.peek()? {
                '"' => {
                    self.at += 1;
                    return Some(());
                }
                '\\' => {
                    word.extend(self.chars.get(self.at + 1));
                    self.at += 2;
                }
                '$' | '`' => self.expansion(word)?,
                c => {
                    word.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// `$name`, `${…}`, `$(…)`, `$((…))`, or a command in backticks.
    fn expansion(&mut self, word: &mut String) -> Option<()> {
        word.push(OPEN);
        if self.starts_with("$((") {
            self.at += 3;
            self.skip_past("))")
        } else if self.starts_with("$(") {
            self.at += 2;
            self.list(End::Bracket)
        } else if self.starts_with("${") {
            self.at += 2;
            let mut open = 1;
            while open > 0 {
                match self.peek()? {
                    '{' => open += 1,
                    '}' => open -= 1,
                    // A command in a default value is rare, and not followed.
                    '`' => return None,
                    '$' if self.starts_with("$(") => return None,
                    _ => {}
                }
                self.at += 1;
            }
            Some(())
        } else if self.peek() == Some('`') {
            let from = self.at + 1;
            let length = self.chars[from..].iter().position(|c| *c == '`')?;
            let inner: String = self.chars[from..from + length].iter().collect();
            self.at = from + length + 1;
            self.called.extend(commands(&inner)?);
            Some(())
        } else {
            self.at += 1;
            while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                self.at += 1;
            }
            Some(())
        }
    }
}

/// The command's name among its words: what follows reserved words and assignments.
fn name(words: &[String]) -> Option<&str> {
    let is_assignment = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            let name = name.strip_suffix('+').unwrap_or(name);
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    words.iter().map(String::as_str).find(|word| !RESERVED.contains(word) && !is_assignment(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(script: &str) -> Option<String> {
        commands(script).map(|names| names.join(" "))
    }

    #[test]
    fn what_a_script_calls() {
        for (script, called) in [
            ("echo a; exit 1", "echo exit"),
            ("if [ \"$A\" != success ]; then\n  echo no >&2 2>/dev/null\n  exit 1\nfi", "[ echo exit"),
            ("[[ $A == success || ( $B =~ ^(x|y)$ ) ]] && echo ok # make", "[[ echo"),
            ("X=1 Y+=2\nA=$(jq -r '.a' <<< \"$N\") make all", "jq make"),
            (
                "for r in $R; do\n case \"$r\" in\n  success|skipped) ;;\n  *) echo \"bad $(date)\"; exit 1 ;;\n esac\ndone",
                "for date echo exit",
            ),
            ("case $x in a) true ;; b) make\nesac\ncurl x", "true make curl"),
            ("check() {\n  test \"$1\" = success\n}\ncheck a\ncheck b", "test"),
            ("function fail { echo no; exit 1; }\nfail", "echo exit"),
            ("python3 - <<'EOF'\nimport os\nos.system('make')\nEOF\necho done", "python3 echo"),
            ("names=(a \"b c\" $D)\n(( n++ ))\necho $(( n + 1 )) ${names[0]} ${x:-y}", "echo"),
            ("jq -e 'all(.[]; .result == \"success\")' <<< \"$N\" | tee out &> log", "jq tee"),
            ("echo `make x` \"`date`\"", "make date echo"),
            ("(cd x && ./run.sh) || true", "cd ./run.sh true"),
            ("diff <(make a) b", "make diff"),
            ("echo a \\\n  b", "echo"),
            ("", ""),
        ] {
            assert_eq!(of(script).as_deref(), Some(called), "{script}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        for script in [
            "$CMD run",
            "\"${TOOL}\" x",
            "echo 'open",
            "echo $(date",
            "case x in a) true",
            "[[ a == b",
            "a (b)",
            ")",
        ] {
            assert_eq!(of(script), None, "{script}");
        }
        assert_eq!(of(&"$(".repeat(500)), None);
        assert_eq!(of(&format!("{}true{}", "(".repeat(500), ")".repeat(500))), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(script in "([a-z ]|\\$|\\(|\\)|\\{|\\}|`|'|\"|;|\n|<|>|&|\\||#|\\\\|=|case|esac|in|EOF){0,60}") {
            let _ = commands(&script);
        }
    }
}
