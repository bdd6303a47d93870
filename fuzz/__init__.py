"""Files that mean harm, thrown at every reader: `make fuzz`.

Each target (`targets.py`) gives bytes to a reader, which may answer with a value or an error of semspace, and with
nothing else: no other exception, no crash, no endless work, no memory without bound. `worker.py` runs one target,
guided by the coverage of semspace's code where atheris is installed; `mutating.py` changes the seeds that `seeds.py`
writes.
"""
