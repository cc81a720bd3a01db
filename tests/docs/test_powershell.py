"""PowerShell in the documentation: it parses, and asks for what the bash beside it asks for."""

import shutil
import subprocess

import pytest
from conftest import ROOT
from markdown_text import FENCE
from powershell import Call, curled, invoked, mistakes

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "k8s" / "README.md"]
BLOCKS = [
    (page, language, code)
    for page in PAGES
    for _, language, code in FENCE.findall(page.read_text(encoding="utf-8"))
    if language in ("sh", "powershell")
]
POWERSHELL = [(str(page.relative_to(ROOT)), code) for page, language, code in BLOCKS if language == "powershell"]


def test_each_block_parses():
    assert {page for page, _ in POWERSHELL} >= {"README.md", "k8s/README.md"}
    assert not [(page, found) for page, code in POWERSHELL if (found := mistakes(code))]


def test_what_is_no_powershell_is_a_mistake():
    assert mistakes("if (1 -eq 1 { 'x' }")
    assert mistakes("Invoke-RestMethod 'localhost")
    assert mistakes("export A=1; for i in $(seq 3); do echo $i; done")


def test_each_call_is_the_one_of_the_bash_before_it():
    """A block with calls stands after the bash that calls the same, in the same order."""
    compared, before = 0, []
    for page, language, code in BLOCKS:
        if language == "sh":
            before = curled(code) or before
        elif calls := invoked(code):
            assert calls == before, f"{page.relative_to(ROOT)}:\n{code}"
            compared += len(calls)
    assert compared >= 4


def test_calls_are_read_as_the_shells_read_them():
    posted = Call("POST", "localhost:8080/predict", {"a": 0, "b": "it's", "c": [1]})
    bash = """for i in $(seq 3); do curl -s -o /dev/null localhost:8080/predict -H 'content-type: application/json' \\
  -d "{\\"a\\":$((RANDOM % 9)),\\"b\\":\\"it's\\",\\"c\\":[1]}"; done
token=$(openssl rand -hex 3)    # not curl
curl -H "Authorization: Bearer $token" http://localhost:8080/drift | head -1
curl 'localhost:8080/predict?explain=true' -d @a/b.json"""
    powershell = """1..3 | ForEach-Object { Invoke-RestMethod localhost:8080/predict -Method Post -Body `
  "{`"a`":$(Get-Random -Maximum 9),`"b`":`"it's`",`"c`":[1]}" } | Out-Null
Invoke-RestMethod -Uri http://localhost:8080/drift -Headers @{ Authorization = "Bearer $token" }
Invoke-RestMethod localhost:8080/predict -Method Post -Body '{"a":0,"b":"it''s","c":[1]}'
Invoke-RestMethod 'localhost:8080/predict?explain=true' -Method Post -InFile a\\b.json"""
    drift = Call("GET", "localhost:8080/drift", None)
    stored = Call("POST", "localhost:8080/predict?explain=true", "@a/b.json")
    assert curled(bash) == [posted, drift, stored]
    assert invoked(powershell) == [posted, drift, posted, stored]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pwsh") is None, reason="pwsh is missing")
def test_powershell_itself_parses_each_block():
    parse = (
        "$found = $null; [void][Management.Automation.Language.Parser]"
        "::ParseInput([Console]::In.ReadToEnd(), [ref]$null, [ref]$found); $found; exit [int]($found.Count -gt 0)"
    )
    command = ["pwsh", "-NoProfile", "-NonInteractive", "-Command", parse]
    for page, code in POWERSHELL:
        done = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (page, code, done.stdout + done.stderr)
