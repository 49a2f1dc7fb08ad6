#!/bin/sh
# Comments on the pull request of a commit. A commit without one has the plan only in the summary of
# the run.
#
# COMMIT, RUN (the URL) and PLAN (the output `markdown`) are variables, as are GH_REPO and GH_TOKEN.
set -eu

number="$(gh api "repos/$GH_REPO/commits/$COMMIT/pulls" --jq '.[0].number // empty')"
if [ -z "$number" ]; then
    echo "$COMMIT has no pull request: the plan is in the summary of this run"
    exit 0
fi
printf '[Approve or reject this](%s).\n\n%s\n' "$RUN" "$PLAN" |
    gh pr comment "$number" --body-file -
