//! Jobs of one or more steps that fail one after the other, each healed by one answer.

use serde_json::Value;

use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

pub(super) struct Job {
    pub(super) steps: &'static [&'static str],
    /// `-- path --`, then the file.
    pub(super) files: &'static str,
    /// One for each step: path, what is found there, what comes there.
    pub(super) fixes: &'static [(&'static str, &'static str, &'static str)],
}

impl Job {
    async fn run(&self, image: Option<&str>) -> (Story, Ended) {
        let container = image.map_or(String::new(), |image| format!("    container: {image}\n"));
        let steps: String = self.steps.iter().map(|step| format!("      - run: {step}\n")).collect();
        let ci = format!(
            "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n{container}    steps:\n      - uses: actions/checkout@v5\n{steps}"
        );
        let mut files = vec![(".github/workflows/ci.yml", ci.as_str())];
        for file in self.files.split("-- ").filter(|file| !file.is_empty()) {
            files.push(file.split_once(" --\n").unwrap());
        }
        let answers = self.fixes.iter().map(|fix| Answer::fix(0.9, &[*fix])).collect();
        let gemini = ScriptedLlm::new(Speaks::Gemini, answers).await;
        let most = self.fixes.len().to_string();
        let story = Story::new(&files)
            .flag("flaky-runs", "0")
            .flag("providers", "gemini")
            .flag("max-attempts", &most)
            .with_gemini(&gemini);
        let ended = story.heal().await;
        (story, ended)
    }

    /// Healed; how many planted failures of each step were to be caught, all of which were.
    async fn counter_proofs(&self, image: Option<&str>) -> (Vec<Value>, Ended) {
        let (_, ended) = self.run(image).await;
        ended.expect("healed", 0);
        let shown = ended.results["final_proof"]["counter_proofs"].as_array().unwrap().clone();
        assert_eq!(shown.len(), self.fixes.len(), "{}", ended.text);
        (shown, ended)
    }

    /// At least so many of each step were planted.
    pub(super) async fn is_caught(&self, image: Option<&str>, of: &[u64]) {
        let (shown, ended) = self.counter_proofs(image).await;
        assert!(shown.iter().all(|step| step["result"] == "caught"), "{shown:?}\n{}", ended.text);
        let counts: Vec<u64> = shown.iter().filter_map(|step| step["of"].as_u64()).collect();
        assert!(counts.iter().zip(of).all(|(count, least)| count >= least), "{counts:?}\n{}", ended.text);
    }

    pub(super) async fn heals_without(&self, why: &str) {
        let (shown, ended) = self.counter_proofs(None).await;
        assert_eq!(shown[0]["result"], "none", "{}", ended.text);
        assert!(shown[0]["why"].as_str().unwrap().contains(why), "{shown:?}");
    }

    pub(super) async fn is_disarmed(&self, image: Option<&str>) {
        let (story, ended) = self.run(image).await;
        assert_ne!(ended.outcome(), "healed", "{}", ended.text);
        let iterations = ended.results["iterations"].as_array().unwrap();
        let mut proposals = iterations.iter().flat_map(|i| i["proposals"].as_array().unwrap());
        let is_it = |proposal: &Value| proposal["rejection"]["kind"] == "judge_disarmed";
        assert!(proposals.any(is_it), "{iterations:#?}\n{}", ended.text);
        assert_eq!(ended.results["diff"], "");
        assert!(story.heal_branches().is_empty());
    }

    /// By a gate that knows the way, or by what was planted.
    pub(super) async fn is_not_healed(&self) {
        let (story, ended) = self.run(None).await;
        assert_ne!(ended.outcome(), "healed", "{}", ended.text);
        let first = &ended.results["iterations"][0]["proposals"][0];
        let taken_back = first["rejection"]["kind"] == "judge_disarmed";
        assert!(first["verdict"] == "rejected" || taken_back, "{first:#}\n{}", ended.text);
        assert!(story.heal_branches().is_empty());
    }

    /// A gate knows the way.
    pub(super) async fn is_refused(&self) {
        let (_, ended) = self.run(None).await;
        assert_ne!(ended.outcome(), "healed", "{}", ended.text);
        let proposals = &ended.results["iterations"][0]["proposals"];
        assert_eq!(proposals[0]["verdict"], "rejected", "{proposals:#}\n{}", ended.text);
    }
}
