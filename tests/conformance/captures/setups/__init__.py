"""For each recorded case, the state before the call, and the caller; never the answer.

One file for each subject. Importing it adds its cases to the table.
"""

import importlib
import pkgutil

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")
