"""docs/grafana-dashboard.json as a file: its form, what each panel says, filters by and leads to."""

import json
import re
from itertools import combinations

import pytest
from test_alerts import RULES

from tests.manifest_objects import ROOT

DASHBOARD = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
by_title = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


def test_variables_and_their_defaults():
    assert [variable["type"] for variable in VARIABLES.values()] == [
        "datasource",
        "query",
        "query",
        "textbox",
        "textbox",
    ]
    for name in ("namespace", "pod"):
        # A metric without that label, as outside Kubernetes, is of "All" too.
        assert (VARIABLES[name]["includeAll"], VARIABLES[name]["allValue"]) == (True, ".*")
        assert VARIABLES[name]["current"]["value"] == "$__all"
    assert VARIABLES["pod"]["multi"]


def test_panels_have_numbers_and_places_of_their_own():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)


@by_title
def test_each_panel_says_what_it_shows(panel):
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for item in (panel, *panel["targets"]):
        assert item["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@by_title
def test_each_query_is_of_the_chosen_pods(panel):
    for target in panel["targets"]:
        selectors = re.findall(r"\b(?:churn|process|kube)_\w+(?:\{(.*?)\})?", target["expr"])
        assert selectors
        assert all('namespace=~"$namespace", pod=~"$pod"' in selector for selector in selectors), target["expr"]


def test_links_lead_where_the_alerts_lead():
    runbook = VARIABLES["runbook"]["query"]
    links = [link for panel in PANELS for link in panel.get("links", [])]
    led = {link["title"].removeprefix("Runbook: "): link["url"].replace("${runbook:raw}", runbook) for link in links}
    assert led == {alert: rule["annotations"]["runbook_url"] for alert, rule in RULES.items()}


def test_the_reports_are_linked():
    assert [link["url"] for link in DASHBOARD["links"]] == [
        "${runbook:raw}",
        "${service:raw}/drift",
        "${service:raw}/model",
    ]
