#!/usr/bin/env bash
# Shares one or several AMIs from any machine: a Makefile, cron, CodeBuild, a terminal.
#
#     share.sh "ami-… eu-west-1:ami-…" 222222222222 333333333333
#
# Needs `ami-share` and `jq` on the PATH. Finds AWS credentials and the Region as the AWS CLI does.
# Every input is a variable: INPUT_ and its name in capitals, with _ for each -. For example, set
# INPUT_DRY_RUN=true to see what would change, or INPUT_KMS_KEY_ID=alias/golden to re-encrypt.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: ${0##*/} \"AMI…\" ACCOUNT…" >&2
    exit 2
fi
export INPUT_AMI_ID="$1"
export INPUT_TARGET_ACCOUNTS="${*:2}"
export INPUT_REPORT_PATH="${INPUT_REPORT_PATH:-report.json}"

status=0
ami-share || status=$?
case "$status" in
0) jq --raw-output '.images[] | "launch \(.image) in \(.region)"' "$INPUT_REPORT_PATH" ;;
2) echo "bad input: AWS was not called" >&2 ;;
3) echo "the plan refuses, nothing was changed: the findings say what to do" >&2 ;;
4) echo "the deadline passed: run it again to continue" >&2 ;;
*) echo "a step failed: the errors say what to do, then run it again to do the rest" >&2 ;;
esac
exit "$status"
