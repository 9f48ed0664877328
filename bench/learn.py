#!/usr/bin/env python3
"""Learn an outlet's rules from k of its documents, and clean other documents with them.

    learn.py CORPUS.jsonl TRUTH.jsonl [--k 2,3,5,10] [--test 100] [--outlets 5]
    learn.py --pages PAGES.jsonl[.gz][,MORE] --scorer score.py [--k 2,5] [--least 3]

CORPUS and TRUTH are the `docs.jsonl` and `docs.truth.jsonl` of the synthetic news corpus: rows with
id and text, and for each id its outlet and the byte ranges of its boilerplate. The URL is withheld, so
the outlet must be recognised by learned signs. PAGES are labelled pages (id, url, outlet, raw_text,
gold_text). Each page of an outlet with at least --least pages is cleaned with rules learned from k others.

For each k, prints the share of boilerplate lines removed and of article lines lost by three methods:
generic rules only, learned rules, and removing every line that occurs in a sample. Also prints the share
of *repeated* boilerplate (lines that occur in a sample) that learned rules remove, and the share of
documents recognised. With labelled pages, also prints the mean F1 of 4-token shingles against the gold
text, for the three methods.
"""
import argparse
import collections
import gzip
import importlib.util
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as rows:
        for row in rows:
            yield json.loads(row)


def covered(start, end, spans):
    return sum(max(0, min(end, b) - max(start, a)) for a, b in spans)


def synthetic(corpus, truth, count, wanted):
    """The outlets with most documents: [(name, documents)], each document with labels of its lines."""
    outlets = collections.defaultdict(list)
    for row, truth in zip(read(corpus), read(truth)):
        outlet = truth["outlet"]
        if not outlet or len(outlets[outlet]) >= wanted:
            continue
        spans, labels, at = [(a, b) for a, b, _ in truth["edits"]], [], 0
        for line in row["text"].encode().split(b"\n"):
            chaff = covered(at, at + len(line), spans)
            labels.append("b" if line.strip() and chaff == len(line) else "a" if line.strip() and not chaff else "")
            at += len(line) + 1
        outlets[outlet].append({"id": row["id"], "text": row["text"], "labels": labels})
    chosen = sorted(outlets, key=lambda outlet: (-len(outlets[outlet]), outlet))[:count]
    return [(outlet, outlets[outlet]) for outlet in chosen]


def labelled(pages, scorer, least):
    spec = importlib.util.spec_from_file_location("scorer", scorer)
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    outlets = collections.defaultdict(list)
    for page in (page for path in pages.split(",") for page in read(path)):
        outlets[page["outlet"]].append(page)
    for name, pages in sorted(outlets.items()):
        if len(pages) < least:
            continue
        documents = []
        for page in pages:
            lines = scorer.split_lines(page["raw_text"])
            labels = [label if tokens else "" for tokens, label in scorer.line_labels(page)]
            score = lambda text, page=page: scorer.score_one((page, text))["sF1"]
            documents.append({"id": page["id"], "url": page["url"], "text": "\n".join(lines), "labels": labels, "score": score})
        yield name, documents


def rows_of(documents):
    for document in documents:
        row = {name: document[name] for name in ("id", "url", "text") if name in document}
        yield json.dumps(row, ensure_ascii=False) + "\n"


def measure(binary, rules, documents, samples, folder, show=None):
    source = folder / "test.jsonl"
    source.write_text("".join(rows_of(documents)), encoding="utf-8")
    command = [binary, "explain", "--format", "json", "--rules", rules, source]
    shown = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    known = {line.strip() for sample in samples for line in sample["text"].split("\n")}
    counts = collections.Counter()
    for document, row in zip(documents, map(json.loads, shown)):
        cuts = [(edit["start"], edit["end"]) for edit in row["edits"] if not edit["with"]]
        counts["documents"] += 1
        counts["recognised"] += row["outlet"] is not None
        if "score" in document:
            data, at, left = document["text"].encode(), 0, b""
            for start, end in cuts:
                left, at = left + data[at:start], end
            counts["sF1"] += document["score"]((left + data[at:]).decode())
            unseen = [line for line in document["text"].split("\n") if line.strip() not in known]
            counts["sF1 of unseen"] += document["score"]("\n".join(unseen))
        at = 0
        for line, label in zip(document["text"].split("\n"), document["labels"]):
            length = len(line.encode())
            gone = covered(at, at + length, cuts) * 2 > length
            at += length + 1
            repeated = line.strip() in known
            counts["chaff"] += label == "b"
            counts["article"] += label == "a"
            counts["removed"] += label == "b" and gone
            counts["lost"] += label == "a" and gone
            counts["repeated"] += label == "b" and repeated
            counts["repeated removed"] += label == "b" and repeated and gone
            counts["article repeated"] += label == "a" and repeated
            if show == "left" and label == "b" and repeated and not gone or show == "lost" and label == "a" and gone:
                print("   %s: %s" % (show, line.strip()[:150]))
    return counts


def learn(binary, outlet, samples, tests, folder, show=None):
    """Counts without and with the rules learned from the samples."""
    (folder / "none").mkdir()
    (folder / "rules").mkdir()
    (folder / "samples.jsonl").write_text("".join(rows_of(samples)), encoding="utf-8")
    alone = measure(binary, folder / "none", tests, samples, folder)
    name = "".join(c if c.isalnum() or c in "-." else "-" for c in outlet.lower())
    made = subprocess.run([binary, "outlet", "new", name, folder / "samples.jsonl", "-o", folder / "rules" / "x.yaml",
                           "--rules", folder / "none"], capture_output=True)
    if made.returncode:
        print("   %s, k = %d: %s" % (outlet, len(samples), made.stderr.decode().strip()))
    return alone, measure(binary, folder / "rules", tests, samples, folder, show)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("truth", nargs="?")
    parser.add_argument("--pages")
    parser.add_argument("--scorer")
    parser.add_argument("--least", type=int, default=3, help="pages that an outlet must have")
    parser.add_argument("--k", default="2,3,5,10")
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--outlets", type=int, default=5)
    parser.add_argument("--show", choices=["left", "lost"], help="print repeated chaff that is left, or article lines lost")
    parser.add_argument("--verbose", action="store_true", help="a row an outlet too")
    parser.add_argument("--binary", default=ROOT / "target" / "release" / "chaffinch")
    arguments = parser.parse_args()
    sizes = [int(k) for k in arguments.k.split(",")]
    if arguments.pages:
        outlets = list(labelled(arguments.pages, arguments.scorer, arguments.least))
    else:
        outlets = synthetic(arguments.corpus, arguments.truth, arguments.outlets, max(sizes) + arguments.test)

    share = lambda counts, a, b: counts[a] / max(1, counts[b])
    def row(name, alone, learned):
        scores = (share(alone, "sF1", "documents"), share(learned, "sF1", "documents"), share(learned, "sF1 of unseen", "documents"))
        print("%-24s %5d  %6.3f / %.4f  %6.3f / %.4f  %6.3f / %.4f  %8.3f  %10.3f%s" % (
            name, learned["documents"],
            share(alone, "removed", "chaff"), share(alone, "lost", "article"),
            share(learned, "removed", "chaff"), share(learned, "lost", "article"),
            share(learned, "repeated", "chaff"), share(learned, "article repeated", "article"),
            share(learned, "repeated removed", "repeated"), share(learned, "recognised", "documents"),
            "  %.3f %.3f %.3f" % scores if arguments.pages else ""), flush=True)

    print("%-24s %5s  %15s  %15s  %15s  %8s  %10s" % (
        "removed / lost", "pages", "generic", "with learned", "lines seen", "repeated", "recognised"),
        " sF1 of the three" if arguments.pages else "")
    for k in sizes:
        totals = collections.Counter(), collections.Counter()
        for outlet, documents in outlets:
            if arguments.pages:
                splits = [(documents[:i] + documents[i + 1:], [documents[i]]) for i in range(len(documents))]
                splits = [(samples[:k], tests) for samples, tests in splits if len(samples) >= min(k, 2)]
            else:
                splits = [(documents[:k], documents[max(sizes):])]
            own = collections.Counter(), collections.Counter()
            for samples, tests in splits:
                with tempfile.TemporaryDirectory() as folder:
                    counts = learn(arguments.binary, outlet, samples, tests, pathlib.Path(folder), arguments.show)
                for total, count in zip(own, counts):
                    total.update(count)
            for total, count in zip(totals, own):
                total.update(count)
            if arguments.verbose and splits:
                row("  " + outlet[:22], *own)
        row("k = %d" % k, *totals)


if __name__ == "__main__":
    main()
