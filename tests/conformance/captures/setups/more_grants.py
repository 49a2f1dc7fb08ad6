"""Grants of the second table."""

from ..table import leave_out_area

leave_out_area("kms-grant", "not set up yet")
