//! What the steps see in their environment: the facts of a workflow run, and nothing worth stealing.

use std::collections::BTreeMap;

use super::image::Image;
use crate::contract::build::{BuildPlan, JobFolders};

/// Everything of ours in the sandbox lies here, outside the workspace.
pub(super) const HOME: &str = "/ci-healer";
const EXTRA_CA: &str = "/ci-healer/ca/extra.pem";
const ALL_CA: &str = "/ci-healer/ca/all.pem";
const TRUST_STORE: &str = "/ci-healer/ca/trust.jks";
/// Containers that define no PATH get the engine's.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the images of hosted Linux runners set for every job, and builds look at.
const OF_THE_MACHINE: [(&str, &str); 5] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("ImageOS", "ubuntu24"),
    ("RUNNER_USER", "runner"),
    ("SHELL", "/bin/bash"),
    ("USER", "runner"),
];

/// Whether a job's own machine has this variable, and no container beside it.
pub(super) fn is_of_the_machine(name: &str) -> bool {
    OF_THE_MACHINE.iter().any(|(known, _)| *known == name)
}

/// The container's environment, below what steps set for themselves.
pub(super) fn of_container(
    image: &Image,
    plan: &BuildPlan,
    facts: &BTreeMap<String, String>,
    with_ca: bool,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        env.insert(name.to_owned(), value.to_owned());
    };
    set("CI", "true");
    set("GITHUB_ACTIONS", "true");
    set("RUNNER_OS", "Linux");
    set("RUNNER_ARCH", if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" });
    set("RUNNER_NAME", "ci-healer");
    set("RUNNER_ENVIRONMENT", "github-hosted");
    if !plan.image.from_container {
        for (name, value) in OF_THE_MACHINE {
            set(name, value);
        }
    }
    of_authorities(with_ca).iter().for_each(|(name, value)| set(name, value));
    for (name, value) in facts.iter().filter(|(name, _)| !is_private(name)) {
        set(name, value);
    }
    // The job that is run again may be another than ours. A called workflow's job is written below its caller.
    if let Some(job) = plan.job.as_deref().and_then(|path| path.rsplit('/').next()) {
        set("GITHUB_JOB", job);
    }
    for (name, value) in &plan.image.env {
        set(name, value);
    }
    // The sandbox's own places are facts, whatever a workflow says.
    let folders = JobFolders::beside(&plan.workspace);
    set("GITHUB_WORKSPACE", &folders.workspace);
    set("GITHUB_EVENT_PATH", &folders.event());
    set("RUNNER_TEMP", &folders.temp);
    set("RUNNER_TOOL_CACHE", &folders.tool_cache);
    set("AGENT_TOOLSDIRECTORY", &folders.tool_cache);
    set("RUNNER_WORKSPACE", folders.workspace.rsplit_once('/').map_or("/", |(above, _)| above));
    let path = env.get("PATH").cloned().or_else(|| image.env("PATH").map(str::to_owned));
    env.insert("PATH".to_owned(), path.unwrap_or_else(|| DEFAULT_PATH.to_owned()));
    env
}

/// Where tools find the extra certificate authorities, where there are any.
pub(super) fn of_authorities(are_there: bool) -> BTreeMap<String, String> {
    const ALL: [&str; 8] = [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "CARGO_HTTP_CAINFO",
        "npm_config_cafile",
        "DENO_CERT",
    ];
    if !are_there {
        return BTreeMap::new();
    }
    let mut env: BTreeMap<String, String> = ALL.map(|name| (name.to_owned(), ALL_CA.to_owned())).into();
    // Node adds these to its own list.
    env.insert("NODE_EXTRA_CA_CERTS".to_owned(), EXTRA_CA.to_owned());
    env.insert("JAVA_TOOL_OPTIONS".to_owned(), format!("-Djavax.net.ssl.trustStore={TRUST_STORE}"));
    env
}

/// What the user passes on, as far as nothing of the plan's or of ours has that name.
pub(super) fn for_steps(plan: &BuildPlan, passed_on: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_taken = |name: &str| {
        plan.image.env.contains_key(name)
            || is_private(name)
            || [
                "GITHUB_EVENT_PATH",
                "GITHUB_WORKSPACE",
                "RUNNER_TEMP",
                "RUNNER_WORKSPACE",
                "RUNNER_TOOL_CACHE",
            ]
            .contains(&name)
    };
    let free = passed_on.iter().filter(|(name, _)| !is_taken(name));
    free.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The runner's own credentials and our own inputs never reach the sandbox, even when someone hands them over.
fn is_private(name: &str) -> bool {
    name.starts_with("ACTIONS_") || name.starts_with("INPUT_") || name.starts_with("STATE_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::build::ImageChoice;

    fn no_image() -> ImageChoice {
        ImageChoice {
            reference: String::new(),
            why: String::new(),
            from_container: false,
            runtimes: Vec::new(),
            env: BTreeMap::new(),
            options: None,
        }
    }

    fn no_plan() -> BuildPlan {
        BuildPlan {
            workflow: None,
            job: None,
            matrix: BTreeMap::new(),
            image: no_image(),
            workspace: JobFolders::new(Some("o/shop"), false).workspace,
            steps: Vec::new(),
            services: Vec::new(),
            skipped: Vec::new(),
            passed_over: Vec::new(),
            actions: Vec::new(),
            artifacts: Vec::new(),
            checkout: None,
            notes: Vec::new(),
        }
    }

    fn env(facts: &[(&str, &str)], with_ca: bool) -> BTreeMap<String, String> {
        let image = Image { env: vec!["PATH=/x".to_owned()], ..Image::default() };
        let env = BTreeMap::from([("DB".to_owned(), "pg".to_owned())]);
        let plan = BuildPlan { image: ImageChoice { env, ..no_image() }, ..no_plan() };
        let facts = facts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        of_container(&image, &plan, &facts, with_ca)
    }

    #[test]
    fn facts_are_there_and_credentials_are_not() {
        let env = env(
            &[
                ("GITHUB_SHA", "abc"),
                ("ACTIONS_RUNTIME_TOKEN", "t"),
                ("INPUT_PUSH-TOKEN", "t"),
                ("GITHUB_WORKSPACE", "/h"),
            ],
            false,
        );
        assert_eq!(env["GITHUB_SHA"], "abc");
        assert_eq!(env["GITHUB_WORKSPACE"], "/home/runner/work/shop/shop");
        assert_eq!(env["RUNNER_WORKSPACE"], "/home/runner/work/shop");
        assert_eq!(env["RUNNER_TEMP"], "/home/runner/work/_temp");
        assert_eq!(env["RUNNER_TOOL_CACHE"], "/opt/hostedtoolcache");
        assert_eq!(env["GITHUB_EVENT_PATH"], "/home/runner/work/_temp/_github_workflow/event.json");
        assert_eq!((env["CI"].as_str(), env["PATH"].as_str(), env["DB"].as_str()), ("true", "/x", "pg"));
        assert!(!env.values().any(|v| v == "t"));
        assert!(!env.contains_key("SSL_CERT_FILE"));
    }

    #[test]
    fn a_job_with_a_container_sees_other_folders_and_not_the_machine() {
        let image = ImageChoice { from_container: true, ..no_image() };
        let workspace = JobFolders::new(Some("o/shop"), true).workspace;
        let plan = BuildPlan { image, workspace, ..no_plan() };
        let env = of_container(&Image::default(), &plan, &BTreeMap::new(), false);
        assert_eq!(env["GITHUB_WORKSPACE"], "/__w/shop/shop");
        assert_eq!((env["RUNNER_TEMP"].as_str(), env["RUNNER_TOOL_CACHE"].as_str()), ("/__w/_temp", "/__t"));
        assert!(!env.contains_key("ImageOS"));
    }

    #[test]
    fn steps_are_in_the_job_that_failed_not_in_the_one_that_heals() {
        let facts = BTreeMap::from([("GITHUB_JOB".to_owned(), "heal".to_owned())]);
        for (job, want) in [(None, "heal"), (Some("test"), "test"), (Some("quality/maven"), "maven")] {
            let plan = BuildPlan { job: job.map(str::to_owned), ..no_plan() };
            assert_eq!(of_container(&Image::default(), &plan, &facts, false)["GITHUB_JOB"], want);
        }
    }

    #[test]
    fn what_is_passed_on_replaces_nothing_of_the_plan_or_of_ours() {
        let plan = BuildPlan {
            image: ImageChoice { env: BTreeMap::from([("DB".to_owned(), "pg".to_owned())]), ..no_image() },
            ..no_plan()
        };
        let given = ["DB", "DEPLOY_KEY", "ACTIONS_RUNTIME_TOKEN", "INPUT_X", "GITHUB_WORKSPACE"];
        let given = given.map(|name| (name.to_owned(), "v".to_owned())).into();
        assert_eq!(for_steps(&plan, &given).into_keys().collect::<Vec<_>>(), ["DEPLOY_KEY"]);
    }

    #[test]
    fn every_tool_learns_of_the_extra_authorities() {
        let env = env(&[], true);
        for name in
            ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO"]
        {
            assert!(env[name].starts_with("/ci-healer/ca/"), "{name}");
        }
    }
}
