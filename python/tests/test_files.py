"""Cleaning and restoring files."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from conftest import BODY, PAGE, ROOT, SEEDS
from interrupt import interrupted

import chaffinch


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """The files of a run without its record, which contains times."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_files_are_cleaned_as_by_the_command_line(
    pipeline: chaffinch.Pipeline, program: str, tmp_path: pathlib.Path
) -> None:
    seeds = ROOT / "corpus" / "seeds"
    totals = pipeline.clean_files([seeds], tmp_path / "ours", threads=2)
    assert totals["cleaned"] == len(SEEDS) and totals["removed_bytes"] > 0
    command = [program, "clean", str(seeds), "-o", str(tmp_path / "theirs"), "--quiet"]
    subprocess.run(command, check=True)
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert chaffinch.restore_files(tmp_path / "ours", tmp_path / "originals") == len(SEEDS)
    assert files(tmp_path / "originals") == files(seeds)


def test_one_path_is_a_list_of_one(
    pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path
) -> None:
    page = tmp_path / "page.txt"
    page.write_text(PAGE)
    for number, inputs in enumerate([page, str(page), [page], (str(page),), iter([page])]):
        assert pipeline.clean_files(inputs, tmp_path / str(number))["cleaned"] == 1
    for wrong in [7, [7], b"page.txt"]:
        with pytest.raises(TypeError, match="a path is a str or a path of pathlib, not"):
            pipeline.clean_files(wrong, tmp_path / "wrong")  # type: ignore[arg-type]


def test_the_field_of_the_text_is_named(pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"page": "SHARE THIS ARTICLE", "text": "x"}\n')
    pipeline.clean_files([tmp_path / "rows.jsonl"], tmp_path / "out", text="page")
    assert '"page"' in (tmp_path / "out" / "rows.jsonl").read_text()


def test_output_that_cannot_be_made_again_is_replaced_only_if_asked(
    pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path
) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text(PAGE)
    second.write_text(PAGE)
    pipeline.clean_files([first], tmp_path / "out")
    with pytest.raises(chaffinch.Error, match="other inputs"):
        pipeline.clean_files([second], tmp_path / "out")
    assert (tmp_path / "out" / "first.txt").exists()
    pipeline.clean_files([second], tmp_path / "out", fresh=True)
    assert not (tmp_path / "out" / "first.txt").exists()


def test_parquet_files_are_cleaned_and_restored(
    pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = pyarrow.table({"url": [f"https://example.com/{at}" for at in range(9)], "text": [PAGE] * 9})
    parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=4)
    totals = pipeline.clean_files([tmp_path / "rows.parquet"], tmp_path / "out")
    assert totals["cleaned"] == 9
    cleaned = parquet.read_table(tmp_path / "out" / "rows.parquet")
    assert cleaned["url"] == rows["url"]
    assert cleaned["text"].to_pylist() == [pipeline.clean(PAGE).text] * 9
    assert chaffinch.restore_files(tmp_path / "out", tmp_path / "originals") == 9
    assert parquet.read_table(tmp_path / "originals" / "rows.parquet")["text"] == rows["text"]


def test_wrong_runs_are_refused(pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path) -> None:
    with pytest.raises(chaffinch.Error, match="nowhere"):
        pipeline.clean_files([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(chaffinch.Error):
        chaffinch.restore_files(tmp_path, tmp_path / "out")
    (tmp_path / "page.txt").write_text(PAGE)
    pipeline.clean_files([tmp_path / "page.txt"], tmp_path / "run")
    (tmp_path / "run" / "page.txt").write_text("changed\n")
    with pytest.raises(chaffinch.Error, match="1 documents? cannot be restored.*page.txt"):
        chaffinch.restore_files(tmp_path / "run", tmp_path / "originals")
    stage = chaffinch.stage(name="own")(lambda document: None)
    with pytest.raises(ValueError, match="no stages written in Python"):
        chaffinch.Pipeline(stages=[stage]).clean_files([tmp_path / "page.txt"], tmp_path / "own")


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_an_interrupted_run_is_resumed(
    pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    with open(rows, "w") as file:
        for number in range(60_000):
            file.write('{"text": "Page %d\\n\\n%s"}\n' % (number, BODY.strip() * 10))
    code = (
        "import chaffinch\n"
        "pipeline = chaffinch.Pipeline()\n"
        "print('ready', flush=True)\n"
        "pipeline.clean_files(['rows.jsonl'], 'out', threads=1)\n"
    )
    # The run creates the directory as it starts.
    assert "KeyboardInterrupt" in interrupted(code, wait=tmp_path / "out", cwd=tmp_path)
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        totals = pipeline.clean_files(["rows.jsonl"], "out")
        whole = pipeline.clean_files(["rows.jsonl"], "whole")
    finally:
        os.chdir(here)
    assert totals == whole
    out = [(tmp_path / run / "rows.jsonl").read_bytes() for run in ["out", "whole"]]
    assert out[0] == out[1]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_an_interrupt_stops_restoring(pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path) -> None:
    with open(tmp_path / "rows.jsonl", "w") as file:
        for number in range(100_000):
            file.write('{"text": "Page %d\\n\\n%s\\n\\nSHARE THIS ARTICLE"}\n' % (number, BODY.strip()))
    pipeline.clean_files(tmp_path / "rows.jsonl", tmp_path / "out")
    code = (
        "import chaffinch\n"
        "print('ready', flush=True)\n"
        "chaffinch.restore_files('out', 'originals')\n"
    )
    # The call creates the directory as it starts.
    assert "KeyboardInterrupt" in interrupted(code, wait=tmp_path / "originals", cwd=tmp_path)
    assert list((tmp_path / "originals").iterdir()) == [], "files are written completely or not at all"
    assert chaffinch.restore_files(tmp_path / "out", tmp_path / "again") == 100_000
