//! Rust: crates by their names, modules as `mod` declares them, `#[path]`, and what procedural macros are made by.

use super::rust_crates::Crate;
use super::{Place, Resolution, Resolver, join, names};
use crate::contract::git::RepoPath;

/// Crates that come with the compiler.
const STANDARD: [&str; 5] = ["std", "core", "alloc", "proc_macro", "test"];

impl Resolver<'_> {
    pub(super) fn rust(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        let mut path: Vec<&str> = module.split("::").filter(|p| !p.is_empty()).collect();
        path.extend(below);
        let path: Vec<&str> = path.iter().map(|part| part.trim_start_matches("r#")).collect();
        let Some((first, rest)) = path.split_first() else { return Resolution::Missing };
        let crates = self.crates.get_or_init(|| Crate::all(self));
        let own = Crate::of(crates, from);
        match *first {
            "crate" | "$crate" => {
                let root = own.and_then(|krate| krate.root_of(from, self));
                return root.map_or(Resolution::Missing, |root| self.rust_walk(&root, rest));
            }
            "self" => return self.rust_walk(from, rest),
            "super" => return self.rust_super(from, rest),
            name if STANDARD.contains(&name) => return Resolution::Standard,
            _ => {}
        }
        // A module right here comes before a crate.
        if self.rust_child(from, first).is_some() {
            return self.rust_walk(from, &path);
        }
        let called = match own {
            Some(own) => own.called(first, crates),
            None => crates.iter().find(|c| c.name == *first),
        };
        match called.and_then(|krate| Some((krate, krate.lib.as_ref()?))) {
            Some((krate, lib)) if krate.is_proc_macro => self.rust_macro(lib, rest),
            Some((_, lib)) => self.rust_walk(lib, rest),
            None => Resolution::Dependency((*first).to_owned()),
        }
    }

    /// As far down as there are modules; at least the file begun with.
    fn rust_walk(&self, from: &RepoPath, path: &[&str]) -> Resolution {
        let mut at = from.clone();
        // Modules in the file itself that the path has gone into.
        let mut inline: Vec<&str> = Vec::new();
        let mut left = path;
        while let Some((first, rest)) = left.split_first() {
            match *first {
                "self" => {}
                "super" if inline.pop().is_some() => {}
                "super" => match self.rust_parent(&at) {
                    Some(parent) => at = parent,
                    None => return Resolution::Missing,
                },
                name => match self.rust_child_in(&at, &inline, name) {
                    Some(Child::File(file)) => {
                        at = file;
                        inline.clear();
                    }
                    Some(Child::Inline) => inline.push(name),
                    None => break,
                },
            }
            left = rest;
        }
        Resolution::Repository(Place { files: vec![at], rest: names(left) })
    }

    /// `super` is the file itself where it is written in a module inside of it, most often its tests.
    fn rust_super(&self, from: &RepoPath, rest: &[&str]) -> Resolution {
        let has_inner = self
            .tree
            .read_text(from)
            .is_some_and(|text| text.lines().any(|l| module_of(l).is_some_and(|(_, ends)| ends == '{')));
        let mut files = Vec::new();
        let mut left = None;
        let own = has_inner.then(|| from.clone());
        for start in own.into_iter().chain(self.rust_parent(from)) {
            if let Resolution::Repository(place) = self.rust_walk(&start, rest) {
                files.extend(place.files);
                left.get_or_insert(place.rest);
            }
        }
        match left {
            Some(rest) => Resolution::Repository(Place { files, rest }),
            None => Resolution::Missing,
        }
    }

    fn rust_child(&self, file: &RepoPath, name: &str) -> Option<Child> {
        self.rust_child_in(file, &[], name)
    }

    /// What `mod name` in `file` stands for, or in the modules `inline` of it.
    fn rust_child_in(&self, file: &RepoPath, inline: &[&str], name: &str) -> Option<Child> {
        let text = self.text(file)?;
        let mut set = None;
        let folder = join(&self.rust_folder(file), &inline.join("/"))?;
        for line in text.lines() {
            let line = line.trim_start();
            if line.starts_with("#[path") {
                set = line.split('"').nth(1);
                continue;
            }
            let Some((found, end)) = module_of(line) else {
                if !line.starts_with("#[") && !line.starts_with("//") && !line.is_empty() {
                    set = None;
                }
                continue;
            };
            if found == name && end == '{' {
                return Some(Child::Inline);
            }
            if found == name
                && let Some(path) = set
            {
                // Beside the file that says so.
                let base = if inline.is_empty() { file.parent() } else { &folder };
                return self.file(&join(base, path)?).map(Child::File);
            }
            set = None;
        }
        // Declared, or written by a macro.
        let inside = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
        inside
            .iter()
            .find_map(|p| self.file(p.trim_start_matches('/')))
            .filter(|f| f != file)
            .map(Child::File)
    }

    /// Where the modules of a file lie.
    fn rust_folder(&self, file: &RepoPath) -> String {
        let crates = self.crates.get_or_init(|| Crate::all(self));
        let is_root = matches!(file.file_name(), "mod.rs" | "lib.rs" | "main.rs")
            || Crate::of(crates, file).and_then(|c| c.root_of(file, self)).as_ref() == Some(file);
        match is_root {
            true => file.parent().to_owned(),
            false => file.as_str().trim_end_matches(".rs").to_owned(),
        }
    }

    /// The file that declares the module which `file` is.
    fn rust_parent(&self, file: &RepoPath) -> Option<RepoPath> {
        let folder = match file.file_name() {
            "mod.rs" => super::parent(file.parent())?,
            _ => file.parent(),
        };
        let crates = self.crates.get_or_init(|| Crate::all(self));
        let root = Crate::of(crates, file).and_then(|c| c.root_of(file, self));
        if root.as_ref() == Some(file) {
            return None;
        }
        let beside = (!folder.is_empty()).then(|| self.file(&format!("{folder}.rs"))).flatten();
        let inside = || {
            ["mod.rs", "lib.rs", "main.rs"]
                .iter()
                .find_map(|name| self.file(&join(folder, name)?))
                .filter(|f| f != file)
        };
        beside.or_else(inside).or_else(|| root.filter(|root| root.parent() == folder))
    }

    /// A derive or an attribute by the function that makes it.
    fn rust_macro(&self, lib: &RepoPath, rest: &[&str]) -> Resolution {
        let text = self.text(lib).unwrap_or_default();
        let made_by = |name: &str| {
            let mut lines = text.lines().skip_while(|l| {
                let derive = l.split_once("proc_macro_derive(").map(|(_, rest)| rest.trim_start());
                derive.is_none_or(|rest| rest.split([',', ')']).next().map(str::trim) != Some(name))
            });
            lines.find_map(|l| l.split_once("fn ")).map(|(_, rest)| {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            })
        };
        match rest.split_first() {
            Some((first, _)) => {
                let name = made_by(first).unwrap_or_else(|| (*first).to_owned());
                Resolution::Repository(Place { files: vec![lib.clone()], rest: vec![name] })
            }
            None => Resolution::Repository(Place { files: vec![lib.clone()], rest: Vec::new() }),
        }
    }

    /// The file that declares this one, whose tests it may be, and the modules it declares itself.
    pub(super) fn rust_neighbours(&self, from: &RepoPath) -> Vec<RepoPath> {
        let text = self.text(from).unwrap_or_default();
        let declared = text.lines().filter_map(module_of).filter(|(_, end)| *end == ';');
        let files = declared.filter_map(|(name, _)| match self.rust_child(from, name)? {
            Child::File(file) => Some(file),
            Child::Inline => None,
        });
        self.rust_parent(from).into_iter().chain(files).collect()
    }
}

enum Child {
    File(RepoPath),
    Inline,
}

/// The name that a line `pub mod x;` or `mod x {` declares, and with what it ends.
fn module_of(line: &str) -> Option<(&str, char)> {
    let mut line = line.trim_start();
    if let Some(rest) = line.strip_prefix("pub") {
        line = match rest.strip_prefix('(') {
            Some(scope) => scope.split_once(')')?.1.trim_start(),
            None => rest.trim_start(),
        };
    }
    let rest = line.strip_prefix("mod ")?.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '#')?;
    let after = rest[end..].trim_start().chars().next()?;
    matches!(after, ';' | '{').then(|| (rest[..end].trim_start_matches("r#"), after))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;

    const MANIFEST: &str = "[package]\nname = \"my-shop\"\n";

    #[test]
    fn an_integration_test_uses_the_library_by_its_name() {
        let tree = Tree::new(&[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "pub mod cart;\npub fn sum() {}\n"),
            ("src/cart.rs", "mod inner {\n    pub fn f() {}\n}\n"),
            ("tests/sum.rs", "mod common;\n"),
            ("tests/common/mod.rs", ""),
        ]);
        assert_eq!(tree.leads("tests/sum.rs", "my_shop", &["sum"]), "src/lib.rs: sum");
        assert_eq!(tree.leads("tests/sum.rs", "my_shop::cart", &["Cart", "push"]), "src/cart.rs: Cart.push");
        assert_eq!(tree.leads("tests/sum.rs", "common", &["set_up"]), "tests/common/mod.rs: set_up");
        assert_eq!(tree.leads("tests/sum.rs", "my_shop::cart::inner", &["f"]), "src/cart.rs: f");
        assert_eq!(tree.leads("tests/sum.rs", "std::collections", &["HashMap"]), "standard");
        assert_eq!(tree.leads("tests/sum.rs", "serde::de", &["Error"]), "dependency serde");
    }

    #[test]
    fn a_library_may_have_a_name_and_a_place_of_its_own() {
        let tree = Tree::new(&[
            (
                "Cargo.toml",
                "[package]\nname = \"my-shop\"\n[lib]\nname = \"store\"\npath = \"lib/store.rs\"\n",
            ),
            ("lib/store.rs", "mod cart;\n"),
            ("lib/cart.rs", ""),
            ("tests/a.rs", ""),
        ]);
        assert_eq!(tree.leads("tests/a.rs", "store::cart", &["f"]), "lib/cart.rs: f");
        assert_eq!(tree.leads("lib/cart.rs", "crate", &["f"]), "lib/store.rs: f");
    }

    #[test]
    fn modules_are_where_mod_says() {
        let tree = Tree::new(&[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "pub(crate) mod a;\nmod b;\n#[cfg(unix)]\n#[path = \"os/unix.rs\"]\nmod imp;\n"),
            ("src/a.rs", "mod deep;\n#[cfg(test)]\nmod tests;\n"),
            ("src/a/deep.rs", ""),
            ("src/a/tests.rs", ""),
            ("src/b/mod.rs", "mod c;\n"),
            ("src/b/c.rs", ""),
            ("src/os/unix.rs", ""),
        ]);
        assert_eq!(tree.leads("src/b/c.rs", "crate", &["a", "deep", "f"]), "src/a/deep.rs: f");
        assert_eq!(tree.leads("src/b/c.rs", "super", &["f"]), "src/b/mod.rs: f");
        assert_eq!(tree.leads("src/b/c.rs", "super::super::imp", &["f"]), "src/os/unix.rs: f");
        assert_eq!(tree.leads("src/b/mod.rs", "c", &["f"]), "src/b/c.rs: f");
        assert_eq!(tree.leads("src/a/tests.rs", "super", &["f"]), "src/a.rs: f");
        assert_eq!(tree.leads("src/a.rs", "self::deep", &["f"]), "src/a/deep.rs: f");
        assert_eq!(tree.neighbours("src/a.rs"), ["src/lib.rs", "src/a/deep.rs", "src/a/tests.rs"]);
    }

    #[test]
    fn tests_in_a_file_see_it_as_super() {
        let tree = Tree::new(&[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n"),
        ]);
        assert_eq!(tree.leads("src/a.rs", "super", &[]), "src/a.rs src/lib.rs");
    }

    #[test]
    fn workspace_members_and_path_dependencies_go_by_what_code_calls_them() {
        let tree = Tree::new(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"crates/*\"]\n[workspace.dependencies]\ntax = { path = \"crates/tax-rules\", package = \"tax-rules\" }\n",
            ),
            (
                "crates/app/Cargo.toml",
                "[package]\nname = \"app\"\n[dependencies]\ntax = { workspace = true }\nbase = { package = \"core-types\", path = \"../core\" }\n",
            ),
            ("crates/app/src/main.rs", ""),
            ("crates/app/src/view.rs", ""),
            ("crates/tax-rules/Cargo.toml", "[package]\nname = \"tax-rules\"\n"),
            ("crates/tax-rules/src/lib.rs", ""),
            ("crates/core/Cargo.toml", "[package]\nname = \"core-types\"\n"),
            ("crates/core/src/lib.rs", "pub mod id;\n"),
            ("crates/core/src/id.rs", ""),
        ]);
        assert_eq!(
            tree.leads("crates/app/src/main.rs", "tax", &["rate"]),
            "crates/tax-rules/src/lib.rs: rate"
        );
        assert_eq!(tree.leads("crates/app/src/main.rs", "base::id", &["Id"]), "crates/core/src/id.rs: Id");
        assert_eq!(tree.leads("crates/app/src/main.rs", "core_types", &["X"]), "crates/core/src/lib.rs: X");
        assert_eq!(tree.leads("crates/app/src/view.rs", "crate", &["f"]), "crates/app/src/main.rs: f");
    }

    #[test]
    fn procedural_macros_are_their_functions() {
        let tree = Tree::new(&[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", ""),
            ("derive/Cargo.toml", "[package]\nname = \"shop-derive\"\n[lib]\nproc-macro = true\n"),
            (
                "derive/src/lib.rs",
                "#[proc_macro_derive(Priced, attributes(price))]\npub fn derive_priced(input: TokenStream) -> TokenStream {}\n",
            ),
        ]);
        assert_eq!(tree.leads("src/lib.rs", "shop_derive", &["Priced"]), "derive/src/lib.rs: derive_priced");
        assert_eq!(tree.leads("src/lib.rs", "shop_derive", &["route"]), "derive/src/lib.rs: route");
    }
}
