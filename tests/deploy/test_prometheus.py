"""What `examples/deploy/prometheus/` asks for is there, and the real Prometheus takes it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.pages import DOCS
from tests.left_out import leave_out
from tornado_wssec import AlertKind
from tornado_wssec.telemetry.anomaly_alerts import KINDS
from tornado_wssec.telemetry.measures import METRICS
from tornado_wssec.telemetry.metrics import Metric, MetricKind

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples" / "deploy" / "prometheus"
RULES: Final = (FOLDER / "wssec.rules.yml").read_text()
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())
QUERIES: Final = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
ALERTS: Final[dict[str, str]] = dict(re.findall(r"- alert: (\w+)\n +expr: '(.+)'\n", RULES))
BOOKS: Final = re.findall(r"runbook_url: 'https://docs\.example\.com/(.+)'", RULES)
OF_PROMETHEUS: Final = {"job", "instance", "le"}
"""Labels that it adds itself."""


def names_of(metric: Metric) -> set[str]:
    """Under which names it is exported."""
    suffixes = {MetricKind.COUNTER: ("_total",), MetricKind.GAUGE: ("",)}
    return {metric.name + suffix for suffix in suffixes.get(metric.kind, ("_bucket", "_sum", "_count"))}


KNOWN: Final = {name: set(metric.labels) for metric in METRICS for name in names_of(metric)}


def promtool(*arguments: str | Path) -> str:
    """What Prometheus's own judge says, who has to be content."""
    program = shutil.which("promtool") or leave_out("promtool", "apt-get install prometheus")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("query", [*ALERTS.values(), *QUERIES])
def test_prometheus_queries_name_what_there_is(query: str) -> None:
    """Each metric under the name that it is exported by, and each label one of its own."""
    named = re.findall(r"\bwssec_\w+", query)
    labels = {label for inside in re.findall(r"\{([^}]*)\}", query) for label in re.findall(r"(\w+)\s*=", inside)}
    labels |= {
        label for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in re.findall(r"\w+", inside)
    }

    assert named or "up{" in query
    assert [] == [name for name in named if name not in KNOWN]
    assert set() == labels - OF_PROMETHEUS - {label for name in named for label in KNOWN[name]}


@pytest.mark.requirement("R084")
def test_prometheus_dashboard_shows_every_metric() -> None:
    """None is counted for nobody."""
    shown = set(re.findall(r"\bwssec_\w+", " ".join(QUERIES)))

    assert [] == [metric.name for metric in METRICS if not names_of(metric) & shown]


def test_prometheus_dashboard_is_one_of_grafana() -> None:
    """Panels have ids of their own and do not cover each other; the source and the processes are variables."""
    panels = DASHBOARD["panels"]
    places = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
    assert ["source", "instance"] == [variable["name"] for variable in DASHBOARD["templating"]["list"]]


def test_prometheus_rules_wake_for_every_kind_of_abuse() -> None:
    """What means harm is paged, what is broken is a ticket; each kind of alert is in one of the two."""
    named = {name: re.findall(r"[a-z]+\\\\\.[a-z]+", ALERTS[name]) for name in ("WssecAbuse", "WssecUnusual")}
    kinds = {name: {AlertKind(kind.replace("\\\\.", ".")) for kind in found} for name, found in named.items()}

    assert {kind for kind in AlertKind if KINDS[kind].is_abuse} == kinds["WssecAbuse"]
    assert {kind for kind in AlertKind if not KINDS[kind].is_abuse} == kinds["WssecUnusual"]


def test_prometheus_rules_have_runbooks() -> None:
    """Each links a section that a page of ours has."""
    assert len(ALERTS) == len(BOOKS) == RULES.count("- alert:")
    for book in BOOKS:
        page, _, section = book.partition("#")
        text = (DOCS / page.replace(".html", ".md")).read_text()
        sections = {re.sub(r"\W+", "-", title.lower()).strip("-") for title in re.findall(r"^##+ (.+)$", text, re.M)}
        wanted = [kind.replace(".", "-") for kind in AlertKind] if "$labels.kind" in section else [section]
        assert [] == [name for name in wanted if name not in sections], book


def test_prometheus_takes_the_files(tmp_path: Path) -> None:
    """The configuration with its rules, and every query of the dashboard."""
    told = promtool("check", "config", FOLDER / "prometheus.yml")
    filled = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in QUERIES]
    rules = [{"record": f"panel:query{number}", "expr": query} for number, query in enumerate(filled)]
    queries = tmp_path / "dashboard.yml"
    queries.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML, too

    assert f"SUCCESS: {len(ALERTS)} rules found" in told
    assert f"SUCCESS: {len(ALERTS)} rules found" in (DOCS / "metrics.md").read_text()
    assert f"SUCCESS: {len(QUERIES)} rules found" in promtool("check", "rules", queries)


FIRING: Final = {
    'wssec_alerts_active{kind="egress.burst"}': "WssecAbuse",
    'wssec_alerts_active{kind="service.outage"}': "WssecUnusual",
    "wssec_alerts_lost_total": "WssecAlertsLost",
    "wssec_audit_dropped_total": "WssecAuditLost",
    'wssec_tokens_ahead_total{issuer="i"}': "WssecClockAhead",
    'wssec_handshakes_refused_total{stage="readiness",status="503"}': "WssecUnavailable",
    'wssec_fault{what="store_lost"}': "WssecFault",
    "wssec_mirror_age_seconds": "WssecRevocationsLate",
    "wssec_loop_lag_seconds": "WssecLoopStands",
}


def test_prometheus_rules_fire(tmp_path: Path) -> None:
    """What grows, or stays too high, for ten minutes raises its alert; what never moves raises none."""
    tests = [_case(name, "1+600x40", [alert]) for name, alert in FIRING.items()]
    tests += [_case(name, "0+0x40", []) for name in FIRING]
    tests += [_case('up{job="wssec"}', "0+0x40", ["WssecDown"]), _case('up{job="wssec"}', "1+0x40", [])]
    tests += [_case("wssec_ready", "0+0x40", ["WssecNotReady", "WssecNoKey"])]
    file = tmp_path / "test.yml"
    rules = [str(FOLDER / "wssec.rules.yml")]
    file.write_text(json.dumps({"rule_files": rules, "evaluation_interval": "15s", "tests": tests}))

    assert "SUCCESS" in promtool("test", "rules", file)


def _case(name: str, values: str, firing: list[str]) -> dict[str, Any]:
    """One series of a process, and which alerts it raises in the end."""
    metric, _, labels = name.partition("{")
    series = f'{metric}{{instance="n1"' + (f",{labels}" if labels else "}")
    query = "sum by (alertname) (ALERTS{alertstate='firing'})"
    found = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in firing]
    return {
        "interval": "15s",
        "input_series": [{"series": series, "values": values}],
        "promql_expr_test": [{"expr": query, "eval_time": "10m", "exp_samples": found}],
    }
