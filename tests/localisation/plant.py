"""plant.py CACHE LIST: finds one fault for each package of LIST, for `packages.yaml`; prints its entries.

A line of LIST is `registry | name | version | needs, by blanks | command | sources, as patterns | kind`. The first change of a
line, in an order drawn from the package's name, that turns the tests red without a compiler's word is the fault. What is
shown of a package to anybody plays no part in the choice.
"""

import ast
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tokenize

HERE = pathlib.Path(__file__).resolve().parent
MOST_TRIED = 60
OPERATORS = [(" + ", " - "), (" - ", " + "), (" * ", " / "), (" == ", " != "), (" != ", " == "), (" === ", " !== "),
             (" !== ", " === "), (" and ", " or "), (" or ", " and "), (" && ", " || "), (" || ", " && "), ("if (!", "if ("),
             ("if not ", "if "), (" += ", " -= "), (" is not ", " is "), (" in ", " not in "), (" is None", " is not None")]
BOUNDARIES = [(" < ", " <= "), (" > ", " >= "), (" <= ", " < "), (" >= ", " > "), ("[0]", "[1]"), ("[1:", "[2:"),
              (" + 1", " + 2"), (" - 1", " - 2"), (" 0", " 1"), (" 1", " 2"), ("(1)", "(0)"), ("(0)", "(1)")]
BROKEN = ("error: could not compile", "SyntaxError", "COMPILATION ERROR", "[build failed]", "IndentationError",
          "error collecting", "errors during collection", "ReferenceError")
KEYWORDS = set("""and as assert async await break case catch class const continue def default delete do elif else enum
except export extends final finally fn for from func function global if impl implements import in instanceof interface is
lambda let loop match mod mut new nil none not null or package pass pub private protected public raise range return self
static struct super switch this throw throws true false try type typeof undefined use var void where while with yield
None True False Self int string""".split())


def code_lines(path, text):
    """Numbers of the lines, from 0, that hold code of the package, not of its tests."""
    lines = text.split("\n")
    skipped = set()
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING and token.start[0] != token.end[0]:
                skipped.update(range(token.start[0] - 1, token.end[0]))
        top = {n for node in ast.parse(text).body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))
               for n in range(node.lineno - 1, node.end_lineno)}
        skipped |= top
    in_comment = False
    for at, line in enumerate(lines):
        plain = line.strip()
        if path.suffix == ".rs" and plain.startswith("#[cfg(test)]"):
            skipped.update(range(at, len(lines)))
            break
        in_comment |= plain.startswith("/*")
        if in_comment or plain.startswith(("//", "#", "*", "import ", "use ", "@", '"', "'")) or len(plain) < 8:
            skipped.add(at)
        if "*/" in plain:
            in_comment = False
    return [at for at in range(len(lines)) if at not in skipped and lines[at].startswith((" ", "\t"))]


def changes(kind, lines, at, draw):
    line = lines[at]
    code = line.split(" #")[0].split(" //")[0]
    if kind in ("operator", "boundary"):
        for old, new in OPERATORS if kind == "operator" else BOUNDARIES:
            if old in code and not (old.strip() in ("in", "or") and "for " in code):
                yield code.replace(old, new, 1) + line[len(code):]
    elif kind == "name":
        near = " ".join(re.sub(r"\"[^\"]*\"|'[^']*'", "", x) for x in lines[max(0, at - 12):at + 12])
        names = sorted({n for n in re.findall(r"\b[a-z_]\w{2,}\b", near)} - KEYWORDS)
        used = [n for n in re.findall(r"\b[a-z_]\w{2,}\b", code) if n not in KEYWORDS]
        if used and len(names) > 2 and '"' not in code and "'" not in code:
            old = draw.choice(used)
            yield re.sub(rf"\b{old}\b", draw.choice([n for n in names if n != old]), line, count=1)
    elif kind == "drop":
        plain = code.strip()
        whole = plain.endswith(";") if lines_end(lines) else re.match(r"[\w.\[\]]+ [-+*/|&]?= |[\w.]+\(.*\)$", plain)
        if whole and plain.count("(") == plain.count(")") and not plain.startswith(("let ", "const ", "var ")):
            yield None


def lines_end(lines):
    return sum(line.rstrip().endswith(";") for line in lines) > len(lines) / 10


class Sandbox:
    def __init__(self, image, folder, home):
        home.mkdir(exist_ok=True)
        args = ["docker", "run", "-d", "--rm", "--network", "none", "-v", f"{folder}:/w", "-v", f"{home}:/root",
                "-w", "/w", "-u", "0", "-e", "HOME=/root", image, "sleep", "3600"]
        self.id = subprocess.run(args, check=True, capture_output=True, text=True).stdout.strip()

    def run(self, command, seconds=120):
        args = ["docker", "exec", self.id, "timeout", "-k", "2", str(seconds), "bash", "-c", command]
        done = subprocess.run(args, capture_output=True, text=True, errors="replace")
        return done.returncode, done.stdout + done.stderr

    def close(self):
        subprocess.run(["docker", "rm", "-f", self.id], capture_output=True)


def pom():
    jupiter = "org.junit.jupiter:junit-jupiter:5.10.2 org.junit.vintage:junit-vintage-engine:5.10.2 junit:junit:4.13.2"
    wanted = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version><scope>test</scope>"
                     "</dependency>".format(*one.split(":")) for one in jupiter.split())
    return ("<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>"
            "<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>"
            "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>"
            f"<dependencies>{wanted}</dependencies><build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId>"
            "<version>2.22.3</version></plugin></plugins></build></project>\n")


def plant(cache, image, row):
    registry, name, version, needs, command, sources, kind = (part.strip() for part in row.split(" | "))
    folder = cache / f"{registry}-{name.replace('/', '+')}-{version}"
    if not (folder / "archive").exists():
        subprocess.run([str(HERE / "fetch.sh"), registry, name, version, str(folder), *needs.split()], check=True)
    digest = subprocess.run(["sha256sum", str(folder / "archive")], capture_output=True, text=True).stdout.split()[0]
    work = cache / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "source", work, symlinks=True)
    shutil.copytree(folder / "installed", work, dirs_exist_ok=True, symlinks=True)
    adds = {}
    if registry == "debian" and name.startswith("golang") and not (work / "go.mod").exists():
        adds["go.mod"] = f"module example.com/{name.rsplit('-', 1)[1]}\n\ngo 1.21\n"
    if registry == "debian" and (work / "pom.xml").exists():
        # With what an offline sandbox has, in place of plugins for releases.
        adds["pom.xml"] = pom()
    for path, text in adds.items():
        (work / path).write_text(text)
    box = Sandbox(image, work, cache / "home")
    try:
        code, log = box.run(command, 600)
        if code != 0:
            print(f"dropped: {name} {version} is not green: {log[-300:]!r}", file=sys.stderr, flush=True)
            return
        draw = random.Random(name)
        places = []
        for pattern in sources.split():
            for path in sorted(work.glob(pattern)):
                text = path.read_text()
                places += [(path, at) for at in code_lines(path, text)]
        draw.shuffle(places)
        tried = 0
        for path, at in places:
            text = path.read_text()
            lines = text.split("\n")
            for new in changes(kind, lines, at, draw):
                changed = lines[:at] + ([] if new is None else [new]) + lines[at + 1:]
                path.write_text("\n".join(changed))
                code, log = box.run(command)
                path.write_text(text)
                tried += 1
                if code not in (0, 124, 137) and not any(word in log for word in BROKEN):
                    entry = {"registry": registry, "name": name, "version": version, "sha256": digest}
                    if needs:
                        entry["needs"] = needs.split()
                    if adds:
                        entry["adds"] = adds
                    entry |= {"command": command, "kind": kind, "file": str(path.relative_to(work)), "line": at + 1,
                              "find": lines[at].strip()}
                    if new is not None:
                        entry["replace"] = new.strip()
                    first = True
                    for key, value in entry.items():
                        print(("- " if first else "  ") + f"{key}: {json.dumps(value, ensure_ascii=False)}")
                        first = False
                    print(flush=True)
                    return
                if tried >= MOST_TRIED:
                    print(f"dropped: {name} {version}: {tried} changes, none seen", file=sys.stderr, flush=True)
                    return
        print(f"dropped: {name} {version}: nothing to change", file=sys.stderr, flush=True)
    finally:
        box.close()


def main():
    cache = pathlib.Path(sys.argv[1]).resolve()
    images = subprocess.run(["docker", "images", "-q", "ci-healer/sandbox"], capture_output=True, text=True).stdout.split()
    for row in pathlib.Path(sys.argv[2]).read_text().splitlines():
        if row.strip() and not row.startswith("#"):
            try:
                plant(cache, images[0], row)
            except (subprocess.CalledProcessError, SyntaxError, OSError) as error:
                print(f"dropped: {row.split(' | ')[1]}: {error}", file=sys.stderr, flush=True)


main()
