"""Resource control policies."""

from ..table import leave_out_area

leave_out_area("org", "not set up yet")
