"""Old names: they work as the new ones do, and warn."""

import inspect
from dataclasses import dataclass, replace

import pytest

from semspace.deprecation import renamed_function, renamed_method, renamed_parameters, renamed_property


@renamed_parameters(start="init")
@dataclass(frozen=True)
class Trainer:
    """Something with settings."""

    init: int = 0

    @renamed_parameters(into="out")
    def train(self, text, *, out=None):
        return text, out

    @classmethod
    @renamed_parameters(k="n_clusters")
    def make(cls, n_clusters=1):
        return cls(n_clusters)

    def to_frame(self):
        return self.init

    table = renamed_method("table", "to_frame")
    beginning = renamed_property("beginning", "init")


def test_old_names_of_parameters_warn_and_work():
    with pytest.warns(FutureWarning, match=r"Trainer\(start=\) is now called init=; .* removed in semspace 0.3"):
        trainer = Trainer(start=3)
    assert trainer == Trainer(init=3) == Trainer(3) == replace(Trainer(), init=3)
    with pytest.warns(FutureWarning, match=r"Trainer.train\(into=\) is now called out="):
        assert trainer.train("t", into="x") == ("t", "x")
    with pytest.warns(FutureWarning, match=r"k=\) is now called n_clusters="):
        assert Trainer.make(k=4).init == 4


def test_the_warning_points_at_the_caller():
    with pytest.warns(FutureWarning) as caught:
        Trainer(start=3)
    assert caught[0].filename == __file__


def test_both_names_at_once_are_refused():
    with pytest.raises(TypeError, match="both init= and its old name start="):
        Trainer(init=1, start=2)


def test_old_names_of_methods_and_attributes():
    with pytest.warns(FutureWarning, match=r"Trainer.table\(\) is now called to_frame\(\)"):
        assert Trainer(5).table() == 5
    with pytest.warns(FutureWarning, match="Trainer.beginning is now called init"):
        assert Trainer(5).beginning == 5


def test_signatures_show_the_new_names_only():
    assert list(inspect.signature(Trainer).parameters) == ["init"]
    assert list(inspect.signature(Trainer.train).parameters) == ["self", "text", "out"]


def test_a_function_by_its_old_name():
    old = renamed_function("sum_of", sum)
    with pytest.warns(FutureWarning, match="sum_of is now called sum; the old name will be removed in semspace 0.3"):
        assert old([1, 2]) == 3


def test_modules_by_their_old_names():
    import semspace.comparison.partition as new

    with pytest.warns(FutureWarning, match=r"semspace.comparison.parts is now called semspace.comparison.partition"):
        import semspace.comparison.parts as old
    assert old is not new
    assert old.__name__ == "semspace.comparison.parts"
    assert old.partition is new.partition
    with pytest.raises(ModuleNotFoundError):
        import semspace.comparison.party  # noqa: F401
