//! A model that knows each repository's bugs and gives the right edit for the one that it is asked about, and what has to
//! hold of a run with it, and without.

use serde_json::Value;

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
    assert!(tried(&ended).iter().all(|end| end.ends_with(": kept")), "{}", ended.text);
    for bug in bugs {
        let healed = story.healed_file(bug.path);
        assert!(healed.contains(bug.right), "{healed}");
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

/// A repository with three failed jobs and the gate behind them.
pub(super) struct Project {
    pub(super) name: &'static str,
    pub(super) files: Vec<(&'static str, &'static str)>,
    /// The file that its check's own write mode mends, and how it reads then.
    pub(super) tidied: (&'static str, String),
    pub(super) bugs: &'static [Bug],
}

impl Project {
    fn story(&self) -> Story {
        let story = Story::new(&self.files).flag("job", "lint,types,test,all-green");
        match std::env::var("SSL_CERT_FILE") {
            Ok(bundle) => story.flag("ca-bundle", &bundle),
            Err(_) => story,
        }
    }

    /// All three bugs are fixed in one run, each at the first offer.
    pub(super) async fn heals(&self) {
        let (story, ended) = heal(self.name, self.story(), self.bugs).await;
        assert_eq!(tried(&ended), ["toolchain: kept", "gemini: kept", "gemini: kept"], "{}", ended.text);
        assert_eq!(ended.results["budget"]["attempts"]["spent"], 3);
        assert_eq!(story.healed_file(self.tidied.0), self.tidied.1);
        for bug in self.bugs {
            let text = self.files.iter().find(|(name, _)| *name == bug.path).unwrap().1;
            assert_eq!(story.healed_file(bug.path), text.replacen(bug.wrong, bug.right, 1));
        }
    }

    /// Without a model: what the tools state is fixed and proven, the rest is said to be red.
    pub(super) async fn heals_in_part_without_a_model(&self) {
        let (story, ended) = heal_alone(&format!("{}, toolchain alone", self.name), self.story()).await;
        ended.expect("partial", 1);
        assert_eq!(story.heal_branches(), [""; 0], "a part leaves only as a pull request");
        assert_eq!(tried(&ended), ["toolchain: kept"], "{}", ended.text);
        let diff = ended.results["diff"].as_str().unwrap();
        assert!(diff.contains(self.tidied.0) && diff.matches("diff --git").count() == 1, "{diff}");
    }
}

/// Who made each proposal, and what became of it: the kind of rejection, or the verdict. Lines that were shown for an
/// edit after it was offered cost no question, and are not told of.
fn tried(ended: &Ended) -> Vec<String> {
    let iterations = ended.results["iterations"].as_array().unwrap();
    let proposals = iterations.iter().flat_map(|i| i["proposals"].as_array().unwrap());
    let end = |p: &Value| p["rejection"]["kind"].as_str().or(p["verdict"].as_str()).unwrap().to_owned();
    let proposals = proposals.filter(|p| end(p) != "needs_context");
    proposals.map(|p| format!("{}: {}", p["provider"].as_str().unwrap(), end(p))).collect()
}
