"""A number that changes with the source of compiled functions: part of the key under which they are kept on disk.

PyTensor's own key knows an operation by its name and properties, Numba's a function by the file it stands in. Neither
sees that a function called from another file has changed: code compiled before an upgrade would go on answering.
"""

import zlib
from pathlib import Path


def code_key(file: str, *others: str) -> int:
    """Of a module's `__file__` and of modules by their path from there, whose functions or constants it compiles in."""
    here = Path(file)
    return zlib.crc32(
        b"".join(path.read_bytes() for path in (here, *(here.parent / f"{o}.py" for o in others)))
    )
