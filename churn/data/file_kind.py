"""File type detection by first bytes."""

import re
import zipfile
from pathlib import Path

_HEAD = 2**10
_EXPORT = "export its table as CSV (UTF-8)"
# UTF-32 before UTF-16, whose mark is the beginning of that of UTF-32.
_BEGINNINGS = (
    (b"\xff\xfe\0\0", "UTF-32", "save it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16", "save it as UTF-8"),
    (b"PAR1", "a Parquet file", "let its name end in .parquet"),
    (b"\x1f\x8b", "compressed with gzip", "decompress it first"),
    (b"BZh", "compressed with bzip2", "decompress it first"),
    (b"\xfd7zXZ\0", "compressed with xz", "decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet (Excel's .xls, or a protected .xlsx)", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
)
_TEXTS = (
    (re.compile(rb"<(!doctype\s+html|html|head|body|table|!--)", re.IGNORECASE), "an HTML page", _EXPORT),
    (re.compile(rb"<\?xml\s", re.IGNORECASE), "an XML document", _EXPORT),
    (re.compile(rb'\{\s*"|\[\s*[\[{]'), "a JSON document", "convert it to CSV"),
)
_SHEETS = {"xl/": "a spreadsheet (Excel's .xlsx)", "content.xml": "a spreadsheet (OpenDocument's .ods)"}


def foreign_kind(path: Path) -> tuple[str, str] | None:
    """What a file is, and what to do with it, where it is a known kind of file that is no CSV in UTF-8.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for beginning, what, cure in _BEGINNINGS:
        if head.startswith(beginning):
            return what, cure
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if len(head) >= 4 and head[:4].count(0) == 3 and 0 in (head[1], head[3]):
        return "UTF-32", "save it as UTF-8"  # without a mark: one byte of four for a letter of a heading
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next(((what, cure) for pattern, what, cure in _TEXTS if pattern.match(text)), None)


def _zipped(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        names = []
    for beginning, what in _SHEETS.items():
        if any(name.startswith(beginning) for name in names):
            return what, _EXPORT
    return "a ZIP archive", "unpack it first"
