"""The EBS direct APIs read and write the blocks of snapshots; the simulated AWS has no blocks."""

from ..table import leave_out_service

leave_out_service("ebs", "the EBS direct APIs are not simulated: snapshots have no data here")
