"""What the images' environment loses, what it keeps, and what is divided between the two."""

import ctypes
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tools.image import split, thin
from tools.licences import locked

PACKAGES = Path(sysconfig.get_path("purelib"))


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_what_no_flow_opens_goes(tmp_path):
    kept = {
        "numpy/testing/__init__.py",
        "numpy/_core/multiarray.so",
        "onnx/backend/base.py",
        "sklearn/utils/_testing.py",
        "pygments/lexers/python.py",
        "pygments/lexers/_mapping.py",
        "scipy/stats/_stats.so",
    }
    gone = {
        "numpy/_core/tests/data.bin",
        "pyarrow/_hdfs.abi3.so",
        "onnx/backend/test/data.onnx",
        "onnx/defs/schema.cc",
        "onnxruntime/tools/convert.py",
        "onnxruntime/capi/libonnxruntime.so.1.32.0",
        "numpy/__pycache__/matlib.cpython-312.pyc",
        "scipy/special/cython_special.pxd",
        "scipy/io/_mmio.py",
        "pygments/lexers/lisp.py",
    }
    put(tmp_path, *kept, *gone)
    thin.thin(tmp_path)
    assert files(tmp_path) == kept


def test_a_part_that_was_renamed_stops_the_build(tmp_path):
    put(tmp_path, "sklearn/datasets/__init__.py")
    with pytest.raises(SystemExit, match=r"nothing is called .*scipy/io.* any more"):
        thin.require_parts(tmp_path)
    thin.require_parts(PACKAGES)


def test_a_library_loads_without_what_debuggers_read(tmp_path):
    (found,) = (PACKAGES / "uvloop").glob("loop.*.so")
    shutil.copy(found, tmp_path)
    thin.cut_debug_data(tmp_path)
    assert (tmp_path / found.name).stat().st_size < found.stat().st_size / 4
    ctypes.CDLL(str(tmp_path / found.name))


def test_a_second_copy_of_a_library_becomes_a_link(tmp_path):
    put(tmp_path, "a.libs/libfirst.so.2", "b.libs/libother.so")
    (tmp_path / "a.libs" / "libfirst.so.2").write_bytes(b"library")
    shutil.copytree(tmp_path / "a.libs", tmp_path / "c.libs")
    thin.link_twins(tmp_path)
    assert (tmp_path / "c.libs" / "libfirst.so.2").readlink() == Path("../a.libs/libfirst.so.2")
    assert (tmp_path / "c.libs" / "libfirst.so.2").read_bytes() == b"library"
    assert not (tmp_path / "b.libs" / "libother.so").is_symlink()


def test_a_package_of_bytecode_alone_is_imported(tmp_path):
    package = tmp_path / "only_bytecode"
    put(package, "data.txt")
    (package / "__init__.py").write_text('"""Kept."""\nVALUE = 7\n', encoding="utf-8")
    (package / "broken.py").write_text("x = (", encoding="utf-8")
    thin.keep_bytecode_only([package])
    assert files(package) == {"__init__.pyc", "broken.py", "data.txt"}
    command = [sys.executable, "-c", "import only_bytecode; print(only_bytecode.VALUE, only_bytecode.__doc__)"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "7 Kept.\n"


def test_the_service_keeps_what_it_needs_and_nothing_of_the_jobs():
    distributions = locked()
    jobs_only = split.jobs_only(distributions)
    assert set(split.JOBS_ONLY) | {"pytz", "threadpoolctl", "ml-dtypes"} <= jobs_only
    assert not {"numpy", "protobuf", "python-dateutil", "pyarrow", "onnxruntime"} & jobs_only
    for name in distributions.keys() - jobs_only:
        assert not distributions[name].needs & jobs_only, name


@pytest.mark.slow
def test_what_belongs_to_both_stops_the_build():
    with pytest.raises(SystemExit, match="belongs to the service too"):
        split.places({"opentelemetry-sdk"}, PACKAGES)
    places = split.places({"scikit-learn"}, PACKAGES)
    assert {place.name for place in places} >= {"sklearn", "scikit_learn.libs", "scikit_learn-1.7.2.dist-info"}
