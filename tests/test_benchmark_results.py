"""The published comparison: page, chart and code say what the committed figures say."""

import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import chart
import report
import results
from contestants import LIMIT, OWN, contestants
from places import HERE
from stage import Stage
from table import BUNDLED

PUBLISHED = HERE / "results" / "comparison.json"


@pytest.fixture(scope="module")
def published():
    return results.read(PUBLISHED)


def test_the_tables_of_the_page_are_made_from_the_committed_figures(published):
    page = (HERE / "README.md").read_text()
    assert page.count(report.BEGIN) == 1
    assert report.between(published) in page


def test_the_chart_is_what_the_code_draws_from_them(published):
    assert PUBLISHED.with_suffix(".svg").read_text() == chart.draw(published)


def test_every_server_is_in_the_results_of_the_bundled_and_of_another_table(published, tmp_path):
    names = [contestant.name for contestant in contestants(Stage(BUNDLED, tmp_path))]
    assert (names[0], names[-1]) == (OWN, LIMIT)
    assert [[server.name for server in table.servers] for table in published.tables] == [names, names]
    assert published.tables[0].name == BUNDLED.name


def test_they_say_when_and_on_what_and_hold_no_error(published):
    assert set(published.machine) >= {"cpu", "cores", "kernel", "python", "load_before"}
    assert published.date in published.conditions()
    assert published.faulty() == []


def test_a_ratio_is_taken_round_by_round(published):
    """The median of ratios is not the ratio of medians: each round has its own conditions."""
    for table in published.tables:
        for server in table.servers:
            pairs = zip(server.own_rps, server.rounds, strict=True)
            ratios = [own / figures["requests"] * figures["seconds"] for own, figures in pairs]
            found = server.ratio()
            assert (found.low, found.high) == pytest.approx((min(ratios), max(ratios)), rel=1e-4)
            assert found.median == pytest.approx(statistics.median(ratios), rel=1e-4)


@pytest.mark.parametrize("fault", [{"errors": 1}, {"wrong": 1}, {"rps": 0.0}])
def test_a_server_with_an_error_has_no_ratio(fault):
    found = results.read(PUBLISHED)
    server = found.tables[0].servers[1]
    server.rounds[0].update(fault)
    assert found.faulty() == [server.name]
    assert f"| {server.name} | {server.version} | errors |" in report.tables(found)
