//! Java: what of the repository the failing test runs, and what the others of its class. Where the build has JaCoCo, its
//! files tell; which classes are loaded the JVM says by itself, whatever the build has.

use super::super::write_modes::script::Word;
use super::compiled::call;
use super::{quoted, stage};
use crate::contract::build::PlanStep;
use crate::contract::executed::{Trace, TraceFormat, TracedTest};
use crate::contract::git::SourceTree;

pub(super) fn maven_or_gradle(
    step: &PlanStep,
    tests: Vec<TracedTest>,
    tree: &dyn SourceTree,
) -> Option<Trace> {
    let (class, method) = tests.iter().find_map(|test| class_and_method(&test.id))?;
    let maven = |words: &[Word]| {
        ["test", "verify", "package", "install"].iter().any(|goal| words.iter().any(|word| word.is(goal)))
    };
    let lines: Vec<String> = if let Some((call, words)) = call(step, tree, "mvn", maven) {
        let at = call.words.len() - words.len();
        let words = call.words[..at].iter().chain(&words).filter(|word| !word.is("clean"));
        let words: Vec<&str> =
            words.skip_while(|word| word.is_assignment()).map(|word| word.raw.as_str()).collect();
        let report = has_jacoco(tree).then(|| report(&words));
        let run = |end: &str, tests: &str| {
            let options = "-DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false";
            let tests = format!("{} {options} -Dtest={}", words.join(" "), quoted(tests));
            [Some(class_loading(end)), Some(tests), report.clone(), Some(jacoco(end))].into_iter().flatten()
        };
        let failed = run("failed", &format!("{class}#{method}"));
        let passed = run("passed", &format!("{class},!{class}#{method}"));
        let begin = ["touch \"$CI_HEALER_TRACE/started\"".to_owned(), TIDY_UP.to_owned(), jacoco("begin")];
        stage(&call).into_iter().chain(begin).chain(failed).chain(passed).collect()
    } else {
        let runs = |words: &[Word]| words.iter().any(|word| is_task(&word.raw));
        let (call, words) = call(step, tree, "gradle", runs)?;
        let at = call.words.len() - words.len();
        let program =
            call.words[..at].iter().skip_while(|word| word.is_assignment()).map(|word| word.raw.clone());
        // Of a task that only leads to the tests, the tests.
        let task = |raw: &str| match raw.rsplit_once(':') {
            Some((project, "build" | "check")) => format!("{project}:test"),
            None if matches!(raw, "build" | "check") => "test".to_owned(),
            _ => raw.to_owned(),
        };
        let kept = words.iter().filter(|word| word.raw.starts_with('-') || is_task(&word.raw));
        let kept = kept.map(|word| task(&word.raw));
        let tests = ["--tests".to_owned(), quoted(&format!("{class}.{method}"))];
        let line = program.chain(kept).chain(tests).collect::<Vec<_>>().join(" ");
        let run = [TIDY_UP.to_owned(), jacoco("begin"), class_loading("failed"), line, jacoco("failed")];
        stage(&call).into_iter().chain(run).collect()
    };
    let files = vec![("jacoco.sh".to_owned(), include_str!("tracers/jacoco.sh").to_owned())];
    Some(Trace { command: lines.join("\n"), files, format: TraceFormat::Jvm, tests })
}

/// Modules whose manifests are read.
const MOST_POMS: usize = 200;

/// The launcher says that it has these options, which Maven takes for trouble with its fork and writes down. Also where
/// the trace's time is over before its end.
const TIDY_UP: &str = "trap 'sh \"$CI_HEALER_TRACE/jacoco.sh\" end; [ ! -f \"$CI_HEALER_TRACE/started\" ] || \
    find . -path \"*-reports/*.dumpstream\" -newer \"$CI_HEALER_TRACE/started\" -delete' EXIT\n\
    trap 'exit 143' TERM";

/// Read by the launcher, and not by the JVM: a Java that does not know it has no such log either.
fn class_loading(end: &str) -> String {
    let log = format!("-Xlog:class+load:file=$CI_HEALER_TRACE/out/tests.{end}.%p.log");
    format!("export JDK_JAVA_OPTIONS=\"${{CI_HEALER_JVM=$JDK_JAVA_OPTIONS}} {log}\"")
}

/// One of JaCoCo's turns.
fn jacoco(turn: &str) -> String {
    format!("sh \"$CI_HEALER_TRACE/jacoco.sh\" {turn}")
}

/// The build's own plugin makes methods and lines of what its agent wrote.
fn has_jacoco(tree: &dyn SourceTree) -> bool {
    let poms = tree.files().iter().filter(|file| file.path.file_name() == "pom.xml").take(MOST_POMS);
    poms.filter_map(|pom| tree.read_text(&pom.path)).any(|text| text.contains("jacoco-maven-plugin"))
}

/// By itself, as a phase that a red test ends comes to no report; in the version that the project names.
fn report(words: &[&str]) -> String {
    let phases = ["validate", "compile", "test-compile", "test", "verify", "package", "install", "deploy"];
    let own =
        words.iter().filter(|word| !phases.contains(word) && (word.starts_with('-') || !word.contains(':')));
    let own: Vec<&str> = own.copied().collect();
    format!("{} org.jacoco:jacoco-maven-plugin:report", own.join(" "))
}

fn is_task(raw: &str) -> bool {
    let name = raw.rsplit(':').next().unwrap_or(raw);
    !raw.starts_with('-') && (matches!(name, "build" | "check") || name.to_lowercase().ends_with("test"))
}

/// `com.example.shop.CartTest.first`, `JUnit Jupiter:CartTest:first(int):[2] 5`
fn class_and_method(id: &str) -> Option<(String, String)> {
    let id = id.strip_prefix("JUnit Jupiter:").unwrap_or(id);
    let plain = id.split(['(', '[', ' ', '{']).next().unwrap_or_default().trim_end_matches([':', '.']);
    let (class, method) = plain.rsplit_once(['.', ':', '#', '>'])?;
    let is_name = |text: &str, others: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
    };
    let sound = is_name(class, b"._$") && is_name(method, b"_$");
    sound.then(|| (class.to_owned(), method.to_owned()))
}
