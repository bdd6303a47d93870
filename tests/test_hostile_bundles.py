"""What a bundle made by a stranger may hold: names, links, pipes and devices that lead out of it are refused."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace import bundle
from semspace.errors import DamagedError
from semspace.files import file_digest
from semspace.manifest import own_digest
from tests.sealing import seal


@pytest.fixture
def place(tmp_path):
    ss.save(ss.Space.from_vectors(["a", "b"], np.eye(2), {"n": [1, 2]}), tmp_path / "v")
    return tmp_path / "v"


@pytest.mark.parametrize(
    "name",
    ["../x", "..", "/etc/hostname", "a/../../x", "./x", "a//x", "a/b/c/d", "", ".", "C:\\x", "..\\x", "a\0b"],
)
def test_a_name_that_leads_out_of_the_bundle_is_refused(place, name):
    (place.parent / "x").write_text("secret")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": 6, "sha256": file_digest(place.parent / "x")}
    manifest.pop("sha256")
    manifest["sha256"] = own_digest(manifest)
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedError, match="lacks its file"):
        ss.load(place)


@pytest.mark.parametrize("spelled", ["1e999", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_not_finite_are_no_manifest(place, spelled):
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["meta"]["provenance"] = {"x": float(spelled)}
    seal(place, manifest)
    text = (place / "manifest.json").read_text()
    (place / "manifest.json").write_text(text.replace(json.dumps(float(spelled)), spelled))
    with pytest.raises(DamagedError, match=r"manifest.json is damaged"):
        ss.load(place)


@pytest.mark.parametrize("name", ["vectors.npy", "ids.arrow", "manifest.json"])
@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_link_in_a_bundle_is_refused(place, name, where):
    target = (place.parent if where == "outside" else place) / f"the-{name}"
    (place / name).rename(target)
    (place / name).symlink_to(target)
    with pytest.raises(DamagedError, match="is a symbolic link, which may lead out of the saved value; put a copy"):
        ss.load(place)


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    def write(path):
        path.parent.mkdir(exist_ok=True)
        path.write_text("two")

    with bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.file("sub/two", write)
    (tmp_path / "v" / "sub").rename(tmp_path / "elsewhere")
    (tmp_path / "v" / "sub").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(DamagedError, match="sub is a symbolic link"):
        bundle.open_bundle(tmp_path / "v", "thing")


@pytest.mark.parametrize("name", ["journal", "anything"])
def test_a_link_that_no_manifest_names_is_refused(place, name):
    (place.parent / "other").write_text("not to be read or written")
    (place / name).symlink_to(place.parent / "other")
    with pytest.raises(DamagedError, match=f"{name} is a symbolic link"):
        ss.load(place)


def test_a_link_to_the_whole_bundle_is_a_way_to_it(place):
    (place.parent / "link").symlink_to(place)
    assert len(ss.load(place.parent / "link")) == 2


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_pipes_and_sockets_are_refused_without_waiting(place, monkeypatch, kind, listed):
    name = "ids.arrow" if listed else "more"
    (place / name).unlink(missing_ok=True)
    monkeypatch.chdir(place)  # the name of a socket is short
    if kind == "pipe":
        os.mkfifo(name)
        ended = None
    else:
        ended = socket.socket(socket.AF_UNIX)
        ended.bind(name)
    with pytest.raises(DamagedError, match=r"(is neither a file nor a folder|isn't a file)"):
        ss.load(place)
    if ended is not None:
        ended.close()


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no devices")
def test_a_link_to_a_device_is_refused(place):
    (place / "vectors.npy").unlink()
    (place / "vectors.npy").symlink_to("/dev/null")
    with pytest.raises(DamagedError, match=r"vectors\.npy is a symbolic link"):
        ss.load(place)


def test_a_journal_is_not_written_through_a_link(tmp_path):
    ss.Index.build(ss.Space.from_vectors(["a", "b"], np.eye(2)), "exact").save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        index.add(["c"], [[1.0, 1.0]])
    (tmp_path / "i" / "journal").rename(tmp_path / "outside")
    before = (tmp_path / "outside").read_bytes()
    (tmp_path / "i" / "journal").symlink_to(tmp_path / "outside")
    with pytest.raises(DamagedError, match="journal is a symbolic link"):
        ss.Index.open(tmp_path / "i", writable=True)
    assert (tmp_path / "outside").read_bytes() == before


# -- what claims to be larger than it is ---------------------------------------------------------------------------


def relabelled(path, shape, descr="<f4"):
    """Let the header of an array claim another shape; its bytes stay."""
    array = np.load(path)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
        file.write(array.tobytes())


@pytest.mark.parametrize("shape", [(10**9, 300), (2**40, 2**40), (2**62, 4), (-1, 2), (10**9,)])
def test_an_array_that_claims_a_billion_rows_is_refused(place, shape):
    relabelled(place / "vectors.npy", shape)
    seal(place)
    with pytest.raises(DamagedError, match=r"vectors\.npy"):
        ss.load(place)


def test_an_array_whose_header_is_longer_than_its_file_is_refused(place):
    (place / "vectors.npy").write_bytes(b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b"{")
    seal(place)
    with pytest.raises(DamagedError, match=r"it tells of a header of 2,147,483,648 bytes, which aren't there"):
        ss.load(place)


def test_an_array_of_nothing_is_refused(place):
    np.save(place / "vectors.npy", np.zeros(0, "V0"))
    content = (place / "vectors.npy").read_bytes().replace(b"(0,), }", b"(%d,), }" % 10**9)
    (place / "vectors.npy").write_bytes(content)
    seal(place)
    with pytest.raises(DamagedError, match=r"vectors\.npy isn't an array semspace can open: its values have no size"):
        ss.load(place)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_vectors_that_are_no_numbers_are_refused_where_pairs_are_compared(tmp_path, metric):
    vectors = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    index = ss.Index.build(ss.Space.from_vectors([f"d{i}" for i in range(30)], vectors), "exact", metric=metric)
    index.save(tmp_path / "i")
    stored = np.load(tmp_path / "i" / "vectors.npy")
    stored[9] = np.nan
    np.save(tmp_path / "i" / "vectors.npy", stored)
    seal(tmp_path / "i")
    with pytest.raises(DamagedError, match="the vectors hold NaN or infinity; build the index again"):
        ss.load(tmp_path / "i").duplicates(0.9, progress=False)
