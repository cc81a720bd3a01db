"""Reports of the models: a page in `registry/reports/` for each that has one, all or nothing."""

import errno
import json
import os

import pytest
from registry_home import NAME, promote, prune, save, save_reported, small_home, tree

from churn import files
from churn.errors import RegistryError

ONE, TWO, THREE = (f"{NAME}:v{number}" for number in (1, 2, 3))
PAGE = "registry/reports/churn_model_v1-v1.html"


@pytest.fixture
def registry(tmp_path):
    with small_home(tmp_path) as made:
        yield made


def page_of(registry, version):
    return registry.layout.home / "registry" / "reports" / f"{NAME}-{version}.html"


def test_the_page_is_saved_beside_the_metadata_that_name_it(registry):
    save_reported(registry)
    save(registry)
    first, second = json.loads(registry.layout.metadata.read_bytes())
    assert first["report"] == PAGE
    assert "report" not in second, "a model of an earlier release has none"
    assert page_of(registry, "v1").read_bytes() == (registry.fetch(ONE) / "report.html").read_bytes()
    assert [path.name for path in registry.layout.reports.iterdir()] == [f"{NAME}-v1.html"]
    assert registry.verify() == []


def test_a_full_volume_leaves_nothing_half(registry, monkeypatch):
    """Whichever of the four files is the first that the volume does not take: note, archive, page, metadata."""
    promote(registry, save_reported(registry, "v1"))
    (registry.store.home / "models" / NAME / "latest").unlink()  # BentoML makes it anew when it is missing
    before = tree(registry.layout.home), tree(registry.store.home / "models")
    real = os.fsync
    for allowed in range(4):
        left = [allowed]

        def fsync(descriptor, left=left):
            if os.fstat(descriptor).st_mode & 0o100000:
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(RegistryError, match="No space left on device"):
            save_reported(registry, "v2")
        monkeypatch.undo()
        with registry.writing():
            pass
        assert (tree(registry.layout.home), tree(registry.store.home / "models")) == before
    save_reported(registry, "v2")
    assert registry.verify() == []
    assert page_of(registry, "v2").exists()


def test_a_page_that_no_metadata_name_is_taken_back(registry, monkeypatch):
    """As when the volume fails between the two renames."""
    save_reported(registry)
    before = tree(registry.layout.home)
    rename = files._rename

    def failing(temporary, path):
        if path.name == "metadata.json":
            assert page_of(registry, "v2").exists()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(temporary, path)

    monkeypatch.setattr(files, "_rename", failing)
    with pytest.raises(RegistryError, match="Input/output error"):
        save_reported(registry)
    monkeypatch.undo()
    assert tree(registry.layout.home) == before


def test_the_page_of_a_pruned_model_stays(registry):
    for _ in range(3):
        save_reported(registry)
    promote(registry, THREE)
    assert prune(registry, 1) == [ONE, TWO]
    assert page_of(registry, "v1").exists()
    assert registry.verify() == []
    page_of(registry, "v1").unlink()
    (finding,) = registry.verify()
    assert (finding.where, finding.cure) == (PAGE, "restore it from a backup")


def test_verify_names_pages_that_are_missing_altered_or_nobodys(registry):
    for _ in range(3):
        save_reported(registry)
    page_of(registry, "v1").unlink()
    page_of(registry, "v2").write_bytes(b"<!doctype html>another")
    page_of(registry, "v9").touch()
    found = {finding.where: str(finding) for finding in registry.verify()}
    assert list(found) == [PAGE, PAGE.replace("-v1", "-v2"), PAGE.replace("-v1", "-v9")]
    missing, altered, stray = found.values()
    assert "it cannot be read (No such file or directory)" in missing
    assert f"`churn registry show {ONE} --html {page_of(registry, 'v1')}` writes it anew" in missing
    assert f"it is not the report that was saved in {TWO}" in altered
    assert "a report that registry/metadata.json does not hold" in stray


def test_verify_names_an_entry_that_names_another_page(registry):
    save_reported(registry)
    entries = json.loads(registry.layout.metadata.read_bytes())
    entries[0]["report"] = "registry/reports/../../x.html"
    registry.layout.metadata.write_text(json.dumps(entries))
    (finding,) = registry.verify()
    assert finding.where == "registry/metadata.json"
    assert f"{ONE} has the report 'registry/reports/../../x.html', not '{PAGE}'" in finding.what


def test_a_temporary_page_of_a_dead_writer_is_named_and_cleared(registry):
    save_reported(registry)
    left = registry.layout.reports / ".registry-x-1.tmp.html"
    left.touch()
    assert [finding.where for finding in registry.verify()] == ["registry/reports/.registry-x-1.tmp.html"]
    promote(registry, ONE)
    assert not left.exists()
    assert registry.verify() == []
