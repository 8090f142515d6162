package gate

import (
	"errors"
	"fmt"
	"net/url"
)

// alertmanagerAlerts is Alertmanager's API version 2. It gives what has not ended;
// the query leaves out what is silenced or inhibited, and the state is looked at
// all the same. An alert in a mute time interval is active, and counts.
var alertmanagerAlerts = kind{
	name: "Alertmanager", path: "/api/v2/alerts", decode: decodeAlertmanager,
	query: url.Values{"active": {"true"}, "unprocessed": {"true"}, "silenced": {"false"}, "inhibited": {"false"}},
}

func decodeAlertmanager(body []byte) ([]labels, error) {
	var alerts []struct {
		Labels labels
		Status struct{ State string }
	}
	if err := unmarshal(body, &alerts); err != nil {
		return nil, err
	}
	if alerts == nil {
		return nil, errors.New("it is null, want a list")
	}
	var firing []labels
	for i, one := range alerts {
		switch one.Status.State {
		case "active", "unprocessed": // unprocessed: just come, and not yet known whether it is silenced
			firing = append(firing, one.Labels)
		case "suppressed":
		default:
			return nil, fmt.Errorf("[%d].status.state is %q, want active, unprocessed or suppressed", i, line(one.Status.State, maxText))
		}
	}
	return firing, nil
}
