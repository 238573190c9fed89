//! Hosted runners that are not `ubuntu-24.04`: what a job on them has where no step says which version.

use std::collections::BTreeSet;

use super::image::{self, RequestedToolchain};

/// Facts of one label.
#[derive(Debug)]
pub(super) struct HostedRunner {
    label: &'static str,
    /// `ImageOS`
    pub(super) image_os: &'static str,
    defaults: &'static [(&'static str, &'static str)],
}

const RUNNERS: [HostedRunner; 2] = [
    HostedRunner {
        label: "ubuntu-22.04",
        image_os: "ubuntu22",
        // Node is 22 since May 2026, when 20 went.
        defaults: &[("go", "1.24"), ("java", "11"), ("node", "22"), ("python", "3.10")],
    },
    HostedRunner {
        label: "ubuntu-26.04",
        image_os: "ubuntu26",
        defaults: &[("go", "1.26"), ("java", "25"), ("node", "24"), ("python", "3.14")],
    },
];

impl HostedRunner {
    /// The runner that a job's labels name.
    pub(super) fn of(labels: &[String]) -> Option<&'static Self> {
        let [label] = labels else { return None };
        let label = label.to_ascii_lowercase();
        RUNNERS.iter().find(|runner| label == runner.label || label == format!("{}-arm", runner.label))
    }

    /// The one language that a job uses and asks no version of, in the runner's own; an image has it. With several there is
    /// none: then the notes say what differs.
    pub(super) fn toolchains(
        &self,
        requested: &mut Vec<RequestedToolchain>,
        used: &BTreeSet<&'static str>,
        notes: &mut Vec<String>,
    ) {
        let is_open = |language: &&&'static str| !requested.iter().any(|asked| asked.language == **language);
        let lacking: Vec<RequestedToolchain> = used
            .iter()
            .filter(is_open)
            .filter_map(|language| self.default_of(language))
            .filter(|asked| !image::lacking(std::slice::from_ref(asked)).is_empty())
            .collect();
        match lacking.as_slice() {
            [only] if used.len() == 1 && requested.is_empty() => requested.push(only.clone()),
            several => notes.extend(several.iter().map(|asked| {
                format!(
                    "{} has {} {}, and the image that runs has another: a step that sets up its version is obeyed",
                    self.label,
                    asked.language,
                    asked.version.as_deref().unwrap_or_default()
                )
            })),
        }
    }

    fn default_of(&self, language: &str) -> Option<RequestedToolchain> {
        let (language, version) = self.defaults.iter().find(|(known, _)| *known == language)?;
        let from = format!("{language} {version} of {}", self.label);
        Some(RequestedToolchain { language, version: Some((*version).to_owned()), from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(label: &str, used: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let (mut requested, mut notes) = (Vec::new(), Vec::new());
        let used = used.iter().copied().collect();
        if let Some(runner) = HostedRunner::of(&[label.to_owned()]) {
            runner.toolchains(&mut requested, &used, &mut notes);
        }
        (requested.into_iter().map(|asked| asked.from).collect(), notes)
    }

    #[test]
    fn a_job_that_asks_no_version_has_its_own_runner_s() {
        assert_eq!(on("ubuntu-22.04", &["python"]).0, ["python 3.10 of ubuntu-22.04"]);
        assert_eq!(on("ubuntu-22.04", &["node"]).0, ["node 22 of ubuntu-22.04"]);
        assert_eq!(on("Ubuntu-26.04-arm", &["java"]).0, ["java 25 of ubuntu-26.04"]);
        assert_eq!(on("ubuntu-26.04", &["go"]).0, ["go 1.26 of ubuntu-26.04"]);
        // The multi-runtime image has the very one.
        assert_eq!(on("ubuntu-22.04", &["go"]), (Vec::new(), Vec::new()));
        for (label, used) in [("ubuntu-24.04", "python"), ("ubuntu-latest", "java"), ("ubuntu-22.04", "rust")]
        {
            assert_eq!(on(label, &[used]), (Vec::new(), Vec::new()), "{label}");
        }
        let (requested, notes) = on("ubuntu-26.04", &["node", "python"]);
        assert!(requested.is_empty());
        assert!(notes.len() == 2 && notes[1].starts_with("ubuntu-26.04 has python 3.14,"), "{notes:?}");
    }
}
