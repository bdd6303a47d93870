"""Files that claim more than they hold, and files that unpack to more than there is: refused before memory is taken."""

import gzip
import io
import json
import resource
import struct
import subprocess
import sys
import textwrap
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from semspace import table_claims
from semspace.table_claims import check_arrow, check_parquet

ROOT = Path(__file__).parent.parent
ALLOWED_MIB = 700  # more than a process has when everything that it needs is imported

CHILD = """
import resource, sys
import numpy as np
import polars as pl
import semspace as ss
from semspace.errors import SemspaceError
{warm}
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + {more} * 2**20,) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    {call}
except SemspaceError as problem:
    print(type(problem).__name__, problem)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024)
"""


def refused(path, call, *, warm="", more=ALLOWED_MIB):
    """Open a file in a process that may take so many MiB more; return the sentence, and how many it took."""
    text = textwrap.dedent(CHILD).format(call=call.format(path=str(path)), warm=warm.format(path=str(path)), more=more)
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2_000:]
    *sentence, taken = done.stdout.strip().splitlines()
    return " ".join(sentence), int(taken)


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists() or not hasattr(resource, "RLIMIT_AS"), reason="limits of memory are Linux'"
)

VECTORS = "ss.read_vectors(r'{path}', progress=False)"


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"1000000000 300\na 1 2 3\n", "word2vec"),
        (b"3 1000000000\na 1 2 3\n", "word2vec"),
        (b"1000000000 300\na " + bytes(8), "word2vec-binary"),
        (b"2 1000000000\na " + bytes(8), "word2vec-binary"),
        (b"99999999999999999999 300\na 1 2\n", "word2vec"),
    ],
)
def test_a_header_of_word_vectors_that_claims_a_billion(tmp_path, content, format):
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    sentence, taken = refused(path, f"ss.read_vectors(r'{{path}}', format='{format}', progress=False)")
    assert sentence.startswith(("DamagedError", "InputError")), sentence
    assert taken < 200


def fasttext(words=2, dim=3, buckets=4, rows=None):
    head = struct.pack("<ii12id", 793712314, 12, dim, 5, 1, 1, 5, 1, 1, 2, buckets, 3, 4, 100, 1e-4)
    dictionary = struct.pack("<iiiqq", words, words, 0, 100, -1)
    entries = b"".join(word + b"\0" + struct.pack("<qb", 5, 0) for word in (b"a", b"b"))
    matrix = struct.pack("<?qq", False, rows or words + buckets, dim) + bytes(64)
    return head + dictionary + entries + matrix


@pytest.mark.parametrize(
    "claims",
    [{"words": 10**9}, {"buckets": 10**9}, {"dim": 10**9}, {"rows": 2**62}, {"buckets": 2**31 - 1, "dim": 300}],
)
def test_a_fasttext_model_that_claims_a_billion(tmp_path, claims):
    path = tmp_path / "v.bin"
    path.write_bytes(fasttext(**claims))
    sentence, taken = refused(path, VECTORS)
    assert sentence.startswith(("DamagedError", "InputError")), sentence
    assert taken < 200


@pytest.mark.parametrize("name", ["flat-l2.faiss", "hnsw.faiss", "f32.usearch", "f16.usearch"])
@pytest.mark.parametrize("at", [*range(4, 44, 4)])
def test_another_librarys_index_that_claims_more(tmp_path, name, at):
    import semspace as ss
    from semspace.errors import SemspaceError

    data = bytearray((ROOT / "tests" / "golden" / "index-files" / name).read_bytes())
    data[at : at + 8] = struct.pack("<q", 10**12)
    (tmp_path / name).write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        found = ss.read_vectors(tmp_path / name, progress=False)
    except SemspaceError:
        found = ()
    assert len(found) <= 1_000  # bytes that mean nothing there
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@pytest.mark.parametrize("shape", [(10**9, 300), (2**40, 2**20), (2**62, 4)])
def test_an_array_of_a_saved_value(tmp_path, shape):
    import semspace as ss
    from tests.sealing import seal
    from tests.test_hostile_bundles import relabelled

    ss.save(ss.Space.from_vectors(["a", "b"], np.eye(2)), tmp_path / "v")
    relabelled(tmp_path / "v" / "vectors.npy", shape)
    seal(tmp_path / "v")
    sentence, taken = refused(tmp_path / "v", "ss.load(r'{path}')")
    assert "vectors.npy isn't an array semspace can open: its header tells of" in sentence
    assert taken < 50


@pytest.mark.parametrize("length", [10**9, 2**40, 2**63 - 1, 2**64 - 1])
def test_weights_whose_header_claims_more(tmp_path, length):
    from fuzz.seeds import write_static_model

    write_static_model(tmp_path / "m")
    weights = tmp_path / "m" / "0_StaticEmbedding" / "model.safetensors"
    weights.write_bytes(struct.pack("<Q", length) + weights.read_bytes()[8:])
    sentence, taken = refused(
        tmp_path / "m", "ss.Encoder.load(r'{path}').encode('red')", warm="import safetensors.numpy"
    )
    assert sentence.startswith(("DamagedError", "InputError")), sentence
    assert taken < 200


@pytest.mark.parametrize("shape", [[10**9, 300], [2**40, 2**20], [14, 10**9]])
def test_weights_whose_shape_claims_more(tmp_path, shape):
    from fuzz.seeds import write_static_model

    write_static_model(tmp_path / "m")
    weights = tmp_path / "m" / "0_StaticEmbedding" / "model.safetensors"
    header = json.dumps({"embedding.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 448]}}).encode()
    weights.write_bytes(struct.pack("<Q", len(header)) + header + bytes(448))
    sentence, taken = refused(
        tmp_path / "m", "ss.Encoder.load(r'{path}').encode('red')", warm="import safetensors.numpy"
    )
    assert sentence.startswith(("DamagedError", "InputError")), sentence
    assert taken < 200


def zigzag(number):
    """Return a whole number as Thrift's compact protocol writes it."""
    number, found = number << 1, b""
    while True:
        found += bytes([(number & 127) | (128 if number > 127 else 0)])
        number >>= 7
        if not number:
            return found


def parquet(rows=8, group_rows=8, values=8):
    """Return a Parquet file of numbers of rows alone, without a schema and without data."""
    column = b"\x3c\x56" + zigzag(values) + b"\0\0"
    group = b"\x19\x1c" + column + b"\x26" + zigzag(group_rows) + b"\0"
    metadata = b"\x36" + zigzag(rows) + b"\x19\x1c" + group + b"\0"
    return b"PAR1" + metadata + struct.pack("<I", len(metadata)) + b"PAR1"


@pytest.mark.parametrize("claims", [{"rows": 10**9}, {"group_rows": 10**9}, {"values": 10**9}, {"rows": 2**62}])
def test_a_parquet_file_that_claims_a_billion_rows(tmp_path, claims):
    """Polars alone would take the memory, and end the process without it."""
    import semspace as ss
    from semspace.errors import InputError

    path = tmp_path / "t.parquet"
    path.write_bytes(parquet(**claims))
    match = r"t\.parquet(\.gz)?: its metadata tell of .* values in \d+ bytes, like a decompression bomb"
    with pytest.raises(InputError, match=match):
        ss.Corpus.read(path)
    with pytest.raises(InputError, match=match):
        ss.Tokens.read(path, progress=False)
    path.with_name("t.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match=match):
        ss.Corpus.read(path.with_name("t.parquet.gz"))


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_metadata_of_parquet_that_end_too_early(cut):
    data = parquet()
    metadata = data[4:-8][:-cut]
    with pytest.raises(ValueError, match="its metadata aren't sound"):
        check_parquet(io.BytesIO(b"PAR1" + metadata + struct.pack("<I", len(metadata)) + b"PAR1"))


def test_sound_tables_pass():
    table = pl.DataFrame(
        {
            "id": [f"d{row}" for row in range(5_000)],
            "n": range(5_000),
            "l": [[1.0, 2.0]] * 5_000,
            "c": ["a", "b"] * 2_500,
        },
        schema_overrides={"c": pl.Categorical},
    )
    for compression in ("uncompressed", "lz4", "zstd"):
        for some in (table, table.head(0), table.select("n")):
            file = io.BytesIO()
            some.write_ipc(file, compression=compression)
            file.seek(3)
            check_arrow(file)
            assert file.tell() == 3
    for options in ({}, {"row_group_size": 700}, {"compression": "uncompressed"}, {"statistics": "full"}):
        file = io.BytesIO()
        table.write_parquet(file, **options)
        check_parquet(file)
        found = table_claims._Compact(file.getvalue()[-8 - int.from_bytes(file.getvalue()[-8:-4], "little") : -8])
        metadata = found.structure()
        assert metadata[3] == sum(group[3] for group in metadata[4]) == 5_000


def test_every_page_of_a_sound_table_is_looked_at(monkeypatch):
    """Those of dictionaries too, and those whose headers are long; so many values as a column has are in its pages."""
    monkeypatch.setattr(table_claims, "_HEADER", 40)
    seen = []
    monkeypatch.setattr(table_claims, "_check_page", lambda header, _: seen.append(header))
    table = pl.DataFrame({"n": range(5_000), "w": ["a" * 300, "b" * 300] * 2_500})
    for options in ({}, {"row_group_size": 700}, {"data_page_size": 2_000}, {"statistics": "full"}):
        file = io.BytesIO()
        table.write_parquet(file, **options)
        seen.clear()
        check_parquet(file)
        assert sum(header[5][1] for header in seen if 5 in header) == 2 * 5_000
        words = [header for header in seen if header.get(7, {}).get(1) == 2]
        assert len(words) == (8 if "row_group_size" in options else 1)  # a dictionary for each group of rows


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({2: 6, 3: 15, 5: {1: -1}}, "tells of -1 values, rows or bytes"),
        ({2: -6, 3: 15, 5: {1: 4}}, "tells of -6 values, rows or bytes"),
        ({2: 6, 3: -15, 5: {1: 4}}, "tells of -15 values, rows or bytes"),
        ({2: 6, 3: 15, 7: {1: -3}}, "tells of -3 values, rows or bytes"),
        ({2: 6, 3: 15, 8: {1: 4, 2: 0, 3: -4}}, "tells of -4 values, rows or bytes"),
        ({2: 6, 3: 15, 7: {1: 10**9}}, "tells of 1,000,000,000 values in 6 bytes, like a decompression bomb"),
        ({2: 10**9, 3: 15, 5: {1: 4}}, "tells of 4 values in 1,000,000,000 bytes, like a decompression bomb"),
    ],
)
def test_a_page_that_can_not_hold_what_it_tells(header, told):
    table_claims._check_page({2: 6, 3: 15, 4: -9, 5: {1: 4}}, 1_000)  # a checksum may be negative
    with pytest.raises(ValueError, match=told):
        table_claims._check_page(header, 1_000)


def arrow_file():
    file = io.BytesIO()
    pl.DataFrame({"id": ["a text that is longer than twelve bytes"] * 3, "n": [1, 2, 3]}).write_ipc(file)
    return file.getvalue()


def test_a_part_of_an_arrow_file_that_tells_of_more_than_is_there():
    """At every place, the file is refused or what stands there is no length that is beyond the file."""
    data, refused_at = arrow_file(), 0
    for at in range(8, len(data) - 16, 8):
        (number,) = struct.unpack_from("<q", data, at)
        if 0 < number < 4_096:
            changed = data[:at] + struct.pack("<q", number + 8_192) + data[at + 8 :]
            with suppress(ValueError):
                check_arrow(io.BytesIO(changed))
                continue
            refused_at += 1
    assert refused_at >= 4  # the body in its message and in the footer, and the buffers


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d[:40], lambda d: b"", lambda d: b"x" + d[1:]])
def test_what_is_no_arrow_file(change):
    with pytest.raises(ValueError, match="it isn't a file of Arrow"):
        check_arrow(io.BytesIO(change(arrow_file())))


def test_a_table_of_a_saved_value_that_tells_of_more(tmp_path):
    import semspace as ss
    from semspace.errors import DamagedError
    from tests.sealing import seal

    ss.save(ss.Space.from_vectors(["a" * 40, "b" * 40], np.eye(2)), tmp_path / "v")
    path = tmp_path / "v" / "ids.arrow"
    data = path.read_bytes()
    at = data.rindex(struct.pack("<q", 80))  # of the buffer with the letters
    path.write_bytes(data[:at] + struct.pack("<q", 80 + 8_192) + data[at + 8 :])
    seal(tmp_path / "v")
    with pytest.raises(DamagedError, match=r"ids\.arrow isn't a table semspace can open: a part tells of"):
        ss.load(tmp_path / "v")


def test_a_panic_of_polars_is_one_sentence(tmp_path, monkeypatch):
    import semspace as ss
    from semspace.errors import InputError

    def panic(_):
        raise pl.exceptions.PanicException("index out of range")

    pl.DataFrame({"text": ["a b"]}).write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(InputError, match=r"cannot read .*t\.parquet: index out of range; expected a Parquet file"):
        ss.Corpus.read(tmp_path / "t.parquet")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_text_without_a_byte_order_mark_is_one_sentence(tmp_path, encoding):
    import semspace as ss
    from semspace.errors import InputError

    (tmp_path / "t.txt").write_text("one text and no mark\n" * 3)
    with pytest.raises(InputError, match=f"t.txt is not {encoding}"):
        ss.Corpus.read(tmp_path / "t.txt", encoding=encoding)


# -- bombs ------------------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_of_texts_is_refused_at_the_limit(tmp_path, monkeypatch):
    import semspace as ss
    from semspace.errors import InputError
    from semspace.text import files

    monkeypatch.setattr(files, "_ALWAYS", 1 << 20)
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        for _ in range(40):
            file.write((b"x" * 99 + b"\n") * 3_000)
    assert (tmp_path / "a.txt.gz").stat().st_size < 80_000
    with pytest.raises(InputError, match=r"unpacks to more than .* MiB from .* bytes, like a decompression bomb"):
        ss.Corpus.read(tmp_path / "a.txt.gz", documents="lines")
    with pytest.raises(InputError, match="like a decompression bomb"):
        ss.Tokens.read(tmp_path / "a.txt.gz", documents="lines", progress=False)


def test_a_gzip_bomb_of_vectors_is_refused_without_taking_memory(tmp_path):
    """A line without an end is as long as a line may be; unpacked, it never stands in memory several times."""
    packer = zlib.compressobj(9, wbits=31)
    with open(tmp_path / "v.vec", "wb") as file:
        file.write(packer.compress(b"5 3\n"))
        for _ in range(300):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    assert (tmp_path / "v.vec").stat().st_size < 1 << 20
    sentence, taken = refused(tmp_path / "v.vec", VECTORS)
    assert sentence.startswith(("DamagedError", "InputError")), sentence
    assert taken < 500
