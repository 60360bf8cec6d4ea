"""Splits: exact, disjoint, stratified, and the same for ever."""

import hashlib

import numpy as np
import pytest

from featherweight.data.splits import apportion, random_ranks, split_by_name, stratified_split


def test_ranks_are_the_raw_numbers_of_pcg64_and_never_change():
    # If this fails, every published split has changed.
    expected = [0xA30FEBCFD9C2825F, 0x4510BDF882D9D721, 0x0A7D3DA94ECDE8B8]
    assert [int(rank) for rank in random_ranks(3, seed=0)] == expected


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [(10, [1, 1], [5, 5]), (1, [1, 1], [1, 0]), (5, [2, 1], [3, 2]), (0, [3, 4], [0, 0])],
)
def test_apportion_gives_largest_remainders(total, weights, expected):
    assert apportion(total, np.array(weights)).tolist() == expected


def test_parts_cover_everything_once_and_keep_the_mix():
    labels = np.random.default_rng(0).choice(4, size=1000, p=[0.4, 0.3, 0.2, 0.1])
    sizes = (703, 100, 197)
    parts = stratified_split(labels, sizes, seed=3)
    assert tuple(map(len, parts)) == sizes
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1000))
    share = np.bincount(labels) / 1000
    for part, size in zip(parts, sizes, strict=True):
        # Each part is within one element of the exact share; the first takes what is left over.
        slack = 2 if size == sizes[0] else 1
        assert np.abs(np.bincount(labels[part], minlength=4) - share * size).max() < slack


def test_a_part_is_shuffled_across_classes():
    part, _ = stratified_split(np.repeat([0, 1], 500), (900, 100), seed=0)
    head = np.bincount(np.repeat([0, 1], 500)[part[:100]], minlength=2)
    assert head.min() > 30


def test_another_seed_gives_another_split():
    labels = np.repeat([0, 1], 50)
    first, second = (stratified_split(labels, (80, 20), seed)[1] for seed in (0, 1))
    assert set(first.tolist()) != set(second.tolist())


def test_sizes_must_sum_to_the_number_of_labels():
    with pytest.raises(ValueError, match=r"must sum to 4, but got \[2, 1\]"):
        stratified_split(np.array([0, 0, 1, 1]), (2, 1), seed=0)


NAMES = [f"picture-{index:03d}.png" for index in range(40)]


def test_split_by_name_has_the_shares_and_covers_everything_once():
    train, val, test = split_by_name(NAMES, (0.7, 0.15, 0.15))
    assert (len(train), len(val), len(test)) == (28, 6, 6)
    assert sorted(train + val + test) == NAMES


def test_split_by_name_does_not_depend_on_the_order_of_the_names():
    assert split_by_name(NAMES[::-1], (0.7, 0.15, 0.15)) == split_by_name(NAMES, (0.7, 0.15, 0.15))


def test_a_new_name_moves_at_most_one_other_over_each_border():
    def places(names):
        parts = split_by_name(names, (0.7, 0.15, 0.15))
        return {name: place for place, part in enumerate(parts) for name in part}

    before = places(NAMES)
    for index in range(50):
        after = places([*NAMES, f"new-{index}.png"])
        assert sum(before[name] != after[name] for name in NAMES) <= 2


def test_small_classes_have_something_in_each_part():
    assert [len(part) for part in split_by_name(NAMES[:3], (0.7, 0.15, 0.15))] == [1, 1, 1]


def test_split_by_name_is_pinned():
    parts = split_by_name(NAMES, (0.7, 0.15, 0.15))
    digest = hashlib.sha256("\n".join("/".join(part) for part in parts).encode()).hexdigest()
    assert digest == "57699ac8bf2b34d08d66a1f1809b42c85ccf16d134927783b7ef514f52d52c9e"
