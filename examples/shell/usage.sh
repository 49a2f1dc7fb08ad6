#!/usr/bin/env bash
# Says which accounts use AMIs, and ends 1 if any does: before a revoke, or before a clean-up.
#
#     usage.sh "ami-… eu-west-1:ami-…"
#
# Needs `ami-share` and `jq` on the PATH, the policy `usage`, and no role in any target. AWS's
# reports lack instances of the last 24 hours and launch templates of the last few days.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: ${0##*/} \"AMI…\"" >&2
    exit 2
fi
export INPUT_MODE=usage
export INPUT_AMI_ID="$1"
export INPUT_REPORT_PATH="${INPUT_REPORT_PATH:-report.json}"

ami-share >&2
# The variable is one of jq.
# shellcheck disable=SC2016
used='.usage[] | select(.accounts != []) | .image as $image | .accounts[]
      | "\(.account) uses \($image): \(.count) \(.resource_type)"'
jq --raw-output "$used" "$INPUT_REPORT_PATH"
jq --exit-status '[.usage[].accounts[]] == []' "$INPUT_REPORT_PATH" >/dev/null
