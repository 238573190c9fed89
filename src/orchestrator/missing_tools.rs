//! Tools that GitHub's hosted runners have and the image that ran lacks: that is neither the code's fault nor the
//! workflow's, but the image's.

use crate::contract::bug::Diagnosis;
use crate::contract::build::{ExecutionResult, MULTI_RUNTIME_IMAGE};
use crate::contract::outcome::ONLY_HOSTED;

/// Shells' exit code where there is no such command.
const NOT_FOUND: i64 = 127;

/// From the list of what is on `ubuntu-24.04`: commands that jobs call without setting them up.
const HOSTED: [&str; 62] = [
    "ansible",
    "ant",
    "aws",
    "az",
    "bazel",
    "bc",
    "buildah",
    "bundle",
    "cargo",
    "clang",
    "cmake",
    "composer",
    "curl",
    "dotnet",
    "envsubst",
    "fastlane",
    "g++",
    "gcc",
    "gem",
    "gh",
    "git",
    "go",
    "gradle",
    "helm",
    "java",
    "javac",
    "jq",
    "kubectl",
    "make",
    "minikube",
    "mvn",
    "mysql",
    "nginx",
    "ninja",
    "node",
    "npm",
    "npx",
    "nvm",
    "packer",
    "parallel",
    "perl",
    "php",
    "pip",
    "pip3",
    "pipx",
    "podman",
    "psql",
    "pulumi",
    "pwsh",
    "python",
    "python3",
    "ruby",
    "rustc",
    "rustup",
    "shellcheck",
    "skopeo",
    "sqlite3",
    "sudo",
    "swift",
    "tree",
    "yarn",
    "yq",
];

/// They need an engine as well.
const DOCKER: [&str; 2] = ["docker", "docker-compose"];

/// What to say of a run that ended since its image lacks such a tool.
pub(super) fn note(result: &ExecutionResult, diagnosis: &Diagnosis) -> Option<String> {
    let failed = result.failed_step.and_then(|i| result.steps.get(i))?;
    if failed.exit_code != Some(NOT_FOUND) {
        return None;
    }
    let tool = diagnosis.bugs.iter().find_map(|bug| {
        let words = bug.message.strip_suffix("not found")?.trim_end().trim_end_matches("command").trim_end();
        let tool = words.trim_end_matches(':').rsplit([' ', ':', '\'']).next()?;
        (HOSTED.contains(&tool) || DOCKER.contains(&tool)).then_some(tool)
    })?;
    if DOCKER.contains(&tool) {
        return Some(format!(
            "`{}` calls `{tool}`, and the sandbox has no Docker engine: that is not the code's fault, and what comes \
             behind it was not reached; start what it brings as `services:` of the job, give the commands that fail as \
             `command`, or, with `mode: patch`, let steps have an engine of their own by `sandbox-docker: on`",
            failed.name
        ));
    }
    let image = &result.image_ref;
    let whose = if image == MULTI_RUNTIME_IMAGE { "our image" } else { "the image" };
    Some(format!(
        "{whose} {image} lacks `{tool}`, {ONLY_HOSTED}: that is not the code's fault; install it in a \
         step, or name an image that has it as `sandbox-image`"
    ))
}
