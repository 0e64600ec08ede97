"""``float32x16``: sixteen float32 numbers at a time for Numba kernels, and nothing about words.

Numba compiles loops and leaves it to LLVM to find vectors in them. The functions of this room let a
kernel *say* the vectors instead: :func:`load` sixteen numbers, :func:`fma` them, :func:`store` them.
A value lives in one AVX-512 register, or LLVM splits it over two AVX2 or four NEON registers; every
operation acts lane by lane in IEEE arithmetic, so the result is the same on all of them.

Each function below is two things. Called from Python it is its own NumPy twin: the plain body is what
the operation means. Called from compiled code it becomes the LLVM instructions that
``@_compiles_to(...)`` beside it builds; a twin and its instructions are held together by the tests.

Where the environment variable ``FIRTH_CHECKED_KERNELS`` is set when this module is imported, compiled
loads and stores check their index against the array's length and raise ``IndexError``; a plain build
does not look, as a compiled read out of bounds is silent.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.extending import lower_builtin, register_model
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numpy.typing import NDArray

LANES = 16
"""Numbers in a vector; rows of the tables are padded to a multiple of this."""

CHECKED = bool(os.environ.get("FIRTH_CHECKED_KERNELS"))
"""Whether compiled loads and stores check their bounds (slow: for tests)."""

Twin = TypeVar("Twin", bound=Callable[..., Any])
Scalar: TypeAlias = float | np.floating[Any]
Index: TypeAlias = int | np.integer[Any]
Vector: TypeAlias = NDArray[np.float32]
"""What a ``float32x16`` is in Python: an array of 16 float32."""

_LANE_INDEX = list(range(LANES))
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)


class Float32x16(types.Type):
    """The Numba type of sixteen float32 numbers."""

    def __init__(self) -> None:
        """Name the type; there is only the one instance :data:`float32x16`."""
        super().__init__(name="float32x16")


float32x16 = Float32x16()
register_model(Float32x16)(lambda manager, kind: models.PrimitiveModel(manager, kind, _FLOATS))

_KINDS: dict[str, Callable[[types.Type], bool]] = {
    "vector": lambda kind: kind is float32x16,
    "flat": lambda kind: isinstance(kind, types.Array) and kind.ndim == 1 and kind.dtype == types.float32,
    "array": lambda kind: isinstance(kind, types.Array) and kind.ndim == 1,
    "index": lambda kind: isinstance(kind, types.Integer),
    "scalar": lambda kind: isinstance(kind, (types.Float, types.Integer)),
}
_LOWERED = {
    "vector": Float32x16,
    "flat": types.Array,
    "array": types.Array,
    "index": types.Integer,
    "scalar": types.Number,
}


def _compiles_to(
    arguments: str, result: types.Type, build: Callable[..., ir.Value]
) -> Callable[[Twin], Twin]:
    """Register ``build(context, builder, sig, args)`` as the compiled form of the function below it.

    ``arguments`` names the kind of each argument: vector, flat (of float32), array, index or scalar.
    """
    kinds = arguments.split()

    def register(twin: Twin) -> Twin:
        class Typing(AbstractTemplate):  # type: ignore[misc]
            key = twin

            def generic(self, args: tuple[types.Type, ...], kws: dict[str, types.Type]) -> Any:
                if kws or len(args) != len(kinds):
                    return None
                if not all(_KINDS[kind](arg) for kind, arg in zip(kinds, args, strict=True)):
                    return None
                return signature(result, *args)

        infer_global(twin, types.Function(Typing))
        lower_builtin(twin, *(_LOWERED[kind] for kind in kinds))(build)
        return twin

    return register


def _pointer(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, *, guard: bool) -> ir.Value:
    """Return the address of ``flat[index]`` as a pointer to a vector, its bounds checked if asked."""
    array = context.make_array(sig.args[0])(context, builder, args[0])
    index = context.cast(builder, args[1], sig.args[1], types.intp)
    if guard:
        size = builder.extract_value(array.shape, 0)
        beyond = builder.icmp_signed(">", builder.add(index, ir.Constant(index.type, LANES)), size)
        outside = builder.or_(builder.icmp_signed("<", index, ir.Constant(index.type, 0)), beyond)
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a vector reaches outside its array",))
    return builder.bitcast(builder.gep(array.data, [index]), _FLOATS.as_pointer())


def _build_load(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    return builder.load(_pointer(context, builder, sig, args, guard=CHECKED), align=4)


def _build_store(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    builder.store(args[2], _pointer(context, builder, sig, args, guard=CHECKED), align=4)
    return context.get_dummy_value()


def _build_prefetch(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    pointer = builder.bitcast(_pointer(context, builder, sig, args, guard=False), cgutils.voidptr_t)
    flag = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    # for writing, into the nearest cache, data
    builder.call(function, [pointer, ir.Constant(flag, 1), ir.Constant(flag, 3), ir.Constant(flag, 1)])
    return context.get_dummy_value()


def _build_splat(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    value = context.cast(builder, args[0], sig.args[0], types.float32)
    one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(_INTEGERS, [0] * LANES))


def _build_spread(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    vector = _pointer(context, builder, sig, args, guard=CHECKED)
    value = builder.load(builder.bitcast(vector, ir.FloatType().as_pointer()))
    return _build_splat(context, builder, signature(float32x16, types.float32), [value])


def _call(builder: ir.IRBuilder, name: str, args: list[ir.Value]) -> ir.Value:
    """Call the LLVM function ``name`` that maps vectors to a vector.

    It is declared by name because ``module.declare_intrinsic`` fails on vector types.
    """
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.v16f32"), args)


def _build_fma(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    return _call(builder, "llvm.fma", list(args))


def _build_clamp(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    low, high = (
        _build_splat(context, builder, signature(float32x16, kind), [value])
        for kind, value in zip(sig.args[1:], args[1:], strict=True)
    )
    # Compared this way round, a NaN stays one.
    raised = builder.select(builder.fcmp_ordered("<", args[0], low), low, args[0])
    return builder.select(builder.fcmp_ordered(">", raised, high), high, raised)


def _build_nearest(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    return _call(builder, "llvm.rint", list(args))


def _integers(value: int) -> ir.Constant:
    return ir.Constant(_INTEGERS, [value] * LANES)


def _build_power_of_two(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    exponent = builder.add(builder.fptosi(args[0], _INTEGERS), _integers(127))
    return builder.bitcast(builder.shl(exponent, _integers(23)), _FLOATS)


def _build_exponent(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    biased = builder.lshr(builder.bitcast(args[0], _INTEGERS), _integers(23))
    return builder.sitofp(builder.sub(biased, _integers(127)), _FLOATS)


def _build_mantissa(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    fraction = builder.and_(builder.bitcast(args[0], _INTEGERS), _integers(0x007FFFFF))
    return builder.bitcast(builder.or_(fraction, _integers(0x3F800000)), _FLOATS)


def _halves(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, first: list[int], second: list[int]) -> ir.Value:
    """Add two rearrangements of the 32 lanes of ``a`` (0-15) and ``b`` (16-31)."""
    one = builder.shuffle_vector(a, b, ir.Constant(_INTEGERS, first))
    two = builder.shuffle_vector(a, b, ir.Constant(_INTEGERS, second))
    return builder.fadd(one, two)


# The lanes that each level of the tree adds; every list is one cheap shuffle on x86.
_QUADS = (0, 4, 8, 12)
_LEVEL_1 = ([x for q in _QUADS for x in (q, q + 16, q + 1, q + 17)],
            [x for q in _QUADS for x in (q + 2, q + 18, q + 3, q + 19)])  # fmt: skip
_LEVEL_2 = ([x for q in _QUADS for x in (q, q + 1, q + 16, q + 17)],
            [x for q in _QUADS for x in (q + 2, q + 3, q + 18, q + 19)])  # fmt: skip
_LEVEL_3 = ([*range(4), *range(8, 12), *range(16, 20), *range(24, 28)],
            [*range(4, 8), *range(12, 16), *range(20, 24), *range(28, 32)])  # fmt: skip


def _build_totals(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
    """Build a tree of additions: 24 shuffles for twelve sums, where twelve sums alone would take 48."""
    rows = [*args, *[ir.Constant(_FLOATS, [0.0] * LANES)] * (LANES - len(args))]
    for level in (_LEVEL_1, _LEVEL_2, _LEVEL_3, _LEVEL_3):
        rows = [_halves(builder, a, b, *level) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return rows[0]


@_compiles_to("flat index", float32x16, _build_load)
def load(flat: Vector, index: Index) -> Vector:
    """Return ``flat[index : index + 16]``; ``flat`` is a one-dimensional float32 array."""
    if not 0 <= index <= len(flat) - LANES:
        raise IndexError("a vector reaches outside its array")
    return flat[index : index + LANES].copy()


@_compiles_to("flat index vector", types.none, _build_store)
def store(flat: Vector, index: Index, value: Vector) -> None:
    """Write ``value`` to ``flat[index : index + 16]``."""
    if not 0 <= index <= len(flat) - LANES:
        raise IndexError("a vector reaches outside its array")
    flat[index : index + LANES] = value


@_compiles_to("array index", types.none, _build_prefetch)
def prefetch(array: NDArray[Any], index: Index) -> None:
    """Ask the processor to fetch the cache line of ``array[index]``; changes nothing and may be ignored."""


@_compiles_to("scalar", float32x16, _build_splat)
def splat(value: Scalar) -> Vector:
    """Return ``value`` in all sixteen lanes."""
    return np.full(LANES, value, np.float32)


@_compiles_to("flat index", float32x16, _build_spread)
def spread(flat: Vector, index: Index) -> Vector:
    """Return ``flat[index]`` in all sixteen lanes; 16 numbers must follow from there, as for a load."""
    return splat(float(load(flat, index)[0]))


@_compiles_to("vector vector vector", float32x16, _build_fma)
def fma(a: Vector, b: Vector, c: Vector) -> Vector:
    """Return a × b + c, rounded once."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


@_compiles_to("vector scalar scalar", float32x16, _build_clamp)
def clamp(a: Vector, low: Scalar, high: Scalar) -> Vector:
    """Return each lane of ``a`` moved into [low, high]; a NaN stays one."""
    return np.minimum(np.maximum(a, np.float32(low)), np.float32(high))


@_compiles_to("vector", float32x16, _build_nearest)
def nearest(a: Vector) -> Vector:
    """Return each lane rounded to the nearest whole number, halves to the even one: 2.5 -> 2.0."""
    return np.rint(a)


@_compiles_to("vector", float32x16, _build_power_of_two)
def power_of_two(a: Vector) -> Vector:
    """Return 2 ** a for whole numbers ``a`` from -126 to 127: -3.0 -> 0.125."""
    return np.ldexp(np.float32(1.0), a.astype(np.int32))


@_compiles_to("vector", float32x16, _build_exponent)
def exponent(a: Vector) -> Vector:
    """Return floor(log2(a)) for positive, normal numbers ``a``: 0.3 -> -2.0."""
    return (np.frexp(a)[1] - 1).astype(np.float32)


@_compiles_to("vector", float32x16, _build_mantissa)
def mantissa(a: Vector) -> Vector:
    """Return a / 2 ** exponent(a), a number from 1 up to 2: 0.3 -> 1.2."""
    return (np.frexp(a)[0] * 2).astype(np.float32)


@_compiles_to(" ".join(["vector"] * 12), float32x16, _build_totals)
def totals(*rows: Vector) -> Vector:
    """Return the sums of twelve vectors in lanes 0 ... 11, zeros in the rest.

    The tree of additions is fixed, so the sums have the same bits on every processor.
    """
    sums = [*rows, *[np.zeros(LANES, np.float32)] * (LANES - len(rows))]
    for first, second in (_LEVEL_1, _LEVEL_2, _LEVEL_3, _LEVEL_3):
        pairs = [np.concatenate(pair) for pair in zip(sums[::2], sums[1::2], strict=True)]
        sums = [pair[first] + pair[second] for pair in pairs]
    return sums[0]


def _arithmetic(symbol: Any, instruction: str) -> None:
    """Give compiled vectors the operator ``symbol`` as one LLVM ``instruction``."""

    def build(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
        return getattr(builder, instruction)(*args)

    class Typing(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: tuple[types.Type, ...], _kws: dict[str, types.Type]) -> Any:
            return signature(float32x16, *args) if args == (float32x16, float32x16) else None

    infer_global(symbol)(Typing)
    lower_builtin(symbol, Float32x16, Float32x16)(build)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_symbol, _instruction)
