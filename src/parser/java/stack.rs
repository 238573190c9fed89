//! Java's stack traces: causes, frames, whose code a frame is; and the machine for uncaught exceptions.
//!
//! A frame names a class and a file without its folder: the path is made of the package, which is how sources are
//! laid out below their source folder. Paths are therefore relative to a source folder the log does not name.

use crate::contract::bug::{Category, Location};
use crate::parser::findings::{FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

/// Frames kept of one cause.
const MAX_FRAMES: usize = 200;
/// Causes kept of one trace.
const MAX_CAUSES: usize = 20;
/// Lines of a message kept.
const MAX_MESSAGE: usize = 8;

/// Packages of the platform, of runners and of what tests are made with.
const FOREIGN: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "oracle.",
    "org.junit.",
    "junit.",
    "org.testng.",
    "org.hamcrest.",
    "org.mockito.",
    "org.powermock.",
    "org.easymock.",
    "org.assertj.",
    "org.opentest4j.",
    "org.gradle.",
    "worker.org.gradle.",
    "org.apache.maven.",
    "org.codehaus.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "org.spockframework.",
    "org.springframework.",
    "org.hibernate.",
    "com.fasterxml.",
    "com.google.common.",
    "com.google.inject.",
    "io.netty.",
    "reactor.",
    "io.reactivex.",
    "org.slf4j.",
    "ch.qos.logback.",
    "org.eclipse.jetty.",
    "net.bytebuddy.",
    "org.jetbrains.kotlin.",
    "com.intellij.",
    "jakarta.",
    "org.aspectj.",
    "org.apache.logging.",
    "org.apache.commons.",
    "com.carrotsearch.randomizedtesting.",
    "com.thoughtworks.xstream.",
    "com.beust.",
    "org.robolectric.",
    "android.",
    "androidx.",
    "dalvik.",
    "lombok.",
    "okhttp3.",
    "io.quarkus.bootstrap.",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// With its package; inner classes behind `$`.
    pub(super) class: String,
    pub(super) method: String,
    pub(super) file: String,
    pub(super) line: Option<u32>,
}

impl Frame {
    fn location(&self) -> Location {
        location(&path_of(&self.class, &self.file), self.line, None)
    }
}

/// `com.example.Cart$Row` and `Cart.java` → `com/example/Cart.java`.
pub(super) fn path_of(class: &str, file: &str) -> String {
    match class.rsplit_once('.') {
        Some((package, _)) => format!("{}/{file}", package.replace('.', "/")),
        None => file.to_owned(),
    }
}

/// The path of a class whose file is named after it.
pub(super) fn file_of_class(class: &str) -> String {
    let outer = class.split('$').next().unwrap_or(class);
    format!("{}.java", outer.replace('.', "/"))
}

/// `at java.base/java.util.List.get(List.java:3)`, with or without `at`.
pub(super) fn frame(text: &str) -> Option<Frame> {
    let body = text.trim();
    let body = body.strip_prefix("at ").unwrap_or(body);
    if !body.contains('(') {
        return None;
    }
    let found = re!(
        r"^(?:[\w.@+~-]*/+)*((?:[\w$]+\.)*[\w$]+)\.([\w$<>\-]+)\(((?:[\w$.-]+\.(?:java|kts?|groovy|scala))|Native Method|Unknown Source|[\w$]+)(?::(\d+))?\)"
    )
    .captures(body)?;
    Some(Frame {
        class: found[1].to_owned(),
        method: found[2].to_owned(),
        file: found[3].to_owned(),
        line: found.get(4).and_then(|m| number(m.as_str())),
    })
}

/// The first parts of a class' package that mark it and its neighbours as one project's.
pub(super) fn home_of(class: &str) -> Option<String> {
    let (package, _) = class.rsplit_once('.')?;
    let parts: Vec<&str> = package.split('.').collect();
    // Below these, one more part tells projects apart.
    let shared = [
        "org.apache",
        "com.google",
        "org.eclipse",
        "com.github",
        "io.github",
        "com.microsoft",
        "org.springframework",
    ];
    let two = parts.get(..2).map(|p| p.join("."));
    let depth = if two.is_some_and(|t| shared.contains(&t.as_str())) { 3 } else { 2 };
    Some(format!("{}.", parts[..depth.min(parts.len())].join(".")))
}

#[derive(Debug, Default)]
struct Cause {
    head: String,
    frames: Vec<Frame>,
}

/// One stack trace.
#[derive(Debug, Default)]
pub(super) struct Stack {
    causes: Vec<Cause>,
    message_lines: usize,
}

impl Stack {
    /// The exception's own line begins the trace.
    pub(super) fn begin(&mut self, head: &str) {
        self.causes.push(Cause { head: head.trim().to_owned(), frames: Vec::new() });
        self.message_lines = 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }

    pub(super) fn has_frames(&self) -> bool {
        self.causes.iter().any(|c| !c.frames.is_empty())
    }

    /// Takes a frame, a cause, or a line that only says how many frames are left out.
    pub(super) fn line(&mut self, text: &str) -> bool {
        let body = text.trim();
        if let Some(head) = body.strip_prefix("Caused by: ").or_else(|| body.strip_prefix("Suppressed: ")) {
            let suppressed = body.starts_with("Suppressed");
            if self.causes.len() < MAX_CAUSES && !suppressed {
                self.begin(head);
            }
            return true;
        }
        if body.starts_with("... ") && (body.ends_with(" more") || body.ends_with(" trimmed"))
            || body == "[...]"
        {
            return true;
        }
        if let Some(frame) = frame(body) {
            if let Some(cause) = self.causes.last_mut().filter(|c| c.frames.len() < MAX_FRAMES) {
                cause.frames.push(frame);
            }
            return true;
        }
        false
    }

    /// A further line of the message.
    pub(super) fn more(&mut self, text: &str) {
        if let Some(cause) = self.causes.last_mut().filter(|c| c.frames.is_empty())
            && self.message_lines < MAX_MESSAGE
            && !text.trim().is_empty()
        {
            self.message_lines += 1;
            cause.head.push('\n');
            cause.head.push_str(text.trim_end());
        }
    }

    /// The class of the deepest frame in a method of that name.
    pub(super) fn class_of(&self, method: &str) -> Option<String> {
        let method = method.split('(').next().unwrap_or(method);
        let mut frames = self.causes.iter().flat_map(|c| &c.frames);
        frames.find(|f| f.method == method).map(|f| f.class.clone())
    }

    /// What was thrown, without the package, and the words.
    fn thrown(head: &str) -> (&str, &str) {
        let (kind, message) = match head.split_once(':') {
            Some((kind, message)) if !kind.contains(' ') => (kind, message.trim()),
            _ => (head.lines().next().unwrap_or(head), ""),
        };
        (kind.rsplit(['.', '$']).next().unwrap_or(kind), message)
    }

    /// A finding of the trace. Frames of the root cause come first. `class` is the failing test's, where there is one.
    pub(super) fn finding(
        &self,
        tool: &'static str,
        otherwise: Category,
        class: Option<&str>,
    ) -> FindingBuilder {
        let home = class.and_then(home_of);
        let own = |f: &&Frame| {
            let at_home = home.as_ref().is_some_and(|h| f.class.starts_with(h.as_str()))
                || class.is_some_and(|c| f.class == c || f.class.starts_with(&format!("{c}$")));
            let foreign = FOREIGN.iter().any(|p| f.class.starts_with(p));
            // A runner's own package is never the project's, however alike the names.
            let runner = f.class.starts_with("org.apache.maven.surefire.");
            f.file.contains('.') && f.line.is_some() && !runner && (at_home || !foreign)
        };
        let head = self.causes.first().map_or("", |c| c.head.as_str());
        let (kind, message) = Self::thrown(head);
        let root = self.causes.last().map_or("", |c| c.head.as_str());
        let mut message = if message.is_empty() { kind.to_owned() } else { format!("{kind}: {message}") };
        if self.causes.len() > 1 {
            let (kind, cause) = Self::thrown(root);
            message.push_str(&format!("\ncaused by {kind}: {cause}"));
        }
        let mut finding = FindingBuilder::new(
            tool,
            category(Self::thrown(root).0, Self::thrown(root).1, otherwise),
            message,
        );
        if !kind.is_empty() {
            finding = finding.code(kind);
        }
        let mut frames: Vec<&Frame> = self.causes.iter().rev().flat_map(|c| &c.frames).filter(own).collect();
        // Without any of the project's own, nothing here is to be fixed.
        if let Some(home) = &home {
            let at_home: Vec<&Frame> =
                frames.iter().copied().filter(|f| f.class.starts_with(home.as_str())).collect();
            if !at_home.is_empty() {
                frames = at_home;
            }
        }
        finding.frames = frames.into_iter().map(Frame::location).collect();
        finding
    }
}

fn category(kind: &str, message: &str, otherwise: Category) -> Category {
    // Tests throw exceptions of these names themselves; what was asked for or what was answered is the system's to say.
    let asked = message.split(':').next().unwrap_or_default().trim();
    let is_host = asked.contains('.') && !asked.contains(' ');
    let was_refused = re!(r"Connection (?:refused|timed out|reset)|Network is unreachable|No route to host");
    match kind {
        "UnknownHostException" if !is_host => otherwise,
        "ConnectException" if !was_refused.is_match(message) => otherwise,
        "TestTimedOutException" | "ThreadTimeoutException" | "TimeoutException" => Category::Timeout,
        "OutOfMemoryError" | "UnknownHostException" | "ConnectException" => Category::Environment,
        "NoClassDefFoundError"
        | "ClassNotFoundException"
        | "NoSuchMethodError"
        | "UnsupportedClassVersionError" => Category::Dependency,
        _ => otherwise,
    }
}

pub(super) const JAVA: Tool = Tool {
    name: "java",
    triggers: &[
        r#"^Exception in thread ""#,
        r"^Error: (Could not find or load main class|Unable to access jarfile|LinkageError)",
    ],
    new: |_| Box::new(Java::default()),
};

/// An exception nobody caught.
#[derive(Default)]
struct Java {
    stack: Stack,
    first: u64,
    last: u64,
}

impl Java {
    fn report(&mut self, out: &mut Findings) {
        let stack = std::mem::take(&mut self.stack);
        if !stack.is_empty() {
            out.bug(stack.finding("java", Category::Runtime, None).span(self.first, self.last).fallback());
        }
    }
}

impl ToolParser for Java {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(rest) = text.strip_prefix("Exception in thread \"") {
            self.report(out);
            let head = rest.split_once("\" ").map_or(rest, |(_, head)| head);
            self.stack.begin(head);
            (self.first, self.last) = (line.number, line.number);
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = text.strip_prefix("Error: ").filter(|_| self.stack.is_empty()) {
            out.bug(FindingBuilder::new("java", Category::Configuration, message));
            return Response::Consumed(Next::Idle);
        }
        if self.stack.is_empty() {
            return Response::Declined(Next::Idle);
        }
        if self.stack.line(text) {
            self.last = line.number;
            return Response::Consumed(Next::Active);
        }
        if !self.stack.has_frames() && line.number - self.first < 10 {
            self.stack.more(text);
            return Response::Consumed(Next::Active);
        }
        self.report(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.report(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_times_and_addresses() {
        for (text, class, line) in [
            ("\tat com.example.shop.Cart.add(Cart.java:12)", "com.example.shop.Cart", Some(12)),
            ("\tat app//com.example.A$B.lambda$c$0(A.java:3)", "com.example.A$B", Some(3)),
            ("\tat java.base@17.0.15/java.lang.Thread.run(Thread.java:840)", "java.lang.Thread", Some(840)),
            ("       com.example.A.<init>(A.kt:7)", "com.example.A", Some(7)),
            ("\tat com.example.A.b(A.java:12) [classes/:na]", "com.example.A", Some(12)),
            ("\tat java.lang.Thread.sleep(Native Method)", "java.lang.Thread", None),
        ] {
            let frame = frame(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((frame.class.as_str(), frame.line), (class, line), "{text}");
        }
        for text in ["at http://localhost:3000:80", "at 12:30:45", "call(me:12)", "expected (a.b:3)", ""] {
            assert!(frame(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_root_causes_deepest_own_frame_comes_first() {
        let mut stack = Stack::default();
        stack.begin("java.lang.IllegalStateException: empty");
        for line in [
            "\tat com.example.shop.Cart.first(Cart.java:30)",
            "\tat com.example.shop.CartTest.first(CartTest.java:62)",
            "\tat org.junit.runners.ParentRunner.run(ParentRunner.java:413)",
            "Caused by: java.lang.IndexOutOfBoundsException: Index 0",
            "\tat java.base/java.util.ArrayList.get(ArrayList.java:427)",
            "\tat com.example.shop.Cart.first(Cart.java:28)",
            "\t... 34 more",
        ] {
            assert!(stack.line(line), "{line}");
        }
        let finding = stack.finding("java", Category::Logic, Some("com.example.shop.CartTest"));
        let locations: Vec<_> = finding.frames.iter().map(|f| (f.file.as_str(), f.line)).collect();
        assert_eq!(
            locations,
            [
                ("com/example/shop/Cart.java", Some(28)),
                ("com/example/shop/Cart.java", Some(30)),
                ("com/example/shop/CartTest.java", Some(62))
            ]
        );
    }
}
