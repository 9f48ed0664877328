#!/usr/bin/env python3
"""Clean from and into an object store: a local S3 server.

    stores.py CHAFFINCH        a binary with the features `stores` and `parquet`

Needs the packages moto[s3], flask and flask-cors, and zstd.
"""
import json, os, shutil, signal, socket, subprocess, sys, tempfile, time

import boto3

BINARY = os.path.abspath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = os.path.join(ROOT, "corpus", "seeds")
SCRATCH = tempfile.mkdtemp()
BUCKET = "corpus"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("the server did not start")


def path(*names):
    return os.path.join(SCRATCH, *names)


def run(*arguments, code=0, env=None):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env=env or ENV)
    if done.returncode != code:
        sys.exit(f"{arguments}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def files(root):
    """Names and bytes of all files below a folder, except for content that differs in every run."""
    found = {}
    for at, _, names in os.walk(root):
        for name in names:
            whole = os.path.join(at, name)
            found[os.path.relpath(whole, root)] = open(whole, "rb").read()
    found.pop(".chaffinch/run.json", None)
    return found


def same(one, other, what):
    if one.keys() != other.keys():
        sys.exit(f"{what}: other files: {sorted(one.keys() ^ other.keys())}")
    for name in one:
        if one[name] != other[name]:
            sys.exit(f"{what}: {name} differs")


class S3:
    def __init__(self, port):
        self.client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
        self.client.create_bucket(Bucket=BUCKET)

    def upload(self, folder, prefix):
        for name, bytes in files(folder).items():
            self.client.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=bytes)

    def names(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def download(self, prefix, folder):
        for key in self.names(prefix):
            whole = os.path.join(folder, os.path.relpath(key, prefix))
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as out:
                out.write(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return folder


def corpus():
    """Text files in folders, JSON Lines plain and compressed, WET, Parquet, and binary files."""
    folder = path("in")
    shutil.copytree(SEEDS, os.path.join(folder, "text", "news"))
    rows = []
    for name in sorted(os.listdir(SEEDS)):
        text = open(os.path.join(SEEDS, name), "rb").read().decode("utf-8", "replace")
        rows.append(json.dumps({"id": name, "url": f"https://www.presstv.ir/{name}", "text": text}))
    many = "".join(row + "\n" for row in rows * 400)
    with open(os.path.join(folder, "rows.jsonl"), "w") as out:
        out.write(many)
    subprocess.run(["zstd", "-q", os.path.join(folder, "rows.jsonl"), "-o",
                    os.path.join(folder, "packed.jsonl.zst")], check=True)
    run("clean", os.path.join(folder, "rows.jsonl"), "-o", path("parquet"), "--to", "parquet",
        "--only", "debris", "-q")
    shutil.copy(path("parquet", "rows.jsonl.parquet"), os.path.join(folder, "table.parquet"))
    with open(os.path.join(folder, "page.txt"), "w") as out:
        out.write("<!DOCTYPE html>\n<html><body><p>It is a page, not a text.</p></body></html>\n")
    return folder


def checks(store):
    source = corpus()
    store.upload(source, "raw")
    here = path("here")
    run("clean", source, "-o", here, "-q", code=1)
    wanted = files(here)

    # From the store to the store: the same bytes as a run in the file system.
    said = run("clean", f"s3://{BUCKET}/raw", "-o", f"s3://{BUCKET}/clean", "--work-dir", path("w"),
               code=1)
    assert "page.txt" in said, said
    assert not os.path.exists(path("w")), "the folder of a finished run stayed"
    there = store.download("clean", path("there"))
    same(wanted, files(there), "from store to store")
    run("restore", there, "-o", path("back"))
    # Restoring gives the values of Parquet columns, and the uncompressed content of other files.
    packed = ("table.parquet", "packed.jsonl.zst")
    rest = lambda root: {name: text for name, text in files(root).items() if name not in packed}
    same(rest(source), rest(path("back")), "restored")

    # From the store to a folder and back; a single object; replacing a finished run.
    run("clean", f"s3://{BUCKET}/raw/", "-o", path("fetched"), "-q", code=1)
    same(wanted, files(path("fetched")), "from store to folder")
    said = run("clean", f"s3://{BUCKET}/raw/packed.jsonl.zst", "-o", f"s3://{BUCKET}/clean", code=2)
    assert "had other inputs" in said, said
    run("clean", f"s3://{BUCKET}/raw/packed.jsonl.zst", "-o", f"s3://{BUCKET}/clean", "-q", "--fresh")
    kept = [name for name in store.names("clean") if "/.chaffinch/" not in name]
    assert kept == ["clean/packed.jsonl.zst"], kept
    run("clean", f"file://{source}", "-o", f"s3://{BUCKET}/clean", "-q", "--fresh", code=1)
    same(wanted, files(store.download("clean", path("again"))), "from folder to store")

    # Objects that no run wrote are kept and reported.
    store.client.put_object(Bucket=BUCKET, Key="mine/letter.txt", Body=b"Dear Sir")
    said = run("clean", source, "-o", f"s3://{BUCKET}/mine", code=2)
    assert "contains letter.txt, which chaffinch did not write" in said, said
    assert store.names("mine") == ["mine/letter.txt"]
    said = run("clean", f"s3://{BUCKET}/raw", "-o", f"s3://{BUCKET}/raw/clean", code=2)
    assert "are the same or one contains the other" in said, said
    said = run("clean", f"s3://{BUCKET}/nothing", "-o", path("none"), code=2)
    assert "there is no such object" in said, said
    said = run("clean", source, "-o", "s3://no-such-bucket/clean", code=3)
    assert "cannot write s3://no-such-bucket/clean" in said, said

    # A run that is killed at any moment can be resumed, with the same result in the store.
    command = [BINARY, "clean", f"s3://{BUCKET}/raw", "-o", f"s3://{BUCKET}/killed", "-q",
               "--work-dir", path("k"), "--shard-bytes", "300KiB", "-j", "2"]
    run("clean", source, "-o", path("shards"), "-q", "--shard-bytes", "300KiB", code=1)
    kills = 0
    for attempt in range(100):
        process = subprocess.Popen(command, env=ENV, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(0.05 + 0.03 * attempt)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        if process.wait() == 1:
            break
    assert kills >= 3, kills
    same(files(path("shards")), files(store.download("killed", path("killed"))), "killed")
    print(f"s3: {len(wanted)} files, the same for every source and destination and after {kills} kills")


port = free_port()
ENV = dict(os.environ, AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret",
           AWS_DEFAULT_REGION="us-east-1", AWS_REGION="us-east-1", AWS_ALLOW_HTTP="true",
           AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
os.environ.update(ENV)
servers = []
try:
    tools = os.path.dirname(sys.executable)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    servers.append(subprocess.Popen([os.path.join(tools, "moto_server"), "-p", str(port)], **quiet))
    wait_for(port)
    checks(S3(port))
finally:
    for server in servers:
        server.kill()
    shutil.rmtree(SCRATCH, ignore_errors=True)
