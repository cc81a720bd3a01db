import json
import re
from dataclasses import replace

import numpy as np
import pytest
from drift_samples import REGIONS, SCHEMA, TAG, make_report
from rich.console import Console

from churn.drift.report import write_files
from churn.drift.terminal import print_report
from churn.errors import DriftError


def rng():
    return np.random.default_rng(21)


def quiet_report():
    return make_report(rng())


def drifted_report(new="SA"):
    generator = rng()
    region = np.where(generator.random(500) < 0.15, new, generator.choice(REGIONS, 500))
    sessions = np.clip(generator.normal(34.1, 24, 500), 1, 120)
    return make_report(generator, region=region, avg_session_minutes=sessions)


def printed(report, capsys):
    print_report(report, Console())
    return capsys.readouterr().out


def test_the_terminal_shows_the_table_then_the_lab_lines_then_one_sentence(capsys):
    report = drifted_report()
    out = printed(report, capsys)
    rows, lines = out.splitlines(), out.splitlines()[-len(SCHEMA.number_names) - 2 :]
    table = [row.split()[0] for row in rows if re.search(r"DRIFT|no drift", row)]
    assert table == [*SCHEMA.feature_names, "prediction"]
    assert [line.split(":")[0] for line in lines[:3]] == list(SCHEMA.number_names)
    assert all(re.fullmatch(r"\w+: z=\d+\.\d\d, drift=(True|False)", line) for line in lines[:3])
    assert lines[3:] == ["", report.summary]
    assert "left out: 7 of other:v9, 3 broken lines" in out


def test_the_summary_says_what_happened_and_what_to_do():
    assert (
        quiet_report().summary
        == f"No drift: the last 500 predictions of {TAG} look like its training data; nothing to do."
    )
    summary = drifted_report().summary
    assert "in categories that training did not see (SA)" in summary
    assert re.search(r"avg_session_minutes: .*distribution changed, standard deviation 1[12].* → 2", summary)
    assert "churn train --data FILE" in summary
    assert summary.count("\n") == 0


def test_drift_of_the_probabilities_alone_has_its_own_sentence():
    report = quiet_report()
    moved = drifted_report().comparison.features[2]
    comparison = type(report.comparison)(report.comparison.features, moved)
    assert "no single feature drifted" in replace(report, comparison=comparison).summary


def test_the_lab_rule_sees_only_means_that_are_far_away():
    generator = rng()
    report = make_report(generator, tenure_months=generator.integers(100, 160, 500).astype(float))
    rules = {rule.feature: rule for rule in report.lab_rules}
    assert (rules["tenure_months"].drift, rules["num_complaints"].drift) == (True, False)
    assert str(rules["tenure_months"]).endswith("drift=True")


def test_the_json_form_has_the_documented_keys(pytestconfig):
    document = drifted_report().as_json()
    json.dumps(document, allow_nan=False)
    assert document["drift"] is True
    assert document["drifted_features"] == ["region", "avg_session_minutes"]
    assert [feature["name"] for feature in document["features"]] == list(SCHEMA.feature_names)
    docs = (pytestconfig.rootpath / "docs" / "drift.md").read_text(encoding="utf-8")
    for key in keys_of(document):
        assert f"`{key}`" in docs, f"docs/drift.md does not say what {key} is"


def keys_of(value):
    if isinstance(value, dict):
        return {key for key in value if not re.search(r"[:\d]", key)} | set().union(*map(keys_of, value.values()))
    if isinstance(value, list):
        return set().union(set(), *map(keys_of, value))
    return set()


def test_what_clients_sent_is_no_markup_of_the_terminal(capsys):
    assert "alert" in printed(drifted_report(new="[bold]alert[/nonsense]"), capsys)


def test_files_are_replaced_whole_and_what_cannot_be_written_is_named(tmp_path):
    target = tmp_path / "report.json"
    target.write_bytes(b"old")
    write_files({target: b"new"})
    assert target.read_bytes() == b"new"
    with pytest.raises(DriftError, match=r"absent/report\.json cannot be written: No such file"):
        write_files({tmp_path / "absent" / "report.json": b""})
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
