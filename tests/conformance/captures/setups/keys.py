"""Keys: states, replicas, and who may use them."""

from ..table import leave_out_area

leave_out_area("kms-pol", "not set up yet")
