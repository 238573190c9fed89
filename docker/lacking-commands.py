#!/usr/bin/env python3
"""Which commands do workflows call that the sandbox's image lacks?

    docker/lacking-commands.py FOLDER [IMAGE]

FOLDER is searched for workflows and composite actions at any depth. IMAGE is a Docker image to hold the commands
against; the newest multi-runtime image of this machine where none is named. Printed are, by how many files call them:

    files  command   where it is called first

Left out are programs of the repository (`./gradlew`), functions of the script, and what the same job installs by the
usual ways (pip, pipx, npm, cargo, go, gem, apt, a setup action). Needs python3-yaml.
"""

import collections
import pathlib
import re
import subprocess
import sys

try:
    import yaml
except ImportError:
    sys.exit("lacking-commands: PyYAML is not installed: apt-get install python3-yaml")

KEYWORDS = set(
    "if then else elif fi for do done while until case esac in function select time coproc { } [[ ]] [ ] ! : . "
    "alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable eval exec exit "
    "export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray "
    "readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait".split()
)
# What runs the command that follows it.
PREFIXES = {"sudo", "env", "time", "exec", "nohup", "xvfb-run", "command", "then", "do", "else", "!", "{", "if", "while",
            "until", "elif", "timeout", "nice", "xargs", "stdbuf"}
INSTALLS = re.compile(
    r"(?:pip3?|pipx|uv pip|uv tool) install|npm (?:install|i|ci)|yarn (?:global )?add|pnpm (?:add|install)|cargo (?:b?install)|"
    r"go install|gem install|apt(?:-get)? (?:-\S+ )*install|brew install|dotnet tool install|composer (?:global )?require|corepack enable"
)
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*$")


def lines(script):
    """The script without here-documents, quoted texts and comments; continued lines joined."""
    script = re.sub(r"\$\{\{.*?\}\}", "X", script, flags=re.S).replace("\\\n", " ")
    end = None
    for line in script.splitlines():
        if end is not None:
            if line.strip() == end:
                end = None
            continue
        here = re.search(r"<<-?\s*(['\"]?)(\w+)\1", line)
        if here:
            end = here.group(2)
        yield line
    return


def commands(script):
    text = "\n".join(lines(script))
    text = re.sub(r"'[^']*'", "Q", text)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", text, flags=re.S)
    text = re.sub(r"(^|\s)#.*", r"\1", text)
    text = re.sub(r"\w+=\([^)]*\)", "", text, flags=re.S)
    functions = set(re.findall(r"(\w[\w-]*)\s*\(\)", text)) | set(re.findall(r"function\s+(\w[\w-]*)", text))
    in_case = 0
    for part in re.split(r"\n|;|&&|\|\||\||&|\$\(|\(|`", text):
        words = part.split()
        if not words:
            continue
        in_case += (words[0] == "case") - (words[0] == "esac")
        if in_case and (words[0].endswith(")") or words[0] == "case"):
            words = words[1:] if words[0] != "case" else []
        if words and words[0] in ("for", "select", "case", "function"):
            continue
        while words and (words[0] in PREFIXES or re.match(r"\w+\+?=", words[0]) or words[0].startswith("-")
                         or words[0].startswith((">", "<", "2>")) or re.match(r"\d+[smh]?$", words[0])):
            words = words[1:]
        if words and WORD.match(words[0]) and words[0] not in KEYWORDS | functions and words[0] not in ("Q", "X"):
            yield words[0]


def jobs(path):
    """The steps of each job, or of the composite action, with the defaults' shell."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError):
        return
    if not isinstance(tree, dict):
        return
    if isinstance(tree.get("runs"), dict):
        yield tree["runs"].get("steps") or [], None
    for job in (tree.get("jobs") or {}).values() if isinstance(tree.get("jobs"), dict) else []:
        if not isinstance(job, dict) or re.search(r"windows|macos", str(job.get("runs-on", ""))):
            continue
        shells = [((d.get("defaults") or {}).get("run") or {}).get("shell") for d in (job, tree)]
        yield job.get("steps") or [], next((s for s in shells if s), None)


def newest_image():
    listed = subprocess.run(["docker", "image", "ls", "ci-healer/sandbox", "--format", "{{.Repository}}:{{.Tag}}"],
                            capture_output=True, text=True, check=False)
    images = listed.stdout.split()
    return images[0] if images else sys.exit("lacking-commands: no image ci-healer/sandbox here: name one, or run make demo")


def known_to(image, names):
    asks = 'while read -r name; do command -v "$name" >/dev/null 2>&1 && echo "$name"; done; true'
    ran = subprocess.run(["docker", "run", "--rm", "-i", "--network", "none", image, "bash", "-c", asks],
                         input="\n".join(names) + "\n", capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"lacking-commands: {image}: {ran.stderr.strip()}")
    return set(ran.stdout.split())


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".yml", ".yaml") and p.is_file())
    if not files:
        sys.exit(f"lacking-commands: no .yml or .yaml file below {folder}")
    image = sys.argv[2] if len(sys.argv) == 3 else newest_image()
    called = collections.defaultdict(list)
    for path in files:
        for steps, default in jobs(path):
            steps = [s for s in steps if isinstance(s, dict)]
            installed = " ".join(l for s in steps for l in str(s.get("run") or "").replace("\\\n", " ").splitlines() if INSTALLS.search(l))
            installed = set(re.findall(r"[A-Za-z0-9][\w.+-]*", installed))
            set_up = set(re.findall(r"(?:setup-)?([\w.]+)", " ".join(str(s.get("uses") or "").split("@")[0] for s in steps)))
            for step in steps:
                shell = str(step.get("shell") or default or "bash")
                if "run" not in step or not re.match(r"(ba)?sh\b", shell):
                    continue
                for name in commands(str(step["run"])):
                    if name not in installed and name not in set_up:
                        called[name].append(path.relative_to(folder))
    known = known_to(image, sorted(called))
    lacking = {name: sorted(set(paths)) for name, paths in called.items() if name not in known}
    print(f"{len(files)} files call {len(called)} commands; {image} lacks {len(lacking)}:")
    for name, paths in sorted(lacking.items(), key=lambda item: (-len(item[1]), item[0])):
        print(f"{len(paths):5}  {name:24} {paths[0]}")


if __name__ == "__main__":
    main()
