"""For each recorded case, what was there before the call, and who called. Nothing here knows an answer.

Importing a module enters its cases into the table.
"""

from ..table import SETUPS
from . import copies, grants, images, launches, sharing

__all__ = ["SETUPS", "copies", "grants", "images", "launches", "sharing"]
