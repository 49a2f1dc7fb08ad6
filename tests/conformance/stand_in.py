"""Stands in for `aws cloudformation deploy`: makes the roles and policies that a template says."""

import argparse
import json
import os
import pathlib

import boto3
from templates import Stack

arguments = argparse.ArgumentParser()
arguments.add_argument("profile")
arguments.add_argument("--stack-name", required=True)
arguments.add_argument("--template-file", required=True)
arguments.add_argument("--capabilities", choices=["CAPABILITY_NAMED_IAM"], required=True)
arguments.add_argument("--parameter-overrides", nargs="+", required=True)
given = arguments.parse_args()

# The shell of the page may have credentials of another account.
for name in list(os.environ):
    if name.startswith("AWS_") and name.endswith(("_KEY", "_KEY_ID", "_TOKEN")):
        del os.environ[name]
session = boto3.Session(profile_name=given.profile)
account = session.client("sts").get_caller_identity()["Account"]
parameters = dict(pair.split("=", 1) for pair in given.parameter_overrides)
template = pathlib.Path(given.template_file).read_text()
assert len(template) <= 51_200, "a larger template would have to be in S3"
stack = Stack(template, account, parameters).side()
stack.create(session.client("iam"))
print(json.dumps(sorted(stack.policies)))
