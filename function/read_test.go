package function_test

import (
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

func TestReadOutcome(t *testing.T) {
	firing := functiontest.Alert(map[string]string{"alertname": "A"})
	over := functiontest.Resolved(firing)
	for name, test := range map[string]struct {
		data   string
		status alert.Status // of its alert; empty: none
		says   string
	}{
		"with its alert":     {`{"function":"f","outcome":"failed","reason":"R","alert":` + string(firing.Data()) + `}`, alert.Firing, ""},
		"of a resolved one":  {`{"function":"f","outcome":"failed","reason":"R","alert":` + string(over.Data()) + `}`, alert.Resolved, ""},
		"without its alert":  {`{"function":"f","outcome":"failed","reason":"R"}`, "", ""},
		"no JSON":            {`{`, "", "data: "},
		"something else":     {`{"a":1}`, "", "want function and outcome"},
		"an alert of no use": {`{"function":"f","outcome":"failed","alert":{}}`, "", "data.alert: data.status: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			e := event.New()
			e.SetType(function.Failed.Type())
			e.DataEncoded = []byte(test.data)
			if !function.IsOutcome(e) {
				t.Error("is no outcome")
			}
			o, a, err := function.ReadOutcome(e)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want %q", err, test.says)
				}
				return
			}
			if err != nil || o.Function != "f" || o.Outcome != function.Failed || o.Reason != "R" || (a == nil) != (test.status == "") || a != nil && a.Status != test.status {
				t.Errorf("got %+v, %+v, %v", o, a, err)
			}
		})
	}
}
