"""Imports lead to lower layers only, without cycles, and `import semspace` stays cheap."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import semspace
from tests import measure

ROOT = Path(__file__).parent.parent
# From the lowest layer to the highest; a module imports from its own layer or a lower one.
ROOMS = [
    *(
        "version",
        "errors",
        "types",
        "statistics",
        "deprecation",
        "peer_names",
        "display",
        "checks",
        "logs",
        "progress",
        "threads",
        "registry",
        "pools",
        "disk",
        "schema",
        "kernels",
        "table_claims",
        "files",
        "manifest",
        "replacement",
        "bundle",
        "remembered",
        "checkpoint",
        "report",
        "text",
        "corpora",
        "lexical",
        "quantization",
        "expressions",
        "top_rows",
        "queries",
        "geometry",
        "two_sample",
        "maps",
        "neighbors",
        "history",
        "calibration",
        "text_encoder",
        "corrections",
        "similarity",
        "space",
        "space_arguments",
    ),
    *(
        "associations",
        "words",
        "formats",
        "inference",
        "sentences",
        "sparse",
        "word_measures",
        "saving",
        "integrations",
        "index",
        "explanations",
        "clusters",
        "latent",
        "projections",
        "anomalies",
        "comparison",
        "evaluation",
        "selection",
        "training",
        "decoders",
        "scale",
        "precompilation",
        "demo",
        "cli",
    ),
    "__main__",
]


def room_files():
    for path in sorted((ROOT / "semspace").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield path, ".".join(parts).removesuffix(".__init__")


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            if node.module == "semspace":
                yield from (f"semspace.{alias.name}" for alias in node.names)


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def test_every_file_is_in_a_room_of_the_map():
    rooms = {room_of(module) for _, module in room_files()} - {None}
    assert rooms == set(ROOMS)


def test_the_map_in_the_docs_is_this_one():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = [text.index(f"| `{room}") for room in ROOMS]
    assert places == sorted(places)


def test_imports_lead_to_lower_layers():
    wrong = []
    for path, module in room_files():
        room = room_of(module)
        if room is None:  # the package itself is a table of names
            continue
        for target in imported_modules(path):
            other = room_of(target) if target.startswith("semspace.") else None
            if other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
                wrong.append(f"{module} imports {target}")
    assert not wrong


def run_time_imports(body):
    """Iterate over imports that run when a module is imported: not those inside functions or for type checkers."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for field in ("orelse",) if checking else ("body", "orelse", "handlers", "finalbody"):
            yield from run_time_imports(getattr(node, field, []))


def test_run_time_imports_have_no_cycle():
    files = {module: path for path, module in room_files()}
    graph = {}
    for module, path in files.items():
        nodes = list(run_time_imports(ast.parse(path.read_text(encoding="utf-8")).body))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= submodules & files.keys() or {node.module}
        graph[module] = names & files.keys()
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle
    assert set(order) == set(files)


def test_the_package_itself_imports_next_to_nothing():
    [root] = [path for path, module in room_files() if module == "semspace"]
    nodes = run_time_imports(ast.parse(root.read_text(encoding="utf-8")).body)
    modules = {name for node in nodes for name in ([node.module] if isinstance(node, ast.ImportFrom) else [])}
    assert {name for name in modules if name.startswith("semspace")} == {"semspace.deprecation", "semspace.version"}


def test_import_semspace_loads_nothing_heavy():
    code = "import sys, semspace; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    names = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert names.isdisjoint(
        {"numpy", "scipy", "sklearn", "polars", "gensim", "torch", "transformers", "numba", "typer"}
    )


@pytest.mark.parametrize("name", semspace.__all__)
def test_every_public_name_is_there(name):
    assert getattr(semspace, name) is not None
    assert name in dir(semspace)


def test_old_public_names_work_and_warn():
    for old, new in semspace._RENAMED.items():
        with pytest.warns(FutureWarning, match=f"semspace.{old} is now called semspace.{new}"):
            assert getattr(semspace, old) is getattr(semspace, new)


def test_public_names_are_those_with_a_home():
    assert set(semspace.__all__) == {*semspace._HOMES, *semspace._ROOMS}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Spice'"):
        _ = semspace.Spice


def test_nothing_unsafe_is_used():
    """No pickle under any name, no evaluation of text, no switch that lets a library do it."""
    modules = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    switches = {("allow_pickle", True), ("trust_remote_code", True), ("weights_only", False)}
    found = []
    for path, module in room_files():
        found += [f"{module} imports {name}" for name in imported_modules(path) if name.partition(".")[0] in modules]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                found += [
                    f"{module}: {node.arg}" for arg, value in switches if (node.arg, node.value.value) == (arg, value)
                ]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
                found.append(f"{module}: {node.func.id}")
    # Numba's cache is one of pickles; those of the installed package are read likewise (docs/decisions.md).
    assert found == ["semspace.kernels.code_cache imports pickle"]


def test_the_name_of_a_class_stands_in_one_file():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path, _ in room_files()}
    assert "classes defined in more than one file: 0" in measure.repeated(trees)
