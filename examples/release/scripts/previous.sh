#!/bin/sh
# Prints the images that the parameters of an account held before a promotion, as the input `ami-id`
# takes them. A promotion that was completed by a second one has changed nothing in the account itself
# any more: then they are those of the targets, if these agree.
#
#     previous.sh 111111111111 '{"111111111111":{"us-east-1":{"/golden/arm64":"ami-…"}}}'
set -eu

jq --null-input --raw-output --arg account "$1" --argjson previous "$2" '
    [
        ($previous[$account] // empty | [.]) // [$previous[]]
        | .[] | to_entries[] | .key as $region | .value | to_entries[]
        | {place: "\($region) \(.key)", image: "\($region):\(.value)"}
    ]
    | unique
    | if . == [] then error("nothing was published before")
      elif (group_by(.place) | any(length > 1)) then error("the accounts had different images")
      else map(.image) | unique | join(" ") end'
