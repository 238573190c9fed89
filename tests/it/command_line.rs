//! The command line as people meet it: help, completions, and what a heal of one's own clone shows, changes and leaves.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use ci_healer::config::INPUTS;

use crate::heal::{ADD_TEST, CI, Story};
use crate::support::git::git;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ci-healer")).args(args).env_clear().output().unwrap()
}

fn told(args: &[&str]) -> String {
    let out = run(args);
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// Without how it is laid out.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_tells_every_input_with_its_default() {
    let help = told(&["heal", "--help"]);
    assert_eq!(help, told(&["help", "heal"]));
    assert_eq!(help, told(&["heal", "--job=a", "-h", "--unheard-of"]));
    let words_of_help = words(&help);
    for input in INPUTS {
        let default = input.own_default();
        let default = if default.is_empty() { String::new() } else { format!("[{default}]") };
        let row = words(&format!("--{} {default} {}", input.name, input.doc));
        assert!(words_of_help.contains(&row), "{row}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 120), "a line is too long for a terminal");
    for part in ["--apply", "-v, --verbose", "Budgets:", "The sandbox:", "  2  bad input"] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn every_command_helps() {
    let overview = told(&["help"]);
    assert_eq!(overview, told(&["--help"]));
    let commands = overview.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: Vec<&str> = commands.map(str::trim).filter(|line| !line.contains(' ')).collect();
    assert!(commands.contains(&"diagnose") && commands.len() > 8, "{commands:?}");
    for command in commands {
        let help = told(&[command, "--help"]);
        assert!(help.contains(&format!("Usage: ci-healer {command}")), "{help}");
    }
}

#[test]
fn what_is_misspelt_is_told_the_nearest() {
    for (args, hint) in [
        (&["diagnos"][..], "did you mean `ci-healer diagnose`?"),
        (&["heal", "--max-attemps=3"], "did you mean --max-attempts?"),
        (&["plan", "--formt=json"], "did you mean --format?"),
        (&["sweep", "now"], "usage: ci-healer sweep"),
        (&["completions", "tcsh"], "is not one of bash, zsh, fish, powershell"),
    ] {
        let out = run(args);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(hint), "{said}");
    }
}

/// What bash offers behind these words.
fn completed(script: &Path, words: &[&str]) -> Vec<String> {
    let line = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _ci_healer; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1
    );
    let out = Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_commands_flags_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("completions");
    std::fs::write(&script, told(&["completions", "bash"])).unwrap();
    assert_eq!(completed(&script, &["ci-healer", "pl"]), ["plan"]);
    assert_eq!(completed(&script, &["ci-healer", "heal", "--max-a"]), ["--max-attempts"]);
    assert_eq!(completed(&script, &["ci-healer", "heal", "--fail-on", "u"]), ["unhealed"]);
    assert_eq!(completed(&script, &["ci-healer", "diagnose", "--format", "s"]), ["sarif"]);
    assert_eq!(completed(&script, &["ci-healer", "completions", "z"]), ["zsh"]);
    for shell in ["zsh", "fish", "powershell"] {
        let script = told(&["completions", shell]);
        for name in INPUTS.iter().map(|input| input.name).chain(["apply", "completions", "sarif"]) {
            assert!(script.contains(name), "{shell} lacks {name}");
        }
    }
}

#[test]
fn the_manual_page_and_the_version() {
    let page = told(&["man"]);
    assert!(page.starts_with(".TH CI\\-HEALER 1"), "{page}");
    for input in INPUTS {
        assert!(page.contains(&format!("\\-\\-{}", input.name.replace('-', "\\-"))), "{}", input.name);
    }
    assert!(told(&["--version"]).starts_with(concat!("ci-healer ", env!("CARGO_PKG_VERSION"))));
}

const BROKEN: &str = "def add(a, b)\n    return a + b\n";
const FIXED: &str = "def add(a, b):\n    return a + b\n";

#[test]
fn a_proven_fix_is_written_into_the_checkout_and_nothing_else_is() {
    let story =
        Story::new(&[(".github/workflows/ci.yml", CI), ("calc.py", BROKEN), ("test_calc.py", ADD_TEST)])
            .flag("providers", "toolchain");
    let repo = story.repo();
    let heal = |flags: &[&str]| {
        let out = story.terse_command().args(flags).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (said, out.status.code())
    };
    let calc = || std::fs::read_to_string(repo.join("calc.py")).unwrap();

    // The commit is healed, and what the fix would change is not as it was there.
    let mine = |code: &str| format!("# mine, in no commit\n{code}");
    std::fs::write(repo.join("calc.py"), mine(BROKEN)).unwrap();
    let (said, code) = heal(&["--apply", "--commit=HEAD"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("calc.py") && said.contains("the proven patch is in .ci-healer/fix.patch"),
        "{said}"
    );
    assert_eq!(calc(), mine(BROKEN));

    // Without a commit it is the files as they are: a test that is not tracked yet is run as well.
    std::fs::rename(repo.join("test_calc.py"), repo.join("test_new.py")).unwrap();
    std::fs::write(repo.join("staged.txt"), "mine\n").unwrap();
    git(&repo, &["add", "staged.txt"]);
    let (said, code) = heal(&["--apply"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(calc(), mine(FIXED));
    let status = git(&repo, &["status", "--porcelain"]);
    assert_eq!(status.trim(), "M calc.py\nA  staged.txt\n D test_calc.py\n?? test_new.py");
    assert!(said.contains("written: calc.py"), "{said}");
    assert!(said.contains("the working tree is what counts"), "{said}");
    assert!(story.heal_branches().is_empty(), "nothing is pushed");
    // One screen: a failed step's last lines, and not all that steps print.
    assert!(said.contains("│ SyntaxError: expected ':'") && !said.contains("│ OK"), "{said}");
    assert!(said.lines().count() <= 50, "{said}");
    std::fs::rename(repo.join("test_new.py"), repo.join("test_calc.py")).unwrap();

    // The report may lie anywhere.
    let elsewhere = tempfile::tempdir().unwrap();
    let report = elsewhere.path().join("of/calc");
    let report_flag = format!("--report-dir={}", report.display());
    git(&repo, &["checkout", "-q", "calc.py"]);
    let (said, code) = heal(&["--no-push", &report_flag]);
    assert_eq!((calc().as_str(), code), (BROKEN, Some(0)), "{said}");
    assert!(report.join("results.json").is_file() && !report.join(".gitignore").exists());
    let taken = said.lines().find_map(|line| line.strip_prefix("take it with: git ")).expect(&said);
    git(&repo, &taken.split(' ').collect::<Vec<_>>());
    assert_eq!(calc(), FIXED);
}

/// Waits for a file to hold this.
fn becomes(path: &Path, text: &str) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(120) {
        if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    false
}

#[test]
fn watching_heals_again_when_somebody_breaks_it_again() {
    let story =
        Story::new(&[(".github/workflows/ci.yml", CI), ("calc.py", BROKEN), ("test_calc.py", ADD_TEST)])
            .flag("providers", "toolchain")
            .flag("require-counter-proof", "false");
    let calc = story.repo().join("calc.py");
    let mut child =
        story.terse_command().args(["--watch", "--apply"]).stdout(Stdio::piped()).spawn().unwrap();
    assert!(becomes(&calc, FIXED));
    // Its own writes, the report's among them, start nothing; ours do, also before it watches again.
    let again = BROKEN.replace("a, b", "b, a");
    std::fs::write(&calc, &again).unwrap();
    assert!(becomes(&calc, &again.replace("a)\n", "a):\n")));
    std::thread::sleep(std::time::Duration::from_secs(3));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert_eq!(said.matches("watching for changed files").count(), 2, "{said}");
}
