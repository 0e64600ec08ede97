"""The door: exactly these names, and nothing heavy behind it before it is asked for."""

import subprocess
import sys

import pytest

import firth

PUBLIC = {"Embeddings", "TrainConfig", "__version__", "load", "resume", "save", "train"}


def test_the_door_has_exactly_the_public_names() -> None:
    assert set(firth.__all__) == PUBLIC
    assert set(dir(firth)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(firth, name) is not None


def test_names_lead_to_their_rooms() -> None:
    from firth.embeddings import Embeddings
    from firth.formats import load, save

    assert firth.Embeddings is Embeddings
    assert (firth.load, firth.save) == (load, save)


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Word2Vec'; it has .*TrainConfig.*train"):
        _ = firth.Word2Vec


def test_importing_firth_imports_nothing_heavy() -> None:
    code = (
        "import sys, firth, firth.cli.app\n"
        "heavy = {'numpy', 'numba', 'pyarrow', 'safetensors', 'rich.console', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
