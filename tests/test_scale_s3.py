"""Texts and results in an object store: a server of moto on this machine."""

import logging

import pytest

import semspace as ss
import semspace.scale as scale
from semspace.errors import MissingFileError
from tests.scaled import one_machine, same, write_model, write_texts

moto = pytest.importorskip("moto", reason="no moto: pip install 'moto[s3]' flask-cors s3fs")
s3fs = pytest.importorskip("s3fs", reason="no s3fs: pip install 'semspace[s3]'")


@pytest.fixture(scope="module")
def bucket():
    """A bucket, and the filesystem that it is in."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.get_host_and_port()[1]}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        files.mkdir("bucket")
        yield files
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.filterwarnings("default::DeprecationWarning", "default::pytest.PytestUnraisableExceptionWarning")
def test_a_job_from_bucket_to_bucket(tmp_path, bucket):
    model = str(write_model(tmp_path / "model"))
    for path in write_texts(tmp_path / "texts", 3, 20).iterdir():
        bucket.put_file(str(path), f"bucket/texts/{path.name}")
    job = scale.encode("s3://bucket/texts/*.parquet", "s3://bucket/vectors", model, progress=False)
    assert job.is_complete
    space = scale.read_space("s3://bucket/vectors", progress=False)
    same(space, one_machine(model, tmp_path / "texts"))
    scale.duplicates("s3://bucket/vectors", "s3://bucket/pairs", 0.9, progress=False)
    pairs, columns = ss.Index.build(space).duplicates(0.9, progress=False), ["a", "b"]
    assert scale.read_pairs("s3://bucket/pairs").sort(columns)[columns].equals(pairs.sort(columns)[columns])
    scale.tokenize("s3://bucket/texts", str(tmp_path / "words"), progress=False)
    assert scale.read_tokens(tmp_path / "words", progress=False).words == ss.Tokens.read(tmp_path / "texts").words

    # An object that is gone is done again, and nothing else.
    before = {name: bucket.info(name)["LastModified"] for name in bucket.find("bucket/vectors/done")}
    gone = next(iter(bucket.find("bucket/vectors/shards")))
    bucket.rm_file(gone)
    assert scale.status("s3://bucket/vectors").n_done == 2
    assert scale.encode("s3://bucket/texts", "s3://bucket/vectors", model, progress=False).is_complete
    bucket.invalidate_cache()
    after = {name: bucket.info(name)["LastModified"] for name in bucket.find("bucket/vectors/done")}
    assert sum(before[name] != after[name] for name in after) <= 1
    with pytest.raises(MissingFileError, match="no readable file in"):
        scale.encode("s3://bucket/nothing/*.parquet", "s3://bucket/other", model)
    with pytest.raises(MissingFileError, match="there is no s3://nowhere/out"):
        scale.encode("s3://bucket/texts", "s3://nowhere/out", model, progress=False)
