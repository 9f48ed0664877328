#!/usr/bin/env python3
"""Measure the command line, Python, Ray and Spark over the same corpus, in documents per second and core.

    engines.py [--documents 20000] [--runs 2] [--only JOB,…] [--markdown]

Every job runs twice in processes of its own: over all documents and over few. The difference of the CPU
seconds of all of its processes, divided by the documents, is what a document costs; the rest is what it
costs to start. CPU seconds depend little on what else the machine does. `copy` jobs read, pass every
batch through Python as it is, and write: they are what the engine itself costs.

Needs the package chaffinch with its program, pyarrow, ray[data], pyspark and Java, on Linux. Jobs whose
library is not installed are left out.
"""
import argparse, ctypes, gzip, json, os, pathlib, shutil, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python" / "tests"))
FEW = 400
GROUP = 2000


def write_wet(path, rows):
    """A WET file with a member for each record, as Common Crawl has them."""
    with open(path, "wb") as file:
        for row in rows:
            body = row["text"].encode()
            head = (f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/{row['id']}\r\n"
                    f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n")
            file.write(gzip.compress(head.encode() + body + b"\r\n\r\n", 6))


def command_line(folder, name):
    program = os.path.join(os.path.dirname(sys.executable), "chaffinch")
    subprocess.run([program, "clean", str(folder / name), "-o", str(folder / "out"), "--jobs", "1",
                    "--quiet"], check=True)


def cli_jsonl(folder):
    command_line(folder, "rows.jsonl")


def cli_wet(folder):
    command_line(folder, "rows.wet.gz")


def groups(folder):
    import pyarrow.parquet

    for path in sorted((folder / "parquet").iterdir()):
        with pyarrow.parquet.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)


def write_groups(folder, tables):
    import pyarrow.parquet

    writer = None
    for table in tables:
        writer = writer or pyarrow.parquet.ParquetWriter(folder / "out.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


def python_many(folder):
    """Objects of Python, one for each document."""
    import chaffinch

    texts = (text for table in groups(folder) for text in table["text"].to_pylist())
    with open(folder / "out.jsonl", "w") as file:
        for cleaned in chaffinch.Pipeline().clean_many(texts, threads=1):
            cuts = [(cut.byte_span, cut.rule, cut.text) for cut in cleaned.cuts]
            file.write(json.dumps([cleaned.text, cleaned.fields, cuts]))


def python_batch(folder):
    import chaffinch, pyarrow

    pipeline = chaffinch.Pipeline()
    write_groups(folder, (pyarrow.table(pipeline.clean_batch(t, threads=1)) for t in groups(folder)))


def python_copy(folder):
    write_groups(folder, groups(folder))


def with_ray(job):
    def run(folder):
        os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DATA_DISABLE_PROGRESS_BARS="1")
        import ray, ray.data

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                 object_store_memory=600 << 20)
        job(folder)
        ray.shutdown()
    return run


def ray_data(folder):
    import ray.data, chaffinch.ray

    chaffinch.ray.clean(ray.data.read_parquet(str(folder / "parquet"))).write_parquet(str(folder / "out"))


def ray_copy(folder):
    import ray.data

    data = ray.data.read_parquet(str(folder / "parquet"))
    data.map_batches(lambda t: t, batch_format="pyarrow", zero_copy_batch=True).write_parquet(str(folder / "out"))


def ray_files(folder):
    import chaffinch.ray

    chaffinch.ray.clean_files(folder / "parquet", folder / "out")


def with_spark(job):
    def run(folder):
        import pyspark.sql

        os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
        session = (pyspark.sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
                   .config("spark.sql.files.maxPartitionBytes", str(2 << 20)).getOrCreate())
        session.sparkContext.setLogLevel("OFF")
        job(folder, session.read.parquet(str(folder / "parquet")))
        session.stop()
    return run


def spark_clean(folder, frame):
    import chaffinch.spark

    chaffinch.spark.clean(frame).write.option("compression", "zstd").parquet(str(folder / "out"))


def spark_copy(folder, frame):
    copied = frame.mapInArrow(lambda batches: batches, frame.schema)
    copied.write.option("compression", "zstd").parquet(str(folder / "out"))


# Name, what it is, the function, the library that it needs.
JOBS = [
    ("cli-jsonl", "command line, JSON Lines", cli_jsonl, None),
    ("cli-wet", "command line, WET in gzip", cli_wet, None),
    ("python-many", "Python, `clean_many`, a `str` for each document", python_many, None),
    ("python-batch", "Python, `clean_batch`, Parquet", python_batch, None),
    ("python-copy", "Python, Parquet copied", python_copy, None),
    ("ray-files", "Ray, `clean_files`", with_ray(ray_files), "ray"),
    ("ray-data", "Ray Data, `clean`", with_ray(ray_data), "ray"),
    ("ray-copy", "Ray Data, Parquet copied", with_ray(ray_copy), "ray"),
    ("spark", "Spark, `clean`", with_spark(spark_clean), "pyspark"),
    ("spark-copy", "Spark, Parquet copied", with_spark(spark_copy), "pyspark"),
]


class CpuSeconds(threading.Thread):
    """Counts the CPU seconds of all processes below this one by polling them. The kernel's own count
    lacks processes whose parents do not wait for them, such as the workers of Ray."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.stopped = {}, threading.Event()
        self.start()

    def look(self):
        processes = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat") as file:
                        fields = file.read().rpartition(")")[2].split()
                except OSError:
                    continue
                # Parent, user and system time in ticks, start.
                processes[int(entry)] = int(fields[1]), int(fields[11]) + int(fields[12]), fields[19]
        for process, (parent, ticks, start) in processes.items():
            while parent > 1 and parent != os.getpid():
                parent = processes.get(parent, (0,))[0]
            if parent == os.getpid():
                self.seen[process, start] = ticks

    def run(self):
        while not self.stopped.wait(0.05):
            self.look()

    def total(self):
        self.stopped.set()
        self.join()
        return sum(self.seen.values()) / os.sysconf("SC_CLK_TCK")


def measure(job, folder):
    """The CPU seconds of all processes of a job, and the seconds that it takes."""
    for name in ("out", "out.jsonl", "out.parquet"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    started, cpu = time.monotonic(), CpuSeconds()
    done = subprocess.run([sys.executable, __file__, "--job", job, "--folder", str(folder)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - started
    # Daemons of engines become children of this process, and end soon.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
        except ChildProcessError:
            break
    if done.returncode:
        sys.exit(f"{job} failed:\n{done.stderr[-4000:]}")
    return cpu.total(), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/scale.md")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    jobs = {name: function for name, _, function, _ in JOBS}
    if args.job:
        return jobs[args.job](args.folder)

    import importlib.util

    import corpus

    # Processes whose parents end become children of this one, so that their CPU seconds are counted.
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)
    wanted = [name for name in args.only.split(",") if name]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as scratch:
        folders = {}
        for count in (FEW, args.documents):
            folders[count] = pathlib.Path(scratch, str(count))
            corpus.write(folders[count], count, 2, GROUP)
            write_wet(folders[count] / "rows.wet.gz", corpus.rows(count))
        size = sum(len(row["text"].encode()) for row in corpus.rows(args.documents))
        print(f"{args.documents} documents, {size / 1e6:.1f} MB of text")
        if args.markdown:
            print("| job | documents a second and core | MB a second and core | CPU seconds to start |\n|---|---|---|---|")
        for name, what, _, library in JOBS:
            if wanted and name not in wanted:
                continue
            if library and not importlib.util.find_spec(library):
                print(f"{name}: {library} is not installed")
                continue
            if library == "pyspark" and not shutil.which("java"):
                print(f"{name}: Java is not installed")
                continue
            few = min(measure(name, folders[FEW])[0] for _ in range(args.runs))
            all_of_it, seconds = min(measure(name, folders[args.documents]) for _ in range(args.runs))
            if all_of_it < 1.1 * few:
                print(f"{name}: {args.documents} documents are too few to separate their cost from that of the start")
                continue
            each = (all_of_it - few) / (args.documents - FEW)
            start = max(0.0, few - FEW * each)
            rate, megabytes = 1 / each, size / args.documents / each / 1e6
            if args.markdown:
                print(f"| {what} | {rate:,.0f} | {megabytes:.1f} | {start:.1f} |", flush=True)
            else:
                print(f"{name:14} {rate:10,.0f} documents/s/core {megabytes:8.1f} MB/s/core "
                      f"{start:6.1f} CPU s to start {seconds:6.1f} s by the clock", flush=True)


if __name__ == "__main__":
    main()
