//! `runs-on` → whether a Linux sandbox can stand in for that runner.

use super::expr::Value;

/// What the labels say about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    LinuxX64,
    LinuxArm,
    /// No label says which system it is.
    Unclear,
    Windows,
    MacOs,
}

impl Runner {
    pub(super) fn is_reproducible(self) -> bool {
        !matches!(self, Self::Windows | Self::MacOs)
    }
}

/// The labels of an evaluated `runs-on`; `None` where they cannot be known.
pub(super) fn labels(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(Value::text).collect(),
        Value::Object(object) => {
            let mut out = Vec::new();
            for key in ["labels", "group"] {
                match object.get(key) {
                    Value::Null => {}
                    value => out.extend(labels(&value)?),
                }
            }
            Some(out)
        }
        other => other.text().map(|text| vec![text]),
    }
}

/// GitHub's own labels first, then what the names of self-hosted and third-party runners say.
pub(super) fn classify(labels: &[String]) -> Runner {
    let lower: Vec<String> = labels.iter().map(|l| l.to_ascii_lowercase()).collect();
    let any = |words: &[&str]| lower.iter().any(|label| words.iter().any(|word| label.contains(word)));
    let arm = any(&["arm64", "aarch64", "-arm", "arm-"]) || lower.iter().any(|l| l == "arm");
    if any(&["windows"]) || lower.iter().any(|l| l.starts_with("win-") || l == "win") {
        Runner::Windows
    } else if any(&["macos", "mac-", "osx", "darwin"]) || lower.iter().any(|l| l == "mac") {
        Runner::MacOs
    } else if any(&["ubuntu", "linux", "debian", "alpine", "fedora", "centos", "rhel"]) {
        if arm { Runner::LinuxArm } else { Runner::LinuxX64 }
    } else if arm {
        Runner::LinuxArm
    } else {
        Runner::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_the_system() {
        for (labels, want) in [
            (&["ubuntu-latest"][..], Runner::LinuxX64),
            (&["ubuntu-24.04-arm"], Runner::LinuxArm),
            (&["self-hosted", "linux", "ARM64"], Runner::LinuxArm),
            (&["blacksmith-4vcpu-ubuntu-2404"], Runner::LinuxX64),
            (&["windows-latest"], Runner::Windows),
            (&["self-hosted", "Windows", "X64"], Runner::Windows),
            (&["macos-14-xlarge"], Runner::MacOs),
            (&["self-hosted"], Runner::Unclear),
            (&["my-pool"], Runner::Unclear),
        ] {
            let labels: Vec<String> = labels.iter().map(|&l| l.to_owned()).collect();
            assert_eq!(classify(&labels), want, "{labels:?}");
        }
    }
}
