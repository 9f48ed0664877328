"""Cleaning one document."""

from __future__ import annotations

import pathlib
import random
import subprocess

import pytest
from conftest import BODY, PAGE, RULES, ROOT, SEEDS

import chaffinch


def test_seeds_are_cleaned_as_by_the_command_line(
    pipeline: chaffinch.Pipeline, program: str, tmp_path: pathlib.Path
) -> None:
    assert SEEDS
    run = [program, "clean", str(ROOT / "corpus" / "seeds"), "-o", str(tmp_path / "out")]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    for seed in SEEDS:
        cleaned = pipeline.clean(seed.read_bytes(), path=seed.name)
        assert cleaned.output == (tmp_path / "out" / seed.name).read_bytes(), seed.name
        assert cleaned.restore() == seed.read_bytes()


def test_any_bytes_come_out_as_the_command_line_writes_them(
    pipeline: chaffinch.Pipeline, program: str, tmp_path: pathlib.Path
) -> None:
    chooser = random.Random(11)
    folder = tmp_path / "in"
    folder.mkdir()
    number = 0

    def write(page: bytes) -> None:
        nonlocal number
        (folder / f"{number:04}.txt").write_bytes(page)
        number += 1

    english = f"{PAGE}\r\nRead also: Éléments de réponse\r\n"
    russian = "Министр сказал во вторник, что переговоры продолжатся ещё два дня.\r\n\r\nПоделиться\r\n"
    persian = "وزیر روز سه شنبه به خبرنگاران گفت که گفتگوها دو روز دیگر ادامه دارد.\n\nSHARE THIS ARTICLE\n"
    japanese = "大臣は火曜日に記者団に対し、協議はあと二日続くと述べた。\n\nSHARE THIS ARTICLE\n"
    chinese = "部长星期二对记者说，会谈还将持续两天。\n\nSHARE THIS ARTICLE\n"
    korean = "장관은 화요일 기자들에게 회담이 이틀 더 계속될 것이라고 말했다.\n\nSHARE THIS ARTICLE\n"
    for text, encodings in [
        (english, ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]),
        (russian, ["utf-8", "utf-16", "cp1251", "koi8-r", "iso8859-5", "cp866"]),
        (persian, ["utf-8", "utf-16"]),
        (japanese, ["shift_jis", "euc_jp", "iso2022_jp"]),
        (chinese, ["gb18030", "gbk", "big5"]),
        (korean, ["euc_kr"]),
    ]:
        for encoding in encodings:
            page = text.encode(encoding, "replace")
            write(page)
            # Damaged: a part of a character, another encoding, a byte order mark in the middle.
            write(page[: len(page) // 2])
            write(page + "é".encode("latin-1"))
            write(page[:20] + b"\xff\xfe\xef\xbb\xbf" + page[20:])
    lines = [line for seed in SEEDS for line in seed.read_bytes().splitlines(keepends=True)]
    others = [b"\n", b"\r", b"\r\n", b"\0", b"\x85", "\u2028".encode(), b"SHARE THIS ARTICLE\n", b"\xf0\x9f"]
    for _ in range(150):
        write(b"".join(chooser.choices(lines + others * 9, k=chooser.randrange(40))))
        write(chooser.randbytes(chooser.randrange(200)))
        write(bytes(chooser.choices(b"abc \n\r\xc3\xa9\xff", k=chooser.randrange(200))))
    run = [program, "clean", "in", "-o", "out", "--quiet"]
    # Binary files are reported with the exit code 1.
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    verdicts = set()
    for path in sorted(folder.iterdir()):
        page = path.read_bytes()
        cleaned = pipeline.clean(page, path=path.name)
        verdicts.add(cleaned.verdict)
        assert cleaned.output == (tmp_path / "out" / path.name).read_bytes(), page
        assert cleaned.restore() == page
    assert verdicts == {"cleaned", "unchanged", "suspect", "failed"}


def test_a_cut_has_its_rule_text_and_place(pipeline: chaffinch.Pipeline) -> None:
    cleaned = pipeline.clean("Ü" + PAGE)
    assert cleaned.text == f"ÜTalks to go on\n\n{BODY}"
    assert (cleaned.verdict, cleaned.reason, cleaned.outlet) == ("cleaned", None, None)
    [cut] = cleaned.cuts
    assert cut.rule.startswith("generic/share-buttons/share")
    assert (cut.stage, cut.replacement, cut.confidence) == ("share-buttons", "", None)
    assert cut.text.strip() == "SHARE THIS ARTICLE"
    assert cleaned.source[slice(*cut.span)] == cut.text
    assert cleaned.source.encode()[slice(*cut.byte_span)] == cut.text.encode()
    assert cut.byte_span[0] == cut.span[0] + 1, "Ü is one character and two bytes"
    assert "share-buttons" in repr(cut)


def test_spans_of_all_seeds_are_characters(pipeline: chaffinch.Pipeline) -> None:
    for seed in SEEDS:
        cleaned = pipeline.clean(seed.read_bytes())
        assert cleaned.cuts
        text, end = "", 0
        for cut in cleaned.cuts:
            assert cleaned.source[slice(*cut.span)] == cut.text
            text += cleaned.source[end : cut.span[0]] + cut.replacement
            end = cut.span[1]
        assert text + cleaned.source[end:] == cleaned.text


def test_fields_are_lists(pipeline: chaffinch.Pipeline) -> None:
    cleaned = pipeline.clean(PAGE)
    assert cleaned.fields == {"title": ["Talks to go on"]}


def test_bytes_are_decoded_and_restored(pipeline: chaffinch.Pipeline) -> None:
    russian = "Министр сказал во вторник, что переговоры продолжатся два дня.\r\n\r\n"
    page = (russian + "SHARE THIS ARTICLE\r\n").encode("windows-1251")
    for chosen in [pipeline, chaffinch.Pipeline(encoding="windows-1251")]:
        cleaned = chosen.clean(page)
        assert cleaned.encoding == "windows-1251"
        assert cleaned.text.startswith("Министр сказал")
        assert cleaned.output == cleaned.text.encode()
        assert cleaned.verdict == "cleaned"
        assert cleaned.restore() == page
    utf16 = "\ufeff" + russian
    assert pipeline.clean(utf16.encode("utf-16-le")).restore() == utf16.encode("utf-16-le")
    assert pipeline.clean(bytearray(PAGE.encode())).text == pipeline.clean(PAGE).text


def test_documents_that_are_not_text_pass_through(pipeline: chaffinch.Pipeline) -> None:
    cleaned = pipeline.clean(b"\0\1\0\2")
    assert (cleaned.verdict, cleaned.text, cleaned.output) == ("failed", "", b"\0\1\0\2")
    assert cleaned.reason is not None and "binary" in cleaned.reason
    assert cleaned.restore() == b"\0\1\0\2"


def test_arguments_that_are_not_text_are_refused(pipeline: chaffinch.Pipeline) -> None:
    with pytest.raises(TypeError, match="not int"):
        pipeline.clean(1)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        pipeline.clean("half of a pair: \ud800")


def test_a_document_names_its_outlet(tmp_path: pathlib.Path) -> None:
    (tmp_path / "rules").mkdir()
    file = tmp_path / "rules" / "paper.yaml"
    file.write_text(RULES)
    page = f"{BODY}\nThe old footer\n"
    for pipeline in [
        chaffinch.Pipeline(rules=[tmp_path / "rules"]),
        chaffinch.Pipeline(rule_files=[str(file)], cache=tmp_path / "cache"),
    ]:
        cleaned = pipeline.clean(page, outlet="paper", id="7")
        assert (cleaned.text, cleaned.outlet, cleaned.id) == (BODY, "paper", "7")
        assert pipeline.clean(page).verdict == "unchanged"
        unknown = pipeline.clean(page, outlet="papre")
        assert (unknown.verdict, unknown.text) == ("failed", page)
        assert unknown.reason == 'unknown outlet "papre"; did you mean "paper"?'
    fixed = chaffinch.Pipeline(rules=[tmp_path / "rules"], outlet="paper")
    assert fixed.clean(page).text == BODY


def test_a_url_identifies_the_outlet(pipeline: chaffinch.Pipeline) -> None:
    cleaned = pipeline.clean(f"News / Politics\n\n{BODY}", url="https://www.presstv.ir/Detail/1")
    assert cleaned.outlet == "presstv"
    assert cleaned.fields["section"] == ["Politics"]


def test_the_level_overrides_the_pipeline() -> None:
    menu = "Home\nWorld\nSport\nMy account\nSubscribe now\nSkip to content\n" * 3
    page = f"{menu}\n{BODY * 20}\n{menu}"
    pipeline = "stages: [lines: {level: off}]"
    assert not chaffinch.Pipeline(pipeline).clean(page).cuts
    cuts = chaffinch.Pipeline(pipeline, level="full").clean(page).cuts
    assert cuts and all(cut.confidence is not None for cut in cuts)


def test_html_shows_every_cut(pipeline: chaffinch.Pipeline) -> None:
    html = pipeline.clean("<b>&\n\n" + PAGE)._repr_html_()
    assert "&lt;b&gt;&amp;" in html and "<b>" not in html
    assert 'title="generic/share-buttons/share' in html
    assert "SHARE THIS ARTICLE\n</del>" in html
