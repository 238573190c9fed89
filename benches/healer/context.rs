//! How long it takes to choose what a model is shown, in a repository of 5,000 files.

use std::collections::BTreeMap;
use std::time::Instant;

use ci_healer::contract::bug::BugReport;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::fixer::{FixAgent, FixOptions, FixRequest, Leads, MAX_LEVEL, Redactor};
use ci_healer::parser::{ParseOptions, diagnose};

use crate::table::{Aim, Table, median};

/// Of each of the five languages.
const FILES: usize = 1_000;
const AIM: Aim = Aim::Seconds(0.3);

#[derive(Default)]
struct Generated {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl SourceTree for Generated {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

impl Generated {
    fn add(&mut self, path: &str, text: String) -> anyhow::Result<()> {
        let path = RepoPath::new(path)?;
        self.files.push(TreeFile { path: path.clone(), mode: FileMode::Regular, id: path.to_string() });
        self.contents.insert(path, text.into_bytes());
        Ok(())
    }
}

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let tree = repository()?;
    // What pytest, node, go, cargo and Surefire print of a failure.
    let failures = [
        ("python", "FAILED py/tests/test_part7.py::test_part - assert 1 == 2\n"),
        ("javascript", "AssertionError [ERR_ASSERTION]: 1 == 2\n    at check (js/test/part7.test.js:6:10)\n"),
        ("go", "--- FAIL: TestPart7 (0.00s)\n    part7_test.go:6: got 1, want 2\nFAIL\n"),
        (
            "rust",
            "---- part7 stdout ----\nthread 'part7' panicked at rs/tests/part7.rs:5:5:\nassertion failed\n",
        ),
        ("java", "[ERROR] PartTest7.part:8 expected:<1> but was:<2>\n"),
    ];
    for (language, log) in failures {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default())?.bugs;
        let bugs = bugs.get(..1).unwrap_or_default();
        let mut times = Vec::new();
        for level in 1..=MAX_LEVEL {
            times
                .push(median((0..3).map(|_| timed(&tree, bugs, level, log)).collect::<anyhow::Result<_>>()?));
        }
        let slowest = times.into_iter().max().unwrap_or_default();
        table.time(format!("context, {language} of 5,000 files, slowest level"), slowest, AIM);
    }
    Ok(())
}

fn timed(tree: &Generated, bugs: &[BugReport], level: u8, log: &str) -> anyhow::Result<std::time::Duration> {
    let agent = FixAgent::new(FixOptions::new(&[])?, Redactor::new(&[]));
    let started = Instant::now();
    let (_, window) = agent.request(&FixRequest {
        bugs,
        tree,
        level,
        needs: &[],
        history: &[],
        log,
        facts: "step \"Test\"",
        leads: Leads::default(),
        tokens_left: 200_000,
        cost_left: None,
        deadline: Instant::now(),
    });
    let took = started.elapsed();
    anyhow::ensure!(!bugs.is_empty() && !window.is_empty(), "nothing is shown for {log:?}");
    Ok(took)
}

/// Files that each call into two others, with tests; a fifth of each language.
fn repository() -> anyhow::Result<Generated> {
    let mut tree = Generated::default();
    for (path, text) in FIXED {
        tree.add(path, (*text).to_owned())?;
    }
    let mut library = String::new();
    let half = FILES / 2;
    for n in 0..half {
        library.push_str(&format!("pub mod part{n};\n"));
        for (path, text, line) in TEMPLATES {
            let body: String = (0..40).map(|i| line.replace("@i", &i.to_string())).collect();
            let filled = |text: &str| {
                text.replace("@body", &body)
                    .replace("@n", &n.to_string())
                    .replace("@a", &((n * 7 + 1) % half).to_string())
                    .replace("@b", &((n * 3 + 2) % half).to_string())
            };
            tree.add(&filled(path), filled(text))?;
        }
    }
    tree.add("rs/src/lib.rs", library)?;
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

const FIXED: &[(&str, &str)] = &[
    ("js/package.json", "{\"name\": \"js\"}\n"),
    ("go/go.mod", "module example.com/go\n\ngo 1.21\n"),
    ("rs/Cargo.toml", "[package]\nname = \"rs\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    ("py/pyproject.toml", "[project]\nname = \"py\"\n"),
    ("py/shop/__init__.py", ""),
];

/// A path, a text, and a line of its body: `@n` is the file's number, `@a` and `@b` those of others, `@i` the line's.
const TEMPLATES: &[(&str, &str, &str)] = &[
    (
        "py/shop/part@n.py",
        "from shop.part@a import part@a\nfrom shop.part@b import Part@b\n\n\nclass Part@n:\n    def size(self):\n        return part@a(1)\n\n\ndef part@n(x):\n@body    return part@a(x) + Part@b().size()\n",
        "    y@i = x + @i\n",
    ),
    (
        "py/tests/test_part@n.py",
        "from shop.part@n import part@n\n\n\ndef test_part():\n    assert part@n(1) == 2\n",
        "",
    ),
    (
        "js/src/part@n.js",
        "const { part@a } = require('./part@a');\nconst b = require('./part@b');\n\nfunction part@n(x) {\n@body  return part@a(x) + b.part@b(x);\n}\n\nmodule.exports = { part@n };\n",
        "  const y@i = x + @i;\n",
    ),
    (
        "js/test/part@n.test.js",
        "const assert = require('assert');\nconst { part@n } = require('../src/part@n');\n\nfunction check() {\n  // By hand.\n  assert.equal(part@n(1), 2);\n}\n\ncheck();\n",
        "",
    ),
    (
        "go/part@n.go",
        "package shop\n\nfunc Part@n(x int) int {\n@body\treturn Part@a(x) + Part@b(x)\n}\n",
        "\ty@i := x + @i\n\t_ = y@i\n",
    ),
    (
        "go/part@n_test.go",
        "package shop\n\nimport \"testing\"\n\nfunc TestPart@n(t *testing.T) {\n\tt.Errorf(\"got %d\", Part@n(1))\n}\n",
        "",
    ),
    (
        "rs/src/part@n.rs",
        "use crate::part@a::part@a;\nuse crate::part@b;\n\npub fn part@n(x: u32) -> u32 {\n@body    part@a(x) + part@b::part@b(x)\n}\n",
        "    let _y@i = x + @i;\n",
    ),
    (
        "rs/tests/part@n.rs",
        "use rs::part@n::part@n;\n\n#[test]\nfn part@n_is() {\n    assert_eq!(part@n(1), 2);\n}\n",
        "",
    ),
    (
        "java/src/main/java/shop/Part@n.java",
        "package shop;\n\npublic class Part@n {\n    public static int part(int x) {\n@body        return Part@a.part(x) + new Part@b().hashCode();\n    }\n}\n",
        "        int y@i = x + @i;\n",
    ),
    (
        "java/src/test/java/shop/PartTest@n.java",
        "package shop;\n\nimport org.junit.Test;\n\npublic class PartTest@n {\n    @Test\n    public void part() {\n        org.junit.Assert.assertEquals(1, Part@n.part(1));\n    }\n}\n",
        "",
    ),
];
