"""The tasks of engines that clean files keep output only if the input did not change."""

from __future__ import annotations

import json
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PAGE

import chaffinch

pytest.importorskip("pyarrow")
import pyarrow.fs
import pyarrow.parquet

from chaffinch import _tasks
from chaffinch._shipped import Shipped

OTHER = PAGE.replace("Talks to go on", "Talks to end x")
assert len(OTHER) == len(PAGE) and OTHER != PAGE


@pytest.fixture(scope="module")
def shipped(pipeline: chaffinch.Pipeline) -> Shipped:
    return Shipped(pipeline, pickle.dumps)


def write_parquet(path: pathlib.Path, pages: list[str]) -> None:
    table = pyarrow.table({"text": pages})
    # Without compression and statistics, pages of equal length make files of equal length.
    pyarrow.parquet.write_table(
        table, path, row_group_size=1, compression="none", write_statistics=False, use_dictionary=False
    )


def write_jsonl(path: pathlib.Path, pages: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": page}) + "\n" for page in pages))


def texts(output: pathlib.Path) -> list[str]:
    found = []
    for path in sorted(output.rglob("*")):
        if path.suffix == ".parquet":
            found += pyarrow.parquet.read_table(path)["text"].to_pylist()
        elif path.is_file() and ".chaffinch" not in path.parts:
            found += [json.loads(line)["text"] for line in path.read_text().splitlines()]
    return found


def clean(shipped: Shipped, source: pathlib.Path, output: pathlib.Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task in _tasks.tasks(source, str(output)):
        for name, count in _tasks.run(task, shipped, None, {}).items():
            counts[name] = counts.get(name, 0) + count
    return counts


def inodes(output: pathlib.Path) -> dict[pathlib.Path, int]:
    return {path: path.stat().st_ino for path in output.rglob("*")}


KINDS = pytest.mark.parametrize(("name", "write"), [("a.parquet", write_parquet), ("a.jsonl", write_jsonl)])
Write = Callable[[pathlib.Path, list[str]], None]


@KINDS
@pytest.mark.parametrize("settled", [0, _tasks.SETTLED])
def test_an_input_that_is_written_again_with_equal_length_is_cleaned_again(
    shipped: Shipped,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    write: Write,
    settled: int,
) -> None:
    monkeypatch.setattr(_tasks, "SETTLED", settled)
    source, output = tmp_path / name, tmp_path / "out"
    write(source, [PAGE, PAGE])
    before = source.stat()
    clean(shipped, source, output)
    write(source, [PAGE, OTHER])
    assert source.stat().st_size == before.st_size
    # As tools that copy files do. With a settled age of two seconds, the clock does not matter either.
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    clean(shipped, source, output)
    assert [text.splitlines()[0] for text in texts(output)] == ["Talks to go on", "Talks to end x"]


@KINDS
def test_output_of_an_input_that_did_not_change_is_kept(
    shipped: Shipped, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str, write: Write
) -> None:
    source, output = tmp_path / name, tmp_path / "out"
    write(source, [PAGE, OTHER])
    counts = clean(shipped, source, output)
    assert counts["cleaned"] == 2
    first = inodes(output)
    assert clean(shipped, source, output) == counts
    second = inodes(output)
    assert first != second, "the input had just been written"
    monkeypatch.setattr(_tasks, "SETTLED", 0)
    assert clean(shipped, source, output) == counts
    third = inodes(output)
    assert clean(shipped, source, output) == counts
    assert inodes(output) == third != second
    other = Shipped(chaffinch.Pipeline("stages: [debris]"), pickle.dumps)
    assert clean(other, source, output) != counts


def rows(type: pyarrow.DataType) -> pyarrow.Table:
    """Pages of this type, and other columns. Cleaning replaces the column ``chaffinch``."""
    pages = [PAGE, None, OTHER, "", *(f"Page {number}\n\n{PAGE}" for number in range(1500))]
    count = len(pages)
    columns = {
        "n": pyarrow.array(range(count)),
        "body": pyarrow.array(pages, pyarrow.string()).cast(type),
        "chaffinch": pyarrow.array(["old"] * count),
        "link": pyarrow.array([["https://www.presstv.ir/Detail/1", None][n % 2] for n in range(count)]),
        "tags": pyarrow.array([[{"a": 1.5, "b": ["x"] * (n % 3)}] * (n % 2) for n in range(count)]),
    }
    return pyarrow.table(columns).replace_schema_metadata({"origin": "a test"})


@pytest.mark.parametrize(
    "type",
    [pyarrow.string(), pyarrow.large_string(), pyarrow.dictionary(pyarrow.int32(), pyarrow.string())],
    ids=str,
)
def test_row_groups_are_cleaned_as_tables(
    pipeline: chaffinch.Pipeline, shipped: Shipped, tmp_path: pathlib.Path, type: pyarrow.DataType
) -> None:
    table = rows(type)
    source, output = tmp_path / "a.parquet", tmp_path / "out"
    pyarrow.parquet.write_table(table, source, row_group_size=1400)
    counts: dict[str, int] = {}
    found = []
    for task in _tasks.tasks(source, str(output)):
        for name, count in _tasks.run(task, shipped, None, {"url": "link"}).items():
            counts[name] = counts.get(name, 0) + count
        found.append(pyarrow.parquet.read_table(task.target))
    assert [len(part) for part in found] == [1400, 104]
    batch = pipeline.clean_batch(table, url="link")
    expected = pyarrow.table(batch)
    assert expected["chaffinch"][0]["outlet"].as_py() == "presstv"
    assert found[0].schema.names == expected.schema.names
    assert pyarrow.concat_tables(found).to_pylist() == expected.to_pylist()
    assert found[0].schema.field("body").type == expected.schema.field("body").type
    assert found[0].schema.metadata[b"origin"] == b"a test"
    removed = counts.pop("removed_bytes")
    assert counts == batch.counts
    assert removed == sum(row["removed_bytes"] for row in expected["chaffinch"].to_pylist())
    restored = pyarrow.table(chaffinch.restore_batch(found[0]))
    assert restored["body"].to_pylist() == table["body"].to_pylist()[:1400]


def test_row_groups_elsewhere_are_cleaned_the_same(
    shipped: Shipped, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tasks, "SETTLED", 0)
    source = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(rows(pyarrow.string()), source, row_group_size=1400)
    counts = clean(shipped, source, tmp_path / "here")

    def filesystem(path: str) -> tuple[pyarrow.fs.FileSystem, str]:
        local = pyarrow.fs.LocalFileSystem()
        if path.startswith("store://"):
            return pyarrow.fs.SubTreeFileSystem(str(tmp_path), local), path.removeprefix("store://")
        return local, os.path.abspath(path)

    monkeypatch.setattr(_tasks, "_filesystem", filesystem)
    for paths, output, folder in [
        ("store://a.parquet", "store://there", "there"),
        (source, "store://to", "to"),
        ("store://a.parquet", str(tmp_path / "from"), "from"),
    ]:
        for _ in range(2):
            total: dict[str, int] = {}
            for task in _tasks.tasks(paths, output):
                for name, count in _tasks.run(task, shipped, None, {}).items():
                    total[name] = total.get(name, 0) + count
            assert total == counts
        here, there = (pyarrow.parquet.read_table(tmp_path / name) for name in ["here", folder])
        assert there.to_pylist() == here.to_pylist()


def test_a_row_group_that_cannot_be_read_is_an_error(shipped: Shipped, tmp_path: pathlib.Path) -> None:
    source, output = tmp_path / "a.parquet", tmp_path / "out"
    write_parquet(source, [PAGE, OTHER])
    [first, second] = _tasks.tasks(source, str(output))
    with pytest.raises(KeyError, match='no column is named "page"; the columns are'):
        _tasks.run(first, shipped, "page", {})
    data = bytearray(source.read_bytes())
    at = pyarrow.parquet.read_metadata(source).row_group(1).column(0).data_page_offset
    data[at : at + 20] = b"\xff" * 20
    source.write_bytes(data)
    assert _tasks.run(first, shipped, None, {})["cleaned"] == 1
    with pytest.raises(chaffinch.Error, match="a.parquet: row group 2 cannot be read: "):
        _tasks.run(second, shipped, None, {})
    assert [path.name for path in output.iterdir()] == ["a-00000.parquet"]


def test_output_of_row_groups_that_no_longer_exist_is_removed(
    shipped: Shipped, tmp_path: pathlib.Path
) -> None:
    source, output = tmp_path / "a.parquet", tmp_path / "out"
    write_parquet(source, [PAGE, OTHER, PAGE])
    clean(shipped, source, output)
    write_parquet(tmp_path / "other.parquet", [PAGE])
    # A file of another origin is not removed.
    pyarrow.parquet.write_table(pyarrow.table({"text": [PAGE]}), output / "a-00003.parquet")
    write_parquet(source, [OTHER])
    clean(shipped, source, output)
    assert sorted(path.name for path in output.iterdir()) == ["a-00000.parquet", "a-00003.parquet"]


def test_files_without_timestamps_are_never_taken_to_be_the_same(tmp_path: pathlib.Path) -> None:
    class Info:
        size, mtime_ns = 7, None

    class Store:
        def get_file_info(self, place: str) -> Any:
            return Info

    assert _tasks._version(Store(), "x") == ({"bytes": 7, "times": []}, False)  # type: ignore[arg-type]
    (tmp_path / "x").write_text("x")
    os.utime(tmp_path / "x", ns=(1, 1))
    store = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    assert _tasks._version(store, "x") == ({"bytes": 1, "times": [1]}, True)
