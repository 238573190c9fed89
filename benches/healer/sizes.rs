//! What is shipped, in bytes.

use std::path::{Path, PathBuf};

use crate::table::{Aim, Table};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_ci-healer");

/// 17 MB; what is pulled is compressed, and CI holds that to 6 MB.
const UNPACKED: f64 = 17.0e6 / (1 << 20) as f64;

pub(crate) fn measure(table: &mut Table) {
    // The binary lies in `<target>/<profile>/`.
    let target = Path::new(BINARY).ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let shipped: PathBuf = target.join("x86_64-unknown-linux-musl/release/ci-healer");
    match std::fs::metadata(&shipped) {
        Ok(meta) => {
            // On `scratch` there is nothing beside it.
            table.size("binary and image, released", meta.len(), Aim::MebiBytes(UNPACKED));
        }
        Err(_) => {
            table.say("binary and image, released", "not built here: release/build.sh");
        }
    }
    if let Ok(meta) = std::fs::metadata(BINARY) {
        table.size("binary, as measured here", meta.len(), Aim::None);
    }
}
