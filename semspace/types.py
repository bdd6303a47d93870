"""Array types, with dtype and rank in their names: ``Floats2d`` is a matrix of float32; and `Id`.

The rank is for the reader: mypy checks the dtype.
"""

from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import numpy.typing as npt

Id: TypeAlias = str | int | UUID  # as parameters take it: whole numbers and UUIDs become their text
Floats1d: TypeAlias = npt.NDArray[np.float32]
Floats2d: TypeAlias = npt.NDArray[np.float32]
Floats3d: TypeAlias = npt.NDArray[np.float32]
Doubles1d: TypeAlias = npt.NDArray[np.float64]
Doubles2d: TypeAlias = npt.NDArray[np.float64]
Doubles3d: TypeAlias = npt.NDArray[np.float64]
Ints1d: TypeAlias = npt.NDArray[np.int64]
Ints2d: TypeAlias = npt.NDArray[np.int64]
Int32s1d: TypeAlias = npt.NDArray[np.int32]
Int32s2d: TypeAlias = npt.NDArray[np.int32]
Int16s1d: TypeAlias = npt.NDArray[np.int16]
Int8s1d: TypeAlias = npt.NDArray[np.int8]
Int8s2d: TypeAlias = npt.NDArray[np.int8]
UInt16s1d: TypeAlias = npt.NDArray[np.uint16]
UInt16sXd: TypeAlias = npt.NDArray[np.uint16]
UInt32s1d: TypeAlias = npt.NDArray[np.uint32]
UInt32s2d: TypeAlias = npt.NDArray[np.uint32]
UInt64s1d: TypeAlias = npt.NDArray[np.uint64]
UInt64s2d: TypeAlias = npt.NDArray[np.uint64]
Bytes1d: TypeAlias = npt.NDArray[np.uint8]
Bytes2d: TypeAlias = npt.NDArray[np.uint8]
Bools1d: TypeAlias = npt.NDArray[np.bool_]
Bools2d: TypeAlias = npt.NDArray[np.bool_]
Strings1d: TypeAlias = npt.NDArray[np.object_]
ArrayXd: TypeAlias = npt.NDArray[Any]
