#!/usr/bin/env python3
"""Score the built binary on labelled pages.

    quality.py DATASET.jsonl[.gz] --scorer score.py [--against OTHER.jsonl] [--outlets] [--level LEVEL] [--show lost|left]

DATASET has one JSON object per line: id, url, raw_text, gold_text, and the fields that the scorer
needs. `chaffinch clean` cleans the pages as JSON Lines, with generic rules only, or with the built-in
outlet rules too (--outlets). Prints the table of the scorer. --show lists article lines that were lost
or boilerplate lines that are left, by outlet, most frequent first.
"""
import argparse
import collections
import gzip
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as rows:
        return [json.loads(row) for row in rows if row.strip()]


def clean(binary, pages, folder, outlets, level=None):
    source = folder / "pages.jsonl"
    with open(source, "w", encoding="utf-8") as out:
        for page in pages:
            row = {"id": page["id"], "url": page.get("url"), "text": page["raw_text"]}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    command = [binary, "clean", source, "-o", folder / "out", "--quiet", "--fail-on", "never"]
    if not outlets:
        (folder / "none").mkdir()
        command += ["--rules", folder / "none"]
    if level:
        command += ["--level", level]
    subprocess.run(command, check=True)
    return {row["id"]: row for row in read(folder / "out" / "pages.jsonl")}


def show(scorer, pages, cleaned, what):
    """The lines to list, by outlet: article lines lost, or boilerplate lines left."""
    found = collections.Counter()
    samples = collections.defaultdict(list)
    for page in pages:
        labels = scorer.line_labels(page)
        lines = scorer.split_lines(page["raw_text"])
        kept = scorer.kept_lines(labels, cleaned[page["id"]]["text"])
        for line, (tokens, label), stays in zip(lines, labels, kept):
            if tokens and (what == "lost" and label == "a" and not stays or what == "left" and label == "b" and stays):
                found[page["outlet"]] += 1
                samples[page["outlet"]].append(line.strip())
    for outlet, count in found.most_common():
        print("%5d  %s" % (count, outlet))
        for line in samples[outlet][:12]:
            print("         %s" % line[:160])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--scorer", required=True, help="the score.py that comes with the pages")
    parser.add_argument("--binary", default=ROOT / "target" / "release" / "chaffinch")
    parser.add_argument("--against", help="another system's output, for the paired difference")
    parser.add_argument("--outlets", action="store_true", help="use the built-in outlet rules too")
    parser.add_argument("--level", help="the level of the line model, instead of the default")
    parser.add_argument("--show", choices=["lost", "left"])
    arguments = parser.parse_args()
    pages = read(arguments.dataset)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        cleaned = clean(arguments.binary, pages, folder, arguments.outlets, arguments.level)
        verdicts = collections.Counter(row["chaffinch"]["verdict"] for row in cleaned.values())
        print("verdicts:", ", ".join("%s %d" % pair for pair in verdicts.most_common()))
        if arguments.show:
            spec = importlib.util.spec_from_file_location("scorer", arguments.scorer)
            scorer = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(scorer)
            show(scorer, pages, cleaned, arguments.show)
            return
        system = folder / "system.jsonl"
        with open(system, "w", encoding="utf-8") as out:
            for page_id, row in cleaned.items():
                out.write(json.dumps({"id": page_id, "clean_text": row["text"]}, ensure_ascii=False) + "\n")
        command = [sys.executable, arguments.scorer, arguments.dataset, system]
        if arguments.against:
            command += ["--against", arguments.against]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
