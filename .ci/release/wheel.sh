#!/usr/bin/env bash
# Checks a wheel on this machine: installs it in a new environment, cleans the seeds with the package and with
# its command line, compares the results, and restores them.
#
#     .ci/release/wheel.sh WHEEL
#
# PYTHON is the interpreter; python3 by default. If the wheel can run plugins, it also runs one. If FEATURES
# names plugins, as in a published release, a wheel that cannot is an error.
set -euo pipefail
wheel=$(realpath "$1")
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CHAFFINCH_CACHE_DIR=$work/cache
"${PYTHON:-python3}" -m venv "$work/venv"
bin=$work/venv/bin
if [ ! -d "$bin" ]; then
    bin=$work/venv/Scripts
fi
# The wheel has no dependencies.
"$bin/python" -m pip install -q --no-compile --no-index "$wheel"
# Outside the repository, so that nothing of it is used.
cd "$work"
cp -r "$root/corpus/seeds" seeds

# check NAME [PIPELINE]: cleans the seeds with the command line and with the package, compares, and restores.
check() {
    "$bin/chaffinch" clean seeds -o "$1" --quiet ${2:+--pipeline "$2"}
    "$bin/chaffinch" restore "$1" -o "$1-restored" --quiet
    diff -r seeds "$1-restored"
    "$bin/python" - "$@" <<'PROGRAM'
import pathlib, pickle, sys
import chaffinch

name, *pipeline = sys.argv[1:]
pipeline = chaffinch.Pipeline(*pipeline)
seeds = sorted(pathlib.Path("seeds").iterdir())
assert seeds
for cleaner in [pipeline, pickle.loads(pickle.dumps(pipeline))]:
    for seed in seeds:
        cleaned = cleaner.clean(seed.read_bytes(), path=seed.name)
        assert cleaned.output == (pathlib.Path(name) / seed.name).read_bytes(), seed
        assert cleaned.restore() == seed.read_bytes(), seed
    assert not cleaner.stage_failures
pipeline.clean_files(["seeds"], f"{name}-package")
assert chaffinch.restore_files(f"{name}-package", f"{name}-package-restored") == len(seeds)
print(f"chaffinch {chaffinch.__version__}: {len(seeds)} documents, stages: {len(pipeline.stages)}")
PROGRAM
    diff -r --exclude .chaffinch "$1" "$1-package"
    diff -r seeds "$1-package-restored"
}

check cleaned
cp "$root/docs/plugins/corrections.wasm" .
if ! "$bin/chaffinch" plugin check corrections.wasm --set words=Correction: > plugin.log 2>&1; then
    if [[ ${FEATURES:-} == *plugins* ]] || ! grep -q 'cannot run plugins' plugin.log; then
        cat plugin.log >&2
        exit 1
    fi
    exit 0
fi
cp "$root"/docs/plugins/pages/*.txt seeds
cat > chaffinch.yaml <<'YAML'
stages:
  - share-buttons
  - plugin: {wasm: corrections.wasm, config: {words: ["Correction:"]}}
YAML
check with-plugin chaffinch.yaml
if grep -q '^Correction:' with-plugin/bridge.txt; then
    echo "the plugin removed nothing" >&2
    exit 1
fi
