//! Download caches of package managers, kept in volumes for as long as the run lasts.
//!
//! Only what downloads and compiles again would bring anyway. Steps can write anything into them, so a proof never sees
//! them: it runs with the image's own folders, as CI does.

use std::collections::BTreeMap;

use super::archive::{self, Entry, Kind};
use super::image::Image;
use crate::contract::git::SourceTree;

struct Cache {
    name: &'static str,
    /// Moves `base`.
    variable: Option<&'static str>,
    /// Below the home folder.
    base: &'static str,
    /// Below `base`.
    folder: &'static str,
    /// Files that say the tool is used.
    manifests: &'static [&'static str],
}

const fn cache(
    name: &'static str,
    variable: Option<&'static str>,
    base: &'static str,
    folder: &'static str,
    manifests: &'static [&'static str],
) -> Cache {
    Cache { name, variable, base, folder, manifests }
}

const NODE: &[&str] = &["package.json"];
const PYTHON: &[&str] = &["pyproject.toml", "setup.py", "Pipfile", "requirements.txt"];
const GRADLE: &[&str] = &["build.gradle", "build.gradle.kts"];

const CACHES: [Cache; 9] = [
    // Not the whole folder: rustup's programs lie there as well.
    cache("cargo-registry", Some("CARGO_HOME"), ".cargo", "registry", &["Cargo.toml"]),
    cache("cargo-git", Some("CARGO_HOME"), ".cargo", "git", &["Cargo.toml"]),
    cache("npm", Some("NPM_CONFIG_CACHE"), ".npm", "", NODE),
    cache("pip", Some("PIP_CACHE_DIR"), ".cache/pip", "", PYTHON),
    cache("uv", Some("UV_CACHE_DIR"), ".cache/uv", "", PYTHON),
    cache("maven", None, ".m2", "repository", &["pom.xml"]),
    cache("gradle", Some("GRADLE_USER_HOME"), ".gradle", "caches", GRADLE),
    cache("go-modules", Some("GOPATH"), "go", "pkg/mod", &["go.mod"]),
    cache("go-build", Some("GOCACHE"), ".cache/go-build", "", &["go.mod"]),
];

/// A cache of this plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CacheMount {
    pub(super) name: &'static str,
    pub(super) target: String,
    /// Folders above `target` that the user must own, from the top.
    parents: Vec<String>,
}

/// The caches that the tree's tools use, where the image and the plan say they are; none where the home is unknown.
pub(super) fn of_plan(
    tree: &dyn SourceTree,
    image: &Image,
    user: &str,
    env: &BTreeMap<String, String>,
) -> Vec<CacheMount> {
    let variable = |name: &str| {
        let value = env.get(name).cloned().or_else(|| image.env(name).map(str::to_owned));
        value.map(|v| v.trim_end_matches('/').to_owned()).filter(|v| is_sound(v))
    };
    let Some(home) = variable("HOME").or_else(|| home_of(user)) else { return Vec::new() };
    let uses = |cache: &&Cache| tree.files().iter().any(|f| cache.manifests.contains(&f.path.file_name()));
    let mounted = CACHES.iter().filter(uses).map(|cache| {
        let moved = cache.variable.and_then(variable);
        let (top, below) = match moved {
            Some(base) => (base, cache.folder.to_owned()),
            None => (home.clone(), format!("{}/{}", cache.base, cache.folder)),
        };
        let below = below.trim_matches('/');
        let parents = below.match_indices('/').map(|(at, _)| format!("{top}/{}", &below[..at])).collect();
        let target = if below.is_empty() { top.clone() } else { format!("{top}/{below}") };
        CacheMount { name: cache.name, target, parents }
    });
    mounted.collect()
}

/// Archive entries below `/` that give the folders to the user.
pub(super) fn entries(caches: &[CacheMount], owner: (u32, u32)) -> Vec<u8> {
    let mut out = Vec::new();
    for path in caches.iter().flat_map(|c| c.parents.iter().chain([&c.target])) {
        let path = format!("{}/", path.trim_start_matches('/'));
        let entry = Entry { path: &path, kind: Kind::Directory, mode: 0o755, owner, mtime: 0 };
        archive::push(&mut out, &entry, b"");
    }
    out
}

/// By the usual rule; a number says nothing.
fn home_of(user: &str) -> Option<String> {
    match user.split(':').next().unwrap_or_default() {
        "" | "0" | "root" => Some("/root".to_owned()),
        name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => Some(format!("/home/{name}")),
        _ => None,
    }
}

/// Never over the workspace, our own folder, or the whole system.
fn is_sound(path: &str) -> bool {
    path.starts_with('/')
        && path.len() > 1
        && !path.split('/').any(|part| part == "..")
        && !["/workspace", "/home/runner/work", "/__w", "/ci-healer"]
            .iter()
            .any(|ours| path.starts_with(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::{FileMode, RepoPath, TreeFile};

    struct Tree(Vec<TreeFile>);

    impl SourceTree for Tree {
        fn files(&self) -> &[TreeFile] {
            &self.0
        }
        fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
            None
        }
    }

    fn targets(files: &[&str], env: &[&str], user: &str) -> Vec<String> {
        let file = |path: &&str| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        let tree = Tree(files.iter().map(file).collect());
        let image = Image { env: env.iter().map(|e| (*e).to_owned()).collect(), ..Image::default() };
        of_plan(&tree, &image, user, &BTreeMap::new()).into_iter().map(|c| c.target).collect()
    }

    #[test]
    fn each_tool_has_its_own_where_it_looks_for_it() {
        assert_eq!(targets(&["a/Cargo.toml"], &[], ""), ["/root/.cargo/registry", "/root/.cargo/git"]);
        let cargo = targets(&["Cargo.toml"], &["CARGO_HOME=/usr/local/cargo"], "root");
        assert_eq!(cargo, ["/usr/local/cargo/registry", "/usr/local/cargo/git"]);
        assert_eq!(
            targets(&["go.mod"], &["GOPATH=/go"], "runner"),
            ["/go/pkg/mod", "/home/runner/.cache/go-build"]
        );
        assert_eq!(targets(&["pom.xml"], &["HOME=/h"], "1001:1001"), ["/h/.m2/repository"]);
    }

    #[test]
    fn nothing_is_mounted_where_it_would_harm() {
        assert!(targets(&["README.md"], &[], "").is_empty());
        assert!(targets(&["pom.xml"], &[], "1001").is_empty());
        let odd = targets(&["package.json"], &["NPM_CONFIG_CACHE=/workspace/x"], "");
        assert_eq!(odd, ["/root/.npm"]);
        assert_eq!(targets(&["package.json"], &["NPM_CONFIG_CACHE=/a/../workspace"], ""), ["/root/.npm"]);
    }

    #[test]
    fn folders_above_a_cache_belong_to_the_user() {
        let tree = Tree(vec![TreeFile {
            path: RepoPath::new("go.mod").unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        }]);
        let caches = of_plan(&tree, &Image::default(), "runner", &BTreeMap::new());
        assert_eq!(caches[0].parents, ["/home/runner/go", "/home/runner/go/pkg"]);
        assert_eq!(caches[1].parents, ["/home/runner/.cache"]);
    }
}
