"""The arguments of a kernel, one C structure of counts and addresses."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from pdgn.nn.kernels.compiled import library


def structure(name: str, counts: str, addresses: str) -> type[ctypes.Structure]:
    """The Python side of a C structure: int64 counts first (the number of threads the very first), then pointers.

    Args:
        name: of the structure. counts, addresses: names in the order of the C source, parted by spaces.
    """
    numbers = [(count, ctypes.c_int64) for count in ("threads", *counts.split())]
    fields = [*numbers, *((place, ctypes.c_void_p) for place in addresses.split())]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def run(function: str, form: type[ctypes.Structure], **values: int | Tensor | None) -> None:
    """Calls a kernel with torch's number of threads.

    Args:
        function: its name. form: its structure. values: counts, and tensors that are contiguous; what is missing is 0.
    """
    given = {name: value.data_ptr() if isinstance(value, Tensor) else value for name, value in values.items()}
    arguments = form(threads=torch.get_num_threads(), **given)
    getattr(library(), function)(ctypes.byref(arguments))  # `values` holds the tensors until it is done
