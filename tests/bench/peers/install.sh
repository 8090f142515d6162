#!/usr/bin/env bash
# Installs what else one could take for the adapter's part into the folder that is named, for the benchmark alone: Debian's
# webhook, which runs a command for each webhook, and Node-RED from npm. It says which it could not have.
set -uo pipefail
to=${1:?a folder}
mkdir -p "$to"
here=$(cd "$(dirname "$0")" && pwd)
node_red=4.1.8 # the last that Debian's Node.js runs

if [ ! -x "$to/webhook" ]; then
	echo "installing Debian's webhook into $to" >&2
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	if (cd "$tmp" && apt-get download webhook && dpkg -x ./*.deb .) >"$to/log" 2>&1 && command -v curl jq >>"$to/log"; then
		cp "$tmp/usr/bin/webhook" "$to/webhook"
	else
		echo "no webhook (Debian, curl and jq are needed): $(tail -1 "$to/log")" >&2
	fi
fi
if [ ! -e "$to/node_modules/node-red/red.js" ]; then
	echo "installing Node-RED $node_red from npm into $to (about a minute)" >&2
	npm install --silent --no-audit --no-fund --prefix "$to" "node-red@$node_red" >"$to/log" 2>&1 ||
		echo "no Node-RED (npm is needed): $(tail -1 "$to/log")" >&2
fi
sed "s|DELIVER|$here/deliver.sh|" "$here/hooks.json" >"$to/hooks.json"
cp "$here/flows.json" "$here/settings.js" "$to/"
