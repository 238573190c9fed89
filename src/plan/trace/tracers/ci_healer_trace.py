"""Writes which functions of the repository run, by test: names and lines, never values.

Started by `sitecustomize` in every Python of a traced run. Its failure is nobody's.
"""

import json
import os
import sys
import time

ROOT = os.environ.get("CI_HEALER_TRACE_ROOT", "")
FOLDER = os.environ.get("CI_HEALER_TRACE", "")
# Test files that are asked about; none: all of them.
WANTED = [name for name in os.environ.get("CI_HEALER_TRACE_FILES", "").split("\n") if name]
MOST_FUNCTIONS = 20000
MOST_TESTS = 2000
MOST_RANGES = 200000
NEWLOCALS = 0x2

_functions = {}  # (file, name, first, last) -> index
_files = {}  # file name -> path in the repository, or None
_codes = {}  # code -> index, or None
_followed = set()  # code whose lines are told
_tests = []  # [id, failed, {index: lines that ran}]
_outside = {}
_current = _outside
_depth = 0
_is_pytest = False
_tool = None
_process = os.getpid()
_watching = False
_written = -1.0


def _place(name):
    """The path in the repository of a source file, also where it was installed from there."""
    path = os.path.abspath(name)
    real = os.path.realpath(path)
    for full in (path, real):
        if not full.startswith(ROOT + "/"):
            continue
        inside = full[len(ROOT) + 1 :]
        if "site-packages" not in inside and "dist-packages" not in inside:
            return inside
    for mark in ("/site-packages/", "/dist-packages/"):
        if mark in path:
            inside = path.rpartition(mark)[2]
            for folder in ("", "src/", "lib/", "python/"):
                if os.path.isfile(os.path.join(ROOT, folder + inside)):
                    return folder + inside
    return None


def _last_line(code):
    last = code.co_firstlineno
    if hasattr(code, "co_lines"):
        lines = [line for _, _, line in code.co_lines() if line]
    else:
        import dis

        lines = [line for _, line in dis.findlinestarts(code) if line]
    for inner in code.co_consts:
        if isinstance(inner, type(code)):
            lines.append(_last_line(inner))
    return max(lines + [last])


def _index(code):
    """Of the function in what is written; None for code that is not the repository's."""
    try:
        return _codes[code]
    except KeyError:
        pass
    index = None
    name = code.co_filename
    if name not in _files:
        _files[name] = None if name.startswith("<") else _place(name)
    path = _files[name]
    if path is not None and len(_functions) < MOST_FUNCTIONS:
        called = getattr(code, "co_qualname", code.co_name)
        if code.co_name == "<module>":
            index = _functions.setdefault((path, "", 0, 0), len(_functions))
        elif code.co_flags & NEWLOCALS and not code.co_name.startswith("<"):
            key = (path, called.replace("<locals>.", ""), code.co_firstlineno, _last_line(code))
            index = _functions.setdefault(key, len(_functions))
    _codes[code] = index
    return index


def _on_start(code, _offset):
    index = _index(code)
    if index is not None:
        _current.setdefault(index, set())
        if code not in _followed:
            _followed.add(code)
            sys.monitoring.set_local_events(_tool, code, sys.monitoring.events.LINE)
    return sys.monitoring.DISABLE


def _on_line(code, line):
    index = _index(code)
    if index is not None:
        _current.setdefault(index, set()).add(line)
    return sys.monitoring.DISABLE


def _on_profile(frame, event, _argument):
    if event == "call":
        index = _index(frame.f_code)
        if index is not None:
            _current.setdefault(index, set())


def _restart():
    if _tool is not None:
        sys.monitoring.restart_events()


def begin(name):
    global _current, _depth
    _depth += 1
    if _depth > 1:
        return
    if len(_tests) < MOST_TESTS:
        _tests.append([name, None, {}])
        _current = _tests[-1][2]
    _watch()
    _restart()


def end(failed):
    global _current, _depth
    _depth -= 1
    if _depth > 0:
        return
    if _tests and _current is _tests[-1][2] and failed is not None:
        _tests[-1][1] = bool(failed)
    _current = _outside
    _restart()
    # Of many that fail, what is written every while is enough.
    if failed and time.monotonic() - _written > 0.5:
        write()


def _ranges(lines):
    """Lines as first and last of each run."""
    runs = []
    for line in sorted(lines):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        elif line:
            runs.append([line, line])
    return runs


def _lines(ran, left):
    """Of functions by index the lines that ran, as long as there is room."""
    found = []
    for index, lines in list(ran.items()):
        runs = _ranges(list(lines))
        left[0] -= len(runs)
        if runs and left[0] >= 0:
            found.append([index, runs])
    return found


def write():
    global _written
    if not _functions:
        return
    _written = time.monotonic()
    left = [MOST_RANGES]
    # Those that failed are asked about, and have their lines first.
    lines = {id(test): _lines(test[2], left) for test in sorted(list(_tests), key=lambda test: not test[1])}
    tests = [[test[0], test[1], list(test[2]), lines.get(id(test), [])] for test in list(_tests)]
    tests.append(["", None, list(_outside)])
    text = json.dumps({"in_order": True, "functions": list(_functions), "tests": tests})
    path = os.path.join(FOLDER, "out", "python-%d.json" % os.getpid())
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def _finish():
    # A fork has what its parent writes.
    if os.getpid() == _process or _tests:
        try:
            write()
        except Exception:
            pass


def is_pytest():
    """It tells of its tests itself, unittest's among them."""
    global _is_pytest
    _is_pytest = True


def _watch():
    """A test that hangs is cut off; what it ran until then is the answer."""
    global _watching
    if _watching:
        return
    _watching = True
    import threading

    def look():
        while True:
            time.sleep(2)
            _finish()

    threading.Thread(target=look, daemon=True).start()


def is_wanted(name):
    if not WANTED or not name:
        return True
    path = os.path.realpath(name)
    return any(path == os.path.realpath(os.path.join(ROOT, wanted)) for wanted in WANTED)


def _patch_unittest(case):
    run = case.TestCase.run

    def traced(self, result=None):
        if _is_pytest or result is None:
            return run(self, result)
        module = sys.modules.get(type(self).__module__)
        if not is_wanted(getattr(module, "__file__", None)):
            return result
        bad = lambda: sum(len(getattr(result, kind, ())) for kind in ("failures", "errors", "unexpectedSuccesses"))
        before = bad()
        begin(self.id())
        try:
            return run(self, result)
        finally:
            end(bad() > before)

    case.TestCase.run = traced


class _Finder:
    """Patches unittest when, and only when, somebody imports it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "unittest.case":
            return None
        import importlib.machinery

        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _patch_unittest(module)

        spec.loader.exec_module = exec_module
        return spec


def start():
    global _tool
    if not ROOT or not FOLDER:
        return
    import atexit

    atexit.register(_finish)
    sys.meta_path.insert(0, _Finder)
    if "unittest.case" in sys.modules:
        _patch_unittest(sys.modules["unittest.case"])
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        for tool in (4, 3):
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "ci-healer")
                monitoring.register_callback(tool, monitoring.events.PY_START, _on_start)
                monitoring.register_callback(tool, monitoring.events.LINE, _on_line)
                monitoring.set_events(tool, monitoring.events.PY_START)
                _tool = tool
                return
    import threading

    threading.setprofile(_on_profile)
    sys.setprofile(_on_profile)
