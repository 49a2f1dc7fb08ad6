"""awspub without its upload: S3 and imports of snapshots are not simulated.

awspub_without_s3.py COMMAND CONFIG SNAPSHOT
"""

import os
import pathlib
import sys

import boto3
from awspub import api, s3
from awspub.context import Context

command, config, snapshot = sys.argv[1:]
s3.S3.bucket_region = property(lambda _: os.environ["AWS_REGION"])
s3.S3.upload_file = lambda *_: None
context = Context(pathlib.Path(config), None)
# awspub finds a snapshot that is there already by its name.
tags = [{"Key": "Name", "Value": context.source_sha256}]
boto3.client("ec2").create_tags(Resources=[snapshot], Tags=tags)
getattr(api, command)(pathlib.Path(config), None, None)
