# Commands for daily work. `just` without arguments lists them.

program := env("CARGO_TARGET_DIR", "target") / "debug/chaffinch"

_default:
    @just --list

# Run what CI runs.
ready:
    bash .ci/run

# Run all tests.
test:
    cargo test --workspace

# Clean the seed corpus and show what is removed.
seeds:
    cargo run --release -- explain corpus/seeds/*.txt

# Build the program together with the snapshot tests. `cargo run` would select other features of their
# dependencies, and build everything twice. A changed rule file needs no build.
_program:
    @cargo test --quiet --workspace --test cli --test seeds --no-run

# Check rule files.
check *files="rules": _program
    {{program}} rules check {{files}}

# Add an outlet in two steps: commit its samples, then stage its learned rule file.
new-outlet name +samples: _program
    #!/usr/bin/env bash
    set -euo pipefail
    snapshots() { INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --quiet --workspace --test seeds > /dev/null 2>&1; }
    if [ -e rules/{{name}}.yaml ]; then
        echo "rules/{{name}}.yaml already exists; use: chaffinch outlet update rules/{{name}}.yaml SAMPLE..." >&2
        exit 2
    fi
    if ! git diff --quiet HEAD -- corpus rules snapshots; then
        echo "corpus, rules or snapshots have uncommitted changes; commit them first" >&2
        exit 2
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    echo "== learn"
    cp rules/rule-file.schema.json "$scratch"
    {{program}} outlet new {{name}} {{samples}} -o "$scratch/{{name}}.yaml"
    echo "== check"
    {{program}} rules check "$scratch/{{name}}.yaml"
    echo "== add samples"
    # The two shortest samples are enough.
    find {{samples}} -type f -not -name '.*' -printf '%s %p\n' | sort -n | head -n 2 | cut -d' ' -f2- > "$scratch/chosen"
    number=0
    while read -r sample; do
        number=$((number + 1))
        cp "$sample" "corpus/seeds/{{name}}-$number.txt"
    done < "$scratch/chosen"
    snapshots
    git add corpus/seeds snapshots/seeds
    git commit --quiet -m "corpus: samples of {{name}}" -- corpus snapshots
    echo "== add the rule"
    cp "$scratch/{{name}}.yaml" rules/{{name}}.yaml
    snapshots
    git add rules/{{name}}.yaml snapshots/seeds
    git diff --cached --stat
    echo "To see what the rule does: git diff --cached -- snapshots"
    echo "To commit it: git commit -m 'rules: {{name}}'"

# Show what changed in the seeds since a revision, by rule, then review each snapshot (needs cargo-insta).
review base="HEAD": _program
    {{program}} diff --git {{base}} corpus/seeds
    INSTA_FORCE_PASS=1 INSTA_UPDATE=new cargo test --quiet --workspace --test seeds > /dev/null
    cargo insta review

# Accept all snapshots, or only the changes that these rules cause; other changes stay pending.
accept *rules: _program
    #!/usr/bin/env bash
    set -euo pipefail
    take() { INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --quiet --workspace --test seeds > /dev/null; }
    accepted=target/accepted
    if [ -z "{{rules}}" ]; then
        rm -f "$accepted"
        take
        git status --short -- snapshots
        exit
    fi
    # Rules accepted since the last commit stay accepted.
    head=$(git rev-parse HEAD)
    mkdir -p target
    if [ "$(head -n 1 "$accepted" 2>/dev/null)" != "$head" ]; then
        echo "$head" > "$accepted"
    fi
    printf '%s\n' {{rules}} >> "$accepted"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    with=()
    while read -r rule; do
        with+=(--with "$rule")
    done < <(tail -n +2 "$accepted" | sort -u)
    if ! {{program}} rules at HEAD "${with[@]}" --rules rules -o "$scratch/rules"; then
        rm -f "$accepted"
        exit 2
    fi
    SNAPSHOT_RULES="$scratch/rules" take
    git status --short -- snapshots
    if ! cargo test --quiet --workspace --test seeds > /dev/null 2>&1; then
        echo "other changes are pending: just review"
    fi

# Update the command output in docs/ and the JSON Schemas.
update-docs:
    UPDATE_DOCS=1 cargo test -p chaffinch-cli --test docs
    UPDATE_SCHEMAS=1 cargo test -p chaffinch-core --test schema

# Build the Python wheel into target/wheels (needs maturin).
wheel *options:
    CARGO_TARGET_DIR=target maturin build --release --manifest-path python/Cargo.toml --out target/wheels {{options}}

# Build the wheel and test it in an environment of its own.
test-python: wheel
    python3 -m venv --clear target/python
    target/python/bin/pip install -q target/wheels/*.whl pytest mypy pyarrow polars duckdb 'pandas<3'
    target/python/bin/python -m pytest -q python

# Update the output in docs/notebook.ipynb, after `just test-python`.
update-notebook:
    target/python/bin/pip install -q nbclient ipykernel
    PATH=target/python/bin:$PATH target/python/bin/python .ci/notebook.py docs/notebook.ipynb --update

# Measure the command line, Python, Ray and Spark: documents per second and core.
bench-engines *options: wheel
    python3 -m venv target/engines
    target/engines/bin/pip install -q --force-reinstall --no-deps target/wheels/*.whl
    target/engines/bin/pip install -q "$(echo target/wheels/*.whl)[ray,spark]"
    target/engines/bin/python bench/engines.py --markdown {{options}}

# Benchmark against other tools and fixed limits, then run the microbenchmarks: just bench --only jsonl-vs-rg
bench *options:
    python3 bench/run.py {{options}}
    cargo bench --quiet --manifest-path bench/Cargo.toml --target-dir target

# Score a release build on labelled pages: just score ../pages.jsonl.gz score.py
score dataset scorer:
    cargo build --release
    python3 bench/quality.py {{dataset}} --scorer {{scorer}}

# Run a fuzz target with libFuzzer. New inputs go to target/fuzz, failing ones to fuzz/artifacts.
fuzz target seconds="600":
    mkdir -p target/fuzz/{{target}}
    cargo +nightly fuzz run --sanitizer none --features libfuzzer {{target}} target/fuzz/{{target}} fuzz/corpus/{{target}} -- -max_total_time={{seconds}} -timeout=30
