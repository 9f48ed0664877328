"""Errors name the file, the line and the column."""

from __future__ import annotations

import pathlib
import pickle

import pytest

import chaffinch


def test_all_problems_are_reported_with_their_places(tmp_path: pathlib.Path) -> None:
    rules = tmp_path / "one.yaml"
    rules.write_text("outlet: one\nrules:\n  - {id: a, stage: footer, text: x, keeps: [y]}\n")
    missing = tmp_path / "nowhere.yaml"
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.Pipeline(rule_files=[rules, missing], encoding="klingon")
    problems = caught.value.problems
    places = [(problem.file, problem.line, problem.column) for problem in problems]
    assert (str(rules), 3, 20) in places
    assert (str(missing), None, None) in places
    assert (None, None, None) in places
    assert f'{rules}:3:20: unknown stage "footer"' in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), problems)


def test_a_pipeline_is_text_or_a_file(tmp_path: pathlib.Path) -> None:
    text = "stages:\n  - tickers\n"
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    for source, name in [(text, "pipeline"), (file, str(file)), (str(file), str(file))]:
        with pytest.raises(chaffinch.Error) as caught:
            chaffinch.Pipeline.from_yaml(source)
        [problem] = caught.value.problems
        assert (problem.file, problem.line, problem.column) == (name, 2, 5)
        assert problem.message == 'unknown stage "tickers"'
        assert problem.help == 'did you mean "ticker"?'
    file.write_text("stages: [ticker, debris]\n")
    assert chaffinch.Pipeline.from_yaml(file, level="off").stages == ["ticker", "debris", "lines"]
    assert chaffinch.Pipeline("stages: [debris]").stages == ["debris"]


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="careful"):
        chaffinch.Pipeline(level="most")  # type: ignore[arg-type]
    with pytest.raises(chaffinch.Error, match='did you mean "presstv"') as caught:
        chaffinch.Pipeline(outlet="prestv")
    assert caught.value.problems[0].file is None
    with pytest.raises(TypeError):
        chaffinch.Pipeline(rules="rules")


def test_yaml_that_is_taken_as_a_path_is_explained(tmp_path: pathlib.Path) -> None:
    for text in ["stages", "{}"]:
        with pytest.raises(chaffinch.Error, match="is taken as the path of a pipeline file") as caught:
            chaffinch.Pipeline.from_yaml(text)
        [problem] = caught.value.problems
        assert (problem.file, problem.line) == (text, None)
        assert problem.help is not None and problem.help.endswith("if it is YAML, add a line break")
        assert str(caught.value).startswith(f"{text}: cannot read: ")
        assert str(caught.value).endswith(problem.help)
    # With other problems, the message has the help next to its problem.
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.Pipeline("stages", rule_files=[tmp_path / "none.yaml"])
    assert len(caught.value.problems) == 2
    assert str(caught.value).startswith("2 problems\n")
    assert str(caught.value).count("if it is YAML, add a line break") == 1
    assert chaffinch.Pipeline("{}\n").stages == chaffinch.Pipeline().stages
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.Pipeline(tmp_path / "stages")
    assert caught.value.problems[0].help is None


def test_a_plugin_without_a_module_is_explained() -> None:
    with pytest.raises(chaffinch.Error, match=r"write `- plugin: \{wasm: FILE\}`"):
        chaffinch.Pipeline("stages: [plugin]")
