"""Sixteen numbers at once in compiled loops, where the compiler by itself takes them one by one or in small groups.

A vector holds float32. Arrays that it comes from and goes to are flat, and float32 or bfloat16; numpy has no bfloat16,
so those come as uint16 with the same bits, and are rounded to nearest, ties to even, when written. LLVM makes of a
vector what the machine has: one register of AVX-512, two of AVX, four of SSE or NEON.

Not covered: what lies beyond the last whole vector of an array; lengths are multiples of LANES, or padded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from pawl.compiled import inlined

LANES = 16
"""Numbers of a vector."""
LEAST, MOST = np.float32(-87), np.float32(88)
"""e to the power of less is no normal number, and of more none at all."""
LOG2_E, LN_2_HIGH, LN_2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
"""ln 2 in two parts, of which the first is exact in few bits: a multiple of it is exact too."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_HALVES = ir.VectorType(ir.IntType(16), LANES)
_FLAGS = ("contract", "reassoc", "arcp", "nsz")
"""Products and sums may become one operation, and sums be reordered; what is no number stays none. numba gives the same
to every operation of a function that is compiled `fast`."""


class _Vector(types.Type):  # type: ignore[misc]  # numba has no types
    """Of numba."""


_vector = _Vector(name="pawl.models.vectors")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, _FLOATS)


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, array: Any, place: Any) -> Any:
    """The numbers of an array [N] from a place on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        if _is_float32(array):
            return builder.load(_address(context, builder, array, arguments, _FLOATS), align=4)
        halves = builder.load(_address(context, builder, array, arguments, _HALVES), align=2)
        return builder.bitcast(builder.shl(builder.zext(halves, _INTEGERS), _integers(16)), _FLOATS)

    return _vector(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    """Writes a vector to an array [N] from a place on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        *where, numbers = arguments
        if _is_float32(array):
            builder.store(numbers, _address(context, builder, array, where, _FLOATS), align=4)
        else:
            bits = builder.bitcast(numbers, _INTEGERS)
            odd = builder.and_(builder.lshr(bits, _integers(16)), _integers(1))
            rounded = builder.lshr(builder.add(bits, builder.add(odd, _integers(0x7FFF))), _integers(16))
            halves = builder.trunc(rounded, _HALVES)
            builder.store(halves, _address(context, builder, array, where, _HALVES), align=2)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def fetch(typing: Any, array: Any, place: Any) -> Any:
    """Asks for the line of memory in which a place of an array [N] lies, to be there when it is needed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(_address(context, builder, array, arguments, _FLOATS), byte)
        builder.call(prefetch, [address, _integer(0), _integer(3), _integer(1)])  # to read, soon and often, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def spread(typing: Any, number: Any) -> Any:
    """A number in every place."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        nothing = ir.Constant(_FLOATS, ir.Undefined)
        return builder.shuffle_vector(builder.insert_element(nothing, arguments[0], _integer(0)), nothing, _integers(0))

    return _vector(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def total(typing: Any, vector: Any) -> Any:
    """The sum of the numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), _FLOATS])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f32")
        return builder.call(reduce, [ir.Constant(ir.FloatType(), 0.0), *arguments], fastmath=_FLAGS)

    return types.float32(_vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def largest(typing: Any, vector: Any) -> Any:
    """The largest of the numbers; any where one is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [_FLOATS])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fmax.v{LANES}f32")
        return builder.call(reduce, arguments, fastmath=("nnan",))  # without it, a call of fmaxf for each

    return types.float32(_vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def beginning(typing: Any, vector: Any, count: Any, other: Any) -> Any:
    """The first `count` of the numbers, and another number in the places after them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        numbers, count, other = arguments
        nothing = ir.Constant(_FLOATS, ir.Undefined)
        others = builder.shuffle_vector(builder.insert_element(nothing, other, _integer(0)), nothing, _integers(0))
        start = builder.insert_element(ir.Constant(_INTEGERS, ir.Undefined), builder.trunc(count, ir.IntType(32)),
                                       _integer(0))
        counts = builder.shuffle_vector(start, ir.Constant(_INTEGERS, ir.Undefined), _integers(0))
        places = ir.Constant(_INTEGERS, list(range(LANES)))
        return builder.select(builder.icmp_signed("<", places, counts), numbers, others)

    return _vector(_vector, types.intp, types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def rounded(typing: Any, vector: Any) -> Any:
    """The nearest whole number to each, none of which is beyond an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        kind = ir.FunctionType(_FLOATS, [_FLOATS] * 2)
        signed = cgutils.get_or_insert_function(builder.module, kind, f"llvm.copysign.v{LANES}f32")
        half = builder.call(signed, [ir.Constant(_FLOATS, [0.5] * LANES), *arguments])
        return builder.sitofp(builder.fptosi(builder.fadd(*arguments, half), _INTEGERS), _FLOATS)

    return _vector(_vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def power_of_two(typing: Any, vector: Any) -> Any:
    """2 to the power of each, whole numbers from -126 to 127."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        biased = builder.add(builder.fptosi(arguments[0], _INTEGERS), _integers(127))
        return builder.bitcast(builder.shl(biased, _integers(23)), _FLOATS)

    return _vector(_vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def complex_product(typing: Any, left: Any, right: Any) -> Any:
    """Of neighbours as complex numbers, real part first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        def shuffled(vector: Any, places: Sequence[int]) -> Any:
            return builder.shuffle_vector(vector, vector, ir.Constant(_INTEGERS, places))

        numbers, factors = arguments
        pairs = range(LANES // 2)
        swapped = shuffled(numbers, [place for i in pairs for place in (2 * i + 1, 2 * i)])
        real = shuffled(factors, [place for i in pairs for place in (2 * i, 2 * i)])
        imaginary = shuffled(factors, [place for i in pairs for place in (2 * i + 1, 2 * i + 1)])
        signed = builder.fmul(imaginary, ir.Constant(_FLOATS, [-1.0, 1.0] * (LANES // 2)), flags=_FLAGS)
        products = builder.fmul(numbers, real, flags=_FLAGS), builder.fmul(swapped, signed, flags=_FLAGS)
        return builder.fadd(*products, flags=_FLAGS)

    return _vector(_vector, _vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def conjugate(typing: Any, vector: Any) -> Any:
    """Of neighbours as complex numbers, real part first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        return builder.fmul(*arguments, ir.Constant(_FLOATS, [1.0, -1.0] * (LANES // 2)), flags=_FLAGS)

    return _vector(_vector), generate


def _choice(sign: str) -> Callable[..., Any]:
    """Of two vectors, place by place: the left number where it compares so to the right one."""

    def typed(typing: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
            return builder.select(builder.fcmp_ordered(sign, *arguments), *arguments)

        return _vector(_vector, _vector), generate

    made: Callable[..., Any] = intrinsic(typed)
    return made


larger, smaller = _choice(">"), _choice("<")
"""The larger and the smaller number in each place; the right one where either is none."""


def _operation(name: str) -> Callable[..., Any]:
    """Of two vectors, place by place, by an instruction of LLVM."""

    def typed(typing: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
            return getattr(builder, name)(*arguments, flags=_FLAGS)

        return _vector(_vector, _vector), generate

    made: Callable[..., Any] = intrinsic(typed)
    return made


def _offer(symbol: Callable[..., Any], operation: Callable[..., Any]) -> None:
    """An operator of Python for two vectors, or a vector and a number."""

    def offered(left: Any, right: Any) -> Any:
        if left is _vector and right is _vector:
            return lambda left, right: operation(left, right)
        if left is types.float32 and right is _vector:
            return lambda left, right: operation(spread(left), right)
        if left is _vector and right is types.float32:
            return lambda left, right: operation(left, spread(right))
        return None

    overload(symbol, strict=False)(offered)  # strict: the two would need equal annotations too


_offer(operator.add, _operation("fadd"))
_offer(operator.iadd, _operation("fadd"))
_offer(operator.sub, _operation("fsub"))
_offer(operator.mul, _operation("fmul"))
_offer(operator.truediv, _operation("fdiv"))


@inlined
def exponential(x: Any) -> Any:
    """e to the power of each; of what lies beyond LEAST and MOST, as of these; relative error 5e-7.

    x = n ln 2 + r with r at most half of ln 2; e^r is its Taylor series, 2^n its bits.
    """
    x = smaller(spread(MOST), larger(spread(LEAST), x))  # in this order, what is no number stays none
    n = rounded(x * LOG2_E)
    r = x - n * LN_2_HIGH - n * LN_2_LOW
    y = spread(np.float32(1 / 720))
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        y = y * r + np.float32(factor)
    return y * power_of_two(n)


def _is_float32(array: Any) -> bool:
    assert array.dtype in (types.float32, types.uint16), f"no vectors of {array.dtype}"
    return bool(array.dtype == types.float32)


def _address(context: Any, builder: Any, array_type: Any, where: Sequence[Any], kind: Any) -> Any:
    """Where a vector of a kind lies in an array, at a place."""
    array, place = where
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _integer(number: int) -> Any:
    return ir.Constant(ir.IntType(32), number)


def _integers(number: int) -> Any:
    return ir.Constant(_INTEGERS, [number] * LANES)
