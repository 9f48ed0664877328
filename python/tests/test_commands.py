"""The commands of the program in the package."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from conftest import ROOT, RULES

import chaffinch

PAGES = ROOT / "docs" / "valley-post" / "pages"


def test_learned_rules_pass_their_checks(tmp_path: pathlib.Path) -> None:
    yaml = chaffinch.learn("valley-post", [PAGES])
    assert yaml.startswith("outlet: valley-post") or "\noutlet: valley-post" in yaml
    (tmp_path / "valley-post.yaml").write_text(yaml)
    assert [found for found in chaffinch.check(tmp_path) if found.level == "error"] == []
    page = next(PAGES.rglob("*.txt"))
    pipeline = chaffinch.Pipeline(rules=[tmp_path])
    assert pipeline.clean(page.read_bytes()).outlet == "valley-post"
    assert chaffinch.learn("valley-post", PAGES) == chaffinch.learn("valley-post", str(PAGES)) == yaml
    for nowhere in [tmp_path / "nowhere", str(tmp_path / "nowhere")]:
        with pytest.raises(chaffinch.Error, match="nowhere") as caught:
            chaffinch.learn("valley-post", nowhere)
        assert not str(caught.value).startswith("error")


def test_findings_have_places(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "paper.yaml"
    file.write_text(RULES.replace("The old footer was replaced.", "The old footer"))
    [found] = [found for found in chaffinch.check(file) if found.level == "error"]
    assert (found.file, found.line, found.rule) == (str(file), 3, "paper/footer")
    assert found.column > 1 and found.message
    file.write_text("outlet: paper\nrules:\n  - {id: a, stage: footer}\n")
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.check(file)
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == (str(file), 3)


def test_a_file_that_does_not_exist_is_not_checked(tmp_path: pathlib.Path) -> None:
    for text in [str(tmp_path / "nowhere"), "outlet: paper\n"]:
        with pytest.raises(chaffinch.Error, match="there is no such file or directory; give") as caught:
            chaffinch.check(ROOT / "rules" / "presstv.yaml", text)
        [problem] = caught.value.problems
        assert problem.file == text and problem.help is not None


def test_runs_are_compared(program: str, tmp_path: pathlib.Path) -> None:
    seeds = str(ROOT / "corpus" / "seeds")
    for name, options in [("one", []), ("two", ["--skip", "share-buttons"])]:
        command = [program, "clean", seeds, "-o", str(tmp_path / name), "--quiet", *options]
        subprocess.run(command, check=True, cwd=tmp_path)
    assert "share-buttons" in str(chaffinch.diff(tmp_path / "one", tmp_path / "two"))
    same = chaffinch.diff(tmp_path / "one", tmp_path / "one")
    assert same != chaffinch.diff(tmp_path / "one", tmp_path / "two")
    with pytest.raises(chaffinch.Error) as caught:
        chaffinch.diff(tmp_path, tmp_path / "one")
    assert not str(caught.value).startswith("error")
