#!/usr/bin/env python3
"""Measure Chaffinch against other tools and fixed limits. Each figure is a ratio within one run.

    run.py [--only FIGURE,…] [--megabytes 64] [--runs 3] [--keep DIR]
    run.py --corpus FILE [--field raw_text] [--instructions] [--only FIGURE,…]

Each figure generates its corpus, alternates the commands, and compares CPU seconds (user and system,
of complete processes). The smallest value of the runs is used. A figure is only reported if exactly the
boilerplate of the corpus was removed and every document can be restored. Tools that are not installed
are skipped and reported. The last line of a figure is its name and its value.

With --corpus, the figures are of real text: the rows of a JSON Lines file, which may be compressed
with gzip. With --instructions, callgrind counts the instructions per byte of the engine in memory, which
vary far less than seconds; it cleans a tenth of the corpus, at most two megabytes.

Corpora: bench/make_corpus.py over corpus/seeds. Other tools: rg, grep -P, perl, sed, python3, zstd, cp,
and datatrove, trafilatura and jusText if they can be imported. Files are on tmpfs (/dev/shm) if it exists.
"""
import argparse, gzip, html, json, os, re, resource, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
BINARY = os.path.join(TARGET, "release", "chaffinch")
SEEDS = os.path.join(ROOT, "corpus", "seeds")
OUTLET_RULES_ALONE = """\
# Outlet rules only. The caps are off because the synthetic documents are short.
stages: [promo]
limits: {total_cut_share: 1.0, body_cut_share: 1.0}
"""
ALL_STAGES = "limits: {total_cut_share: 1.0, body_cut_share: 1.0}\n"


class Bench:
    def __init__(self, megabytes, runs, folder, corpus_file=None, field=None):
        self.megabytes, self.runs, self.folder = megabytes, runs, folder
        self.corpus_file, self.field = corpus_file, field

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # ---- corpora

    def corpus(self, outlets, what="jsonl", megabytes=None):
        megabytes = megabytes or self.megabytes
        folder = self.path(f"corpus-{outlets}-{megabytes}")
        product = {"jsonl": "docs.jsonl", "wet": "docs.wet", "dir": "dir"}[what]
        if not os.path.exists(os.path.join(folder, product)):
            files = max(200, 50_000 * megabytes // 143)
            subprocess.run(
                [sys.executable, os.path.join(HERE, "make_corpus.py"), SEEDS, "--out", folder,
                 "--what", f"{what},rules", "--mb", str(megabytes), "--wet-mb", str(megabytes),
                 "--files", str(files), "--outlets", str(outlets), "--rules-outlets", str(outlets)],
                check=True, stdout=subprocess.DEVNULL)
            rule_files(json.load(open(os.path.join(folder, "rules", f"{outlets}.json"))),
                       os.path.join(folder, "yaml"))
            write(os.path.join(folder, "only.yaml"), OUTLET_RULES_ALONE)
            write(os.path.join(folder, "all.yaml"), ALL_STAGES)
        return folder

    def text(self, folder):
        """The texts of the rows, one after another, as input of line tools."""
        path = os.path.join(folder, "docs.txt")
        if not os.path.exists(path):
            with open(os.path.join(folder, "docs.jsonl")) as rows, open(path, "w") as out:
                for row in rows:
                    out.write(json.loads(row)["text"] + "\n")
        return path

    # ---- commands

    def clean(self, folder, source="docs.jsonl", pipeline="only.yaml", out="out", more=()):
        out = self.path(out)
        return ["sh", "-c", 'rm -rf "$0"; exec "$@"', out, BINARY, "clean",
                os.path.join(folder, source), "-o", out, "--rules", os.path.join(folder, "yaml"),
                "--pipeline", os.path.join(folder, pipeline), "-q", "--fail-on", "never", *more]

    def cpu(self, command, stdout=None):
        """CPU and wall seconds of a command."""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        out = open(stdout, "wb") if stdout else subprocess.DEVNULL
        # Some tools write logs to the working directory.
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, cwd=self.folder)
        if stdout:
            out.close()
        # grep and rg exit with 1 if no line is left.
        if done.returncode not in ((0, 1) if {"grep", "rg"} & set(command[:3]) else (0,)):
            sys.exit(f"{command[:4]}: {done.stderr.decode(errors='replace')[:2000]}")
        after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, took

    def alternate(self, *commands):
        """The smallest CPU and wall seconds of each (command, output file), run alternately."""
        times = [[] for _ in commands]
        for _ in range(self.runs):
            for own, (command, stdout) in zip(times, commands):
                own.append(self.cpu(command, stdout))
        return [(min(cpu for cpu, _ in own), min(wall for _, wall in own)) for own in times]

    def check(self, folder, out="out"):
        """Check that exactly the boilerplate was removed, apart from blanks, and that documents restore."""
        wanted = truth(os.path.join(folder, "docs.jsonl"), os.path.join(folder, "docs.truth.jsonl"))
        found = removed(self.path(out))
        if wanted != found:
            sys.exit(f"removed {found} characters that are no blanks, and the truth is {wanted}")
        done = subprocess.run([BINARY, "verify", self.path(out)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout)

    def ratio(self, name, folder, ours, peer, peer_name, size, invert=False, check=True):
        (own, _), (other, _) = self.alternate((ours, None), peer)
        if check:
            self.check(folder)
        print(f"chaffinch {size / own / 1e6:.0f} MB/s of a core; {peer_name} {size / other / 1e6:.0f}")
        report(name, other / own if invert else own / other)

    # ---- figures

    def against_lines(self, name, tool, command, invert=False):
        """JSONL with a ledger, five outlets, against a line tool on the plain text."""
        if not shutil.which(tool):
            return print(f"{name}: {tool} is not installed")
        folder = self.corpus(5)
        text = self.text(folder)
        rules = os.path.join(folder, "rules")
        peer = (command(rules, text), self.path("peer.out"))
        self.ratio(name, folder, self.clean(folder, more=["-j", "1"]), peer, tool,
                   os.path.getsize(text), invert)

    def jsonl_vs_rg(self):
        self.against_lines("jsonl-vs-rg", "rg", lambda rules, text: [
            "rg", "-N", "--no-filename", "-v", "-f", f"{rules}/60.grep", text])

    def jsonl_vs_grep(self):
        def command(rules, text):
            joined = "|".join(open(f"{rules}/60.grep").read().split("\n")[:-1])
            return ["env", "LC_ALL=C.UTF-8", "grep", "-vP", joined, text]
        self.against_lines("jsonl-vs-grep", "grep", command)

    def jsonl_vs_perl(self):
        self.against_lines("jsonl-vs-perl", "perl",
                           lambda rules, text: ["perl", f"{rules}/60.pl", text], invert=True)

    def jsonl_vs_sed(self):
        self.against_lines("jsonl-vs-sed", "sed", lambda rules, text: [
            "env", "LC_ALL=C", "sed", "-E", "-f", f"{rules}/60.sed", text], invert=True)

    def jsonl_vs_python(self):
        script = self.path("loop.py")
        write(script, "import re, sys\n"
              "rules = [(kind, re.compile(p)) for kind, p in (l.rstrip('\\n').split('\\t')[-2:] "
              "for l in open(sys.argv[1]))]\n"
              "for line in open(sys.argv[2]):\n"
              "    line = line.rstrip('\\n')\n"
              "    for kind, rule in rules:\n"
              "        if kind == 'line':\n"
              "            if rule.search(line): break\n"
              "        else:\n"
              "            line = rule.sub('', line)\n"
              "    else:\n"
              "        print(line)\n")
        self.against_lines("jsonl-vs-python", "python3", lambda rules, text: [
            sys.executable, script, f"{rules}/60.tsv", text], invert=True)

    def jsonl_vs_json(self):
        """A hundred outlets, against only parsing and writing the rows."""
        folder = self.corpus(100)
        rows = os.path.join(folder, "docs.jsonl")
        floor = os.path.join(TARGET, "release", "floor-json")
        self.ratio("jsonl-vs-json", folder, self.clean(folder, more=["-j", "1"]),
                   ([floor, rows, self.path("peer.out")], None), "sonic-rs", os.path.getsize(rows))

    def zst_vs_zstd(self):
        """A compressed shard to a compressed shard, against decompressing it."""
        if not shutil.which("zstd"):
            return print("zst-vs-zstd: zstd is not installed")
        folder = self.corpus(5)
        rows, packed = os.path.join(folder, "docs.jsonl"), os.path.join(folder, "docs.jsonl.zst")
        if not os.path.exists(packed):
            subprocess.run(["zstd", "-q", "-3", rows, "-o", packed], check=True)
        ours = self.clean(folder, "docs.jsonl.zst", more=["-j", "1"])
        self.ratio("zst-vs-zstd", folder, ours, (["zstd", "-dc", packed], self.path("peer.out")),
                   "zstd -dc", os.path.getsize(rows))

    def dir_vs_cp(self, name, place):
        folder = self.corpus(5, "dir")
        source = os.path.join(folder, "dir")
        copied, out = os.path.join(place, "cp"), os.path.join(place, "out")
        ours = self.clean(folder, "dir", more=["-j", "1"])
        ours = [out if part == self.path("out") else part for part in ours]
        copy = (["sh", "-c", 'rm -rf "$0"; exec cp -r "$1" "$0"', copied, source], None)
        size = sum(os.path.getsize(os.path.join(at, f)) for at, _, fs in os.walk(source) for f in fs)
        self.ratio(name, folder, ours, copy, "cp -r", size, check=False)

    def dir_vs_cp_tmpfs(self):
        self.dir_vs_cp("dir-vs-cp-tmpfs", self.folder)

    def dir_vs_cp_disk(self):
        with tempfile.TemporaryDirectory(dir=TARGET) as place:
            self.dir_vs_cp("dir-vs-cp-disk", place)

    def datatrove(self, name, filters):
        """Throughput divided by that of datatrove's reader and writer with `filters` between them."""
        if subprocess.run([sys.executable, "-c", "import datatrove"], capture_output=True).returncode:
            return print(f"{name}: datatrove is not installed (pip install datatrove orjson spacy)")
        folder = self.corpus(5)
        rows = os.path.join(folder, "docs.jsonl")
        script = self.path("trove.py")
        write(script, TROVE.replace("FILTERS", filters))
        # It is slow, so a part of the rows is enough.
        part = self.path("part")
        os.makedirs(part, exist_ok=True)
        subprocess.run(f"head -n 2000 {rows} > {part}/docs.jsonl", shell=True, check=True)
        size = os.path.getsize(f"{part}/docs.jsonl")
        (own, _), (other, _) = self.alternate(
            (self.clean(folder, more=["-j", "1"]), None),
            ([sys.executable, script, part, self.path("trove-out")], None))
        (start, _), = self.alternate(([sys.executable, "-c", "import datatrove.executor"], None))
        rate = size / (other - min(start, other / 2))
        print(f"chaffinch {os.path.getsize(rows) / own / 1e6:.0f} MB/s of a core; datatrove {rate / 1e6:.1f}")
        report(name, os.path.getsize(rows) / own / rate)

    def datatrove_io(self):
        self.datatrove("datatrove-io", "")

    def datatrove_c4(self):
        self.datatrove("datatrove-c4", "C4QualityFilter(), SymbolLinesFormatter(symbols_to_remove=['|']),")

    def matching(self, outlets, how):
        folder = self.corpus(outlets, megabytes=min(self.megabytes, 64))
        done = subprocess.run(
            [os.path.join(TARGET, "release", "matching"), os.path.join(folder, "yaml"),
             os.path.join(folder, "docs.jsonl"), how, os.path.join(folder, "only.yaml")],
            check=True, capture_output=True, text=True)
        return float(done.stdout)

    def match_known(self):
        report("match-known", self.matching(5, "known"))

    def match_unknown(self):
        report("match-unknown", self.matching(5, "unknown"))

    def many(self, name, how):
        few, many = self.matching(5, how), self.matching(10_000, how)
        print(f"5 outlets {few:.0f} MB/s; 10,000 outlets {many:.0f}")
        report(name, many / few)

    def match_known_10000(self):
        self.many("match-known-10000", "known")

    def match_unknown_10000(self):
        self.many("match-unknown-10000", "unknown")

    def first_of_10000(self):
        """A command that cleans one document with 10,000 outlet files, as a filter."""
        folder = self.corpus(10_000, megabytes=1)
        one = self.path("one.jsonl")
        subprocess.run(f"head -n 1 {folder}/docs.jsonl > {one}", shell=True, check=True)
        return ["sh", "-c", 'exec "$@" < "$0"', one, BINARY, "clean", "-", "--from", "jsonl",
                "--no-ledger", "-q", "--rules", os.path.join(folder, "yaml"),
                "--pipeline", os.path.join(folder, "only.yaml")]

    def start_10000(self):
        """Seconds to clean one document with 10,000 outlet files, all of which must be read."""
        command = ["env", "CHAFFINCH_CACHE_DIR=", *self.first_of_10000()]
        (_, wall), = self.alternate((command, None))
        report("start-10000", wall)

    def start_10000_again(self):
        """The same after an earlier run has read and cached them."""
        command = self.first_of_10000()
        # Files that have just changed are read again.
        time.sleep(2.5)
        self.cpu(command)
        (_, wall), = self.alternate((command, None))
        report("start-10000-again", wall)

    def rss_10000(self):
        """Peak memory that 10,000 outlets add: at the start, and over documents of many outlets."""
        known = self.corpus(10_000)
        few = os.path.join(self.corpus(5), "yaml")
        command = self.clean(known, more=["-j", "1"])
        without = [few if word == os.path.join(known, "yaml") else word for word in command]
        start = self.first_of_10000()
        time.sleep(2.5)
        self.cpu(start)
        self.cpu(command)
        base = self.peak(without)
        print(f"5 outlets: {base:.0f} MB; 10,000: {self.peak(start):.0f} MB at the start")
        report("rss-10000", self.peak(command) - base)

    def peak(self, command):
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        return int(done.stderr.strip().split("\n")[-1]) / 1000

    def rss(self, what, source):
        """Peak memory over a corpus and over one of ten times the size, in MB."""
        if not os.path.exists("/usr/bin/time"):
            return print("rss: /usr/bin/time is not installed")
        peaks = []
        for megabytes in (self.megabytes, 10 * self.megabytes):
            folder = self.corpus(5, what, megabytes)
            peaks.append(self.peak(self.clean(folder, source, pipeline="all.yaml", more=["-j", "2"])))
            shutil.rmtree(folder)
        print(f"{self.megabytes} MB in: {peaks[0]:.0f} MB; ten times as much: {peaks[1]:.0f} MB")
        report(f"rss-{what}", max(peaks))

    def rss_jsonl(self):
        self.rss("jsonl", "docs.jsonl")

    def rss_wet(self):
        self.rss("wet", "docs.wet")

    def rss_dir(self):
        self.rss("dir", "dir")

    def threads(self):
        """Wall time of one thread divided by that of two."""
        folder = self.corpus(5)
        (_, one), (_, two) = self.alternate(
            (self.clean(folder, pipeline="all.yaml", more=["-j", "1"]), None),
            (self.clean(folder, pipeline="all.yaml", more=["-j", "2"]), None))
        report("threads", one / two)

    def to_stdout(self, folder, ledger, pipeline="only.yaml", more=()):
        """A command that writes to standard output, with or without a ledger."""
        return [BINARY, "clean", os.path.join(folder, "docs.jsonl"), "-o", "-", "-q", "-j", "1",
                "--rules", os.path.join(folder, "yaml"), "--pipeline",
                os.path.join(folder, pipeline), *ledger, *more]

    def ledger_cpu(self):
        """CPU time that the ledger adds to a run."""
        folder = self.corpus(5)
        ledger = self.path("ledger.zst")
        (without, _), (own, _) = self.alternate(
            (self.to_stdout(folder, ["--no-ledger"]), self.path("peer.out")),
            (self.to_stdout(folder, ["--ledger", ledger]), self.path("peer.out")))
        report("ledger-cpu", own / without - 1)

    def ledger_size(self):
        """Size of the compressed ledger divided by the number of removed bytes."""
        folder = self.corpus(5)
        self.cpu(self.clean(folder))
        self.check(folder)
        run = json.load(open(self.path("out", ".chaffinch", "run.json")))
        size = os.path.getsize(self.path("out", ".chaffinch", "ledger", "00000.jsonl.zst"))
        report("ledger-size", size / run["bytes_removed"])

    def generic(self):
        """All stages and generic rules, against outlet rules only."""
        folder = self.corpus(5)
        # The outlet rules have no generic rules; the run with all stages uses the built-in ones.
        every = self.clean(folder, pipeline="all.yaml", more=["-j", "1"])
        shipped = os.path.join(folder, "outlets")
        if not os.path.exists(shipped):
            shutil.copytree(os.path.join(folder, "yaml"), shipped)
            shutil.rmtree(os.path.join(shipped, "generic"))
        every = [shipped if part == os.path.join(folder, "yaml") else part for part in every]
        (own, _), (less, _) = self.alternate(
            (every, None), (self.clean(folder, more=["-j", "1"]), None))
        size = os.path.getsize(os.path.join(folder, "docs.jsonl"))
        print(f"all {size / own / 1e6:.0f} MB/s of a core; outlet rules {size / less / 1e6:.0f}")
        report("generic", own / less)

    def verify(self):
        """CPU time that `--verify` adds to a run."""
        folder = self.corpus(5)
        (own, _), (without, _) = self.alternate(
            (self.clean(folder, more=["-j", "1", "--verify"]), None),
            (self.clean(folder, more=["-j", "1"]), None))
        report("verify", own / without - 1)

    def review(self):
        """Peak memory, in MB, of comparing two runs and of the report of one."""
        if not os.path.exists("/usr/bin/time"):
            return print("review: /usr/bin/time is not installed")
        folder = self.corpus(5)
        self.cpu(self.clean(folder, pipeline="all.yaml", out="full"))
        self.cpu(self.clean(folder, pipeline="all.yaml", out="less", more=["--skip", "site-footer"]))
        full, less, page = self.path("full"), self.path("less"), self.path("page.html")
        documents = json.load(open(self.path("full", ".chaffinch", "run.json")))["documents"]
        peaks = []
        for name, command in [("diff", ["diff", less, full, "--format", "json"]),
                              ("report", ["report", full, "-o", page])]:
            (cpu, wall), = self.alternate(([BINARY, *command], None))
            peaks.append(self.peak([BINARY, *command]))
            print(f"{name} of {documents} documents: {wall:.1f} s, {peaks[-1]:.0f} MB")
        print(f"the page: {os.path.getsize(page) / 1e6:.1f} MB")
        report("review", max(peaks))

    # ---- real text

    def real(self):
        """The rows of the given corpus with only a text and a URL."""
        path = self.path("real.jsonl")
        if not os.path.exists(path):
            opened = gzip.open if self.corpus_file.endswith(".gz") else open
            with opened(self.corpus_file, "rt") as rows, open(path, "w") as out:
                for row in map(json.loads, rows):
                    out.write(json.dumps({"text": row[self.field], "url": row.get("url")},
                                         ensure_ascii=False) + "\n")
        return path

    def part(self, megabytes):
        """Rows spread over the real text, of about this size together, and their size."""
        rows = open(self.real()).readlines()
        step = max(1, int(os.path.getsize(self.real()) / (megabytes * 1e6)))
        path = self.path(f"part-{megabytes}.jsonl")
        texts = [json.loads(row)["text"] for row in rows[::step]]
        write(path, "".join(rows[::step]))
        return path, texts, sum(len(text.encode()) for text in texts)

    def clean_real(self, source, level):
        out = self.path("real-out")
        return ["sh", "-c", 'rm -rf "$0"; exec "$@"', out, BINARY, "clean", source, "-o", out,
                "--level", level, "-j", "1", "-q", "--fail-on", "never"]

    def real_rules(self):
        self.real_level("real-rules", "off")

    def real_model(self):
        self.real_level("real-model", "balanced")

    def real_level(self, name, level):
        """MB of text per second of one core: a run with a ledger over the corpus."""
        command = self.clean_real(self.real(), level)
        self.cpu(command)
        (own, _), = self.alternate((command, None))
        size = sum(len(json.loads(row)["text"].encode()) for row in open(self.real()))
        report(name, size / own / 1e6)

    def against_extractor(self, name, module, script):
        """Throughput with all stages divided by that of an extractor on the same texts as HTML."""
        if subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode:
            return print(f"{name}: {module} is not installed")
        source, texts, size = self.part(2)
        pages = self.path("pages.json")
        paragraphs = lambda text: "".join(f"<p>{html.escape(line)}</p>\n" for line in text.split("\n"))
        write(pages, json.dumps([f"<html><body>{paragraphs(text)}</body></html>" for text in texts]))
        program = self.path(f"peer-{module}.py")
        write(program, script)
        command = self.clean_real(source, "balanced")
        self.cpu(command)
        (own, _), (other, _), (start, _) = self.alternate(
            (command, None), ([sys.executable, program, pages], None),
            ([sys.executable, "-c", f"import {module}"], None))
        print(f"chaffinch {size / own / 1e6:.1f} MB/s of a core; "
              f"{module} {size / (other - start) / 1e6:.2f}")
        report(name, (other - start) / own)

    def real_trafilatura(self):
        self.against_extractor("real-trafilatura", "trafilatura", TRAFILATURA)

    def real_justext(self):
        self.against_extractor("real-justext", "justext", JUSTEXT)

    def instructions(self, name, level, more=()):
        """Instructions per byte of text that the engine takes in memory."""
        if not shutil.which("valgrind"):
            return print(f"{name}: valgrind is not installed")
        source, _, size = self.part(min(2, os.path.getsize(self.real()) / 1e7))
        edits = [os.path.join(TARGET, "release", "edits"), source, "--level", level, "--again",
                 "--cache", self.path("rules-cache"), *more]
        subprocess.run(edits, check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*clean_again*",
             "--callgrind-out-file=" + self.path("callgrind.out"), *edits],
            check=True, capture_output=True, text=True)
        report(name, int(re.search(r"Collected : (\d+)", done.stderr)[1]) / size)

    def instructions_rules(self):
        self.instructions("instructions-rules", "off")

    def instructions_model(self):
        self.instructions("instructions-model", "balanced")

    def instructions_english(self):
        """The same with only the English lexicon."""
        pipeline = self.path("english.yaml")
        write(pipeline, "languages: [en]\n")
        self.instructions("instructions-english", "off", ["--pipeline", pipeline])


REAL = {
    "real-rules": Bench.real_rules, "real-model": Bench.real_model,
    "real-trafilatura": Bench.real_trafilatura, "real-justext": Bench.real_justext,
}

INSTRUCTIONS = {
    "instructions-rules": Bench.instructions_rules, "instructions-model": Bench.instructions_model,
    "instructions-english": Bench.instructions_english,
}

FIGURES = {
    "jsonl-vs-rg": Bench.jsonl_vs_rg, "jsonl-vs-grep": Bench.jsonl_vs_grep,
    "jsonl-vs-perl": Bench.jsonl_vs_perl, "jsonl-vs-sed": Bench.jsonl_vs_sed,
    "jsonl-vs-python": Bench.jsonl_vs_python, "jsonl-vs-json": Bench.jsonl_vs_json,
    "zst-vs-zstd": Bench.zst_vs_zstd, "dir-vs-cp-tmpfs": Bench.dir_vs_cp_tmpfs,
    "dir-vs-cp-disk": Bench.dir_vs_cp_disk, "datatrove-io": Bench.datatrove_io,
    "datatrove-c4": Bench.datatrove_c4, "match-known": Bench.match_known,
    "match-unknown": Bench.match_unknown, "match-known-10000": Bench.match_known_10000,
    "match-unknown-10000": Bench.match_unknown_10000, "start-10000": Bench.start_10000,
    "start-10000-again": Bench.start_10000_again, "rss-10000": Bench.rss_10000,
    "rss-jsonl": Bench.rss_jsonl, "rss-wet": Bench.rss_wet, "rss-dir": Bench.rss_dir,
    "threads": Bench.threads, "ledger-cpu": Bench.ledger_cpu, "ledger-size": Bench.ledger_size,
    "generic": Bench.generic, "verify": Bench.verify,
    "review": Bench.review,
}

TRAFILATURA = """
import json, sys, trafilatura
for page in json.load(open(sys.argv[1])):
    trafilatura.extract(page)
"""

JUSTEXT = """
import json, sys, justext
words = justext.get_stoplist("English")
for page in json.load(open(sys.argv[1])):
    justext.justext(page, words)
"""

TROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.pipeline.filters import C4QualityFilter
from datatrove.pipeline.formatters import SymbolLinesFormatter
LocalPipelineExecutor([JsonlReader(sys.argv[1]), FILTERS JsonlWriter(sys.argv[2], compression=None)],
                      tasks=1, workers=1, skip_completed=False).run()
"""


def rule_files(outlets, folder):
    """Write the rule sets of the synthetic corpus as a directory of rule files."""
    os.makedirs(os.path.join(folder, "generic"), exist_ok=True)
    write(os.path.join(folder, "generic", "promo.yaml"), "generic: promo\nrules: []\n")
    quoted = lambda text: "'" + text.replace("'", "''") + "'"
    for outlet in outlets:
        name = outlet["name"]
        signs = [f"{name}’s website can also be accessed", f"(Photo by {name})", f"{name}: ",
                 f"Subscribe to the {name}", f"/ {name} /", f"—{outlet['short']}"]
        signs = [sign.strip() for sign in signs if len(sign.strip()) >= 4]
        lines = [f"outlet: {outlet['id']}", f"name: {quoted(name)}", "recognise:",
                 f"  hosts: [{outlet['host'].removeprefix('www.')}]",
                 "  signs: [" + ", ".join(map(quoted, signs)) + "]", "rules:"]
        for rule in outlet["rules"]:
            kind = {"line": "line", "prefix": "start", "suffix": "end"}[rule["kind"]]
            pattern = rule["re"]
            pattern = pattern if kind == "end" else pattern.removeprefix("^")
            pattern = pattern if kind == "start" else pattern.removesuffix("$")
            lines += [f"  - id: r{rule['id'].split('/')[1]}", "    stage: promo", "    where: anywhere", "    safe: true",
                      f"    {kind}: {quoted(pattern)}", "    removes: [x]", "    keeps: [y]"]
        write(os.path.join(folder, f"{outlet['id']}.yaml"), "\n".join(lines) + "\n")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def solid(text):
    """The characters of a text except blanks, because removing a line also removes blank lines."""
    return len(re.sub(r"\s+", "", text))


def truth(rows, edits):
    total = 0
    for row, edit in zip(open(rows), open(edits)):
        text = json.loads(row)["text"].encode()
        total += sum(solid(text[a:b].decode()) for a, b, _ in json.loads(edit)["edits"])
    return total


def removed(run):
    ledger = os.path.join(run, ".chaffinch", "ledger", "00000.jsonl.zst")
    lines = subprocess.run(["zstd", "-dc", ledger], check=True, capture_output=True).stdout
    total = 0
    for line in lines.splitlines():
        record = json.loads(line)
        total += sum(solid(text) - sum(map(solid, instead))
                     for _, _, text, *instead in record.get("undo", {}).get("edits", []))
    return total


def report(name, value):
    print(f"{name} {value:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="figures, separated by commas: " + ", ".join(FIGURES))
    parser.add_argument("--megabytes", type=int, default=64, help="size of the corpora")
    parser.add_argument("--runs", type=int, default=3, help="how often each command is run")
    parser.add_argument("--keep", help="a folder for the corpora, which later runs use again")
    parser.add_argument("--corpus", metavar="FILE",
                        help="measure real text, in this JSON Lines file: " + ", ".join(REAL))
    parser.add_argument("--field", default="raw_text", help="the field of the corpus with the text")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions per byte of the corpus: " + ", ".join(INSTRUCTIONS))
    options = parser.parse_args()
    figures = FIGURES
    if options.instructions and not options.corpus:
        parser.error("--instructions needs --corpus")
    if options.corpus:
        figures = INSTRUCTIONS if options.instructions else REAL
    names = options.only.split(",") if options.only else list(figures)
    unknown = [name for name in names if name not in figures]
    if unknown:
        parser.error(f"unknown figure {unknown[0]}; there are " + ", ".join(figures))
    build = ["cargo", "build", "--release", "--quiet", "--target-dir", TARGET]
    subprocess.run(build, check=True, cwd=ROOT)
    subprocess.run(build, check=True, cwd=HERE)
    fast = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=fast) as scratch:
        folder = options.keep or scratch
        os.makedirs(folder, exist_ok=True)
        # The cache of rule files is kept next to the corpora.
        os.environ["CHAFFINCH_CACHE_DIR"] = os.path.join(os.path.abspath(folder), "rules-cache")
        corpus = options.corpus and os.path.abspath(options.corpus)
        bench = Bench(options.megabytes, options.runs, os.path.abspath(folder), corpus, options.field)
        for name in names:
            figures[name](bench)


if __name__ == "__main__":
    main()
