//! cargo's own errors: manifests, resolution, locked builds, missing files, build scripts, the linker's verdict.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::panic::Panic;
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "cargo",
    triggers: &[
        r"^error: (?:failed to |no |could not |cannot |package |the |toolchain |unable to |manifest path|process didn't exit|rustup|cyclic|multiple |virtual manifest|current package|component |'|feature |target |two packages|crate |dependency |checksum|rustc [0-9]|cargo |environment variable|linking with|unexpected argument|Unable to update|found a virtual)",
        r"^\s+Compiling .+ \(/.+\)$",
        r"^\s+Checking .+ \(/.+\)$",
        r"^\s+Finished (?:`|dev|release|test)",
        r"^error: no such command: ",
    ],
    new: |_| Box::new(Cargo::default()),
};

const MAX_LINES: usize = 400;

#[derive(Default)]
struct Cargo {
    block: Option<(u64, Vec<String>)>,
    /// In what a build script printed: a panic there is the same failure.
    script: bool,
}

impl ToolParser for Cargo {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(c) = re!(r"^\s+(?:Compiling|Checking) .+ \((?:file://)?(/.+)\)$").captures(text) {
            // A member's folder is no workspace where that is known.
            if relative(&c[1], &[]) == c[1] {
                out.root(&c[1]);
            }
            self.flush(line.number, out);
            return Response::Consumed(Next::Idle);
        }
        if re!(r"^\s+Finished (?:`|dev|release|test)").is_match(text) {
            self.flush(line.number, out);
            out.succeeded();
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("error: ") {
            self.flush(line.number, out);
            self.block = Some((line.number, vec![text.to_owned()]));
            self.script = false;
            return Response::Declined(Next::Active);
        }
        let Some((_, lines)) = &mut self.block else { return Response::Declined(Next::Idle) };
        // The chain of causes, and what a build script printed.
        let goes_on = text.trim().is_empty() || text.starts_with("  ") || re!(r"^(?:Caused by:|  ?---|required by|versions that meet|all possible|previously selected|failed to select|perhaps|location searched|help: |note: |hint: |To )").is_match(text);
        if !goes_on || lines.len() > MAX_LINES {
            self.flush(line.number, out);
            return Response::Declined(Next::Idle);
        }
        lines.push(text.to_owned());
        self.script |= re!(r"^  --- std(?:out|err)$").is_match(text);
        if self.script { Response::Consumed(Next::Active) } else { Response::Declined(Next::Active) }
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.flush(now, out);
    }
}

impl Cargo {
    fn flush(&mut self, now: u64, out: &mut Findings) {
        let Some((first, lines)) = self.block.take() else { return };
        // rustc's shape: it is rustc's.
        if lines.iter().any(|l| l.trim_start().starts_with("--> ")) {
            return;
        }
        out.bug(read(&lines).span(first, now.saturating_sub(1).max(first)));
    }
}

fn read(lines: &[String]) -> FindingBuilder {
    let message = lines[0].trim_start_matches("error: ");
    let all = lines.join("\n");
    if re!(r"^could not (?:compile|document)|^process didn't exit successfully|^failed to compile")
        .is_match(message)
    {
        return FindingBuilder::new("cargo", Category::Unknown, message.to_owned()).consequence();
    }
    let whole = all.trim_start_matches("error: ").trim_end();
    let mut finding = FindingBuilder::new("cargo", category(&all), whole);
    let manifest = re!(r"(?:manifest at|read|load) `([^`]+)`").captures(&all).map(|c| c[1].to_owned());
    if let Some(c) = re!(r"(?:TOML parse error )?at line (\d+),? column (\d+)").captures(&all) {
        if let Some(file) = &manifest {
            finding = finding.at(file, number(&c[1]), number(&c[2]));
        }
    } else if let Some(file) = manifest.filter(|_| message.contains("manifest")) {
        finding = finding.at(&file, None, None);
    } else if let Some(c) = re!(r"undefined (?:reference|symbol)").find(&all) {
        finding.message = format!("{message}: {}", all[c.start()..].lines().next().unwrap_or(""));
    }
    if let Some(panic) = panic_in(lines) {
        finding.message = format!("{message}: {}", panic.message.trim());
        finding.frames = panic.frames;
    } else if let Some(c) =
        re!(r"cargo::?warning=([^\s:]+):(\d+):(\d+): (?:fatal )?error: (.*)").captures(&all)
    {
        // A C compiler's error, which the script passes on.
        finding.message = format!("{message}: {}", &c[4]);
        finding = finding.at(&c[1], number(&c[2]), number(&c[3]));
    } else if let Some(c) = re!(r">>> referenced by \S+ \(([^():]+\.rs):(\d+)\)").captures(&all) {
        finding = finding.at(&c[1], number(&c[2]), None);
    }
    if re!(r"needs to be updated but --(?:locked|frozen)").is_match(&all) {
        let run = "cargo update --workspace".to_owned();
        finding = finding.suggest(message, Applicability::MaybeIncorrect, Suggestion::Command { run });
    }
    finding
}

/// What a build script died of.
fn panic_in(lines: &[String]) -> Option<Panic> {
    let at = lines.iter().position(|line| Panic::start(line).is_some())?;
    let mut panic = Panic::start(&lines[at])?;
    for line in &lines[at + 1..] {
        panic.line(line.strip_prefix("  ").unwrap_or(line));
    }
    Some(panic)
}

fn category(all: &str) -> Category {
    if re!(r"the lock file").is_match(all) {
        return Category::Dependency;
    }
    if re!(r"(?i)network|timed out|could not resolve host|couldn't resolve host|connection|spurious|dns|SSL|certificate|status code: 5|503|failed to download|No space left|Permission denied|failed to fetch|failed to query replaced source|download of config.json failed").is_match(all) {
        return Category::Environment;
    }
    if re!(r"no such command|toolchain '|is not installed|component '").is_match(all) {
        return Category::Environment;
    }
    if re!(r"no matching package|failed to select a version|failed to resolve|failed to get|links to native|requires rustc|checksum|dependency|failed to load source").is_match(all) {
        return Category::Dependency;
    }
    if re!(r"linking with|custom build command").is_match(all) {
        return Category::Dependency;
    }
    Category::Configuration
}

#[cfg(test)]
mod tests {
    use super::read;

    fn location_of(text: &str) -> Option<(String, Option<u32>)> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let finding = read(&lines);
        finding.location.or_else(|| finding.frames.into_iter().next()).map(|at| (at.file, at.line))
    }

    #[test]
    fn compilers_and_linkers_below_say_where() {
        let script = "error: failed to run custom build command for `a v0.1.0 (/r)`\n  --- stdout\n  cargo:warning=csrc/f.c: In function 'f':\n  cargo:warning=csrc/f.c:2:22: error: 'x' undeclared";
        assert_eq!(location_of(script), Some(("csrc/f.c".into(), Some(2))));
        let panic = "error: failed to run custom build command for `a v0.1.0 (/r)`\n\nCaused by:\n  --- stderr\n\n  thread 'main' (8) panicked at build.rs:1:138:\n  SDK must be set";
        assert_eq!(location_of(panic), Some(("build.rs".into(), Some(1))));
        let linker = "error: linking with `cc` failed: exit status: 1\n  = note: rust-lld: error: undefined symbol: f\n          >>> referenced by main.rs:2 (src/main.rs:2)";
        assert_eq!(location_of(linker), Some(("src/main.rs".into(), Some(2))));
    }
}
