"""Older and newer versions of tools that have a recipe, and tools that had neither a parser nor a recipe when their
expectation was stated. What one cannot install beside the rest has a place of its own."""

from recipes import CALC, ESM, GIT, LINK, PACKAGE, fault, recipe


def apart(*args, **more):
    recipe(*args, **more, apart=True)


# Python

CALC_TEST = "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
FIXTURE = "import pytest\n\n\n@pytest.fixture\ndef db():\n    raise RuntimeError('no port')\n\n\ndef test_a(db):\n    assert db\n"
WRONG_RETURN = "def f(x: int) -> str:\n    return x\n"
UNUSED = "import os\nx=1\n"
for major, version in ((6, "6.2.5"), (7, "7.4.4"), (8, "8.4.2")):
    apart(f"pytest-{major}", f"pip:pytest=={version}", {"calc.py": CALC, "test_calc.py": CALC_TEST}, "python -m pytest", fault("pytest", "logic", "test_calc.py", 5, test="test_add"))
for style in ("short", "line", "native", "no"):
    recipe(f"pytest-tb-{style}", "pip:pytest", {"calc.py": CALC, "test_calc.py": CALC_TEST}, f"pytest -q --tb={style}",
           fault("pytest", "logic", "test_calc.py", None if style == "no" else 5, test=None if style == "line" else "test_add"))
recipe("pytest-fixture-error", "pip:pytest", {"test_a.py": FIXTURE}, "pytest", fault("pytest", "runtime|logic", "test_a.py", 6, test="test_a"))
recipe("pytest-fixture-missing", "pip:pytest", {"test_a.py": "def test_a(nowhere):\n    assert nowhere\n"}, "pytest", fault("pytest", "configuration|runtime|logic|import", "test_a.py", 1, test="test_a"))
recipe("pytest-usage", "pip:pytest", {"test_a.py": "def test_a():\n    pass\n"}, "pytest --nowhere", fault("pytest", "configuration", has="nowhere"))
recipe("pytest-warnings-are-errors", "pip:pytest", {"test_a.py": "import warnings\n\n\ndef test_a():\n    warnings.warn('old way', DeprecationWarning)\n"}, 
       # Plugins of other recipes have warnings of their own.
       "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 pytest -W error", fault("pytest", "logic|runtime", "test_a.py", 5, test="test_a"))
recipe("pytest-subtests-parametrized", "pip:pytest", {"test_a.py": "import pytest\n\n\n@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_small(n):\n    assert n < 2\n"}, "pytest -v", fault("pytest", "logic", "test_a.py", 6, test="test_small[2]"), fault("pytest", "logic", "test_a.py", 6, test="test_small[3]"))
recipe("pytest-json-report", "pip:pytest-json-report", {"test_calc.py": CALC_TEST, "calc.py": CALC}, "pytest -q --json-report --json-report-file=r.json >/dev/null || { cat r.json; exit 1; }", fault("pytest|pytest-json", "logic", "test_calc.py", 5, test="test_add"))
recipe("pytest-junit-printed", "pip:pytest", {"test_calc.py": CALC_TEST, "calc.py": CALC}, "pytest -q --junitxml=r.xml >/dev/null || { cat r.xml; exit 1; }", fault("junit-xml|pytest", "logic", "test_calc.py", 5, test="test_add"))
recipe("pytest-timeout", "pip:pytest-timeout", {"test_a.py": "import time\n\n\ndef test_slow():\n    time.sleep(9)\n"}, "pytest --timeout 1", fault("pytest", "logic|runtime|timeout", "test_a.py", 5, test="test_slow"))
recipe("pytest-asyncio", "pip:pytest-asyncio", {"test_a.py": "import pytest\n\n\n@pytest.mark.asyncio\nasync def test_a():\n    assert 1 == 2\n"}, "pytest", fault("pytest", "logic", "test_a.py", 6, test="test_a"))
recipe("pytest-bdd", "pip:pytest-bdd", {"a.feature": "Feature: sums\n  Scenario: adds\n    Given one\n    Then it is two\n", "test_a.py": "from pytest_bdd import given, scenarios, then\n\nscenarios('a.feature')\n\n\n@given('one', target_fixture='n')\ndef one():\n    return 1\n\n\n@then('it is two')\ndef two(n):\n    assert n == 2\n"}, "pytest", fault("pytest", "logic", "test_a.py", 13, test="test_adds"))
recipe("pytest-conftest", "pip:pytest", {"conftest.py": "import nowhere_at_all\n", "test_a.py": "def test_a():\n    pass\n"}, "pytest", fault("pytest|python", "import", "conftest.py", 1))
recipe("green", "pip:green", {"test_a.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "green -q", fault("unittest|green", "logic", "test_a.py", 6, test="test_add"))
recipe("testtools", "pip:testtools", {"test_a.py": "import testtools\n\n\nclass T(testtools.TestCase):\n    def test_add(self):\n        self.assertEqual(3, 1 + 1)\n"}, "PYTHONPATH=. python -m testtools.run test_a", fault("unittest|testtools", "logic", "test_a.py", 6, test="test_add"))
recipe("unittest-verbose-subtest", "system:python3", {"test_a.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        for n in (1, 2):\n            with self.subTest(n=n):\n                self.assertEqual(n, 1)\n"}, "python3 -m unittest -v", fault("unittest", "logic", "test_a.py", 8, test="test_add"))
apart("mypy-0", "pip:mypy==0.991", {"a.py": WRONG_RETURN}, "mypy a.py", fault("mypy", "type", "a.py", 2, code="return-value"))
apart("mypy-1-pretty", "pip:mypy==1.8.0", {"a.py": WRONG_RETURN}, "mypy --pretty --show-column-numbers --show-error-end a.py", fault("mypy", "type", "a.py", 2, code="return-value"))
recipe("mypy-missing-stubs", "pip:mypy", {"a.py": "import nowhere_at_all\n"}, "mypy a.py", fault("mypy", "import|type", "a.py", 1, code="import-not-found"))
apart("pylint-2", "pip:pylint==2.17.7", {"a.py": '"""A."""\nimport os\n'}, "pylint a.py", fault("pylint", "lint", "a.py", 2, code="W0611"))
for form in ("parseable", "msvs", "colorized", "json2", "github"):
    recipe(f"pylint-{form}", "pip:pylint", {"a.py": '"""A."""\nimport os\n'}, f"pylint --output-format={form} a.py", fault("pylint", "lint", "a.py", 2, code="W0611" if form != "github" else None))
apart("flake8-5", "pip:flake8==5.0.4 pip:flake8-bugbear==23.1.20 pip:flake8-docstrings==1.7.0", {"a.py": '"""A."""\n\n\ndef f(x=[]):\n    return x\n'}, "flake8 a.py", fault("flake8", "lint", "a.py", 4, code="B006"), fault("flake8", "lint", "a.py", 4, code="D103"))
recipe("flake8-pylint-form", "pip:flake8", {"a.py": UNUSED}, "flake8 --format=pylint a.py", fault("flake8", "lint", "a.py", 1, code="F401"), fault("flake8", "lint", "a.py", 2, code="E225"))
recipe("flake8-statistics", "pip:flake8", {"a.py": UNUSED}, "flake8 --show-source --statistics --count a.py", fault("flake8", "lint", "a.py", 1, code="F401"), fault("flake8", "lint", "a.py", 2, code="E225"))
apart("wemake", "pip:wemake-python-styleguide", {"a.py": '"""A."""\n\nX1 = 1\n\n\ndef f():\n    print(X1)\n'}, "flake8 --select=WPS421 --format=wemake a.py", fault("flake8|wemake", "lint", "a.py", 7, code="WPS421"))
apart("black-22", "pip:black==22.12.0 pip:click==8.0.4", {"a.py": "x=1\n"}, "black --check .", fault("black", "format", "a.py"))
recipe("black-syntax", "pip:black", {"a.py": "def f(:\n    pass\n"}, "black --check .", fault("black", "syntax", "a.py", 1))
apart("isort-4", "pip:isort==4.3.21 pip:toml pip:setuptools", {"a.py": "import sys\nimport os\n\nprint(os, sys)\n"}, "isort -c a.py", fault("isort", "format", "a.py"))
apart("ruff-0.0", "pip:ruff==0.0.291", {"a.py": UNUSED}, "ruff check --isolated --no-cache --show-source .", fault("ruff", "lint", "a.py", 1, code="F401"))
apart("ruff-0.4", "pip:ruff==0.4.10", {"a.py": UNUSED}, "ruff check --isolated --no-cache .", fault("ruff", "lint", "a.py", 1, code="F401"))
for form in ("sarif", "junit", "gitlab", "azure", "rdjson"):
    # Its own choice of rules, which grows, finds more in the same lines.
    recipe(f"ruff-{form}", "pip:ruff", {"a.py": UNUSED}, f"ruff check --isolated --no-cache --select F401 --output-format {form} .", fault("ruff|sarif|junit-xml", "lint", "a.py", 1))
recipe("ruff-format-diff", "pip:ruff", {"a.py": "x=1\n"}, "ruff format --isolated --no-cache --diff .", fault("ruff-format", "format", "a.py"))
recipe("ruff-syntax", "pip:ruff", {"a.py": "def f(:\n    pass\n"}, "ruff check --isolated --no-cache .",
       # It tells the break twice: what it met, and what is not closed.
       fault("ruff", "syntax", "a.py", 1), fault("ruff", "syntax", "a.py", 1))
apart("pyright-1.1.300", "pip:pyright==1.1.300", {"a.py": WRONG_RETURN}, "pyright a.py", fault("pyright", "type", "a.py", 2))
recipe("zuban", "pip:zuban", {"a.py": WRONG_RETURN}, "zuban check a.py", fault("mypy|zuban", "type", "a.py", 2, code="return-value"))
recipe("bandit-json", "pip:bandit", {"a.py": "import subprocess\n\nsubprocess.call('ls', shell=True)\n"}, "bandit -q -f json a.py", fault("bandit", "lint", "a.py", 1), fault("bandit", "lint", "a.py", 3), fault("bandit", "lint", "a.py", 3))
recipe("bandit-custom", "pip:bandit", {"a.py": "import pickle\n"}, "bandit -q -f custom a.py", fault("bandit|lint", "lint", "a.py", 1, code="B403"))
recipe("autoflake", "pip:autoflake", {"a.py": "import os\n"}, "autoflake --check -r .", fault("autoflake", "lint|format", "a.py"))
recipe("pyupgrade", "pip:pyupgrade", {"a.py": "x = set([1, 2])\n"}, "pyupgrade a.py", fault("pyupgrade", "lint|format", "a.py"))
recipe("usort", "pip:usort", {"a.py": "import sys\nimport os\n"}, "usort check a.py", fault("usort", "format|lint", "a.py"))
recipe("ufmt", "pip:ufmt pip:black pip:usort", {"a.py": "import sys\nimport os\nx=1\n"}, "ufmt check a.py", fault("ufmt", "format|lint", "a.py"))
recipe("pyproject-fmt", "pip:pyproject-fmt", {"pyproject.toml": "[project]\nversion='1'\nname='a'\n"}, "pyproject-fmt --check pyproject.toml", fault("pyproject-fmt", "format|lint", "pyproject.toml"))
recipe("toml-sort", "pip:toml-sort", {"a.toml": "b = 1\na = 2\n"}, "toml-sort --all --check a.toml", fault("toml-sort", "format|lint", "a.toml"))
recipe("taplo-format", "pip:taplo", {"a.toml": "a   =  1\n"}, "taplo format --check a.toml", fault("taplo", "format", "a.toml"))
recipe("taplo-lint", "pip:taplo", {"a.toml": "a = 1\na = 2\n"}, "taplo lint a.toml", fault("taplo", "lint|syntax", "a.toml"))
recipe("tombi", "pip:tombi", {"a.toml": "a = 1\na = 2\n"}, "tombi lint --offline a.toml", fault("tombi|lint", "lint|syntax", "a.toml", 2))
recipe("rumdl", "pip:rumdl", {"a.md": "# A\n\n### B\n"}, "rumdl check --no-cache a.md", fault("rumdl|markdownlint", "lint", "a.md", 3, code="MD001"))
recipe("yamlfix", "pip:yamlfix", {"a.yaml": "a:   1\n"}, "yamlfix --check a.yaml", fault("yamlfix", "format|lint", "a.yaml"))
recipe("yamllint-parsable", "pip:yamllint", {"a.yaml": "---\na: 1\na: 2\n"}, "yamllint -f parsable a.yaml", fault("yamllint", "lint", "a.yaml", 3, code="key-duplicates"))
recipe("yamllint-syntax", "pip:yamllint", {"a.yaml": "---\na: [1\nb: 2\n"}, "yamllint a.yaml", fault("yamllint", "syntax", "a.yaml", 3))
HOOKS = "pip:pre-commit-hooks"
recipe("hook-check-yaml", HOOKS, {"a.yaml": "a: [1\nb: 2\n"}, "check-yaml a.yaml", fault("check-yaml|pre-commit|lint|pyyaml", "syntax|lint|configuration", "a.yaml", 2))
recipe("hook-check-json", HOOKS, {"a.json": "{\"a\": 1,}\n"}, "check-json a.json", fault("check-json|pre-commit|lint", "syntax|lint|configuration", "a.json", 1))
recipe("hook-check-ast", HOOKS, {"a.py": "def f(:\n    pass\n"}, "check-ast a.py", fault("check-ast|python", "syntax", "a.py", 1))
recipe("hook-end-of-file", HOOKS, {"a.txt": "a"}, "end-of-file-fixer a.txt", fault("end-of-file-fixer|pre-commit", "format|lint", "a.txt"))
recipe("hook-trailing-whitespace", HOOKS, {"a.txt": "a \n"}, "trailing-whitespace-fixer a.txt", fault("trailing-whitespace-fixer|trailing-whitespace|pre-commit", "format|lint", "a.txt"))
recipe("editorconfig-checker-py", "pip:editorconfig-checker", {".editorconfig": "root = true\n[*]\nindent_style = space\n", "a.txt": "\ta\n"}, "ec a.txt", fault("editorconfig-checker", "lint|format", "a.txt", 1))
recipe("cmake-format", "pip:cmakelang", {"CMakeLists.txt": "project( a   C )\n"}, "cmake-format --check CMakeLists.txt", fault("cmake-format", "format", "CMakeLists.txt"))
recipe("cmake-lint", "pip:cmakelang", {"CMakeLists.txt": "project(a C)\nset(lower_case   1)\nfoo( )\n"}, "cmake-lint CMakeLists.txt",
       # The name on the second line is what it has a rule for.
       fault("cmake-lint|lint", "lint", "CMakeLists.txt", 2))
recipe("fortitude", "pip:fortitude-lint", {"a.f90": "program a\n  integer :: i\n  i = 1\nend program a\n"}, "fortitude check --select C001 a.f90", fault("fortitude|lint", "lint", "a.f90", 1, code="C001"))
recipe("proselint", "pip:proselint", {"a.md": "This is very unique.\n"}, "proselint check a.md",
       # Two of its rules are against the one phrase.
       fault("proselint|lint", "lint", "a.md", 1), fault("proselint|lint", "lint", "a.md", 1))
recipe("blacken-docs", "pip:blacken-docs", {"a.md": "# A\n\n```python\nx=1\n```\n"}, "blacken-docs a.md", fault("blacken-docs", "format", "a.md"))
recipe("eradicate", "pip:eradicate", {"a.py": "# x = 1\ny = 2\n"}, "eradicate --error a.py", fault("eradicate", "lint", "a.py", 1))
recipe("xenon", "pip:xenon", {"a.py": "def f(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(12))}, "xenon --max-absolute A a.py", fault("xenon", "lint", "a.py", 1))
recipe("complexipy", "pip:complexipy", {"a.py": "def f(x):\n" + "    for y in x:\n        if y:\n            for z in y:\n                if z:\n                    for w in z:\n                        if w:\n                            print(w)\n"}, "complexipy --max-complexity-allowed 5 a.py", fault("complexipy", "lint", "a.py"))
recipe("prospector", "pip:prospector", {"a.py": "import os\n"}, "prospector --tool pyflakes a.py", fault("prospector|pyflakes|lint", "lint", "a.py", 1, code="F401"))
# It plugs itself into pytest, and needs what setuptools no longer has.
apart("pylama", "pip:pylama pip:setuptools<80", {"a.py": UNUSED}, "pylama a.py", fault("pylama|pycodestyle|lint", "lint", "a.py", 2), fault("pylama|pyflakes|lint", "lint", "a.py", 1))
recipe("fixit", "pip:fixit", {"a.py": "def f(x):\n    return x == None\n"}, "fixit lint a.py",
       # The first break, an assertion on a tuple, is against no rule of its choice any more.
       fault("fixit|lint", "lint", "a.py", 2))
recipe("detect-secrets", "pip:detect-secrets", {"a.py": "password = 'AKIAIOSFODNN7EXAMPLE'\n"}, "detect-secrets-hook a.py", fault("detect-secrets", "lint", "a.py", 1))
recipe("commitizen", "pip:commitizen", {"a.txt": "a\n"}, "cz check --message 'did something'", fault("commitizen", "lint|configuration"))
recipe("gitlint", "pip:gitlint", {"a.txt": "a\n"}, "gitlint --msg-filename /dev/stdin <<< 'WIP: a.'", fault("gitlint", "lint", code="T5"), fault("gitlint", "lint", code="T3"), fault("gitlint", "lint", code="B6"))
recipe("towncrier", "pip:towncrier", {"pyproject.toml": "[tool.towncrier]\ndirectory = 'changes'\nfilename = 'NEWS.rst'\n", "changes/.gitkeep": ""}, "git checkout -qb work && echo b > b.py && git add b.py && git -c user.name=a -c user.email=a@example.org commit -qm b && towncrier check --compare-with master", fault("towncrier", "lint|configuration"), before="git init -q -b master . && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm a")
recipe("pip-check", "pip:uv", {"a.txt": "a\n"}, "python3 -m venv v >/dev/null && v/bin/pip install -q --disable-pip-version-check --no-deps pytest && v/bin/pip check", *(fault("pip", "dependency", has=name) for name in ("iniconfig", "packaging", "pluggy", "pygments")))
recipe("twine-check", "pip:twine pip:build pip:setuptools", {"pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'a'\nversion = '1'\nreadme = 'README.rst'\n", "README.rst": "A\n=\n\n.. nowhere::\n", "a.py": ""}, "python -m build -q --no-isolation --sdist && twine check dist/*", fault("twine", "lint|configuration|syntax"))
# It breaks beside others' versions of its libraries.
apart("pdm-lock", "pip:pdm", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['iniconfig>=900']\n"}, "pdm lock", fault("pdm", "dependency", has="iniconfig"))
recipe("hatch-env", "pip:hatch", {"pyproject.toml": "[project]\nname = 'a'\nversion = 1\n[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n", "a.py": ""}, "hatch build", fault("hatch|python-build|python", "configuration|runtime", has="project.version"))
recipe("uv-pip-missing", "pip:uv", {"requirements.txt": "nowhere-at-all-here==1\n"}, "uv pip compile requirements.txt", fault("uv", "dependency", has="nowhere-at-all-here"))
recipe("uv-toml", "pip:uv", {"pyproject.toml": "[project]\nname = 'a'\nversion = \n"}, "uv sync", fault("uv", "configuration|syntax", "pyproject.toml", 3))
recipe("uv-locked", "pip:uv", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\nrequires-python = '>=3.9'\n"}, "sed -i 's/3.9/3.10/' pyproject.toml && uv lock --check", fault("uv", "dependency|configuration"), before="HOME/py/bin/uv lock -q")
recipe("poetry-resolution", "pip:poetry", {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['iniconfig>=900']\n[tool.poetry]\npackage-mode = false\n"}, "poetry lock", fault("poetry", "dependency", has="iniconfig"))
recipe("cython", "pip:cython", {"a.pyx": "cdef int f():\n    return nowhere\n"}, "cython -3 a.pyx", fault("cython", "type|syntax|lint", "a.pyx", 2))
recipe("protoc", "pip:grpcio-tools", {"a.proto": "syntax = \"proto3\";\nmessage A {\n  strin a = 1;\n}\n"}, "python -m grpc_tools.protoc -I. --python_out=. a.proto", fault("protoc|buf|lint", "type|syntax|lint", "a.proto", 3))
recipe("nbconvert", "pip:nbconvert pip:ipykernel", {"a.ipynb": '{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], "source": ["1 / 0"]}], "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}\n'}, "jupyter nbconvert --to notebook --execute a.ipynb", fault("python|nbconvert|jupyter", "runtime|logic", has="ZeroDivisionError"))
recipe("ansible-syntax", "pip:ansible-core", {"play.yml": "- hosts: all\n  tasks:\n    - nowhere_module: {}\n"}, "ansible-playbook --syntax-check -i localhost, play.yml", fault("ansible|ansible-playbook|ansible-lint", "configuration|syntax|import", "play.yml", 3))
recipe("snakefmt", "pip:snakefmt", {"Snakefile": "rule a:\n  input: 'b'\n"}, "snakefmt --check Snakefile",
       # It says how many, and not which.
       fault("snakefmt", "format", has="would be changed"))
recipe("sqlfmt", "pip:shandy-sqlfmt[jinjafmt]", {"a.sql": "SELECT  a FROM b\n"}, "sqlfmt --check --no-progressbar a.sql", fault("sqlfmt", "format", "a.sql"))
recipe("scons", "pip:scons system:gcc", {"SConstruct": "Program('a.c')\n", "a.c": "int main(void) {\n  return nowhere;\n}\n"}, "scons -Q", fault("cc", "type|syntax", "a.c", 2))
recipe("docutils", "pip:docutils", {"a.rst": "Longer title\n=====\n\n:nowhere:`a`\n"}, "rst2html --exit-status=2 a.rst /dev/null 2>&1",
       # Of one role it says no more than once now.
       fault("docutils|sphinx|lint|rstcheck", "lint|syntax", "a.rst", 2), fault("docutils|sphinx|lint|rstcheck", "lint|syntax", "a.rst", 4))
recipe("python-assert-script", "system:python3", {"lib/a.py": "def f(x):\n    return x['b']\n", "run.py": "import sys\nsys.path.insert(0, 'lib')\nimport a\n\na.f({})\n"}, "python3 run.py", fault("python", "runtime", "lib/a.py", 2))

# Node

FLAT = "export default [{ rules: { 'no-undef': 'error', 'prefer-const': 'error' } }];\n"
LEGACY = '{"root": true, "parserOptions": {"ecmaVersion": 2020}, "rules": {"no-undef": 2}}\n'
for major in (7, 8):
    apart(f"eslint-{major}", f"npm:eslint@{major}", {"package.json": PACKAGE % "", ".eslintrc.json": LEGACY, "a.js": "b();\n"}, "eslint .", fault("eslint", "lint|type", "a.js", 1, code="no-undef"))
# Its code frames are no part of it since 8.
for form in ("compact", "unix", "tap", "checkstyle", "junit", "visualstudio"):
    recipe(f"eslint-8-{form}", "npm:eslint8@npm:eslint@8", {"package.json": PACKAGE % "", ".eslintrc.json": LEGACY, "a.js": "b();\n"}, f"node HOME/js/node_modules/eslint8/bin/eslint.js -f {form} .",
           fault("eslint|checkstyle-xml|junit-xml|tap|lint|checkstyle", "lint|type|logic", "a.js", 1, code=None if form in ("codeframe",) else "no-undef"), apart=form == "codeframe")
apart("eslint-9", "npm:eslint@9", {"package.json": ESM, "eslint.config.js": FLAT, "a.js": "let x = 1;\nb(x);\n"}, "eslint .", fault("eslint", "lint", "a.js", 1, code="prefer-const"), fault("eslint", "lint|type", "a.js", 2, code="no-undef"))
recipe("eslint-no-config", "npm:eslint", {"package.json": ESM, "a.js": "1;\n"}, "eslint .", fault("eslint", "configuration"))
recipe("eslint-broken-config", "npm:eslint", {"package.json": ESM, "eslint.config.js": "export default [{ rules: { 'no-undef': 'loud' } }];\n", "a.js": "1;\n"}, "eslint .", fault("eslint", "configuration", has="no-undef"))
apart("typescript-eslint", "npm:eslint@9 npm:typescript-eslint@8 npm:typescript@5.9", {"package.json": ESM, "eslint.config.js": "import t from 'typescript-eslint';\nexport default t.config(t.configs.recommended);\n", "a.ts": "export const a: any = 1;\n"}, "eslint .", fault("eslint", "lint|type", "a.ts", 1, code="@typescript-eslint/no-explicit-any"), before=LINK)
JEST_TEST = "test('adds', () => {\n  expect(1 + 1).toBe(3);\n});\n"
for major in (26, 27, 29):
    apart(f"jest-{major}", f"npm:jest@{major}", {"package.json": PACKAGE % "", "a.test.js": JEST_TEST}, "jest", fault("jest", "logic", "a.test.js", 2, test="adds"))
recipe("jest-syntax", "npm:jest", {"package.json": PACKAGE % "", "a.test.js": "test('adds', () => {\n  const x = ;\n});\n"}, "jest", fault("jest", "syntax", "a.test.js", 2))
recipe("jest-missing", "npm:jest", {"package.json": PACKAGE % "", "a.test.js": "const a = require('./nowhere');\ntest('adds', () => {});\n"}, "jest", fault("jest", "import", "a.test.js", 1))
recipe("jest-snapshot", "npm:jest", {"package.json": PACKAGE % "", "a.test.js": "test('adds', () => {\n  expect(1 + 1).toMatchSnapshot();\n});\n", "__snapshots__/a.test.js.snap": "// Jest Snapshot v1, https://jestjs.io/docs/snapshot-testing\n\nexports[`adds 1`] = `3`;\n"}, "jest --ci", fault("jest", "logic", "a.test.js", 2, test="adds"))
apart("ts-jest", "npm:jest@29 npm:ts-jest@29 npm:typescript@5.4 npm:@types/jest@29", {"package.json": PACKAGE % ', "jest": {"preset": "ts-jest"}', "tsconfig.json": '{"compilerOptions": {"strict": true, "types": ["jest"]}}\n', "a.test.ts": "const x: string = 1;\ntest('adds', () => {\n  expect(x).toBe(1);\n});\n"}, "jest", fault("jest|tsc|ts-jest", "type", "a.test.ts", 1, code="TS2322"), before=LINK)
VITEST_TEST = "import { expect, test } from 'vitest';\n\ntest('adds', () => {\n  expect(1 + 1).toBe(3);\n});\n"
for major, vite in ((0, 4), (1, 5), (2, 5), (3, 6)):
    version = "0.34" if major == 0 else major
    apart(f"vitest-{major}", f"npm:vitest@{version} npm:vite@{vite}", {"package.json": ESM, "a.test.js": VITEST_TEST}, "vitest run", fault("vitest", "logic", "a.test.js", 4, test="adds"), before=LINK)
for form in ("verbose", "dot", "tap", "tap-flat", "junit", "github-actions"):
    recipe(f"vitest-{form}", "npm:vitest@4 npm:vite", {"package.json": ESM, "a.test.js": VITEST_TEST}, f"vitest run --reporter={form}", fault("vitest|tap|junit-xml|github-actions", "logic", "a.test.js", 4, test=None if form == "github-actions" else "adds"), before=LINK)
recipe("vitest-missing", "npm:vitest@4 npm:vite", {"package.json": ESM, "a.test.js": "import { test } from 'vitest';\nimport './nowhere.js';\n\ntest('adds', () => {});\n"}, "vitest run", fault("vitest", "import", "a.test.js", 2), before=LINK)
apart("mocha-8", "npm:mocha@8", {"package.json": PACKAGE % "", "test/a.js": "const assert = require('assert');\n\ndescribe('sums', () => {\n  it('adds', () => {\n    assert.strictEqual(1 + 1, 3);\n  });\n});\n"}, "mocha", fault("mocha", "logic", "test/a.js", 5, test="adds"))
for form in ("dot", "tap", "json", "min", "list", "xunit"):
    recipe(f"mocha-{form}", "npm:mocha", {"package.json": PACKAGE % "", "test/a.js": "const assert = require('assert');\n\ndescribe('sums', () => {\n  it('adds', () => {\n    assert.strictEqual(1 + 1, 3);\n  });\n});\n"}, f"mocha -R {form}", fault("mocha|tap|junit-xml", "logic", "test/a.js", 5, test="adds"))
apart("ava-4", "npm:ava@4", {"package.json": ESM, "a.test.js": "import test from 'ava';\n\ntest('adds', t => {\n\tt.is(1 + 1, 3);\n});\n"}, "ava", fault("ava", "logic", "a.test.js", 4, test="adds"), before=LINK)
for reporter in ("spec", "tap", "dot", "junit"):
    recipe(f"node-test-{reporter}", "system:node", {"package.json": PACKAGE % "", "a.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\n\ntest('adds', () => {\n  assert.strictEqual(1 + 1, 3);\n});\n"}, f"node --test --test-reporter={reporter}", fault("node-test|tap|junit-xml", "logic", "a.test.js", 5, test="adds"))
recipe("qunit", "npm:qunit", {"package.json": PACKAGE % "", "test/a.js": "QUnit.test('adds', (assert) => {\n  assert.equal(1 + 1, 3);\n});\n"}, "qunit", fault("tap|qunit", "logic", "test/a.js", 2, test="adds"))
recipe("lab", "npm:@hapi/lab npm:@hapi/code", {"package.json": PACKAGE % "", "test/a.js": "const Lab = require('@hapi/lab');\nconst { expect } = require('@hapi/code');\nconst lab = exports.lab = Lab.script();\n\nlab.test('adds', () => {\n  expect(1 + 1).to.equal(3);\n});\n"}, "lab", fault("lab", "logic", "test/a.js", 6, test="adds"), before=LINK)
TS = '{"compilerOptions": {"strict": true, "noEmit": true, "types": []}, "include": ["*.ts"]}\n'
for version in ("4.9", "5.9"):
    apart(f"tsc-{version}", f"npm:typescript@{version}", {"tsconfig.json": TS, "a.ts": "const x: string = 1;\nexport default x;\n"}, "tsc -p .", fault("tsc", "type", "a.ts", 1, code="TS2322"))
    apart(f"tsc-{version}-pretty", f"npm:typescript@{version}", {"tsconfig.json": TS, "a.ts": "const x: string = 1;\nexport default x;\n"}, "tsc -p . --pretty", fault("tsc", "type", "a.ts", 1, code="TS2322"))
apart("tsc-build", "npm:typescript@5.9", {"tsconfig.json": '{"files": [], "references": [{"path": "a"}]}\n', "a/tsconfig.json": '{"compilerOptions": {"composite": true, "strict": true, "types": []}}\n', "a/a.ts": "export const x: string = 1;\n"}, "tsc -b --verbose", fault("tsc", "type", "a/a.ts", 1, code="TS2322"))
recipe("tsc-unknown-option", "npm:typescript", {"tsconfig.json": '{"compilerOptions": {"strictt": true}, "include": ["*.ts"]}\n', "a.ts": "export {};\n"}, "tsc -p .", fault("tsc", "configuration|type", "tsconfig.json", 1))
apart("ts-node", "npm:ts-node npm:typescript@5.4 npm:@types/node@20", {"tsconfig.json": '{"compilerOptions": {"strict": true, "module": "commonjs"}}\n', "a.ts": "const x: string = 1;\nconsole.log(x);\n"}, "ts-node a.ts", fault("tsc|ts-node|node", "type", "a.ts", 1, code="TS2322"), before=LINK)
recipe("tsx-throw", "npm:tsx", {"package.json": ESM, "a.ts": "const f = (x: string) => {\n  throw new Error(`no ${x}`);\n};\nf('a');\n"}, "tsx a.ts", fault("node|tsx", "runtime", "a.ts", 2))
apart("vue-tsc", "npm:vue-tsc@2 npm:typescript@5.6 npm:vue@3",
      # Vue's own types need more than the oldest JavaScript.
      {"tsconfig.json": '{"compilerOptions": {"target": "es2020", "moduleResolution": "bundler", "module": "es2020", "strict": true, "noEmit": true, "types": []}, "include": ["*.vue"]}\n', "a.vue": "<script setup lang=\"ts\">\nconst x: string = 1;\n</script>\n<template>{{ x }}</template>\n"}, "vue-tsc -p .", fault("tsc|vue-tsc", "type", "a.vue", 2, code="TS2322"), before=LINK)
apart("svelte-check-4", "npm:svelte-check@4 npm:svelte@5 npm:typescript@5.6", {"package.json": ESM, "tsconfig.json": '{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "bundler", "target": "esnext", "verbatimModuleSyntax": true}, "include": ["*.svelte"]}\n', "A.svelte": "<script lang=\"ts\">\n  const x: string = 1;\n</script>\n\n{x}\n"}, "svelte-check --tsconfig ./tsconfig.json", fault("svelte-check|lint", "type|lint", "A.svelte", 2), before=LINK)
apart("prettier-2", "npm:prettier@2", {"a.js": "const a  = 1\n"}, "prettier --check a.js", fault("prettier", "format", "a.js"))
recipe("prettier-list", "npm:prettier", {"a.js": "const a  = 1\n"}, "prettier -l a.js", fault("prettier", "format", "a.js"))
for major in (14, 15):
    apart(f"stylelint-{major}", f"npm:stylelint@{major}", {"package.json": PACKAGE % "", ".stylelintrc.json": '{"rules": {"property-no-unknown": true}}\n', "a.css": "a { colr: red }\n"}, "stylelint a.css", fault("stylelint", "lint", "a.css", 1, code="property-no-unknown"))
# Its form for GitHub has gone.
for form in ("compact", "unix", "json", "tap", "verbose"):
    recipe(f"stylelint-{form}", "npm:stylelint", {"package.json": PACKAGE % "", ".stylelintrc.json": '{"rules": {"property-no-unknown": true}}\n', "a.css": "a { colr: red }\n"}, f"stylelint -f {form} a.css", fault("stylelint|lint|tap|github-actions", "lint|logic", "a.css", 1))
apart("biome-1", "npm:@biomejs/biome@1.9.4", {"biome.json": "{}\n", "a.js": "debugger;\n"}, "biome lint a.js", fault("biome", "lint", "a.js", 1, code="lint/suspicious/noDebugger"))
for form in ("json", "github", "gitlab", "junit", "rdjson", "checkstyle", "sarif"):
    recipe(f"biome-{form}", "npm:@biomejs/biome", {"biome.json": "{}\n", "a.js": "debugger;\n"}, f"biome lint --reporter={form} a.js", fault("biome|github-actions|junit-xml|checkstyle|checkstyle-xml|sarif", "lint", "a.js", 1))
for form in ("unix", "github", "checkstyle", "junit", "stylish", "gitlab"):
    recipe(f"oxlint-{form}", "npm:oxlint", {"package.json": ESM, "a.js": "debugger;\n"}, f"oxlint -D no-debugger -f {form} a.js", fault("oxlint|github-actions|junit-xml|checkstyle|checkstyle-xml|eslint", "lint", "a.js", 1))
recipe("oxfmt", "npm:oxfmt", {"a.js": "const a  = 1\n"}, "oxfmt --check a.js", fault("oxfmt", "format", "a.js"))
recipe("html-validate", "npm:html-validate", {"package.json": PACKAGE % "", ".htmlvalidate.json": '{"root": true, "rules": {"no-dup-id": "error"}, "elements": ["html5"]}\n', "a.html": "<p id=\"a\"></p>\n<p id=\"a\"></p>\n"}, "html-validate a.html", fault("html-validate|eslint|lint", "lint", "a.html", 2, code="no-dup-id"))
apart("markdownlint-cli-0.30", "npm:markdownlint-cli@0.30.0", {"a.md": "# A\n\n### B\n"}, "markdownlint a.md", fault("markdownlint", "lint", "a.md", 3, code="MD001"))
apart("cspell-6", "npm:cspell@6", {"a.md": "This is the wrnog end.\n"}, "cspell --no-progress a.md", fault("cspell", "lint", "a.md", 1))
apart("madge", "npm:madge npm:typescript@5.9", {"package.json": ESM, "a.js": "import './b.js';\n", "b.js": "import './a.js';\n"}, "madge --circular .", fault("madge", "lint", has="a.js"))
apart("webpack-5-missing", "npm:webpack@5 npm:webpack-cli@5", {"package.json": PACKAGE % "", "src/index.js": "require('./nowhere');\n"}, "webpack --mode production", fault("webpack", "import", "src/index.js", 1), before=LINK)
recipe("webpack-syntax", "npm:webpack npm:webpack-cli", {"package.json": PACKAGE % "", "src/index.js": "const y = 1;\nconst x = ;\n"}, "webpack --mode production", fault("webpack", "syntax", "src/index.js", 2), before=LINK)
for major in (4, 5):
    apart(f"vite-{major}", f"npm:vite@{major}", {"package.json": ESM, "index.html": "<script type=module src=/a.js></script>\n", "a.js": "import { b } from './b.js';\nconsole.log(b);\n", "b.js": "export const c = 1;\n"}, "vite build", fault("vite|rollup", "import", "a.js", 1), before=LINK)
recipe("vite-missing-export", "npm:vite", {"package.json": ESM, "index.html": "<script type=module src=/a.js></script>\n", "a.js": "import { b } from './b.js';\nconsole.log(b);\n", "b.js": "export const c = 1;\n"}, "vite build", fault("vite|rollup|rolldown", "import", "a.js", 1), before=LINK)
apart("rollup-2", "npm:rollup@2", {"package.json": ESM, "a.js": "import { b } from './b.js';\nconsole.log(b);\n", "b.js": "export const c = 1;\n"}, "rollup a.js -f es -o out.js", fault("rollup", "import", "a.js", 1))
apart("esbuild-0.14", "npm:esbuild@0.14", {"a.js": "import './nowhere';\n"}, "esbuild --bundle a.js", fault("esbuild", "import", "a.js", 1))
apart("next-build", "npm:next@15 npm:react@19 npm:react-dom@19 npm:typescript@5.9 npm:@types/react@19 npm:@types/node@20", {"package.json": PACKAGE % "", "tsconfig.json": '{"compilerOptions": {"strict": true, "jsx": "preserve", "noEmit": true, "moduleResolution": "bundler", "module": "esnext"}, "include": ["**/*.ts", "**/*.tsx"]}\n', "app/layout.tsx": "export default function L({ children }: { children: React.ReactNode }) {\n  return <html><body>{children}</body></html>;\n}\n", "app/page.tsx": "export default function P() {\n  const x: string = 1;\n  return <p>{x}</p>;\n}\n"}, "next build", fault("next|tsc|lint", "type", "app/page.tsx", 2), before="cp -r HOME/js/node_modules node_modules")
apart("playwright-no-browser", "npm:@playwright/test", {"package.json": PACKAGE % "", "a.spec.js": "const { test, expect } = require('@playwright/test');\n\ntest('opens', async ({ page }) => {\n  await page.goto('data:text/html,a');\n});\n"}, "PLAYWRIGHT_BROWSERS_PATH=/nowhere playwright test", fault("playwright", "environment", test=None), before=LINK)
apart("playwright-fails", "npm:@playwright/test", {"package.json": PACKAGE % "", "a.spec.js": "const { test, expect } = require('@playwright/test');\n\ntest('adds', async () => {\n  expect(1 + 1).toBe(3);\n});\n"}, "playwright test", fault("playwright", "logic", "a.spec.js", 4, test="adds"), before=LINK)
for form in ("json", "junit"):
    apart(f"playwright-{form}", "npm:@playwright/test", {"package.json": PACKAGE % "", "a.spec.js": "const { test, expect } = require('@playwright/test');\n\ntest('adds', async () => {\n  expect(1 + 1).toBe(3);\n});\n"}, f"playwright test --reporter={form}", fault("playwright|junit-xml", "logic", "a.spec.js", 4, test="adds"), before=LINK)
apart("npm-8-eresolve", "npm:npm@8", {"package.json": PACKAGE % ', "dependencies": {"react": "18.0.0", "react-dom": "17.0.0"}'}, "npm install --no-audit --no-fund --dry-run", fault("npm", "dependency", has="react"))
recipe("npm-etarget", "system:npm", {"package.json": PACKAGE % ', "dependencies": {"left-pad": "99.0.0"}'}, "npm install --no-audit --no-fund", fault("npm", "dependency", has="left-pad"))
recipe("npm-json", "system:npm", {"package.json": '{"name": "app",\n  "version": "1.0.0",,\n}\n'}, "npm test", fault("npm", "configuration|syntax", "package.json"))
recipe("npm-run-fails", "system:npm", {"package.json": PACKAGE % ', "scripts": {"test": "node a.js"}', "a.js": "throw new Error('no');\n"}, "npm test", fault("node", "runtime", "a.js", 1))
apart("pnpm-8", "npm:pnpm@8", {"package.json": PACKAGE % ', "dependencies": {"left-pad": "99.0.0"}'}, "pnpm install", fault("pnpm", "dependency", has="left-pad"))
apart("yarn-1", "npm:yarn@1", {"package.json": PACKAGE % ', "dependencies": {"left-pad": "99.0.0"}'}, "yarn install --non-interactive", fault("yarn", "dependency", has="left-pad"))
recipe("eclint", "npm:eclint", {"package.json": PACKAGE % "", ".editorconfig": "root = true\n[*]\nindent_style = space\nindent_size = 2\n", "a.js": "\tf();\n"}, "eclint check a.js", fault("eclint|lint|eslint|editorconfig-checker", "lint|format", "a.js", 1))
apart("xo", "npm:xo npm:typescript@5.9", {"package.json": ESM, "a.js": "const a = 1\nconsole.log(a);\n"}, "xo a.js", fault("eslint|xo", "lint|format", "a.js", 1), before=LINK)
recipe("secretlint", "npm:secretlint npm:@secretlint/secretlint-rule-preset-recommend", {"package.json": PACKAGE % "", ".secretlintrc.json": '{"rules": [{"id": "@secretlint/secretlint-rule-preset-recommend"}]}\n', "a.txt": "url: https://user:pass1234@example.org/a\n"}, "secretlint a.txt", fault("secretlint|eslint|lint|textlint", "lint", "a.txt", 1), before=LINK)
recipe("sort-package-json", "npm:sort-package-json", {"package.json": '{\n  "version": "1.0.0",\n  "name": "app"\n}\n'}, "sort-package-json --check", fault("sort-package-json", "format|lint", "package.json"))
recipe("npmPkgJsonLint", "npm:npm-package-json-lint", {"package.json": PACKAGE % "", ".npmpackagejsonlintrc.json": '{"rules": {"require-license": "error"}}\n'}, "npmPkgJsonLint .", fault("npm-package-json-lint|npmPkgJsonLint", "lint|configuration", "package.json"))
recipe("syncpack", "npm:syncpack", {"package.json": PACKAGE % ', "workspaces": ["p/*"]', "p/a/package.json": '{"name": "a", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}\n', "p/b/package.json": '{"name": "b", "version": "1.0.0", "dependencies": {"left-pad": "1.2.0"}}\n'}, "syncpack lint", fault("syncpack", "dependency|lint|configuration"))
apart("type-coverage", "npm:type-coverage npm:typescript@5.9", {"package.json": PACKAGE % "", "tsconfig.json": TS, "a.ts": "export const a: any = 1;\n"}, "type-coverage --at-least 100 --detail", fault("type-coverage|lint", "type|lint", "a.ts", 1))
apart("typedoc", "npm:typedoc npm:typescript@5.9", {"package.json": PACKAGE % "", "tsconfig.json": TS, "a.ts": "/** See {@link Nowhere}. */\nexport const a = 1;\n"}, "typedoc --treatWarningsAsErrors a.ts", fault("typedoc", "lint|type|configuration", "a.ts"), before=LINK)
recipe("gulp", "npm:gulp", {"package.json": PACKAGE % "", "gulpfile.js": "exports.default = async () => {\n  throw new Error('no task');\n};\n"}, "gulp", fault("gulp|node", "runtime", "gulpfile.js", 2), before=LINK)
recipe("grunt", "npm:grunt npm:grunt-cli", {"package.json": PACKAGE % "", "Gruntfile.js": "module.exports = (grunt) => {\n  grunt.registerTask('default', () => grunt.fail.fatal('no task'));\n};\n"}, "grunt", fault("grunt", "runtime|configuration|unknown", has="no task"), before=LINK)
recipe("coffeelint", "npm:@coffeelint/cli", {"package.json": PACKAGE % "", "a.coffee": "x = 1;\n"}, "coffeelint a.coffee", fault("coffeelint|lint", "lint", "a.coffee", 1))
recipe("coffee", "npm:coffeescript", {"a.coffee": "x = (1\n"}, "coffee -c a.coffee", fault("coffee|coffeescript|lint", "syntax|lint", "a.coffee", 1))
recipe("flow", "npm:flow-bin", {"package.json": PACKAGE % "", ".flowconfig": "", "a.js": "// @flow\nconst x: string = 1;\n"}, "flow check", fault("flow|lint", "type", "a.js", 2))
recipe("ember-template-lint", "npm:ember-template-lint", {"package.json": PACKAGE % "", ".template-lintrc.js": "module.exports = { rules: { 'no-debugger': 'error' } };\n", "a.hbs": "{{debugger}}\n"}, "ember-template-lint a.hbs", fault("ember-template-lint|eslint|lint", "lint", "a.hbs", 1, code="no-debugger"))
recipe("solhint", "npm:solhint", {"package.json": PACKAGE % "", ".solhint.json": '{"rules": {"max-line-length": ["error", 20]}}\n', "a.sol": "pragma solidity ^0.8.0; contract A {}\n"}, "solhint a.sol", fault("solhint|eslint", "lint", "a.sol", 1, code="max-line-length"))
recipe("rescript", "npm:rescript", {"package.json": PACKAGE % "", "rescript.json": '{"name": "app", "sources": "src", "package-specs": {"module": "esmodule", "in-source": true}}\n', "src/A.res": "let x: string = 1\n"}, "rescript build", fault("rescript|lint", "type", "src/A.res", 1), before=LINK)
recipe("alex", "npm:alex", {"package.json": PACKAGE % "", "a.md": "The whitelist is here.\n"}, "alex a.md", fault("alex|remark|lint", "lint", "a.md", 1))
recipe("swagger-cli", "npm:@apidevtools/swagger-cli", {"a.yaml": "openapi: 3.0.0\ninfo:\n  version: '1'\npaths: {}\n"}, "swagger-cli validate a.yaml", fault("swagger-cli", "configuration|lint", has="title"))
recipe("graphql-schema-linter", "npm:graphql-schema-linter npm:graphql@15", {"a.graphql": "type Query {\n  a: String\n}\n"}, "graphql-schema-linter -r types-have-descriptions a.graphql", fault("graphql-schema-linter|lint|eslint", "lint", "a.graphql", 1), apart=True)

# C, C++, Fortran

C_TYPE = "int f(void) {\n  return nowhere;\n}\n"
recipe("clang", "system:clang", {"a.c": C_TYPE}, "clang -c a.c", fault("cc", "type|syntax", "a.c", 2))
recipe("clang-werror", "system:clang", {"a.c": "int f(void) {\n  int x;\n  return 1;\n}\n"}, "clang -Wall -Werror -c a.c", fault("cc", "lint|type", "a.c", 2))
recipe("g++-template", "system:g++", {"a.cc": "#include <vector>\n#include <algorithm>\nstruct A {};\nvoid f(std::vector<A>& v) {\n  std::sort(v.begin(), v.end());\n}\n"}, "g++ -c a.cc", fault("cc", "type", "a.cc", 5))
recipe("gcc-missing-header", "system:gcc", {"a.c": "#include <nowhere.h>\n"}, "gcc -c a.c", fault("cc", "import|dependency", "a.c", 1))
recipe("gfortran", "system:gfortran", {"a.f90": "program a\n  implicit none\n  x = 1\nend program a\n"}, "gfortran -c a.f90", fault("cc|gfortran", "type|syntax|lint", "a.f90", 3))
recipe("cppcheck", "system:cppcheck", {"a.c": "int f(void) {\n  int a[2] = {0, 0};\n  return a[5];\n}\n"}, "cppcheck -q --error-exitcode=1 a.c", fault("cppcheck|lint|cc", "lint|memory|runtime", "a.c", 3))
recipe("debian-clang-tidy", "system:clang-tidy", {"a.c": "int f(int x) {\n  if (x = 1) {\n    return 1;\n  }\n  return 0;\n}\n"}, "clang-tidy --checks=-*,bugprone-assignment-in-if-condition '--warnings-as-errors=*' a.c --", fault("clang-tidy", "lint", "a.c", 2, code="bugprone-assignment-in-if-condition"))
CMAKE = "cmake_minimum_required(VERSION 3.10)\nproject(a C)\n"
recipe("cmake-ninja", "system:cmake system:ninja system:gcc", {"CMakeLists.txt": CMAKE + "add_executable(a a.c)\n", "a.c": "int main(void) {\n  return nowhere;\n}\n"}, "cmake -G Ninja -B build . >/dev/null && cmake --build build", fault("cc", "type|syntax", "a.c", 2))
recipe("cmake-make", "system:cmake system:make system:gcc", {"CMakeLists.txt": CMAKE + "add_executable(a a.c)\n", "a.c": "int main(void) {\n  return nowhere;\n}\n"}, "cmake -B build . >/dev/null && cmake --build build -j2", fault("cc", "type|syntax", "a.c", 2))
recipe("cmake-syntax", "system:cmake", {"CMakeLists.txt": CMAKE + "add_executable(a a.c\n"}, "cmake -B build .", fault("cmake", "syntax|configuration", "CMakeLists.txt"))
recipe("cmake-unknown-command", "system:cmake", {"CMakeLists.txt": CMAKE + "nowhere_at_all(a)\n"}, "cmake -B build .", fault("cmake", "configuration|syntax", "CMakeLists.txt", 3))
CTEST = "cmake_minimum_required(VERSION 3.10)\nproject(a C)\nenable_testing()\nadd_executable(crash a.c)\nadd_test(NAME fine COMMAND true)\nadd_test(NAME wrong COMMAND false)\nadd_test(NAME crash COMMAND crash)\nadd_test(NAME slow COMMAND sleep 9)\nset_tests_properties(slow PROPERTIES TIMEOUT 1)\n"
recipe("ctest-kinds", "system:cmake system:gcc", {"CMakeLists.txt": CTEST, "a.c": "#include <signal.h>\nint main(void) {\n  return raise(SIGSEGV);\n}\n"}, "cmake -B build . >/dev/null && cmake --build build >/dev/null && ctest --test-dir build --output-on-failure", *(fault("ctest", category, test=name) for name, category in (("wrong", "logic"), ("crash", "logic|runtime|memory|crash"), ("slow", "logic|timeout|runtime"))))
recipe("meson-test", "system:meson system:gcc system:ninja", {"meson.build": "project('a', 'c')\ntest('adds', executable('a', 'a.c'))\n", "a.c": "int main(void) {\n  return 1;\n}\n"}, "meson setup build >/dev/null && meson test -C build", fault("meson", "logic", test="adds"))
recipe("meson-compile", "system:meson system:gcc system:ninja", {"meson.build": "project('a', 'c')\nexecutable('a', 'a.c')\n", "a.c": C_TYPE}, "meson setup build >/dev/null && meson compile -C build", fault("cc", "type|syntax", "a.c", 2))
recipe("valgrind", "system:valgrind system:gcc", {"a.c": "#include <stdlib.h>\nint main(void) {\n  char *p = malloc(2);\n  p[2] = 1;\n  free(p);\n  return 0;\n}\n"}, "gcc -g a.c -o a && valgrind -q --error-exitcode=1 ./a", fault("valgrind|sanitizer", "memory|runtime", "a.c", 4))
recipe("asan", "system:gcc", {"a.c": "#include <stdlib.h>\nint main(void) {\n  char *p = malloc(2);\n  p[2] = 1;\n  free(p);\n  return 0;\n}\n"}, "gcc -g -fsanitize=address a.c -o a && ./a", fault("sanitizer|asan", "memory|runtime", "a.c", 4))
recipe("c-assert", "system:gcc", {"a.c": "#include <assert.h>\nint main(void) {\n  assert(1 + 1 == 3);\n  return 0;\n}\n"}, "gcc a.c -o a && ./a", fault("cc|assert|c", "logic|runtime", "a.c", 3))
recipe("bison", "system:bison", {"a.y": "%%\na: b ;\n"}, "bison a.y", fault("bison|cc|lint", "syntax|type|lint|import", "a.y", 2))
recipe("autoconf", "system:autoconf", {"configure.ac": "AC_INIT([a],[1])\nAC_CHECK_HEADER([nowhere.h],,[AC_MSG_ERROR([nowhere.h is needed])])\nAC_OUTPUT\n"}, "autoconf && ./configure", fault("configure|autoconf", "dependency|configuration|environment", has="nowhere.h is needed"))
recipe("make-syntax", "system:make", {"Makefile": "all:\n    echo a\n"}, "make", fault("make", "syntax|configuration", "Makefile", 2))
recipe("make-shell", "system:make", {"Makefile": "all:\n\t@nowhere-at-all --x\n"}, "make", fault("make|shell", "environment|configuration|dependency", has="nowhere-at-all"))

# Others of Debian

recipe("php-lint", "system:php", {"a.php": "<?php\n$x = ;\n"}, "php -l a.php", fault("php", "syntax", "a.php", 2))
recipe("php-throw", "system:php", {"a.php": "<?php\nfunction f() {\n  throw new Exception('no');\n}\nf();\n"}, "php a.php", fault("php|lint", "runtime", "a.php", 3))
recipe("phpunit", "system:phpunit", {"ATest.php": "<?php\nclass ATest extends PHPUnit\\Framework\\TestCase {\n  public function testAdds(): void {\n    $this->assertSame(3, 1 + 1);\n  }\n}\n"}, "phpunit ATest.php", fault("phpunit", "logic", "ATest.php", 4, test="testAdds"))
recipe("phpunit-testdox", "system:phpunit", {"ATest.php": "<?php\nclass ATest extends PHPUnit\\Framework\\TestCase {\n  public function testAdds(): void {\n    $this->assertSame(3, 1 + 1);\n  }\n}\n"}, "phpunit --testdox ATest.php", fault("phpunit", "logic", "ATest.php", 4))
recipe("ruby-syntax", "system:ruby", {"a.rb": "def f(\n  1\n"}, "ruby -c a.rb", fault("ruby", "syntax", "a.rb"))
recipe("ruby-throw", "system:ruby", {"a.rb": "def f\n  raise 'no'\nend\nf\n"}, "ruby a.rb", fault("ruby", "runtime", "a.rb", 2))
recipe("ruby-load", "system:ruby", {"a.rb": "require 'nowhere_at_all'\n"}, "ruby a.rb", fault("ruby", "import|runtime", "a.rb", 1))
recipe("rspec", "system:rspec", {"spec/a_spec.rb": "describe 'sums' do\n  it 'adds' do\n    expect(1 + 1).to eq(3)\n  end\nend\n"}, "rspec", fault("rspec", "logic", "spec/a_spec.rb", 3, test="adds"))
recipe("rspec-documentation", "system:rspec", {"spec/a_spec.rb": "describe 'sums' do\n  it 'adds' do\n    expect(1 + 1).to eq(3)\n  end\nend\n"}, "rspec -f d", fault("rspec", "logic", "spec/a_spec.rb", 3, test="adds"))
recipe("rspec-load", "system:rspec", {"spec/a_spec.rb": "require 'nowhere_at_all'\n\ndescribe 'sums' do\nend\n"}, "rspec", fault("rspec|ruby", "import|runtime", "spec/a_spec.rb", 1))
recipe("minitest", "system:ruby", {"test/test_a.rb": "require 'minitest/autorun'\n\nclass TestA < Minitest::Test\n  def test_adds\n    assert_equal 3, 1 + 1\n  end\nend\n"}, "ruby test/test_a.rb", fault("minitest", "logic", "test/test_a.rb", 5, test="test_adds"))
RUBOCOP = {".rubocop.yml": "AllCops:\n  DisabledByDefault: true\n  SuggestExtensions: false\nLint/UselessAssignment:\n  Enabled: true\n", "a.rb": "def f\n  x = 1\nend\n"}
recipe("rubocop", "system:rubocop", RUBOCOP, "rubocop --cache false", fault("rubocop", "lint", "a.rb", 2, code="Lint/UselessAssignment"))
for form in ("simple", "emacs", "clang", "json", "github", "junit"):
    recipe(f"rubocop-{form}", "system:rubocop", RUBOCOP, f"rubocop --cache false -f {form}", fault("rubocop|github-actions|junit-xml", "lint|logic", "a.rb", None if form == "junit" else 2))
recipe("perlcritic", "system:perlcritic", {"a.pl": "use strict;\nuse warnings;\nmy $x = eval '1';\n"}, "perlcritic --severity 5 a.pl", 
       # Of one file alone it does not say the name.
       fault("perlcritic|perl|lint", "lint", has="eval"))
recipe("perl-die", "system:perl", {"a.pl": "use strict;\nsub f {\n  die 'no number';\n}\nf();\n"}, "perl a.pl", fault("perl", "runtime", "a.pl", 3))
recipe("gofmt", "system:gofmt", {"a.go": "package a\n\nfunc  F() {}\n"}, "test -z \"$(gofmt -l . | tee /dev/stderr)\"", fault("gofmt", "format", "a.go"))
recipe("gofmt-diff", "system:gofmt", {"a.go": "package a\n\nfunc  F() {}\n"}, "gofmt -d . && exit 1", fault("gofmt", "format", "a.go"))
GO_MOD = "module example.com/a\n\ngo 1.20\n"
recipe("go-missing-module", "system:go", {"go.mod": GO_MOD, "a.go": "package a\n\nimport _ \"example.com/nowhere/b\"\n"}, "GOFLAGS=-mod=mod GOPROXY=off go build ./...", fault("go-build|go-mod|go-modules|go", "import|dependency", "a.go", 3))
recipe("go-test-panic", "system:go", {"go.mod": GO_MOD, "b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}\n"}, "go test ./...", fault("go-test", "runtime|logic", "b/b_test.go", 7, test="TestAdds"))
recipe("go-test-build", "system:go", {"go.mod": GO_MOD, "b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {\n\tvar a int = \"a\"\n\t_ = a\n}\n"}, "go test ./...", fault("go-build|go-test|go-vet", "type", "b/b_test.go", 6))
recipe("go-packages", "system:go", {"go.mod": GO_MOD, **{f"{p}/x_test.go": f"package {p}\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {{\n\tt.Fatal(\"no\")\n}}\n" for p in "bc"}}, "go test -v ./...", 
       # Go prints a test's file without its folder: that is told as the package.
       fault("go-test", "logic", "x_test.go", 6, test="TestAdds", package="example.com/a/b"), fault("go-test", "logic", "x_test.go", 6, test="TestAdds", package="example.com/a/c"))
recipe("javac-missing-symbol", "system:javac", {"src/A.java": "class A {\n  int f() {\n    return nowhere();\n  }\n}\n"}, "javac -d out src/A.java", fault("javac", "type|import", "src/A.java", 3))
recipe("javac-werror", "system:javac", {"A.java": "import java.util.*;\nclass A {\n  List f() {\n    return null;\n  }\n}\n"}, "javac -Xlint:all -Werror A.java", fault("javac", "lint|type", "A.java", 3))
recipe("java-throws", "system:java", {"A.java": "class A {\n  public static void main(String[] a) {\n    throw new IllegalStateException(\"no\");\n  }\n}\n"}, "java A.java", fault("java|jvm", "runtime", "A.java", 3))
recipe("javadoc", "system:javadoc", {"A.java": "/** A {@link Nowhere}. */\npublic class A {\n  /** A. */\n  public A() {}\n}\n"}, "javadoc -quiet -Xdoclint:all -d out A.java", fault("javac|javadoc", "lint|type|import|syntax", "A.java", 1))
recipe("checkstyle", "system:checkstyle", {"c.xml": "<?xml version=\"1.0\"?>\n<!DOCTYPE module PUBLIC \"-//Checkstyle//DTD Checkstyle Configuration 1.3//EN\" \"https://checkstyle.org/dtds/configuration_1_3.dtd\">\n<module name=\"Checker\"><module name=\"TreeWalker\"><module name=\"AvoidStarImport\"/></module></module>\n", "A.java": "import java.util.*;\nclass A {\n}\n"}, "checkstyle -c c.xml A.java", fault("checkstyle", "lint", "A.java", 1))
JUNIT_TEST = "import org.junit.Test;\nimport static org.junit.Assert.assertEquals;\n\npublic class ATest {\n  @Test public void adds() {\n    assertEquals(3, 1 + 1);\n  }\n}\n"
recipe("junit-4-console", "system:javac", {"ATest.java": JUNIT_TEST}, "CP=/usr/share/java/junit4.jar:/usr/share/java/hamcrest-core.jar:. && test -e /usr/share/java/junit4.jar && javac -cp $CP ATest.java && java -cp $CP org.junit.runner.JUnitCore ATest", fault("junit", "logic", "ATest.java", 6, test="adds"))
recipe("bats", "system:bats", {"a.bats": "@test \"adds\" {\n  [ $((1 + 1)) -eq 3 ]\n}\n"}, "bats a.bats", fault("bats|tap", "logic", "a.bats", 2, test="adds"))
recipe("bats-pretty", "system:bats", {"a.bats": "@test \"adds\" {\n  [ $((1 + 1)) -eq 3 ]\n}\n"}, "bats --pretty a.bats",
       # The test's name is drawn over other text of its line.
       fault("bats|tap", "logic", "a.bats", 2))
recipe("lua", "system:lua5.4", {"a.lua": "local x = nil\nprint(x.y)\n"}, "lua5.4 a.lua", fault("lua", "runtime", "a.lua", 2))
recipe("luacheck", "system:luacheck", {"a.lua": "local x = 1\n"}, "luacheck a.lua", fault("luacheck|lint", "lint", "a.lua", 1))
recipe("xmllint", "system:xmllint", {"a.xml": "<a>\n  <b>\n</a>\n"}, "xmllint --noout a.xml", 
       # By its end the document lacks a closing tag, too.
       fault("xmllint|lint", "syntax|lint", "a.xml", 3), fault("xmllint|lint", "syntax|lint", "a.xml", 4))
recipe("tidy", "system:tidy", {"a.html": "<!DOCTYPE html>\n<html><head><title>a</title></head>\n<body><nowhere>a</nowhere></body></html>\n"}, "tidy -qe a.html", 
       # It never says whose line it is.
       fault("tidy|lint", "lint|syntax", has="nowhere"))
recipe("ocaml", "system:ocamlfind", {"a.ml": "let f x = x + \"a\"\n"}, "ocamlfind ocamlc -c a.ml", 
       # A step's program names what has no name of its own.
       fault("ocaml|ocamlfind|lint", "type|lint", "a.ml", 1))
recipe("ocamlc", "system:ocamlc", {"a.ml": "let f x = x + \"a\"\n"}, "ocamlc -c a.ml", fault("ocaml|ocamlc|lint", "type|lint", "a.ml", 1))
recipe("crystal", "system:crystal", {"a.cr": "def f(x : Int32)\n  x\nend\nf(\"a\")\n"}, "crystal build --no-codegen a.cr", fault("crystal|lint", "type|lint", "a.cr", 4))
recipe("elixir-exunit", "system:elixir", {"a_test.exs": "ExUnit.start()\n\ndefmodule ATest do\n  use ExUnit.Case\n\n  test \"adds\" do\n    assert 1 + 1 == 3\n  end\nend\n"}, "elixir a_test.exs", fault("exunit|elixir", "logic", "a_test.exs", 7, test="adds"))
recipe("elixir-compile", "system:elixirc", {"a.ex": "defmodule A do\n  def f, do: nowhere()\nend\n"}, "elixirc a.ex", fault("elixir", "type|syntax", "a.ex", 2))
recipe("bash-syntax", "system:bash", {"a.sh": "if true; then\n  echo a\n"}, "bash -n a.sh", fault("shell", "syntax", "a.sh", 3))
recipe("dash-syntax", "system:dash", {"a.sh": "if true; then\n  echo a\ndone\n"}, "dash a.sh", fault("shell", "syntax", "a.sh", 3))
recipe("bash-unbound", "system:bash", {"a.sh": "set -u\necho $nowhere\n"}, "bash a.sh", fault("shell", "runtime|configuration|environment|logic", "a.sh", 2))
recipe("jq", "system:jq", {"a.json": "{\"a\": 1,}\n"}, "jq . a.json", 
       # It reads a stream, and says nothing of files.
       fault("jq", "syntax|configuration", has="line 1"))
recipe("debian-cargo-clippy", "system:cargo", {"Cargo.toml": "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n", "src/lib.rs": "pub fn f(v: &Vec<u8>) -> bool {\n    v.len() == 0\n}\n"}, "cargo clippy --offline -- -D warnings", fault("clippy|rustc", "lint", "src/lib.rs", 1, code="clippy::ptr_arg"), fault("clippy|rustc", "lint", "src/lib.rs", 2, code="clippy::len_zero"))
recipe("cargo-workspace", "system:cargo", {"Cargo.toml": "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n", **{f"{p}/Cargo.toml": f"[package]\nname = \"{p}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" for p in "ab"}, **{f"{p}/src/lib.rs": "pub fn f() -> u8 {\n    \"a\"\n}\n" for p in "ab"}}, "cargo build --offline --keep-going", fault("rustc", "type", "a/src/lib.rs", 2, code="E0308"), fault("rustc", "type", "b/src/lib.rs", 2, code="E0308"))
recipe("cargo-test-workspace", "system:cargo", {"Cargo.toml": "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n", **{f"{p}/Cargo.toml": f"[package]\nname = \"{p}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" for p in "ab"}, **{f"{p}/src/lib.rs": "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 3);\n}\n" for p in "ab"}}, "cargo test --offline --no-fail-fast", fault("cargo-test", "logic", "a/src/lib.rs", 3, test="adds"), fault("cargo-test", "logic", "b/src/lib.rs", 3, test="adds"))
