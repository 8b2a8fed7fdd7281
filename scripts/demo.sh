#!/usr/bin/env bash
# The main job from end to end: a catalogue, the posters like one film, and the wall.
# Usage: scripts/demo.sh OUT [POSTERS [METADATA]]; without POSTERS it draws generated ones first.
set -euo pipefail

out=$1 posters=${2:-} metadata=${3:-}
mkdir -p "$out"
if [ -z "$posters" ]; then
  posters=$out/sample/posters metadata=$out/sample/metadata.csv films=$out/sample-films
  [ -f "$metadata" ] || posterity sample "$out/sample"
else
  films=$out/films
fi

posterity build "$posters" -c "$films" ${metadata:+--metadata "$metadata"}
posterity info "$films"

# A film with sequels shows best what "alike" means; any other will do.
id=$(posterity list -c "$films" --json | python -c '
import json, sys
posters = json.load(sys.stdin)["posters"]
series = [p for p in posters if p["film"]["collection"]]
print((series or posters or sys.exit("The catalogue is empty: see posterity report"))[0]["id"])')
echo
posterity similar -c "$films" --id "$id" --out "$out/similar.png"
echo
posterity wall -c "$films" --out "$out/wall.png"
echo
echo "Look at $out/similar.png and $out/wall.png. The catalogue is $films; walk through it with"
echo "  $(command -v posterity) serve $films"
