"""Simulation of policies."""

from ..table import leave_out_area

leave_out_area("iam-sim", "not set up yet")
