"""Parameters of SSM."""

from ..table import leave_out_area

leave_out_area("ssm", "not set up yet")
