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
