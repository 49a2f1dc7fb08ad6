#!/usr/bin/env bash
# Shares AMIs with every account of an organization or of an organizational unit, each by a grant of
# its own, and tells which accounts these are.
#
#     organization.sh "ami-… eu-west-1:ami-…" ORGANIZATION [ROLE]
#
# ORGANIZATION is an ARN. ROLE is the role that lists its accounts; without it, the account of the
# credentials may list them. Needs `ami-share` and `jq` on the PATH, and the policies
# `publisher-grants` and `organization-role` or `organization-reader`. Set INPUT_EXCLUDE_ACCOUNTS to
# leave accounts out. Run it again when accounts have joined: it adds what is missing.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: ${0##*/} \"AMI…\" ORGANIZATION [ROLE]" >&2
    exit 2
fi
case "$2" in
    *:ou/*) export INPUT_TARGET_ORGANIZATIONAL_UNITS="$2" ;;
    *) export INPUT_TARGET_ORGANIZATIONS="$2" ;;
esac
export INPUT_AMI_ID="$1"
export INPUT_EXPAND_ORGANIZATIONS=true
export INPUT_ORGANIZATIONS_ROLE="${3:-}"
export INPUT_KEY_ACCESS=grants
export INPUT_REPORT_PATH="${INPUT_REPORT_PATH:-report.json}"

ami-share >&2
jq --raw-output '.plan.organizations[].accounts[]' "$INPUT_REPORT_PATH"
