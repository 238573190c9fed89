//! Python: packages and namespace packages along the path, relative imports, and what pytest brings in by itself.

use super::python_roots::{Project, Roots};
use super::{Place, Resolution, Resolver, join, names, parent, upwards};
use crate::contract::git::RepoPath;
use crate::syntax::is_standard_python_module;

impl Resolver<'_> {
    pub(super) fn python(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        let dots = module.chars().take_while(|c| *c == '.').count();
        let parts: Vec<&str> = module[dots..].split('.').filter(|p| !p.is_empty()).collect();
        let path: Vec<&str> = parts.iter().chain(below).copied().collect();
        if dots > 0 {
            let package = (1..dots).try_fold(from.parent(), |at, _| parent(at));
            let found = package.and_then(|package| self.python_module(package, &path, parts.len()));
            return found.map_or(Resolution::Missing, Resolution::Repository);
        }
        let Some(first) = path.first() else { return Resolution::Missing };
        // The folder a test runner or a script puts first on the path.
        let own = self.python_rootdir(from);
        let roots = self.python.get_or_init(|| Roots::of(self));
        let projects = roots.nearest_first(from);
        let of_project = |project: &&Project| -> Option<Place> {
            let elsewhere = (1..=path.len()).rev().find_map(|n| {
                let folder = project.packages.get(&path[..n].join("/"))?;
                self.python_package(folder, &path, n, parts.len())
            });
            elsewhere.or_else(|| project.roots.iter().find_map(|r| self.python_module(r, &path, parts.len())))
        };
        let standard = is_standard_python_module(first);
        let found = projects.iter().find_map(of_project);
        let beside = || self.python_module(own, &path, parts.len());
        // A module of the same name as a standard one is meant only where it lies beside.
        match (standard, found.or_else(beside)) {
            (false, Some(place)) => Resolution::Repository(place),
            (true, _) => beside().map_or(Resolution::Standard, Resolution::Repository),
            (false, None) => Resolution::Dependency((*first).to_owned()),
        }
    }

    /// The longest part of `path` that is a module below `root`; at least its first name, and of what the import itself
    /// calls a module (`needed` names) all but what a package may define.
    fn python_module(&self, root: &str, path: &[&str], needed: usize) -> Option<Place> {
        for count in (needed.max(1).min(path.len())..=path.len()).rev() {
            let at = join(root, &path[..count].join("/"))?;
            if let Some(file) = self.python_file(&at) {
                return Some(Place { files: vec![file], rest: names(&path[count..]) });
            }
        }
        // `from . import x`: what the package itself defines.
        if needed == 0 {
            let file = self.python_file(root)?;
            return Some(Place { files: vec![file], rest: names(path) });
        }
        // `import a.b` where `b` is an attribute, or a namespace package without a file of its own.
        let count = (1..needed)
            .rev()
            .find(|n| join(root, &path[..*n].join("/")).is_some_and(|at| self.python_file(&at).is_some()))?;
        let file = self.python_file(&join(root, &path[..count].join("/"))?)?;
        Some(Place { files: vec![file], rest: names(&path[count..]) })
    }

    /// A package that a manifest puts into `folder`: the first `named` names are it.
    fn python_package(&self, folder: &str, path: &[&str], named: usize, needed: usize) -> Option<Place> {
        if path.len() == named {
            let file = self.python_file(folder)?;
            return Some(Place { files: vec![file], rest: Vec::new() });
        }
        self.python_module(folder, &path[named..], needed.saturating_sub(named))
    }

    fn python_file(&self, path: &str) -> Option<RepoPath> {
        ["py", "pyi"].iter().find_map(|end| {
            let module = (!path.is_empty()).then(|| self.file(&format!("{path}.{end}"))).flatten();
            module.or_else(|| self.file(&join(path, &format!("__init__.{end}"))?))
        })
    }

    /// The first folder above a file that is no package.
    fn python_rootdir<'p>(&self, from: &'p RepoPath) -> &'p str {
        let is_package = |folder: &str| self.file(&format!("{folder}/__init__.py")).is_some();
        upwards(from.parent()).find(|folder| folder.is_empty() || !is_package(folder)).unwrap_or("")
    }

    /// What pytest loads for a test by itself: `conftest.py` of its folder and of those above, and the plug-ins they name.
    pub(super) fn conftests(&self, from: &RepoPath) -> Vec<RepoPath> {
        let mut found: Vec<RepoPath> = upwards(from.parent())
            .filter_map(|folder| self.file(&join(folder, "conftest.py")?))
            .filter(|path| path != from)
            .collect();
        for at in 0..found.len() {
            let Some(text) = self.text(&found[at]) else { continue };
            let Some((_, list)) = text.split_once("pytest_plugins") else { continue };
            let list =
                list.split([']', ')', '\n']).find(|part| part.contains(['"', '\''])).unwrap_or_default();
            for plugin in list.split(['"', '\'']).skip(1).step_by(2) {
                let place = self.python(&found[at].clone(), plugin, &[]).place();
                found.extend(place.into_iter().flat_map(|place| place.files));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;

    #[test]
    fn packages_modules_and_names_in_them() {
        let tree = Tree::new(&[
            ("shop/__init__.py", ""),
            ("shop/price.py", ""),
            ("shop/tax/__init__.py", ""),
            ("shop/tax/rates.py", ""),
            ("tests/test_price.py", ""),
        ]);
        let from = "tests/test_price.py";
        assert_eq!(tree.leads(from, "shop.price", &["total"]), "shop/price.py: total");
        assert_eq!(tree.leads(from, "shop", &["price", "total"]), "shop/price.py: total");
        assert_eq!(tree.leads(from, "shop", &["total"]), "shop/__init__.py: total");
        assert_eq!(tree.leads(from, "shop.tax.rates", &[]), "shop/tax/rates.py");
        assert_eq!(tree.leads(from, "shop.tax", &["RATE"]), "shop/tax/__init__.py: RATE");
        assert_eq!(tree.leads(from, "json", &[]), "standard");
        assert_eq!(tree.leads(from, "numpy.linalg", &["norm"]), "dependency numpy");
    }

    #[test]
    fn relative_imports_count_dots() {
        let tree = Tree::new(&[
            ("a/__init__.py", ""),
            ("a/x.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/y.py", ""),
            ("a/b/z.py", ""),
        ]);
        assert_eq!(tree.leads("a/b/y.py", ".z", &["f"]), "a/b/z.py: f");
        assert_eq!(tree.leads("a/b/y.py", ".", &["z", "f"]), "a/b/z.py: f");
        assert_eq!(tree.leads("a/b/y.py", ".", &["name"]), "a/b/__init__.py: name");
        assert_eq!(tree.leads("a/b/y.py", "..x", &[]), "a/x.py");
        assert_eq!(tree.leads("a/b/y.py", "..", &["x", "f"]), "a/x.py: f");
        assert_eq!(tree.leads("a/b/y.py", ".none", &["f"]), "missing");
        assert_eq!(tree.leads("a/b/y.py", "....x", &[]), "missing");
    }

    #[test]
    fn the_src_layout_needs_no_word_in_a_manifest() {
        let tree =
            Tree::new(&[("src/shop/__init__.py", ""), ("src/shop/cart.py", ""), ("tests/test_cart.py", "")]);
        assert_eq!(tree.leads("tests/test_cart.py", "shop.cart", &["Cart"]), "src/shop/cart.py: Cart");
    }

    #[test]
    fn namespace_packages_have_no_file_of_their_own() {
        let tree = Tree::new(&[("src/acme/billing/invoice.py", ""), ("src/acme/core/__init__.py", "")]);
        assert_eq!(
            tree.leads("test_x.py", "acme.billing", &["invoice", "total"]),
            "src/acme/billing/invoice.py: total"
        );
        assert_eq!(tree.leads("test_x.py", "acme.core", &[]), "src/acme/core/__init__.py");
        assert_eq!(tree.leads("test_x.py", "acme", &["core", "f"]), "src/acme/core/__init__.py: f");
    }

    #[test]
    fn editable_installs_are_where_the_manifest_says() {
        for (manifest, text) in [
            ("pyproject.toml", "[tool.setuptools.package-dir]\n\"\" = \"code\"\n"),
            ("pyproject.toml", "[tool.setuptools.packages.find]\nwhere = [\"code\"]\n"),
            ("pyproject.toml", "[tool.poetry]\npackages = [{ include = \"shop\", from = \"code\" }]\n"),
            ("pyproject.toml", "[tool.hatch.build.targets.wheel]\npackages = [\"code/shop\"]\n"),
            ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = [\"code\"]\n"),
            ("setup.cfg", "[options]\npackage_dir =\n    = code\npackages = find:\n"),
            ("setup.cfg", "[options.packages.find]\nwhere = code\n"),
            ("setup.py", "setup(package_dir={'': 'code'}, packages=find_packages('code'))"),
            ("setup.py", "setup(package_dir={\"shop\": \"code/shop\"})"),
            ("pytest.ini", "[pytest]\npythonpath = code\n"),
        ] {
            let tree =
                Tree::new(&[(manifest, text), ("code/shop/__init__.py", ""), ("code/shop/cart.py", "")]);
            assert_eq!(tree.leads("tests/test_a.py", "shop.cart", &["f"]), "code/shop/cart.py: f", "{text}");
        }
    }

    #[test]
    fn a_package_may_lie_under_another_name() {
        let tree = Tree::new(&[
            ("pyproject.toml", "[tool.setuptools.package-dir]\nshop = \"lib/python\"\n"),
            ("lib/python/__init__.py", ""),
            ("lib/python/cart.py", ""),
        ]);
        assert_eq!(tree.leads("tests/test_a.py", "shop.cart", &["f"]), "lib/python/cart.py: f");
        assert_eq!(tree.leads("tests/test_a.py", "shop", &["f"]), "lib/python/__init__.py: f");
    }

    #[test]
    fn of_several_projects_the_nearest_counts() {
        let tree = Tree::new(&[
            ("one/pyproject.toml", ""),
            ("one/src/app/__init__.py", ""),
            ("one/tests/test_a.py", ""),
            ("two/pyproject.toml", ""),
            ("two/src/app/__init__.py", ""),
            ("two/src/other/__init__.py", ""),
            ("two/tests/test_a.py", ""),
        ]);
        assert_eq!(tree.leads("one/tests/test_a.py", "app", &["f"]), "one/src/app/__init__.py: f");
        assert_eq!(tree.leads("two/tests/test_a.py", "app", &["f"]), "two/src/app/__init__.py: f");
        assert_eq!(tree.leads("one/tests/test_a.py", "other", &[]), "two/src/other/__init__.py");
    }

    #[test]
    fn modules_beside_a_test_are_on_its_path() {
        let tree = Tree::new(&[
            ("tests/unit/helpers.py", ""),
            ("tests/unit/test_a.py", ""),
            ("tests/unit/random.py", ""),
        ]);
        assert_eq!(tree.leads("tests/unit/test_a.py", "helpers", &["make"]), "tests/unit/helpers.py: make");
        assert_eq!(tree.leads("tests/unit/test_a.py", "random", &["choice"]), "tests/unit/random.py: choice");
    }

    #[test]
    fn fixtures_come_from_conftest_files_above_and_their_plug_ins() {
        let tree = Tree::new(&[
            ("conftest.py", "pytest_plugins = [\"tests.fixtures.db\"]\n"),
            ("tests/__init__.py", ""),
            ("tests/conftest.py", ""),
            ("tests/fixtures/db.py", ""),
            ("tests/unit/test_a.py", ""),
            ("other/conftest.py", ""),
        ]);
        assert_eq!(
            tree.neighbours("tests/unit/test_a.py"),
            ["tests/conftest.py", "conftest.py", "tests/fixtures/db.py"]
        );
    }
}
