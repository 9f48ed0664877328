"""Stages written in Python."""

from __future__ import annotations

import multiprocessing
import pathlib
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import BODY

import chaffinch

PAGE = f"Ünited talks\n\n{BODY * 12}\n-30-\n"


@chaffinch.stage(name="sign-off")
def sign_off(document: chaffinch.Document, *, text: str = "-30-") -> Iterator[tuple[int, int]]:
    for line in document.lines:
        if line.in_tail and line.text == text:
            yield line.span


def make(function: Callable[..., Any], **keywords: Any) -> Callable[..., Any]:
    return chaffinch.stage(name="own", **keywords)(function)


def clean(*stages: Callable[..., Any], page: str = PAGE, **keywords: Any) -> chaffinch.Cleaned:
    return chaffinch.Pipeline("stages: [debris]", stages=stages, **keywords).clean(page)


def test_a_stage_removes_what_it_marks() -> None:
    cleaned = clean(sign_off)
    assert cleaned.text == PAGE.replace("\n-30-\n", "")
    [cut] = cleaned.cuts
    assert (cut.rule, cut.stage) == ("stage/sign-off", "sign-off")
    assert cleaned.restore() == PAGE.encode()
    chaffinch.check_stage(sign_off, PAGE)


def test_the_pipeline_places_a_stage_and_sets_it() -> None:
    pipeline = chaffinch.Pipeline("stages: [sign-off: {text: ENDS}, debris]", stages=[sign_off])
    assert pipeline.stages == ["sign-off", "debris"]
    assert pipeline.clean(PAGE).cuts == []
    assert pipeline.clean(PAGE.replace("-30-", "ENDS")).cuts
    assert chaffinch.Pipeline("stages: [debris]", stages=[sign_off]).stages == ["debris", "sign-off"]
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.Pipeline("stages:\n  - sign-off: {txt: ENDS}", stages=[sign_off])
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (2, 16)
    assert "this stage takes text" in problem.message


def test_settings_have_the_types_of_their_defaults() -> None:
    seen: list[Any] = []

    def function(document: chaffinch.Document, *, on: bool = True, most: int = 3, word: str = "x") -> None:
        seen.append((on, most, word))

    clean(make(function))
    pipeline = "stages: [own: {on: false, most: 7, word: y}]"
    chaffinch.Pipeline(pipeline, stages=[make(function)]).clean(PAGE)
    assert seen[0] == (True, 3, "x") and seen[-1] == (False, 7, "y")
    with pytest.raises(chaffinch.Error, match="an integer of at least 1"):
        chaffinch.Pipeline("stages: [own: {most: 0}]", stages=[make(function)])
    with pytest.raises(TypeError, match="'most' of the stage 'own' has no default"):
        make(lambda document, most: None)
    with pytest.raises(TypeError, match="must be a bool, an int"):
        clean(make(lambda document, most=1.5: None))
    with pytest.raises(ValueError, match="certainty"):
        clean(make(lambda document: None, certainty="maybe"))
    with pytest.raises(TypeError, match="is no stage"):
        clean(lambda document: None)


def test_a_stage_sees_what_earlier_stages_left() -> None:
    seen: list[chaffinch.Document] = []

    def look(document: chaffinch.Document) -> None:
        seen.append(document)

    def cut(document: chaffinch.Document) -> list[tuple[int, int]]:
        return [(at, at + 4) for at in [document.text.find("told")] if at >= 0]

    page = f"Ünited\n\n{BODY}\nEnds\n"
    stages = [chaffinch.stage(name="cut")(cut), chaffinch.stage(name="look")(look)]
    clean(*stages, page=page)
    document = seen[-1]
    assert (document.text, document.outlet, document.has_body) == (page, None, True)
    assert [line.index for line in document.lines] == [0, 1, 2, 3, 4]
    first, _, body, _, last = document.lines
    assert (first.text, first.in_head, first.is_body) == ("Ünited", True, False)
    assert body.is_body and body.text == BODY.strip().replace("told", "")
    assert last.in_tail and page[slice(*last.span)] == "Ends"
    assert page[slice(*body.span)] == BODY.strip()
    at = body.text.index("reporters")
    assert page[slice(*body.place(at, at + 9))] == "reporters"
    assert page[slice(*body.place(0, at))] == body.text[:13] + "told "
    for start, end in [(3, 3), (4, 2), (0, 999)]:
        with pytest.raises(ValueError, match="not a range"):
            body.place(start, end)
    assert "Ünited" in repr(first) and "5 lines" in repr(document)


def test_marks_replace_and_carry_fields() -> None:
    def function(document: chaffinch.Document) -> Iterator[chaffinch.Mark]:
        at = document.text.index("told")
        yield chaffinch.Mark(at, at + 4, "told the", fields={"agency": "Wire"})
        at = document.text.index("-30-")
        yield chaffinch.Mark(at, at + 4, fields={"code": "30"})

    cleaned = clean(make(function))
    assert cleaned.text.count("told the") == 1
    assert cleaned.fields == {"agency": ["Wire"], "code": ["30"]}
    assert cleaned.restore() == PAGE.encode()


def test_rule_files_have_rules_for_a_stage(tmp_path: pathlib.Path) -> None:
    rules = tmp_path / "paper.yaml"
    rules.write_text(
        "outlet: paper\nrules:\n"
        "  - {id: end, stage: own, where: tail, line: '-(?<code>\\d+)-', removes: ['-30-'], keeps: ['30']}\n"
    )

    def function(document: chaffinch.Document) -> Iterator[chaffinch.Mark]:
        for line in document.lines:
            for hit in line.hits:
                yield chaffinch.Mark(*hit.span, None, hit.fields, hit.rule)

    pipeline = chaffinch.Pipeline(
        "stages: [own]", rule_files=[rules], outlet="paper", stages=[make(function)]
    )
    cleaned = pipeline.clean(PAGE)
    assert [cut.rule for cut in cleaned.cuts] == ["paper/end"]
    assert (cleaned.fields, cleaned.outlet) == ({"code": ["30"]}, "paper")
    # Hits of several rules may overlap.
    with open(rules, "a") as file:
        file.write("  - {id: dash, stage: own, where: tail, line: '-30-', removes: ['-30-'], keeps: ['30']}\n")
    pipeline = chaffinch.Pipeline(
        "stages: [own]", rule_files=[rules], outlet="paper", stages=[make(function)]
    )
    cleaned = pipeline.clean(PAGE)
    assert (cleaned.verdict, cleaned.text) == ("cleaned", PAGE.replace("\n-30-\n", ""))


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([(0, 10_000)], "0-10000 is not inside the document"),
        ([(-1, 3)], "-1-3 is not inside the document"),
        ([(3, 3)], "3-3 is empty"),
        ([(5, 3)], "5-3 is empty"),
        ([(2**70, 3)], "a mark is a tuple"),
        ([("a", "b")], "a mark is a tuple"),
        ([7], "a mark is a tuple"),
        ([(1,)], "a mark is a tuple"),
        (7, "not iterable"),
        ([(0, 30, "x")], "replaces more than one line"),
        ([(3, 8)], "the marks 0-6 and 3-8 overlap"),
        ([(0, 6)], "the marks 0-6 and 0-6 overlap"),
        ([(6, 7, "x"), chaffinch.Mark(6, 8)], "the marks 6-7 and 6-8 overlap"),
        ([(7, 8, "x\ny")], 'the replacement "x\\ny", which contains a line break'),
        ([(7, 8, "x\r")], "which contains a line break"),
        ([(7, 8, None, {"A title": "x"})], 'the field "A title"; names of fields consist of a-z, 0-9 and _'),
        ([(7, 8, None, {"": "x"})], 'the field ""'),
        ([(0, 3, 7)], "a mark is a tuple"),
        ([(0, 3, None, {"a": 1})], "str"),
        ([(0, 3, None, None, "generic/none")], "names the rule \"generic/none\""),
        ([(0, 1)] * 1_000_000, "more than"),
    ],
)
def test_invalid_marks_drop_all_marks_of_the_stage(marks: Any, message: str) -> None:
    def function(document: chaffinch.Document) -> Any:
        # The right mark is lost as well.
        return [(0, 6), *marks] if isinstance(marks, list) else marks

    pipeline = chaffinch.Pipeline("stages: [debris]", stages=[make(function), sign_off])
    for count in [1, 2]:
        cleaned = pipeline.clean(PAGE)
        assert [cut.rule for cut in cleaned.cuts] == ["stage/sign-off"]
        assert cleaned.verdict == "suspect"
        assert cleaned.reason is not None
        assert cleaned.reason.startswith('stage "own" failed, ') and message in cleaned.reason
        assert pipeline.stage_failures == {"own": count}
    with pytest.raises(AssertionError, match="failed|mark|iterable|str"):
        chaffinch.check_stage(make(function), PAGE)


def test_a_stage_that_raises_is_reported_and_counted() -> None:
    def function(document: chaffinch.Document) -> Iterator[tuple[int, int]]:
        yield (0, 6)
        if "talks" in document.text:
            raise LookupError("no talks")

    pipeline = chaffinch.Pipeline("stages: [debris]", stages=[make(function)])
    pages = [PAGE, "Nothing\n", PAGE]
    results = list(pipeline.clean_many(pages))
    assert results[0].cuts == [] and results[0].verdict == "suspect"
    reason = results[0].reason
    assert reason is not None and "LookupError: no talks" in reason and "test_stages.py:" in reason
    assert results[1].reason is None
    assert pipeline.stage_failures == {"own": 2}
    pa = pytest.importorskip("pyarrow")
    rows = pa.table(pipeline.clean_batch(pa.table({"text": pages}))).to_pylist()
    assert [row["chaffinch"]["reason"] for row in rows] == [reason, None, reason]
    assert pipeline.stage_failures == {"own": 4}


def test_an_exception_that_ends_programs_is_not_swallowed() -> None:
    def function(document: chaffinch.Document) -> None:
        raise KeyboardInterrupt

    pipeline = chaffinch.Pipeline("stages: [debris]", stages=[make(function)])
    with pytest.raises(KeyboardInterrupt):
        pipeline.clean(PAGE)
    with pytest.raises(KeyboardInterrupt):
        list(pipeline.clean_many([PAGE]))


def test_places_are_characters() -> None:
    page = "😀é" * 200 + "\n\n" + BODY * 30 + "\nعنوان الخبر 😀 end\n"

    def function(document: chaffinch.Document) -> Any:
        at = document.text.index("end")
        return [(at, at + 3), (0, 1), (399, 400)]

    cleaned = clean(make(function, certainty="sure"), page=page)
    assert [cut.text for cut in cleaned.cuts] == ["😀", "é", "end"]
    assert [page[slice(*cut.span)] for cut in cleaned.cuts] == ["😀", "é", "end"]
    assert cleaned.restore() == page.encode()


def test_the_damage_cap_limits_stages() -> None:
    def function(document: chaffinch.Document) -> Any:
        return [line.span for line in document.lines if line.is_body]

    cleaned = clean(make(function))
    assert cleaned.verdict == "suspect" and cleaned.text.count(BODY) == 11


def test_the_contract_is_checked() -> None:
    calls = 0

    def eater(document: chaffinch.Document) -> Any:
        return [(0, 1)] if document.text else None

    def fickle(document: chaffinch.Document) -> Any:
        nonlocal calls
        calls += 1
        return [(0, 1)] if calls % 2 and document.text else None

    with pytest.raises(AssertionError, match="still cuts after eight rounds"):
        chaffinch.check_stage(make(eater))
    with pytest.raises(AssertionError, match="two runs over .* differ"):
        chaffinch.check_stage(make(fickle))


def test_stages_run_on_many_threads() -> None:
    pipeline = chaffinch.Pipeline("stages: [debris]", stages=[sign_off])
    results = list(pipeline.clean_many([PAGE] * 200, threads=4))
    assert all(cleaned.text == PAGE.replace("\n-30-\n", "") for cleaned in results)


def in_child(pipeline: chaffinch.Pipeline) -> str:
    return pipeline.clean(PAGE).text


def test_stages_are_pickled_with_their_pipeline() -> None:
    pipeline = chaffinch.Pipeline("stages: [sign-off: {text: '-30-'}]", stages=[sign_off])
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.clean(PAGE).text == pipeline.clean(PAGE).text == PAGE.replace("\n-30-\n", "")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(in_child, (pipeline,)) == pipeline.clean(PAGE).text
