#!/bin/sh
# What Debian's webhook runs for a webhook of Alertmanager: one event for each alert, by curl.
set -e
jq -r '.alerts[] | "\(.fingerprint) \(.status) \(.labels.alertname) \(tojson)"' "$PAYLOAD" |
	while read -r fingerprint status name alert; do
		curl -fsS -o /dev/null -H 'Content-Type: application/json' -H 'Ce-Specversion: 1.0' -H "Ce-Id: $fingerprint" \
			-H "Ce-Type: io.prometheus.alertmanager.alert.$status" -H 'Ce-Source: /alertmanager/peer' \
			-H "Ce-Alertname: $name" --data-raw "$alert" "$SINK"
	done
