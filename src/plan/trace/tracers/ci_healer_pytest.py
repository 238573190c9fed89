"""The plug-in of pytest: where tests begin and end, and only the files that are asked about."""

import os

import ci_healer_trace
import pytest

_failed = False


def pytest_configure(config):
    ci_healer_trace.is_pytest()


def _is_left_out(path):
    name = os.path.basename(path)
    is_test = name.endswith(".py") and name not in ("conftest.py", "__init__.py") and os.path.isfile(path)
    return True if is_test and not ci_healer_trace.is_wanted(path) else None


if getattr(pytest, "version_tuple", (0,)) >= (7,):

    def pytest_ignore_collect(collection_path):
        return _is_left_out(str(collection_path))

else:

    def pytest_ignore_collect(path):
        return _is_left_out(str(path))


def pytest_collection_modifyitems(items):
    # Files that the command line names are collected all the same.
    kept = [item for item in items if ci_healer_trace.is_wanted(str(getattr(item, "path", None) or item.fspath))]
    if kept and len(kept) < len(items):
        items[:] = kept


def pytest_runtest_logstart(nodeid):
    global _failed
    _failed = False
    ci_healer_trace.begin(nodeid)


def pytest_runtest_logreport(report):
    global _failed
    _failed = _failed or report.failed


def pytest_runtest_logfinish(nodeid):
    ci_healer_trace.end(_failed)
