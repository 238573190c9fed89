//! What a traced run left → the functions that the failing test ran, the most suspicious first. Deterministic, bounded,
//! and of foreign input: what cannot be read is left out.

mod class_loading;
mod go_profile;
mod jacoco;
mod jvm;
mod lines;
mod llvm;
mod own;
mod suspicion;

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::executed::{
    Executed, ExecutedFunction, ExecutedTest, TraceFormat, TraceOutput, TracedFunctions, TracedTest,
};
use crate::contract::git::SourceTree;

/// Functions that are kept of one trace.
const MOST_FUNCTIONS: usize = 20_000;
/// Tests that are kept of one trace.
const MOST_TESTS: usize = 2_000;
/// Ranges of lines that are kept of one trace.
const MOST_RANGES: usize = 500_000;
/// Characters of a name.
const LONGEST_NAME: usize = 200;
/// Where the workspace lies in the sandbox.
const ROOT: &str = "/workspace/";

/// The functions that the failing tests ran, the most suspicious first.
///
/// ```
/// use ci_healer::contract::executed::{TraceFormat, TraceOutput, TracedTest};
/// use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
///
/// struct OneFile(TreeFile);
///
/// impl SourceTree for OneFile {
///     fn files(&self) -> &[TreeFile] {
///         std::slice::from_ref(&self.0)
///     }
///
///     fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
///         None
///     }
/// }
///
/// let path = RepoPath::new("shop.py").unwrap();
/// let tree = OneFile(TreeFile { path, mode: FileMode::Regular, id: String::new() });
/// let json = r#"{"in_order": true, "functions": [["shop.py", "total", 1, 3], ["shop.py", "add", 5, 9]],
///     "tests": [["test_shop.py::test_add", false, [1]], ["test_shop.py::test_total", true, [1, 0]]]}"#;
/// let output = TraceOutput {
///     format: TraceFormat::Functions,
///     tests: vec![TracedTest { id: "test_shop.py::test_total".to_owned(), file: None }],
///     files: vec![("python-1.json".to_owned(), json.as_bytes().to_vec())],
///     cut: false,
/// };
/// let traced = ci_healer::parser::traced(&output, &tree);
/// assert_eq!(traced.functions[0].name, "total");
/// assert_eq!(traced.functions[0].suspicion, Some(1.0));
/// assert_eq!(traced.to_string(), "2 functions in 1 file");
/// ```
#[must_use]
pub fn traced(output: &TraceOutput, tree: &dyn SourceTree) -> TracedFunctions {
    rank_functions(&executed(output, tree), &output.tests)
}

/// The functions that these tests ran, the most suspicious first.
#[must_use]
pub fn rank_functions(executed: &Executed, tests: &[TracedTest]) -> TracedFunctions {
    suspicion::rank(executed, tests)
}

/// What a traced run executed of the tree.
///
/// ```
/// # use ci_healer::contract::executed::{TraceFormat, TraceOutput};
/// # use ci_healer::contract::git::{RepoPath, SourceTree, TreeFile};
/// # struct Empty;
/// # impl SourceTree for Empty {
/// #     fn files(&self) -> &[TreeFile] { &[] }
/// #     fn read(&self, _: &RepoPath) -> Option<Vec<u8>> { None }
/// # }
/// let files = vec![("a.failed.out".to_owned(), b"mode: set\nexample.com/a/a.go:3.24,5.2 1 1\n".to_vec())];
/// let output = TraceOutput { format: TraceFormat::GoProfile, tests: Vec::new(), files, cut: false };
/// // Only files of the tree count.
/// assert!(ci_healer::parser::executed(&output, &Empty).functions.is_empty());
/// ```
#[must_use]
pub fn executed(output: &TraceOutput, tree: &dyn SourceTree) -> Executed {
    let places = Places::of(tree);
    let mut collected = Collected::new(output.format == TraceFormat::Functions);
    match output.format {
        TraceFormat::Functions => own::read(&output.files, &places, &mut collected),
        TraceFormat::GoProfile => go_profile::read(&output.files, &places, &mut collected),
        TraceFormat::LlvmExport => llvm::read(&output.files, &places, &mut collected),
        TraceFormat::Jvm => jvm::read(&output.files, &places, &mut collected),
    }
    collected.out
}

/// The tree's paths, by which tools' paths are known.
struct Places<'t>(BTreeSet<&'t str>);

impl<'t> Places<'t> {
    fn of(tree: &'t dyn SourceTree) -> Self {
        Self(tree.files().iter().map(|file| file.path.as_str()).collect())
    }

    /// The path as it is, or below the workspace.
    fn exact(&self, path: &str) -> Option<&'t str> {
        self.0.get(path.strip_prefix(ROOT).unwrap_or(path)).copied()
    }

    /// `example.com/shop/cart/cart.go`: the file as it is, or the only one with the longest end in common.
    fn alike(&self, path: &str) -> Option<&'t str> {
        if let Some(exact) = self.exact(path) {
            return Some(exact);
        }
        let name = path.rsplit('/').next()?;
        let common = |own: &str| own.rsplit('/').zip(path.rsplit('/')).take_while(|(a, b)| a == b).count();
        let same_name = self.0.iter().copied().filter(|own| own.rsplit('/').next() == Some(name));
        let found: Vec<(usize, &str)> = same_name.map(|own| (common(own), own)).collect();
        let most = found.iter().map(|(common, _)| *common).max()?;
        let mut longest = found.iter().filter(|(common, _)| *common == most);
        longest.next().map(|(_, own)| *own).filter(|_| longest.next().is_none())
    }

    /// The only file of the tree that ends in one of these.
    fn ending(&self, ends: &[String]) -> Option<&'t str> {
        let ends_so = |path: &&str| {
            ends.iter().any(|end| {
                path.strip_suffix(end.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            })
        };
        let mut found = self.0.iter().copied().filter(ends_so);
        found.next().filter(|_| found.next().is_none())
    }
}

/// `TEST.passed.REST` → the test, and whether it failed.
fn test_of(name: &str) -> Option<(&str, bool)> {
    let at = |mark: &str| name.find(mark).map(|at| &name[..at]);
    at(".failed.").map(|test| (test, true)).or_else(|| at(".passed.").map(|test| (test, false)))
}

fn name_of_test(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(1000).collect()
}

/// Puts together what several files tell, within the limits.
struct Collected {
    out: Executed,
    ranges_left: usize,
    known: BTreeMap<ExecutedFunction, usize>,
}

impl Collected {
    fn new(in_order: bool) -> Self {
        let out = Executed { in_order, ..Executed::default() };
        Self { out, ranges_left: MOST_RANGES, known: BTreeMap::new() }
    }

    /// Classes of the JVM (`shop/Cart$Item`) that a test ran, in order. Whether any is the repository's.
    fn classes(
        &mut self,
        test: &str,
        failed: bool,
        classes: impl Iterator<Item = String>,
        places: &Places<'_>,
    ) -> bool {
        let mut ran = Vec::new();
        for class in classes {
            let path = class.split('$').next().unwrap_or(&class);
            let ends = ["java", "kt", "scala", "groovy"].map(|extension| format!("{path}.{extension}"));
            if let Some(file) = places.ending(&ends) {
                ran.extend(self.function(file, path.rsplit('/').next().unwrap_or(path), None));
            }
        }
        let found = !ran.is_empty();
        self.test(test, Some(failed), ran);
        found
    }

    /// Nothing was told so far.
    fn clear(&mut self) {
        *self = Self::new(false);
    }

    /// Its index among all functions.
    fn function(&mut self, file: &str, name: &str, lines: Option<(u32, u32)>) -> Option<usize> {
        let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let function = ExecutedFunction { file: file.to_owned(), name, lines };
        if let Some(index) = self.known.get(&function) {
            return Some(*index);
        }
        let index = self.out.functions.len();
        if index >= MOST_FUNCTIONS {
            return None;
        }
        self.known.insert(function.clone(), index);
        self.out.functions.push(function);
        Some(index)
    }

    /// Of a test that is known by now: the lines of functions that it ran.
    fn lines(&mut self, id: &str, lines: impl IntoIterator<Item = (usize, Vec<(u32, u32)>)>) {
        let id = name_of_test(id);
        let Some(test) = self.out.tests.iter_mut().rev().find(|test| test.id == id) else { return };
        for (index, more) in lines {
            let Some(left) = self.ranges_left.checked_sub(more.len()).filter(|_| !more.is_empty()) else {
                continue;
            };
            self.ranges_left = left;
            match test.lines.binary_search_by_key(&index, |(index, _)| *index) {
                Ok(at) => test.lines[at].1.extend(more),
                Err(at) => test.lines.insert(at, (index, more)),
            }
        }
    }

    /// Adds to the test of that name; a test that ran nothing of the repository is none.
    fn test(&mut self, id: &str, failed: Option<bool>, ran: impl IntoIterator<Item = usize>) {
        let id = name_of_test(id);
        let mut ran = ran.into_iter().peekable();
        if ran.peek().is_none() {
            return;
        }
        let index = match self.out.tests.iter().rposition(|test| test.id == id) {
            Some(index) => index,
            None if self.out.tests.len() >= MOST_TESTS => return,
            None => {
                self.out.tests.push(ExecutedTest { id, ..ExecutedTest::default() });
                self.out.tests.len() - 1
            }
        };
        let test = &mut self.out.tests[index];
        test.failed = if test.failed == Some(true) { test.failed } else { failed.or(test.failed) };
        let known: BTreeSet<usize> = test.ran.iter().copied().collect();
        let mut seen = known;
        test.ran.extend(ran.filter(|index| seen.insert(*index)));
    }
}

#[cfg(test)]
mod tests;
