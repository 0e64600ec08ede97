"""The options: what is taken, what is refused, and how the refusal reads."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from firth.errors import ConfigError
from firth.training.config import FOREIGN_NAMES, TrainConfig, available_cores

KNOWN = {field.name for field in dataclasses.fields(TrainConfig)}


def test_defaults_are_word2vecs() -> None:
    config = TrainConfig()
    assert (config.vector_size, config.window, config.min_count) == (100, 5, 5)
    assert (config.negative, config.epochs, config.seed) == (5, 5, 1)
    assert (config.alpha, config.min_alpha) == (0.05, 0.0001)
    assert (config.sample, config.ns_exponent, config.shrink_windows) == (1e-3, 0.75, True)
    assert config.threads == available_cores() >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vector_size": 1}, r"vector_size must be from 2 to 1024, not 1"),
        ({"vector_size": 1025}, r"vector_size .* not 1025"),
        ({"vector_size": "100"}, r"vector_size must be a whole number, not '100'"),
        ({"vector_size": 100.0}, r"vector_size must be a whole number, not 100.0"),
        ({"window": 0}, r"window .* not 0"),
        ({"min_count": 0}, r"min_count must be at least 1, not 0"),
        ({"max_vocab_size": 0}, r"max_vocab_size must be at least 1, not 0"),
        ({"negative": 0}, r"negative must be from 1 to 50, not 0"),
        ({"negative": 51}, r"negative .* not 51"),
        ({"epochs": 0}, r"epochs must be from 1 to 100000, not 0"),
        ({"epochs": True}, r"epochs must be a whole number, not True"),
        ({"alpha": 0.0}, r"alpha must be above 0 and at most 10, not 0"),
        ({"alpha": math.nan}, r"alpha must be a finite number, not nan"),
        ({"alpha": math.inf}, r"alpha must be a finite number, not inf"),
        ({"alpha": "fast"}, r"alpha must be a number, not 'fast'"),
        ({"alpha": "0.1"}, r"alpha must be a finite number, not '0.1'"),
        ({"alpha": None}, r"alpha must be a number, not None"),
        ({"alpha": 0.001, "min_alpha": 0.01}, r"min_alpha \(0.01\) is above alpha \(0.001\)"),
        ({"sample": -1e-5}, r"sample must be from 0 to 1, not -1e-05"),
        ({"ns_exponent": 2.5}, r"ns_exponent must be from -2 to 2, not 2.5"),
        ({"seed": -1}, r"seed must be from 0 to \d+, not -1"),
        ({"seed": 2**63}, r"seed .* not 9223372036854775808"),
        ({"threads": 0}, r"threads must be from 1 to 1024, not 0"),
        ({"shrink_windows": 1}, r"shrink_windows must be True or False, not 1"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**options)


@pytest.mark.parametrize("edge", [{"vector_size": 2}, {"vector_size": 1024}, {"negative": 50}, {"sample": 0}])
def test_the_ends_of_a_range_belong_to_it(edge: dict[str, Any]) -> None:
    assert dataclasses.asdict(TrainConfig(**edge)).items() >= edge.items()


def test_numbers_of_numpy_become_pythons() -> None:
    config = TrainConfig(vector_size=np.int16(33), alpha=np.float32(0.25))  # type: ignore[arg-type]
    assert (type(config.vector_size), config.vector_size) == (int, 33)
    assert (type(config.alpha), config.alpha) == (float, 0.25)


def test_a_config_is_frozen_and_survives_the_way_through_json() -> None:
    config = TrainConfig(vector_size=33, shrink_windows=False, max_vocab_size=7, threads=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.window = 3  # type: ignore[misc]
    assert TrainConfig.from_dict(config.as_dict()) == config
    assert dataclasses.replace(config, window=9).window == 9


def test_a_name_of_another_program_is_answered_with_ours() -> None:
    with pytest.raises(ConfigError, match=r"unknown option 'size': firth calls it 'vector_size'"):
        TrainConfig(size=100)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"unknown option 'hs': firth trains skip-gram .* only"):
        TrainConfig(hs=1)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"unknown option 'wndow': the options are .*window"):
        TrainConfig(wndow=1)  # type: ignore[call-arg]


def test_every_foreign_name_leads_to_an_option_and_is_none_itself() -> None:
    assert set(FOREIGN_NAMES.values()) - {""} <= KNOWN
    assert not KNOWN & FOREIGN_NAMES.keys()
