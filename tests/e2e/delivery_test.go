//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// forGood is more often than any broker tries.
const forGood = 1000

// excuse is what the recorder answers beside a status that is no success.
const excuse = "the database is away: \"später\" 🔥"

// function is one that the broker delivers to. It answers with the status so often, and then accepts.
type function struct {
	name          string
	status, times int
	tries         int
	letter        string // the dead letter's code; empty where there is none
	url           string // where it should be; empty for the recorder
}

// A function that answers 503 for a while: the broker's retries reach it, and the alert's sender is told that all is well.
// Past the retries the event is in the dead-letter sink, with the reason.
func TestBrokerRetriesAFunctionAndThenDeadLettersTheEvent(t *testing.T) {
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	delivery, retries := shippedDelivery(t)
	// In the order in which they come to an end: a dead letter is read while the pod that has logged it is there.
	functions := []function{
		{name: "400-is-final", status: 400, times: forGood, tries: 1, letter: "400"},
		{name: "503-twice", status: 503, times: 2, tries: 3},
		{name: "503-for-good", status: 503, times: forGood, tries: 1 + retries, letter: "503"},
		{name: "no-such-host", letter: "500", url: "http://nobody.e2e.svc.cluster.local/"},
	}
	var triggers []string
	for i := range functions {
		f := &functions[i]
		f.name += "-" + run
		if f.url == "" {
			f.url = "http://recorder.e2e.svc.cluster.local/delivery/" + f.name
		}
		answerWith(t, "delivery/"+f.name, f.status, f.times, excuse)
		triggers = append(triggers, triggerFor(f.name, f.url, delivery))
	}
	putTriggers(t, triggers...)
	for _, f := range functions {
		// To one Alertmanager alone, so that there is one notification.
		fire(t, posted{Labels: f.labels()}, alertmanagers[0])
	}
	for _, f := range functions {
		t.Run(strings.TrimSuffix(f.name, "-"+run), f.assertDelivered)
	}
}

// labels are those of the alert that the function is for.
func (f function) labels() map[string]string {
	return map[string]string{"alertname": "Delivery", "namespace": f.name}
}

func (f function) assertDelivered(t *testing.T) {
	awaitNotified(t, alertmanagers[0], f.labels())
	letters := deadLetters(t)
	event := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool { return r.attribute("namespace") == f.name })
	letters = slices.DeleteFunc(letters, func(l letter) bool { return l.EventID != event.attribute("id") })
	tried, err := recorded(t.Context(), "delivery/"+f.name)
	if err != nil {
		t.Fatal(err)
	}
	assertTries(t, tried, f.tries, event)
	if f.letter == "" {
		if len(letters) != 0 {
			t.Errorf("there is a dead letter of an event that was taken: %s", letters)
		}
		return
	}
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want one: %s", len(letters), letters)
	}
	letter := letters[0]
	letter.assertHolds(t, event)
	if letter.Code != f.letter || letter.Destination != f.url {
		t.Errorf("dead letter has code %q and destination %q, want %q and %q", letter.Code, letter.Destination, f.letter, f.url)
	}
	if f.tries == 0 { // nobody was there to say anything
		if !strings.Contains(letter.Reason, f.url) || !strings.Contains(letter.Reason, "no such host") {
			t.Errorf("dead letter's reason is %q, want it to say that there is no such host as in %s", letter.Reason, f.url)
		}
	} else if letter.Reason != excuse {
		t.Errorf("dead letter's reason is %q, want the function's own words, %q", letter.Reason, excuse)
	}
}

// shippedDelivery is the delivery of the Trigger that job-runner is shipped with, as JSON, and how often it tries again.
func shippedDelivery(t testing.TB) (text string, retries int) {
	t.Helper()
	text = must(t, "", "get", "trigger", "job-runner", "-n", quench, "-o", "jsonpath={.spec.delivery}")
	var delivery struct{ Retry int }
	if err := json.Unmarshal([]byte(text), &delivery); err != nil || delivery.Retry < 3 {
		t.Fatalf("job-runner's Trigger is shipped with the delivery %s (%v), want some retries", text, err)
	}
	return text, delivery.Retry
}

// triggerFor makes a Trigger for the alerts of the namespace that it is named after.
func triggerFor(name, url, delivery string) string {
	return fmt.Sprintf(`
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: %[1]q, namespace: quench }
spec:
  broker: default
  filters:
    - exact: { type: io.prometheus.alertmanager.alert.firing }
    - exact: { namespace: %[1]q }
  subscriber: { uri: %[2]q }
  delivery: %[3]s
`, name, url, delivery)
}

// answerWith tells the recorder how to answer in a box.
func answerWith(t testing.TB, box string, status, times int, text string) {
	t.Helper()
	err := through(cluster.client.CoreV1().RESTClient().Put(), e2e, "services", "recorder:http", box).
		Param("status", strconv.Itoa(status)).Param("times", strconv.Itoa(times)).Body([]byte(text)).Do(t.Context()).Error()
	if err != nil {
		t.Fatalf("tell the recorder: %v", err)
	}
}

// awaitNotified waits until an Alertmanager has notified of the alert, and fails the test where it had to do so twice. The
// adapter answers only when the Broker has settled the event, retries and dead letters included: then every Trigger has
// been asked, and what is not in a box will not come any more.
func awaitNotified(t testing.TB, alertmanager string, labels map[string]string) {
	t.Helper()
	// How Alertmanager's log names an alert.
	alert := fmt.Sprintf("%s[%.7s][active]", labels["alertname"], fingerprint(labels))
	var notified []string
	eventually(t, 2*time.Minute, alertmanager+" to notify", func(ctx context.Context) error {
		log, err := kubectl(ctx, "", "logs", "-n", monitoring, alertmanager)
		if err != nil {
			return err
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, "Notify success") && strings.Contains(line, alert) {
				notified = append(notified, line)
			}
		}
		if len(notified) == 0 {
			return fmt.Errorf("no notification of %s has been taken", alert)
		}
		return nil
	})
	if len(notified) > 1 || !strings.Contains(notified[0], " attempts=1 ") {
		t.Errorf("Alertmanager had to notify more than once: %.2000q", notified)
	}
}

// assertTries checks that the same event came so often, each time later than the backoff says.
func assertTries(t testing.TB, tried []request, want int, event request) {
	t.Helper()
	if len(tried) != want {
		t.Fatalf("%d deliveries, want %d", len(tried), want)
	}
	for i, r := range tried {
		for _, name := range []string{"id", "recordedtime"} {
			if r.attribute(name) != event.attribute(name) {
				t.Errorf("delivery %d has %s %q, want %q", i+1, name, r.attribute(name), event.attribute(name))
			}
		}
		if i == 0 {
			continue
		}
		if waited, least := r.Time.Sub(tried[i-1].Time), 500*time.Millisecond<<(i-1); waited < least {
			t.Errorf("delivery %d came %s after the one before, want at least %s", i+1, waited, least)
		}
	}
}
