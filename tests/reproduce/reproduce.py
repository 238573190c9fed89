#!/usr/bin/env python3
"""Is CI's verdict reproduced? Released packages with a workflow as their projects have it.

    tests/reproduce/reproduce.py CI-HEALER [NAME...]

Each package is run as released, which has to be green, and with the one fault that `tests/localisation/packages.yaml`
plants, which has to be red for it: in the step that tests and in no other, in tests that passed as released or at the
planted line, with no test that ran as released left out. Both runs have the same workflow and machine, so what differs is
the fault's doing. The packages come by `tests/localisation/fetch.sh`. Printed is a row for each, with the reason where it
misses; exit 1 where one does. Needs Docker, the registries, and python3-yaml.
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "target/localisation"
# Three of each registry, and Debian's sources for what has none that all can reach.
NAMES = ["pypi/toolz", "pypi/more-itertools", "pypi/inflection", "pypi/tabulate", "npm/minimist", "npm/array-flatten",
         "npm/object-path", "crates/heck", "crates/strsim", "crates/semver", "debian/golang-github-mitchellh-go-wordwrap",
         "debian/golang-github-jinzhu-inflection", "debian/golang-github-iancoleman-strcase", "debian/jsemver"]
SET_UP = {
    "pypi": ["uses: actions/setup-python@v5\n        with: {python-version: '3.x'}",
             "run: python -m pip install --upgrade pip", "run: pip install pytest"],
    "npm": ["uses: actions/setup-node@v4\n        with: {node-version: 20}", "run: npm install --no-save NEEDS"],
    "crates": ["uses: dtolnay/rust-toolchain@stable"],
    "debian": [],
}

# TAP counts at its top level what passes there; cargo runs nothing behind the first binary whose tests fail.
COUNTS_LESS = ["tap", "cargo-test"]


def workflow(package):
    steps = ["uses: actions/checkout@v4", *SET_UP[package["registry"]]]
    steps = [s.replace("NEEDS", " ".join(package.get("needs", []))) for s in steps]
    command = package["command"].replace("cargo test --offline", "cargo test")
    steps.append("name: Test\n        run: |\n          " + command)
    jobs = "".join(f"      - {step}\n" for step in steps)
    return f"name: CI\non: [push, pull_request]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{jobs}"


def fetched(package):
    folder = CACHE / f"{package['registry']}-{package['name']}-{package['version']}"
    if not (folder / "archive").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fetch = [str(ROOT / "tests/localisation/fetch.sh"), package["registry"], package["name"], package["version"], str(folder)]
        subprocess.run(fetch, check=True, capture_output=True, text=True, timeout=300)
    if hashlib.sha256((folder / "archive").read_bytes()).hexdigest() != package["sha256"]:
        raise RuntimeError("the archive is not the one that is meant")
    return folder


def plant(package, repo):
    path = repo / package["file"]
    lines = path.read_text(encoding="utf-8").split("\n")
    at = package["line"] - 1
    if lines[at].strip() != package["find"]:
        raise RuntimeError(f"line {package['line']} of {package['file']} is another one")
    if "replace" in package:
        lines[at] = lines[at].replace(package["find"], package["replace"])
    else:
        del lines[at]
    path.write_text("\n".join(lines), encoding="utf-8")


def run(binary, package, folder, with_fault):
    """What `results.json` says, and what was printed last."""
    with tempfile.TemporaryDirectory(prefix="reproduce-") as place:
        repo = pathlib.Path(place) / package["name"]
        shutil.copytree(folder / "source", repo, symlinks=True)
        if (folder / "installed/Cargo.lock").exists():
            shutil.copy(folder / "installed/Cargo.lock", repo)
        for name, text in package.get("adds", {}).items():
            (repo / name).write_text(text, encoding="utf-8")
        shutil.rmtree(repo / ".github", ignore_errors=True)
        (repo / ".github/workflows").mkdir(parents=True)
        (repo / ".github/workflows/ci.yml").write_text(workflow(package), encoding="utf-8")
        if with_fault:
            plant(package, repo)
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(repo)]
        for words in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-q", "-m", "released"]):
            subprocess.run([*git, *words], check=True, capture_output=True)
        heal = [binary, "heal", "--repo", str(repo), "--no-push", "--providers", "toolchain", "--flaky-runs", "0"]
        ran = subprocess.run(heal, capture_output=True, text=True, timeout=900, check=False)
        return json.loads((repo / ".ci-healer/results.json").read_text(encoding="utf-8")), last(ran.stdout + ran.stderr)


def executed(results):
    """How many tests ran, by their runner."""
    tests = results["baseline"].get("tests") or []
    return {found["runner"]: found["executed"] for found in tests if found["executed"]}


def red_for_another_reason(package, green, red):
    """Why a red run shows something else than the planted fault; empty where it shows that."""
    baseline = red["baseline"]
    steps = baseline["steps"]
    failed = [step["name"] for step in steps if step["outcome"] == "failure"]
    if failed != ["Test"]:
        return f"the step that fails is {', '.join(failed) or 'none'}, not the one that tests"
    errors = [bug for bug in baseline["bugs"] if bug["severity"] == "error"]
    if not errors:
        return "nothing is said of why the tests fail"
    # As released every test passed in the same place: one that fails now does so by the fault, or by the fault's own line.
    others = [bug for bug in errors if not bug["test"] and bug["file"] != package["file"]]
    if others:
        return f"something else than a test or {package['file']}: {others[0]['text'][:120]}"
    for runner, count in executed(green).items():
        now = executed(red).get(runner, 0)
        if runner not in COUNTS_LESS and now < count and not any(bug["file"] == package["file"] for bug in errors):
            return f"{now} tests of {runner} ran, and {count} as released"
    return ""


def judge(binary, package):
    try:
        folder = fetched(package)
        green, said = run(binary, package, folder, with_fault=False)
        if green["outcome"] != "already_green":
            return f"as released {green['outcome']}: {said}"
        red, said = run(binary, package, folder, with_fault=True)
        # No source that may be asked knows a fix, or the toolchain happens to.
        if red["outcome"] not in ("exhausted", "healed"):
            return f"with the fault {red['outcome']}: {said}"
        why = red_for_another_reason(package, green, red)
        return why and f"with the fault {why}"
    except (OSError, RuntimeError, ValueError, KeyError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"[:200]


def last(text):
    said = [line for line in text.splitlines() if line.strip() and not line.startswith("summary:")]
    return said[-1][:160] if said else "nothing was said"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    packages = yaml.safe_load((ROOT / "tests/localisation/packages.yaml").read_text(encoding="utf-8"))
    by_name = {f"{p['registry']}/{p['name']}": p for p in packages}
    missed = 0
    wanted = [name for name in NAMES if len(sys.argv) == 2 or any(word in name for word in sys.argv[2:])]
    print("| package | as released and with one fault |\n|---|---|", flush=True)
    for name in wanted:
        package = by_name[name]
        why = judge(sys.argv[1], package)
        missed += bool(why)
        print(f"| {name} {package['version']} | {why or 'green, then red for it'} |", flush=True)
    print(f"\n{len(wanted) - missed} of {len(wanted)} reproduced")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
