"""`library_sort` orders equal items as libstdc++'s `std::sort` does: the sums were made by a program in C++ with the same items."""

import pytest

from snowsnake.foundation.library_sort import sorted_places

_WORD = (1 << 64) - 1


def _random(count: int) -> list[int]:
    ranks, state = [], 12345
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        ranks.append((state >> 16) % 37)
    return ranks


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        # For so few items, only insertion sort runs.
        (_random(15), 9174744421645539565),
        (_random(1000), 2121760959638332356),
        # For many runs in order, heap sort takes over.
        ([number % 600 for number in range(3000)], 8122518504371889964),
        ([min(number, 4096 - number) // 2 for number in range(4096)], 11483913424401765484),
    ],
)
def test_equal_items_have_the_places_of_libstdcxx(ranks: list[int], expected: int) -> None:
    total = 0
    for place in sorted_places(ranks):
        total = (total * 1000003 + place) & _WORD
    assert total == expected


def test_an_empty_list_is_sorted() -> None:
    assert sorted_places([]) == []
