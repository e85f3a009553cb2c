"""Reads the JUnit reports of dpremote with junitparser, and compares them with
what "-o json" says of the same sites.

    junit_peer.py DPREMOTE INVENTORY PARTLY DIR

PARTLY is an inventory of the same sites and one that is down.
"""

import collections
import datetime
import json
import subprocess
import sys

import junitparser

dpremote, inventory, partly, directory = sys.argv[1:]


def run(inventory, name, *args):
    """Runs a command with --junit, and gives its exit code, its document and its report."""
    path = f"{directory}/{name}.xml"
    done = subprocess.run([dpremote, "-i", inventory, *args, "-o", "json", "--junit", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    report = junitparser.JUnitXml.fromfile(path)
    return done.returncode, json.loads(done.stdout), report


def verdict(case):
    kinds = [type(r).__name__ for r in case.result]
    assert len(kinds) <= 1, (case.name, kinds)
    return kinds[0] if kinds else "Passed"


def count(report):
    """Counts verdicts, once by the cases and once by what the suites tell."""
    counts = collections.Counter()
    for suite in report:
        assert isinstance(suite, junitparser.TestSuite), suite
        datetime.datetime.strptime(suite.timestamp, "%Y-%m-%dT%H:%M:%SZ")
        by_case = collections.Counter(verdict(case) for case in suite)
        told = (suite.tests, suite.failures, suite.errors, suite.skipped)
        assert told == (sum(by_case.values()), by_case["Failure"], by_case["Error"], by_case["Skipped"]), (suite.name, told, by_case)
        assert all(case.classname == suite.name and case.time >= 0 for case in suite), suite.name
        counts += by_case
    assert (report.tests, report.failures, report.errors) == (sum(counts.values()), counts["Failure"], counts["Error"])
    return counts


def check(name, code, want, counts, cases, failed, errors):
    assert code == want, (name, code)
    assert sum(counts.values()) - counts["Error"] == cases, (name, counts, cases)
    assert (counts["Failure"], counts["Error"]) == (failed, errors), (name, counts, failed, errors)
    print(f"{name}: {cases} cases, {failed} failures, {errors} errors, as the document has them")


code, document, report = run(inventory, "dp", "status", "--level", "dp")
rows = document["items"]
failed = sum(row["state"] == "failed" for row in rows)
assert failed > 0 and len(rows) > failed
check("status --level dp", code, 3, count(report), len(rows), failed, 0)

per_site = collections.Counter(row["siteCode"] for row in rows)
assert {s.name: s.tests for s in report if s.tests} == per_site, per_site

code, document, report = run(inventory, "site", "status", "--level", "site", "--fail-on", "retrying,failed")
rows = document["items"]
check("status --level site", code, 3, count(report), len(rows), sum(row["failed"] + row["retrying"] > 0 for row in rows), 0)

code, document, report = run(partly, "partly", "status", "--level", "dp")
rows = document["items"]
check("with a site that is down", code, 4, count(report), len(rows), sum(row["state"] == "failed" for row in rows), len(document["errors"]))
down = [case for suite in report for case in suite if verdict(case) == "Error"]
assert down[0].result[0].type == document["errors"][0]["kind"] == "unreachable", down[0].result[0].type
assert down[0].result[0].message == document["errors"][0]["error"]

code, document, report = run(inventory, "refresh", "refresh", "--dry-run")
counts = count(report)
assert code == 0 and counts["Skipped"] == len(document["items"]) > 0, counts
causes = collections.Counter(row["cause"] for row in document["items"] if row["skip"] == "cause")
skipped = collections.Counter(case.result[0].type for suite in report for case in suite)
assert causes and all(skipped[cause] == n for cause, n in causes.items()), (causes, skipped)
print(f"refresh --dry-run: {sum(counts.values())} cases, with the causes of the plan")
