"""The package: types, documentation, the command line."""

from __future__ import annotations

import doctest
import os
import pathlib
import subprocess
import sys

import chaffinch


def test_the_example_of_the_module_runs() -> None:
    results = doctest.testmod(chaffinch)
    assert results.attempted > 5 and results.failed == 0


def test_everything_public_is_documented() -> None:
    for name in chaffinch.__all__:
        if name.startswith("__"):
            continue
        item = getattr(chaffinch, name)
        assert item.__doc__, name
        if not isinstance(item, type) or issubclass(item, tuple):
            continue
        for member in vars(item):
            if not member.startswith("_"):
                assert getattr(item, member).__doc__, f"{name}.{member}"


def test_the_stubs_match_the_module(tmp_path: pathlib.Path) -> None:
    assert (pathlib.Path(chaffinch.__file__).parent / "py.typed").exists()
    command = [sys.executable, "-m", "mypy.stubtest", "chaffinch._chaffinch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_and_a_program_pass_a_type_checker(tmp_path: pathlib.Path) -> None:
    (tmp_path / "program.py").write_text(
        "import chaffinch\n"
        "cleaned = chaffinch.Pipeline(level='full').clean(b'text', url='https://example.com')\n"
        "places: list[tuple[int, int]] = [cut.span for cut in cleaned.cuts]\n"
        "texts: list[str] = [c.text for c in chaffinch.Pipeline().clean_many(['text'])]\n"
    )
    # The libraries that adapters use are not installed in every environment.
    for checked in [["program.py"], ["--ignore-missing-imports", "-p", "chaffinch"]]:
        command = [sys.executable, "-m", "mypy", "--strict", *checked]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_is_in_the_package(tmp_path: pathlib.Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chaffinch", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    version = run("--version")
    assert (version.returncode, version.stdout) == (0, f"chaffinch {chaffinch.__version__}\n")
    refused = run("clean", "nowhere", "-o", "out")
    assert refused.returncode == 2
    assert "nowhere: there is no such file or directory" in refused.stderr
    (tmp_path / "page.txt").write_text("A page.\n")
    done = run("clean", "page.txt", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "page.txt").read_text() == "A page.\n"


def test_compiled_rules_are_cached_with_the_command_line(tmp_path: pathlib.Path) -> None:
    def made(code: str, directory: str) -> list[str]:
        environment = {**os.environ, "CHAFFINCH_CACHE_DIR": directory}
        command = [sys.executable, "-c", f"import chaffinch, pickle; {code}"]
        subprocess.run(command, check=True, env=environment, cwd=tmp_path)
        return sorted(path.name for path in tmp_path.rglob("*.rules"))

    directory = str(tmp_path / "cache")
    assert made("chaffinch.Pipeline(cache='')", directory) == []
    assert made("chaffinch.Pipeline()", "") == []
    [name] = made("pickle.loads(pickle.dumps(chaffinch.Pipeline()))", directory)
    (tmp_path / "page.txt").write_text("A page.\n")
    assert made("chaffinch._chaffinch.main(['chaffinch', 'clean', 'page.txt', '-o', 'out'])", directory) == [name]
    # Except those of the temporary directory that contains the files of a pickled pipeline.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "paper.yaml").write_text("outlet: paper\n")
    data = f"open({str(tmp_path / 'data')!r}, 'wb')"
    both = made(f"pickle.dump(chaffinch.Pipeline(rules=['mine']), {data})", directory)
    assert len(both) == 2
    read = f"pickle.load(open({str(tmp_path / 'data')!r}, 'rb'))"
    assert made(read, directory) == both
