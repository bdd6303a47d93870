"""Vectors out of the files of faiss and usearch, read without either; the files in `golden` are their own.

`python -m tests.test_index_files` makes them anew.
"""

import struct
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError

GOLDEN = Path(__file__).parent / "golden" / "index-files"
VECTORS = np.array([[1, 2, 3], [-4, 5, 0.5], [0.25, -1, 8], [3, 3, -3]], np.float32)  # exact in bfloat16
FAISS = {"flat-l2": "0123", "flat-ip": "0123", "hnsw": "0123", "ids": "6789", "ids-hnsw": "6789"}
USEARCH = ("f16", "bf16", "f32", "f64")


@pytest.mark.parametrize("name", FAISS)
def test_faiss(name):
    space = ss.read_vectors(GOLDEN / f"{name}.faiss", progress=False)
    assert space.ids.tolist() == list(FAISS[name])
    np.testing.assert_array_equal(space.vectors, VECTORS)
    assert space.provenance["format"] == "faiss"


@pytest.mark.parametrize("dtype", USEARCH)
def test_usearch(dtype):
    """The second of four vectors is deleted."""
    space = ss.read_vectors(GOLDEN / f"{dtype}.usearch", progress=False)
    assert space.ids.tolist() == ["6", "8", "9"]
    np.testing.assert_array_equal(space.vectors, VECTORS[[0, 2, 3]])
    assert ss.read_vectors(GOLDEN / f"{dtype}.usearch", limit=2, progress=False).ids.tolist() == ["6", "8"]


def test_files_that_begin_with_any_numbers_are_looked_at(tmp_path):
    (tmp_path / "bad").write_bytes(b"\xff" * 200)
    with pytest.raises(InputError, match="isn't a file of word vectors"):
        ss.read_vectors(tmp_path / "bad", progress=False)


def test_an_index_is_built_of_them():
    index = ss.Index.build(ss.read_vectors(GOLDEN / "ids.faiss", progress=False), metric="euclidean")
    assert index.search(VECTORS[1], k=1).ids == ("7",)


@pytest.mark.parametrize("name", ["ivf.faiss", "sq.faiss", "i8.usearch"])
def test_vectors_that_are_no_floats_are_refused(name):
    with pytest.raises(InputError, match=r"semspace reads (the vectors of IndexFlat|those of version 2)"):
        ss.read_vectors(GOLDEN / name, progress=False)


@pytest.mark.parametrize("name", [*(f"{name}.faiss" for name in FAISS), "f32.usearch"])
def test_a_file_that_is_cut_or_goes_on_is_refused(tmp_path, name):
    data, bad = (GOLDEN / name).read_bytes(), tmp_path / "bad"
    for end in range(8, len(data), 5):
        bad.write_bytes(data[:end])
        with pytest.raises(DamagedError, match="is cut short") as caught:
            ss.read_vectors(bad, format=name.partition(".")[2], progress=False)
        assert str(caught.value).count("\n") == 0
    bad.write_bytes(data + b"\0")
    with pytest.raises(DamagedError, match="bytes after its end"):
        ss.read_vectors(bad, progress=False)


@pytest.mark.parametrize("name", ["ids-hnsw.faiss", "f32.usearch"])
def test_a_bit_that_flips_anywhere_is_refused_or_read(tmp_path, name):
    whole, rng = (GOLDEN / name).read_bytes(), np.random.default_rng(0)
    came = {"read": 0, "refused": 0}
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "bad").write_bytes(bytes(data))
        try:
            ss.read_vectors(tmp_path / "bad", format=name.partition(".")[2], progress=False)
            came["read"] += 1
        except (InputError, DamagedError):
            came["refused"] += 1
    assert min(came.values()) > 20


@pytest.mark.parametrize(
    ("name", "at", "form", "value", "message"),
    [
        ("flat-l2.faiss", 4, "<i", -1, "-1 dimensions"),
        ("flat-l2.faiss", 8, "<q", -1, "announces -1 vectors"),
        ("flat-l2.faiss", 8, "<q", 5, "5 vectors of 3 dimensions and 12 values"),
        ("ids.faiss", 8, "<q", 5, "holds one of"),
        ("f32.usearch", 0, "<I", 2**31, "ends in the middle of the vectors"),
        ("f32.usearch", 0, "<I", 3, "no head of usearch"),
        ("f32.usearch", 8 + 48 + 33, "<Q", 5, "vectors of 12 bytes for 5 dimensions"),
        ("f32.usearch", 8 + 48 + 64, "<Q", 9, "4 vectors and a graph of 9 points"),
        ("f32.usearch", 8 + 48 + 64 + 40, "<h", -3, "-3 as a layer"),
        ("f32.usearch", 8 + 48 + 64 + 40, "<h", 7, "two highest layers"),
    ],
)
def test_a_number_that_lies_is_told(tmp_path, name, at, form, value, message):
    data = bytearray((GOLDEN / name).read_bytes())
    struct.pack_into(form, data, at, value)
    (tmp_path / "bad").write_bytes(bytes(data))
    with pytest.raises(DamagedError, match=message):
        ss.read_vectors(tmp_path / "bad", format=name.partition(".")[2], progress=False)


def make_golden():
    """Write files with faiss and usearch."""
    import faiss
    from usearch.index import Index

    GOLDEN.mkdir(parents=True, exist_ok=True)
    flat, keys = faiss.IndexFlatIP(3), np.arange(6, 10)
    ivf, graph = faiss.IndexIVFFlat(flat, 3, 1), faiss.IndexHNSWFlat(3, 2)
    quantized = faiss.IndexScalarQuantizer(3, faiss.ScalarQuantizer.QT_8bit)
    made = {
        "flat-l2": faiss.IndexFlatL2(3), "flat-ip": faiss.IndexFlatIP(3), "hnsw": faiss.IndexHNSWFlat(3, 2),
        "ids": faiss.IndexIDMap(faiss.IndexFlatL2(3)), "ids-hnsw": faiss.IndexIDMap2(graph), "ivf": ivf,
        "sq": quantized,
    }  # fmt: skip
    for name, index in made.items():
        index.train(VECTORS)
        if name.startswith("ids"):
            index.add_with_ids(VECTORS, keys)
        else:
            index.add(VECTORS)
        faiss.write_index(index, str(GOLDEN / f"{name}.faiss"))
    for dtype in (*USEARCH, "i8"):
        index = Index(ndim=3, metric="l2sq" if dtype != "i8" else "cos", dtype=dtype, connectivity=3)
        index.add(keys, VECTORS)
        index.remove(7)
        index.save(str(GOLDEN / f"{dtype}.usearch"))


if __name__ == "__main__":
    make_golden()
