#!/usr/bin/env python3
"""Measure the program on labelled pages of outlets that its model was not trained on.

    cargo run --release -p chaffinch-rules --example cues > cues.tsv
    cargo run --release -p chaffinch-lines --example train folds TRAIN cues.tsv fold
    unseen.py TRAIN fold [--binary chaffinch] [--level LEVEL]... [--sources NAME,...]

`train folds` trains one model without each fold of the outlets. The pages of a fold are cleaned with the model
that was trained without it, with generic rules and no outlet rules. Prints for whole pages and scraped text the
share of boilerplate lines removed and of article lines lost, as means over the pages. A line counts as removed if
four fifths of its bytes are.
"""
import argparse
import collections
import gzip
import json
import pathlib
import subprocess
import tempfile

FORMS = {"whole": "pages.jsonl.gz", "scraped": "residual.jsonl.gz"}
GOLD = "fundus,aeb,wcxb,readability,newspaper4k"


def removed_lines(row, edits):
    """The number of lines by label, and of those that are removed."""
    counts, removed = collections.Counter(), collections.Counter()
    start = 0
    for line, label in zip(row["lines"], row["labels"]):
        length = len(line.encode())
        cut = sum(max(0, min(end, start + length) - max(begin, start)) for begin, end in edits)
        if length:
            counts[label] += 1
            removed[label] += cut >= 0.8 * length
        start += length + 1
    return counts, removed


def clean(binary, level, model, rows, folder):
    """Cleans the pages and returns the cuts of each."""
    (folder / "none").mkdir(exist_ok=True)
    with open(folder / "pages.jsonl", "w", encoding="utf-8") as out:
        for row in rows:
            page = {"id": row["id"], "url": row["url"], "text": "\n".join(row["lines"])}
            out.write(json.dumps(page, ensure_ascii=False) + "\n")
    options = ["--rules", folder / "none", "--level", level, "--model", model]
    options += ["--quiet", "--fail-on", "never", "--fresh"]
    subprocess.run([binary, "clean", folder / "pages.jsonl", "-o", folder / "out", *options], check=True)
    ledger = subprocess.run([binary, "ledger", folder / "out"], check=True, capture_output=True, text=True)
    cuts = collections.defaultdict(list)
    for edit in map(json.loads, ledger.stdout.splitlines()):
        if not edit["with"]:
            cuts[edit["id"]].append((edit["start"], edit["end"]))
    return cuts


def mean(shares):
    shares = [share for share in shares if share is not None]
    return sum(shares) / max(1, len(shares))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("folds")
    parser.add_argument("--binary", default="target/release/chaffinch")
    parser.add_argument("--level", action="append")
    parser.add_argument("--sources", default=GOLD)
    args = parser.parse_args()
    folds = json.loads(pathlib.Path(args.folds + ".folds").read_text())
    sources = args.sources.split(",")
    for form, file in FORMS.items():
        with gzip.open(args.data / file, "rt", encoding="utf-8") as rows:
            rows = [row for row in map(json.loads, rows) if row["source"] in sources]
        for level in args.level or ["off", "careful", "balanced", "full"]:
            removed, lost = [], []
            for fold in sorted({folds[row["outlet"]] for row in rows}):
                part = [row for row in rows if folds[row["outlet"]] == fold]
                with tempfile.TemporaryDirectory() as folder:
                    cuts = clean(args.binary, level, f"{args.folds}.{fold}", part, pathlib.Path(folder))
                for row in part:
                    counts, gone = removed_lines(row, cuts[row["id"]])
                    removed.append(gone["b"] / counts["b"] if counts["b"] else None)
                    lost.append(gone["a"] / counts["a"] if counts["a"] else None)
            print(f"{form:8} {level:9} {len(rows)} pages, removed {mean(removed):.3f}, lost {mean(lost):.4f}", flush=True)


if __name__ == "__main__":
    main()
