"""Cleaning many documents: order, laziness, threads, processes."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import pickle
import shutil
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from conftest import BODY, PAGE, ROOT, RULES, SEEDS
from interrupt import interrupted

import chaffinch

PAGES = [f"Page {number}\n\n{PAGE}" for number in range(300)]


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_many_are_cleaned_as_one_is(pipeline: chaffinch.Pipeline, threads: int | None) -> None:
    texts = [cleaned.text for cleaned in pipeline.clean_many(PAGES, threads=threads)]
    assert texts == [pipeline.clean(page).text for page in PAGES]
    seeds = [seed.read_bytes() for seed in SEEDS]
    many = list(pipeline.clean_many(seeds, threads))
    assert [cleaned.output for cleaned in many] == [pipeline.clean(seed).output for seed in seeds]


def test_documents_have_urls_ids_and_outlets(pipeline: chaffinch.Pipeline) -> None:
    page = f"News / Politics\n\n{BODY}"
    url = "https://www.presstv.ir/Detail/1"
    inputs = [chaffinch.Input(page, url=url, id="a"), chaffinch.Input(page, outlet="nobody")]
    first, second = pipeline.clean_many(inputs)
    assert (first.id, first.outlet) == ("a", "presstv")
    assert (second.id, second.verdict) == (None, "failed")


def test_documents_are_taken_in_bounded_batches(pipeline: chaffinch.Pipeline) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield PAGE

    results = pipeline.clean_many(endless(), threads=2)
    assert taken == 0, "nothing is taken before a result is read"
    next(results)
    assert 0 < taken <= 64
    for _ in range(64):
        next(results)
    assert 64 < taken <= 128


def test_large_documents_make_small_batches(pipeline: chaffinch.Pipeline) -> None:
    taken: list[int] = []
    large = "x" * (3 << 20)
    results = pipeline.clean_many((taken.append(1) or large for _ in range(50)), threads=1)
    next(results)
    assert len(taken) == 2


def test_an_exception_comes_after_the_results_before_it(pipeline: chaffinch.Pipeline) -> None:
    def broken() -> Iterator[str]:
        yield from PAGES[:3]
        raise LookupError("no more")

    results = pipeline.clean_many(broken())
    assert [next(results).text for _ in range(3)] == [pipeline.clean(page).text for page in PAGES[:3]]
    with pytest.raises(LookupError):
        next(results)
    assert list(results) == []
    with pytest.raises(TypeError, match="not int"):
        list(pipeline.clean_many([1]))  # type: ignore[list-item]
    for one in [PAGE, PAGE.encode(), bytearray(3), chaffinch.Input(PAGE)]:
        with pytest.raises(TypeError, match="use clean for one document, or pass it in a list"):
            pipeline.clean_many(one)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        pipeline.clean_many([], threads=0)
    assert list(pipeline.clean_many([])) == []


def test_other_threads_run_meanwhile(pipeline: chaffinch.Pipeline) -> None:
    page = (PAGE + BODY * 5) * 400
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    other = threading.Thread(target=tick)
    other.start()
    started = time.monotonic()
    while time.monotonic() - started < 0.5:
        next(pipeline.clean_many([page] * 8))
    done.set()
    other.join()
    assert ticks > 5


def test_a_pipeline_is_shared_by_threads(pipeline: chaffinch.Pipeline) -> None:
    texts: list[list[str]] = []

    def work() -> None:
        texts.append([cleaned.text for cleaned in pipeline.clean_many(PAGES[:100])])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(texts) == 4 and all(text == texts[0] for text in texts)


def test_a_pickled_pipeline_brings_its_files(tmp_path: pathlib.Path) -> None:
    page = f"{BODY}\nThe old footer\n"
    project = tmp_path / "project"
    (project / "rules" / "more").mkdir(parents=True)
    (project / "rules" / "more" / "paper.yaml").write_text(RULES)
    (project / "pipeline").mkdir()
    settings = project / "pipeline" / "chaffinch.yaml"
    settings.write_text("rules: [../rules]\nstages: [site-footer]\n")
    rule_file = project / "other.yaml"
    rule_file.write_text(RULES)
    here = os.getcwd()
    os.chdir(project)
    try:
        made = [
            chaffinch.Pipeline("pipeline/chaffinch.yaml", outlet="paper"),
            chaffinch.Pipeline("rules: [rules]\n", outlet="paper", level="off"),
            chaffinch.Pipeline("stages: [site-footer]", rules=["rules/more"], outlet="paper"),
            chaffinch.Pipeline(rule_files=[rule_file.name], outlet="paper"),
        ]
        data = [pickle.dumps(pipeline) for pipeline in made]
    finally:
        os.chdir(here)
    shutil.rmtree(project)
    for pipeline, pickled in zip(made, data):
        again = pickle.loads(pickle.dumps(pickle.loads(pickled)))
        assert again.stages == pipeline.stages
        assert again.clean(page).text == pipeline.clean(page).text == BODY


def test_a_pickled_pipeline_brings_its_model(tmp_path: pathlib.Path) -> None:
    menu = "Home\nWorld\nSport\nMy account\nSubscribe now\nSkip to content\n" * 3
    page = f"{menu}\n{BODY * 20}\n{menu}"
    model = tmp_path / "model.bin"
    shutil.copy(ROOT / "crates" / "lines" / "model.bin", model)
    settings = tmp_path / "chaffinch.yaml"
    settings.write_text("stages: [lines: {model: model.bin, level: full}]\n")
    pipeline = chaffinch.Pipeline(settings)
    data = pickle.dumps(pipeline)
    model.unlink()
    assert pickle.loads(data).clean(page).text == pipeline.clean(page).text != page
    with pytest.raises(OSError, match="model.bin"):
        pickle.dumps(pipeline)
    shutil.copy(ROOT / "crates" / "lines" / "model.bin", model)
    absolute = chaffinch.Pipeline(f"stages: [lines: {{model: {str(model)!r}}}]")
    with pytest.raises(ValueError, match="absolute path"):
        pickle.dumps(absolute)


def work(pipeline: chaffinch.Pipeline) -> list[str]:
    return [cleaned.text for cleaned in pipeline.clean_many(PAGES, threads=2)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork(pipeline: chaffinch.Pipeline) -> None:
    # The threads of the parent run before the fork, and are gone after it.
    expected = work(pipeline)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        # An inherited pipeline, sent by pickle as well, and one that is made after the fork.
        for result in [pool.apply_async(work, (pipeline,)), pool.apply_async(inherited)]:
            assert result.get(timeout=60) == expected


_inherited: chaffinch.Pipeline | None = None


def inherited() -> list[str]:
    return work(chaffinch.Pipeline())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_half_read_iterator_continues_after_a_fork(pipeline: chaffinch.Pipeline) -> None:
    results = pipeline.clean_many(PAGES, threads=2)
    next(results)
    child = os.fork()
    if child == 0:
        # Without pytest's exit handlers; an alarm ends a child that hangs.
        signal.alarm(60)
        try:
            os._exit(0 if sum(1 for _ in results) == len(PAGES) - 1 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert sum(1 for _ in results) == len(PAGES) - 1


def test_spawned_processes(pipeline: chaffinch.Pipeline) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.apply_async(work, (pipeline,)).get(timeout=120) == work(pipeline)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_an_interrupt_stops_a_long_call() -> None:
    code = (
        "import chaffinch, itertools\n"
        "pipeline = chaffinch.Pipeline()\n"
        "print('ready', flush=True)\n"
        f"for cleaned in pipeline.clean_many(itertools.repeat({PAGE!r})): pass\n"
    )
    assert "KeyboardInterrupt" in interrupted(code, wait=0.5, within=30)
