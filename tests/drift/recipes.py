"""Small repositories whose packages moved under them. A positive names the releases that really broke its users: package,
last release that is good, first that is bad; where several answers are right (two packages moved together), all of them.
A negative has no culprit: its own code, the clock, chance or its surroundings make it red.
"""

RECIPES = []


def workflow(steps, python="3.11", node=None, extra=""):
    set_up = ""
    if python:
        set_up += f"      - uses: actions/setup-python@v5\n        with:\n          python-version: \"{python}\"\n"
    if node:
        set_up += f"      - uses: actions/setup-node@v4\n        with:\n          node-version: {node}\n"
    runs = "".join(step if step.startswith("      - ") else f"      - run: {step}\n" for step in steps)
    return ("name: ci\non: [push, pull_request]\njobs:\n  test:\n    runs-on: ubuntu-latest\n" + extra
            + "    steps:\n      - uses: actions/checkout@v4\n" + set_up + runs)


def recipe(name, since, files, steps, *culprits, why="", python="3.11", node=None, extra=""):
    files = dict(files, **{".github/workflows/ci.yml": workflow(steps, python, node, extra)})
    RECIPES.append(dict(name=name, since=since, files=files, culprits=list(culprits), why=why))


def javascript(name, since, files, steps, *culprits, why="", setup=""):
    recipe(name, since, files, steps, *culprits, why=why, python=None, node=20, extra=setup)


def manifest(dependencies, scripts="", **more):
    import json
    out = {"name": "sample", "version": "1.0.0", "private": True, **more}
    if scripts:
        out["scripts"] = {"test": scripts}
    out["devDependencies"] = dependencies
    return json.dumps(out, indent=2) + "\n"


def project(dependencies="", optional="", tail="", modules="app"):
    return (f"[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[project]\nname = \"sample-app\"\n"
            f"version = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [{dependencies}]\n{optional}\n[tool.setuptools]\npy-modules = [\"{modules}\"]\n{tail}")


REQUIREMENTS = ["pip install -r requirements.txt", "pytest -q"]

# Python: libraries

recipe("numpy-alias", "2024-06-01",
       {"requirements.txt": "numpy\npytest\n",
        "depths.py": "import numpy as np\n\n\ndef mean(values):\n    return float(np.array(values, dtype=np.float_).mean())\n",
        "test_depths.py": "from depths import mean\n\n\ndef test_mean():\n    assert mean([1, 2, 3]) == 2.0\n"},
       REQUIREMENTS, ("numpy", "1.26.4", "2.0.0"))

recipe("pydantic-settings", "2023-06-20",
       {"pyproject.toml": project('"pydantic"', '\n[project.optional-dependencies]\ntest = ["pytest"]\n'),
        "app.py": "from pydantic import BaseSettings\n\n\nclass Settings(BaseSettings):\n    port: int = 8080\n",
        "test_app.py": "from app import Settings\n\n\ndef test_port():\n    assert Settings().port == 8080\n"},
       ["pip install '.[test]'", "python -m pytest"], ("pydantic", "1.10.9", "2.0"), ("pydantic", "1.10.10", "2.0"))

recipe("sqlalchemy-execute", "2023-01-10",
       {"setup.cfg": "[metadata]\nname = sample-app\nversion = 1.0\n\n[options]\npy_modules = app\ninstall_requires =\n    sqlalchemy\n\n[options.extras_require]\ndev =\n    pytest\n",
        "setup.py": "from setuptools import setup\n\nsetup()\n",
        "app.py": "from sqlalchemy import create_engine\n\n\ndef one():\n    return create_engine('sqlite://').execute('select 1').scalar()\n",
        "test_app.py": "from app import one\n\n\ndef test_one():\n    assert one() == 1\n"},
       ["pip install -e .[dev]", "pytest"], ("sqlalchemy", "1.4.46", "2.0.0"))

recipe("httpx-proxies", "2024-11-20",
       {"tox.ini": "[tox]\nenvlist = py\nskipsdist = true\n\n[testenv]\ndeps =\n    httpx\n    pytest\ncommands = pytest -q\n",
        "client.py": "import httpx\n\n\ndef client(proxies=None):\n    return httpx.Client(proxies=proxies)\n",
        "test_client.py": "from client import client\n\n\ndef test_client():\n    with client() as c:\n        assert not c.is_closed\n"},
       ["pip install tox", "tox"], ("httpx", "0.27.2", "0.28.0"))

recipe("click-runner", "2025-05-01",
       {"pyproject.toml": "[project]\nname = \"sample-app\"\nversion = \"1.0\"\nrequires-python = \">=3.10\"\ndependencies = [\"click\"]\n\n[dependency-groups]\ndev = [\"pytest\"]\n",
        "greet.py": "import click\n\n\n@click.command()\ndef greet():\n    click.echo('hello')\n    click.echo('odd', err=True)\n",
        "test_greet.py": "from click.testing import CliRunner\n\nfrom greet import greet\n\n\ndef test_greet():\n    result = CliRunner(mix_stderr=False).invoke(greet)\n    assert result.stdout == 'hello\\n'\n"},
       ["      - uses: astral-sh/setup-uv@v5\n", "uv sync", "uv run pytest -q"], ("click", "8.1.8", "8.2.0"))

recipe("marshmallow-missing", "2025-04-01",
       {"requirements.txt": "marshmallow\n", "requirements-dev.txt": "-r requirements.txt\npytest\n",
        "schema.py": "from marshmallow import Schema, fields\n\n\nclass Trip(Schema):\n    seats = fields.Int(missing=4)\n",
        "test_schema.py": "from schema import Trip\n\n\ndef test_seats():\n    assert Trip().load({}) == {'seats': 4}\n"},
       ["pip install -r requirements-dev.txt", "python -m pytest -q"], ("marshmallow", "3.26.1", "4.0.0"))

recipe("flask-escape", "2023-09-20",
       {"requirements.txt": "flask\npytest\n",
        "page.py": "from flask import escape\n\n\ndef title(text):\n    return f'<h1>{escape(text)}</h1>'\n",
        "test_page.py": "from page import title\n\n\ndef test_title():\n    assert title('a<b') == '<h1>a&lt;b</h1>'\n"},
       ["python -m venv .venv", ".venv/bin/pip install -r requirements.txt", ".venv/bin/python -m pytest"],
       ("flask", "2.3.3", "3.0.0"))

# Python: what others bring

recipe("markupsafe-below-jinja", "2022-02-10",
       {"requirements.txt": "jinja2==2.11.3\npytest\n",
        "letter.py": "from jinja2 import Template\n\n\ndef letter(name):\n    return Template('Dear {{ name }}').render(name=name)\n",
        "test_letter.py": "from letter import letter\n\n\ndef test_letter():\n    assert letter('Ada') == 'Dear Ada'\n"},
       REQUIREMENTS, ("markupsafe", "2.0.1", "2.1.0"))

recipe("cython-builds-yaml", "2023-07-10",
       {"requirements.txt": "pyyaml==5.4.1\npytest\n",
        "test_load.py": "import yaml\n\n\ndef test_load():\n    assert yaml.safe_load('a: 1') == {'a': 1}\n"},
       REQUIREMENTS, ("cython", "0.29.36", "3.0.0"))

recipe("pkg-resources-gone", "2026-01-15",
       {"requirements.txt": "setuptools\npytest\n",
        "plugins.py": "import pkg_resources\n\n\ndef newer(a, b):\n    return pkg_resources.parse_version(a) > pkg_resources.parse_version(b)\n",
        "test_plugins.py": "from plugins import newer\n\n\ndef test_newer():\n    assert newer('1.10', '1.9')\n"},
       ["pip install -U -r requirements.txt", "pytest -q"], ("setuptools", "80.9.0", "82.0.0"), ("setuptools", "81.0.0", "82.0.0"), ("setuptools", "80.10.2", "82.0.0"))

recipe("setup-py-pkg-resources", "2026-01-15",
       {"setup.py": "import pkg_resources\nfrom setuptools import setup\n\npkg_resources.parse_version('1.0')\nsetup(name='tide-table', version='1.0', py_modules=['tide'])\n",
        "tide.py": "HIGH = 4\n",
        "test_tide.py": "from tide import HIGH\n\n\ndef test_high():\n    assert HIGH == 4\n"},
       ["pip install . pytest", "pytest -q"], ("setuptools", "80.9.0", "82.0.0"), ("setuptools", "81.0.0", "82.0.0"), ("setuptools", "80.10.2", "82.0.0"))

# Rust, without a lock file

recipe("home-wants-newer-rust", "2025-10-20",
       {"Cargo.toml": "[package]\nname = \"nest\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nhome = \"0.5\"\n",
        "src/lib.rs": "pub fn is_known() -> bool {\n    home::home_dir().is_some()\n}\n\n#[test]\nfn it_is_known() {\n    assert!(is_known());\n}\n"},
       ["cargo test"], ("home", "0.5.11", "0.5.12"), python=None)

# Python: tools

recipe("pytest-nose-setup", "2024-01-20",
       {"noxfile.py": "import nox\n\n\n@nox.session\ndef tests(session):\n    session.install('pytest')\n    session.run('pytest', '-q')\n",
        "test_crates.py": "class TestCrates:\n    def setup(self):\n        self.crates = [3]\n\n    def test_count(self):\n        assert len(self.crates) == 1\n"},
       ["pip install nox", "nox"], ("pytest", "7.4.4", "8.0.0"))

recipe("pytest-asyncio-loop", "2025-05-15",
       {"requirements.txt": "pytest\npytest-asyncio\n",
        "test_loop.py": "import asyncio\n\n\ndef test_loop(event_loop):\n    async def one():\n        await asyncio.sleep(0)\n        return 1\n\n    assert event_loop.run_until_complete(one()) == 1\n"},
       REQUIREMENTS, ("pytest-asyncio", "0.26.0", "1.0.0"))

recipe("ruff-format-style", "2025-01-05",
       {"label.py": "def label(x):\n    return f\"{x+1} crates\"\n"},
       ["      - uses: astral-sh/setup-uv@v5\n", "uvx ruff format --check ."], ("ruff", "0.8.6", "0.9.0"))

recipe("mypy-implicit-optional", "2022-11-01",
       {"tide.py": "def tide(height: int = None) -> int:\n    return 0 if height is None else height\n"},
       ["pip install mypy", "mypy tide.py"], ("mypy", "0.982", "0.990"))

recipe("flake8-inline-comment", "2022-11-10",
       {"setup.cfg": "[flake8]\nignore =\n    E203,  # black does so\n    W503\n", "boat.py": "SEATS = 4\n"},
       ["pipx run flake8 boat.py"], ("flake8", "5.0.4", "6.0.0"))

# JavaScript

NODE_TEST = {"log.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\nconst { execFileSync } = require('node:child_process');\n\ntest('prints the port alone', () => {\n  assert.strictEqual(String(execFileSync(process.execPath, ['log.js'])), '8080\\n');\n});\n"}

javascript("dotenv-speaks", "2025-06-29",
           {"package.json": manifest({"dotenv": ">=16 <18"}, "node --test"), ".env": "PORT=8080\n",
            "log.js": "require('dotenv').config();\nconsole.log(process.env.PORT);\n", **NODE_TEST},
           ["yarn install", "yarn test"], ("dotenv", "16.6.1", "17.0.0"))

javascript("zod-errors", "2025-07-05",
           {"package.json": manifest({"zod": ">=3"}, "node --test"),
            "trip.js": "const { z } = require('zod');\n\nconst Trip = z.object({ seats: z.number() });\n\nexports.problem = (value) => Trip.safeParse(value).error.errors[0].path[0];\n",
            "trip.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\nconst { problem } = require('./trip');\n\ntest('names the field', () => assert.strictEqual(problem({ seats: 'x' }), 'seats'));\n"},
           ["      - uses: pnpm/action-setup@v4\n        with:\n          version: 10\n", "pnpm install", "pnpm test"],
           ("zod", "3.25.76", "4.0.0"), ("zod", "3.25.75", "4.0.0"))

javascript("jest-aliases", "2025-06-03",
           {"package.json": manifest({"jest": "*"}, "jest"),
            "bell.test.js": "test('rings', () => {\n  const bell = jest.fn();\n  bell();\n  expect(bell).toBeCalled();\n});\n"},
           ["npm install", "npm test"], ("jest", "29.7.0", "30.0.0"), ("expect", "29.7.0", "30.0.0"))

javascript("eslint-eslintrc", "2025-12-15",
           {"package.json": manifest({}), ".eslintrc.json": '{"root": true, "env": {"es2022": true}, "rules": {"no-var": "error"}}\n',
            "dock.js": "const dock = 4;\nconsole.log(dock);\n"},
           ["      - run: npx --yes eslint dock.js\n        env:\n          ESLINT_USE_FLAT_CONFIG: \"false\"\n"],
           ("eslint", "9.39.2", "10.0.0"), ("eslint", "9.39.3", "10.0.0"), ("eslint", "9.39.4", "10.0.0"))

javascript("typescript-node10", "2026-02-15",
           {"package.json": manifest({"typescript": "*"}),
            "tsconfig.json": '{"compilerOptions": {"module": "commonjs", "moduleResolution": "node", "target": "es2022", "strict": true, "noEmit": true, "types": []}, "files": ["pier.ts"]}\n',
            "pier.ts": "export const pier: number = 4;\n"},
           ["npm install", "npx tsc"], ("typescript", "5.9.3", "6.0.2"), ("typescript", "5.9.3", "6.0.0"), ("typescript", "5.9.3", "6.0.3"))

# Nobody is to blame

OLD = {"requirements.txt": "requests\npytest\nclick\n"}


def negative(name, files, why, steps=REQUIREMENTS, since="2025-05-01", **more):
    recipe(name, since, {**OLD, **files}, steps, why=why, **more)


negative("own-fault", {"fare.py": "def fare(km):\n    return km * 3\n",
                       "test_fare.py": "from fare import fare\n\n\ndef test_fare():\n    assert fare(2) == 5\n"}, "the code's own fault")
negative("chance", {"test_chance.py": "import random\n\n\ndef test_chance():\n    assert random.random() < 0.5\n"}, "flaky")
negative("no-service", {"test_service.py": "import socket\n\n\ndef test_service():\n    socket.create_connection(('127.0.0.1', 5432), 1)\n"}, "a service is missing")
negative("expired", {"test_offer.py": "import datetime\n\n\ndef test_offer():\n    assert datetime.date.today() < datetime.date(2025, 9, 1)\n"}, "a date in the test has passed")
negative("no-variable", {"test_token.py": "import os\n\n\ndef test_token():\n    assert os.environ['SAMPLE_TOKEN']\n"}, "an environment variable is missing")
negative("held-lock", {"test_lock.py": "import fcntl\n\n\ndef test_lock(tmp_path):\n    first, second = (open(tmp_path / 'lock', 'w') for _ in range(2))\n    fcntl.flock(first, fcntl.LOCK_EX)\n    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"}, "a lock file is held")
negative("test-order", {"test_order.py": "import random\n\nSEEN = []\n\n\ndef one():\n    SEEN.append(1)\n\n\ndef two():\n    assert SEEN\n\n\ndef test_both():\n    steps = [one, two]\n    random.shuffle(steps)\n    SEEN.clear()\n    for step in steps:\n        step()\n"}, "the order decides")
javascript("no-network", "2025-11-01",
           {"package.json": manifest({"chalk": "*", "qs": "*"}, "node --test"),
            "rate.test.js": "const test = require('node:test');\n\ntest('asks for the rate', async () => {\n  await fetch('http://rates.invalid/today');\n});\n"},
           ["npm install", "npm test"], why="the network does not answer")
