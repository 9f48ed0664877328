#!/usr/bin/env python3
"""Runs a notebook and compares its output with the output that is stored in it.

    notebook.py NOTEBOOK             fail if the output differs
    notebook.py NOTEBOOK --update    store the new output

Needs nbclient and ipykernel, and what the notebook imports.
"""
import copy, difflib, json, pathlib, sys

import nbclient, nbformat

path = pathlib.Path(sys.argv[1])
stored = nbformat.read(path, as_version=4)
run = copy.deepcopy(stored)
nbclient.NotebookClient(run, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
for cell in run.cells:
    # The time of each cell.
    cell.metadata.pop("execution", None)
run.metadata = nbformat.from_dict({"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})


def text(notebook):
    cells = [{"source": cell.source, "outputs": cell.get("outputs")} for cell in notebook.cells]
    return json.dumps(cells, indent=1, ensure_ascii=False, sort_keys=True).splitlines()


if "--update" in sys.argv[2:]:
    nbformat.write(run, path)
elif text(stored) != text(run):
    print(*difflib.unified_diff(text(stored), text(run), "stored", "run", lineterm=""), sep="\n")
    sys.exit(f"{path}: the output is not what is stored: python3 .ci/notebook.py {path} --update")
print(f"{path}: {sum(cell.cell_type == 'code' for cell in run.cells)} cells ran")
