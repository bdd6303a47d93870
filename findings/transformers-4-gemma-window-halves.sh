#!/usr/bin/env bash
# transformers 4.57.6 halves the window of a Gemma 3 with attention on both sides (EmbeddingGemma) each time it is saved.
#
# config.json of such a model says sliding_window 512; Gemma3TextConfig turns it into 512 // 2 + 1 = 257, an exclusive bound
# on each side, when it is created. Version 4 writes that number back, so the next load halves it again: whoever fine-tunes
# the model and saves it gets, without a word, a model that sees 128 tokens to each side, then 64, then 32. Version 5.23.0
# converts it back when it writes.
# What to do: an odd window in a folder with use_bidirectional_attention was written so; write (window - 1) * 2 instead.
#
# Seen (the window of the configuration, then of each folder and of what was loaded from it):
#   transformers 4.57.6: [257, [257, 129], [129, 65], [65, 33]]
#   transformers 5.23.0: [257, [512, 257], [512, 257], [512, 257]]
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/see.py" <<'PY'
import json
import sys
import tempfile

from transformers import AutoConfig, Gemma3TextConfig

config = Gemma3TextConfig(
    sliding_window=512, use_bidirectional_attention=True, num_hidden_layers=2, hidden_size=64, num_attention_heads=2,
    num_key_value_heads=1, head_dim=32, intermediate_size=64, vocab_size=50,
)
seen = [config.sliding_window]
for _ in range(3):
    with tempfile.TemporaryDirectory() as saved:
        config.save_pretrained(saved)
        with open(saved + "/config.json") as file:
            written = json.load(file)["sliding_window"]
        config = AutoConfig.from_pretrained(saved)
    seen.append([written, config.sliding_window])
print(seen)
assert seen == json.loads(sys.argv[1]), seen
PY
"$folder/venv/bin/pip" install -q transformers==4.57.6
"$folder/venv/bin/python" "$folder/see.py" '[257, [257, 129], [129, 65], [65, 33]]'
"$folder/venv/bin/pip" install -q transformers==5.23.0
"$folder/venv/bin/python" "$folder/see.py" '[257, [512, 257], [512, 257], [512, 257]]'
