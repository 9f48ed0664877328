# The commands people type. Bare `just` lists them.
_default:
    @just --list

# What CI does.
ready:
    bash .ci/run

# All tests.
test:
    cargo test --workspace

# Clean the seed corpus and show what was cut.
seeds:
    cargo run --release -- explain corpus/seeds/*.txt

# Hold the rule files to their proof.
check *files="rules":
    cargo run -- rules check {{files}}

# Learn an outlet that ships, in two steps: its samples as they are, then its rule. Commits the first.
new-outlet name +samples:
    #!/usr/bin/env bash
    set -euo pipefail
    run() { cargo run --quiet -- "$@"; }
    snapshots() { INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --quiet --workspace --test seeds > /dev/null 2>&1; }
    if [ -e rules/{{name}}.yaml ]; then
        echo "rules/{{name}}.yaml is there already: chaffinch outlet update rules/{{name}}.yaml SAMPLE..." >&2
        exit 2
    fi
    if ! git diff --quiet HEAD -- corpus rules snapshots; then
        echo "corpus, rules or snapshots have changes that are not committed; commit them first" >&2
        exit 2
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    echo "== learn"
    cp rules/rule-file.schema.json "$scratch"
    run outlet new {{name}} {{samples}} -o "$scratch/{{name}}.yaml"
    echo "== check"
    run rules check "$scratch/{{name}}.yaml"
    echo "== the samples, as they are"
    # The two shortest show enough.
    find {{samples}} -type f -not -name '.*' -printf '%s %p\n' | sort -n | head -n 2 | cut -d' ' -f2- > "$scratch/chosen"
    number=0
    while read -r sample; do
        number=$((number + 1))
        cp "$sample" "corpus/seeds/{{name}}-$number.txt"
    done < "$scratch/chosen"
    snapshots
    git add corpus/seeds snapshots/seeds
    git commit --quiet -m "corpus: samples of {{name}}, as they are" -- corpus snapshots
    echo "== the rule"
    cp "$scratch/{{name}}.yaml" rules/{{name}}.yaml
    snapshots
    git add rules/{{name}}.yaml snapshots/seeds
    git diff --cached --stat
    echo "What the rule does: git diff --cached -- snapshots"
    echo "Then: git commit -m 'rules: {{name}}'"

# What changed in the seeds since a revision, by rule; then each snapshot (needs cargo-insta).
review base="HEAD":
    cargo run --quiet -- diff --git {{base}} corpus/seeds
    INSTA_FORCE_PASS=1 INSTA_UPDATE=new cargo test --quiet --workspace --test seeds > /dev/null
    cargo insta review

# Take the snapshots as they are now; or only what these rules explain, the rest stays pending.
accept *rules:
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
    # What was accepted since the last commit stays accepted.
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
    if ! cargo run --quiet -- rules at HEAD "${with[@]}" --rules rules -o "$scratch/rules"; then
        rm -f "$accepted"
        exit 2
    fi
    SNAPSHOT_RULES="$scratch/rules" take
    git status --short -- snapshots
    if ! cargo test --quiet --workspace --test seeds > /dev/null 2>&1; then
        echo "more is pending: just review"
    fi

# Write down what the commands of docs/outlets.md print, and the JSON Schemas.
update-docs:
    UPDATE_DOCS=1 cargo test -p chaffinch-cli --test docs
    UPDATE_SCHEMAS=1 cargo test -p chaffinch-core --test schema

# Build the Python wheel into target/wheels (needs maturin).
wheel *options:
    CARGO_TARGET_DIR=target maturin build --release --manifest-path python/Cargo.toml --out target/wheels {{options}}

# Build the wheel and test it in an environment of its own.
test-python: wheel
    python3 -m venv --clear target/python
    target/python/bin/pip install -q target/wheels/*.whl pytest mypy
    target/python/bin/python -m pytest -q python

# Figures against peers and limits, and the parts by themselves: just bench --only jsonl-vs-rg
bench *options:
    python3 bench/run.py {{options}}
    cargo bench --quiet --manifest-path bench/Cargo.toml --target-dir target

# Score the built binary on a file of labelled pages: just score ../pages.jsonl.gz score.py
score dataset scorer:
    cargo build --release
    python3 bench/quality.py {{dataset}} --scorer {{scorer}}
