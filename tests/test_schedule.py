"""The blocks of a run: each position once an epoch, the learning rate falling in a straight line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.training.schedule import BLOCK_POSITIONS, Schedule


def make(positions: int, epochs: int, **options: int) -> Schedule:
    return Schedule(positions, epochs, alpha=0.05, min_alpha=0.01, **{"seed": 3, **options})


SCHEDULES = st.builds(make, st.integers(1, 9 * BLOCK_POSITIONS), st.integers(1, 130))


@given(SCHEDULES)
def test_blocks_cover_each_epoch_exactly_once(schedule: Schedule) -> None:
    for epoch in (0, schedule.epochs - 1):
        first = epoch * schedule.blocks_per_epoch
        blocks = [schedule.block(first + i) for i in range(schedule.blocks_per_epoch)]
        assert {block.epoch for block in blocks} == {epoch}
        assert [block.begin for block in blocks] == [0, *(block.end for block in blocks[:-1])]
        assert blocks[-1].end == schedule.positions
    assert schedule.blocks == schedule.epochs * schedule.blocks_per_epoch


@given(SCHEDULES)
def test_the_learning_rate_falls_in_a_straight_line_over_all_epochs(schedule: Schedule) -> None:
    total = schedule.positions * schedule.epochs
    for number in {0, schedule.blocks // 2, schedule.blocks - 1}:
        block = schedule.block(number)
        share = (block.epoch * schedule.positions + block.begin) / total
        assert block.alpha == pytest.approx(0.05 - 0.04 * share, rel=1e-12)
        assert schedule.positions_before(number) == block.epoch * schedule.positions + block.begin
    assert schedule.positions_before(schedule.blocks) == total
    assert schedule.alpha_at(schedule.blocks) == pytest.approx(0.01)


@given(SCHEDULES)
def test_every_report_has_blocks_and_ends_where_the_next_begins(schedule: Schedule) -> None:
    numbers = [schedule.report_of(number) for number in range(schedule.blocks)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(schedule.reports))
    for report in {0, schedule.reports // 2, schedule.reports - 1}:
        assert schedule.blocks_before_report(report) == numbers.index(report)
    assert schedule.blocks_before_report(schedule.reports) == schedule.blocks
    assert schedule.reports % schedule.epochs == 0
    assert schedule.reports <= max(150, schedule.epochs)


def test_keys_differ_between_epochs_and_seeds_and_go_on_in_a_later_phase() -> None:
    keys = [make(10, 4).key(epoch) for epoch in range(4)]
    assert len({*keys, *(make(10, 4, seed=4).key(epoch) for epoch in range(4))}) == 8
    assert make(10, 2, first_epoch=2).key(1) == keys[3]
    assert all(0 <= key < 2**64 for key in keys)
