"""Texts and results in an object store: a server of moto on this machine."""

import logging
from contextlib import contextmanager

import polars as pl
import pytest

import semspace as ss
import semspace.scale as scale
from semspace.errors import MissingFileError, ServerError
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


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def ray():
    library = pytest.importorskip("ray", reason="no ray: pip install 'semspace[ray]'")
    library.init(
        num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR", _node_ip_address="127.0.0.1",
        object_store_memory=80_000_000,
    )  # fmt: skip
    yield "ray"
    library.shutdown()


@pytest.mark.filterwarnings("ignore")  # of Ray, about ports, and of s3fs, when it is closed
@pytest.mark.parametrize("cluster", [dask, ray])
def test_a_cluster_works_from_bucket_to_bucket(tmp_path, bucket, cluster):
    pytest.importorskip("pyarrow")
    model, texts = str(write_model(tmp_path / "model")), write_texts(tmp_path / "texts", 2, 40)
    big = pl.concat([pl.read_parquet(path) for path in sorted(texts.iterdir())])
    big = pl.concat([big.with_columns(id=f"{copy}/" + pl.col("id")) for copy in range(4)])
    big.write_parquet(texts / "big.parquet", row_group_size=20)
    largest = max(path.stat().st_size for path in texts.glob("part-*"))
    place, out = f"s3://bucket/{cluster.__name__}", f"s3://bucket/{cluster.__name__}-out"
    bucket.put(str(texts), f"{place}/", recursive=True)
    with cluster() as client:
        job = scale.encode(f"{place}/texts", out, model, shard_bytes=largest, client=client, progress=False)
    assert any("(part 2)" in name for names in job.inputs.values() for name in names)
    same(scale.read_space(out, progress=False), one_machine(model, texts))


def test_a_place_that_cant_be_reached_is_one_sentence(tmp_path, bucket, monkeypatch):
    texts, model = write_texts(tmp_path / "texts", 1, 5), str(write_model(tmp_path / "model"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(
        ServerError, match=r"s3://bucket/out can't be reached \(NoCredentialsError: .*the keys in the env"
    ):
        scale.encode(texts, "s3://bucket/out", model)
    with pytest.raises(ServerError, match=r"can't be reached \(NoCredentialsError"):
        scale.encode("s3://bucket/texts", tmp_path / "out", model)
    s3fs.S3FileSystem.clear_instance_cache()
