#!/usr/bin/env bash
# networkit 11.3: after an algorithm has existed, Ctrl-C no longer ends a call of the system that waits.
#
# While an algorithm object exists, NetworKit handles SIGINT itself, and puts Python's handler back when it is gone. It
# does so by signal(), which in glibc has the system begin interrupted calls again (SA_RESTART); Python had installed its
# handler without. So at a prompt, in a read from a pipe or a socket, Ctrl-C does nothing until the call returns by
# itself. The algorithm needn't have run, and signal.getsignal shows no difference.
#
# Seen: a read from a pipe into which a byte is written after 2 seconds, and SIGINT after 0.5: KeyboardInterrupt after
# 0.5 seconds; once an algorithm was made and thrown away, after 2.0.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q networkit==11.3
got=$(cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import os
import signal
import threading
import time

import networkit


def seconds_until_interrupted():
    read, write = os.pipe()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    threading.Timer(2, os.write, (write, b"x")).start()
    begun = time.monotonic()
    try:
        os.read(read, 1)
    except KeyboardInterrupt:
        pass
    waited = time.monotonic() - begun
    time.sleep(2.5 - waited)
    return "at once" if waited < 1.5 else "after the read"


print("before:", seconds_until_interrupted())
networkit.community.ParallelLeiden(networkit.Graph(3))
print("after: ", seconds_until_interrupted())
print("handler:", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
PY
)
echo "$got"
wanted="before: at once
after:  after the read
handler: True"
[ "$got" = "$wanted" ] || { echo "this has changed"; exit 1; }
