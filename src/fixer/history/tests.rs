use super::*;
use crate::contract::bug::Location;
use crate::contract::executed::TracedFunction;
use crate::contract::git::{CommitSha, RepoPath};
use crate::diff::LineDiff;
use crate::fixer::edits::apply;
use crate::fixer::testing::{MemoryTree, bug};

/// A file as it was when CI was green, and as it is.
type Changed<'c> = (&'c str, &'c str, &'c str);

fn changes(files: &[Changed<'_>]) -> ChangedSinceGreen {
    let file = |(path, old, new): &Changed<'_>| {
        let diff = LineDiff::between(old, new);
        let n = |n: usize| u32::try_from(n).unwrap();
        let hunk = |op: &similar::DiffOp| ChangedHunk {
            old_first: n(op.old_range().start + 1),
            old_count: n(op.old_range().len()),
            new_first: n(op.new_range().start + 1),
            new_count: n(op.new_range().len()),
            old_lines: diff.old[op.old_range()].iter().map(|l| l.trim_end().to_owned()).collect(),
        };
        let name = path.rsplit('/').next().unwrap();
        ChangedFile {
            path: RepoPath::new(path).unwrap(),
            change: if old.is_empty() { FileChangeKind::Added } else { FileChangeKind::Modified },
            role: if name == "package.json" { FileRole::Manifest } else { FileRole::Other },
            hunks: diff.hunks().map(hunk).collect(),
            is_cut: false,
        }
    };
    let files = files.iter().filter(|(_, old, new)| old != new).map(file).collect();
    ChangedSinceGreen {
        commit: CommitSha::new(&"1".repeat(40)).unwrap(),
        commits_ago: None,
        files,
        more_files: 0,
    }
}

fn failing(test: &str, file: &str, line: u32, code: &str) -> BugReport {
    let mut report = bug("a runner", Category::Logic, file, line, "1 is not 2");
    report.test = Some(test.to_owned());
    report.related = vec![Location { file: code.to_owned(), line: None, column: None }];
    report
}

fn reverts(files: &[Changed<'_>], report: &BugReport, traced: Option<&TracedFunctions>) -> Vec<FixProposal> {
    let tree: Vec<(&str, &str)> = files.iter().map(|(path, _, new)| (*path, *new)).collect();
    let bugs = std::slice::from_ref(report);
    let rules = PathRules::new(&[]).unwrap();
    history_proposals(&changes(files), &MemoryTree::new(&tree), bugs, traced, &rules, &[])
}

/// What the files are with a proposal.
fn applied(files: &[Changed<'_>], proposal: &FixProposal) -> String {
    let tree: Vec<(&str, &str)> = files.iter().map(|(path, _, new)| (*path, *new)).collect();
    let changes = apply(&proposal.edits, &proposal.window, &MemoryTree::new(&tree)).unwrap();
    assert_eq!(changes.len(), 1);
    changes[0].after.clone().unwrap()
}

struct Project {
    code: &'static str,
    test: (&'static str, &'static str, u32, &'static str),
    old: &'static str,
}

const PYTHON: Project = Project {
    code: "shop.py",
    test: (
        "test_shop.py",
        "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n\n\ndef test_none():\n    assert total([]) == 0\n",
        5,
        "test_shop.py::test_total",
    ),
    old: "RATE = 3\n\n\ndef total(items):\n    if not items:\n        return 0\n    out = sum(items)\n    return out\n",
};
const SCRIPT: Project = Project {
    code: "shop.js",
    test: (
        "shop.test.js",
        "const { total } = require('./shop');\n\ntest('adds', () => {\n  expect(total([1, 2])).toBe(3);\n});\n\ntest('has none', () => {\n  expect(total([])).toBe(0);\n});\n",
        4,
        "adds",
    ),
    old: "function total(items) {\n  if (!items.length) {\n    return 0;\n  }\n  const out = sum(items);\n  return out;\n}\n\nmodule.exports = { total };\n",
};
const GO: Project = Project {
    code: "shop.go",
    test: (
        "shop_test.go",
        "package shop\n\nimport \"testing\"\n\nfunc TestTotal(t *testing.T) {\n\tif Total([]int{1, 2}) != 3 {\n\t\tt.Fatal(\"no\")\n\t}\n}\n\nfunc TestNone(t *testing.T) {\n\tif Total(nil) != 0 {\n\t\tt.Fatal(\"no\")\n\t}\n}\n",
        7,
        "TestTotal",
    ),
    old: "package shop\n\nfunc Total(items []int) int {\n\tif len(items) == 0 {\n\t\treturn 0\n\t}\n\tout := sum(items)\n\treturn out\n}\n",
};

impl Project {
    fn report(&self) -> BugReport {
        let (file, _, line, id) = self.test;
        failing(id, file, line, self.code)
    }

    /// The reverts where a line of the code became others, with the test as it was.
    fn with(&self, line: &str, becomes: &str) -> Vec<String> {
        assert!(self.old.contains(line), "{line}");
        let new = self.old.replacen(line, becomes, 1);
        let files = [(self.code, self.old, new.as_str()), (self.test.0, self.test.1, self.test.1)];
        reverts(&files, &self.report(), None).iter().map(|proposal| applied(&files, proposal)).collect()
    }

    /// The reverts where the code is wrong, and the test file was this.
    fn with_test(&self, line: &str, becomes: &str, test: &str) -> usize {
        let new = self.old.replacen(line, becomes, 1);
        let files = [(self.code, self.old, new.as_str()), (self.test.0, test, self.test.1)];
        reverts(&files, &self.report(), None).len()
    }
}

const PROJECTS: [(&Project, &str, &str); 3] = [
    (&PYTHON, "    out = sum(items)\n", "    out = sum(items[1:])\n"),
    (&SCRIPT, "  const out = sum(items);\n", "  const out = sum(items.slice(1));\n"),
    (&GO, "\tout := sum(items)\n", "\tout := sum(items[1:])\n"),
];

#[test]
fn one_changed_line_in_a_file_that_the_failure_names_is_taken_back() {
    for (project, line, wrong) in PROJECTS {
        assert_eq!(project.with(line, wrong), [project.old], "{}", project.code);
    }
    // Lines that are gone, and lines that came.
    assert_eq!(PYTHON.with("    out = sum(items)\n", ""), [PYTHON.old]);
    assert_eq!(SCRIPT.with("  return out;\n", "  out += 1;\n  return out;\n"), [SCRIPT.old]);
    // A condition that became another one.
    assert_eq!(GO.with("len(items) == 0", "len(items) == 1"), [GO.old]);
    let proposal = {
        let new = PYTHON.old.replace("sum(items)", "sum(items, 1)");
        let files = [(PYTHON.code, PYTHON.old, new.as_str()), (PYTHON.test.0, PYTHON.test.1, PYTHON.test.1)];
        reverts(&files, &PYTHON.report(), None).remove(0)
    };
    assert_eq!((proposal.provider.as_str(), proposal.confidence), ("history", NAMED));
    assert_eq!(proposal.reason, "revert what changed in `total` in shop.py since 1111111");
    let hunk = proposal.reverts.unwrap();
    assert_eq!((hunk.first, hunk.count, hunk.commit), (7, 1, None));
}

#[test]
fn what_guards_something_is_never_taken_back() {
    type Case = (&'static Project, &'static str, &'static str, &'static [&'static str]);
    let cases: [Case; 3] = [
        (
            &PYTHON,
            "    out = sum(items)\n",
            "",
            &[
                "    if len(items) > 9:\n        items = items[:9]\n    out = sum(items)\n",
                "    out = sum(items) if items[0] else 0\n",
                "    out = items and sum(items)\n",
                "    assert items\n    out = sum(items)\n",
                "    check_items(items)\n    out = sum(items)\n",
                "    raise ValueError(items)\n    out = sum(items)\n",
                "    try:\n        out = sum(items)\n    except TypeError:\n        out = 1\n",
                "    out = max(0, sum(items))\n",
                "    return 1\n",
                "    out = sum(items)\n    VERSION = 2\n",
                "    out = '1.2.3'\n",
            ],
        ),
        (
            &SCRIPT,
            "  const out = sum(items);\n",
            "",
            &[
                "  if (items.big) items = items.small;\n  const out = sum(items);\n",
                "  const out = items.big ? 0 : sum(items);\n",
                "  const out = items && sum(items);\n",
                "  const out = sum(items?.all);\n",
                "  assert(items);\n  const out = sum(items);\n",
                "  validateItems(items);\n  const out = sum(items);\n",
                "  throw new TypeError('no');\n",
                "  let out; try { out = sum(items); } catch (e) { out = 1; }\n",
                "  const out = items.reject(1);\n",
                "  const out = '2.0.1';\n",
            ],
        ),
        (
            &GO,
            "\tout := sum(items)\n",
            "",
            &[
                "\tif len(items) > 9 {\n\t\titems = items[:9]\n\t}\n\tout := sum(items)\n",
                "\tswitch items[0] {\n\tcase 1:\n\t\titems = nil\n\t}\n\tout := sum(items)\n",
                "\tpanic(\"no\")\n\tout := sum(items)\n",
                "\tout, err := sum(items)\n\t_ = err\n",
                "\tdefer done()\n\tout := sum(items)\n",
                "\trequireItems(items)\n\tout := sum(items)\n",
                "\tout := min(3, sum(items))\n",
                "\tconst version = 3\n\tout := sum(items)\n",
            ],
        ),
    ];
    for (project, line, _, guards) in cases {
        for guarded in guards {
            assert_eq!(project.with(line, guarded), Vec::<String>::new(), "{}: {guarded}", project.code);
        }
    }
}

#[test]
fn words_in_strings_and_comments_guard_nothing() {
    let becomes = "    # if it fails, raise\n    out = sum(items, len('assert'))\n";
    assert_eq!(PYTHON.with("    out = sum(items)\n", becomes), [PYTHON.old]);
}

#[test]
fn a_failing_test_that_came_with_the_change_says_what_was_meant() {
    for (project, line, wrong) in PROJECTS {
        let now = project.test.1;
        // The other test is another one since.
        let other = now
            .replace("[]) == 0", "[]) == 1")
            .replace("toBe(0)", "toBe(1)")
            .replace("nil) != 0", "nil) != 1");
        assert_ne!(other, now);
        assert_eq!(project.with_test(line, wrong, &other), 1, "{}", project.code);
        // It is itself.
        let itself = now.replace("== 3", "== 4").replace("toBe(3)", "toBe(4)").replace("!= 3", "!= 4");
        assert_ne!(itself, now);
        assert_eq!(project.with_test(line, wrong, &itself), 0, "{}", project.code);
        // The whole file is new.
        assert_eq!(project.with_test(line, wrong, ""), 0, "{}", project.code);
        // What all its tests share changed.
        let shared = now.replacen('\n', "\n\nvar shared = 1\n", 2);
        assert_eq!(project.with_test(line, wrong, &shared), 0, "{}", project.code);
    }
}

#[test]
fn tests_and_what_a_build_stands_on_are_left_alone() {
    let (old, new) = ("{\n  \"version\": 1\n}\n", "{\n  \"version\": 2\n}\n");
    let report = failing("adds", "shop.test.js", 4, "package.json");
    let test = (SCRIPT.test.0, SCRIPT.test.1, SCRIPT.test.1);
    assert_eq!(reverts(&[("package.json", old, new), test], &report, None), []);
    let workflow = (".github/workflows/ci.yml", "a: 1\n", "a: 2\n");
    assert_eq!(reverts(&[workflow, test], &report, None), []);
    // A helper of the tests, and a snapshot: what the failing test compares against.
    let wrong = PYTHON.old.replace("sum(items)", "sum(items, 1)");
    for beside in [("tests/helper.py", "A = 1\n", "A = 2\n"), ("tests/__snapshots__/a.snap", "1\n", "2\n")] {
        let files = [
            (PYTHON.code, PYTHON.old, wrong.as_str()),
            (PYTHON.test.0, PYTHON.test.1, PYTHON.test.1),
            beside,
        ];
        assert_eq!(reverts(&files, &PYTHON.report(), None), [], "{}", beside.0);
    }
    // A linter's finding is no reason to take anything back.
    let lint = bug("ruff", Category::Lint, PYTHON.code, 7, "x");
    assert_eq!(reverts(&[(PYTHON.code, PYTHON.old, &wrong)], &lint, None), []);
}

#[test]
fn what_the_failing_test_ran_comes_first_and_what_it_did_not_run_not_at_all() {
    let old = "def a(x):\n    return x\n\n\ndef b(x):\n    return x\n\n\ndef c(x):\n    return x\n";
    let new =
        "def a(x):\n    return x - 1\n\n\ndef b(x):\n    return x - 2\n\n\ndef c(x):\n    return x - 3\n";
    let ran = |name: &str, lines, suspicion| TracedFunction {
        file: "m.py".to_owned(),
        name: name.to_owned(),
        lines: Some(lines),
        suspicion: Some(suspicion),
        order: None,
        ran: Vec::new(),
    };
    let traced = TracedFunctions { functions: vec![ran("b", (5, 6), 0.5), ran("c", (9, 10), 1.0)] };
    let report = failing("t.py::test_all", "t.py", 3, "m.py");
    let files = [("m.py", old, new)];
    let found = reverts(&files, &report, Some(&traced));
    let told: Vec<_> = found.iter().map(|p| (p.reason.split('`').nth(1).unwrap(), p.confidence)).collect();
    assert_eq!(told, [("c", RAN), ("b", RAN)]);
    assert!(applied(&files, &found[0]).ends_with("    return x\n"));
    // What was tried is not offered again.
    let tree = MemoryTree::new(&[("m.py", new)]);
    let past = PastAttempt::reverted(found[0].clone(), "a name".to_owned(), String::new(), Vec::new());
    let rules = PathRules::new(&[]).unwrap();
    let left = history_proposals(&changes(&files), &tree, &[report], Some(&traced), &rules, &[past]);
    assert_eq!(left, found[1..]);
}
