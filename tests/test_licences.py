"""The bill of materials and the list of licences say what is installed."""

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
from conftest import BIN, ROOT
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from churn import __version__
from tools.image.distributions import installed
from tools.image.sbom import sbom
from tools.licences import LIST, licences, locked


def test_the_list_of_licences_is_that_of_the_lock_as_installed():
    distributions = locked()
    assert len(distributions) > 90
    assert LIST.read_text(encoding="utf-8") == licences(distributions), "renew it: make sbom"
    assert "not stated" not in LIST.read_text(encoding="utf-8")


def test_the_bill_of_materials_has_each_once_with_a_licence_and_what_it_needs():
    document = sbom(locked())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert document["metadata"]["component"]["version"] == __version__
    components = {component["bom-ref"]: component for component in document["components"]}
    assert len(components) == len(document["components"])
    assert all(component["licenses"] for component in components.values())
    graph = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert graph.keys() == components.keys() | {"churn-api"}
    assert {need for needs in graph.values() for need in needs} == components.keys()
    names = {reference: component["name"] for reference, component in components.items()}
    assert {"pandas", "bentoml", "pyarrow", "numpy"} <= {names[reference] for reference in graph["churn-api"]}


@pytest.mark.slow
def test_another_tool_finds_the_same_in_this_environment():
    done = subprocess.run(
        [str(BIN / "cyclonedx-py"), "environment", str(BIN / "python"), "--of", "JSON", "--output-reproducible"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs, ours = json.loads(done.stdout), sbom(installed(Path(sysconfig.get_path("purelib"))))

    def graph(document):
        names = {each["bom-ref"]: f"{each['name'].lower()}=={each['version']}" for each in document["components"]}
        return {
            names[each["ref"]]: {names[need] for need in each.get("dependsOn", ())}
            for each in document["dependencies"]
            if each["ref"] in names
        }

    # It takes a need of an extra for one whether or not anything asks for that extra.
    mine, its = graph(ours), graph(theirs)
    itself = {"churn-api==" + __version__}
    assert mine.keys() - itself == its.keys() - itself
    assert [name for name, needs in mine.items() if not needs <= its[name]] == []
