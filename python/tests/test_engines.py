"""Ray and Spark clean a corpus as the command line does, even if a node or an executor is lost."""

from __future__ import annotations

import gzip
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import chaffinch

pytest.importorskip("pyarrow")
import corpus
import pyarrow.parquet

DOCUMENTS = int(os.environ.get("CHAFFINCH_TEST_DOCUMENTS", "4000"))
FILES, GROUP = 3, 250
GROUPS = FILES * -(-DOCUMENTS // FILES // GROUP)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("engines") / "corpus"
    corpus.write(folder, DOCUMENTS, FILES, GROUP)
    return folder


@pytest.fixture(scope="module")
def expected(folder: pathlib.Path, program: str) -> corpus.Cleaned:
    """The corpus as cleaned by the command line."""
    cleaned = corpus.by_command_line(program, folder)
    assert len(cleaned) == DOCUMENTS
    assert sum(len(edits) for _, edits in cleaned.values()) > DOCUMENTS
    return cleaned


def originals() -> dict[str, str]:
    return {row["id"]: row["text"] for row in corpus.rows(DOCUMENTS)}


@chaffinch.stage(name="page-number")
def page_number(document: chaffinch.Document) -> Iterator[tuple[int, int]]:
    for line in document.lines[:1]:
        if line.text.startswith("Page "):
            # Not all of it, because it may be the title.
            yield (line.span[0], line.span[0] + len("Page "))


# Ray

MEMORY = {"object_store_memory": 200 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a core each, and one that only schedules."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DATA_DISABLE_PROGRESS_BARS="1")
    # Workers find the modules of the tests here.
    paths = os.pathsep.join([str(pathlib.Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    os.environ["PYTHONPATH"] = paths
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **MEMORY})
    for _ in range(2):
        cluster.add_node(num_cpus=1, **MEMORY)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def read_files(folder: pathlib.Path) -> Any:
    return pyarrow.parquet.read_table(folder)


def test_ray_data(cluster: Any, folder: pathlib.Path, expected: corpus.Cleaned) -> None:
    import ray.data

    import chaffinch.ray

    table = read_files(folder / "parquet")
    parts = [table.slice(start, 500) for start in range(0, len(table), 500)]
    cleaned = chaffinch.ray.clean(ray.data.from_arrow(parts)).materialize()
    assert corpus.of_rows(cleaned.take_all()) == expected
    counts = chaffinch.ray.counts(cleaned)
    assert sum(counts.values()) == DOCUMENTS and counts["cleaned"] > DOCUMENTS / 2


def test_ray_data_cleans_although_a_node_is_lost(
    cluster: Any, folder: pathlib.Path, expected: corpus.Cleaned, tmp_path: pathlib.Path
) -> None:
    import ray
    import ray.data

    import chaffinch.ray

    def note(batch: pyarrow.Table) -> pyarrow.Table:
        """Writes a file for each batch that a node has cleaned."""
        node = ray.get_runtime_context().get_node_id()
        (tmp_path / f"{node}-{uuid.uuid4().hex}").touch()
        return batch

    def nodes() -> list[str]:
        return [path.name.split("-")[0] for path in tmp_path.iterdir()]

    lost: list[int] = []

    def lose_a_node() -> None:
        # Once both nodes have cleaned batches, which only they have, and long before the last one.
        while len(set(nodes())) < 2:
            time.sleep(0.01)
        lost.append(len(nodes()))
        cluster.remove_node(sorted(cluster.worker_nodes, key=str)[0], allow_graceful=False)

    rows = 125
    table = read_files(folder / "parquet")
    # These blocks are in the memory of the node that only schedules, so their tasks can be repeated.
    parts = [table.slice(start, rows) for start in range(0, len(table), rows)]
    cleaned = chaffinch.ray.clean(ray.data.from_arrow(parts), map_options={"batch_size": rows})
    cleaned = cleaned.map_batches(note, batch_format="pyarrow", batch_size=None)
    killer = threading.Thread(target=lose_a_node, daemon=True)
    killer.start()
    # All batches are kept until the last one is cleaned, so those of the lost node are needed again.
    found = corpus.of_rows(cleaned.materialize().take_all())
    killer.join()
    cluster.add_node(num_cpus=1, **MEMORY)
    assert lost and lost[0] < len(parts) / 2, "the node was lost midway"
    assert len(nodes()) > len(parts), "batches of the lost node were cleaned again"
    assert found == expected


def test_ray_cleans_files_although_a_node_is_lost(
    cluster: Any, folder: pathlib.Path, expected: corpus.Cleaned, tmp_path: pathlib.Path
) -> None:
    import chaffinch.ray

    output = tmp_path / "cleaned"
    lost: list[int] = []

    def lose_a_node() -> None:
        # Once files appear, and long before the last one.
        while len(list(output.glob("*.parquet"))) < 3:
            time.sleep(0.01)
        cluster.remove_node(sorted(cluster.worker_nodes, key=str)[0], allow_graceful=False)
        lost.append(len(list(output.glob("*.parquet"))))

    killer = threading.Thread(target=lose_a_node)
    killer.start()
    counts = chaffinch.ray.clean_files(folder / "parquet", output)
    killer.join()
    assert lost and lost[0] < GROUPS - 2, "the node was lost midway"
    written = sorted(path.name for path in output.iterdir())
    groups = GROUPS // FILES
    names = [f"part-{file}-{group:05}.parquet" for file in range(FILES) for group in range(groups)]
    assert written == names
    cleaned = read_files(output)
    assert corpus.of_rows(cleaned) == expected
    verdicts = {name: count for name, count in counts.items() if name != "removed_bytes"}
    assert sum(verdicts.values()) == DOCUMENTS
    assert counts["removed_bytes"] == sum(
        row["removed_bytes"] for row in cleaned["chaffinch"].to_pylist()
    )
    restored = pyarrow.table(chaffinch.restore_batch(cleaned)).to_pylist()
    assert {row["id"]: row["text"] for row in restored} == originals()


def test_ray_resumes(cluster: Any, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    import chaffinch.ray

    one = folder / "parquet" / "part-0.parquet"
    output = tmp_path / "cleaned"
    counts = chaffinch.ray.clean_files(one, output)
    times = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    assert len(times) == GROUPS // FILES
    gone = min(times)
    gone.unlink()
    assert chaffinch.ray.clean_files([one], output) == counts
    again = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    assert {path for path in times if again[path] != times[path]} == {gone}
    # Another pipeline cleans all of them again.
    other = chaffinch.Pipeline("stages: [debris]", stages=[page_number])
    chaffinch.ray.clean_files(one, output, pipeline=other)
    rules = {
        edit["rule"]
        for row in read_files(output).to_pylist()
        for edit in row["chaffinch_ledger"]["edits"]
    }
    assert "stage/page-number" in rules and not any("share-buttons" in rule for rule in rules)
    # So does an input that is written again with equal length.
    copy = tmp_path / "part.parquet"
    shutil.copy(one, copy)
    chaffinch.ray.clean_files(copy, tmp_path / "copied")
    rows = pyarrow.parquet.read_table(copy).to_pylist()
    rows[0]["text"] = rows[0]["text"].replace("Page 0", "Side 0")
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows, corpus.SCHEMA), copy, row_group_size=GROUP
    )
    chaffinch.ray.clean_files(copy, tmp_path / "copied")
    restored = pyarrow.table(chaffinch.restore_batch(read_files(tmp_path / "copied")))
    assert restored["text"][0].as_py().startswith("Side 0")


def test_ray_cleans_other_files_as_runs(
    cluster: Any, folder: pathlib.Path, expected: corpus.Cleaned, tmp_path: pathlib.Path, program: str
) -> None:
    import chaffinch.ray

    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    lines = (folder / "rows.jsonl").read_bytes().splitlines(keepends=True)
    (source / "one.jsonl").write_bytes(b"".join(lines[:500]))
    (source / "sub" / "two.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[500:900])))
    (source / "notes.txt").write_text("not taken")
    output = tmp_path / "cleaned"
    time.sleep(2)  # Younger files are cleaned again.
    counts = chaffinch.ray.clean_files(source, output)
    assert sum(count for name, count in counts.items() if name != "removed_bytes") == 900
    command = [program, "clean", str(source / "one.jsonl"), "-o", str(tmp_path / "direct"), "--quiet"]
    subprocess.run(command, check=True)
    one = output / "one.jsonl"
    assert (one / "one.jsonl").read_bytes() == (tmp_path / "direct" / "one.jsonl").read_bytes()
    [ours], [theirs] = [
        list((run / ".chaffinch" / "ledger").iterdir()) for run in [one, tmp_path / "direct"]
    ]
    assert list(corpus.frames(ours)) == list(corpus.frames(theirs))
    assert chaffinch.restore_files(output / "sub" / "two.jsonl.gz", tmp_path / "two") == 400
    assert gzip.decompress((tmp_path / "two" / "two.jsonl.gz").read_bytes()) == b"".join(lines[500:900])
    before = (one / "one.jsonl").stat().st_ino
    assert chaffinch.ray.clean_files(source, output) == counts
    assert (one / "one.jsonl").stat().st_ino == before
    other = chaffinch.Pipeline("stages: [debris]")
    assert chaffinch.ray.clean_files(source, output, pipeline=other) != counts
    assert (one / "one.jsonl").stat().st_ino != before
    assert sorted(path.name for path in output.iterdir()) == ["one.jsonl", "sub"]


def test_ray_refuses_wrong_files(cluster: Any, tmp_path: pathlib.Path) -> None:
    import chaffinch.ray

    (tmp_path / "a").mkdir()
    (tmp_path / "no.parquet").write_text("no Parquet")
    for paths, message in [
        (tmp_path / "nowhere", "nowhere: there is no such file"),
        (tmp_path / "a", "contains no file to clean"),
        (tmp_path / "no.parquet", "is no Parquet file"),
        ([tmp_path / "no.parquet", tmp_path], "would be written to the same files"),
    ]:
        with pytest.raises(chaffinch.Error, match=message):
            chaffinch.ray.clean_files(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Spark


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two executors with a core each."""
    pyspark = pytest.importorskip("pyspark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java 17, which is not installed")
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    paths = os.pathsep.join([str(pathlib.Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    os.environ["PYTHONPATH"] = paths
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.sql.files.maxPartitionBytes": str(1 << 20),
        "spark.sql.files.openCostInBytes": "0",
    }
    builder = pyspark.sql.SparkSession.builder.master("local-cluster[2,1,1024]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def executors() -> list[int]:
    """The executors that this process started, through Spark's driver."""
    parents: dict[int, int] = {}
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(") ")[-1].split()[1])
            except OSError:
                continue
            if b"CoarseGrainedExecutorBackend" in command:
                found.append(int(entry.name))

    def is_own(process: int) -> bool:
        while process > 1 and process != os.getpid():
            process = parents.get(process, 0)
        return process == os.getpid()

    return sorted(process for process in found if is_own(process))


def test_spark(spark: Any, folder: pathlib.Path, expected: corpus.Cleaned) -> None:
    import chaffinch.spark

    frame = spark.read.parquet(str(folder / "parquet"))
    cleaned = chaffinch.spark.clean(frame).cache()
    assert [row.asDict(recursive=True) for row in cleaned.limit(0).collect()] == []
    assert corpus.of_rows([row.asDict(recursive=True) for row in cleaned.collect()]) == expected
    assert sum(chaffinch.spark.counts(cleaned).values()) == DOCUMENTS
    from pyspark.sql.functions import explode

    edits = cleaned.select(explode("chaffinch_ledger.edits").alias("edit"))
    counts = {row["rule"]: row["count"] for row in edits.groupBy("edit.rule").count().collect()}
    assert counts == Counter(edit["rule"] for _, edits in expected.values() for edit in edits)
    restored = chaffinch.spark.restore(cleaned)
    assert restored.schema == frame.schema
    assert {row["id"]: row["text"] for row in restored.collect()} == originals()
    cleaned.unpersist()
    with pytest.raises(KeyError, match="no column is named 'page'"):
        chaffinch.spark.clean(frame, "page")


def test_spark_ships_stages(spark: Any) -> None:
    import chaffinch.spark

    @chaffinch.stage(name="local")
    def local(document: chaffinch.Document) -> Any:
        return [line.span for line in document.lines if line.text == "-30-"]

    pipeline = chaffinch.Pipeline("stages: [local]", stages=[local])
    frame = spark.createDataFrame([("A\n-30-\nB\n",), (None,)], "body string")
    [one, none] = chaffinch.spark.clean(frame, "body", pipeline=pipeline).collect()
    assert (one["body"], one["chaffinch_ledger"]["edits"][0]["rule"]) == ("A\nB\n", "stage/local")
    assert (none["body"], none["chaffinch_ledger"]) == (None, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_spark_cleans_although_an_executor_is_lost(
    spark: Any, folder: pathlib.Path, expected: corpus.Cleaned, tmp_path: pathlib.Path
) -> None:
    import chaffinch.spark

    frame = spark.read.parquet(str(folder / "parquet")).repartition(GROUPS)
    output = tmp_path / "cleaned"
    tracker = spark.sparkContext.statusTracker()
    lost: list[tuple[int, int]] = []

    def lose_an_executor() -> None:
        while not lost:
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            for stage in filter(None, stages):
                if stage.numTasks == GROUPS and stage.numCompletedTasks >= 2:
                    os.kill(executors()[0], signal.SIGKILL)
                    lost.append((stage.numCompletedTasks, stage.numTasks))
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=lose_an_executor, daemon=True)
    before = executors()
    assert len(before) == 2
    killer.start()
    chaffinch.spark.clean(frame).write.parquet(str(output))
    killer.join(timeout=10)
    assert lost and lost[0][0] < lost[0][1] - 2, "the executor was lost midway"
    assert executors() != before
    assert corpus.of_rows(read_files(output)) == expected
