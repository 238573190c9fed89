//! What it takes to choose what a model is shown, in a large repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use ci_healer::contract::bug::LogSpan;
use ci_healer::contract::fix::LineWindow;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::fixer::{self, FixAgent, FixOptions, FixRequest, Leads, Redactor};
use ci_healer::orchestrator::evidence::excerpt;
use ci_healer::parser::{self, ParseOptions};
use ci_healer::placing::{self, StepFolder};

use crate::table::{Aim, Table, median};

const PACKAGES: usize = 50;
const MODULES: usize = 99;
const AIM: f64 = 0.3;

struct Repository {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl SourceTree for Repository {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

/// Packages whose modules call each other, and tests. Each copy differs, so that nothing is remembered of another's.
fn repository(copy: usize) -> anyhow::Result<Repository> {
    let mut contents = BTreeMap::new();
    let mut add = |path: String, text: String| -> anyhow::Result<()> {
        contents.insert(RepoPath::new(&path)?, text.into_bytes());
        Ok(())
    };
    for package in 0..PACKAGES {
        add(format!("shop/p{package}/__init__.py"), String::new())?;
        for module in 0..MODULES {
            let next = (module + 1) % MODULES;
            let other = (package + 1) % PACKAGES;
            let mut text = format!(
                "from shop.p{package}.m{next} import total_{next}\nfrom shop.p{other} import m{module} as other\n\n\n"
            );
            for function in 0..12 {
                let _ = write!(
                    text,
                    "def part_{function}(items, rate={copy}):\n    \"\"\"Adds what is in `items`.\"\"\"\n    value = 0\n    for item in items:\n        value += item * rate + {function}\n    return value\n\n\n"
                );
            }
            let _ = write!(
                text,
                "def total_{module}(items):\n    if len(items) > 3:\n        return total_{next}(items[1:]) + part_3(items)\n    return part_1(items) + other.part_2(items)\n"
            );
            add(format!("shop/p{package}/m{module}.py"), text)?;
        }
    }
    add(
        "tests/test_totals.py".to_owned(),
        "from shop.p7.m3 import total_3\n\n\ndef test_total():\n    assert total_3([1, 2]) == 3\n".to_owned(),
    )?;
    let file = |path: &RepoPath| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() };
    let files = contents.keys().map(file).collect();
    Ok(Repository { files, contents })
}

const LOG: &str = "\
=================================== FAILURES ===================================
__________________________________ test_total __________________________________

    def test_total():
>       assert total_3([1, 2]) == 3

tests/test_totals.py:5:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

items = [1, 2]

    def total_3(items):
        if len(items) > 3:
            return total_4(items[1:]) + part_3(items)
>       return part_1(items) + other.part_2(items)
E       TypeError: unsupported operand type(s) for +: 'int' and 'str'

shop/p7/m3.py:103: TypeError
=========================== short test summary info ============================
FAILED tests/test_totals.py::test_total - TypeError: unsupported operand type(s) for +: 'int' and 'str'
============================== 1 failed in 0.03s ===============================
";

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let agent = FixAgent::new(FixOptions::new(&[])?, Redactor::new(&[]));
    let count = repository(0)?.files.len();
    for level in [1, fixer::MAX_LEVEL] {
        let mut times = Vec::new();
        for copy in 1..=5 {
            let tree = repository(usize::from(level) * 100 + copy)?;
            let (mut diagnosis, origins) = parser::read(LOG.as_bytes(), &ParseOptions::default())?;
            let folder =
                StepFolder { log: LogSpan { first: 1, last: diagnosis.lines }, folder: ".".to_owned() };
            placing::place(&mut diagnosis, &origins, &[folder], &tree);
            let bugs = diagnosis.bugs.get(..1).context("the log reports nothing")?;
            let log = excerpt(LOG.as_bytes(), bugs);
            let request = FixRequest {
                bugs,
                tree: &tree,
                level,
                needs: &[],
                history: &[],
                log: &log,
                facts: "step \"Test\"",
                leads: Leads::default(),
                tokens_left: 200_000,
                cost_left: None,
                deadline: Instant::now(),
            };
            let started = Instant::now();
            let (question, window) = agent.request(&request);
            times.push(started.elapsed());
            let is_shown = |w: &LineWindow| w.path.as_str() == "shop/p7/m3.py";
            ensure!(window.iter().any(is_shown), "the code under test is not shown:\n{}", question.user);
        }
        table.time(
            format!("context of {count} files, level {level}, without a trace"),
            median(times),
            Aim::Seconds(AIM),
        );
    }
    Ok(())
}
