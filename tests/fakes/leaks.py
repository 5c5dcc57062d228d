"""What a leak of precision does to operands."""

import torch


def rounded(tensor, bits):
    """The tensor with so many bits of mantissa, as a tensor core reads it."""
    mantissa, exponent = torch.frexp(tensor.double())
    return torch.ldexp(torch.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent)
