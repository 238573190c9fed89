#!/usr/bin/env python3
"""Runs current versions of many tools on small broken projects and compares the diagnosis of what they print with what
was broken. `recipes.py` states the expectations, before any tool runs.

Usage: HEALER_BIN=path/to/ci-healer python3 run.py [--only NAME[,NAME]] [--home FOLDER] [--keep FOLDER] [-v]

Each recipe's tool is installed by its registry's own client under --home (once; `--upgrade` brings new versions) and
runs in three forms: plain, coloured, and as GitHub keeps a log (time stamps, groups, the step's last line). A tool that
cannot be installed here is listed and not counted.
"""
import argparse, collections, json, os, shutil, subprocess, sys, tempfile

sys.dont_write_bytecode = True
from recipes import RECIPES

HERE = os.path.dirname(os.path.abspath(__file__))
FORMS = ("plain", "coloured", "github")
# What has to hold over all recipes, in percent.
AIMS = {"first": 98, "complete": 95, "labels": 97}
STAMP = "2026-01-01T00:00:%02d.%07dZ "


def sh(command, cwd, env, seconds=180):
    try:
        done = subprocess.run(["bash", "-c", command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return None, late.stdout or b""


class Homes:
    """Where the tools are installed."""

    def __init__(self, home, upgrade):
        self.home, self.upgrade, self.failed = home, upgrade, {}
        os.makedirs(home, exist_ok=True)

    def install(self, recipe):
        for kind, packages in recipe["needs"].items():
            for package in packages:
                why = self.failed.get((kind, package)) or getattr(self, kind)(package)
                if why:
                    self.failed[kind, package] = why
                    return f"{package}: {why}"
        return None

    def _once(self, kind, package, command):
        mark = os.path.join(self.home, "done-" + kind + "-" + package.replace("/", "+"))
        if os.path.exists(mark) and not self.upgrade:
            return None
        code, out = sh(command, self.home, dict(os.environ), 600)
        if code == 0:
            open(mark, "w").close()
            return None
        return (out.decode(errors="replace").strip().splitlines() or ["no output"])[-1][:200]

    def pip(self, package):
        folder = os.path.join(self.home, "py")
        if not os.path.exists(folder):
            sh(f"python3 -m venv {folder}", self.home, dict(os.environ))
        return self._once("pip", package, f"py/bin/pip install -q -U '{package}'")

    def npm(self, package):
        folder = os.path.join(self.home, "js")
        if not os.path.exists(folder):
            os.makedirs(folder)
            sh("npm init -y", folder, dict(os.environ))
        return self._once("npm", package, f"cd js && npm i --no-audit --no-fund --loglevel=error '{package}'")

    def system(self, program):
        return None if shutil.which(program) else "not on this machine"

    def env(self, coloured):
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
        path = [os.path.join(self.home, "py/bin"), os.path.join(self.home, "js/node_modules/.bin")]
        env.update(CI="true", PATH=os.pathsep.join(path + [env["PATH"]]), TERM="dumb", COLUMNS="120",
                   NODE_PATH=os.path.join(self.home, "js/node_modules"), NX_DAEMON="false", TURBO_TELEMETRY_DISABLED="1",
                   NEXT_TELEMETRY_DISABLED="1", PRE_COMMIT_COLOR="never", CARGO_NET_OFFLINE="true")
        if coloured:
            env.update(FORCE_COLOR="1", CLICOLOR_FORCE="1", PY_COLORS="1", TERM="xterm-256color",
                       CARGO_TERM_COLOR="always", PRE_COMMIT_COLOR="always", MYPY_FORCE_COLOR="1")
        else:
            env.update(NO_COLOR="1")
        return env


def project(recipe, folder):
    for name, text in recipe["files"].items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def as_github(name, command, out, code):
    lines = [f"##[group]Run {command}", f"\x1b[36;1m{command}\x1b[0m", "shell: /usr/bin/bash -e {0}", "##[endgroup]"]
    lines += out.decode(errors="replace").splitlines()
    lines += [f"##[error]Process completed with exit code {code}."] if code else []
    return "".join(STAMP % (at % 60, at) + line + "\n" for at, line in enumerate(lines)).encode()


def fits(want, bug):
    for key in ("file", "line", "test", "code"):
        if key in want and want[key] is not None and want[key] != bug.get(key):
            if key == "file" and bug.get("file") and bug["file"].endswith("/" + want["file"]):
                continue
            if key == "test" and bug.get("test") and want["test"] in bug["test"]:
                continue
            return False
    return "has" not in want or want["has"] in bug["message"]


def judge(wants, diagnosis):
    """first, complete, labels, invented."""
    bugs = diagnosis["bugs"]
    left, missing, labels = list(bugs), [], True
    for want in wants:
        found = next((bug for bug in left if fits(want, bug)), None)
        if found is None:
            missing.append(want)
            continue
        left.remove(found)
        labels &= found["tool"] in want["tool"].split("|") and found["category"] in want["category"].split("|")
    first = bool(bugs) and any(fits(want, bugs[0]) for want in wants) if wants else not bugs
    return first, not missing, labels and not missing, left


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="")
    options.add_argument("--home", default=os.path.join(tempfile.gettempdir(), "ci-healer-fresh-logs"))
    options.add_argument("--keep", help="folder for the logs")
    options.add_argument("--upgrade", action="store_true")
    options.add_argument("--forms", default=",".join(FORMS))
    options.add_argument("-v", action="store_true", help="every diagnosis that is not as expected")
    args = options.parse_args()
    healer = os.environ.get("HEALER_BIN") or sys.exit("set HEALER_BIN to the program")
    homes, tally, skipped = Homes(args.home, args.upgrade), collections.Counter(), []
    forms = [form for form in FORMS if form in args.forms.split(",")]
    only = [name for name in args.only.split(",") if name]
    for recipe in RECIPES:
        if only and recipe["name"] not in only:
            continue
        why = homes.install(recipe)
        if why:
            skipped.append(f"{recipe['name']}: {why}")
            continue
        told = []
        for form in forms:
            with tempfile.TemporaryDirectory() as folder:
                project(recipe, folder)
                env = homes.env(form == "coloured")
                if recipe["before"]:
                    sh(recipe["before"].replace("HOME", args.home), folder, env)
                code, out = sh(recipe["run"], folder, env)
                if form == "github":
                    out = as_github(recipe["name"], recipe["run"], out, code)
                log = os.path.join(args.keep or folder, f"{recipe['name']}.{form}.log".replace("/", "+"))
                os.makedirs(os.path.dirname(log), exist_ok=True)
                with open(log, "wb") as file:
                    file.write(out.replace(folder.encode(), b"/home/runner/work/app/app"))
                done = subprocess.run([healer, "diagnose", log, "--format", "json"], capture_output=True)
                try:
                    diagnosis = json.loads(done.stdout)
                except ValueError:
                    sys.exit(f"{log}: {done.stderr.decode()}")
            first, complete, labels, invented = judge(recipe["expect"], diagnosis)
            tally.update(logs=1, first=first, complete=complete, labels=labels, invented=len(invented))
            if not (first and complete and labels) or invented:
                told.append((form, first, complete, labels, invented, diagnosis))
        for form, first, complete, labels, invented, diagnosis in told:
            marks = [word for word, fine in (("first", first), ("complete", complete), ("labels", labels)) if not fine]
            print(f"{recipe['name']} ({form}): not {', '.join(marks) or '-'}; {len(invented)} invented")
            for bug in diagnosis["bugs"] if args.v else []:
                place = f"{bug['file']}:{bug['line']}:{bug['column']}"
                print(f"    {bug['tool']} {bug['category']} {bug['code']} {place} {bug['message'][:100]!r} {bug['test'] or ''}")
            if not args.v:
                continue
            for want in recipe["expect"]:
                if not any(fits(want, bug) for bug in diagnosis["bugs"]):
                    print(f"    wanted {want}")
    logs = tally["logs"] or 1
    print(f"\n{logs // len(forms)} recipes, {logs} logs; not installed: {len(skipped)}")
    for line in skipped:
        print(f"    {line}")
    missed = []
    for aim, percent in AIMS.items():
        have = 100 * tally[aim] / logs
        print(f"{aim:10} {have:5.1f} % (aim {percent})")
        missed += [aim] if have < percent else []
    print(f"{'invented':10} {tally['invented']:5} (aim 0)")
    sys.exit(1 if missed or tally["invented"] else 0)


if __name__ == "__main__":
    main()
