#!/usr/bin/env bash
# fsspec's local filesystem lists a link to a file as type "other", while its own isfile() says True.
#
# Version: fsspec 2026.9.0, Python 3.11, Linux.
# Behaviour: find(detail=True), glob(detail=True), ls() and info() give "type": "other" (and "islink": True) for a
# symbolic link to a regular file; its "mtime" is the link's, while its "size" is that of the file it leads to. isfile()
# of the same path is True, and find() without detail lists it. Code that keeps entries of type "file" passes over each
# file of a snapshot in a Hugging Face cache, where all are links into ../../blobs, without a word; and code that looks at
# the time for changes doesn't see that what a link leads to has changed.
# Output seen:
#   find, with type "file": ['real.csv']
#   find, all names: ['link.csv', 'real.csv']
#   link: type other, islink True, isfile True, size of the file: True, time of the file: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check fsspec==2026.9.0
mkdir "$folder/blobs" "$folder/snapshot"
echo "id,text" > "$folder/blobs/1f3a"
echo "id,text" > "$folder/snapshot/real.csv"
ln -s ../blobs/1f3a "$folder/snapshot/link.csv"
touch -d 2020-01-01 "$folder/blobs/1f3a"
"$folder/venv/bin/python" - "$folder/snapshot" <<'PYTHON'
import os
import sys

import fsspec

fs, place = fsspec.filesystem("file"), sys.argv[1]
listed = fs.find(place, detail=True)
names = {os.path.basename(path): info for path, info in listed.items()}
files = sorted(name for name, info in names.items() if info["type"] == "file")
print('find, with type "file":', files)
print("find, all names:", sorted(names))
link, target = names["link.csv"], os.stat(f"{place}/link.csv")
is_file = fs.isfile(f"{place}/link.csv")
size, time = link["size"] == target.st_size, link["mtime"] == target.st_mtime
print(f"link: type {link['type']}, islink {link['islink']}, isfile {is_file}, size of the file: {size}, time of the file: {time}")
assert files == ["real.csv"] and sorted(names) == ["link.csv", "real.csv"]
assert (link["type"], link["islink"], is_file, size, time) == ("other", True, True, True, False)
PYTHON
