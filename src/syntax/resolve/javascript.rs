//! JavaScript and TypeScript: specifiers as Node, bundlers and the TypeScript compiler read them.

use std::rc::Rc;

use super::package_json::{Package, sources_of};
use super::tsconfig::{Aliases, Configs};
use super::{Resolution, Resolver, is_in, join, one};
use crate::contract::git::RepoPath;
use crate::syntax::modules::is_standard_node_module;

/// Folders whose main file is a folder are followed so far.
const MAX_DEPTH: u8 = 3;

const ENDS: [&str; 14] = [
    ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".json", ".d.ts",
    ".d.mts", ".d.cts",
];

impl Resolver<'_> {
    pub(super) fn script(&self, from: &RepoPath, specifier: &str, below: &[&str]) -> Resolution {
        // What loaders put behind: `./a.svg?raw`.
        let specifier = specifier.split('?').next().unwrap_or(specifier);
        if specifier.is_empty() {
            return Resolution::Missing;
        }
        if specifier == "."
            || specifier == ".."
            || specifier.starts_with("./")
            || specifier.starts_with("../")
        {
            let found = join(from.parent(), specifier).and_then(|path| self.script_path(&path, from));
            return found.map_or(Resolution::Missing, |path| one(path, below));
        }
        let packages = self.packages.get_or_init(|| Package::all(self));
        if specifier.starts_with('#') {
            let own = nearest(packages, from);
            let inside = |p: &Package| self.target_of(p, &p.imported(specifier), from);
            if let Some(path) = own.and_then(inside) {
                return one(path, below);
            }
        }
        for aliases in self.aliases(from).iter() {
            let mut targets = aliases.targets(specifier).into_iter();
            if let Some(path) = targets.find_map(|target| self.script_path(&target, from)) {
                return one(path, below);
            }
        }
        if specifier.starts_with("node:") || is_standard_node_module(specifier) {
            return Resolution::Standard;
        }
        let (name, sub) = package_and_path(specifier);
        let mut named: Vec<&Package> = packages.iter().filter(|p| p.name.as_deref() == Some(name)).collect();
        // Of several of one name, the one around the file.
        named.sort_by_key(|p| std::cmp::Reverse((is_in(from.as_str(), &p.folder), p.folder.len())));
        for package in named {
            if let Some(path) = self.target_of(package, &package.exported(&sub), from) {
                return one(path, below);
            }
        }
        // What most set-ups without a word in `tsconfig.json` call their sources.
        if let Some(rest) = specifier.strip_prefix("@/").or_else(|| specifier.strip_prefix("~/")) {
            let folder = nearest(packages, from).map_or("", |p| p.folder.as_str());
            let places = [join(folder, &format!("src/{rest}")), join(folder, rest)];
            let found = places.into_iter().flatten().find_map(|p| self.script_path(&p, from));
            return found.map_or(Resolution::Missing, |path| one(path, below));
        }
        if specifier.starts_with('#') || specifier.starts_with('/') {
            return Resolution::Missing;
        }
        Resolution::Dependency(name.to_owned())
    }

    /// Whether the manifests around `from` list a package.
    #[must_use]
    pub fn lists_script_package(&self, from: &RepoPath, name: &str) -> bool {
        let packages = self.packages.get_or_init(|| Package::all(self));
        packages.iter().any(|p| is_in(from.as_str(), &p.folder) && p.depends_on(name))
    }

    fn aliases(&self, from: &RepoPath) -> Rc<[Aliases]> {
        if let Some(known) = self.aliases.borrow().get(from.parent()) {
            return known.clone();
        }
        let found: Rc<[Aliases]> = self.tsconfigs.get_or_init(|| Configs::of(self)).for_file(from).into();
        self.aliases.borrow_mut().insert(from.parent().to_owned(), found.clone());
        found
    }

    /// The first of a manifest's targets that is there, or whose source is.
    fn target_of(&self, package: &Package, targets: &[String], from: &RepoPath) -> Option<RepoPath> {
        let built = |target: &String| {
            let at = join(&package.folder, target)?;
            let inside = RepoPath::new(&at).ok()?;
            let of_config = self.aliases(&inside).iter().find_map(|aliases| {
                let (out, root) = aliases.built.as_ref()?;
                let rest = is_in(&at, out).then(|| at[out.len()..].trim_start_matches('/'))?;
                self.script_path(&join(root, rest)?, from)
            });
            let guessed = || {
                let sources = sources_of(target).into_iter();
                sources.filter_map(|s| join(&package.folder, &s)).find_map(|s| self.script_path(&s, from))
            };
            of_config.or_else(guessed)
        };
        let here = |target: &String| self.script_path(&join(&package.folder, target)?, from);
        // Built files may be in the repository as well: what they are built of counts.
        targets.iter().find_map(|target| built(target).or_else(|| here(target)))
    }

    /// A file, a file without its ending, or a folder.
    fn script_path(&self, path: &str, from: &RepoPath) -> Option<RepoPath> {
        // TypeScript names what will be built: `./a.js` is `a.ts`.
        const BUILT: [(&str, &[&str]); 4] = [
            (".js", &[".ts", ".tsx", ".d.ts"]),
            (".jsx", &[".tsx"]),
            (".mjs", &[".mts", ".d.mts"]),
            (".cjs", &[".cts", ".d.cts"]),
        ];
        let source = || {
            let (stem, ends) = BUILT.iter().find_map(|(end, ends)| Some((path.strip_suffix(end)?, ends)))?;
            ends.iter().find_map(|end| self.file(&format!("{stem}{end}")))
        };
        let exact = || self.file(path);
        let typed = || self.file(&format!("{path}.ts")).or_else(|| self.file(&format!("{path}.tsx")));
        let plain = || self.file(&format!("{path}.js"));
        let ending = || ENDS.iter().find_map(|end| self.file(&format!("{path}{end}")));
        let is_script = matches!(from.extension(), Some("js" | "jsx" | "mjs" | "cjs"));
        exact()
            .or_else(source)
            .or_else(|| if is_script { plain().or_else(typed) } else { typed().or_else(plain) })
            .or_else(ending)
            .or_else(|| self.script_folder(path, from))
    }

    fn script_folder(&self, folder: &str, from: &RepoPath) -> Option<RepoPath> {
        if !self.is_folder(folder) {
            return None;
        }
        // The main file of a folder may be a folder again, and in a made-up repository the first one.
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        let found = self.main_of(folder, from);
        self.depth.set(depth);
        found
    }

    fn main_of(&self, folder: &str, from: &RepoPath) -> Option<RepoPath> {
        let packages = self.packages.get_or_init(|| Package::all(self));
        let package = packages.iter().find(|p| p.folder == folder);
        let own = package.and_then(|p| {
            let mains = p.exported("");
            // Not the folder itself again.
            let mains: Vec<String> =
                mains.into_iter().filter(|m| !matches!(m.as_str(), "." | "./" | "")).collect();
            self.target_of(p, &mains, from)
        });
        own.or_else(|| ENDS.iter().find_map(|end| self.file(&join(folder, &format!("index{end}"))?)))
    }
}

fn nearest<'p>(packages: &'p [Package], from: &RepoPath) -> Option<&'p Package> {
    packages.iter().filter(|p| is_in(from.as_str(), &p.folder)).max_by_key(|p| p.folder.len())
}

/// `@a/b/c/d` is `./c/d` of `@a/b`.
fn package_and_path(specifier: &str) -> (&str, String) {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(at, _)| at);
    let sub = if end == specifier.len() { String::new() } else { format!(".{}", &specifier[end..]) };
    (&specifier[..end], sub)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;

    #[test]
    fn relative_specifiers_find_files_endings_and_indexes() {
        let tree = Tree::new(&[
            ("src/a.ts", ""),
            ("src/b.js", ""),
            ("src/b.ts", ""),
            ("src/ui/index.tsx", ""),
            ("src/data.json", ""),
            ("src/view.vue", ""),
            ("test/a.test.ts", ""),
            ("test/b.test.js", ""),
        ]);
        let from = "test/a.test.ts";
        assert_eq!(tree.leads(from, "../src/a", &["f"]), "src/a.ts: f");
        assert_eq!(tree.leads(from, "../src/a.js", &[]), "src/a.ts");
        assert_eq!(tree.leads(from, "../src/b", &[]), "src/b.ts");
        assert_eq!(tree.leads("test/b.test.js", "../src/b", &[]), "src/b.js");
        assert_eq!(tree.leads(from, "../src/ui", &[]), "src/ui/index.tsx");
        assert_eq!(tree.leads(from, "../src/data.json", &[]), "src/data.json");
        assert_eq!(tree.leads(from, "../src/view.vue", &[]), "src/view.vue");
        assert_eq!(tree.leads(from, "../src/none", &[]), "missing");
        assert_eq!(tree.leads(from, "../../x", &[]), "missing");
        assert_eq!(tree.leads(from, "node:fs", &[]), "standard");
        assert_eq!(tree.leads(from, "fs/promises", &[]), "standard");
        assert_eq!(tree.leads(from, "@scope/x/y", &[]), "dependency @scope/x");
    }

    #[test]
    fn requiring_the_folder_above_is_the_package_s_main() {
        let tree = Tree::new(&[
            ("package.json", "{\"name\": \"app\"}"),
            ("index.js", ""),
            ("examples/app.js", ""),
            ("test/app.js", ""),
        ]);
        assert_eq!(tree.leads("test/app.js", "../", &[]), "index.js");
        assert_eq!(tree.leads("test/app.js", "..", &[]), "index.js");
        let tree = Tree::new(&[
            ("package.json", "{\"main\": \"./lib/app\"}"),
            ("lib/app.js", ""),
            ("test/a.js", ""),
        ]);
        assert_eq!(tree.leads("test/a.js", "..", &[]), "lib/app.js");
    }

    #[test]
    fn folders_that_name_each_other_end() {
        let tree = Tree::new(&[
            ("a/package.json", "{\"main\": \"../b\"}"),
            ("b/package.json", "{\"main\": \"../a\"}"),
            ("b/index.js", ""),
            ("x.js", ""),
        ]);
        assert_eq!(tree.leads("x.js", "./a", &[]), "b/index.js");
    }

    #[test]
    fn a_package_names_itself_and_exports_by_path() {
        let exports = r#"{"name": "app", "exports": {
            ".": {"import": {"types": "./dist/index.d.ts", "default": "./dist/index.js"}},
            "./tools": "./src/tools/main.js", "./x/*": "./src/extra/*.js", "./features/": "./src/f/"}}"#;
        let tree = Tree::new(&[
            ("package.json", exports),
            ("src/index.ts", ""),
            ("src/tools/main.js", ""),
            ("src/extra/one.js", ""),
            ("src/f/two.js", ""),
            ("test/a.ts", ""),
        ]);
        assert_eq!(tree.leads("test/a.ts", "app", &["f"]), "src/index.ts: f");
        assert_eq!(tree.leads("test/a.ts", "app/tools", &[]), "src/tools/main.js");
        assert_eq!(tree.leads("test/a.ts", "app/x/one", &[]), "src/extra/one.js");
        assert_eq!(tree.leads("test/a.ts", "app/features/two.js", &[]), "src/f/two.js");
    }

    #[test]
    fn names_with_a_hash_are_the_package_s_own() {
        let manifest = r##"{"imports": {"#db": {"node": "./src/db.js", "default": "./src/none.js"}, "#lib/*": "./lib/*.js"}}"##;
        let tree = Tree::new(&[
            ("package.json", manifest),
            ("src/db.js", ""),
            ("lib/a/b.js", ""),
            ("test/x.js", ""),
        ]);
        assert_eq!(tree.leads("test/x.js", "#db", &[]), "src/db.js");
        assert_eq!(tree.leads("test/x.js", "#lib/a/b", &[]), "lib/a/b.js");
        assert_eq!(tree.leads("test/x.js", "#none", &[]), "missing");
    }

    #[test]
    fn workspaces_import_each_other_by_name_from_sources() {
        for list in [
            ("package.json", "{\"workspaces\": [\"packages/*\"]}"),
            ("pnpm-workspace.yaml", "packages:\n  - packages/*\n"),
        ] {
            let tree = Tree::new(&[
                list,
                ("packages/core/package.json", "{\"name\": \"@acme/core\", \"main\": \"dist/index.js\"}"),
                ("packages/core/src/index.ts", ""),
                ("packages/core/src/deep/x.ts", ""),
                ("packages/app/package.json", "{\"name\": \"@acme/app\"}"),
                ("packages/app/test/a.test.ts", ""),
                ("node_modules/@acme/core/package.json", "{\"name\": \"@acme/core\", \"main\": \"i.js\"}"),
                ("node_modules/@acme/core/i.js", ""),
            ]);
            let from = "packages/app/test/a.test.ts";
            assert_eq!(tree.leads(from, "@acme/core", &["f"]), "packages/core/src/index.ts: f");
            assert_eq!(tree.leads(from, "@acme/core/deep/x", &[]), "packages/core/src/deep/x.ts");
        }
    }

    #[test]
    fn tsconfig_paths_come_through_extends_and_references() {
        let base = "{ // shared\n \"compilerOptions\": { \"baseUrl\": \".\", \"paths\": { \"@app/*\": [\"app/src/*\",], \"@app/one\": [\"app/one.ts\"] } } }";
        let tree = Tree::new(&[
            ("tsconfig.base.json", base),
            ("app/tsconfig.json", "{\"extends\": \"../tsconfig.base.json\"}"),
            ("app/src/util/x.ts", ""),
            ("app/one.ts", ""),
            ("app/test/a.test.ts", ""),
            ("web/tsconfig.json", "{\"files\": [], \"references\": [{\"path\": \"./tsconfig.app.json\"}]}"),
            ("web/tsconfig.app.json", "{\"compilerOptions\": {\"paths\": {\"~/*\": [\"./src/*\"]}}}"),
            ("web/src/y.tsx", ""),
            ("web/test/b.test.tsx", ""),
        ]);
        assert_eq!(tree.leads("app/test/a.test.ts", "@app/util/x", &[]), "app/src/util/x.ts");
        assert_eq!(tree.leads("app/test/a.test.ts", "@app/one", &[]), "app/one.ts");
        assert_eq!(tree.leads("web/test/b.test.tsx", "~/y", &["Y"]), "web/src/y.tsx: Y");
    }

    #[test]
    fn base_url_makes_bare_names_paths() {
        let tree = Tree::new(&[
            ("tsconfig.json", "{\"compilerOptions\": {\"baseUrl\": \"src\"}}"),
            ("src/util/x.ts", ""),
            ("src/a.test.ts", ""),
        ]);
        assert_eq!(tree.leads("src/a.test.ts", "util/x", &[]), "src/util/x.ts");
        assert_eq!(tree.leads("src/a.test.ts", "react", &[]), "dependency react");
    }

    #[test]
    fn the_out_folder_s_files_are_made_of_the_root_s() {
        let tree = Tree::new(&[
            ("package.json", "{\"name\": \"x\", \"main\": \"target-js/main.js\"}"),
            ("tsconfig.json", "{\"compilerOptions\": {\"outDir\": \"target-js\", \"rootDir\": \"source\"}}"),
            ("source/main.ts", ""),
            ("test/a.ts", ""),
        ]);
        assert_eq!(tree.leads("test/a.ts", "..", &[]), "source/main.ts");
    }

    #[test]
    fn the_sign_for_sources_needs_no_word() {
        let tree = Tree::new(&[("package.json", "{}"), ("src/store/cart.ts", ""), ("tests/a.spec.ts", "")]);
        assert_eq!(tree.leads("tests/a.spec.ts", "@/store/cart", &[]), "src/store/cart.ts");
    }
}
