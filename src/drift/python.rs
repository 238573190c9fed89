//! Another Python where neither an image nor an installer has the one that is asked for: the distribution's older one, laid
//! beside the image's own. What was published at a date often cannot be installed on a Python that came after it.

/// The older Python that Debian still serves, and its release.
const OLDER: (u32, &str) = (11, "bookworm");
/// The oldest one that it may stand in for.
const OLDEST: u32 = 9;

/// What the script prints of which Python a job got for the one it asks for.
const STANDS_IN: &str = "ci-healer-python";

/// Which Python the log of a world says that it had, and which one was asked for.
#[must_use]
pub fn stood_in(log: &str) -> Option<(&str, &str)> {
    let line = log.lines().find_map(|line| line.trim().strip_prefix(STANDS_IN))?;
    let mut versions = line.split_whitespace();
    Some((versions.next()?, versions.next()?))
}

/// The script that lays it, puts it first on PATH for the steps after, and does nothing where the image has what is asked
/// for. `None`: nothing nearer can be had.
pub(super) fn stand_in(asked: Option<&str>) -> Option<String> {
    let asked = asked?.trim().trim_start_matches(['=', '~', '^']);
    let mut numbers = asked.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?.parse::<u32>().ok()?);
    let (older, suite) = OLDER;
    if major != "3" || !(OLDEST..=older).contains(&minor) {
        return None;
    }
    Some(
        SCRIPT
            .replace("ASKED", &format!("3.{minor}"))
            .replace("OLDER", &format!("3.{older}"))
            .replace("SUITE", suite)
            .replace("STANDS_IN", STANDS_IN),
    )
}

// Its packages are laid out, not installed: they would take the image's own Python away. pip comes from the image's, which
// is newer than the distribution's; setuptools is the one that this Python brought itself.
const SCRIPT: &str = r#"(
has=$(python --version 2>&1 || python3 --version 2>&1)
case $has in "Python ASKED" | "Python ASKED".*) exit 0 ;; esac
command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || exit 0
work=/tmp/ci-healer-drift/python root=/opt/hostedtoolcache/Python/OLDER/x64
[ -w /opt/hostedtoolcache ] || root=/tmp/ci-healer-drift/Python
rm -rf "$work" && mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/state" "$root" && cd "$work"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian SUITE main" >sources.list
: >status
apt() { apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/nonexistent -o Dir::State="$work/state" -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::Languages=none -o APT::Sandbox::User= "$@"; }
{ apt update && apt download pythonOLDER pythonOLDER-minimal pythonOLDER-dev pythonOLDER-venv libpythonOLDER libpythonOLDER-minimal libpythonOLDER-stdlib libpythonOLDER-dev python3-distutils python3-lib2to3 python3-pip-whl python3-setuptools-whl; } >apt.log 2>&1 || { tail -n 3 apt.log; echo "Python ASKED could not be had"; exit 0; }
for package in *.deb; do dpkg -x "$package" laid || exit 0; done
cp -a laid/usr/. "$root/" || exit 0
rm -f "$root"/lib/python3*/EXTERNALLY-MANAGED
grep -rlF /usr/share/python-wheels "$root/lib" --include='*.py' | xargs -r sed -i "s#/usr/share/python-wheels#$root/share/python-wheels#"
for name in python python3; do ln -sf pythonOLDER "$root/bin/$name"; done
cd / && rm -rf "$work"
python3 -m pip --python "$root/bin/pythonOLDER" install -q --root-user-action=ignore pip setuptools==65.5.1 || exit 0
printf '%s\n' "$root/bin" "$root/local/bin" >>"$GITHUB_PATH"
echo "STANDS_IN OLDER ASKED"
)
"#;

#[cfg(test)]
mod tests {
    use super::{stand_in, stood_in};

    #[test]
    fn only_what_it_is_near_to_gets_the_older_one() {
        for (asked, is_near) in [
            (Some("3.11"), true),
            (Some("3.11.9"), true),
            (Some("3.10"), true),
            (Some("3.12"), false),
            (Some("3.8"), false),
            (Some("3.13"), false),
            (Some("3.x"), false),
            (Some(">=3.9"), false),
            (Some("pypy3.10"), false),
            (Some("3"), false),
            (None, false),
        ] {
            assert_eq!(stand_in(asked).is_some(), is_near, "{asked:?}");
        }
        assert_eq!(stood_in("x\n ci-healer-python 3.11 3.10\n"), Some(("3.11", "3.10")));
        assert_eq!(stood_in("Python 3.13.5"), None);
        let script = stand_in(Some("3.10.4")).unwrap();
        assert!(script.contains("\"Python 3.10\".*") && script.contains("download python3.11 "));
    }
}
