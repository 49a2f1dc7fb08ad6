"""The same share by boto3, as a script of few lines: it waits for nothing, and checks nothing."""

import json
import sys

import boto3

image, key = sys.argv[1:3]
targets = sys.argv[3].split(",")
ec2, kms = boto3.client("ec2"), boto3.client("kms")
ec2.describe_images(ImageIds=[image])
ec2.describe_snapshots(OwnerIds=["self"])
policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
policy["Statement"].append({
    "Sid": "Share",
    "Effect": "Allow",
    "Principal": {"AWS": [f"arn:aws:iam::{target}:root" for target in targets]},
    "Action": ["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*",
               "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"],
    "Resource": "*",
})  # fmt: skip
kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
users = [{"UserId": target} for target in targets]
ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": users})
