//! Go: modules by their paths, `replace` and `go.work`; the files of a package see each other.

use super::{Place, Resolution, Resolver, is_in, join, names};
use crate::contract::git::RepoPath;

/// A module of the repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Module {
    path: String,
    folder: String,
    /// Modules that stand for others: their paths, and folders of the repository.
    replaced: Vec<(String, String)>,
    /// `go.work` takes it in.
    in_workspace: bool,
}

impl Module {
    fn all(resolver: &Resolver<'_>) -> Vec<Self> {
        let mut modules: Vec<Self> = resolver
            .manifests("go.mod")
            .filter_map(|(path, text)| Self::read(path.parent(), &text))
            .collect();
        for (path, text) in resolver.manifests("go.work") {
            let folder = path.parent();
            let used: Vec<String> =
                directives(&text, "use").filter_map(|words| join(folder, words.first()?)).collect();
            let replaced = replaced(folder, &text);
            for module in &mut modules {
                module.in_workspace |= used.contains(&module.folder);
                if is_in(&module.folder, folder) {
                    module.replaced.extend(replaced.iter().cloned());
                }
            }
        }
        modules
    }

    fn read(folder: &str, text: &str) -> Option<Self> {
        let path = directives(text, "module").next()?.first()?.to_owned();
        Some(Self { path, folder: folder.to_owned(), replaced: replaced(folder, text), in_workspace: false })
    }
}

fn replaced(folder: &str, text: &str) -> Vec<(String, String)> {
    let local = |words: Vec<String>| {
        let arrow = words.iter().position(|w| w == "=>")?;
        let target = words.get(arrow + 1).filter(|t| t.starts_with('.'))?;
        Some((words.first()?.clone(), join(folder, target)?))
    };
    directives(text, "replace").filter_map(local).collect()
}

/// The words behind each `name`, on its line or in its brackets.
fn directives<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = Vec<String>> + 't {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let line = line.split("//").next().unwrap_or(line).trim();
        let words = |line: &str| -> Vec<String> {
            line.split_whitespace().map(|w| w.trim_matches(['"', '`']).to_owned()).collect()
        };
        if inside {
            inside = line != ")";
            return (inside && !line.is_empty()).then(|| words(line));
        }
        let rest = line.strip_prefix(name)?;
        if rest.trim() == "(" {
            inside = true;
            return None;
        }
        rest.starts_with([' ', '\t']).then(|| words(rest))
    })
}

impl Resolver<'_> {
    pub(super) fn go(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        let modules = self.modules.get_or_init(|| Module::all(self));
        let own = modules.iter().filter(|m| is_in(from.as_str(), &m.folder)).max_by_key(|m| m.folder.len());
        let below_module = |path: &str| {
            let rest = module.strip_prefix(path)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
        };
        // The longest path decides, as Go has it; of the same, what the own module says.
        let replaced = own.iter().flat_map(|m| &m.replaced).map(|(path, folder)| (path, folder, true));
        let listed = modules.iter().map(|m| (&m.path, &m.folder, m.in_workspace));
        let mut found: Vec<(usize, bool, String)> = replaced
            .chain(listed)
            .filter_map(|(path, folder, sure)| Some((path.len(), sure, join(folder, &below_module(path)?)?)))
            .collect();
        found.sort_by_key(|(length, sure, _)| std::cmp::Reverse((*length, *sure)));
        for (_, _, folder) in &found {
            let files = self.go_files(folder, from, false);
            if !files.is_empty() {
                return Resolution::Repository(Place { files, rest: names(below) });
            }
        }
        let first = module.split('/').next().unwrap_or_default();
        match (found.is_empty(), first.contains('.')) {
            (false, _) => Resolution::Missing,
            (true, false) => Resolution::Standard,
            (true, true) => Resolution::Dependency(module.to_owned()),
        }
    }

    /// The other files of the package: those that are no tests first. A test of `a_test` is about what lies beside it.
    pub(super) fn go_package(&self, from: &RepoPath) -> Vec<RepoPath> {
        let tests = from.as_str().ends_with("_test.go");
        self.go_files(from.parent(), from, tests)
    }

    fn go_files(&self, folder: &str, from: &RepoPath, tests: bool) -> Vec<RepoPath> {
        let of = |is_test: bool| {
            let all = self.in_folder(folder).filter(|p| p.extension() == Some("go") && *p != from);
            all.filter(move |p| p.as_str().ends_with("_test.go") == is_test).cloned()
        };
        of(false).chain(of(true).filter(|_| tests)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;

    #[test]
    fn packages_are_folders_below_the_module() {
        let tree = Tree::new(&[
            ("go.mod", "module example.com/shop // ours\n\ngo 1.22\n"),
            ("cart.go", ""),
            ("internal/tax/tax.go", ""),
            ("internal/tax/rates.go", ""),
            ("internal/tax/tax_test.go", ""),
        ]);
        assert_eq!(
            tree.leads("cart.go", "example.com/shop/internal/tax", &["Of"]),
            "internal/tax/rates.go internal/tax/tax.go: Of"
        );
        assert_eq!(tree.leads("internal/tax/tax.go", "example.com/shop", &[]), "cart.go");
        assert_eq!(tree.leads("cart.go", "example.com/shop/none", &[]), "missing");
        assert_eq!(tree.leads("cart.go", "net/http", &[]), "standard");
        assert_eq!(tree.leads("cart.go", "example.com/shopping", &[]), "dependency example.com/shopping");
    }

    #[test]
    fn a_test_sees_the_code_beside_it_first() {
        let tree = Tree::new(&[
            ("go.mod", "module m\n"),
            ("a.go", ""),
            ("a_test.go", ""),
            ("helpers_test.go", ""),
            ("sub/b.go", ""),
            ("z.go", ""),
        ]);
        assert_eq!(tree.neighbours("a_test.go"), ["a.go", "z.go", "helpers_test.go"]);
        assert_eq!(tree.neighbours("a.go"), ["z.go"]);
    }

    #[test]
    fn replaced_modules_lie_where_the_manifest_says() {
        let tree = Tree::new(&[
            (
                "app/go.mod",
                "module example.com/app\n\nreplace (\n\texample.com/lib v1.2.0 => ../forks/lib\n)\n",
            ),
            ("app/main.go", ""),
            ("forks/lib/go.mod", "module other.org/lib\n"),
            ("forks/lib/x/x.go", ""),
            ("one/go.mod", "module example.com/one\nreplace example.com/lib => ./none\n"),
            ("one/one.go", ""),
        ]);
        assert_eq!(tree.leads("app/main.go", "example.com/lib/x", &["F"]), "forks/lib/x/x.go: F");
        assert_eq!(tree.leads("one/one.go", "example.com/lib/x", &["F"]), "missing");
    }

    #[test]
    fn a_workspace_s_modules_import_each_other() {
        let tree = Tree::new(&[
            ("go.work", "go 1.22\n\nuse (\n\t./app\n\t./lib\n)\n"),
            ("app/go.mod", "module example.com/app\n"),
            ("app/main.go", ""),
            ("lib/go.mod", "module example.com/lib\n"),
            ("lib/lib.go", ""),
            ("old/lib/go.mod", "module example.com/lib\n"),
            ("old/lib/lib.go", ""),
        ]);
        assert_eq!(tree.leads("app/main.go", "example.com/lib", &["F"]), "lib/lib.go: F");
    }
}
