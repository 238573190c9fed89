//! A model that knows each repository's bugs and gives the right edit for the one that it is asked about.

use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

use super::table_row;

/// A bug that takes a model: how its failure reads, and the edit that fixes it.
#[derive(Clone, Copy)]
pub(super) struct Bug {
    pub(super) sign: &'static str,
    pub(super) path: &'static str,
    pub(super) wrong: &'static str,
    pub(super) right: &'static str,
}

/// A repository with these files and this workflow; all its jobs have failed.
pub(super) fn story(ci: &str, files: &[(&str, &str)]) -> Story {
    let workflow = [(".github/workflows/ci.yml", ci)];
    Story::new(&[&workflow, files].concat()).flag("job", "lint,build,test,all-green")
}

/// Heals with a model that knows `bugs`; each is to be asked about once.
pub(super) async fn heal(name: &str, story: Story, bugs: &'static [Bug]) -> (Story, Ended) {
    let (story, ended, model) = ask(name, story, bugs).await;
    ended.expect("healed", 0);
    assert_eq!(model.asked().len(), bugs.len(), "{}", ended.text);
    let refused: Vec<String> = ended.verdicts().into_iter().filter(|v| v != "kept").collect();
    assert_eq!(refused, [""; 0], "{}", ended.text);
    for bug in bugs {
        let healed = story.healed_file(bug.path);
        assert!(healed.contains(bug.right) && !healed.contains(bug.wrong), "{healed}");
    }
    (story, ended)
}

/// The same without a word on how it is to end.
pub(super) async fn ask(name: &str, story: Story, bugs: &'static [Bug]) -> (Story, Ended, ScriptedLlm) {
    let model = ScriptedLlm::answering(Speaks::Gemini, move |_, asked| {
        let prompt = asked.prompt();
        // What is asked about comes before the rest of the log.
        let about = bugs.iter().filter_map(|b| Some((prompt.find(b.sign)?, b))).min_by_key(|(at, _)| *at);
        match about {
            Some((_, bug)) => Answer::fix(0.9, &[(bug.path, bug.wrong, bug.right)]),
            None => Answer::fix(0.0, &[]),
        }
    })
    .await;
    let story = story.with_gemini(&model);
    let ended = story.heal().await;
    assert_eq!(model.complaints(), [""; 0]);
    table_row(name, &ended);
    (story, ended, model)
}

/// Heals without any model.
pub(super) async fn heal_alone(name: &str, story: Story) -> (Story, Ended) {
    let story = story.flag("providers", "toolchain");
    let ended = story.heal().await;
    table_row(name, &ended);
    (story, ended)
}
