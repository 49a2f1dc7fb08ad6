#!/bin/sh
# Prints the images that the parameters of an account held before a promotion, as the input `ami-id`
# takes them.
#
#     previous.sh 111111111111 '{"111111111111":{"us-east-1":{"/golden/arm64":"ami-…"}}}'
set -eu

jq --null-input --raw-output --arg account "$1" --argjson previous "$2" '
    [$previous[$account] // {} | to_entries[] | .key as $region | .value[] | "\($region):\(.)"]
    | if . == [] then error("nothing was published before") else unique | join(" ") end'
