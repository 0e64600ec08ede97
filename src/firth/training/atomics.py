"""What threads inside a compiled kernel need to share work: a counter, and a wait that spares the core.

Only for compiled code. The counters are arrays of int64.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from firth.training.kernel_cache import inlined

SPINS = 1_000
"""Looks at a counter before a waiting thread offers its core to others."""

YIELDS = 200
"""Times it then yields to whoever wants the core, before it sleeps between looks."""

_WINDOWS = os.name == "nt"  # its Sleep counts milliseconds

NAP = np.uint32(1 if _WINDOWS else 50)
"""How long it sleeps: 50 microseconds."""

_yield_core: Any = types.ExternalFunction("SwitchToThread" if _WINDOWS else "sched_yield", types.int32())
_sleep: Any = types.ExternalFunction("Sleep" if _WINDOWS else "usleep", types.int32(types.uint32))


def _pointer(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    """Return the address of ``counters[index]``, the first two of the arguments."""
    array = context.make_array(sig.args[0])(context, builder, args[0])
    index = context.cast(builder, args[1], sig.args[1], types.intp)
    return cgutils.get_item_pointer(context, builder, sig.args[0], array, [index])


def _typed_fetch_add(_typing: Any, counters: Any, index: Any, amount: Any) -> Any:
    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        value = context.cast(builder, args[2], sig.args[2], types.int64)
        return builder.atomic_rmw("add", _pointer(context, builder, sig, args), value, "seq_cst")

    return types.int64(counters, index, amount), build


fetch_add: Any = intrinsic(_typed_fetch_add)
"""``fetch_add(counters, index, amount)`` adds to ``counters[index]``, at once for all threads.

It returns what was there before.
"""


def _typed_read(_typing: Any, counters: Any, index: Any) -> Any:
    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.load_atomic(_pointer(context, builder, sig, args), "seq_cst", 8)

    return types.int64(counters, index), build


read: Any = intrinsic(_typed_read)
"""``read(counters, index)`` returns ``counters[index]``; all that a thread wrote before it is seen then."""


@inlined
def wait_until(counters, index, least):
    """Wait until ``counters[index]`` is at least ``least``: look, then yield, then sleep between looks."""
    looks = 0
    while read(counters, index) < least:
        looks += 1
        if looks > SPINS + YIELDS:
            _sleep(NAP)
        elif looks > SPINS:
            _yield_core()
