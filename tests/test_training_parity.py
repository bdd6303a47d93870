"""A whole training gives the weights that sentence-transformers' losses give with torch's AdamW."""

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.training.objectives.objective import Objective

SIZE, PAIRS, RATE, DECAY = 8, 40, 1e-3, 0.01
LOSSES = {"pairs": "MultipleNegativesRankingLoss", "scored": "CoSENTLoss"}


def pairs():
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("abcdefgh"), 3)) for _ in range(30)]
    texts = [" ".join(draw.choice(words, 4)) for _ in range(2 * PAIRS)]
    return texts[::2], texts[1::2], draw.random(PAIRS)


def in_order(self, examples, size, draw):
    return np.arange(len(examples)).reshape(-1, size)


def theirs(folder, name):
    """Train as sentence-transformers does, the token table left alone."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import losses
    from transformers import get_linear_schedule_with_warmup

    model = SentenceTransformer(str(folder), device="cpu")
    transformer = model[0].auto_model
    transformer.get_input_embeddings().weight.requires_grad_(False)
    transformer.pooler.requires_grad_(False)
    model.eval()  # without dropout
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [[one for one in learnt if (one.ndim > 1) is wide] for wide in (True, False)]
    optimizer = torch.optim.AdamW(
        [{"params": group, "weight_decay": decay} for group, decay in zip(groups, (DECAY, 0.0), strict=True)], lr=RATE
    )
    schedule = get_linear_schedule_with_warmup(optimizer, 0, PAIRS // SIZE)
    loss = getattr(losses, name)(model)
    a, b, scores = pairs()
    for i in range(0, PAIRS, SIZE):
        features = [model.preprocess(side[i : i + SIZE]) for side in (a, b)]
        loss(features, torch.tensor(scores[i : i + SIZE])).backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return model


@pytest.mark.parametrize("objective", LOSSES)
@pytest.mark.parametrize("portions", ["at once", "in portions"])
def test_weights_are_those_of_sentence_transformers(small_folder, tmp_path, monkeypatch, objective, portions):
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr(Objective, "batches", in_order)
    a, b, scores = pairs()
    table = pl.DataFrame({"sentence1": a, "sentence2": b})
    if objective == "scored":
        table = table.with_columns(score=pl.Series(scores))
    ss.EncoderTrainer(
        objective=objective,
        base=small_folder,
        batch_size=SIZE,
        learning_rate=RATE,
        warmup=0.0,
        weight_decay=DECAY,
        dropout=0.0,
        freeze_embeddings=True,
        precision="float32",
        held_out=0,
        micro_batch_tokens=4_096 if portions == "at once" else 60,
    ).train(table, out=tmp_path / "ours", progress=False)
    before, ours = (
        dict(SentenceTransformer(str(folder), device="cpu")[0].auto_model.named_parameters())
        for folder in (small_folder, tmp_path / "ours")
    )
    for name, wanted in theirs(small_folder, LOSSES[objective])[0].auto_model.named_parameters():
        if name.endswith("key.bias"):
            continue  # what softmax gives is the same with any: its gradient is rounding
        moved = float((wanted - before[name]).norm().detach())
        apart = float((wanted - ours[name]).norm().detach())
        assert apart <= 0.01 * moved + 1e-5, (name, moved, apart)
