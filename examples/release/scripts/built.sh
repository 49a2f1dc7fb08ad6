#!/bin/sh
# Prints the images of Packer's last run as the input `ami-id` takes them.
#
#     built.sh packer-manifest.json
set -eu

jq --raw-output '.last_run_uuid as $run
    | [.builds[] | select(.packer_run_uuid == $run) | .artifact_id]
    | if . == [] then error("the last run has built nothing") else join(" ") end' "$1"
