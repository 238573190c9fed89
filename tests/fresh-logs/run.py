#!/usr/bin/env python3
"""Runs current versions of many tools on small broken projects and compares the diagnosis of what they print with what
was broken. `recipes.py` states the expectations, before any tool runs.

Usage: HEALER_BIN=path/to/ci-healer python3 run.py [--only NAME[,NAME]] [--held-out] [--home FOLDER] [--upgrade] [--record] [-v]

Each recipe's tool is installed by its registry's own client under --home (once; `--upgrade` brings new versions) and
run three times: plain, coloured, and as a step of GitHub Actions (there are tools that print annotations then). What
they print is kept under --home; the diagnosis is asked for again each time. The last run is read in two forms: as
GitHub keeps a log (time stamps, groups, marks) and as its page shows that (`Error: `). A tool that cannot be installed
here is listed and not counted.
"""
import argparse, collections, concurrent.futures, hashlib, json, os, re, shutil, subprocess, sys, tempfile

sys.dont_write_bytecode = True
from recipes import RECIPES
import further  # adds its own

# Tools and versions that were stated before any of their logs was read: scored apart, with `--held-out`.
KNOWN = len(RECIPES)
import versions  # adds its own
HELD_OUT = {recipe["name"] for recipe in RECIPES[KNOWN:]}

RUNS = ("plain", "coloured", "github")
FORMS = (*RUNS, "page")
# What has to hold over all logs, in percent.
AIMS = {"first": 98, "complete": 95, "labels": 97}
STAMP = "2026-01-01T00:00:%02d.%07dZ "
WORKSPACE = b"/home/runner/work/app/app"


def sh(command, cwd, env, seconds=240):
    try:
        done = subprocess.run(["bash", "-c", command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return None, late.stdout or b""


class Homes:
    """Where tools are installed beside each other."""

    def __init__(self, home, upgrade):
        self.home, self.upgrade, self.failed = home, upgrade, {}
        os.makedirs(home, exist_ok=True)

    def install_all(self, recipes):
        """In one call of each client; what that leaves is tried one by one."""
        for kind in ("pip", "npm"):
            wanted = sorted({package for recipe in recipes for package in recipe["needs"].get(kind, [])})
            wanted = [package for package in wanted if self.upgrade or not os.path.exists(self.mark(kind, package))]
            if not wanted:
                continue
            failed = getattr(self, kind)(wanted)
            for package in wanted:
                why = failed and getattr(self, kind)([package])
                if why:
                    self.failed[kind, package] = why
                else:
                    open(self.mark(kind, package), "w").close()

    def missing(self, recipe):
        for kind, packages in recipe["needs"].items():
            for package in packages:
                why = self.failed.get((kind, package))
                if kind == "system" and not shutil.which(package):
                    why = "not on this machine"
                if why:
                    return f"{package}: {why}"
        return None

    def mark(self, kind, package):
        return os.path.join(self.home, "done-" + kind + "-" + package.replace("/", "+"))

    def _install(self, command):
        code, out = sh(command, self.home, dict(os.environ), 1800)
        if code == 0:
            return None
        return (out.decode(errors="replace").strip().splitlines() or ["no output"])[-1][:200]

    def pip(self, packages):
        folder = os.path.join(self.home, "py")
        if not os.path.exists(folder):
            sh(f"python3 -m venv {folder} && py/bin/pip install -q uv", self.home, dict(os.environ))
        names = " ".join(f"'{package}'" for package in packages)
        return self._install(f"py/bin/uv pip install -q --python py/bin/python -U {names}")

    def npm(self, packages):
        folder = os.path.join(self.home, "js")
        if not os.path.exists(folder):
            os.makedirs(folder)
            sh("npm init -y", folder, dict(os.environ))
        names = " ".join(f"'{package}'" for package in packages)
        # Tools that want different versions of one package beside them are none of ours to reconcile.
        return self._install(f"cd js && npm i --no-audit --no-fund --legacy-peer-deps --loglevel=error {names}")

    def env(self, run):
        unset = ("NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS")
        env = {k: v for k, v in os.environ.items() if k not in unset}
        path = [os.path.join(self.home, "py/bin"), os.path.join(self.home, "js/node_modules/.bin")]
        env.update(CI="true", PATH=os.pathsep.join(path + [env["PATH"]]), TERM="dumb", COLUMNS="120",
                   NODE_PATH=os.path.join(self.home, "js/node_modules"), NX_DAEMON="false", TURBO_TELEMETRY_DISABLED="1",
                   NEXT_TELEMETRY_DISABLED="1", PRE_COMMIT_COLOR="never", CARGO_NET_OFFLINE="true",
                   ASTRO_TELEMETRY_DISABLED="1")
        if run == "coloured":
            env.update(FORCE_COLOR="1", CLICOLOR_FORCE="1", PY_COLORS="1", TERM="xterm-256color",
                       CARGO_TERM_COLOR="always", PRE_COMMIT_COLOR="always", MYPY_FORCE_COLOR="1")
        elif run == "github":
            env.update(GITHUB_ACTIONS="true", GITHUB_WORKFLOW="ci", GITHUB_JOB="test", GITHUB_RUN_ID="1")
        else:
            env.update(NO_COLOR="1")
        return env


def project(recipe, folder):
    for name, text in recipe["files"].items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


# Lines that the problem matchers of GitHub's own set-up actions mark as errors (setup-node: tsc, ESLint's two styles).
MATCHED = re.compile(r"^\S+\(\d+,\d+\): error TS\d+: |^\s+\d+:\d+\s+error\s{2,}\S|^\S+: line \d+, col \d+, Error - ")


def as_github(command, out, code):
    """As the runner writes a step's log: workflow commands become marks."""
    lines = [f"##[group]Run {command}", f"\x1b[36;1m{command}\x1b[0m", "shell: /usr/bin/bash -e {0}", "##[endgroup]"]
    for line in out.decode(errors="replace").splitlines():
        spoken = re.match(r"^::(error|warning|notice|debug|group|endgroup)(?: [^:]*(?::[^:]+)*?)?::(.*)$", line)
        if spoken:
            line = f"##[{spoken[1]}]" + spoken[2].replace("%0A", "\n").replace("%0D", "").replace("%25", "%")
        elif MATCHED.match(line):
            line = "##[error]" + line
        lines += line.split("\n")
    lines += [f"##[error]Process completed with exit code {code}."] if code else []
    return "".join(STAMP % (at % 60, at) + line + "\n" for at, line in enumerate(lines)).encode()


def takes_places(out):
    """Whether the runner takes the place from a workflow command whose text does not tell it: no log of it does."""
    spoken = re.findall(r"^::(?:error|warning) [^:]*?file=([^,:]+)[^\n]*?::(.*)$", out.decode(errors="replace"), re.M)
    return any(os.path.basename(file) not in text for file, text in spoken)


def unplaced(log):
    return os.path.exists(re.sub(r"\.\w+\.log$", ".unplaced", log))


def as_page(log):
    """As GitHub's page shows such a log, which is what people copy."""
    marks = {"error": "Error: ", "warning": "Warning: ", "notice": "Notice: "}
    lines = [line.split(" ", 1)[1] for line in log.decode().splitlines()]
    return "".join(re.sub(r"^##\[(\w+)\]", lambda mark: marks.get(mark[1], ""), line) + "\n" for line in lines).encode()


def record(recipe, homes, logs, again):
    """What the tool prints, kept until the recipe changes."""
    text = json.dumps([recipe["files"], recipe["run"], recipe["before"]])
    stamp = hashlib.sha256(text.encode()).hexdigest()[:12]
    for run in RUNS:
        path = os.path.join(logs, f"{recipe['name']}.{run}.log")
        known = path + "." + stamp
        if os.path.exists(known) and not again:
            continue
        with tempfile.TemporaryDirectory() as folder:
            project(recipe, folder)
            env = homes.env(run)
            if recipe["before"]:
                sh(recipe["before"].replace("HOME", homes.home), folder, env)
            code, out = sh(recipe["run"].replace("HOME", homes.home), folder, env)
            out = out.replace(folder.encode(), WORKSPACE)
            if run == "github":
                if takes_places(out):
                    open(os.path.join(logs, f"{recipe['name']}.unplaced"), "w").close()
                out = as_github(recipe["run"], out, code)
            with open(path, "wb") as file:
                file.write(out)
        if run == "github":
            with open(os.path.join(logs, f"{recipe['name']}.page.log"), "wb") as file:
                file.write(as_page(out))
        open(known, "w").close()


def fits(want, bug, unplaced):
    for key in ("file", "line", "test", "code", "package"):
        if key in ("file", "line") and unplaced and not bug.get("file"):
            continue
        if key in want and want[key] is not None and want[key] != bug.get(key):
            if key == "file" and bug.get("file") and bug["file"].endswith("/" + want["file"]):
                continue
            if key == "test" and bug.get("test") and want["test"] in bug["test"]:
                continue
            return False
    return "has" not in want or want["has"] in bug["message"]


def judge(wants, diagnosis, unplaced):
    """first, complete, labels, invented."""
    bugs = diagnosis["bugs"]
    left, missing, labels = list(bugs), [], True
    for want in wants:
        fitting = [bug for bug in left if fits(want, bug, unplaced)]
        # Of several at one place the tool's own.
        found = next((bug for bug in fitting if bug["tool"] in want["tool"].split("|")), (fitting or [None])[0])
        if found is None:
            missing.append(want)
            continue
        left.remove(found)
        labels &= found["tool"] in want["tool"].split("|") and found["category"] in want["category"].split("|")
    first = bool(bugs) and any(fits(want, bugs[0], unplaced) for want in wants) if wants else not bugs
    return first, not missing, labels and not missing, left, missing


def tell(name, form, verdict, diagnosis):
    first, complete, labels, invented, missing = verdict
    marks = [word for word, fine in (("first", first), ("complete", complete), ("labels", labels)) if not fine]
    print(f"{name} ({form}): not {', '.join(marks) or '-'}; {len(invented)} invented")
    for bug in diagnosis["bugs"]:
        place = f"{bug['file']}:{bug['line']}:{bug['column']}"
        print(f"    {bug['tool']} {bug['category']} {bug['code']} {place} {bug['message'][:100]!r} {bug['test'] or ''}")
    for want in missing:
        print(f"    wanted {want}")


def diagnosis_of(healer, log):
    done = subprocess.run([healer, "diagnose", log, "--format", "json"], capture_output=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"{log}: {done.stderr.decode()}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="")
    options.add_argument("--home", default=os.path.join(tempfile.gettempdir(), "ci-healer-fresh-logs"))
    options.add_argument("--upgrade", action="store_true", help="bring new versions of the tools")
    options.add_argument("--record", action="store_true", help="run the tools again")
    options.add_argument("--forms", default=",".join(FORMS))
    options.add_argument("--held-out", action="store_true", help="those of versions.py alone")
    options.add_argument("-v", action="store_true", help="every diagnosis that is not as expected")
    args = options.parse_args()
    healer = os.environ.get("HEALER_BIN") or sys.exit("set HEALER_BIN to the program")
    together, tally = Homes(args.home, args.upgrade), collections.Counter()
    forms = [form for form in FORMS if form in args.forms.split(",")]
    only = [name for name in args.only.split(",") if name]
    recipes = [recipe for recipe in RECIPES if (recipe["name"] in HELD_OUT) == args.held_out]
    if only:
        recipes = [recipe for recipe in RECIPES if recipe["name"] in only]
    together.install_all([recipe for recipe in recipes if not recipe["apart"]])
    homes = {recipe["name"]: together for recipe in recipes}
    for recipe in recipes:
        if recipe["apart"]:
            homes[recipe["name"]] = Homes(os.path.join(args.home, "apart", recipe["name"]), args.upgrade)
            homes[recipe["name"]].install_all([recipe])
    missing = {recipe["name"]: homes[recipe["name"]].missing(recipe) for recipe in recipes}
    skipped = [f"{name}: {why}" for name, why in missing.items() if why]
    recipes = [recipe for recipe in recipes if not missing[recipe["name"]]]
    logs = os.path.join(args.home, "logs")
    os.makedirs(logs, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        again = args.record or args.upgrade
        list(pool.map(lambda recipe: record(recipe, homes[recipe["name"]], logs, again), recipes))
        jobs = [(recipe, form, os.path.join(logs, f"{recipe['name']}.{form}.log")) for recipe in recipes for form in forms]
        diagnoses = list(pool.map(lambda job: diagnosis_of(healer, job[2]), jobs))
    for (recipe, form, log), diagnosis in zip(jobs, diagnoses):
        verdict = judge(recipe["expect"], diagnosis, form in ("github", "page") and unplaced(log))
        first, complete, labels, invented, _ = verdict
        tally.update(logs=1, first=first, complete=complete, labels=labels, invented=len(invented))
        if args.v and (not (first and complete and labels) or invented):
            tell(recipe["name"], form, verdict, diagnosis)
    print(f"\n{len(recipes)} recipes, {len(jobs)} logs; not installed: {len(skipped)}")
    for line in skipped:
        print(f"    {line}")
    missed = []
    for aim, percent in AIMS.items():
        have = 100 * tally[aim] / (tally["logs"] or 1)
        print(f"{aim:10} {have:5.1f} % (aim {percent})")
        missed += [aim] if have < percent else []
    print(f"{'invented':10} {tally['invented']:5} (aim 0)")
    sys.exit(1 if missed or tally["invented"] else 0)


if __name__ == "__main__":
    main()
