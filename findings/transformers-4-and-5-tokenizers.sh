#!/usr/bin/env bash
# transformers 4.57.6 and 5.23.0 read one tokenizer folder in two ways, without a word.
#
# 1. BertTokenizer (also where no class is named and the model is BERT's): version 4 keeps the normaliser of tokenizer.json
#    if it isn't a BertNormalizer; version 5 puts its own in its place, which lower-cases and strips accents.
# 2. PreTrainedTokenizerFast with "add_prefix_space": version 4 changes the pre-tokenizer, version 5 leaves the file's.
#
# Seen:
#   4.57.6 [['[CLS]', 'Cat', '[SEP]'], ['Ġcat']]
#   5.23.0 [['[CLS]', 'cat', '[SEP]'], ['cat']]
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/see.py" <<'PY'
import json
import sys
from pathlib import Path

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

root = Path(sys.argv[1])


def tokens(name, made, model_type, text, **said):
    folder = root / f"{name}-{transformers.__version__}"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    return tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])


pieces = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "Cat"])}
cased = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
cased.normalizer, cased.pre_tokenizer = normalizers.Sequence([normalizers.NFC()]), pre_tokenizers.BertPreTokenizer()
cased.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
pairs = [("c", "a"), ("ca", "t"), ("Ġ", "cat")]
bytes_ = Tokenizer(models.BPE({p: i for i, p in enumerate([*letters, "ca", "cat", "Ġcat"])}, pairs))
bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
found = [
    tokens("bert", cased, "bert", "Cat", tokenizer_class="BertTokenizer"),
    tokens("bytes", bytes_, "roberta", "cat", tokenizer_class="PreTrainedTokenizerFast", add_prefix_space=True),
]
print(transformers.__version__, found)
PY
seen=
for version in 4.57.6 5.23.0; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "transformers==$version"
  mkdir -p "$folder/models"
  seen+="$("$folder/$version/bin/python" "$folder/see.py" "$folder/models" 2>/dev/null)"$'\n'
done
printf '%s' "$seen"
[ "$seen" = "4.57.6 [['[CLS]', 'Cat', '[SEP]'], ['Ġcat']]
5.23.0 [['[CLS]', 'cat', '[SEP]'], ['cat']]
" ]
