//! The action's image, assembled as the `Dockerfile` does it but from a debug binary: one static binary on nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-musl";
const REPOSITORY: &str = "ci-healer-test/action";
/// Marks what this module made, so that only that is ever removed.
const LABEL: &str = "ci-healer-test.image=action";

/// The image's tag. Built once per process, and only where no earlier run made it from the same binary.
pub(crate) fn tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| {
        let binary = std::fs::read(static_binary()).unwrap();
        let digest = Sha256::digest(&binary);
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("{REPOSITORY}:{short}");
        if !docker(&["image", "inspect", &tag]).0 {
            remove_old_ones();
            import(&binary, &tag);
        }
        tag
    })
}

/// Builds the static binary; with nothing changed that takes a moment.
fn static_binary() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--bin", "ci-healer", "--target", TARGET])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // What cargo tells a test of its package is not there when people build: with it, dependencies that look at such
    // variables would be built anew, once for each side.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO") && !matches!(&*text, "CARGO_HOME" | "CARGO_TARGET_DIR") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "cannot build the static binary; `make action-binary` installs what it needs\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The test's own binary lies in <target>/debug; the static one beside it.
    let debug = Path::new(env!("CARGO_BIN_EXE_ci-healer")).parent().unwrap();
    debug.parent().unwrap().join(TARGET).join("debug/ci-healer")
}

fn import(binary: &[u8], tag: &str) {
    let mut import = Command::new("docker")
        .args([
            "import",
            "--change",
            r#"ENTRYPOINT ["/ci-healer"]"#,
            "--change",
            &format!("LABEL {LABEL}"),
            "-",
            tag,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut archive = tar::Builder::new(import.stdin.take().unwrap());
    let header = |kind, mode, size| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header
    };
    archive.append_data(&mut header(tar::EntryType::Directory, 0o1777, 0), "tmp", std::io::empty()).unwrap();
    let mut file = header(tar::EntryType::Regular, 0o755, binary.len() as u64);
    archive.append_data(&mut file, "ci-healer", binary).unwrap();
    let mut link = header(tar::EntryType::Symlink, 0o777, 0);
    archive.append_link(&mut link, "ci-healer-sweep", "ci-healer").unwrap();
    archive.into_inner().unwrap().flush().unwrap();
    assert!(import.wait().unwrap().success(), "docker import failed");
}

/// Each build leaves an image; those that no run can be using any more go.
fn remove_old_ones() {
    let filter = format!("label={LABEL}");
    docker(&["image", "prune", "--all", "--force", "--filter", &filter, "--filter", "until=2h"]);
}

/// Runs docker; answers whether it succeeded, and what it printed.
pub(crate) fn docker(args: &[&str]) -> (bool, String) {
    let output = Command::new("docker").args(args).output().unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
}
