package broker_test

import (
	"strings"
	"testing"

	"github.com/quench-dev/quench/knative/broker"
)

func TestNewRefuses(t *testing.T) {
	known := functions{"rollback": &recorder{}, "notifier": &recorder{}}
	const both = "{ref: {apiVersion: v1, kind: Service, name: rollback}, uri: /path}"
	for name, tc := range map[string]struct {
		lines []string
		want  []string
	}{
		"unknown function": {[]string{"a|||" + ref("rolback")}, []string{
			"triggers.yaml:1", "trigger default/a", "spec.subscriber", `"rolback"`, "one of notifier, rollback",
		}},
		"second of two":       {[]string{"rollback", "b"}, []string{"triggers.yaml:8", "trigger default/b"}},
		"each is named":       {[]string{"a", "b"}, []string{"default/a", "default/b"}},
		"both":                {[]string{"a|||" + both}, []string{"default/a", "both ref and uri"}},
		"not http":            {[]string{"a|||{uri: \"ftp://host/x\"}"}, []string{"default/a", `"ftp://host/x"`, "http://"}},
		"password is secret":  {[]string{"a|||{uri: \"ftp://me:secret@host/x\"}"}, []string{"me:xxxxx@host"}},
		"audience":            {[]string{"a|||{uri: \"http://host/x\", audience: me}"}, []string{"audience"}},
		"unknown dead letter": {[]string{"rollback||{deadLetterSink: " + ref("archive") + "}"}, []string{"triggers.yaml:1", "spec.delivery.deadLetterSink", `"archive"`}},
		"dead letter of both": {[]string{"rollback||{deadLetterSink: " + both + "}"}, []string{"spec.delivery.deadLetterSink", "both ref and uri"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := broker.New(load(t, tc.lines...), known.resolve, broker.Options{Names: []string{"rollback", "notifier"}})
			if err == nil || b != nil {
				t.Fatal("no error")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), ":secret") {
				t.Errorf("error %q tells the password", err)
			}
		})
	}
}

func TestNewRefusesNeitherRefNorURI(t *testing.T) {
	triggers := load(t, "rollback")
	triggers[0].Spec.Subscriber.Ref = nil // Load refuses it too
	if _, err := broker.New(triggers, functions{}.resolve, broker.Options{}); err == nil ||
		!strings.Contains(err.Error(), "neither ref nor uri") {
		t.Errorf("error %v", err)
	}
}

func TestNewRefusesSeveralBrokers(t *testing.T) {
	known := functions{"a": &recorder{}, "b": &recorder{}}
	triggers := load(t, "a", "b")
	triggers[1].Spec.Broker = "other"
	_, err := broker.New(triggers, known.resolve, broker.Options{})
	if err == nil || !strings.Contains(err.Error(), "of broker default/other, want default/default") {
		t.Errorf("error %v", err)
	}
	if _, err := broker.New(nil, known.resolve, broker.Options{}); err == nil {
		t.Error("no triggers is no error")
	}
}
