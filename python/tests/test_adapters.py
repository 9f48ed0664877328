"""The adapters for libraries that run in one process."""

from __future__ import annotations

import doctest
import importlib
from typing import Any

import pytest
from conftest import PAGE, SEEDS

import chaffinch

TEXTS = [*(seed.read_bytes().decode("utf-8", "replace") for seed in SEEDS), PAGE]


def adapter(name: str) -> Any:
    """An adapter, with its library."""
    pytest.importorskip("pyarrow")
    pytest.importorskip(name)
    return importlib.import_module(f"chaffinch.{name}")


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    """The rows of a cleaned table."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"text": [*TEXTS, None]})
    rows: list[dict[str, Any]] = pa.table(chaffinch.Pipeline().clean_batch(table)).to_pylist()
    return rows


def test_polars(expected: list[dict[str, Any]]) -> None:
    own = adapter("polars")
    import polars

    frame = polars.DataFrame({"n": range(len(expected)), "text": [*TEXTS, None]})
    cleaned = own.clean(frame)
    assert cleaned.drop("n").to_dicts() == expected
    assert cleaned.schema["chaffinch"] == own.RESULT
    assert cleaned.schema["chaffinch_ledger"] == own.LEDGER
    assert own.restore(cleaned).equals(frame)
    lazy = own.clean(frame.lazy()).filter(polars.col("n") > 1).select("text", "chaffinch")
    texts = [row["text"] for row in expected]
    assert lazy.collect()["text"].to_list() == texts[2:]
    alone = frame.select(own.text("text").str.len_bytes().alias("left"))
    lengths = [None if text is None else len(text.encode()) for text in texts]
    assert alone["left"].to_list() == lengths
    assert doctest.testmod(own).failed == 0


def test_duckdb(expected: list[dict[str, Any]]) -> None:
    own = adapter("duckdb")
    import duckdb
    import pyarrow

    connection = duckdb.connect()
    table = pyarrow.table({"n": range(len(expected)), "text": [*TEXTS, None]})
    connection.register("pages", table)
    own.register(connection)
    query = "SELECT unnest(chaffinch(text)) FROM pages ORDER BY n"
    rows = pyarrow.table(connection.sql(query)).to_pylist()
    for row, wanted in zip(rows, expected):
        result = wanted["chaffinch"]
        assert row == {"text": wanted["text"], **result, "ledger": wanted["chaffinch_ledger"]}
    url = "https://www.presstv.ir/Detail/1"
    query = "SELECT chaffinch_url(text, ?).outlet FROM pages"
    assert connection.execute(query, [url]).fetchall() == [("presstv",)] * len(expected)
    cleaned = own.clean(connection.sql("SELECT text FROM pages ORDER BY n"))
    assert cleaned.to_pylist() == expected
    assert doctest.testmod(own).failed == 0


def test_datasets(expected: list[dict[str, Any]], tmp_path: Any) -> None:
    own = adapter("datasets")
    import datasets

    dataset = datasets.Dataset.from_dict({"text": [*TEXTS, None]})
    cleaned = own.clean(dataset, map_options={"batch_size": 2})
    assert cleaned.to_list() == expected
    assert own.restore(cleaned).to_list() == dataset.to_list()
    # In processes, which unpickle the pipeline.
    parallel = own.clean(dataset, map_options={"num_proc": 2}, threads=1)
    assert parallel.to_list() == expected
    streamed = own.clean(dataset.to_iterable_dataset())
    assert [row["text"] for row in streamed] == [row["text"] for row in expected]


def test_datatrove(expected: list[dict[str, Any]]) -> None:
    adapter("datatrove")
    import pickle

    from datatrove.data import Document

    from chaffinch.datatrove import Chaffinch

    step = pickle.loads(pickle.dumps(Chaffinch()))
    documents = (Document(text, str(n), metadata={"n": n}) for n, text in enumerate(TEXTS * 60))
    cleaned = list(step(documents))
    assert len(cleaned) == len(TEXTS) * 60 > 256
    for n, document in enumerate(cleaned):
        wanted = expected[n % len(TEXTS)]
        assert (document.text, document.metadata["n"]) == (wanted["text"], n)
        assert document.metadata["chaffinch"] == wanted["chaffinch"]
        assert document.metadata["chaffinch_ledger"] == wanted["chaffinch_ledger"]
    assert step.stats["cleaned"].total == len(cleaned)
    url = "https://www.presstv.ir/Detail/1"
    [named] = step([Document(PAGE, "1", metadata={"url": url})])
    assert named.metadata["chaffinch"]["outlet"] == "presstv"
