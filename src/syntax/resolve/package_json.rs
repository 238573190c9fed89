//! Packages of JavaScript: what their manifests give others to import, and what they import themselves by `#names`.

use serde_json::Value;

use super::{Resolver, join};

#[derive(Debug)]
pub(super) struct Package {
    pub(super) folder: String,
    pub(super) name: Option<String>,
    manifest: Value,
}

/// Of a condition's several targets, those that lead to sources first.
const CONDITIONS: [&str; 12] = [
    "source",
    "development",
    "types",
    "import",
    "module",
    "require",
    "node",
    "default",
    "browser",
    "deno",
    "bun",
    "worker",
];

impl Package {
    pub(super) fn all(resolver: &Resolver<'_>) -> Vec<Self> {
        let manifests = resolver.manifests("package.json");
        manifests
            .filter_map(|(path, text)| {
                let manifest: Value = serde_json::from_str(&text).ok()?;
                let name = manifest.get("name").and_then(Value::as_str).map(str::to_owned);
                Some(Self { folder: path.parent().to_owned(), name, manifest })
            })
            .collect()
    }

    /// The paths that stand for the package itself, or for `./sub` of it; relative to its folder.
    pub(super) fn exported(&self, sub: &str) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(exports) = self.manifest.get("exports") {
            let has_paths = exports.as_object().is_some_and(|o| o.keys().any(|k| k.starts_with('.')));
            match (has_paths, sub) {
                (true, _) => matched(exports, if sub.is_empty() { "." } else { sub }, &mut found),
                (false, "") => targets(exports, &mut found),
                (false, _) => {}
            }
        }
        if sub.is_empty() {
            for key in ["source", "module", "main", "types", "typings", "browser"] {
                found.extend(self.manifest.get(key).and_then(Value::as_str).map(str::to_owned));
            }
            found.push("index".to_owned());
            found.push("src/index".to_owned());
        } else {
            found.push(sub.to_owned());
            found.push(format!("src/{}", sub.trim_start_matches("./")));
        }
        found
    }

    /// What `#name` stands for in this package.
    pub(super) fn imported(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(imports) = self.manifest.get("imports") {
            matched(imports, name, &mut found);
        }
        found
    }

    /// Whether the manifest lists a package of this name.
    #[must_use]
    pub(super) fn depends_on(&self, name: &str) -> bool {
        ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"]
            .iter()
            .any(|kind| self.manifest.get(*kind).and_then(|d| d.get(name)).is_some())
    }
}

/// The targets of the key that is `name`, or of the longest pattern that fits.
fn matched(map: &Value, name: &str, found: &mut Vec<String>) {
    let Some(map) = map.as_object() else { return };
    if let Some(target) = map.get(name) {
        return targets(target, found);
    }
    let fits = |key: &str| {
        let (before, behind) = key.split_once('*').or_else(|| key.ends_with('/').then_some((key, "")))?;
        let star = name.strip_prefix(before)?.strip_suffix(behind)?;
        (!star.is_empty()).then(|| (before.len(), star.to_owned()))
    };
    let best = map.iter().filter_map(|(key, target)| Some((fits(key)?, target))).max_by_key(|((n, _), _)| *n);
    if let Some(((_, star), target)) = best {
        let mut patterns = Vec::new();
        targets(target, &mut patterns);
        found.extend(patterns.into_iter().map(|pattern| match pattern.contains('*') {
            true => pattern.replace('*', &star),
            false => format!("{pattern}{star}"),
        }));
    }
}

fn targets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(path) => found.push(path.clone()),
        Value::Array(all) => all.iter().for_each(|one| targets(one, found)),
        Value::Object(conditions) => {
            let known = CONDITIONS.iter().filter_map(|name| conditions.get(*name));
            let other = conditions.iter().filter(|(name, _)| !CONDITIONS.contains(&name.as_str()));
            known.chain(other.map(|(_, target)| target)).for_each(|target| targets(target, found));
        }
        _ => {}
    }
}

/// Paths of sources that a path of built files may stand for: `dist/a.js` for `src/a.ts`.
pub(super) fn sources_of(path: &str) -> Vec<String> {
    const BUILT: [&str; 8] = ["dist", "build", "lib", "out", "es", "esm", "cjs", "types"];
    let plain = path.trim_start_matches("./");
    let mut parts: Vec<&str> = plain.split('/').collect();
    let Some(first) = parts.iter().position(|part| !BUILT.contains(part)).filter(|n| *n > 0) else {
        return Vec::new();
    };
    parts.drain(..first);
    let rest = parts.join("/");
    let stem = [".d.ts", ".d.mts", ".js", ".mjs", ".cjs"].iter().find_map(|end| rest.strip_suffix(end));
    let stem = stem.unwrap_or(&rest);
    vec![join("src", stem).unwrap_or_default(), stem.to_owned()]
}
