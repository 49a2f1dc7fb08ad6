"""Sessions of STS."""

from ..table import leave_out_area

leave_out_area("sts", "not set up yet")
