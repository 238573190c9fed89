//! Actions that run for real: JavaScript and composite ones, of this repository and of others. An action counts as run
//! only where a later step uses what only its code makes.

use crate::heal::{Story, right};
use crate::support::git::git;
use crate::support::github::{FakeAction, FakeGitHub, JOB_TOKEN, READ_ONLY_JOB_TOKEN, SLUG};
use crate::support::llm::{ScriptedLlm, Speaks};

const TOOL: &str = "name: Tool
inputs:
  odd-name:
    required: true
  greeting:
    default: hello
  token:
    default: ${{ github.token }}
outputs:
  value:
    description: A number
runs:
  using: node20
  pre: pre.js
  main: dist/main.js
  post: post.js
";

const TOOL_PRE: &str = "require('fs').appendFileSync(process.env.GITHUB_STATE, 'pre=was-here\\n');\n";

/// Without what its `pre` saved and what it is given, or on another Node, it fails.
const TOOL_MAIN: &str = r#"
const fs = require('fs'), path = require('path'), env = process.env;
const want = (what, is, wanted) => { if (is !== wanted) { console.log(`::error::${what}: ${is}`); process.exit(1); } };
want('state', env.STATE_pre, 'was-here');
want('input', env['INPUT_ODD-NAME'], '21');
want('default', env.INPUT_GREETING, 'hello');
want('token', env.INPUT_TOKEN, '');
want('node', process.version.split('.')[0], 'v24');
want('repository', env.GITHUB_ACTION_REPOSITORY, 'octo/tool');
const secrets = Object.keys(env).filter(k => /^ACTIONS_|GITHUB_TOKEN/.test(k)).join();
want('secrets', secrets, '');
want('event', JSON.stringify(JSON.parse(fs.readFileSync(env.GITHUB_EVENT_PATH))), '{}');
const bin = path.join(env.RUNNER_TEMP, 'bin');
fs.mkdirSync(bin, {recursive: true});
fs.writeFileSync(path.join(bin, 'greet'), `#!/bin/sh\necho ${env.INPUT_GREETING} "$TOOL_SAYS"\n`, {mode: 0o755});
fs.appendFileSync(env.GITHUB_PATH, bin + '\n');
fs.appendFileSync(env.GITHUB_ENV, 'TOOL_SAYS=world\n');
fs.appendFileSync(env.GITHUB_OUTPUT, `value=${env['INPUT_ODD-NAME']}\n`);
console.log('::set-output name=old::2');
console.log('::save-state name=main::too');
"#;

const TOOL_POST: &str = "console.log(`tidied up: ${process.env.STATE_pre} ${process.env.STATE_main} ${process.env['INPUT_ODD-NAME']}`);\n";

const BUNDLE: &str = "name: Bundle
inputs:
  value:
    required: true
outputs:
  doubled:
    value: ${{ steps.inner.outputs.doubled }}
runs:
  using: composite
  steps:
    - id: inner
      uses: octo/inner@v1
      with:
        value: ${{ inputs.value }}
        times: ${{ github.action_ref == 'releases/v2' && '2' || '0' }}
    - run: sh \"$GITHUB_ACTION_PATH/write.sh\" \"${{ steps.inner.outputs.doubled }}\" >generated.py
      shell: bash
    - run: test \"$GITHUB_ACTION_PATH\" = \"${{ github.action_path }}\"
      shell: bash
";

const INNER: &str = "name: Inner
inputs:
  value: {}
  times: {}
outputs:
  doubled:
    value: ${{ steps.count.outputs.doubled }}
runs:
  using: composite
  steps:
    - id: count
      run: echo \"doubled=$((${{ inputs.value }} * ${{ inputs.times }}))\" >>\"$GITHUB_OUTPUT\"
      shell: bash
";

const LOCAL: &str = "name: Stamp
inputs:
  text: {}
runs:
  using: node16
  main: index.js
";

const KIT: &str = "inputs: {value: {required: true}}\nruns: {using: node24, main: main.js, post: post.js}\n";

/// What actions do with the published toolkit.
const KIT_MAIN: &str = r"
const core = require('@actions/core');
const twice = Number(core.getInput('value', {required: true})) * 2;
core.setOutput('twice', twice);
core.exportVariable('KIT', `two\nlines`);
core.saveState('twice', twice);
core.summary.addHeading('Kit').write().then(() => core.info('the kit is written'));
";

const KIT_POST: &str =
    "const core = require('@actions/core');\ncore.info(`the kit is tidied up: ${core.getState('twice')}`);\n";

/// The toolkit's own packages, as actions have them in their `node_modules`.
fn toolkit() -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let mut npm = std::process::Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "@actions/core@1.11.1", "--prefix"]);
    assert!(npm.arg(dir.path()).status().unwrap().success(), "npm cannot install @actions/core");
    let (mut found, mut folders) = (Vec::new(), vec![dir.path().join("node_modules")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_code = path.extension().is_some_and(|e| e == "js" || e == "json");
            if path.is_dir() {
                folders.push(path);
            } else if is_code {
                let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Each of its three containers runs the same arguments; what was said before tells which it is.
const BOXED: &str = r#"name: Boxed
inputs:
  odd-name: {required: true}
  word: {default: boxed}
runs:
  using: docker
  image: docker://ci-healer/base:trixie
  pre-entrypoint: /bin/bash
  entrypoint: bash
  post-entrypoint: /bin/bash
  env: {OF_ACTION: "${{ inputs.odd-name }}"}
  args:
    - -euc
    - |
      if [ -z "${STATE_pre:-}" ]; then echo pre=was-here >>"$GITHUB_STATE"; exit; fi
      if [ -n "${STATE_main:-}" ]; then echo "the box is tidied up: $STATE_pre $STATE_main"; exit; fi
      test "$#: $1, $2" = "2: in a \"box\", "; test "$OF_ACTION" = 42; test "$TOOL_SAYS" = world
      env | grep -q '^INPUT_ODD-NAME=42$'; test "$GITHUB_ACTION_REPOSITORY" = octo/boxed
      if env | grep 'ACTIONS_\|GITHUB_TOKEN\|ghs_'; then exit 1; fi
      if type greet; then exit 1; fi
      echo "BOX = $OF_ACTION" >boxed.py
      echo main=too >>"$GITHUB_STATE"; echo "file=boxed.py" >>"$GITHUB_OUTPUT"; echo BOX_SAYS=hi >>"$GITHUB_ENV"
    - box
    - in a "${{ inputs.word }}"
    - ""
"#;

/// Builds for itself what its container runs; the runner's arguments go to it.
const BUILT: &str =
    "inputs: {of: {}}\nruns: {using: docker, image: build/Dockerfile, args: ['${{ inputs.of }}']}\n";

const BUILT_DOCKERFILE: &str = "FROM ci-healer/base:trixie AS build
WORKDIR /src
COPY . .
RUN sed s/WHO/image/g run.template >run && chmod +x run
FROM ci-healer/base:trixie
COPY --from=build /src/run /usr/local/bin/
ENTRYPOINT [\"run\"]
";

const BUILT_RUN: &str =
    "#!/bin/sh\necho \"BUILT = '$1 by the WHO'\" >built.py; echo \"PACK=$1 by the WHO\" >>\"$GITHUB_ENV\"\n";

/// A local one, whose context an earlier step has a hand in.
const PACK: &str = "name: Pack\nruns: {using: docker, image: ../../../Dockerfile.pack}\n";

const PACK_DOCKERFILE: &str =
    "FROM ci-healer/base:trixie\nCOPY made-before.sh /pack\nCMD [\"sh\", \"/pack\"]\n";

const CI: &str = "name: CI
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - id: tool
        uses: octo/tool@v1
        with:
          odd-name: 21
      - id: bundle
        uses: octo/bundle/make@releases/v2
        with:
          value: ${{ steps.tool.outputs.value }}
      - uses: ./.github/actions/stamp
        with:
          text: ${{ steps.bundle.outputs.doubled }} ${{ steps.tool.outputs.old }}
      - id: boxed
        uses: octo/boxed@v1
        with:
          odd-name: ${{ steps.bundle.outputs.doubled }}
          word: box
      - id: kit
        uses: octo/kit@v1
        with:
          value: ${{ steps.bundle.outputs.doubled }}
      - run: echo \"$KIT ${{ steps.kit.outputs.twice }}\" >from-kit.txt
      - id: built
        uses: octo/built/sub@v1
        with: {of: '${{ steps.kit.outputs.twice }}'}
      - run: echo 'echo \"$PACK, packed\" >packed.txt' >made-before.sh
      - uses: ./.github/actions/pack
      - uses: docker://ci-healer/base:trixie
        with:
          entrypoint: /bin/sh
          args: -c \"echo $BOX_SAYS ${{ steps.boxed.outputs.file }} >from-image.txt\"
      - name: Test
        run: |
          greet
          python3 -m unittest
";

const TEST: &str = "import subprocess
import unittest

from calc import add
from generated import TABLE


class T(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(TABLE, 1), 43)

    def test_actions(self):
        self.assertEqual(subprocess.check_output(['greet'], text=True), 'hello world\\n')
        self.assertEqual(open('stamp.txt').read(), '42 2')

    def test_toolkit(self):
        self.assertEqual(open('from-kit.txt').read(), 'two\\nlines 84\\n')

    def test_built(self):
        from built import BUILT
        self.assertEqual((BUILT, open('packed.txt').read()), ('84 by the image', '84 by the image, packed\\n'))

    def test_containers(self):
        from boxed import BOX
        self.assertEqual((BOX, open('from-image.txt').read()), (42, 'hi boxed.py\\n'))
";

fn hub() -> (tempfile::TempDir, FakeGitHub) {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("repo.git");
    git(dir.path(), &["init", "-q", "--bare", repo.to_str().unwrap()]);
    let hub = FakeGitHub::start(&repo);
    hub.serve_action(FakeAction::of(
        "octo/tool",
        "v1",
        &[("action.yml", TOOL), ("pre.js", TOOL_PRE), ("dist/main.js", TOOL_MAIN), ("post.js", TOOL_POST)],
    ));
    let write = "echo \"TABLE = $1\"\n";
    hub.serve_action(FakeAction::of(
        "octo/bundle",
        "releases/v2",
        &[("make/action.yaml", BUNDLE), ("make/write.sh", write)],
    ));
    hub.serve_action(FakeAction::of("octo/inner", "v1", &[("action.yml", INNER)]));
    hub.serve_action(FakeAction::of("octo/boxed", "v1", &[("action.yml", BOXED)]));
    let built = [
        ("sub/action.yml", BUILT),
        ("sub/build/Dockerfile", BUILT_DOCKERFILE),
        ("sub/build/run.template", BUILT_RUN),
    ];
    hub.serve_action(FakeAction::of("octo/built", "v1", &built));
    (dir, hub)
}

fn story(ci: &str, hub: &FakeGitHub) -> Story {
    let stamp = "require('fs').writeFileSync('stamp.txt', process.env.INPUT_TEXT);\n";
    let story = Story::new(&[
        (".github/workflows/ci.yml", ci),
        (".github/actions/stamp/action.yml", LOCAL),
        (".github/actions/stamp/index.js", stamp),
        (".github/actions/pack/action.yml", PACK),
        ("Dockerfile.pack", PACK_DOCKERFILE),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_calc.py", TEST),
    ]);
    let story = story.with_github(hub).flag("flaky-runs", "1");
    match std::env::var("SSL_CERT_FILE") {
        Ok(bundle) => story.flag("ca-bundle", &bundle),
        Err(_) => story,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_needs_what_three_actions_make_heals() {
    let (_dir, hub) = hub();
    let kit = toolkit();
    let mut files = vec![("action.yml", KIT), ("main.js", KIT_MAIN), ("post.js", KIT_POST)];
    files.extend(kit.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    hub.serve_action(FakeAction::of("octo/kit", "v1", &files));
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let ended = story(CI, &hub).with_gemini(&gemini).heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert!(ended.text.contains("tidied up: was-here too 21"), "{}", ended.text);
    assert!(ended.text.contains("the box is tidied up: was-here too"), "{}", ended.text);
    assert!(ended.text.contains("the kit is tidied up: 84"), "{}", ended.text);
    let asked = hub.requests();
    for part in ["/octo/tool/tarball/", "/octo/bundle/tarball/", "/octo/inner/tarball/"] {
        assert_eq!(asked.iter().filter(|line| line.contains(part)).count(), 1, "{part}: {asked:?}");
    }
}

/// A header that a packer would not write.
fn special(path: &str, kind: tar::EntryType, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A diagnosis of a job whose own test fails behind these steps.
fn own_failure(steps: &str, hub: &FakeGitHub) -> Story {
    let ci = format!(
        "name: CI\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{steps}      - run: python3 -m unittest test_own\n"
    );
    let own = "import unittest\n\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
    let story = Story::new(&[
        (".github/workflows/ci.yml", &ci),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_own.py", own),
    ]);
    story.with_github(hub).flag("flaky-runs", "1").flag("mode", "diagnose")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_node_cannot_be_had_the_rules_stand_in() {
    let (_dir, hub) = hub();
    let story = own_failure("      - uses: octo/tool@v1\n        with: {odd-name: 21}\n", &hub);
    let ended = story.variable("npm_config_registry", "http://127.0.0.1:9/npm/").heal().await;
    assert_eq!(ended.outcome(), "diagnosed", "{}", ended.text);
    assert!(
        ended.text.contains("could not be fetched from http://127.0.0.1:9/npm/node-linux-"),
        "{}",
        ended.text
    );
    assert!(ended.text.contains("octo/tool is not known"), "{}", ended.text);
}

/// None of them gets as far as the engine; what fails behind them is still the code's own.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_are_refused_by_name_and_the_rest_is_run() {
    let (_dir, hub) = hub();
    let end = [0; 1024];
    let many: Vec<u8> =
        (0..100_000).flat_map(|n| special(&format!("t/{n}"), tar::EntryType::Regular, "")).collect();
    let hostile = [
        (
            "leaves",
            special("t/../../../etc/cron.d/x", tar::EntryType::Regular, ""),
            "leads out of the archive's folder",
        ),
        (
            "links",
            special("t/root", tar::EntryType::Symlink, "/"),
            "the link \"root\" leads out of the archive's folder, to \"/\"",
        ),
        ("device", special("t/null", tar::EntryType::Char, ""), "\"t/null\" is no file, folder or link"),
        ("many", many, "it holds more than 10000 files"),
        ("torn", b"\x1f\x8b no archive".to_vec(), "the archive cannot be read"),
    ];
    let mut steps = String::new();
    for (name, tar, _) in &hostile {
        let slug = format!("evil/{name}");
        hub.serve_action(match *name {
            "torn" => FakeAction { slug, reference: "v1".to_owned(), archive: tar.clone() },
            _ => FakeAction::packed(&slug, "v1", &[tar.as_slice(), &end].concat()),
        });
        steps.push_str(&format!("      - uses: evil/{name}@v1\n"));
    }
    steps.push_str("      - uses: evil/absent@v1\n");
    let ended = own_failure(&steps, &hub).heal().await;
    assert_eq!(ended.outcome(), "diagnosed", "{}", ended.text);
    for (name, _, says) in &hostile {
        let line = ended
            .text
            .lines()
            .find(|line| line.contains(&format!("the action evil/{name}@v1 could not be fetched")));
        assert!(line.is_some_and(|line| line.contains(says)), "{name}: {}", ended.text);
    }
    assert!(ended.text.contains("evil/absent"), "{}", ended.text);
    assert!(!ended.text.contains("fetching Node"), "no program of an action runs: {}", ended.text);
}

/// An action that wants what the runner alone has, and one that is broken: neither is the code's fault, and no model is
/// asked about it.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_demands_the_runner_s_services_ends_the_run_by_its_name() {
    let (_dir, hub) = hub();
    let main = "if (!process.env.ACTIONS_RUNTIME_TOKEN) { console.error('Unable to get ACTIONS_RUNTIME_TOKEN env variable'); process.exit(1); }\n";
    let yml = "name: Cache\nruns:\n  using: node24\n  main: main.js\n  post: post.js\n";
    let post = "console.log('post ran');\n";
    hub.serve_action(FakeAction::of(
        "octo/cacher",
        "v3",
        &[("action.yml", yml), ("main.js", main), ("post.js", post)],
    ));
    let ci = CI.replace("octo/bundle/make@releases/v2", "octo/cacher@v3");
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
    let ended = story(&ci, &hub).with_gemini(&gemini).flag("mode", "patch").heal().await;
    ended.expect("environment", 3);
    assert!(ended.text.contains("the action octo/cacher@v3 fails here"), "{}", ended.text);
    assert!(ended.text.contains("GitHub's own services (ACTIONS_RUNTIME_…)"), "{}", ended.text);
    assert!(ended.text.contains("post ran"), "{}", ended.text);
    assert!(gemini.asked().is_empty());
}

/// A Docker action that wants the machine's engine, one whose build asks the metadata address, and one whose base image
/// nobody has: each ends the run by its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_docker_action_that_wants_the_machine_is_refused_by_name() {
    let (_dir, hub) = hub();
    let wants = r#"runs:
  using: docker
  image: docker://ci-healer/base:trixie
  entrypoint: sh
  args: [-c, 'test -S /var/run/docker.sock || { echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1; }']
"#;
    hub.serve_action(FakeAction::of("evil/socket", "v1", &[("action.yml", wants)]));
    let built = "runs: {using: docker, image: Dockerfile}\n";
    let asks = "FROM ci-healer/base:trixie\nRUN timeout 5 bash -c 'cat </dev/tcp/169.254.169.254/80'\n";
    for (name, dockerfile) in [("build", asks), ("base", "FROM 127.0.0.1:1/absent\n")] {
        let files = [("action.yml", built), ("Dockerfile", dockerfile)];
        hub.serve_action(FakeAction::of(&format!("evil/{name}"), "v1", &files));
    }
    for (name, says) in [
        (
            "socket",
            "the action evil/socket@v1 fails here in `Run evil/socket@v1`: it asks for a Docker engine",
        ),
        (
            "build",
            "the action evil/build@v1 fails here in `Run evil/build@v1`: its image could not be built: line 2",
        ),
        (
            "base",
            "the action evil/base@v1 fails here in `Run evil/base@v1`: its image could not be had: image 127.0.0.1:1/absent: ",
        ),
    ] {
        let ci = format!(
            "name: CI\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: evil/{name}@v1\n      - run: python3 -m unittest\n"
        );
        let ended = story(&ci, &hub).flag("mode", "patch").flag("providers", "toolchain").heal().await;
        ended.expect("environment", 3);
        assert!(ended.text.contains(says), "{says}: {}", ended.text);
    }
}

/// What a token that can write would open is refused before anything runs; one that can only read is handed on.
#[tokio::test(flavor = "multi_thread")]
async fn steps_have_the_token_or_an_engine_only_where_the_token_cannot_write() {
    let (dir, hub) = hub();
    let main = "const fs = require('fs');\nfs.writeFileSync('said.txt', `${process.env.INPUT_TOKEN === 'ghs_' + 'readonly'} ${process.env.OWN === process.env.INPUT_TOKEN}`);\n";
    let yml = "inputs:\n  token: {default: '${{ github.token }}'}\nruns: {using: node24, main: main.js}\n";
    hub.serve_action(FakeAction::of("octo/reader", "v1", &[("action.yml", yml), ("main.js", main)]));
    let ci = "name: CI\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: octo/reader@v1\n        env: {OWN: '${{ secrets.GITHUB_TOKEN }}'}\n      - run: cat said.txt; exit 1\n";
    let story = |mode: &str, flag: (&str, &str), token: &str| {
        let event = dir.path().join("event.json");
        std::fs::write(&event, "{}").unwrap();
        story(ci, &hub)
            .flag("mode", mode)
            .flag(flag.0, flag.1)
            .flag("github-token", token)
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_REPOSITORY", SLUG)
            .variable("GITHUB_EVENT_NAME", "push")
            .variable("GITHUB_WORKFLOW_REF", &format!("{SLUG}/.github/workflows/ci.yml@refs/heads/main"))
            .variable("GITHUB_EVENT_PATH", event.to_str().unwrap())
    };
    for flag in [("sandbox-docker", "on"), ("sandbox-token", "read")] {
        let ended = story("patch", flag, JOB_TOKEN).heal().await;
        ended.expect("refused", 1);
        let says = format!("`{}` is {}, and this step's token can write contents", flag.0, flag.1);
        assert!(ended.text.contains(&says), "{}", ended.text);
        let remedy = ended.results["remedy"].as_str().unwrap();
        assert!(remedy.contains("permissions: { contents: read, actions: read }"), "{remedy}");
        assert_eq!(ended.executions, 0);
    }
    let ended = story("diagnose", ("sandbox-token", "read"), READ_ONLY_JOB_TOKEN).heal().await;
    assert!(ended.text.contains("true true"), "{}", ended.text);
    assert!(!ended.text.contains(READ_ONLY_JOB_TOKEN), "{}", ended.text);
}
