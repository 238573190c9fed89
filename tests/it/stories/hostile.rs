//! Whoever can push, name a branch or print to the log speaks to people only: never to the runner, nor as markup.

use super::stage::*;
use crate::support::git::git;
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// Every way to speak to the runner, to break a table, a fence or a heading, and to look like a template.
const WORDS: [&str; 9] = [
    "::error file=evil.py,line=1::forged",
    "##[error]forged",
    "::add-mask::assertion",
    "::set-output name=outcome::forged",
    "::stop-commands::mine",
    "</details></td></table><h1>forged</h1><img src=x>",
    "```",
    "| forged | ![x](https://evil.example/x.png) | ${{ secrets.GITHUB_TOKEN }}",
    "\u{1b}[2J\u{202e}forged",
];

fn hostile_test() -> String {
    let printed: String = WORDS.iter().map(|w| format!("    print({w:?}, flush=True)\n")).collect();
    // Python knows no `\u{…}`.
    let printed = printed.replace("\\u{1b}", "\\x1b").replace("\\u{202e}", "\\u202e");
    let said = WORDS.join(" ").replace('\u{1b}', "\\x1b").replace('\u{202e}', "\\u202e").replace('\'', "");
    format!(
        "import unittest\n\nfrom calc import add\n\nfor _ in range(2):\n{printed}    print('x\\r::error::forged', flush=True)\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5, '{said}')\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_words_stay_words() {
    let ci = CI.replace("name: Test\n", "name: 'Test ::error::forged <b>`'\n");
    let files: [(&str, &str); 3] = [
        (CI_FILE, &ci),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_calc.py", &hostile_test()),
    ];
    let message = format!("broken\n\n{}", WORDS.join("\n"));
    let stage = Stage::with_message(&files, &message);
    let words = WORDS.join("\n");
    let reply = serde_json::json!({"reason": words, "confidence": 0.9,
        "edits": [{"path": "calc.py", "find": "a - b", "replace": "a + b"}]});
    let answer = Answer::Text(reply.to_string());
    let gemini = ScriptedLlm::answering_on(Speaks::Gemini, host(), move |_, _| answer.clone()).await;
    // Such a name is a branch's to have.
    let branch = "topic/%0Aforged`<b>|${{x}}";
    git(&stage.bare(), &["branch", branch, "main"]);
    let runner = stage.runner();
    let step = stage
        .step()
        .with_gemini(&gemini)
        .with("pull-request", "always")
        .context("REF", &format!("refs/heads/{branch}"))
        .context("REF_NAME", branch);
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let log = &ended.step.log;
    for command in log.commands.iter().filter(|c| !matches!(c.name.as_str(), "stop-commands" | "add-mask")) {
        let ours = matches!(command.name.as_str(), "group" | "endgroup" | "notice" | "warning");
        assert!(ours, "a forged {command:?}\n{}", ended.step.text());
        assert_ne!(command.data, "forged", "{command:?}");
    }
    assert!(log.named("stop-commands").all(|c| c.data != "mine"));
    assert!(log.named("add-mask").all(|c| c.data != "assertion"));
    assert!(log.annotations.iter().all(|a| a.properties.get("file").is_none_or(|f| f == "test_calc.py")));
    assert!(!log.raw.contains('\u{1b}') || !log.raw.contains("\u{1b}[2J"), "the screen is cleared");
    assert!(!log.raw.contains('\u{202e}'));
    let (heal, _, _, changed) = stage.heal_commit();
    assert_eq!(changed, ["calc.py"]);
    assert_eq!(ended.output("branch"), heal);
    let body = &stage.hub.pulls()[0].body;
    for (place, text) in [("summary", &ended.step.summary), ("pull request", body)] {
        let prose = outside_fences(text);
        for bad in ["<h1>", "<img", "<b>", "](https://evil", "\u{202e}", "\u{1b}"] {
            assert!(!prose.contains(bad), "{bad:?} is live in the {place}:\n{text}");
        }
        assert_eq!(
            text.matches("<details").count(),
            text.matches("</details>").count() - closed_in_fences(text),
            "{text}"
        );
    }
    let message = git(&stage.bare(), &["log", "-1", "--format=%s", &heal]);
    assert!(!message.contains('\n') && message.starts_with("fix:"), "{message}");
}

/// What Markdown renders: fenced blocks and code spans taken out, escapes undone by none.
fn outside_fences(text: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if ticks.len() >= open.len() && line.trim() == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                prose.push_str(&without_spans(line));
                prose.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "a fence stays open:\n{text}");
    prose
}

fn without_spans(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let ticks: String = tail.chars().take_while(|c| *c == '`').collect();
        let inner = &tail[ticks.len()..];
        match inner.find(&ticks) {
            Some(end) => rest = &inner[end + ticks.len()..],
            None => {
                out.push_str(&ticks);
                rest = inner;
            }
        }
    }
    out + rest
}

/// Closing tags that are only shown.
fn closed_in_fences(text: &str) -> usize {
    text.matches("</details>").count() - outside_fences(text).matches("</details>").count()
}

/// A workspace that code of the repository has been at.
#[test]
fn a_poisoned_workspace_changes_nothing() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let git_dir = runner.workspace().join(".git");
    let hook = git_dir.join("hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\ntouch /github/workspace/owned\n").unwrap();
    let config = git_dir.join("config");
    let poison = "[core]\n\tfsmonitor = touch /github/workspace/owned\n\tsshCommand = false\n[url \"https://evil.example/\"]\n\tinsteadOf = https://github.com/\n[user]\n\tname = mallory\n";
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + poison).unwrap();
    runner.settle();
    let step = stage
        .step()
        .env("GIT_AUTHOR_NAME", "mallory")
        .env("GIT_DIR", "/github/workspace/elsewhere")
        .env("HTTPS_PROXY", "")
        .env("LD_PRELOAD", "/github/workspace/evil.so");
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let (branch, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (stage.head.clone(), vec!["calc.py".to_owned()]));
    let author = git(&stage.bare(), &["log", "-1", "--format=%an", &branch]);
    assert_eq!(author, "github-actions[bot]");
    assert!(!runner.workspace().join("owned").exists());
}
