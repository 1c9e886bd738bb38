"""Looking addresses up by tables of pages finds what a dictionary finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.capture.places import Places

ADDRESSES = st.integers(0, (1 << 60) - 1).map(lambda slot: slot * 16)
NEAR = st.integers(0, 40_000).map(lambda slot: 0x7F00_0000_0000 + slot * 16)
ODD = st.integers(0, 15)  # what lies in static memory need not begin at a multiple of sixteen


@given(st.sets(st.one_of(NEAR, ADDRESSES), max_size=200), st.lists(st.one_of(NEAR, ADDRESSES), max_size=200), ODD)
def test_as_a_dictionary_would(known: set[int], others: list[int], odd: int) -> None:
    ids = np.array(sorted(one + odd for one in known), np.uint64)
    wanted = np.array([*(one + odd for one in known), *others], np.uint64)
    expected = {int(one): at for at, one in enumerate(ids)}
    places, there = Places(ids).of(wanted)
    assert [int(place) if found else None for place, found in zip(places, there, strict=True)] == [
        expected.get(int(one)) for one in wanted
    ]


@pytest.mark.parametrize("apart", [16, 48, 1 << 20])
def test_dense_and_far_apart(apart: int) -> None:
    ids = np.arange(10_000, dtype=np.uint64) * np.uint64(apart) + np.uint64(0x5500_0000_0000)
    places, there = Places(ids).of(ids[::-7])
    assert there.all()
    assert places.tolist() == list(range(10_000))[::-7]
    assert not Places(ids).of(ids + np.uint64(8))[1].any()
