"""Number formats, as far as their rounding matters."""

ROUNDING = {"float32": 2.0**-19, "tf32": 2.0**-11, "bfloat16": 2.0**-9, "float16": 2.0**-11}
"""By how much a product computed in a format may differ, relative to itself.

For the short formats half a unit in their last place: operands are rounded, sums are kept in
float32. For float32 itself √1024 × 2⁻²⁴: the same thousand products summed in another order.
"""
