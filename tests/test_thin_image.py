"""What the image's environment loses, and what it keeps."""

from tools.thin_image import thin


def test_only_what_no_flow_opens_goes(tmp_path):
    kept = (
        "numpy/testing/__init__.py",
        "numpy/_core/multiarray.so",
        "onnx/backend/base.py",
        "sklearn/utils/_testing.py",
    )
    gone = (
        "numpy/_core/tests/data.bin",
        "onnx/backend/test/data.onnx",
        "onnxruntime/tools/convert.py",
        "onnxruntime/capi/libonnxruntime.so.1.32.0",
        "numpy/__pycache__/matlib.cpython-312.pyc",
        "scipy/special/cython_special.pxd",
    )
    for name in (*kept, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    thin(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(kept)
