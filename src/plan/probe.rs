//! The question behind a step: its own runner's call, in a form that says what ran. Pure, over the step's script.
//!
//! A probe is made only where the step's style hides how many tests run, and only of a call that is understood to its
//! end: what a script wraps (`npm test`, `make test`) or pipes into something else is not asked.

use std::collections::BTreeMap;

use crate::contract::build::{BuildPlan, PROBE_REPORT, PlanStep, Probe, ReportVariable};

/// The probes of a plan's steps.
///
/// ```
/// use ci_healer::contract::build::PlanStep;
/// use ci_healer::plan::probe;
///
/// let step = PlanStep { run: "go test ./...".to_owned(), ..PlanStep::default() };
/// assert_eq!(probe(0, &step).map(|p| p.command).as_deref(), Some("go test -json ./..."));
/// let told = PlanStep { run: "go test -v ./...".to_owned(), ..PlanStep::default() };
/// assert_eq!(probe(0, &told), None);
/// ```
#[must_use]
pub fn probe(index: usize, step: &PlanStep) -> Option<Probe> {
    let shell = step.shell.as_deref().unwrap_or("bash").split(' ').next().unwrap_or_default();
    if !matches!(shell, "bash" | "sh" | "")
        || step.background
        || step.wait.is_some()
        || step.run.contains("${{")
    {
        return None;
    }
    let (prelude, call) = runner_call(&step.run)?;
    let Detailed { form, report, of_step } = detailed(call)?;
    let command = prelude.into_iter().map(str::to_owned).chain([form]).collect::<Vec<_>>().join("\n");
    Some(Probe { step: index, command, report, of_step })
}

/// The probes of all steps that have one; see [`probe`].
///
/// ```
/// use ci_healer::contract::build::{BuildPlan, PlanStep};
/// # let request_of = |steps: Vec<PlanStep>| -> BuildPlan { serde_json::from_value(serde_json::json!({
/// #     "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""}, "steps": steps,
/// #     "services": [], "skipped": [], "notes": []})).unwrap() };
/// let step = |run: &str| PlanStep { run: run.to_owned(), ..PlanStep::default() };
/// let plan = request_of(vec![step("go build ./..."), step("go test ./...")]);
/// assert_eq!(ci_healer::plan::probes(&plan)[0].step, 1);
/// ```
#[must_use]
pub fn probes(plan: &BuildPlan) -> Vec<Probe> {
    plan.steps.iter().enumerate().filter_map(|(index, step)| probe(index, step)).collect()
}

/// The variables by which the runners of a plan's steps write a report, by step: of runners that a step calls itself, with
/// nothing of its own to say about reports.
///
/// ```
/// # use ci_healer::contract::build::{BuildPlan, PlanStep};
/// # let request_of = |steps: Vec<PlanStep>| -> BuildPlan { serde_json::from_value(serde_json::json!({
/// #     "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""}, "steps": steps,
/// #     "services": [], "skipped": [], "notes": []})).unwrap() };
/// let step = |run: &str| PlanStep { run: run.to_owned(), ..PlanStep::default() };
/// let plan = request_of(vec![step("pytest -q"), step("pytest --junitxml=out.xml"), step("make test")]);
/// let variables = ci_healer::plan::report_variables(&plan);
/// assert_eq!(variables.keys().collect::<Vec<_>>(), [&0]);
/// assert_eq!(variables[&0].name, "PYTEST_ADDOPTS");
/// ```
#[must_use]
pub fn report_variables(plan: &BuildPlan) -> BTreeMap<usize, ReportVariable> {
    // Other words of pytest's that make no report, or another one.
    const OTHER: [&str; 9] = [
        "junit",
        "PYTEST_ADDOPTS",
        "--co",
        "--collect",
        "--version",
        "--help",
        "--fixtures",
        "-h ",
        "--setup-plan",
    ];
    let of = |(index, step): (usize, &PlanStep)| {
        let calls_it = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let call =
                words.iter().position(|word| !word.split_once('=').is_some_and(|(name, _)| is_name(name)));
            is_simple(line) && call.is_some_and(|at| pytest_arguments(&words[at..]).is_some())
        };
        let is_plain =
            !OTHER.iter().any(|word| step.run.contains(word)) && !step.env.contains_key("PYTEST_ADDOPTS");
        let (name, option) = ("PYTEST_ADDOPTS".to_owned(), "--junitxml=".to_owned());
        (is_plain && step.run.lines().any(|line| calls_it(line.trim())))
            .then_some((index, ReportVariable { name, option }))
    };
    plan.steps.iter().enumerate().filter_map(of).collect()
}

/// The script's one call of a runner, and the lines before it that set where and how it runs.
fn runner_call(script: &str) -> Option<(Vec<&str>, &str)> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut prelude, mut call) = (Vec::new(), None);
    for line in lines {
        let is_call = detailed(line).is_some();
        if is_call && call.is_some() {
            // Two calls would be two answers.
            return None;
        }
        if is_call {
            call = Some(line);
        } else if call.is_none() && sets_the_stage(line) {
            prelude.push(line);
        } else if !is_simple(line) {
            // A loop or a condition may stand around the call.
            return None;
        }
    }
    call.map(|call| (prelude, call))
}

/// One command, whose output goes where the script's does.
fn is_simple(line: &str) -> bool {
    let blocks =
        ["if ", "for ", "while ", "case ", "until ", "then", "do ", "else", "elif ", "fi", "done", "esac"];
    !line.contains(['|', ';', '&', '<', '>', '`', '{', '}', '\\'])
        && !blocks.iter().any(|word| line.starts_with(word))
}

fn sets_the_stage(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    let is_assignment = first.split_once('=').is_some_and(|(name, _)| is_name(name)) && !line.contains(' ');
    is_simple(line) && (is_assignment || matches!(first, "cd" | "export" | "source" | "." | "set" | "pushd"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A runner's call in the form that says what ran.
struct Detailed {
    form: String,
    /// Part of the answer is in the file that `PROBE_REPORT` names.
    report: bool,
    /// It reads what the step has written, and runs nothing.
    of_step: bool,
}

impl Detailed {
    fn again(form: String) -> Self {
        Self { form, report: false, of_step: false }
    }

    fn written(places: &[&str]) -> Self {
        Self { form: written_reports(places), report: false, of_step: true }
    }
}

/// A runner's call that hides what ran, or that writes a report anyway.
fn detailed(line: &str) -> Option<Detailed> {
    if !is_simple(line) {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| !word.split_once('=').is_some_and(|(name, _)| is_name(name)))?;
    let (environment, call) = words.split_at(at);
    let has = |flags: &[&str]| call.iter().any(|word| flags.contains(word));
    let with = |form: Vec<&str>| environment.iter().copied().chain(form).collect::<Vec<_>>().join(" ");
    match call {
        ["go", "test", rest @ ..] => {
            let told = ["-v", "-json", "-c", "-h", "-list", "-test.v", "-v=true", "--json", "--v"];
            let form = [&["go", "test", "-json"], rest].concat();
            (!has(&told)).then(|| Detailed::again(with(form)))
        }
        ["mvn" | "mvnw" | "./mvnw", ..] => {
            let runs = has(&["test", "verify", "package", "install", "integration-test"]);
            runs.then(|| Detailed::written(&MAVEN))
        }
        ["node", rest @ ..] if rest.contains(&"--test") => {
            let form = rest.iter().map(|word| if *word == DOTS { "--test-reporter=tap" } else { word });
            rest.contains(&DOTS).then(|| Detailed::again(with(std::iter::once("node").chain(form).collect())))
        }
        // It says nothing of a green run.
        ["java", rest @ ..] if rest.iter().any(|word| is_junit_launcher(word)) => {
            let form = rest.iter().map(|word| if *word == SILENT { "--details=tree" } else { word });
            rest.contains(&SILENT)
                .then(|| Detailed::again(with(std::iter::once("java").chain(form).collect())))
        }
        ["gradle" | "gradlew" | "./gradlew", tasks @ ..] => {
            let runs = |task: &&str| {
                let name = task.rsplit(':').next().unwrap_or(task);
                !task.starts_with('-')
                    && (matches!(name, "build" | "check") || name.to_lowercase().ends_with("test"))
            };
            tasks.iter().any(runs).then(|| Detailed::written(&GRADLE))
        }
        _ => {
            let rest = pytest_arguments(call)?;
            let quiet: usize = rest.iter().map(|word| quietness(word)).sum();
            // What ran last time decides what runs this time; and who writes a report already is not disturbed.
            let other = |word: &&str| {
                word.starts_with("--junit")
                    || word.starts_with("--collect-only")
                    || matches!(*word, "--lf" | "--ff" | "--sw" | "--last-failed" | "--failed-first" | "--co")
            };
            if quiet < 2 || rest.iter().any(other) {
                return None;
            }
            let report = format!("--junitxml=\"${PROBE_REPORT}\"");
            let form = [call, &["-p", "no:cacheprovider", &report]].concat();
            Some(Detailed { report: true, ..Detailed::again(with(form)) })
        }
    }
}

/// `node --test` as dots.
const DOTS: &str = "--test-reporter=dot";
/// JUnit's console launcher, told to be silent.
const SILENT: &str = "--details=none";

fn is_junit_launcher(word: &str) -> bool {
    word.ends_with(".ConsoleLauncher") || word.contains("junit-platform-console")
}

fn pytest_arguments<'a>(call: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let call = match call {
        ["uv" | "poetry" | "pdm" | "hatch" | "pipenv" | "rye", "run", rest @ ..] => rest,
        _ => call,
    };
    match call {
        ["pytest" | "py.test", rest @ ..] => Some(rest),
        [python, "-m", "pytest", rest @ ..] if python.starts_with("python") => Some(rest),
        ["coverage", "run", "-m", "pytest", rest @ ..] => Some(rest),
        _ => None,
    }
}

/// How many times `-q` is said.
fn quietness(word: &str) -> usize {
    match word.strip_prefix('-') {
        Some(flags) if !flags.is_empty() && flags.bytes().all(|b| b == b'q') => flags.len(),
        _ => usize::from(word == "--quiet"),
    }
}

const MAVEN: [&str; 2] = ["*/target/surefire-reports/TEST-*.xml", "*/target/failsafe-reports/TEST-*.xml"];
const GRADLE: [&str; 1] = ["*/build/test-results/*/TEST-*.xml"];

/// Reports of builds that a test made are not the step's own.
const NESTED: &str =
    "! -path '*/target/*/target/*' ! -path '*/build/*/build/*' ! -path '*/src/*' ! -path '*/tmp/*'";

/// Prints the reports that the step has written itself: plain files that are newer than its script. A report that was there
/// before would tell of another run.
fn written_reports(places: &[&str]) -> String {
    let paths = places.iter().map(|place| format!("-path '{place}'")).collect::<Vec<_>>().join(" -o ");
    format!(
        "find . -type f \\( {paths} \\) {NESTED} -size -2048k -newermc \"$CI_HEALER_STEP\" \
         -exec sh -c 'for f; do cat \"$f\"; echo; done' sh {{}} +"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(run: &str) -> Option<String> {
        let step = PlanStep { run: run.to_owned(), ..PlanStep::default() };
        probe(3, &step).map(|probe| probe.command)
    }

    #[test]
    fn calls_that_hide_what_ran_are_asked_in_detail() {
        for (run, form) in [
            ("go test ./...", "go test -json ./..."),
            ("go test -race -count=1 ./a ./b", "go test -json -race -count=1 ./a ./b"),
            ("CGO_ENABLED=0 go test ./...\n", "CGO_ENABLED=0 go test -json ./..."),
            (
                "cd srv\nexport A=1\ngo vet ./...\ngo test $(go list ./...)",
                "cd srv\nexport A=1\ngo test -json $(go list ./...)",
            ),
            ("set -e\n# all\ngo test ./...\necho done", "set -e\ngo test -json ./..."),
            ("node --test --test-reporter=dot test/", "node --test --test-reporter=tap test/"),
            (
                "java -jar lib/junit-platform-console-standalone-1.11.jar execute --scan-classpath --details=none",
                "java -jar lib/junit-platform-console-standalone-1.11.jar execute --scan-classpath --details=tree",
            ),
            (
                "java -cp a:b org.junit.platform.console.ConsoleLauncher --details=none -p com.x",
                "java -cp a:b org.junit.platform.console.ConsoleLauncher --details=tree -p com.x",
            ),
            ("pytest -qq", "pytest -qq -p no:cacheprovider --junitxml=\"$CI_HEALER_REPORT\""),
            (
                "uv run python -m pytest -q -q tests",
                "uv run python -m pytest -q -q tests -p no:cacheprovider --junitxml=\"$CI_HEALER_REPORT\"",
            ),
        ] {
            assert_eq!(command(run).as_deref(), Some(form), "{run}");
        }
        assert!(command("./gradlew :core:test").unwrap().contains("build/test-results"));
        for run in ["mvn -B -q verify", "mvn -B test", "./mvnw install"] {
            assert!(command(run).unwrap().contains("surefire-reports"), "{run}");
        }
    }

    #[test]
    fn what_tells_already_or_is_not_understood_is_not_asked() {
        for run in [
            "go test -v ./...",
            "go test -json ./...",
            "go build ./...",
            "go test ./... | tee out.txt",
            "go test ./... && echo ok",
            "go test ./a\ngo test ./b",
            "for d in a b; do\ngo test ./$d\ndone",
            "if true\nthen\ngo test ./...\nfi",
            "go test \\\n  ./...",
            "go test ./... ${{ matrix.flags }}",
            "pytest -q",
            "pytest",
            "pytest -qq --lf",
            "pytest -qq --junitxml=a.xml",
            "mvn -q compile",
            "gradle assemble",
            "npm test",
            "node --test",
            "java -jar app.jar --details=none",
            "java -jar junit-platform-console-standalone.jar --scan-classpath",
            "make test",
            "cargo test -q",
            "",
        ] {
            assert_eq!(command(run), None, "{run}");
        }
        let python =
            PlanStep { run: "go test".to_owned(), shell: Some("python".to_owned()), ..PlanStep::default() };
        assert_eq!(probe(0, &python), None);
    }
}
