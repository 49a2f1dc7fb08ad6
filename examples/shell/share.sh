#!/usr/bin/env bash
# Shares one AMI, or several, from any machine: a Makefile, cron, CodeBuild, by hand.
#
#     share.sh "ami-… eu-west-1:ami-…" 222222222222 333333333333
#
# It needs `ami-share` on the PATH and jq. AWS credentials and Region are found as the AWS CLI finds them. Every
# input of the action is a variable here: INPUT_ and its name in capitals, with _ for each -. So INPUT_DRY_RUN=true before the
# command says what would be done, and INPUT_KMS_KEY_ID=alias/golden re-encrypts.
set -euo pipefail

export INPUT_AMI_ID="$1"
export INPUT_TARGET_ACCOUNTS="${*:2}"
export INPUT_REPORT_PATH="${INPUT_REPORT_PATH:-report.json}"

status=0
ami-share || status=$?
case "$status" in
0) jq --raw-output '.images[] | "launch \(.image) in \(.region)"' "$INPUT_REPORT_PATH" ;;
2) echo "an input is wrong, so AWS was not called" >&2 ;;
3) echo "it would be useless like this, so nothing was changed: the findings say what to do" >&2 ;;
4) echo "the time is over: run it again, and it goes on from here" >&2 ;;
*) echo "not everything was done: the errors say what to do, and running it again does the rest" >&2 ;;
esac
exit "$status"
