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
