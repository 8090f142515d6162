//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger"
)

// none is what a label comes to that becomes no attribute.
const none = ""

// rules are those by which a label becomes an attribute, each with a label that needs it.
var rules = map[string]struct{ label, value, attribute, want string }{
	"a plain label is as it is":                 {"severity", "critical", "severity", "critical"},
	"blanks within stay":                        {"phrase", "one  two", "phrase", "one  two"},
	"blanks at both ends go":                    {"padded", "   padded ", "padded", "padded"},
	"only blanks are nothing":                   {"blank", "   ", "blank", none},
	"an empty value is nothing":                 {"empty", "", "empty", none},
	"a line break becomes a blank":              {"note", "first line\nsecond: line\n", "note", "first line second: line"},
	"a header cannot be forged":                 {"forged", "x\r\nCe-Severity: none", "forged", "x  Ce-Severity: none"},
	"other control characters become blanks":    {"control", "a\tb\x00c\x7fd\u0085e", "control", "a b c d e"},
	"Chinese stays":                             {"chinese", "磁盘已满", "chinese", "磁盘已满"},
	"Arabic stays":                              {"arabic", "القرص ممتلئ", "arabic", "القرص ممتلئ"},
	"emoji stay":                                {"emoji", "🔥🧯👩🏽‍🚒", "emoji", "🔥🧯👩🏽‍🚒"},
	"what is no character is replaced":          {"nonchar", "a\ufffeb", "nonchar", "a\ufffdb"},
	"signs that mean something elsewhere stay":  {"signs", `100%25 %0A "a" 'b' \ ; , = {}`, "signs", `100%25 %0A "a" 'b' \ ; , = {}`},
	"10,000 letters are cut at 1,024":           {"long", strings.Repeat("x", 10_000), "long", strings.Repeat("x", 1024)},
	"characters are not cut in two":             {"wide", strings.Repeat("満", 10_000), "wide", strings.Repeat("満", 341)},
	"a name of CloudEvents gets a prefix: type": {"type", "t", "labeltype", "t"},
	"a name of CloudEvents gets a prefix: id":   {"id", "i", "labelid", "i"},
	"a name of CloudEvents gets a prefix: data": {"data", "d", "labeldata", "d"},
	"a name of CloudEvents gets a prefix: time": {"time", "now", "labeltime", "now"},
	"a name of quench's gets a prefix: action":  {"action", "a", "labelaction", "a"},
	"a name of quench's, with a sign in it":     {"recorded_time", "r", "labelrecordedtime", "r"},
	"a name of Knative's gets a prefix":         {"knative_broker_ttl", "1", "labelknativebrokerttl", "1"},
	"a word of CESQL's gets a prefix":           {"not", "n", "labelnot", "n"},
	"a digit first gets a prefix":               {"5xx", "many", "label5xx", "many"},
	"signs in a name go":                        {"k8s.io/app", "shop", "k8sioapp", "shop"},
	"a name is in lower case":                   {"Team", "équipe", "team", "équipe"},
	"letters of other scripts in a name go":     {"größe", "g", "gre", "g"},
	"a name without an ASCII letter is nothing": {"気温", "hot", "", none},
	"a name with two underscores is nothing":    {"__tmp", "t", "tmp", none},
	"of two names the unchanged wins":           {"podname", "unchanged", "podname", "unchanged"},
	"… over the one that was changed":           {"pod_name", "changed", "podname", "unchanged"},
	"of two changed names the first wins":       {"node-name", "first", "nodename", "first"},
	"… over the one that sorts after it":        {"node_name", "second", "nodename", "first"},
}

// wholeLabels are all of them on one alert.
func wholeLabels(name, namespace string) map[string]string {
	labels := map[string]string{"alertname": name, "namespace": namespace}
	for _, rule := range rules {
		labels[rule.label] = rule.value
	}
	return labels
}

// Each rule holds for the event that a subscriber gets, and its data holds every label verbatim.
func TestAttributeRulesHoldAfterTheTripThroughTheBroker(t *testing.T) {
	run := "attributes-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	whole := wholeLabels("Attributes", run)
	fire(t, posted{Labels: whole, Annotations: map[string]string{"summary": "  two\nlines 🔥"}}, alertmanagers[0])
	got := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool { return r.attribute("namespace") == run })
	for name, rule := range rules {
		if value := got.attribute(rule.attribute); rule.attribute != "" && value != rule.want {
			t.Errorf("%s: the attribute %s is %q, want %q", name, rule.attribute, value, rule.want)
		}
	}
	delivered := asEvent(t, got)
	delete(whole, "empty") // Alertmanager itself leaves it out
	assertAsEncoded(t, delivered, whole)
	if a, err := alert.FromEvent(delivered); err != nil || a.Annotations["summary"] != "  two\nlines 🔥" {
		t.Errorf("the event's data has the annotations %q (%v)", a.Annotations, err)
	}
}

// More labels than an event may carry: the first by name are attributes, all of them stand in the data.
func TestAlertWithTooManyLabelsIsDelivered(t *testing.T) {
	run := "flood-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	labels := map[string]string{"alertname": "Flood", "namespace": run, "zone": "z"}
	for i := range 100 {
		labels[fmt.Sprintf("flood%02d", i)] = strings.Repeat("満", 333)
	}
	fire(t, posted{Labels: labels}, alertmanagers[0])
	got := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool { return r.attribute("namespace") == run })
	for i := range 100 {
		name := fmt.Sprintf("flood%02d", i)
		if has := got.attribute(name) != ""; has != (i < 8) { // 8 KiB in all
			t.Errorf("%s is an attribute: %v", name, has)
		}
	}
	if got.attribute("zone") != "z" {
		t.Error("a short label, for which there is room, is no attribute")
	}
	assertAsEncoded(t, asEvent(t, got), labels)
}

// asEvent is the event that a request carries.
func asEvent(t testing.TB, r request) event.Event {
	t.Helper()
	e, err := binding.ToEvent(t.Context(), cehttp.NewMessage(r.Header, readCloser{bytes.NewReader(r.Body)}))
	if err != nil {
		t.Fatalf("read event: %v", err)
	}
	return *e
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// encoded is the alert's event as the adapter makes it, worked out from a delivered one's data.
func encoded(t testing.TB, delivered event.Event) event.Event {
	t.Helper()
	a, err := alert.FromEvent(delivered)
	if err != nil {
		t.Fatalf("read alert: %v", err)
	}
	at, err := alert.RecordedTime(delivered)
	if err != nil {
		t.Fatalf("read alert: %v", err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("default")}).ToEvent(a, at)
	if err != nil {
		t.Fatalf("encode alert: %v", err)
	}
	e.SetExtension(alert.AttrSignature, delivered.Extensions()[alert.AttrSignature])
	return e
}

// assertAsEncoded checks that what was delivered is the alert with these labels, and no more and no less than the adapter
// makes of it, as far as knative/trigger knows what a broker does to an event.
func assertAsEncoded(t testing.TB, delivered event.Event, labels map[string]string) {
	t.Helper()
	a, err := alert.FromEvent(delivered)
	if err != nil || !maps.Equal(a.Labels, labels) {
		t.Errorf("the event's data has the labels %q (%v), want %q", a.Labels, err, labels)
	}
	if _, err := believed(t).Verify(delivered); err != nil {
		t.Errorf("the delivered event: %v", err)
	}
	want := trigger.AsDelivered(encoded(t, delivered))
	trace := fmt.Sprint(delivered.Extensions()["traceparent"]) // the adapter has begun it
	if !begun.MatchString(trace) {
		t.Errorf("traceparent %q, want %s", trace, begun)
	}
	want.SetExtension("traceparent", trace)
	if got, want := attributes(delivered), attributes(want); !slices.Equal(got, want) {
		t.Errorf("the delivered event is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// attributes are an event's, but for those that a broker adds, sorted.
func attributes(e event.Event) []string {
	all := []string{
		"specversion=" + e.SpecVersion(), "id=" + e.ID(), "type=" + e.Type(), "source=" + e.Source(), "subject=" + e.Subject(),
		"time=" + types.FormatTime(e.Time()), "datacontenttype=" + e.DataContentType(), "dataschema=" + e.DataSchema(),
	}
	for name, value := range e.Extensions() {
		if !strings.HasPrefix(name, "knative") {
			all = append(all, fmt.Sprintf("%s=%v", name, value))
		}
	}
	slices.Sort(all)
	return all
}
