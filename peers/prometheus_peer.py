"""Asks a Prometheus server that scrapes an exporter for what the alerts and the
dashboard ask it for: prometheus_peer.py URL DIRECTORY.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

url, directory = sys.argv[1:]


def ask(path, **parameters):
    query = urllib.parse.urlencode(parameters)
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        if error.code == 503:
            raise  # it starts
        sys.exit(f"{parameters}: {error}: {error.read().decode()}")


def query(expression):
    return ask("query", query=expression)["result"]


def wait(what, done):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            found = done()
        except (urllib.error.URLError, ConnectionError):
            found = None  # it does not listen yet
        if found:
            return found
        time.sleep(0.2)
    sys.exit(f"no {what} within a minute")


# Two looks, so that rates are there, and one evaluation of the rules after that.
wait("scrape", lambda: query('dpremote_site_looks_total{site="p01"} >= 2 and count_over_time(dpremote_site_up{site="p01"}[1m]) > 2'))
groups = wait("evaluation", lambda: (lambda g: g if g and all(r["health"] == "ok" for x in g for r in x["rules"]) else None)(ask("rules")["groups"]))
alerts = {}
for rule in groups[0]["rules"]:
    alerts[rule["name"]] = {a["labels"].get("site") for a in rule["alerts"]}
expected = {"DpremoteSiteDown": "down", "ContentFailed": "p01", "ContentFailedForADay": "p01"}
for name, site in expected.items():
    if site not in alerts[name]:
        sys.exit(f"{name} is not pending or firing for {site}: {alerts}")
for name in ("DpremoteDown", "DpremoteCredentialsRefused", "DpremoteLeavesOut", "SiteClockOff"):
    if alerts[name]:
        sys.exit(f"{name} fires: {alerts}")
print(f"{len(alerts)} alerts are evaluated; waiting or firing: {', '.join(sorted(n for n in alerts if alerts[n]))}")

with open(f"{directory}/dashboard.json", encoding="utf-8") as file:
    dashboard = json.load(file)
asked = 0
for panel in dashboard["panels"]:
    for target in panel["targets"]:
        expression = target["expr"].replace("$site", ".*").replace("[1h]", "[1m]")
        if not query(expression):
            sys.exit(f"{panel['title']}: nothing for {expression}")
        asked += 1
print(f"{asked} queries of the dashboard have answers")

# What is down has no counts, and what failed is what the simulator was told.
if query('{__name__=~"dpremote_(content|packages|distribution).*", site="down"}'):
    sys.exit("a site that is down has counts")
failed = query('sum(dpremote_content_rows{state="failed"})')[0]["value"][1]
causes = query("sum(dpremote_content_rows_by_cause)")[0]["value"][1]
points = query('sum(dpremote_distribution_point_content_rows{state="failed"})')[0]["value"][1]
if not int(failed) or not failed == causes == points:
    sys.exit(f"{failed} failed, {causes} have a cause, {points} are on distribution points")
print(f"{failed} failures, each with a cause, each on a distribution point")
