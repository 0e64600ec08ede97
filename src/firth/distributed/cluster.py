"""A Ray cluster: found, or started on this machine and stopped again; and what to do where that fails."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from firth.errors import ClusterError
from firth.extras import optional

LOCAL = "local"
"""The address that means: start a cluster on this machine, for this run."""

AUTO = "auto"
"""The address that means: the cluster that this machine belongs to."""

PATIENCE = 30.0
"""Seconds in which an address must answer."""

STORE_BYTES = 4 << 30
"""Object store of a cluster started here, at most: changes of a few rounds, and the start's tables."""

LEAST_STORE_BYTES = 96 << 20
"""Object store of a cluster started here, at least."""

# Read by Ray when it is imported. The second one says to take 127.0.0.1 for this machine's address, without
# which Ray listens on every interface; despite its name it means the same on Linux.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # only says that what will be the default is the default
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # results of a stretch that is given up
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


_WRONG_TOKEN = "AuthenticationError"
"""What Ray writes where a cluster asks for a token and is not shown its own."""


@contextmanager
def cluster(address: str | None = None, processors: int | None = None) -> Iterator[Any]:
    """Connect to a Ray cluster as long as the block lasts; yield the module ``ray``.

    Args:
        address: ``HOST:PORT`` of a cluster's head, ``auto`` for the one this machine belongs to, None or
            ``local`` to start one here that listens on 127.0.0.1 only and ends with the block. A connection
            that the process has already is used, whatever the address, and stays.

        processors: of a cluster that is started here; by default all that this process may use.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterError: the address does not answer within PATIENCE seconds, or Ray cannot start.
    """
    local = address in (None, LOCAL)
    settings = SETTINGS | (LOOPBACK if local else {})
    with _environment(settings):
        ray = optional("ray", "training on a cluster (--ray)", "ray")
        if ray.is_initialized():
            yield ray
            return
        if not local:
            _check_answers(str(address))
        try:
            with _signals_kept(), on_loopback() if local else nullcontext():
                _connect(ray, None if local else address, processors)
        except Exception as error:  # Ray raises ConnectionError, RuntimeError, ValueError, its own ...
            raise _refused(address, error) from error
        try:
            with _quiet():
                yield ray
        finally:
            with undisturbed():
                ray.shutdown()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no Ctrl-C or SIGTERM come in between while the block lasts: seconds in which all is let go."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in stopping}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # it was not set from Python
                signal.signal(number, handler)


@contextmanager
def on_loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for this machine's address, where it was imported with other settings."""
    constants: Any = sys.modules["ray._private.ray_constants"]
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _connect(ray: Any, address: str | None, processors: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is not None:
        ray.init(address=address, **quiet)
        return
    from firth.training.config import available_cores

    ray.init(
        address=LOCAL,
        num_cpus=processors or available_cores(),
        include_dashboard=False,
        object_store_memory=store_bytes(),
        **quiet,
    )
    if ray.util.get_node_ip_address() != "127.0.0.1":
        ray.shutdown()
        raise RuntimeError("it would not listen on 127.0.0.1 alone")


def store_bytes() -> int:
    """Return the size of the object store of a cluster started here: a fifth of what memory there is."""
    from firth.training.memory import available_bytes

    room = (available_bytes() or STORE_BYTES) // 5
    if os.path.isdir("/dev/shm"):  # noqa: PTH112
        room = min(room, shutil.disk_usage("/dev/shm").free // 2)
    return int(min(max(room, LEAST_STORE_BYTES), STORE_BYTES))


def _check_answers(address: str) -> None:
    """Ask the cluster's head whether it is well, in a process that can be given up.

    Raises:
        ClusterError: no answer within PATIENCE seconds, or not that of a cluster.
    """
    if address.startswith("ray://"):
        raise ClusterError(
            f"--ray {address}: a Ray Client address cannot be used, as the run is conducted from a machine "
            "of the cluster: start firth there with --ray auto, or give the head's HOST:PORT (often 6379)"
        )
    host, _, port = address.rpartition(":")
    if address != AUTO and not (host and port.isdigit()):
        raise ClusterError(
            f"--ray {address}: not an address: give HOST:PORT of the cluster's head, auto for the cluster "
            "that this machine belongs to, or nothing for one that is started here"
        )
    asked = _ask(address)
    if _WRONG_TOKEN in asked.stderr and _take_token():
        asked = _ask(address)
    if _WRONG_TOKEN in asked.stderr:
        raise ClusterError(
            f"--ray {address}: this cluster asks for a token, and this machine has not the right one: put "
            "what `ray get-auth-token` prints on the cluster's head into ~/.ray/auth_token here"
        )
    if asked.returncode:
        raise _silent(address)


def _ask(address: str) -> subprocess.CompletedProcess[str]:
    """Return what comes of asking a cluster's head whether it is well."""
    # Without an address Ray looks into a file of its own, which may tell of a cluster that has gone.
    which = [] if address == AUTO else ["--address", address]
    ask = [sys.executable, "-c", "from ray.scripts.scripts import cli; cli()", "health-check", *which]
    try:
        return subprocess.run(ask, timeout=PATIENCE, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        raise _silent(address, f" within {PATIENCE:.0f} s") from None


def _take_token() -> bool:
    """Show this machine's token from now on; tell whether there is one that was not shown before.

    `ray start` asks for a token where it finds one, and a cluster of one's own leaves one behind; but who
    gives an address shows it only if told to. With a cluster that asks for none it would be wrong: its
    workers would have to show one to this process.
    """
    from ray._private.authentication import authentication_token_setup as tokens

    tokens.logger.setLevel(logging.ERROR)  # or it warns of what is wanted
    told = tokens.AUTH_MODE_ENV_VAR in os.environ
    return not told and tokens.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def _silent(address: str, when: str = "") -> ClusterError:
    if address == AUTO:
        return ClusterError(
            "--ray auto: this machine belongs to no Ray cluster that answers: start one "
            "(`ray start --head`), join one (`ray start --address=HOST:PORT`), or leave the address out to "
            "use this machine alone"
        )
    return ClusterError(
        f"--ray {address}: no Ray cluster answers there{when}: start its head with "
        "`ray start --head`, check host, port and firewall; or leave the address out: this machine alone"
    )


def _refused(address: str | None, error: Exception) -> ClusterError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if address in (None, LOCAL):
        return ClusterError(
            f"no Ray cluster could be started on this machine ({reason}): train without --ray"
        )
    return ClusterError(
        f"--ray {address}: cannot join this cluster ({reason}): this machine must belong to it "
        f"(`ray start --address={address}`) and have the same versions of Python and Ray"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray from telling of lost workers on stdout, where results belong; the crew counts them."""
    internals: Any = sys.modules["ray._private.worker"]
    before, internals.print_to_stdstream = internals.print_to_stdstream, lambda *_args, **_named: None
    try:
        yield
    finally:
        internals.print_to_stdstream = before


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables that are not set yet while the block lasts; processes inherit them."""
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep our own handler of SIGTERM, in whose place Ray puts one."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        # It was not set from Python, or this is not the main thread: then Ray set none either.
        with suppress(TypeError, ValueError):
            signal.signal(signal.SIGTERM, before)
