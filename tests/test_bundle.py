"""A saved value is whole or absent, and a damaged one is never opened."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace import bundle, files, replacement
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError
from semspace.files import file_digest
from semspace.manifest import MANIFEST, own_digest


def write(path, value=1.0, **options):
    with bundle.create_bundle(path, "thing", **options) as draft:
        draft.meta["value"] = value
        draft.array("numbers", np.full(3, value))
        draft.table("rows", pl.DataFrame({"x": [value]}))
    return path


def read(path, **options):
    return bundle.open_bundle(path, "thing", **options)


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


def test_what_is_written_is_read(tmp_path):
    opened = read(write(tmp_path / "v"))
    assert opened.meta["value"] == 1.0
    assert opened.array("numbers").tolist() == [1, 1, 1]
    assert not opened.array("numbers").flags.writeable
    assert opened.table("rows").rows() == [(1.0,)]
    assert leftovers(tmp_path) == []


def test_a_failed_write_leaves_nothing(tmp_path):
    def full(path):
        path.write_bytes(b"half a file")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"), bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.file("graph", full)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_path_is_refused_and_kept(tmp_path):
    write(tmp_path / "v")
    with pytest.raises(ExistsError, match=r"exists already.*overwrite=True"):
        write(tmp_path / "v", 2.0)
    assert read(tmp_path / "v").meta["value"] == 1.0


def test_overwrite_replaces_a_bundle_only(tmp_path):
    write(tmp_path / "v")
    write(tmp_path / "v", 2.0, overwrite=True)
    assert read(tmp_path / "v").meta["value"] == 2.0
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(ExistsError, match="won't be overwritten"):
        write(tmp_path / "home", overwrite=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("step", [1, 2])
def test_a_crash_while_replacing_leaves_the_old_value_or_the_new(tmp_path, monkeypatch, step):
    """Cut the replacement before its first and before its second rename, as a power cut would."""
    write(tmp_path / "v")
    real, calls = os.replace, []

    def cut(source, target):
        calls.append(target)
        if len(calls) == step:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", cut)
    monkeypatch.setattr(shutil, "rmtree", lambda *a, **k: None)  # a dead process cleans nothing up
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "v", 2.0, overwrite=True)
    monkeypatch.undo()
    assert read(tmp_path / "v").meta["value"] == 1.0
    write(tmp_path / "v", 3.0, overwrite=True)
    assert read(tmp_path / "v").meta["value"] == 3.0


def test_a_crash_after_replacing_keeps_the_new_value(tmp_path, monkeypatch):
    write(tmp_path / "v")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *a, **k: None)
        write(tmp_path / "v", 2.0, overwrite=True)
    assert read(tmp_path / "v").meta["value"] == 2.0
    write(tmp_path / "v", 3.0, overwrite=True)  # the next writer tidies up
    assert read(tmp_path / "v").meta["value"] == 3.0
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("by_writer", [True, False])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_crash_while_the_old_value_is_deleted(tmp_path, monkeypatch, kept, by_writer):
    """At any file of it: the next writer knows what is left, and deletes it; so does an index that is opened."""
    write(tmp_path / "v")
    real, calls = Path.unlink, []

    def cut(path, **options):
        calls.append(path)
        if len(calls) > kept:
            raise KeyboardInterrupt
        real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", cut)
        patch.setattr(shutil, "rmtree", lambda *a, **k: (tmp_path / ".v.semspace-old" / MANIFEST).exists())
        with suppress(KeyboardInterrupt):
            write(tmp_path / "v", 2.0, overwrite=True)
    if kept == 3:  # all but the empty folder
        for path in (tmp_path / ".v.semspace-old").iterdir():
            path.unlink()
    assert read(tmp_path / "v").meta["value"] == 2.0
    if by_writer:
        write(tmp_path / "v", 3.0, overwrite=True)
    else:
        replacement.delete_interrupted(tmp_path / "v")
    assert read(tmp_path / "v").meta["value"] == (3.0 if by_writer else 2.0)
    assert leftovers(tmp_path) == []


def test_a_reader_never_sees_two_values_as_one(tmp_path):
    opened = read(write(tmp_path / "v"))
    opened.table("rows")
    write(tmp_path / "v", 2.0, overwrite=True)
    with pytest.raises(DamagedError, match="was replaced while it was being opened"):
        opened.array("numbers")


def test_a_reader_between_the_two_renames_sees_the_old_value(tmp_path, monkeypatch):
    write(tmp_path / "v")
    real, seen = os.replace, []

    def watched(source, target):
        if not (tmp_path / "v").exists():
            seen.append(read(tmp_path / "v").meta["value"])
        real(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write(tmp_path / "v", 2.0, overwrite=True)
    assert seen == [1.0]
    assert read(tmp_path / "v").meta["value"] == 2.0


def test_folders_of_others_are_left_alone(tmp_path):
    for name in (".v.old", ".v.semspace-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious.txt").write_text("dear")
    write(tmp_path / "w")
    replacement.is_bundle(tmp_path / "v")
    with pytest.raises(MissingFileError):
        read(tmp_path / "v")
    write(tmp_path / "v")
    assert (tmp_path / ".v.old" / "precious.txt").read_text() == "dear"
    assert (tmp_path / ".v.semspace-old" / "precious.txt").read_text() == "dear"


def test_a_link_leads_to_its_value(tmp_path):
    write(tmp_path / "v")
    (tmp_path / "link").symlink_to(tmp_path / "v")
    for value in (2.0, 3.0):
        write(tmp_path / "link", value, overwrite=True)
        assert (tmp_path / "link").is_symlink()
        assert read(tmp_path / "v").meta["value"] == value


def test_here_is_a_place_too(tmp_path, monkeypatch):
    write(tmp_path / "v")
    monkeypatch.chdir(tmp_path / "v")
    assert read(".").meta["value"] == 1.0


def test_meta_is_read_as_json_would_have_it(tmp_path):
    with bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.meta.update(counts={2: "b", 10: "a"}, source=tmp_path)
    assert read(tmp_path / "v").meta == {"counts": {"2": "b", "10": "a"}, "source": str(tmp_path)}


def test_nothing_there(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file or folder"):
        read(tmp_path / "none")


def test_a_foreign_folder(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DamagedError, match="isn't a saved semspace value"):
        read(tmp_path / "photos")


def test_another_kind(tmp_path):
    write(tmp_path / "v")
    with pytest.raises(InputError, match="holds a thing; this needs a space"):
        bundle.open_bundle(tmp_path / "v", "space")


@pytest.mark.parametrize("file", ["numbers.npy", "rows.arrow", "manifest.json"])
def test_every_flipped_byte_is_noticed(tmp_path, file):
    write(tmp_path / "v")
    path = tmp_path / "v" / file
    sound = path.read_bytes()
    for position in np.linspace(0, len(sound) - 1, 40).astype(int):
        broken = bytearray(sound)
        broken[position] ^= 0x20
        path.write_bytes(broken)
        with pytest.raises((DamagedError, InputError)):
            read(tmp_path / "v")


@pytest.mark.parametrize("file", ["numbers.npy", "rows.arrow", "manifest.json"])
def test_a_truncated_file_is_noticed_even_unverified(tmp_path, file):
    write(tmp_path / "v")
    path = tmp_path / "v" / file
    path.write_bytes(path.read_bytes()[:-1] if file != "manifest.json" else b"{")
    with pytest.raises(DamagedError):
        read(tmp_path / "v", verify=False)


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path / "v")
    (tmp_path / "v" / "numbers.npy").unlink()
    with pytest.raises(DamagedError, match=r"lacks its file 'numbers\.npy'"):
        read(tmp_path / "v")


def resign(path, change):
    """Write a manifest that is sound but says something else."""
    manifest = json.loads((path / "manifest.json").read_text())
    manifest.pop("sha256")
    change(manifest)
    manifest["sha256"] = own_digest(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_a_later_format_asks_for_an_upgrade(tmp_path):
    write(tmp_path / "v")
    resign(tmp_path / "v", lambda m: m.update(version=99))
    with pytest.raises(DamagedError, match=r"format version 99.*upgrade"):
        read(tmp_path / "v")


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "a/../../secret",
        "sub/../secret",
        "ROOT/secret",
        "/secret",
        "",
        ".",
        "..",
        "./rows.arrow",
        "sub/",
        "sub/./x",
        "sub/more/deep/x",
        "sub//x",
    ],
)
def test_a_manifest_cannot_point_outside(tmp_path, monkeypatch, name):
    write(tmp_path / "v")
    for place in ("secret", "v/sub/x", "v/sub/more/x", "v/sub/more/deep/x", "v/secret"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("x")
    monkeypatch.setattr(Path, "is_file", lambda path: True)  # even where such a file is
    entry = {"bytes": 1, "sha256": file_digest(tmp_path / "secret")}
    resign(tmp_path / "v", lambda m: m["files"].update({name.replace("ROOT", str(tmp_path)): entry}))
    with pytest.raises(DamagedError, match="lacks its file"):
        read(tmp_path / "v")


def write_deep(path, value, **options):
    with bundle.create_bundle(path, "thing", **options) as draft:
        (draft.folder / "sub").mkdir()
        for name in ("one", "two"):
            (draft.folder / "sub" / name).write_text(f"{name} {value}")
        draft.array("numbers", np.full(3, value))
    return path


def test_a_folder_within_is_checked_replaced_and_removed(tmp_path):
    write_deep(tmp_path / "v", 1.0)
    assert sorted(read(tmp_path / "v").files) == ["numbers.npy", "sub/one", "sub/two"]
    assert read(tmp_path / "v").path("sub/two").read_text() == "two 1.0"
    write_deep(tmp_path / "v", 2.0, overwrite=True)
    assert read(tmp_path / "v").path("sub/two").read_text() == "two 2.0"
    assert leftovers(tmp_path) == []
    (tmp_path / "v" / "sub" / "one").write_text("one 3.0")
    with pytest.raises(DamagedError, match="is damaged: its checksum doesn't match"):
        read(tmp_path / "v")
    write(tmp_path / "v", 4.0, overwrite=True)  # by one without a folder
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == ["manifest.json", "numbers.npy", "rows.arrow"]
    write_deep(tmp_path / "w", 1.0)
    replacement.delete_bundle(tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_a_pickle_in_an_array_is_not_opened(tmp_path):
    with bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.file("evil.npy", lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True))
    with pytest.raises(DamagedError, match="isn't an array"):
        read(tmp_path / "v").array("evil")


def test_a_text_file_is_whole_or_absent(tmp_path, monkeypatch):
    files.write_text(tmp_path / "r.html", "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="No space left on device"):
        files.write_text(tmp_path / "r.html", "new")
    assert (tmp_path / "r.html").read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write"):
        write(tmp_path / "file" / "v")


def test_a_byte_more_is_seen_without_checksums(tmp_path):
    write(tmp_path / "v")
    with open(tmp_path / "v" / "numbers.npy", "ab") as file:
        file.write(b"x")
    with pytest.raises(DamagedError, match=r"numbers\.npy has \d+ bytes and should have"):
        read(tmp_path / "v").check(sums=False)


def test_everything_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    """A power cut must not leave a name whose contents never came: files, manifest and folder, then the rename."""
    seen, real_sync, real_replace = [], os.fsync, os.replace

    def sync(handle):
        seen.append(("sync", Path(f"/proc/self/fd/{handle}").readlink().name))
        real_sync(handle)

    def replace(source, target):
        seen.append(("rename", Path(source).name))
        real_replace(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("only Linux tells the name of an open file")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "v")
    *_, (kind, draft) = [one for one in seen if one[0] == "rename"]
    at = seen.index((kind, draft))
    before = {name for what, name in seen[:at] if what == "sync"}
    assert {"numbers.npy", "rows.arrow", MANIFEST, draft} <= before
    assert seen[:at].index(("sync", MANIFEST)) > max(seen.index(("sync", f)) for f in ("numbers.npy", "rows.arrow"))
    assert ("sync", tmp_path.name) in seen[at:]


def test_ctrl_c_inside_of_polars_is_no_damage(tmp_path, monkeypatch):
    """Polars panics where Ctrl-C comes while it asks Python for something; that is still Ctrl-C."""

    class PanicException(pl.exceptions.PanicException):
        pass

    def interrupted(_):
        raise PanicException("called `Result::unwrap()` on an `Err` value: PyErr { type: KeyboardInterrupt }")

    opened = read(write(tmp_path / "v"))
    monkeypatch.setattr(pl, "read_ipc", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened.table("rows")
    with pytest.raises(KeyboardInterrupt), opened.reading():
        opened.table("rows")


# -- what users do with a value's folder ---------------------------------------------------------------------------


def test_what_somebody_puts_into_the_folder_outlives_a_replacement(tmp_path):
    write(tmp_path / "v")
    (tmp_path / "v" / "notes.txt").write_text("mine")
    write(tmp_path / "v" / "inner")
    for _ in range(2):
        write(tmp_path / "v", overwrite=True)
    assert (tmp_path / "v" / "notes.txt").read_text() == "mine"
    bundle.open_bundle(tmp_path / "v" / "inner")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v"]


def test_what_somebody_put_into_the_folder_outlives_a_killed_writer(tmp_path):
    write(tmp_path / "v")
    (tmp_path / "v" / "notes.txt").write_text("mine")
    (tmp_path / "v").rename(tmp_path / ".v.semspace-old")
    write(tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "v")  # killed after its second rename
    replacement.delete_interrupted(tmp_path / "v")
    assert (tmp_path / "v" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v"]


@pytest.mark.skipif(os.name == "nt", reason="rights of files")
def test_all_files_have_the_rights_of_the_folder(tmp_path):
    def owners_alone(path):
        path.write_text("x")
        path.chmod(0o600)

    with bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.file("made elsewhere", owners_alone)
    rights = {path.stat().st_mode & 0o666 for path in (tmp_path / "v").iterdir()}
    assert rights == {(tmp_path / "v").stat().st_mode & 0o666}


@pytest.mark.parametrize("url", ["s3://bucket/x", "https://example.org/x", "file:///x"])
def test_a_url_is_not_a_path(url):
    for use in (lambda: write(url), lambda: bundle.open_bundle(url), lambda: ss.load(url), lambda: ss.Corpus.read(url)):
        with pytest.raises(InputError, match=r"is a URL, and this takes a path on this machine"):
            use()
    assert not Path(url.partition(":")[0] + ":").exists()


def test_flags_are_flags(tmp_path):
    write(tmp_path / "v")
    with pytest.raises(InputError, match="overwrite must be True or False; got 'no'"):
        write(tmp_path / "v", overwrite="no")
    with pytest.raises(InputError, match="verify must be True or False; got 5"):
        bundle.open_bundle(tmp_path / "v", verify=5)


def test_the_root_of_the_disk_is_no_value():
    with pytest.raises(DamagedError, match="isn't a saved semspace value"):
        bundle.open_bundle("/")
    assert not replacement.is_bundle("/")
