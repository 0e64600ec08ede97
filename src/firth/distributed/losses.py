"""What a lost worker looks like from outside: the errors that Ray raises for it, told from all others."""

from __future__ import annotations

from typing import Any

from firth.errors import FirthError


class OutOfStepError(RuntimeError):
    """A worker was called that does not stand where the call takes it to be, as it was lost in between."""


def is_loss(error: BaseException, ray: Any) -> bool:
    """Tell whether an error says that a worker, or what it had made, was lost: then one may try again."""
    kinds = ray.exceptions
    lost = (
        kinds.RayActorError,
        kinds.ObjectLostError,
        kinds.OutOfMemoryError,
        kinds.WorkerCrashedError,
        kinds.NodeDiedError,
        OutOfStepError,
        MemoryError,
    )
    return any(isinstance(cause, lost) for cause in _causes(error))


def is_exhausted(error: BaseException) -> bool:
    """Tell whether a worker had too little memory, so that nobody knows what it has left half done."""
    return any(isinstance(cause, MemoryError) for cause in _causes(error))


def own_error(error: BaseException) -> FirthError | None:
    """Return the error of firth that a worker raised, if that is what Ray brings.

    What Ray brings is an error of both kinds, whose message is a worker's whole traceback; its cause is ours.
    """
    found = (cause for cause in _causes(error) if not hasattr(cause, "cause"))
    return next((cause for cause in found if isinstance(cause, FirthError)), None)


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an error and what it was made from: Ray wraps what a worker raised."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = getattr(error, "cause", None) or error.__cause__
    return found
