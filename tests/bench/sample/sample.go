// Package sample makes webhooks as Alertmanager sends them, of any number of alerts,
// none of which is twice the same.
package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Webhook is one, with 8 labels and 2 annotations an alert. It is for one goroutine.
type Webhook struct {
	Body []byte
	at   [][]int // where in it each alert's number stands
}

// mark stands where a number comes.
const mark = "0123456789abcdef"

// New is a webhook whose alerts have the numbers from 0 on.
func New(alerts int) *Webhook {
	labels := func(number string) map[string]string {
		return map[string]string{
			"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "frontend-" + number, "container": "app",
			"severity": "page", "cluster": "prod-eu-1", "job": "kube-state-metrics", "app_name": "frontend",
		}
	}
	var list []any
	for range alerts {
		list = append(list, map[string]any{
			"status": "firing", "labels": labels(mark), "startsAt": "2026-11-20T22:00:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
			"annotations": map[string]string{
				"summary":     "Pod is crash looping.",
				"description": "Pod shop/frontend-" + mark + " (app) is in waiting state (reason: CrashLoopBackOff) on cluster prod-eu-1.",
			},
			"generatorURL": "http://prometheus:9090/graph?g0.expr=max_over_time&g0.tab=1", "fingerprint": mark,
		})
	}
	common := labels("")
	delete(common, "pod")
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="KubePodCrashLooping", namespace="shop"}`, "truncatedAlerts": 0, "status": "firing",
		"receiver": "quench", "groupLabels": map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop"},
		"commonLabels": common, "commonAnnotations": map[string]string{"summary": "Pod is crash looping."},
		"externalURL": "http://alertmanager:9093", "alerts": list,
	})
	if err != nil {
		panic(err) // of strings and maps
	}
	w := &Webhook{Body: body}
	const each = 3 // marks an alert has
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(mark))
		if i < 0 {
			w.Number(0)
			return w
		}
		if len(w.at) == 0 || len(w.at[len(w.at)-1]) == each {
			w.at = append(w.at, nil)
		}
		w.at[len(w.at)-1] = append(w.at[len(w.at)-1], from+i)
		from += i + len(mark)
	}
}

// Number gives the alerts the numbers from first on.
func (w *Webhook) Number(first uint64) {
	for i, places := range w.at {
		number := fmt.Sprintf("%0*x", len(mark), first+uint64(i))
		for _, place := range places {
			copy(w.Body[place:], number)
		}
	}
}
