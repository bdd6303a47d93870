"""Principal components: checked against their definition."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from tests.conftest import random_space


def test_components_are_orthonormal_and_keep_the_most_variance():
    space = random_space(100, 6)
    model = ss.latent.PCA(dim=2).train(space)
    np.testing.assert_allclose(model.components @ model.components.T, np.eye(2), atol=1e-5)
    spread = np.linalg.eigvalsh(np.cov(space.vectors.T))[::-1]
    assert model.explained_variance_ratio == pytest.approx(spread[:2].sum() / spread.sum(), abs=1e-4)


def test_all_components_come_back_whole():
    space = random_space(20, 5)
    model = ss.latent.PCA(dim=5).train(space)
    np.testing.assert_allclose(model.decode(model.encode(space.vectors)), space.vectors, atol=1e-5)


def test_signs_do_not_depend_on_the_order_of_rows():
    space = random_space(30, 4)
    turned = space.select(space.ids[::-1].tolist())
    first, second = (ss.latent.PCA(2).train(s).components for s in (space, turned))
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_too_many_components():
    with pytest.raises(InputError, match="dim must be at most 3 for 3 points of 4 dimensions; got 4"):
        ss.latent.PCA(dim=4).train(random_space(3, 4))
    with pytest.raises(InputError, match="dim must be a whole number"):
        ss.latent.PCA(dim=0)


def test_points_that_are_all_alike():
    space = ss.Space.from_vectors(["a", "b", "c"], np.ones((3, 4)))
    with pytest.raises(InputError, match="all points of the space are equal, so they have no components"):
        ss.latent.PCA(2).train(space)


def test_the_old_name_works_and_warns():
    model = ss.latent.PCA(2).train(random_space(9, 4))
    with pytest.warns(FutureWarning, match="PCAModel.kept is now called explained_variance_ratio"):
        assert model.kept == model.explained_variance_ratio
