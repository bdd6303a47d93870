#!/usr/bin/env bash
# pymilvus 3.0.2 with milvus-lite 3.2.2: a database gets the schema of another one that was closed before.
#
# pymilvus keeps the schema of a collection by the address of its server, beyond the life of a client. Milvus Lite serves
# each file that is opened at a free port of 127.0.0.1, and ports come round again: among some hundred files opened in one
# process two often get the same. A collection of the same name in the second file is then written with the fields of the
# first: nullable ones that the rows don't have are filled in, and the server refuses rows whose fields nobody gave. The
# same meets a server that is set up anew at its address. pymilvus' retry with a fresh schema looks for the error code
# SchemaMismatch; Milvus Lite answers with code 6. What helps: GlobalCache.schema.clear() of pymilvus.client.cache.
#
# Seen: the first file takes its row; the second, made without "kind", answers
#   code 6: record has fields ['kind'] not in schema (enable_dynamic_field is False)
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pymilvus==3.0.2 milvus-lite==3.2.2
got=$(cd "$folder" && "$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
from milvus_lite.adapter.grpc.server import start_server_in_thread
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

port = 0
for name, kind in [("first.db", True), ("second.db", False)]:
    server, database, port = start_server_in_thread(name, port=port)
    client = MilvusClient(f"http://127.0.0.1:{port}")
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=10)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    if kind:
        schema.add_field("kind", DataType.VARCHAR, max_length=10, nullable=True)
    client.create_collection("points", schema=schema)
    try:
        client.insert("points", [{"id": "a", "vector": [1.0, 0.0]}])
        print(name, "took its row")
    except MilvusException as problem:
        print(name, f"code {problem.code}: {problem.message}")
    client.close()
    server.stop(grace=2).wait()
    database.close()
PY
)
echo "$got"
wanted="first.db took its row
second.db code 6: record has fields ['kind'] not in schema (enable_dynamic_field is False)"
[ "$got" = "$wanted" ] || { echo "this has changed"; exit 1; }
