"""Profiles of a made-up platform: fakes follow many, post little and have digits in their names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def people(n_fake: int, n_genuine: int, rng: np.random.Generator, *, scale: float = 1.0) -> pa.Table:
    """Return judged profiles, `scale` times as many of everything that is counted."""
    fake = np.repeat([True, False], [n_fake, n_genuine])
    n = len(fake)

    def count(of_fakes: float, of_others: float, spread: float) -> np.ndarray:
        return np.round(scale * np.exp(rng.normal(np.where(fake, of_fakes, of_others), spread))).astype(int)

    return pa.table(
        {
            "posts": count(1.0, 4.5, 1.5),
            "following": count(7.5, 6.0, 1.0),
            "followers": count(4.0, 6.0, 1.5),
            "has_profile_picture": (rng.random(n) < np.where(fake, 0.8, 0.98)).astype(int),
            "is_private": (rng.random(n) < 0.25).astype(int),
            "username_length": rng.poisson(12, n),
            "username_digits": rng.poisson(np.where(fake, 2.0, 0.5)),
            "is_fake": fake.astype(int),
        }
    )
