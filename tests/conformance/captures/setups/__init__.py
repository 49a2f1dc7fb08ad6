"""For each recorded case, the state before the call, and the caller; never the answer.

Importing a module adds its cases to the table.
"""

from ..table import SETUPS
from . import copies, grants, images, launches, sharing

__all__ = ["SETUPS", "copies", "grants", "images", "launches", "sharing"]
