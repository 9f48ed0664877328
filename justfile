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
check:
    cargo run -- rules check rules

# Propose a rule file from samples: just new-outlet example pages/
new-outlet name samples:
    cargo run --release -- outlet new {{name}} {{samples}} -o rules/{{name}}.yaml
    cargo run --release -- rules check rules/{{name}}.yaml

# Go through changed snapshots one by one (needs cargo-insta).
review:
    INSTA_FORCE_PASS=1 INSTA_UPDATE=new cargo test -p snapshots
    cargo insta review

# Take all snapshots as they are now.
accept:
    INSTA_UPDATE=always cargo test -p snapshots

# Score the built binary on a file of labelled pages: just score ../pages.jsonl.gz score.py
score dataset scorer:
    cargo build --release
    python3 bench/quality.py {{dataset}} --scorer {{scorer}}
