package gate

import (
	"encoding/json"
	"errors"
	"fmt"
)

// prometheusAlerts is Prometheus' own API, which Thanos, Mimir and VictoriaMetrics
// have, too. Alerts that are pending are in its answer.
var prometheusAlerts = kind{name: "Prometheus", path: "/api/v1/alerts", decode: decodePrometheus}

func decodePrometheus(body []byte) ([]labels, error) {
	var a struct {
		Status, ErrorType, Error string
		Data                     struct {
			Alerts json.RawMessage // null is none; missing is another API's answer
		}
	}
	if err := unmarshal(body, &a); err != nil {
		return nil, err
	}
	if a.Status != "success" {
		return nil, fmt.Errorf("status %q, %s: %s", line(a.Status, maxText), line(a.ErrorType, maxText), line(a.Error, maxText))
	}
	if a.Data.Alerts == nil {
		return nil, errors.New("it has no data.alerts")
	}
	var alerts []struct {
		Labels labels
		State  string
	}
	if err := unmarshal(a.Data.Alerts, &alerts); err != nil {
		return nil, fmt.Errorf("data.alerts: %w", err)
	}
	var firing []labels
	for i, one := range alerts {
		switch one.State {
		case "firing":
			firing = append(firing, one.Labels)
		case "pending", "inactive":
		default: // whether it fires cannot be told
			return nil, fmt.Errorf("data.alerts[%d].state is %q, want firing, pending or inactive", i, line(one.State, maxText))
		}
	}
	return firing, nil
}
