//! Java and Kotlin: packages over source folders, the modules of Maven and Gradle builds, tests and what they are about.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Place, Resolution, Resolver, is_in, join, names};
use crate::contract::git::RepoPath;

/// A module of a build.
#[derive(Debug)]
pub(super) struct Build {
    folder: String,
    /// Folders of the modules that it depends on.
    needs: Vec<String>,
}

impl Build {
    fn all(resolver: &Resolver<'_>) -> Vec<Self> {
        static PROJECT: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r#"(?:project\s*\(\s*(?:path\s*[:=]\s*)?['"]:?([\w:.-]+)['"]|projects\.([\w.]+))"#)
                .ok()
        });
        let poms: Vec<(&RepoPath, String)> = resolver.manifests("pom.xml").collect();
        let artifacts: Vec<(String, String)> = poms
            .iter()
            .filter_map(|(path, text)| Some((artifact(text)?, path.parent().to_owned())))
            .collect();
        let mut builds: Vec<Self> = Vec::new();
        for (path, text) in &poms {
            let wanted = text.split("<dependency>").skip(1).filter_map(|part| tag(part, "artifactId"));
            let wanted: BTreeSet<String> = wanted.collect();
            let needs = artifacts.iter().filter(|(name, _)| wanted.contains(name)).map(|(_, f)| f.clone());
            builds.push(Self { folder: path.parent().to_owned(), needs: needs.collect() });
        }
        for name in ["build.gradle", "build.gradle.kts"] {
            for (path, text) in resolver.manifests(name) {
                let found = PROJECT.iter().flat_map(|p| p.captures_iter(&text)).filter_map(|found| {
                    let plain = found.get(1).or_else(|| found.get(2))?.as_str();
                    Some(plain.replace([':', '.'], "/"))
                });
                builds.push(Self { folder: path.parent().to_owned(), needs: found.collect() });
            }
        }
        builds
    }
}

/// The artifact's own name: the first that is not its parent's, nor of what it depends on.
fn artifact(text: &str) -> Option<String> {
    let own = match (text.find("<parent>"), text.find("</parent>")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    };
    tag(own.split("<dependencies>").next()?, "artifactId")
}

fn tag(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(value, _)| value.trim().to_owned())
}

/// Packages of the platform.
const STANDARD: [&str; 7] = ["java", "javax", "kotlin", "jdk", "sun", "com.sun", "org.w3c"];

impl Resolver<'_> {
    /// `a.b.C` and nested or static names below it; `a.b.*` and `a.b.C.*` hold the star among them.
    pub(super) fn java(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        let mut path: Vec<&str> = module.split('.').filter(|p| !p.is_empty()).collect();
        path.extend(below);
        let wildcard = path.last() == Some(&"*");
        if wildcard {
            path.pop();
        }
        // From the whole path down: what is behind the class is nested, or static.
        for count in (1..=path.len()).rev() {
            let files = self.java_class(from, &path[..count]);
            if !files.is_empty() {
                return Resolution::Repository(Place { files, rest: names(&path[count..]) });
            }
        }
        // All of a package; or a name of it whose file is called otherwise, as Kotlin has it.
        let is_class = |name: &str| name.starts_with(char::is_uppercase);
        let count = path.iter().position(|name| is_class(name)).unwrap_or(path.len());
        for count in [count, path.len().saturating_sub(1)] {
            let files = self.java_files(from, &path[..count], wildcard);
            if !files.is_empty() {
                return Resolution::Repository(Place { files, rest: names(&path[count..]) });
            }
        }
        let package = path[..count].join(".");
        let standard = STANDARD.iter().any(|name| {
            package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if standard { Resolution::Standard } else { Resolution::Dependency(package) }
    }

    fn java_class(&self, from: &RepoPath, path: &[&str]) -> Vec<RepoPath> {
        let Some((class, package)) = path.split_last() else { return Vec::new() };
        let inner = package.join("/");
        let fits = |file: &&RepoPath| {
            let folder = file.parent();
            folder
                .strip_suffix(inner.as_str())
                .is_some_and(|root| root.is_empty() || root.ends_with('/') || inner.is_empty())
        };
        let ends = ["java", "kt"].into_iter();
        let mut found: Vec<RepoPath> = ends
            .flat_map(|end| self.named(&format!("{class}.{end}")).iter().copied().filter(fits).cloned())
            // A class without a package is imported by none.
            .filter(|_| !package.is_empty())
            .collect();
        self.nearest_build_first(from, &mut found);
        found.truncate(1);
        found
    }

    /// The files of a package; with `all` the Java ones as well, else those that may hold any name.
    fn java_files(&self, from: &RepoPath, package: &[&str], all: bool) -> Vec<RepoPath> {
        if package.is_empty() {
            return Vec::new();
        }
        let inner = package.join("/");
        let is_source = |path: &RepoPath| match path.extension() {
            Some("kt") => true,
            Some("java") => all,
            _ => false,
        };
        let fits = |folder: &str| {
            folder.strip_suffix(inner.as_str()).is_some_and(|root| root.is_empty() || root.ends_with('/'))
        };
        let files = self.tree.files().iter().map(|f| &f.path);
        let mut found: Vec<RepoPath> =
            files.filter(|p| is_source(p) && *p != from && fits(p.parent())).take(60).cloned().collect();
        self.nearest_build_first(from, &mut found);
        found
    }

    /// The other files of the package: what a test of the same package is about comes before other tests.
    pub(super) fn java_package(&self, from: &RepoPath) -> Vec<RepoPath> {
        let text = self.text(from).unwrap_or_default();
        let declared = text.lines().find_map(|line| line.trim_start().strip_prefix("package "));
        let package = declared.map(|name| name.trim_end().trim_end_matches(';').trim().to_owned());
        let mut found = match &package {
            Some(package) => self.java_files(from, &package.split('.').collect::<Vec<_>>(), true),
            None => {
                // Of no package: those in the folder, and in the sources' folder that answers the tests'.
                let folder = from.parent();
                let mut folders = vec![folder.to_owned()];
                folders.extend(main_of(folder));
                let is_source = |p: &&RepoPath| matches!(p.extension(), Some("java" | "kt")) && *p != from;
                folders
                    .iter()
                    .flat_map(|f| self.in_folder(f).filter(is_source).cloned().collect::<Vec<_>>())
                    .collect()
            }
        };
        self.nearest_build_first(from, &mut found);
        found
    }

    /// Of its own module, then of those it depends on, then others; in each `src/main` before `src/test`.
    fn nearest_build_first(&self, from: &RepoPath, found: &mut [RepoPath]) {
        let builds = self.builds.get_or_init(|| Build::all(self));
        let of = |path: &RepoPath| {
            builds.iter().filter(|b| is_in(path.as_str(), &b.folder)).max_by_key(|b| b.folder.len())
        };
        let own = of(from);
        let is_test = |path: &RepoPath| {
            path.as_str().split('/').any(|part| part.to_lowercase().ends_with("test") || part == "tests")
        };
        found.sort_by_cached_key(|path| {
            let theirs = of(path);
            let distance = match (own, theirs) {
                (Some(own), Some(theirs)) if own.folder == theirs.folder => 0,
                (Some(own), Some(theirs)) => {
                    let needed = |need: &String| {
                        theirs.folder == *need || theirs.folder.ends_with(&format!("/{need}"))
                    };
                    if own.needs.iter().any(needed) { 1 } else { 2 }
                }
                (None, None) => 0,
                _ => 2,
            };
            (distance, is_test(path), path.clone())
        });
    }
}

/// `a/src/test/java/x` is about `a/src/main/java/x`.
fn main_of(folder: &str) -> Option<String> {
    let at = format!("/{folder}/").find("/src/test/")?;
    let (before, behind) = folder.split_at(at);
    join(before, &behind.trim_start_matches('/').replacen("src/test", "src/main", 1))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;

    #[test]
    fn classes_nested_ones_and_static_names() {
        let tree = Tree::new(&[
            ("pom.xml", "<project><artifactId>shop</artifactId></project>"),
            ("src/main/java/org/shop/Cart.java", "package org.shop;\n"),
            ("src/main/java/org/shop/tax/Rates.java", "package org.shop.tax;\n"),
            ("src/test/java/org/shop/CartTest.java", "package org.shop;\n"),
        ]);
        let from = "src/test/java/org/shop/CartTest.java";
        assert_eq!(tree.leads(from, "org.shop.tax.Rates", &[]), "src/main/java/org/shop/tax/Rates.java");
        assert_eq!(tree.leads(from, "org.shop.tax", &["Rates"]), "src/main/java/org/shop/tax/Rates.java");
        assert_eq!(tree.leads(from, "org.shop.Cart.Line", &[]), "src/main/java/org/shop/Cart.java: Line");
        assert_eq!(
            tree.leads(from, "org.shop.tax.Rates", &["of"]),
            "src/main/java/org/shop/tax/Rates.java: of"
        );
        assert_eq!(tree.leads(from, "org.shop.tax", &["*"]), "src/main/java/org/shop/tax/Rates.java");
        assert_eq!(tree.leads(from, "org.shop.tax.Rates", &["*"]), "src/main/java/org/shop/tax/Rates.java");
        assert_eq!(tree.leads(from, "java.util", &["List"]), "standard");
        assert_eq!(tree.leads(from, "org.junit.jupiter.api", &["Test"]), "dependency org.junit.jupiter.api");
    }

    #[test]
    fn a_test_sees_its_package_in_the_sources_first() {
        let tree = Tree::new(&[
            ("pom.xml", "<project><artifactId>shop</artifactId></project>"),
            ("src/main/java/org/shop/Cart.java", "package org.shop;\n"),
            ("src/test/java/org/shop/CartTest.java", "package org.shop;\n"),
            ("src/test/java/org/shop/Fixtures.java", "package org.shop;\n"),
            ("other/src/main/java/org/elsewhere/Cart.java", ""),
        ]);
        assert_eq!(
            tree.neighbours("src/test/java/org/shop/CartTest.java"),
            ["src/main/java/org/shop/Cart.java", "src/test/java/org/shop/Fixtures.java"]
        );
    }

    #[test]
    fn without_a_package_the_folders_answer_each_other() {
        let tree = Tree::new(&[("src/main/java/Calc.java", ""), ("src/test/java/CalcTest.java", "")]);
        assert_eq!(tree.neighbours("src/test/java/CalcTest.java"), ["src/main/java/Calc.java"]);
        let tree = Tree::new(&[("Calc.java", ""), ("CalcTest.java", "")]);
        assert_eq!(tree.neighbours("CalcTest.java"), ["Calc.java"]);
    }

    #[test]
    fn of_modules_with_one_class_each_the_needed_one_counts() {
        let class = "org/shop/Money.java";
        let maven = [
            ("pom.xml", "<project><artifactId>all</artifactId></project>".to_owned()),
            ("app/pom.xml", "<project><parent><artifactId>all</artifactId></parent><artifactId>app</artifactId><dependencies><dependency><artifactId>core</artifactId></dependency></dependencies></project>".to_owned()),
            ("core/pom.xml", "<project><artifactId>core</artifactId></project>".to_owned()),
            ("add-ons/pom.xml", "<project><artifactId>add-ons</artifactId></project>".to_owned()),
        ];
        let gradle = [
            ("app/build.gradle.kts", "dependencies { implementation(project(\":core\")) }".to_owned()),
            ("core/build.gradle.kts", String::new()),
            ("add-ons/build.gradle", String::new()),
        ];
        for manifests in [&maven[..], &gradle[..]] {
            let paths = [format!("add-ons/src/main/java/{class}"), format!("core/src/main/java/{class}")];
            let mut files: Vec<(&str, &str)> = manifests.iter().map(|(p, t)| (*p, t.as_str())).collect();
            files.extend(paths.iter().map(|p| (p.as_str(), "")));
            files.push(("app/src/main/java/org/shop/App.java", ""));
            let tree = Tree::new(&files);
            assert_eq!(
                tree.leads("app/src/main/java/org/shop/App.java", "org.shop.Money", &[]),
                "core/src/main/java/org/shop/Money.java"
            );
        }
    }

    #[test]
    fn kotlin_files_hold_names_that_are_not_theirs() {
        let tree = Tree::new(&[
            ("src/main/kotlin/org/shop/money.kt", "package org.shop\n"),
            ("src/main/kotlin/org/shop/Cart.kt", "package org.shop\n"),
            ("src/test/kotlin/org/shop/CartTest.kt", "package org.shop\n"),
            ("src/test/kotlin/other/XTest.kt", "package other\n"),
        ]);
        let from = "src/test/kotlin/other/XTest.kt";
        assert_eq!(tree.leads(from, "org.shop", &["Cart"]), "src/main/kotlin/org/shop/Cart.kt");
        assert_eq!(
            tree.leads(from, "org.shop", &["Money"]),
            "src/main/kotlin/org/shop/Cart.kt src/main/kotlin/org/shop/money.kt src/test/kotlin/org/shop/CartTest.kt: Money"
        );
        assert_eq!(tree.neighbours("src/test/kotlin/org/shop/CartTest.kt").len(), 2);
    }
}
