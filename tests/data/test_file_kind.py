"""What a file is, by its first bytes: the wrong kind under a right name, and what a spreadsheet adds to a CSV."""

import bz2
import gzip
import io
import lzma
import zipfile

import pandas as pd
import pytest
from dataset_files import GOOD, HEADER, VALID, csv, message, read_bundled


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, VALID)
    return file.getvalue()


KINDS = [
    (b"<!DOCTYPE html>\n<html>", "an HTML page; export its table as CSV (UTF-8)"),
    (b"\xef\xbb\xbf \r\n<HTML lang='en'>", "an HTML page; export"),
    (b"<!-- export --><table><tr><td>1</td></tr></table>", "an HTML page; export"),
    (b'<?xml version="1.0"?><Workbook/>', "an XML document; export"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "a spreadsheet (Excel's .xlsx); export"),
    (zipped("mimetype", "content.xml"), "a spreadsheet (OpenDocument's .ods); export"),
    (zipped("customers.csv"), "a ZIP archive; unpack it first"),
    (zipped("customers.csv")[:60], "a ZIP archive; unpack it first"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504, "a spreadsheet (Excel's .xls, or a protected .xlsx); export"),
    (gzip.compress(VALID.encode()), "compressed with gzip; decompress it first"),
    (bz2.compress(VALID.encode()), "compressed with bzip2; decompress it first"),
    (lzma.compress(VALID.encode()), "compressed with xz; decompress it first"),
    (b"%PDF-1.7\n", "a PDF document; export"),
    (b'[\n {"churn": 1}]', "a JSON document; convert it to CSV"),
    (b"PAR1" + b"\0" * 20 + b"PAR1", "a Parquet file; let its name end in .parquet"),
]


@pytest.mark.parametrize(("content", "expected"), KINDS, ids=[kind[1].partition(";")[0] for kind in KINDS])
def test_a_wrong_kind_is_called_what_it_is(tmp_path, content, expected):
    assert f"byte 0: the file is {expected}" in message(csv(tmp_path, content))
    if not content.startswith(b"PAR1"):
        assert expected.partition(";")[0] in message(csv(tmp_path, content, "customers.parquet"))
        assert expected.partition(";")[0] in message(csv(tmp_path, content, "customers.xlsx"))


def test_text_that_only_looks_like_it_is_read(tmp_path):
    quoted = VALID.replace("plan_type", '"plan_type"').replace("premium", "<html>").replace("basic", '{""a""}')
    assert read_bundled(csv(tmp_path, quoted)).rows == 100


@pytest.mark.parametrize(
    "content",
    [
        "sep=,\n" + VALID,
        "\ufeffsep=,,,,,\r\n" + VALID.replace("\n", "\r\n"),
        ",,,,,\n,,\n" + VALID + ",,,,,\n" * 30,
        VALID.replace(GOOD, GOOD + ",,,,,\n\n", 1) + ",,\n",
        "sep=,\n\n,,,,,,,,\n" + VALID,
    ],
)
def test_what_a_spreadsheet_adds_is_passed_over(tmp_path, content):
    dataset = read_bundled(csv(tmp_path, content))
    expected = read_bundled(csv(tmp_path, VALID, "expected.csv"))
    pd.testing.assert_frame_equal(dataset.frame, expected.frame)
    assert dataset.target.tolist() == expected.target.tolist()
    line = content.count("\n") + 1
    assert f"line {line}, column region: 'E\\x07U'" in message(csv(tmp_path, content + "1,1,1,a,E\aU,1\n"))


def test_rows_of_commas_alone_are_no_rows(tmp_path):
    assert "there are columns, but no row of data" in message(csv(tmp_path, HEADER + ",,,,,\n" * 3))
    assert "line 102, 8 fields instead of 6: ',,,,,,,'" in message(csv(tmp_path, VALID + ",,,,,,,\n"))
