//! Whose file is it, and what is it called inside the workspace? Pure text work: no file is looked at.

/// Where the workspace lies in well-known CI services and images, without what follows.
const ROOTS: &[&str] =
    &["/github/workspace/", "/workspace/", "/workspaces/", "/usr/src/app/", "/usr/src/myapp/"];

/// Path components that only dependencies, toolchains and virtual environments have.
const FOREIGN_COMPONENTS: &[&str] = &[
    "node_modules",
    "site-packages",
    "dist-packages",
    ".cargo",
    ".rustup",
    ".venv",
    "venv",
    ".virtualenvs",
    ".tox",
    ".nox",
    ".pyenv",
    ".m2",
    ".gradle",
    ".yarn",
    ".pnpm",
    ".pnp",
    "jspm_packages",
    "bower_components",
    "miniconda3",
    "anaconda3",
    "hostedtoolcache",
    ".npm",
    ".nvm",
];

/// Beginnings that only toolchains and systems have.
const FOREIGN_PREFIXES: &[&str] = &[
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/include/",
    "/usr/local/lib/",
    "/usr/local/go/",
    "/usr/local/include/",
    "/usr/share/",
    "/lib/",
    "/lib64/",
    "/rustc/",
    "/rust/",
    "/root/go/",
    "/go/pkg/",
    "/usr/local/cargo/",
    "/usr/local/rustup/",
    "/opt/hostedtoolcache/",
    "/opt/conda/",
    "/nix/store/",
    "/Library/",
    "/System/",
    "/Applications/",
    "/usr/local/bin/",
    "/usr/bin/",
    "/usr/local/Cellar/",
    "/opt/homebrew/",
    "/opt/local/",
    "/opt/java/",
    "/opt/maven/",
    "C:/Program Files",
    "C:/hostedtoolcache/",
    "/tmp/go-build",
    "/cargo/registry/",
    "/snap/",
    "$GOROOT/",
    "$RUST_SRC/",
    "/proc/",
    "/dev/",
];

/// Inner parts that only toolchains and caches have.
const FOREIGN_INFIXES: &[&str] =
    &["/pkg/mod/", "/library/std/src/", "/library/core/src/", "/library/alloc/src/"];

/// Schemes and namespaces of frames that are no files of the repository.
const FOREIGN_SCHEMES: &[&str] = &[
    "node:",
    "internal/modules/",
    "internal/process/",
    "internal/timers",
    "internal/main/",
    "internal/bootstrap/",
    "internal/streams/",
    "internal/async_",
    "internal/util",
    "internal/fs/",
    "internal/test_runner/",
    "webpack/",
    "webpack:",
    "http:",
    "https:",
    "data:",
    "blob:",
    "native:",
    "evalmachine",
    "[eval]",
    "importlib",
    "bun:",
    "deno:",
    "ext:",
    "jar:",
    "jrt:",
    "library/std/",
    "library/core/",
    "library/alloc/",
    "library/test/",
    "src/libstd/",
    "src/libcore/",
    "src/libtest/",
    "_testmain.go",
    "<frozen",
    "testing/testing.go",
];

/// Whether a printed path is a file of the repository rather than of a dependency, a toolchain or nothing at all.
#[must_use]
pub(crate) fn is_own(path: &str) -> bool {
    let path = slashes(path);
    let path = path.strip_prefix("file://").unwrap_or(&path);
    if path.is_empty() || path.starts_with('<') && path.ends_with('>') || path.contains("://") {
        return false;
    }
    if FOREIGN_SCHEMES.iter().any(|s| path.starts_with(s))
        || FOREIGN_PREFIXES.iter().any(|p| path.starts_with(p))
    {
        return false;
    }
    if FOREIGN_INFIXES.iter().any(|i| path.contains(i)) {
        return false;
    }
    !path
        .split('/')
        .rev()
        .skip(1)
        .any(|part| FOREIGN_COMPONENTS.contains(&part) || is_python_home(part, path))
}

/// `…/lib/python3.12/…` is the standard library wherever it is installed.
fn is_python_home(part: &str, path: &str) -> bool {
    part.strip_prefix("python")
        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()) && v.contains('.'))
        && path.contains("/lib/python")
}

/// From the root of a file system.
pub(crate) fn is_absolute(path: &str) -> bool {
    let path = path.strip_prefix("file://").unwrap_or(path);
    path.starts_with('/') || path.as_bytes().get(1) == Some(&b':')
}

/// Backslashes of Windows paths become slashes; a path that only escapes something keeps them.
pub(crate) fn slashes(path: &str) -> String {
    let b = path.as_bytes();
    let drive = b.len() > 2 && b[0].is_ascii_alphabetic() && b[1] == b':' && matches!(b[2], b'\\' | b'/');
    if drive || (path.contains('\\') && !path.contains('/')) {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    }
}

/// The path inside the workspace, where it is known to lie in it; else as printed, tidied.
#[must_use]
pub(crate) fn relative(path: &str, roots: &[String]) -> String {
    let path = slashes(path.trim());
    let path =
        path.strip_prefix("file://localhost").or_else(|| path.strip_prefix("file://")).unwrap_or(&path);
    let path = path.strip_prefix('/').filter(|p| p.as_bytes().get(1) == Some(&b':')).unwrap_or(path);
    let mut inside = inside_root(path, roots).unwrap_or(path);
    while let Some(rest) = inside.strip_prefix("./") {
        inside = rest.trim_start_matches('/');
    }
    squeeze(inside)
}

fn inside_root<'a>(path: &'a str, roots: &[String]) -> Option<&'a str> {
    let mut best: Option<&str> = None;
    for root in roots {
        let root = root.trim_end_matches('/');
        if root.is_empty() {
            continue;
        }
        if let Some(rest) = path.strip_prefix(root).and_then(|r| r.strip_prefix('/'))
            && best.is_none_or(|b| rest.len() < b.len())
        {
            best = Some(rest);
        }
    }
    best.or_else(|| ROOTS.iter().find_map(|root| path.strip_prefix(root))).or_else(|| runner_work(path))
}

/// `…/work/<repo>/<repo>/rest`, `/__w/<repo>/<repo>/rest`, `…/_work/<repo>/<repo>/rest`, `D:/a/<repo>/<repo>/rest`.
fn runner_work(path: &str) -> Option<&str> {
    let after = ["/home/runner/work/", "/Users/runner/work/", "/__w/", "/runner/_work/"]
        .iter()
        .find_map(|p| path.strip_prefix(p))
        .or_else(|| path.split_once("/_work/").map(|(_, rest)| rest))
        .or_else(|| path.get(1..).and_then(|p| p.strip_prefix(":/a/")))?;
    let (a, rest) = after.split_once('/')?;
    let (b, rest) = rest.split_once('/')?;
    (a == b).then_some(rest)
}

/// Resolves `a/../b` and `//` by text alone; leading `..` stay.
fn squeeze(path: &str) -> String {
    if !path.contains("/../") && !path.contains("//") && !path.contains("/./") {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let lead = if path.starts_with('/') { "/" } else { "" };
    format!("{lead}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_to_the_workspace() {
        let roots = vec!["/opt/build/repo".to_owned(), "/opt/build".to_owned()];
        for (path, want) in [
            ("/github/workspace/src/a.rs", "src/a.rs"),
            ("/home/runner/work/x/x/src/a.rs", "src/a.rs"),
            ("/__w/x/x/a.py", "a.py"),
            ("D:\\a\\x\\x\\src\\a.ts", "src/a.ts"),
            ("file:///workspace/a.js", "a.js"),
            ("file:///C:/a/b.js", "C:/a/b.js"),
            ("./src/a.go", "src/a.go"),
            ("/opt/build/repo/a.go", "a.go"),
            ("/opt/builder/a.go", "/opt/builder/a.go"),
            ("src\\a.ts", "src/a.ts"),
            ("src/x/../a.ts", "src/a.ts"),
            ("../a.ts", "../a.ts"),
        ] {
            assert_eq!(relative(path, &roots), want, "{path}");
        }
    }

    #[test]
    fn dependencies_and_toolchains_are_not_our_code() {
        for own in
            ["src/a.rs", "/home/me/repo/a.py", "C:\\x\\a.ts", "a.go", "/app/lib/a.js", "lib/python/a.py"]
        {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "node_modules/x/a.js",
            "/x/node_modules/a.js",
            "/home/u/.cargo/registry/src/i/a/lib.rs",
            "/rustc/abc/library/std/src/panicking.rs",
            "/usr/lib/python3.12/a.py",
            "node:internal/modules/cjs/loader",
            "<string>",
            "http://localhost:3000",
            "/home/u/go/pkg/mod/a@v1/a.go",
            "C:\\x\\node_modules\\y\\a.js",
            "/home/u/.pyenv/versions/3/lib/python3.11/unittest/case.py",
            "",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
