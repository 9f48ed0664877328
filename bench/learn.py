#!/usr/bin/env python3
"""Learn an outlet's rules from k of its documents and clean others with them.

    learn.py CORPUS.jsonl TRUTH.jsonl [--k 2,3,5,10] [--test 100] [--outlets 5]

CORPUS and TRUTH are the `docs.jsonl` and `docs.truth.jsonl` of the synthetic news corpus: rows with
id and text, and for each id its outlet and the byte ranges of its chaff. The URL is withheld, so the
outlet must be told by what was learned. For each k: the share of chaff lines removed and of article
lines lost by generic rules alone, and by generic and learned rules; and the share of documents
recognised.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def lines_of(text):
    at = 0
    for line in text.encode().split(b"\n"):
        if line.strip():
            yield at, at + len(line)
        at += len(line) + 1


def covered(start, end, spans):
    return sum(max(0, min(end, b) - max(start, a)) for a, b in spans)


def measure(binary, rules, documents, folder):
    source = folder / "test.jsonl"
    with open(source, "w", encoding="utf-8") as out:
        for document in documents:
            out.write(json.dumps({"id": document["id"], "text": document["text"]}, ensure_ascii=False) + "\n")
    command = [binary, "explain", "--format", "json", "--rules", rules, source]
    shown = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    counts = collections.Counter()
    for document, row in zip(documents, map(json.loads, shown)):
        cuts = [(edit["start"], edit["end"]) for edit in row["edits"] if not edit["with"]]
        counts["documents"] += 1
        counts["recognised"] += row["outlet"] is not None
        for start, end in lines_of(document["text"]):
            chaff = covered(start, end, document["chaff"]) == end - start
            article = covered(start, end, document["chaff"]) == 0
            gone = covered(start, end, cuts) * 2 > end - start
            counts["chaff"] += chaff
            counts["article"] += article
            counts["removed"] += chaff and gone
            counts["lost"] += article and gone
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("truth")
    parser.add_argument("--k", default="2,3,5,10")
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--outlets", type=int, default=5)
    parser.add_argument("--binary", default=ROOT / "target" / "release" / "chaffinch")
    arguments = parser.parse_args()
    sizes = [int(k) for k in arguments.k.split(",")]
    wanted = max(sizes) + arguments.test
    outlets = collections.defaultdict(list)
    with open(arguments.corpus, encoding="utf-8") as rows, open(arguments.truth, encoding="utf-8") as truths:
        for row, truth in zip(map(json.loads, rows), map(json.loads, truths)):
            outlet = truth["outlet"]
            if outlet and len(outlets[outlet]) < wanted:
                chaff = [(a, b) for a, b, _ in truth["edits"]]
                outlets[outlet].append({"id": row["id"], "text": row["text"], "chaff": chaff})
    chosen = sorted(outlets, key=lambda outlet: (-len(outlets[outlet]), outlet))[: arguments.outlets]
    print("%4s  %28s  %28s  %10s" % ("k", "generic: removed / lost", "with learned: removed / lost", "recognised"))
    for k in sizes:
        alone, learned = collections.Counter(), collections.Counter()
        for outlet in chosen:
            documents = outlets[outlet]
            tests = documents[max(sizes):]
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "none").mkdir()
                (folder / "rules").mkdir()
                (folder / "samples").mkdir()
                for document in documents[:k]:
                    (folder / "samples" / (document["id"] + ".txt")).write_text(document["text"], encoding="utf-8")
                alone += measure(arguments.binary, folder / "none", tests, folder)
                command = [arguments.binary, "outlet", "new", outlet, folder / "samples", "-o", folder / "rules" / "x.yaml",
                           "--rules", folder / "none"]
                made = subprocess.run(command, capture_output=True)
                if made.returncode:
                    print("   %s, k = %d: %s" % (outlet, k, made.stderr.decode().strip()))
                learned += measure(arguments.binary, folder / "rules", tests, folder)
        share = lambda counts, a, b: counts[a] / max(1, counts[b])
        print("%4d  %18.3f / %.4f  %20.3f / %.4f  %10.3f" % (
            k, share(alone, "removed", "chaff"), share(alone, "lost", "article"),
            share(learned, "removed", "chaff"), share(learned, "lost", "article"),
            share(learned, "recognised", "documents")))


if __name__ == "__main__":
    main()
