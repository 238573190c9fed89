//! The scripts of a release, each as the workflow calls it; and the installer, from a folder of archives.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::git::{Sandbox, commit_all, git, write};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn script(name: &str) -> String {
    root().join(name).display().to_string()
}

/// Runs a script in `dir`: what it printed, what it complained of, and whether it was content.
fn run(dir: &Path, name: &str, args: &[&str], env: &[(&str, &str)]) -> (String, String, bool) {
    let Output { status, stdout, stderr } = Command::new("sh")
        .arg(script(name))
        .args(args)
        .envs(env.iter().copied())
        .env("GIT_AUTHOR_NAME", "t")
        .env("GIT_AUTHOR_EMAIL", "t@t")
        .env("GIT_COMMITTER_NAME", "t")
        .env("GIT_COMMITTER_EMAIL", "t@t")
        .current_dir(dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    (text(stdout), text(stderr), status.success())
}

/// Only what is called stands in for the real one: the whole build takes ten minutes.
#[test]
fn the_binary_is_built_with_a_library_made_for_size() {
    let dir = Sandbox::new();
    let tool = |name: &str, says: &str| {
        write(
            dir.path(),
            &format!("bin/{name}"),
            &format!("#!/bin/sh\necho {says} \"$RUSTC_BOOTSTRAP\" \"$@\"\n"),
        );
        let path = dir.join(&format!("bin/{name}"));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    tool("cargo", "cargo");
    let path = format!("{}:/usr/bin:/bin", dir.join("bin").display());
    let of_std = "-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size";
    let told = |arguments: &[&str]| run(dir.path(), "release/build.sh", arguments, &[("PATH", &path)]).0;
    let plain = "build --release --locked --target";
    assert_eq!(
        told(&[]).trim(),
        format!("cargo 1 {plain} x86_64-unknown-linux-musl --bin ci-healer {of_std}")
    );
    tool("cargo-auditable", "auditable");
    assert_eq!(
        told(&["aarch64-unknown-linux-musl", "--target-dir", "a"]).trim(),
        format!(
            "cargo 1 auditable {plain} aarch64-unknown-linux-musl --bin ci-healer {of_std} --target-dir a"
        )
    );
}

/// The files of the image: one binary under two names, a place for temporary files, and nothing else.
#[test]
fn the_image_is_one_binary_on_nothing() {
    let dir = Sandbox::new();
    write(dir.path(), "binary", "not really\n");
    let archive = |_: ()| {
        let out = Command::new("sh")
            .args([&script("release/rootfs.sh"), "binary"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    };
    let bytes = archive(());
    assert_eq!(bytes, archive(()), "the same files are the same image");
    let mut found = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        let path = entry.path().unwrap().display().to_string();
        found.push(format!("{path} {:o}", header.mode().unwrap()));
    }
    found.sort();
    assert_eq!(found, ["./ 755", "./ci-healer 755", "./ci-healer-sweep 777", "./tmp/ 1777"]);
}

#[test]
fn every_tag_is_at_the_commit_that_names_the_image() {
    let dir = Sandbox::new();
    let repo = dir.join("repo");
    git(dir.path(), &["init", "-q", "-b", "main", repo.to_str().unwrap()]);
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    write(&repo, "action.yml", &action);
    write(&repo, "Cargo.toml", "[package]\nversion = \"1.2.3\"\n");
    write(&repo, "CHANGELOG.md", "## [1.2.3]\n");
    let before = commit_all(&repo, "ready");
    git(&repo, &["tag", "v1.2"]);

    assert!(run(&repo, "release/check-version.sh", &["1.2.3"], &[]).2);
    assert!(
        run(&repo, "release/check-version.sh", &["1.2.4"], &[]).1.contains("has version 1.2.3, not 1.2.4")
    );
    let (_, said, is_fine) = run(&repo, "release/tags.sh", &["1.2.3"], &[]);
    assert!(!is_fine && said.contains("does not name the image by digest"), "{said}");
    for wrong in ["docker://ghcr.io/o/r:1.2.3", "ghcr.io/o/r:1.2.3@sha256:0", "Dockerfile"] {
        assert!(!run(&repo, "release/name-image.sh", &[wrong], &[]).2, "{wrong}");
    }
    let image = format!("docker://ghcr.io/ci-healer/ci-healer:1.2.3@sha256:{}", "a".repeat(64));
    let (_, said, is_fine) = run(&repo, "release/name-image.sh", &[&image], &[]);
    assert!(is_fine, "{said}");
    let (refs, said, is_fine) = run(&repo, "release/tags.sh", &["1.2.3"], &[]);
    assert!(is_fine, "{said}");
    assert_eq!(refs, "refs/tags/v1.2.3\n+refs/tags/v1.2\n+refs/tags/v1");
    let head = git(&repo, &["rev-parse", "HEAD"]);
    assert_ne!(head, before);
    for tag in ["v1.2.3", "v1.2", "v1"] {
        assert_eq!(git(&repo, &["rev-parse", tag]), head, "{tag}");
        let tagged: serde_yaml::Value =
            serde_yaml::from_str(&git(&repo, &["show", &format!("{tag}:action.yml")])).unwrap();
        assert_eq!(tagged["runs"]["image"].as_str(), Some(image.as_str()));
    }
    let (_, said, is_fine) = run(&repo, "release/tags.sh", &["1.2.3"], &[]);
    assert!(!is_fine && said.contains("v1.2.3 is there already"), "{said}");
}

#[test]
fn the_installer_installs_what_its_sum_says_and_nothing_else() {
    let dir = Sandbox::new();
    write(dir.path(), "binary", "#!/bin/sh\necho ci-healer of the archive\n");
    let machine = String::from_utf8(Command::new("uname").arg("-m").output().unwrap().stdout).unwrap();
    let target = format!("{}-unknown-linux-musl", machine.trim());
    let binary = dir.join("binary").display().to_string();
    let releases = dir.join("releases/download/v1.2.3").display().to_string();
    let (archive, said, is_fine) =
        run(dir.path(), "release/archive.sh", &["1.2.3", &target, &binary, &releases], &[]);
    assert!(is_fine, "{said}");
    assert_eq!(archive, format!("ci-healer-1.2.3-{target}.tar.gz"));
    // Another system's archive is listed beside it.
    let other = run(dir.path(), "release/archive.sh", &["1.2.3", "other", &binary, &releases], &[]);
    assert!(other.2, "{}", other.1);

    let url = format!("file://{}", dir.join("releases").display());
    let bin = dir.join("bin").display().to_string();
    let env = [("CI_HEALER_URL", url.as_str()), ("CI_HEALER_BIN", &bin), ("CI_HEALER_VERSION", "1.2.3")];
    let (said, complaint, is_fine) = run(dir.path(), "install.sh", &[], &env);
    assert!(is_fine, "{complaint}");
    assert!(said.contains(&format!("installed: {bin}/ci-healer (1.2.3)")), "{said}");
    let ran = Command::new(dir.join("bin/ci-healer")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "ci-healer of the archive\n");

    std::fs::remove_dir_all(dir.join("bin")).unwrap();
    let sums = Path::new(&releases).join("SHA256SUMS");
    let text = std::fs::read_to_string(&sums).unwrap();
    for (wrong, why) in [
        (text.replace(&text[..8], "00000000"), "is not what SHA256SUMS says"),
        (text.lines().skip(1).collect(), "does not list"),
    ] {
        std::fs::write(&sums, wrong).unwrap();
        let (_, said, is_fine) = run(dir.path(), "install.sh", &[], &env);
        assert!(!is_fine && said.contains(why), "{said}");
        assert!(!dir.join("bin").exists());
    }
    let bad = [("CI_HEALER_URL", url.as_str()), ("CI_HEALER_BIN", &bin), ("CI_HEALER_VERSION", "../x")];
    assert!(run(dir.path(), "install.sh", &[], &bad).1.contains("is no version"));
}
