"""Removal of what no flow opens from the image's environment: weight, never behaviour."""

import compileall
import hashlib
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path

# Folders that hold a library's own tests, under whatever package.
TEST_FOLDERS = ("**/tests", "onnx/backend/test", "tornado/test", "joblib/test")
UNUSED = (
    # Parts of ONNX Runtime that work on models before they are served; and its C library, a second copy of what its
    # Python extension has linked in already.
    *(f"onnxruntime/{name}" for name in ("transformers", "tools", "quantization", "datasets")),
    "onnxruntime/capi/libonnxruntime.so*",
    # Of Arrow, what reads from other machines. The rest has to stay: `lib.so` is linked to each of its libraries.
    *(f"pyarrow/{name}" for name in ("libarrow_flight.so*", "libarrow_python_flight.so*", "libarrow_s3.so*")),
    *(f"pyarrow/_{name}.*.so" for name in ("flight", "s3fs", "gcsfs", "azurefs", "hdfs")),
    "pyarrow/_pyarrow_cpp_tests.*.so",
    # Parts that neither training nor scikit-learn's estimators use; NumPy's own tests' of its vector instructions.
    *(f"scipy/{name}" for name in ("io", "signal", "odr", "cluster", "stats/_unuran")),
    "sklearn/datasets",
    "numpy/_core/_simd.*.so",
    "onnx/reference",
    "duckdb/experimental",
    # Colours for other languages than Python's, JSON and YAML (python.py, data.py).
    "pygments/lexers/[!_dp]*.py",
)
# For compilers and type checkers.
BUILD_SUFFIXES = (".pyi", ".pyx", ".pxd", ".pxi", ".tp", ".h", ".hpp", ".c", ".cc", ".cpp", ".a", ".proto")


def thin(packages: Path) -> None:
    """Delete tests, unused parts, what compilers read, and bytecode from a site-packages folder."""
    for pattern in (*TEST_FOLDERS, *UNUSED):
        for found in list(packages.glob(pattern)):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    for file in list(packages.rglob("*")):
        if file.suffix in (*BUILD_SUFFIXES, ".pyc") and file.is_file():
            file.unlink()


def require_parts(packages: Path) -> None:
    """Complain of an entry of `UNUSED` that matches nothing: it has been renamed, and its weight is back."""
    if missing := [pattern for pattern in UNUSED if not any(packages.glob(pattern))]:
        raise SystemExit(f"tools/image/thin.py: nothing is called {', '.join(missing)} any more")


def cut_debug_data(packages: Path) -> None:
    """Cut off what lies behind the loaded part of shared libraries: symbols for debuggers, 14 of uvloop's 16 MB.

    `strip` would move the loaded part too, and libraries that auditwheel has changed, as NumPy's, do not load after it.
    Read for this (ELF, 64 bits): the program headers, of which each says where a segment ends; the table of sections,
    which a loader does not read, is named no more.
    """
    for library in _libraries(packages):
        with library.open("r+b") as file:
            header = file.read(64)
            if header[:5] != b"\x7fELF\x02":
                continue
            start, size, count = (struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54))
            file.seek(start)
            segments = [struct.unpack_from("<QQQQQ", file.read(size), 8) for _ in range(count)]
            file.truncate(max(start + size * count, *(offset + length for offset, _, _, length, _ in segments)))
            for field, empty in ((40, bytes(8)), (58, bytes(6))):
                file.seek(field)
                file.write(empty)


def link_twins(packages: Path) -> None:
    """Make a shared library that is there twice a link to the first: wheels hold no links, but libraries have names."""
    first: dict[str, Path] = {}
    for library in _libraries(packages):
        twin = first.setdefault(hashlib.sha256(library.read_bytes()).hexdigest(), library)
        if twin is not library:
            library.unlink()
            library.symlink_to(twin.relative_to(library.parent, walk_up=True))


def keep_bytecode_only(packages: Iterable[Path]) -> None:
    """Replace the sources of packages by their bytecode; tracebacks keep their files and lines."""
    for package in packages:
        compileall.compile_dir(package, quiet=2, legacy=True)
        for source in package.rglob("*.py"):
            if source.with_suffix(".pyc").exists():
                source.unlink()


def _libraries(packages: Path) -> list[Path]:
    return sorted(path for path in packages.rglob("*.so*") if path.is_file() and not path.is_symlink())
