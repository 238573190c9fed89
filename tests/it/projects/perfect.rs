//! A model that knows the answer to each bug it is asked about, and what has to hold of a run with it, and without.

use serde_json::Value;

use super::table_row;
use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// Words of a failure that only a model can fix; the file, what stands there, and what should.
pub(super) type Bug = (&'static str, &'static str, &'static str, &'static str);

/// A repository with three failed jobs and the gate behind them.
pub(super) struct Project {
    pub(super) name: &'static str,
    pub(super) files: Vec<(&'static str, &'static str)>,
    /// The file that its check's own write mode mends, and how it reads then.
    pub(super) tidied: (&'static str, String),
    pub(super) bugs: [Bug; 2],
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
        let known = self.bugs;
        let gemini = ScriptedLlm::answering(Speaks::Gemini, move |_, asked| {
            let prompt = asked.prompt();
            let about = known.iter().filter(|(says, ..)| prompt.contains(says));
            let edits: Vec<_> = about.map(|(_, path, find, replace)| (*path, *find, *replace)).collect();
            Answer::fix(0.9, &edits)
        })
        .await;
        let story = self.story().with_gemini(&gemini);
        let ended = story.heal().await;
        table_row(self.name, &ended);
        ended.expect("healed", 0);
        assert_eq!(gemini.complaints(), [""; 0]);
        assert_eq!(gemini.asked().len(), self.bugs.len(), "{}", ended.text);
        assert_eq!(tried(&ended), ["toolchain: kept", "gemini: kept", "gemini: kept"], "{}", ended.text);
        assert_eq!(ended.results["budget"]["attempts"]["spent"], 3);
        assert_eq!(story.healed_file(self.tidied.0), self.tidied.1);
        for (_, path, find, replace) in self.bugs {
            let text = self.files.iter().find(|(name, _)| *name == path).unwrap().1;
            assert_eq!(story.healed_file(path), text.replacen(find, replace, 1));
        }
    }

    /// Without a model: what the tools state is fixed and proven, the rest is said to be red.
    pub(super) async fn heals_in_part_without_a_model(&self) {
        let story = self.story().flag("providers", "toolchain");
        let ended = story.heal().await;
        table_row(&format!("{}, toolchain alone", self.name), &ended);
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
