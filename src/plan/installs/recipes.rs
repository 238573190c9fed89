//! What names stand for: npm scripts, make targets, just recipes.

use std::collections::BTreeMap;

use super::{Look, builds, is_installing, join};

impl Look<'_> {
    fn npm_scripts(&mut self, folder: &str) -> BTreeMap<String, String> {
        let Some((path, text)) = self.text("package.json", folder) else { return BTreeMap::new() };
        self.files.insert(path);
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let scripts = manifest.get("scripts").and_then(|s| s.as_object());
        let scripts = scripts.into_iter().flatten();
        scripts.filter_map(|(name, script)| Some((name.clone(), script.as_str()?.to_owned()))).collect()
    }

    pub(super) fn has_npm_script(&mut self, name: &str, folder: &str) -> bool {
        self.npm_scripts(folder).contains_key(name)
    }

    pub(super) fn npm_script(&mut self, name: &str, folder: &str) -> bool {
        let scripts = self.npm_scripts(folder);
        let around = [format!("pre{name}"), name.to_owned(), format!("post{name}")];
        scripts.contains_key(name)
            && around.iter().filter_map(|name| scripts.get(name)).all(|script| self.script(script, folder))
    }

    pub(super) fn make(&mut self, arguments: &[&str], folder: &str) -> bool {
        let mut folder = folder.to_owned();
        let mut targets = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "-C" => match rest.next().and_then(|to| join(&folder, to)) {
                    Some(there) => folder = there,
                    None => return false,
                },
                "-f" => return false,
                flag if flag.starts_with('-') || flag.contains('=') => {}
                target => targets.push(target.to_owned()),
            }
        }
        let found = ["GNUmakefile", "makefile", "Makefile"].iter().find_map(|name| self.text(name, &folder));
        let Some((path, text)) = found else { return false };
        // What it includes may say anything.
        if targets.is_empty() || text.lines().any(|l| l.starts_with("include") || l.starts_with("-include")) {
            return false;
        }
        self.files.insert(path);
        let rules = Rules::of(&text, '=');
        targets.iter().all(|target| self.target(target, &rules, &folder, &|line| rules.expand_make(line)))
    }

    pub(super) fn just(&mut self, arguments: &[&str], folder: &str) -> bool {
        let targets: Vec<&str> = arguments.iter().filter(|a| !a.starts_with('-')).copied().collect();
        let found = ["justfile", "Justfile", ".justfile"].iter().find_map(|name| self.text(name, folder));
        let Some((path, text)) = found.filter(|_| targets.len() == 1) else { return false };
        self.files.insert(path);
        let rules = Rules::of(&text, ':');
        let plain = |line: &str| (!line.contains("{{")).then(|| line.to_owned());
        self.target(targets[0], &rules, folder, &plain)
    }

    /// A target's recipe and those of what it needs.
    fn target(
        &mut self,
        name: &str,
        rules: &Rules,
        folder: &str,
        expand: &dyn Fn(&str) -> Option<String>,
    ) -> bool {
        let Some((needs, recipe)) = rules.rules.get(name) else {
            // A file that is there, or one that nothing makes.
            return self.reads(name, folder);
        };
        if self.depth >= super::MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        let known = needs.iter().all(|need| self.target(need, rules, folder, expand))
            && recipe.iter().all(|line| {
                let line = line.trim_start_matches(['@', '-', '+']);
                expand(line).is_some_and(|line| line.trim().is_empty() || self.script(&line, folder))
            });
        self.depth -= 1;
        // By its name, where its lines say nothing else.
        known || is_installing(name) && needs.is_empty() && !recipe.is_empty() && !builds(&recipe.join("\n"))
    }
}

/// A file of targets with what each needs and does; and its variables.
struct Rules {
    rules: BTreeMap<String, (Vec<String>, Vec<String>)>,
    variables: BTreeMap<String, String>,
}

impl Rules {
    /// `assigns` follows a colon where that is no rule.
    fn of(text: &str, assigns: char) -> Self {
        let text = text.replace("\\\n", " ");
        let mut rules: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
        let mut variables = BTreeMap::new();
        let mut current: Vec<String> = Vec::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                for name in &current {
                    rules.entry(name.clone()).or_default().1.push(line.trim().to_owned());
                }
                continue;
            }
            let line = line.split(" #").next().unwrap_or(line).trim_end();
            if line.is_empty() || line.starts_with(['#', '[', '.', '@']) {
                continue;
            }
            let before = |text: &str, c: char| text.split(c).next().unwrap_or_default().trim().to_owned();
            match line.split_once(':') {
                Some((head, tail)) if !tail.starts_with([assigns, '=']) && !head.contains('=') => {
                    let mut names = head.split_whitespace();
                    // just: what follows a recipe's name are its parameters.
                    current = if assigns == ':' {
                        names.next().map(str::to_owned).into_iter().collect()
                    } else {
                        names.map(str::to_owned).collect()
                    };
                    let (tail, inline) = tail.split_once(';').unwrap_or((tail, ""));
                    for name in &current {
                        let rule = rules.entry(name.clone()).or_default();
                        rule.0.extend(
                            tail.split_whitespace().filter(|n| *n != "|" && *n != "&&").map(str::to_owned),
                        );
                        rule.1.extend((!inline.trim().is_empty()).then(|| inline.trim().to_owned()));
                    }
                }
                _ => {
                    current.clear();
                    if let Some((name, value)) = line.split_once('=') {
                        let name = before(name, ':').trim_end_matches('?').trim().to_owned();
                        variables.insert(name, value.trim().to_owned());
                    }
                }
            }
        }
        Self { rules, variables }
    }

    /// make's variables put in; `None` where one is not known.
    fn expand_make(&self, line: &str) -> Option<String> {
        let mut line = line.replace("$(MAKE)", "make").replace("${MAKE}", "make");
        for _ in 0..8 {
            let Some(at) = line.find("$(").or_else(|| line.find("${")) else { break };
            let close = if line[at..].starts_with("$(") { ')' } else { '}' };
            let end = at + line[at..].find(close)?;
            let value = self.variables.get(&line[at + 2..end])?;
            line = format!("{}{value}{}", &line[..at], &line[end + 1..]);
        }
        (!line.contains("$(") && !line.contains("$@") && !line.contains("$<"))
            .then(|| line.replace("$$", "$"))
    }
}
