//! Java: which of the repository's classes the failing test loads, and which the others of its class. The JVM says that
//! by itself, whatever the build has.

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
        let run = |end: &str, tests: &str| {
            let options = "-DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false";
            [class_loading(end), format!("{} {options} -Dtest={}", words.join(" "), quoted(tests))]
        };
        let failed = run("failed", &format!("{class}#{method}"));
        let passed = run("passed", &format!("{class},!{class}#{method}"));
        let begin = "touch \"$CI_HEALER_TRACE/started\"".to_owned();
        stage(&call).into_iter().chain([begin, TIDY_UP.to_owned()]).chain(failed).chain(passed).collect()
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
        stage(&call).into_iter().chain([class_loading("failed"), line]).collect()
    };
    Some(Trace { command: lines.join("\n"), files: Vec::new(), format: TraceFormat::ClassLoading, tests })
}

/// The launcher says that it has these options, which Maven takes for trouble with its fork and writes down. Also where
/// the trace's time is over before its end.
const TIDY_UP: &str = "trap 'find . -path \"*-reports/*.dumpstream\" -newer \"$CI_HEALER_TRACE/started\" -delete' EXIT\n\
    trap 'exit 143' TERM";

/// Read by the launcher, and not by the JVM: a Java that does not know it has no such log either.
fn class_loading(end: &str) -> String {
    let log = format!("-Xlog:class+load:file=$CI_HEALER_TRACE/out/tests.{end}.%p.log");
    format!("export JDK_JAVA_OPTIONS=\"${{CI_HEALER_JVM=$JDK_JAVA_OPTIONS}} {log}\"")
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
