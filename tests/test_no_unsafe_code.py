"""No file that semspace opens can run code: no pickle, no eval, no code of a model, by what its sources call."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "semspace"
# Modules that run what a file says, or write files that others would run.
MODULES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "jsonpickle", "shelve", "marshal", "yaml",
    "ruamel", "hickle", "runpy", "code", "codeop", "dbm", "xmlrpc", "pickletools", "copyreg",
}  # fmt: skip
NAMES = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {"read_pickle", "to_pickle", "popen", "load_extension", "unpickle"}
# Each exception, and why it is none: what it names isn't a file that a stranger could have written.
ALLOWED = {
    # Machine code of kernels, from the folder of the package alone or of this user, which is numba's format. Who
    # can write there can change the sources, too.
    ("kernels/code_cache.py", "pickle"),
    # Lists the instructions of a pickle in a public package, and runs none of them.
    ("corpora/newsgroups.py", "pickletools"),
}


def sources():
    return sorted(ROOT.rglob("*.py"))


def found_in(path):
    """Return what a source imports and calls that could run what a file says."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names if alias.name.partition(".")[0] in MODULES}
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in MODULES:
                found.add(module)
            case ast.Call(func=ast.Name(id=name)) if name in NAMES:
                found.add(name)
            case ast.Call():
                found |= set(unsafe_call(node))
            case _:
                pass
    return found


def unsafe_call(node):
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    of = owner.id if isinstance(owner, ast.Name) else ""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}

    def says(keyword, value):
        return isinstance(keywords.get(keyword), ast.Constant) and keywords[keyword].value is value

    if name in METHODS or (of, name) == ("os", "system"):
        yield name
    if (of, name) == ("np", "load") and not says("allow_pickle", False):
        yield "np.load without allow_pickle=False"
    if "allow_pickle" in keywords and not says("allow_pickle", False):
        yield "allow_pickle"
    if (of, name) == ("torch", "load") and not says("weights_only", True):
        yield "torch.load without weights_only=True"
    if "trust_remote_code" in keywords and not says("trust_remote_code", False):
        yield "trust_remote_code"
    if "shell" in keywords and not says("shell", False):
        yield "a shell"
    module = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
    if name in ("import_module", "need") and str(module).partition(".")[0] in MODULES:
        yield module
    weights = name == "from_pretrained" and "Tokenizer" not in ast.unparse(node.func)
    if weights and not says("use_safetensors", True):
        yield "from_pretrained without use_safetensors=True"


def test_nothing_runs_what_a_file_says():
    found = {(path.relative_to(ROOT).as_posix(), what) for path in sources() for what in found_in(path)}
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("import joblib.numpy_pickle", "joblib.numpy_pickle"),
        ("def f():\n    import dill as json", "dill"),
        ("x = eval('1')", "eval"),
        ("np.load(path)", "np.load without allow_pickle=False"),
        ("np.load(path, allow_pickle=flag)", "allow_pickle"),
        ("torch.load(path, weights_only=False)", "torch.load without weights_only=True"),
        ("checks.need('joblib', 'x')", "joblib"),
        ("importlib.import_module('pickle')", "pickle"),
        ("subprocess.run('x', shell=True)", "a shell"),
        ("transformers.AutoModel.from_pretrained(path)", "from_pretrained without use_safetensors=True"),
        ("AutoModel.from_pretrained(path, use_safetensors=True, trust_remote_code=True)", "trust_remote_code"),
        ("pd.read_pickle(path)", "read_pickle"),
    ],
)
def test_the_scan_sees_it(tmp_path, source, what):
    (tmp_path / "a.py").write_text(source)
    assert what in found_in(tmp_path / "a.py")


@pytest.mark.parametrize(
    "source", ["np.load(path, allow_pickle=False)", "model.eval()", "torch.load(p, weights_only=True)"]
)
def test_the_scan_lets_harmless_calls_pass(tmp_path, source):
    (tmp_path / "a.py").write_text(source)
    assert not found_in(tmp_path / "a.py")
