//! `ci-healer drift` on a repository that a real release broke, with the registry's own packages.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use ci_healer::drift::{self, Package, Time, World};
use serde_json::Value;

use crate::heal::{Ended, Story};

/// dotenv 17.0.0 prints a line of its own.
const CHECK: &str = "require('dotenv').config();\nconst { execFileSync } = require('node:child_process');\nif (process.argv[2]) {\n  console.log(process.env.PORT);\n} else {\n  const out = String(execFileSync(process.execPath, ['check.js', 'x']));\n  require('node:assert').strictEqual(out, '8080\\n');\n}\n";

fn story() -> Story {
    let ci = "name: CI\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      - run: npm install\n      - run: node check.js\n";
    // The fewer releases there are to choose from, the fewer worlds are asked for.
    let manifest = "{\n  \"name\": \"sample\",\n  \"private\": true,\n  \"dependencies\": {\n    \"dotenv\": \">=16.6.1 <=17.0.1\"\n  }\n}\n";
    let files = [
        (".github/workflows/ci.yml", ci),
        ("package.json", manifest),
        ("check.js", CHECK),
        (".env", "PORT=8080\n"),
    ];
    with_certificates(Story::new(&files))
}

fn with_certificates(story: Story) -> Story {
    match std::env::var("SSL_CERT_FILE") {
        Ok(bundle) => story.flag("ca-bundle", &bundle),
        Err(_) => story,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_release_that_broke_an_untouched_repository_is_named() {
    let story = story().flag("since", "2025-06-29");
    let ended = story.drift().await;
    ended.expect("drift", 1);
    let Ended { text, results, .. } = &ended;
    let drift = &results["drift"];
    let named = |key: &str| drift[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (named("package"), named("from"), named("to"), named("pinned_in")),
        ("dotenv".to_owned(), "16.6.1".to_owned(), "17.0.0".to_owned(), "package.json".to_owned()),
        "{text}"
    );
    assert!(drift["proven"] == Value::Bool(true) && drift["executions"].as_u64().unwrap() <= 6, "{drift}");
    let patch = std::fs::read_to_string(story.repo().join(".ci-healer/fix.patch")).unwrap();
    assert!(patch.contains("+    \"dotenv\": \">=16.6.1 <=17.0.1 <17.0.0\""), "{patch}");
    let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
    // The callout's mark, and its text.
    assert!(summary.lines().nth(1).unwrap().contains("dotenv 17.0.0"), "{summary}");
    assert!(
        summary.contains("With this the same commands pass:") && !summary.contains("not proven"),
        "{summary}"
    );
}

/// home 0.5.12 wants a newer Rust than Debian has; cargo takes it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_crate_that_wants_a_newer_rust_is_named_where_no_lock_file_holds_it() {
    let ci = "name: CI\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      - run: cargo test\n";
    let manifest = "[package]\nname = \"nest\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nhome = \"0.5\"\n";
    let lib = "pub fn is_known() -> bool {\n    home::home_dir().is_some()\n}\n\n#[test]\nfn it_is_known() {\n    assert!(is_known());\n}\n";
    let files = [
        (".github/workflows/ci.yml", ci),
        ("Cargo.toml", manifest),
        (".gitignore", "target\nCargo.lock\n"),
        ("src/lib.rs", lib),
    ];
    let ended = with_certificates(Story::new(&files)).flag("since", "2025-10-20").drift().await;
    ended.expect("drift", 1);
    let Ended { text, results, .. } = &ended;
    let drift = &results["drift"];
    let named = ["ecosystem", "package", "from", "to", "pinned_in"]
        .map(|key| drift[key].as_str().unwrap_or_default());
    assert_eq!(named, ["cargo", "home", "0.5.11", "0.5.12", "Cargo.toml"], "{text}");
    assert!(results["diff"].as_str().unwrap().contains("+home = \"0.5, <0.5.12\""), "{}", results["diff"]);
}

/// Steps run under `set -e`: what cannot be held back yet must not end them.
#[test]
fn laying_a_lock_file_never_fails_the_step() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
    let cargo = "#!/bin/sh\necho \"$@\" >>calls\ncase $* in *publish-time*|*update*) exit 101 ;; esac\n\
                 printf '[[package]]\\nname = \"home\"\\nversion = \"0.5.12\"\\nsource = \"registry+x\"\\n' >Cargo.lock\n";
    let tool = dir.path().join("cargo");
    std::fs::write(&tool, cargo).unwrap();
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    let held = [(Package::new("cargo", "home"), "<=0.5.11".to_owned())].into();
    let world = World { until: Time::parse("2025-10-20"), held };
    // In a folder of its own, not where worlds lie.
    let here = dir.path().join("world").display().to_string();
    let script = format!(
        "{}{}echo the step >>calls\n",
        drift::preparation(&world).replace("set +e", "").replace("find /usr", "true /usr"),
        drift::before_script(&world, "cargo test", &[]).unwrap()
    );
    let script = script.replace("/tmp/ci-healer-drift", &here);
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let out = Command::new("bash")
        .args(["-e", "-c", &script])
        .current_dir(&dir)
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
    assert!(
        calls.contains("update -p home@0.5.12 --precise 0.5.11") && calls.ends_with("the step\n"),
        "{calls}"
    );
    assert!(
        drift::before_script(&World::default(), "cargo test", &[]).is_none(),
        "today's world is cargo's own"
    );
}

#[tokio::test]
async fn a_date_that_is_none_is_refused() {
    for date in ["yesterday", "2025-02-30", "2999-01-01"] {
        let story = story();
        let mut command = story.drift_command();
        let out = command.arg(format!("--since={date}")).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(date) && said.contains("2025-01-20"), "{said}");
    }
}
