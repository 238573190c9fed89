//! What package managers are told, as data: the environment of a world's steps, what stands before its first step, and what
//! reads back what was resolved.

use std::collections::BTreeMap;

use super::resolved::Package;
use super::{Time, cargo};

/// A world of packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Only what was published before; `None`: all there is.
    pub until: Option<Time>,
    /// Held at these versions.
    pub held: BTreeMap<Package, String>,
}

const FOLDER: &str = "/tmp/ci-healer-drift";
const CONSTRAINTS: &str = "/tmp/ci-healer-drift/constraints.txt";

/// From this version on pip knows a cut-off; older ones ignore it without a word.
pub(super) const PIP_WITH_CUT_OFF: u32 = 26;

impl World {
    /// What each step gets beside its own environment. `is_locked`: the step installs what a lock file holds, which no date
    /// changes.
    #[must_use]
    pub fn environment(&self, script: &str, locks: &[&str], now: Time) -> BTreeMap<String, String> {
        let mut env = BTreeMap::from([
            ("PIP_LOG".to_owned(), format!("{FOLDER}/pip.log")),
            // What isolated builds took is read back from it.
            ("UV_CACHE_DIR".to_owned(), format!("{FOLDER}/uv")),
        ]);
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        if let Some(until) = self.until {
            set("PIP_UPLOADED_PRIOR_TO", until.to_string());
            if !(locks.contains(&"uv.lock") && script.contains("uv ")) {
                set("UV_EXCLUDE_NEWER", until.to_string());
            }
            if !installs_from_lock(script, locks) {
                // It takes what was published at that very second, too.
                set("npm_config_before", until.plus(-1).to_string());
                // pnpm and yarn count whole minutes back from the moment they run; rather one too many than too few.
                let minutes = ((now.unix() - until.unix()) / 60 + 1).max(0).to_string();
                set("npm_config_minimum_release_age", minutes.clone());
                set("pnpm_config_minimum_release_age", minutes.clone());
                set("YARN_NPM_MINIMAL_AGE_GATE", minutes);
            }
        }
        if self.held.keys().any(|package| package.ecosystem == super::resolved::PYTHON) {
            for name in ["PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"] {
                set(name, CONSTRAINTS.to_owned());
            }
        }
        env
    }
}

/// What stands before a step's own script: yarn 1 knows no cut-off, and takes over what npm resolved; cargo finds a lock file.
#[must_use]
pub fn before_script(world: &World, script: &str, locks: &[&str]) -> Option<String> {
    let calls_yarn =
        script.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).any(|word| word == "yarn");
    let mut before = String::new();
    if world.until.is_some() && calls_yarn && !locks.contains(&"yarn.lock") {
        before.push_str(TAKES_OVER);
    }
    let is_another = world.until.is_some() || !world.held.is_empty();
    if is_another && cargo::resolves(script, locks) {
        before.push_str(&cargo::lays_lock(world.until));
    }
    Some(before).filter(|before| !before.is_empty())
}

const TAKES_OVER: &str = r#"if [ -f package.json ] && [ ! -f yarn.lock ] && yarn --version 2>/dev/null | grep -q '^1[.]'; then
  ( mkdir -p /tmp/ci-healer-drift/yarn && cp package.json /tmp/ci-healer-drift/yarn/ && cd /tmp/ci-healer-drift/yarn \
    && node -e 'var f=require("fs"),j=JSON.parse(f.readFileSync("package.json"));if(j.resolutions){j.overrides=j.resolutions;f.writeFileSync("package.json",JSON.stringify(j))}' \
    && npm install --package-lock-only --lockfile-version=2 --force --ignore-scripts --no-audit --no-fund && yarn import ) >/tmp/ci-healer-drift/yarn.log 2>&1 \
    && cp /tmp/ci-healer-drift/yarn/yarn.lock yarn.lock
fi
"#;

/// `npm ci`, and `npm install` without names where a lock file is there.
fn installs_from_lock(script: &str, locks: &[&str]) -> bool {
    let is_there = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock"]
        .iter()
        .any(|lock| locks.contains(lock));
    is_there
        && script.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let names = words.iter().skip(2).filter(|word| !word.starts_with('-')).count();
            matches!(words.as_slice(), ["npm" | "pnpm" | "yarn", "ci" | "install" | "i", ..]) && names == 0
                || words == ["yarn"]
        })
}

/// Lock files by whose presence it is known that nothing drifts in what they hold.
#[must_use]
pub fn travels(steps: &str) -> Option<&'static str> {
    let has = |word: &str| steps.split(|c: char| !c.is_alphanumeric() && c != '-').any(|w| w == word);
    let knows = [
        "pip",
        "pip3",
        "uv",
        "uvx",
        "npm",
        "npx",
        "pnpm",
        "yarn",
        "tox",
        "nox",
        "pipx",
        "hatch",
        "pre-commit",
        "pnpx",
        "node",
        "pytest",
        "cargo",
    ];
    if knows.iter().any(|word| has(word)) {
        return None;
    }
    let refused: &[(&str, &str)] = &[
        ("mvn", "Maven takes versions by the manifest, and has no option for a date"),
        ("mvnw", "Maven takes versions by the manifest, and has no option for a date"),
        ("gradle", "Gradle has no option for a date"),
        ("gradlew", "Gradle has no option for a date"),
        ("go", "Go takes the versions that go.mod names: nothing drifts there"),
        ("bundle", "Bundler has no option for a date"),
        ("composer", "Composer has no option for a date"),
    ];
    refused.iter().find(|(word, _)| has(word)).map(|(_, why)| *why)
}

/// Whether steps install anything whose version no lock file holds.
#[must_use]
pub fn installs_freely(steps: &str, locks: &[&str]) -> bool {
    const COMMANDS: &[&str] = &[
        "pip install",
        "pip3 install",
        "uv run",
        "uv sync",
        "uv tool",
        "uvx ",
        "pipx ",
        "tox",
        "nox",
        "hatch ",
        "pre-commit ",
        "npm install",
        "npm i",
        "npx ",
        "npm exec",
        "pnpm install",
        "pnpm i",
        "pnpm dlx",
        "pnpx ",
        "yarn",
    ];
    let resolves_crates = cargo::resolves(steps, locks);
    resolves_crates
        || steps.lines().any(|line| {
            let is_locked = installs_from_lock(line, locks)
                || locks.contains(&"uv.lock")
                    && ["uv run", "uv sync"].iter().any(|command| line.contains(command));
            !is_locked && COMMANDS.iter().any(|command| line.contains(command))
        })
}

/// The script that lays what installs, the same in all worlds; `None` where nothing is to be laid. `steps` is what all of them
/// run, `python` the version that they ask for.
#[must_use]
pub fn installers(steps: &str, python: Option<&str>) -> Option<String> {
    const BY_PIP: &[&str] = &["pip", "python", "tox", "nox", "hatch", "pre-commit", "build"];
    let stand_in = super::python::stand_in(python);
    if stand_in.is_none() && !BY_PIP.iter().any(|word| steps.contains(word)) {
        return None;
    }
    // What fails here must not look like a step of the job.
    let mut script = "set +e\n".to_owned();
    if let Some(stand_in) = stand_in {
        script.push_str(&stand_in);
        // The steps after this one have it first on PATH; so has the rest of this one.
        script.push_str("for folder in $(cat \"$GITHUB_PATH\" 2>/dev/null); do PATH=$folder:$PATH; done\n");
    }
    script.push_str(&format!(
        // A `pip` on PATH need not be the one of the `python` there.
        "for pip in 'python -m pip' 'python3 -m pip' pip pip3; do\n  \
         version=$($pip --version 2>/dev/null | sed 's/^pip \\([0-9]*\\).*/\\1/')\n  \
         if [ -n \"$version\" ] && [ \"$version\" -lt {PIP_WITH_CUT_OFF} ]; then\n    \
         PIP_BREAK_SYSTEM_PACKAGES=1 $pip install -q --upgrade 'pip>={PIP_WITH_CUT_OFF}' || true\n    \
         hash -r\n  fi\ndone\n"
    ));
    // What installs is no part of the world; at a date before it there was one it could not be had.
    let asks_for_uv = steps.lines().any(|line| {
        line.contains("pip install") && line.split_whitespace().any(|w| w.trim_matches(['"', '\'']) == "uv")
    });
    if asks_for_uv {
        script.push_str("PIP_BREAK_SYSTEM_PACKAGES=1 python -m pip install -q uv || true\n");
    }
    script.push_str("true\n");
    Some(script)
}

/// The script before the first step that may install.
#[must_use]
pub fn preparation(world: &World) -> String {
    let mut script =
        format!("set +e\nmkdir -p {FOLDER} && : > {FOLDER}/pip.log && chmod -R a+rwX {FOLDER}\n");
    if !world.held.is_empty() {
        script.push_str(&format!("cat > {CONSTRAINTS} <<'CI_HEALER_END'\n"));
        for (package, version) in &world.held {
            if package.ecosystem == super::resolved::PYTHON {
                let bound = if version.starts_with(['<', '=', '>']) { "" } else { "==" };
                script.push_str(&format!("{}{bound}{version}\n", package.name));
            }
        }
        script.push_str("CI_HEALER_END\n");
    }
    script.push_str(&cargo::held(world));
    // What is there by now is no answer of an installer's.
    script.push_str(&format!("{DISTRIBUTIONS} >{FOLDER}/before.txt\n{}true\n", global_modules()));
    script
}

/// Lists what npm has for all, before the job installs anything.
fn global_modules() -> String {
    format!(
        "if command -v node >/dev/null 2>&1; then node -e '{LISTS}mods(process.argv[1]);\
         console.log(Object.keys(out).sort().join(\"\\n\"))' \
         \"$(npm root -g 2>/dev/null || echo /usr/lib/node_modules)\" >{FOLDER}/before-npm.txt 2>/dev/null; fi\n"
    )
}

/// Where packages of Python lie.
const DISTRIBUTIONS: &str = r#"find /usr/local /usr/lib/python3* /opt /home /root /tmp /github /var/lib "${GITHUB_WORKSPACE:-.}" -name node_modules -prune -o -type d -name '*.dist-info' -print 2>/dev/null"#;

/// Prints all packages that lie in the sandbox, and those that isolated builds took.
#[must_use]
pub fn read_back() -> String {
    READ_BACK
        .replace("LISTS\n", LISTS)
        .replace("DISTRIBUTIONS", DISTRIBUTIONS)
        .replace("CRATES\n", cargo::READ_BACK)
}

/// Functions of node's that list packages in a folder of modules.
const LISTS: &str = r#"var fs=require("fs"),p=require("path"),out={};
function list(d){try{return fs.readdirSync(d)}catch(e){return []}}
function one(d){try{if(fs.lstatSync(d).isSymbolicLink())return;var j=JSON.parse(fs.readFileSync(p.join(d,"package.json"),"utf8"));if(j.name==="npm"||j.name==="corepack")return;if(j.name&&j.version)out["npm "+j.name+" "+j.version]=1}catch(e){}mods(p.join(d,"node_modules"))}
function mods(d){list(d).forEach(function(n){if(n===".pnpm"){list(p.join(d,n)).forEach(function(m){mods(p.join(d,n,m,"node_modules"))});return}if(n[0]===".")return;if(n[0]==="@"){list(p.join(d,n)).forEach(function(m){one(p.join(d,n,m))});return}one(p.join(d,n))})}
"#;

const READ_BACK: &str = r#"set +e
echo ci-healer-resolved-begin
DISTRIBUTIONS | grep -vxFf /tmp/ci-healer-drift/before.txt | while read -r d; do
  n=${d##*/}; n=${n%.dist-info}
  case $d in */site-packages/*|*/dist-packages/*) kind=dist ;; /tmp/ci-healer-drift/uv/*) kind=cached ;; *) kind=dist ;; esac
  echo "$kind ${n%-*} ${n##*-} $(head -n 4 "$d/top_level.txt" 2>/dev/null | tr '\n' ' ')"
done | sort -u
grep -a 'Successfully installed' /tmp/ci-healer-drift/pip.log 2>/dev/null | sed 's/.*Successfully installed/installed/' | sort -u
grep -aoE '(Downloading|Using cached) [^ ]*[.](whl|tar[.]gz|zip)' /tmp/ci-healer-drift/pip.log 2>/dev/null | sed 's/.* //; s#.*/##; s/^/collected /' | sort -u
CRATES
if command -v node >/dev/null 2>&1; then
  workspace=${GITHUB_WORKSPACE:-$PWD}
  # An installation that failed leaves nothing; what it had resolved is asked once more.
  if [ -f "$workspace/package.json" ] && ! [ -d "$workspace/node_modules" ] && ! ls "$workspace"/*-lock.json "$workspace"/*lock.yaml "$workspace"/yarn.lock >/dev/null 2>&1; then
    mkdir -p /tmp/ci-healer-drift/resolve && cp "$workspace/package.json" /tmp/ci-healer-drift/resolve/ \
      && (cd /tmp/ci-healer-drift/resolve && npm install --package-lock-only --force --ignore-scripts --no-audit --no-fund >/dev/null 2>&1)
  fi
  node -e '
LISTS
function find(d,deep){if(deep>4)return;list(d).forEach(function(n){var f=p.join(d,n);if(n==="node_modules")mods(f);else if(n[0]!=="."){try{if(fs.lstatSync(f).isDirectory())find(f,deep+1)}catch(e){}}})}
find(process.env.GITHUB_WORKSPACE||process.cwd(),0);
try{var l=JSON.parse(fs.readFileSync("/tmp/ci-healer-drift/resolve/package-lock.json","utf8")).packages;Object.keys(l).forEach(function(k){var i=k.lastIndexOf("node_modules/");if(i>=0&&l[k].version)out["npm "+(l[k].name||k.slice(i+13))+" "+l[k].version]=1})}catch(e){}
try{if(!fs.existsSync(p.join(process.env.GITHUB_WORKSPACE||process.cwd(),"node_modules"))){var y=fs.readFileSync(p.join(process.env.GITHUB_WORKSPACE||process.cwd(),"yarn.lock"),"utf8"),m,r=/^"?((?:@[^@\s"]+\/)?[^@\s"]+)@[^\n]*:\n\s+version:? "?([^"\s]+)/gm;while(m=r.exec(y))if(m[2].indexOf("use.local")<0)out["npm "+m[1]+" "+m[2]]=1}}catch(e){}
var home=process.env.HOME||"/root";
list(p.join(home,".cache","pnpm","dlx")).forEach(function(n){list(p.join(home,".cache","pnpm","dlx",n)).forEach(function(m){mods(p.join(home,".cache","pnpm","dlx",n,m,"node_modules"))})});
[process.env.npm_config_cache,p.join(home,".npm")].forEach(function(c){if(c)list(p.join(c,"_npx")).forEach(function(n){mods(p.join(c,"_npx",n,"node_modules"))})});
var own=out,before={};out={};mods(process.argv[1]);
try{fs.readFileSync("/tmp/ci-healer-drift/before-npm.txt","utf8").split("\n").forEach(function(k){before[k]=1})}catch(e){}
Object.keys(out).forEach(function(k){if(!before[k])own[k]=1});
console.log(Object.keys(own).sort().join("\n"));
' "$(npm root -g 2>/dev/null || echo /usr/lib/node_modules)" 2>/dev/null
fi
echo ci-healer-resolved-end
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_needs_no_date() {
        let until = Time::parse("2025-01-20").unwrap();
        let world = World { until: Some(until), ..World::default() };
        let has = |script: &str, locks: &[&str]| {
            world.environment(script, locks, until.plus(120)).contains_key("npm_config_before")
        };
        assert!(has("npm install", &[]));
        assert!(!has("npm ci", &["package-lock.json"]));
        assert!(has("npm install -g eslint", &["package-lock.json"]));
        assert!(has("npx eslint .", &["package-lock.json"]));
        let env = world.environment("pip install x", &[], until.plus(120));
        assert_eq!(env["PIP_UPLOADED_PRIOR_TO"], "2025-01-20T00:00:00Z");
        assert_eq!(env["pnpm_config_minimum_release_age"], "3");
    }

    #[test]
    fn what_a_lock_file_holds_is_never_suspected() {
        let lock: &[&str] = &["package-lock.json", "uv.lock"];
        for (steps, locks, is_free) in [
            ("pip install -r requirements.txt\npytest", &[][..], true),
            ("npm install\nnpm test", &[], true),
            ("npm install\nnpm test", lock, false),
            ("npm ci\nnpx eslint .", lock, true),
            ("uv sync\nuv run pytest", lock, false),
            ("cargo test", &[], true),
            ("cargo test", &["Cargo.lock"], false),
            ("python -m unittest", &[], false),
        ] {
            assert_eq!(installs_freely(steps, locks), is_free, "{steps}");
        }
    }

    #[test]
    fn what_installs_is_the_same_in_all_worlds() {
        let laid = installers("pip install -r requirements.txt", Some("3.11")).unwrap();
        assert!(laid.contains("dpkg") && laid.contains("pip>=26") && !laid.contains("before.txt"));
        let of_image = installers("pip install uv\nuv sync", Some("3.13")).unwrap();
        assert!(!of_image.contains("dpkg") && of_image.contains("pip install -q uv"));
        assert_eq!(installers("npm install\nnpm test", None), None);
        let held = BTreeMap::from([(Package::new("python", "cython"), "0.29.36".to_owned())]);
        let script = preparation(&World { until: None, held });
        assert!(script.contains("cython==0.29.36") && script.contains("before.txt"), "{script}");
        let back = read_back();
        assert!(script.contains("before-npm.txt") && back.contains("before-npm.txt"), "{script}");
        assert!(
            !back.contains("LISTS") && !back.contains("DISTRIBUTIONS") && !back.contains("CRATES"),
            "{back}"
        );
    }

    #[test]
    fn yarn_takes_over_what_npm_resolved_unless_a_lock_file_is_there() {
        let then = World { until: Time::parse("2025-01-20"), ..World::default() };
        assert!(before_script(&then, "yarn && yarn test", &[]).is_some());
        assert!(before_script(&then, "yarn install", &["yarn.lock"]).is_none());
        assert!(before_script(&World::default(), "yarn install", &[]).is_none());
    }

    #[test]
    fn what_cannot_travel_is_named() {
        assert_eq!(travels("pip install -r requirements.txt\npytest -q"), None);
        assert!(travels("go test ./...").unwrap().contains("go.mod"));
        assert_eq!(travels("make test"), None, "who knows what that installs");
    }
}
