"""Tells how each test of a suite ended, one line of JSON each; loaded into pytest by name.

The suite itself is left as it is. OUTCOMES names the file, SECONDS_MAX bounds one test, and ONLY
names a file with the tests to run, one a line; without it all are run.
"""

import json
import os
import signal

import pytest

OUTCOMES = os.environ["OUTCOMES"]
SECONDS_MAX = int(os.environ.get("SECONDS_MAX", "60"))
ONLY = os.environ.get("ONLY")

running = {}


def name_of(nodeid):
    return nodeid.rsplit("/", 1)[-1]


def pytest_collection_modifyitems(config, items):
    if ONLY is None:
        return
    with open(ONLY) as lines:
        wanted = {line.strip() for line in lines}

    def is_wanted(item):
        name = name_of(item.nodeid)
        # A function's name stands for all of its parameters.
        return name in wanted or name.split("[")[0] in wanted

    config.hook.pytest_deselected(items=[one for one in items if not is_wanted(one)])
    items[:] = [one for one in items if is_wanted(one)]


class TookTooLong(BaseException):
    """No Exception, so that no test takes it for one that it waits for."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    def end(*_):
        raise TookTooLong(f"took more than {SECONDS_MAX} s")

    running[item.nodeid] = {"markers": sorted({one.name for one in item.iter_markers()})}
    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS_MAX)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def reason_of(report):
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)


def pytest_runtest_logreport(report):
    one = running[report.nodeid]
    one["seconds"] = one.get("seconds", 0) + report.duration
    if report.when != "teardown" and (report.when == "call" or not report.passed):
        one["outcome"] = report.outcome
        one["why"] = "" if report.passed else reason_of(report)[:400]
    if report.when == "teardown":
        if report.failed:
            one["leftBehind"] = reason_of(report)[:400]
        with open(OUTCOMES, "a") as out:
            line = {"name": name_of(report.nodeid), **one, "seconds": round(one["seconds"], 2)}
            out.write(json.dumps(line) + "\n")
