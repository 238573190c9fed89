#!/usr/bin/env python3
"""Runs `ci-healer drift` on small repositories whose packages moved under them, and compares whom it names with what is
known. `recipes.py` holds the repositories and the releases that really broke their users.

Usage: HEALER_BIN=path/to/ci-healer python3 run.py [--only NAME[,NAME]] [--keep FOLDER] [--table FILE]

Each repository is red with today's packages. A positive is exact when the package and both versions are named; an
accusation in a negative fails the whole run. Needs a container engine and the package registries, and minutes for each.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True
from recipes import RECIPES

# What has to hold over all recipes: exact in percent, executions in the median.
EXACT, EXECUTIONS = 90, 10
SECONDS = 1500


def materialise(recipe, folder):
    for path, text in recipe["files"].items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w") as file:
            file.write(text)
    date = recipe["since"] + "T00:00:00Z"
    env = dict(os.environ, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    for command in ("init -q -b main", "add -A", "-c user.name=a -c user.email=a@example.org commit -qm first"):
        subprocess.run(["git", *command.split()], cwd=folder, env=env, check=True)


def drift(binary, recipe, folder):
    log = folder + ".log"
    with open(log, "w") as out:
        try:
            subprocess.run([binary, "drift", "--repo", folder, "--since", recipe["since"]], cwd=folder, stdout=out,
                           stderr=subprocess.STDOUT, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return {"reason": f"not ended after {SECONDS} s"}
    try:
        with open(os.path.join(folder, ".ci-healer", "results.json")) as results:
            return json.load(results).get("drift") or {"reason": "no drift in results.json"}
    except (OSError, ValueError) as error:
        return {"reason": str(error)}


def is_exact(recipe, found):
    named = found.get("package"), found.get("from"), found.get("to")
    return bool(found.get("proven")) and any(named == tuple(one) for one in recipe["culprits"])


def as_tables(results):
    """What README.md shows, of (recipe, what was found, whether that is right)."""
    yield "| repository | package | ecosystem | old → new | executions | proven | the pin lies in |\n|---|---|---|---|---|---|---|\n"
    for recipe, found, good in (r for r in results if r[0]["culprits"]):
        named = f"{found.get('from')} → {found['to']}" if found.get("package") else found.get("reason", "")
        cells = (recipe["name"], found.get("package") or "nobody", found.get("ecosystem") or "", named + ("" if good else " (missed)"),
                 str(found.get("executions", "")), "yes" if found.get("proven") else "no", found.get("pinned_in") or "none")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    yield "\n| repository | why it is red | accused | executions |\n|---|---|---|---|\n"
    for recipe, found, _ in (r for r in results if not r[0]["culprits"]):
        yield f"| {recipe['name']} | {recipe['why']} | {found.get('package') or 'nobody'} | {found.get('executions', '')} |\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    parser.add_argument("--table")
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    unknown = only - {recipe["name"] for recipe in RECIPES}
    if unknown:
        sys.exit(f"no such recipe: {', '.join(sorted(unknown))}; there are {', '.join(r['name'] for r in RECIPES)}")
    binary = os.path.abspath(os.environ.get("HEALER_BIN", "target/debug/ci-healer"))
    home = args.keep or tempfile.mkdtemp(prefix="ci-healer-drift-")
    os.makedirs(home, exist_ok=True)
    results, counts, runs, accused = [], {True: 0, False: 0}, [], []
    for recipe in (r for r in RECIPES if not only or r["name"] in only):
        folder = os.path.join(home, recipe["name"])
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        materialise(recipe, folder)
        begun = time.time()
        found = drift(binary, recipe, folder)
        took = time.time() - begun
        positive = bool(recipe["culprits"])
        good = is_exact(recipe, found) if positive else not found.get("package")
        if positive:
            counts[good] += 1
            runs.append(found.get("executions", 0))
        elif not good:
            accused.append(recipe["name"])
        known = " ".join(str(part) for part in recipe["culprits"][0]) if positive else "nobody: " + recipe["why"]
        said = f"{found['package']} {found.get('from')} {found.get('to')}" if found.get("package") else found.get("reason", "")
        row = ("ok" if good else "MISS", recipe["name"], known, said, str(found.get("executions", "")), f"{took:.0f} s",
               found.get("pinned_in") or "")
        results.append((recipe, found, good))
        print("\t".join(row), flush=True)
    if args.table:
        with open(args.table, "w") as table:
            table.writelines(as_tables(results))
    if not args.keep:
        shutil.rmtree(home, ignore_errors=True)
    total = counts[True] + counts[False]
    percent = 100 * counts[True] / total if total else 100
    median = statistics.median(runs) if runs else 0
    print(f"{counts[True]} of {total} exact ({percent:.0f} %, at least {EXACT}), {median} executions in the median (at most "
          f"{EXECUTIONS}), accused of what it had not done: {', '.join(accused) or 'nobody'}")
    sys.exit(bool(percent < EXACT or median > EXECUTIONS or accused))


main()
