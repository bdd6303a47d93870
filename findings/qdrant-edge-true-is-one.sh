#!/usr/bin/env bash
# qdrant-edge-py 0.9.0: a condition that a payload is True finds the payloads that are 1, and none that are True.
#
# MatchValue takes texts, whole numbers and truth. Payloads keep True and 1 apart, and so does Qdrant, but MatchValue(True)
# becomes the number 1 on its way into the engine (its `value` is 1): True and False can't be looked for at all, and
# nothing is raised. The same condition with qdrant-client finds what is True.
#
# Seen: of the payloads True, False, 1 and 0 (points 1 to 4), True finds [3] and False finds [4].
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q qdrant-edge-py==0.9.0 qdrant-client==1.20.0
got=$(cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import qdrant_edge as edge
from qdrant_client import QdrantClient, models

payloads = {1: True, 2: False, 3: 1, 4: 0}

config = edge.EdgeConfig(vectors={"": edge.EdgeVectorParams(2, edge.Distance.Cosine)})
shard = edge.EdgeShard.create("shard", config)
points = [edge.Point(id, {"": [1.0, 2.0]}, {"ok": value}) for id, value in payloads.items()]
shard.update(edge.UpdateOperation.upsert_points(points))
found, _ = shard.scroll(edge.ScrollRequest(limit=9, with_payload=True))
print("kept", {point.id: point.payload["ok"] for point in found})
for value in (True, False):
    wanted = edge.Filter(must=[edge.FieldCondition("ok", match=edge.MatchValue(value))])
    found, _ = shard.scroll(edge.ScrollRequest(limit=9, filter=wanted))
    print("qdrant-edge-py", value, sorted(point.id for point in found))

client = QdrantClient(":memory:")
client.create_collection("points", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
client.upsert("points", [models.PointStruct(id=id, vector=[1, 2], payload={"ok": v}) for id, v in payloads.items()])
for value in (True, False):
    wanted = models.Filter(must=[models.FieldCondition(key="ok", match=models.MatchValue(value=value))])
    found, _ = client.scroll("points", scroll_filter=wanted)
    print("qdrant-client", value, sorted(point.id for point in found))
PY
)
echo "$got"
wanted="kept {1: True, 2: False, 3: 1, 4: 0}
qdrant-edge-py True [3]
qdrant-edge-py False [4]
qdrant-client True [1]
qdrant-client False [2]"
[ "$got" = "$wanted" ] || { echo "this has changed"; exit 1; }
