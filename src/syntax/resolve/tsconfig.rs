//! What `tsconfig.json` and `jsconfig.json` say of names: `paths` and `baseUrl`, through `extends` and `references`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Resolver, join, parent, upwards};
use crate::contract::git::RepoPath;

/// Chains of `extends` are followed so far.
const MAX_CHAIN: usize = 8;

/// By path.
#[derive(Debug, Default)]
pub(super) struct Configs {
    by_path: BTreeMap<String, Value>,
}

/// Where names lead that are no relative paths.
#[derive(Debug, Default, Clone)]
pub(super) struct Aliases {
    /// A pattern with at most one star, and its targets in the repository.
    pub(super) paths: Vec<(String, Vec<String>)>,
    pub(super) base_url: Option<String>,
    /// `outDir` and `rootDir`: what was built of what.
    pub(super) built: Option<(String, String)>,
}

impl Configs {
    pub(super) fn of(resolver: &Resolver<'_>) -> Self {
        let is_config = |name: &str| {
            (name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json")
        };
        let files = resolver.tree.files().iter().map(|f| &f.path);
        let found = files.filter(|p| is_config(p.file_name()) && !super::is_installed(p));
        let read = |path: &RepoPath| {
            let text = resolver.tree.read_text(path).filter(|t| t.len() <= super::LARGEST_MANIFEST)?;
            let value = serde_json::from_str(&without_comments(&text)).ok()?;
            Some((path.as_str().to_owned(), value))
        };
        Self { by_path: found.take(super::MOST_MANIFESTS).filter_map(read).collect() }
    }

    /// The aliases that hold for a file, of the nearest configuration first.
    pub(super) fn for_file(&self, from: &RepoPath) -> Vec<Aliases> {
        let mut found = Vec::new();
        for folder in upwards(from.parent()) {
            let own = ["tsconfig.json", "jsconfig.json"].iter().filter_map(|name| join(folder, name));
            for path in own.filter(|p| self.by_path.contains_key(p)) {
                found.push(self.aliases(&path, MAX_CHAIN));
                found.extend(self.referenced(&path).iter().map(|p| self.aliases(p, MAX_CHAIN)));
            }
            // `tsconfig.base.json` and `tsconfig.app.json` hold what nothing names in `tsconfig.json`.
            let others = self.by_path.keys().filter(|p| parent(p) == Some(folder));
            let others: Vec<&String> = others
                .filter(|p| !p.ends_with("tsconfig.json") && !p.ends_with("jsconfig.json"))
                .take(6)
                .collect();
            found.extend(others.iter().map(|p| self.aliases(p, MAX_CHAIN)));
        }
        found
    }

    fn referenced(&self, path: &str) -> Vec<String> {
        let folder = parent(path).unwrap_or("");
        let references = self.by_path.get(path).and_then(|c| c.get("references")).and_then(Value::as_array);
        references
            .into_iter()
            .flatten()
            .filter_map(|r| self.config_at(folder, r.get("path")?.as_str()?))
            .take(20)
            .collect()
    }

    fn config_at(&self, folder: &str, named: &str) -> Option<String> {
        let at = join(folder, named)?;
        [at.clone(), format!("{at}.json"), join(&at, "tsconfig.json")?]
            .into_iter()
            .find(|p| self.by_path.contains_key(p))
    }

    fn aliases(&self, path: &str, left: usize) -> Aliases {
        let Some(config) = self.by_path.get(path) else { return Aliases::default() };
        let folder = parent(path).unwrap_or("");
        let mut aliases = Aliases::default();
        if left > 0 {
            let bases: Vec<&str> = match config.get("extends") {
                Some(Value::String(one)) => vec![one],
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for base in bases.into_iter().filter(|b| b.starts_with('.')) {
                if let Some(base) = self.config_at(folder, base) {
                    aliases = self.aliases(&base, left - 1);
                }
            }
        }
        let Some(options) = config.get("compilerOptions") else { return aliases };
        let text = |key: &str| options.get(key).and_then(Value::as_str);
        if let Some(base) = text("baseUrl").and_then(|base| join(folder, base)) {
            aliases.base_url = Some(base);
        }
        if let Some(paths) = options.get("paths").and_then(Value::as_object) {
            let base = aliases.base_url.clone().unwrap_or_else(|| folder.to_owned());
            let target = |value: &Value| join(&base, value.as_str()?);
            let targets = |value: &Value| value.as_array().into_iter().flatten().filter_map(target).collect();
            aliases.paths = paths.iter().map(|(pattern, value)| (pattern.clone(), targets(value))).collect();
            // The longest beginning decides.
            aliases
                .paths
                .sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.find('*').unwrap_or(usize::MAX)));
        }
        if let Some(out) = text("outDir").and_then(|out| join(folder, out)) {
            let root = join(folder, text("rootDir").unwrap_or("src")).unwrap_or_default();
            aliases.built = Some((out, root));
        }
        aliases
    }
}

impl Aliases {
    /// Paths that `specifier` may stand for.
    pub(super) fn targets(&self, specifier: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (pattern, targets) in &self.paths {
            let star = match pattern.split_once('*') {
                Some((before, behind)) => {
                    specifier.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind))
                }
                None => (pattern == specifier).then_some(""),
            };
            if let Some(star) = star {
                found.extend(targets.iter().map(|target| target.replace('*', star)));
            }
        }
        found.extend(self.base_url.as_deref().and_then(|base| join(base, specifier)));
        found
    }
}

/// JSON as TypeScript writes it, without comments and commas before an end.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match (c, in_string) {
            ('\\', true) => {
                out.push(c);
                out.extend(chars.next());
            }
            ('"', _) => {
                in_string = !in_string;
                out.push(c);
            }
            ('/', false) if chars.peek() == Some(&'/') => {
                for skipped in chars.by_ref() {
                    if skipped == '\n' {
                        out.push('\n');
                        break;
                    }
                }
            }
            ('/', false) if chars.peek() == Some(&'*') => {
                let mut before = ' ';
                chars.next();
                for skipped in chars.by_ref() {
                    if before == '*' && skipped == '/' {
                        break;
                    }
                    before = skipped;
                }
            }
            ('}' | ']', false) => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_go() {
        let text = "{ // a\n \"a\": \"// no, /* not */ ,]\", /* b, */ \"c\": [1, 2, ],\n}";
        let value: Value = serde_json::from_str(&without_comments(text)).unwrap();
        assert_eq!(value, serde_json::json!({"a": "// no, /* not */ ,]", "c": [1, 2]}));
    }
}
