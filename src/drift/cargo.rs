//! cargo, where no lock file is in the repository: it knows no cut-off before 1.94, and an unstable one since. The lock file
//! of a world is laid before the step that would make one, in the sandbox's copy.

use super::Time;
use super::ecosystem::World;
use super::resolved::CARGO;

/// What a world holds back, one `name version` or `name <=version` a line.
const HELD: &str = "/tmp/ci-healer-drift/crates.txt";

/// Whether a step resolves crates for itself.
pub(super) fn resolves(script: &str, locks: &[&str]) -> bool {
    const COMMANDS: &[&str] =
        &["build", "test", "check", "clippy", "run", "doc", "bench", "nextest", "fetch", "tree", "package"];
    let calls = script.lines().any(|line| {
        let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).collect();
        let calls_at = |at: usize| {
            let rest = words[at + 1..].iter().find(|word| !word.starts_with(['+', '-']));
            words[at] == "cargo" && rest.is_some_and(|command| COMMANDS.contains(command))
        };
        (0..words.len()).any(calls_at)
    });
    calls && !locks.contains(&"Cargo.lock")
}

/// Lays the list of what is held.
pub(super) fn held(world: &World) -> String {
    let of_cargo = world.held.iter().filter(|(package, _)| package.ecosystem == CARGO);
    let lines: String = of_cargo.map(|(package, version)| format!("{} {version}\n", package.name)).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("cat > {HELD} <<'CI_HEALER_END'\n{lines}CI_HEALER_END\n")
}

/// Lays the lock file of a world.
pub(super) fn lays_lock(until: Option<Time>) -> String {
    let until = until.map_or(String::new(), |until| until.to_string());
    LAYS_LOCK.replace("UNTIL", &until).replace("HELD", HELD)
}

// A version that something else still asks for cannot be left at once: what is held is gone through until nothing moves. The
// step may run under `set -e`, and what fails here is not its failure.
const LAYS_LOCK: &str = r#"if [ -f Cargo.toml ] && [ ! -e Cargo.lock ] && command -v cargo >/dev/null 2>&1; then (
  [ -n "UNTIL" ] && RUSTC_BOOTSTRAP=1 cargo -Zunstable-options generate-lockfile --publish-time UNTIL || cargo generate-lockfile || exit 0
  [ -s HELD ] || exit 0
  for pass in 1 2 3 4; do
    cp Cargo.lock /tmp/ci-healer-drift/Cargo.lock.before
    while read -r name bound; do
      version=${bound#<=}
      awk -v name="$name" '$1 == "name" { n = $3 } $1 == "version" && n == "\"" name "\"" { gsub(/"/, "", $3); print $3 }' Cargo.lock |
        while read -r now; do
          [ "$now" = "$version" ] && continue
          highest=$(printf '%s\n%s\n' "$now" "$version" | sort -V | tail -n 1)
          [ "$bound" != "$version" ] && [ "$highest" = "$version" ] && continue
          cargo update -p "$name@$now" --precise "$version" </dev/null
        done
    done <HELD
    cmp -s Cargo.lock /tmp/ci-healer-drift/Cargo.lock.before && break
  done ) >/tmp/ci-healer-drift/cargo.log 2>&1 || true
fi
"#;

/// Prints what the lock files came to.
pub(super) const READ_BACK: &str = r#"find "${GITHUB_WORKSPACE:-.}" -maxdepth 5 -name target -prune -o -name node_modules -prune -o -name Cargo.lock -print 2>/dev/null | while read -r lock; do
  awk '$1 == "name" { n = $3 } $1 == "version" { v = $3 } $1 == "source" && /registry/ { gsub(/"/, "", n); gsub(/"/, "", v); print "cargo " n " " v }' "$lock"
done | sort -u
"#;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::drift::Package;

    #[test]
    fn a_lock_file_in_the_repository_holds_all() {
        for script in ["cargo test", "cargo +nightly --quiet build", "cd a && cargo clippy -- -D warnings"] {
            assert!(resolves(script, &[]), "{script}");
            assert!(!resolves(script, &["Cargo.lock"]), "{script}");
        }
        for script in ["cargo fmt --check", "cargo install just", "echo cargo", "cargo"] {
            assert!(!resolves(script, &[]), "{script}");
        }
    }

    #[test]
    fn what_is_held_is_told_crate_by_crate() {
        let held = BTreeMap::from([
            (Package::new(CARGO, "home"), "0.5.11".to_owned()),
            (Package::new(CARGO, "windows-sys"), "<=0.59.0".to_owned()),
            (Package::new("npm", "home"), "1.0.0".to_owned()),
        ]);
        let script = super::held(&World { until: None, held });
        assert!(script.contains("\nhome 0.5.11\nwindows-sys <=0.59.0\nCI_HEALER_END\n"), "{script}");
        assert_eq!(super::held(&World::default()), "");
        let lays = lays_lock(Time::parse("2025-10-20"));
        assert!(lays.contains("--publish-time 2025-10-20T00:00:00Z"), "{lays}");
    }
}
