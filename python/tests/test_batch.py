"""Cleaning tables of Arrow, and restoring them."""

from __future__ import annotations

import json
import pathlib
import random
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from conftest import BODY, PAGE, RULES, ROOT, SEEDS
from interrupt import interrupted

import chaffinch

pa = pytest.importorskip("pyarrow")

TEXTS = [seed.read_bytes().decode("utf-8", "replace") for seed in SEEDS]
URL = "https://www.presstv.ir/Detail/1"


def table(batch: chaffinch.Batch) -> Any:
    return pa.table(batch)


def edits_of(cleaned: chaffinch.Cleaned) -> list[dict[str, Any]]:
    return [
        {
            "at": cut.byte_span[0],
            "rule": cut.rule,
            "text": cut.text,
            "replacement": cut.replacement,
            "confidence": cut.confidence,
        }
        for cut in cleaned.cuts
    ]


def check(pipeline: chaffinch.Pipeline, texts: list[str | None], batch: Any, **keywords: Any) -> Any:
    """Cleans a table and compares each row with the text cleaned on its own."""
    cleaned = pipeline.clean_batch(batch, **keywords)
    rows = table(cleaned).to_pylist()
    assert len(rows) == len(texts) == len(cleaned)
    for row, text in zip(rows, texts):
        expected = pipeline.clean(text or "")
        assert row["text"] == (None if text is None else expected.output.decode())
        result, ledger = row["chaffinch"], row["chaffinch_ledger"]
        assert result["verdict"] == expected.verdict
        assert (result["outlet"], result["reason"]) == (expected.outlet, expected.reason)
        fields = json.loads(result["fields"])
        assert {k: v if isinstance(v, list) else [v] for k, v in fields.items()} == expected.fields
        assert (ledger is None) == (text is None)
        if ledger is not None:
            assert ledger["edits"] == edits_of(expected)
    restored = table(chaffinch.restore_batch(cleaned))
    assert restored["text"].to_pylist() == texts
    return cleaned


def test_every_type_of_strings(pipeline: chaffinch.Pipeline) -> None:
    texts = [*TEXTS, None, "", PAGE, None]
    for kind in [pa.string(), pa.large_string(), pa.string_view()]:
        cleaned = check(pipeline, texts, pa.table({"text": pa.array(texts, kind)}))
        assert table(cleaned).schema.field("text").type == kind
    encoded = pa.array(texts * 2).dictionary_encode()
    cleaned = check(pipeline, texts * 2, pa.table({"text": encoded}))
    assert table(cleaned).schema.field("text").type == pa.string()
    check(pipeline, [None, None], pa.table({"text": pa.nulls(2)}))
    check(pipeline, [None], pa.table({"text": pa.array([None], pa.dictionary(pa.int8(), pa.string()))}))


def test_chunks_slices_and_empty_tables(pipeline: chaffinch.Pipeline) -> None:
    texts = [*TEXTS, None, PAGE] * 3
    whole = pa.table({"n": range(len(texts)), "text": texts})
    chunked = pa.concat_tables([whole.slice(0, 4), whole.slice(4, 0), whole.slice(4)])
    cleaned = check(pipeline, texts, chunked)
    assert table(cleaned).column_names == ["n", "text", "chaffinch", "chaffinch_ledger"]
    check(pipeline, texts[3:9], whole.slice(3, 6))
    check(pipeline, texts[2:], whole.to_batches()[0].slice(2))
    check(pipeline, [], whole.slice(0, 0))
    check(pipeline, [], whole.schema.empty_table())
    reader = pa.RecordBatchReader.from_batches(whole.schema, iter(whole.to_batches(max_chunksize=2)))
    check(pipeline, texts, reader)


def test_a_column_becomes_a_table(pipeline: chaffinch.Pipeline) -> None:
    check(pipeline, TEXTS, pa.array(TEXTS))
    check(pipeline, TEXTS, pa.chunked_array([TEXTS[:2], TEXTS[2:]]))


def test_columns_have_urls_dates_and_outlets(tmp_path: pathlib.Path) -> None:
    page = f"News / Politics\n\n{BODY}"
    pipeline = chaffinch.Pipeline()
    data = pa.table({"text": [page, page], "url": [URL, None], "link": [None, URL], "date": [1, 2]})

    def outlets(**keywords: Any) -> list[str | None]:
        rows = table(pipeline.clean_batch(data, **keywords))["chaffinch"].to_pylist()
        return [row["outlet"] for row in rows]

    assert outlets() == ["presstv", None]
    assert outlets(url="link") == [None, "presstv"]
    assert outlets(url=None) == [None, None]
    rules = tmp_path / "paper.yaml"
    rules.write_text(RULES)
    pipeline = chaffinch.Pipeline(rule_files=[rules])
    data = pa.table({"content": [f"{BODY}\nThe old footer\n"] * 2, "site": ["paper", "papre"]})
    cleaned = pipeline.clean_batch(data, outlet="site")
    assert cleaned.counts == {"cleaned": 1, "failed": 1}
    rows = table(cleaned).to_pylist()
    assert rows[0]["content"] == BODY
    assert rows[1]["content"] == f"{BODY}\nThe old footer\n"
    assert rows[1]["chaffinch"]["reason"] == 'unknown outlet "papre"; did you mean "paper"?'


def test_other_columns_do_not_change(pipeline: chaffinch.Pipeline) -> None:
    data = pa.table(
        {"a": [[1], None], "text": [PAGE, None], "chaffinch": [1, 2], "b": [{"x": 1.5}, None]}
    ).replace_schema_metadata({"made": "here"})
    cleaned = table(pipeline.clean_batch(data))
    assert cleaned.column_names == ["a", "text", "b", "chaffinch", "chaffinch_ledger"]
    assert cleaned.schema.metadata == {b"made": b"here"}
    assert cleaned.select(["a", "b"]).equals(data.select(["a", "b"]))
    # Cleaning again replaces the columns that were added.
    again = pipeline.clean_batch(cleaned)
    assert again.columns == cleaned.column_names
    assert again.counts == {"unchanged": 2}


def test_documents_over_the_limit_pass_through() -> None:
    pipeline = chaffinch.Pipeline("limits: {document_bytes: 100}\nstages: [share-buttons]")
    long = PAGE * 3
    cleaned = check(pipeline, [long, PAGE[:90]], pa.table({"text": [long, PAGE[:90]]}))
    row = table(cleaned).to_pylist()[0]
    assert row["text"] == long
    assert row["chaffinch"]["verdict"] == "failed" and row["chaffinch"]["reason"]


def test_random_texts(pipeline: chaffinch.Pipeline) -> None:
    chooser = random.Random(7)
    lines = [line for text in TEXTS for line in text.splitlines()]
    parts = [*lines, "", "\r\n", "\u2028", "\0", "é\u0301", "👩‍👩‍👧", "SHARE THIS ARTICLE", "\ufeff", "a\rb"]
    texts: list[str | None] = ["\n".join(chooser.choices(parts, k=chooser.randrange(30))) for _ in range(300)]
    check(pipeline, texts, pa.table({"text": texts}))
    one = table(pipeline.clean_batch(pa.table({"text": texts}), threads=1))
    assert one.equals(table(pipeline.clean_batch(pa.table({"text": texts}), threads=3)))


def test_a_table_is_cleaned_as_the_command_line_cleans_rows(
    pipeline: chaffinch.Pipeline, program: str, tmp_path: pathlib.Path
) -> None:
    rows = [{"id": str(n), "text": text, "url": URL if n % 2 else None} for n, text in enumerate(TEXTS)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = [program, "clean", "rows.jsonl", "-o", "out"]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    written = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    cleaned = table(pipeline.clean_batch(pa.Table.from_pylist(rows))).to_pylist()
    for ours, theirs in zip(cleaned, written):
        assert ours["text"] == theirs["text"]
        result, column = ours["chaffinch"], theirs["chaffinch"]
        assert result["outlet"] == column.get("outlet")
        assert (result["verdict"], result["removed_bytes"]) == (column["verdict"], column["removed_bytes"])
        assert json.loads(result["fields"]) == column["fields"]


def test_other_libraries(pipeline: chaffinch.Pipeline) -> None:
    texts = [*TEXTS, None]
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    duckdb = pytest.importorskip("duckdb")
    frame = polars.DataFrame({"text": texts})
    check(pipeline, texts, frame)
    check(pipeline, texts, frame["text"])
    cleaned = polars.DataFrame(pipeline.clean_batch(frame))
    assert polars.DataFrame(chaffinch.restore_batch(cleaned)).equals(frame)
    check(pipeline, texts, pandas.DataFrame({"text": texts}))
    source = pa.table({"text": texts})
    check(pipeline, texts, duckdb.sql("SELECT * FROM source"))
    done = table(pipeline.clean_batch(source))
    rules = "SELECT count(*) FROM (SELECT unnest(chaffinch_ledger.edits).rule FROM done)"
    expected = sum(len(pipeline.clean(text).cuts) for text in TEXTS)
    assert duckdb.sql(rules).fetchall() == [(expected,)]


def test_filtered_and_stored_tables_are_restored(
    pipeline: chaffinch.Pipeline, tmp_path: pathlib.Path
) -> None:
    import pyarrow.parquet

    texts = [*TEXTS, None, PAGE]
    cleaned = table(pipeline.clean_batch(pa.table({"n": range(len(texts)), "text": texts})))
    pyarrow.parquet.write_table(cleaned, tmp_path / "cleaned.parquet")
    read = pyarrow.parquet.read_table(tmp_path / "cleaned.parquet")
    some = read.take([6, 2, 5, 0])
    restored = table(chaffinch.restore_batch(some))
    assert restored.column_names == ["n", "text"]
    assert restored["text"].to_pylist() == [texts[6], texts[2], texts[5], texts[0]]


def test_changed_tables_are_not_restored(pipeline: chaffinch.Pipeline) -> None:
    rows = table(pipeline.clean_batch(pa.table({"text": [PAGE, PAGE]}))).to_pylist()
    schema = table(pipeline.clean_batch(pa.table({"text": [PAGE]}))).schema

    def restore(**changed: Any) -> None:
        data = pa.Table.from_pylist([rows[0], {**rows[1], **changed}], schema)
        chaffinch.restore_batch(data)

    restore()
    with pytest.raises(chaffinch.Error, match="row 2: the text was changed"):
        restore(text=rows[1]["text"].upper())
    with pytest.raises(chaffinch.Error, match="row 2: .*missing"):
        restore(chaffinch_ledger=None)
    with pytest.raises(chaffinch.Error, match="row 2: the text is missing"):
        restore(text=None)
    edits = [{**rows[1]["chaffinch_ledger"]["edits"][0], "at": 10**9}]
    with pytest.raises(chaffinch.Error, match="row 2"):
        restore(chaffinch_ledger={**rows[1]["chaffinch_ledger"], "edits": edits})
    with pytest.raises(KeyError, match="chaffinch_ledger"):
        chaffinch.restore_batch(pa.table({"text": [PAGE]}))
    with pytest.raises(TypeError, match="another type"):
        chaffinch.restore_batch(pa.table({"text": [PAGE], "chaffinch_ledger": [1]}))


def test_wrong_tables_are_refused(pipeline: chaffinch.Pipeline) -> None:
    for data, keywords, error in [
        ([PAGE], {}, TypeError),
        (pa.table({"page": [PAGE]}), {}, KeyError),
        (pa.table({"page": [PAGE]}), {"text": "pages"}, KeyError),
        (pa.table({"text": [1]}), {}, TypeError),
        (pa.table({"text": [PAGE.encode()]}), {}, TypeError),
        (pa.table({"text": [PAGE]}), {"url": "link"}, KeyError),
        (pa.table({"text": [PAGE], "link": [1]}), {"url": "link"}, TypeError),
        (pa.table({"text": [PAGE]}), {"threads": 0}, ValueError),
        (pa.array([{"text": PAGE}, None]), {}, ValueError),
    ]:
        with pytest.raises(error):
            pipeline.clean_batch(data, **keywords)
    with pytest.raises(KeyError, match='the columns are \\\\"page\\\\"|the columns are "page"'):
        pipeline.clean_batch(pa.table({"page": [PAGE]}), "pages")


def test_bytes_that_are_not_utf_8_are_refused(pipeline: chaffinch.Pipeline) -> None:
    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    broken = pa.StringArray.from_buffers(1, offsets, data)
    with pytest.raises(ValueError, match='"text" is damaged'):
        pipeline.clean_batch(pa.table({"text": broken}))


def test_an_error_of_the_source_is_raised(pipeline: chaffinch.Pipeline) -> None:
    def batches() -> Any:
        yield from pa.table({"text": [PAGE]}).to_batches()
        raise LookupError("no more")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"text": pa.string()}), batches())
    with pytest.raises(ValueError, match="no more"):
        pipeline.clean_batch(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupt_stops_a_long_batch() -> None:
    code = (
        "import chaffinch, pyarrow\n"
        "pipeline = chaffinch.Pipeline()\n"
        f"table = pyarrow.table({{'text': [{PAGE * 20!r}] * 300_000}})\n"
        "print('ready', flush=True)\n"
        "pipeline.clean_batch(table, threads=1)\n"
    )
    assert "KeyboardInterrupt" in interrupted(code, wait=0.5, within=20)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupt_stops_restoring_a_long_batch() -> None:
    code = (
        "import chaffinch, pyarrow\n"
        f"page = {PAGE * 20!r}\n"
        "cleaned = pyarrow.table(chaffinch.Pipeline().clean_batch(pyarrow.table({'text': [page] * 1000})))\n"
        "table = pyarrow.concat_tables([cleaned] * 200).combine_chunks()\n"
        "print('ready', flush=True)\n"
        "while True: chaffinch.restore_batch(table)\n"
    )
    assert "KeyboardInterrupt" in interrupted(code, wait=0.5, within=20)


def test_other_threads_run_while_a_batch_is_restored(pipeline: chaffinch.Pipeline) -> None:
    cleaned = table(pipeline.clean_batch(pa.table({"text": [PAGE * 20] * 500})))
    cleaned = pa.concat_tables([cleaned] * 40).combine_chunks()
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks.append(time.monotonic())

    other = threading.Thread(target=tick)
    other.start()
    started = time.monotonic()
    chaffinch.restore_batch(cleaned)
    ended = time.monotonic()
    done.set()
    other.join()
    during = [at for at in [started, *ticks, ended] if started <= at <= ended]
    longest = max(after - before for before, after in zip(during, during[1:]))
    assert longest < (ended - started) / 2, "Python's lock was held for most of the time"
