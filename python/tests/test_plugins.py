"""Pipelines with plugins. The tests are skipped if the package was built without them."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import pickle
import shutil

import pytest
from conftest import BODY

import chaffinch


def section(number: int, *items: bytes) -> bytes:
    """A section of a WebAssembly module: a list of items."""
    content = bytes([len(items)]) + b"".join(items)
    return bytes([number, len(content)]) + content


def sized(content: bytes) -> bytes:
    return bytes([len(content)]) + content


BROKEN = b"\0asm\1\0\0\0" + b"".join(
    [
        # () -> i32, (i32) -> i32 and (i32, i32) -> i64
        section(1, b"\x60\0\1\x7f", b"\x60\1\x7f\1\x7f", b"\x60\2\x7f\x7f\1\x7e"),
        section(3, b"\0", b"\1", b"\2"),
        section(5, b"\0\1"),
        section(
            7,
            sized(b"memory") + b"\2\0",
            sized(b"chaffinch_abi") + b"\0\0",
            sized(b"chaffinch_alloc") + b"\0\1",
            sized(b"chaffinch_mark") + b"\0\2",
        ),
        # 1, 16, and a trap
        section(10, sized(b"\0\x41\1\x0b"), sized(b"\0\x41\x10\x0b"), sized(b"\0\0\x0b")),
    ]
)
"""A plugin that fails in every document."""

PAGE = f"Bridge opens again\n\n{BODY * 6}\nCorrection: the year was wrong\n"
CLEANED = PAGE.replace("\nCorrection: the year was wrong\n", "")
STAGES = "stages:\n  - debris\n  - plugin: {wasm: %s, config: {words: ['Correction:']}}\n"


def work(pipeline: chaffinch.Pipeline) -> str:
    return pipeline.clean(PAGE).text


def test_a_pickled_pipeline_brings_its_plugins(plugin: pathlib.Path, tmp_path: pathlib.Path) -> None:
    project = tmp_path / "project"
    (project / "pipelines").mkdir(parents=True)
    (project / "plugins").mkdir()
    shutil.copy(plugin, project / "plugins")
    (project / "pipelines" / "chaffinch.yaml").write_text(STAGES % "../plugins/corrections.wasm")
    here = os.getcwd()
    os.chdir(project)
    try:
        made = [
            chaffinch.Pipeline("pipelines/chaffinch.yaml"),
            chaffinch.Pipeline(STAGES % "plugins/corrections.wasm"),
        ]
        data = [pickle.dumps(pipeline) for pipeline in made]
    finally:
        os.chdir(here)
    shutil.rmtree(project)
    for pipeline, pickled in zip(made, data):
        again = pickle.loads(pickle.dumps(pickle.loads(pickled)))
        assert again.stages == pipeline.stages == ["debris", "corrections"]
        assert again.clean(PAGE).text == pipeline.clean(PAGE).text == CLEANED
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(work, (again,)) == CLEANED


def test_an_absolute_path_of_a_plugin_does_not_travel(plugin: pathlib.Path) -> None:
    pipeline = chaffinch.Pipeline(STAGES % plugin.as_posix())
    assert pipeline.clean(PAGE).text == CLEANED
    with pytest.raises(ValueError, match="the plugin .*corrections.wasm.* by an absolute path"):
        pickle.dumps(pipeline)


def test_plugins_that_fail_are_counted(plugin: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "broken.wasm").write_bytes(BROKEN)
    (tmp_path / "chaffinch.yaml").write_text("stages: [debris, {plugin: {wasm: broken.wasm}}]\n")

    @chaffinch.stage(name="fails-too")
    def fails_too(document: chaffinch.Document) -> None:
        raise LookupError

    pipeline = chaffinch.Pipeline(tmp_path / "chaffinch.yaml", stages=[fails_too])
    cleaned = pipeline.clean(PAGE)
    assert cleaned.verdict == "suspect" and cleaned.reason is not None
    assert 'stage "broken" failed' in cleaned.reason
    assert pipeline.stage_failures == {"broken": 1, "fails-too": 1}
    assert len(list(pipeline.clean_many([PAGE] * 5))) == 5
    assert pipeline.stage_failures == {"broken": 6, "fails-too": 6}
    pa = pytest.importorskip("pyarrow")
    pipeline.clean_batch(pa.table({"text": [PAGE] * 3}))
    assert pipeline.stage_failures == {"broken": 9, "fails-too": 9}
    assert pickle.loads(pickle.dumps(chaffinch.Pipeline(tmp_path / "chaffinch.yaml"))).stage_failures == {}
