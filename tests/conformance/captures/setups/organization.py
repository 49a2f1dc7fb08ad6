"""Resource control policies. What they decide is replayed on keys and roles."""

from ..table import leave_out_area

leave_out_area("org", "CreatePolicy, EnablePolicyType and SQS are not simulated")
