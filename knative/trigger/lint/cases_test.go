package lint_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/eventing/pkg/kncloudevents"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/function"
)

// A probe has Knative show something about Triggers.
type probe func(t *testing.T, k *knative, all []*v1.Trigger)

type harmCase struct {
	harmful, silent string
	also            []string // what is found besides
	sendTimeout     time.Duration
	harm, well      probe
}

// long is a time in which everything is over, on slow machines too.
const long = 2 * time.Minute

// catches has the Broker bring an alert with these labels; misses has it leave one.
func catches(labels ...string) probe { return brings(1, labels...) }
func misses(labels ...string) probe  { return brings(0, labels...) }

func brings(times int, labels ...string) probe {
	return func(t *testing.T, k *knative, all []*v1.Trigger) {
		for _, tr := range all {
			k.apply(t, tr)
		}
		k.send(t, fires(t, labels...), long)
		if n := k.subscriber.count(); n != times {
			t.Errorf("an alert with %v came %d times, want %d", labels, n, times)
		}
	}
}

// both probes must hold.
func both(probes ...probe) probe {
	return func(t *testing.T, _ *knative, all []*v1.Trigger) {
		for _, p := range probes {
			p(t, newKnative(t), all)
		}
	}
}

// refuses has Knative's admission refuse a text: its webhook decodes without unknown fields, and validates.
func refuses(text string) probe {
	return func(t *testing.T, _ *knative, _ []*v1.Trigger) {
		asJSON, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		tr := new(v1.Trigger)
		d := json.NewDecoder(bytes.NewReader(asJSON))
		d.DisallowUnknownFields()
		err = d.Decode(tr)
		if err == nil {
			ctx := apis.WithinCreate(feature.ToContext(t.Context(), feature.FromContextOrDefaults(t.Context())))
			tr.SetDefaults(ctx)
			if problem := tr.Validate(ctx); problem != nil {
				err = problem
			}
		}
		if err == nil {
			t.Error("Knative's admission takes it")
		}
	}
}

// answers has the subscriber answer with a status before it takes an event.
func answers(k *knative, status, times int) {
	k.subscriber.answer = func(n int, w http.ResponseWriter, _ *http.Request, _ event.Event) {
		if n <= times {
			w.WriteHeader(status)
		}
	}
}

// hangs has the subscriber not answer until whoever asks gives up.
func hangs(k *knative) {
	k.subscriber.answer = func(_ int, _ http.ResponseWriter, r *http.Request, _ event.Event) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the other end go
		<-r.Context().Done()
	}
}

// settled has an alert sent while the subscriber behaves in some way, and says what becomes of it.
func settled(behave func(*knative), deliveries, deadLetters int, accepted bool, timeout time.Duration) probe {
	return func(t *testing.T, k *knative, all []*v1.Trigger) {
		behave(k)
		for _, tr := range all {
			k.apply(t, tr)
		}
		status := k.send(t, fires(t), timeout)
		if n := k.subscriber.count(); n != deliveries {
			t.Errorf("%d deliveries, want %d", n, deliveries)
		}
		if n := k.deadLetter.count(); n != deadLetters {
			t.Errorf("%d dead letters, want %d", n, deadLetters)
		}
		if (status/100 == 2) != accepted {
			t.Errorf("the Broker answered %d, want it accepted: %v", status, accepted)
		}
	}
}

const (
	quick  = "delivery: { retry: 2, backoffPolicy: exponential, backoffDelay: PT0.1S, timeout: PT35S, deadLetterSink: { uri: http://dead-letter.default } }"
	badRef = "subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rolback } }"
	there  = "---\napiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: { name: default }\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: { name: rollback }\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: { name: dead-letter }\n"
	first  = "filters: [ " + onAlerts + ", { exact: { alertname: Full } } ]"
)

func never(k *knative)   { answers(k, http.StatusBadRequest, 1000) }
func awaking(k *knative) { answers(k, http.StatusServiceUnavailable, 1) }
func unwell(k *knative)  { answers(k, http.StatusServiceUnavailable, 1000) }
func withBroker() string {
	return "---\napiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: { name: default }\n"
}

func gone(s string) string {
	return strings.ReplaceAll(trig("t", "broker: elsewhere\n"+on(s)), "\n\n", "\n")
}

var cases = map[string]harmCase{
	"not-admitted": {
		harmful: trig("t", "broker: ''\n"+on("{ exact: { severity: page } }")),
		silent:  trig("t", on("{ exact: { severity: page } }")),
		harm:    refuses(trig("t", "broker: ''\n"+on("{ exact: { severity: page } }"))),
		well:    catches("severity=page"),
	},
	"unknown-field": {
		harmful: trig("t", on("{ exact: { severity: page } }")+"\nfiltres: [ { exact: { team: a } } ]"),
		silent:  trig("t", on("{ exact: { severity: page } }")),
		harm:    both(refuses(trig("t", "filtres: []")), catches("severity=page")), // where it got in nevertheless, team counts for nothing
	},
	"attribute-name": {
		harmful: trig("t", on("{ exact: { pod_name: a } }")),
		silent:  trig("t", on("{ exact: { podname: a } }")),
		harm:    both(refuses(trig("t", on("{ exact: { pod_name: a } }"))), misses("pod_name=a")),
		well:    catches("pod_name=a"),
	},
	"several-dialects": {
		harmful: trig("t", on("{ exact: { severity: page }, prefix: { pod: a } }")),
		silent:  trig("t", on("{ exact: { severity: page } }")+"\n- { prefix: { pod: a } }"),
		harm:    both(refuses(trig("t", on("{ exact: { severity: page }, prefix: { pod: a } }"))), catches("severity=page", "pod=b")),
		well:    misses("severity=page", "pod=b"),
	},
	"cesql-syntax": {
		harmful: trig("t", on(`{ cesql: "pod_name = 'a'" }`)),
		silent:  trig("t", on(`{ cesql: "podname = 'a'" }`)),
		harm:    refuses(trig("t", on(`{ cesql: "pod_name = 'a'" }`))),
		well:    catches("pod_name=a"),
	},
	"duplicate": {
		harmful: trig("t", on("{ exact: { severity: page } }")) + "---\n" + trig("t", on("{ exact: { team: a } }")),
		silent:  trig("t", on("{ exact: { severity: page } }")) + "---\n" + trig("u", on("{ exact: { team: a } }")),
		harm:    misses("severity=page"),
		well:    catches("severity=page"),
	},
	"empty-value": {
		harmful: trig("t", on("{ exact: { severity: '' } }")),
		silent:  trig("t", on("{ cesql: NOT (EXISTS severity) }")),
		harm:    catches("severity=page"),
		well:    misses("severity=page"),
	},
	"empty-filter": {
		harmful: trig("t", on("{ all: [] }")),
		silent:  trig("t", on("{ all: [ { exact: { severity: page } } ] }")),
		harm:    catches("severity=none"),
		well:    misses("severity=none"),
	},
	"cesql-not-boolean": {
		harmful: trig("t", quick+"\n"+on("{ cesql: severity }")),
		silent:  trig("t", quick+"\n"+on("{ cesql: EXISTS severity }")),
		harm: func(t *testing.T, k *knative, all []*v1.Trigger) {
			k.apply(t, all[0])
			k.send(t, fires(t, "severity=page"), long)
			if k.subscriber.count() != 0 || k.deadLetter.count() != 1 {
				t.Errorf("%d deliveries, %d dead letters; want 0, 1", k.subscriber.count(), k.deadLetter.count())
			}
		},
		well: catches("severity=page"),
	},
	"cesql-missing": {
		harmful: trig("t", on(`{ cesql: "NOT (cluster = 'eu')" }`)),
		silent:  trig("t", on(`{ not: { exact: { cluster: eu } } }`)),
		harm:    both(catches("cluster=us"), misses()),
		well:    both(catches("cluster=us"), catches(), misses("cluster=eu")),
	},
	"no-such-attribute": {
		harmful: trig("t", on("{ exact: { in: a } }")),
		silent:  trig("t", on("{ exact: { labelin: a } }")),
		harm:    misses("in=a"),
		well:    catches("in=a"),
	},
	"literal-pattern": {
		harmful: trig("t", on("{ prefix: { namespace: shop-.* } }")),
		silent:  trig("t", on("{ prefix: { namespace: shop- } }")),
		harm:    misses("namespace=shop-eu"),
		well:    catches("namespace=shop-eu"),
	},
	"unknown-type": {
		harmful: trig("t", "filters: [ { exact: { type: io.prometheus.alertmanager.alert.fires } } ]"),
		silent:  trig("t", "filters: [ { exact: { type: io.prometheus.alertmanager.alert.firing } } ]"),
		harm:    misses(),
		well:    catches(),
	},
	"never-true": {
		harmful: trig("t", on("{ exact: { severity: page } }")+"\n- { exact: { severity: critical } }"),
		silent:  trig("t", on("{ any: [ { exact: { severity: page } }, { exact: { severity: critical } } ] }")),
		harm:    both(misses("severity=page"), misses("severity=critical"), misses()),
		well:    both(catches("severity=page"), catches("severity=critical")),
	},
	"filter-ignored": {
		harmful: trig("t", on("{ exact: { severity: page } }")+"\nfilter: { attributes: { team: a } }"),
		silent:  trig("t", on("{ exact: { severity: page, team: a } }")),
		harm:    catches("severity=page", "team=b"),
		well:    misses("severity=page", "team=b"),
	},
	"swallowed": {
		harmful: trig("t", on("{ exact: { severity: page } }")) + "---\n" + trig("u", on("{ any: [ { exact: { severity: page } }, { exact: { severity: critical } } ] }")),
		silent:  trig("t", on("{ exact: { severity: page } }")) + "---\n" + trig("u", on("{ exact: { severity: critical } }")),
		harm:    brings(2, "severity=page"),
		well:    brings(1, "severity=page"),
	},
	"loop": {
		harmful: trig("t", "filters: [ { exact: { alertname: Full } } ]"),
		silent:  trig("t", first),
		harm:    replying(255), // once for each of the hops that a Broker allows
		well:    replying(1),
	},
	"broker-missing": {
		harmful: gone("{ exact: { severity: page } }") + withBroker(),
		silent:  trig("t", on("{ exact: { severity: page } }")) + withBroker(),
	},
	"subscriber-missing": {
		harmful: trig("t", badRef+"\n"+on("{ exact: { severity: page } }")) + there,
		silent:  trig("t", on("{ exact: { severity: page } }")) + there,
	},
	"dead-letter-sink-missing": {
		harmful: trig("t", on("{ exact: { severity: page } }")) + strings.Replace(there, "dead-letter", "letters", 1),
		silent:  trig("t", on("{ exact: { severity: page } }")) + there,
	},
	"no-dead-letter-sink": {
		harmful: trig("t", first+"\ndelivery: { retry: 2, backoffPolicy: exponential, backoffDelay: PT0.1S, timeout: PT35S }"),
		silent:  trig("t", first+"\n"+quick),
		harm:    settled(never, 1, 0, false, long),
		well:    settled(never, 1, 1, true, long),
	},
	"no-retry": {
		harmful: trig("t", first+"\ndelivery: { timeout: PT35S, deadLetterSink: { uri: http://dead-letter.default } }"),
		silent:  trig("t", first+"\n"+quick),
		harm:    settled(awaking, 1, 1, true, long),
		well:    settled(awaking, 2, 0, true, long),
	},
	"no-backoff": {
		harmful: trig("t", first+"\ndelivery: { retry: 6, backoffDelay: PT5S, timeout: PT35S, deadLetterSink: { uri: http://dead-letter.default } }"),
		silent:  trig("t", first+"\n"+quick),
		harm:    both(waits(false), settled(unwell, 7, 1, true, long)),
		well:    waits(true),
	},
	"no-timeout": {
		harmful:     trig("t", first+"\ndelivery: { retry: 1, backoffPolicy: exponential, backoffDelay: PT0.1S, deadLetterSink: { uri: http://dead-letter.default } }"),
		silent:      trig("t", first+"\ndelivery: { retry: 1, backoffPolicy: exponential, backoffDelay: PT0.1S, timeout: PT0.2S, deadLetterSink: { uri: http://dead-letter.default } }"),
		sendTimeout: 2 * time.Second,
		harm:        settled(hangs, 1, 0, false, 2*time.Second),
		well:        settled(hangs, 2, 1, true, long),
	},
	"delivery-too-long": {
		harmful:     trig("t", first+"\ndelivery: { retry: 1, backoffPolicy: exponential, backoffDelay: PT5S, timeout: PT0.5S, deadLetterSink: { uri: http://dead-letter.default } }"),
		silent:      trig("t", first+"\ndelivery: { retry: 1, backoffPolicy: exponential, backoffDelay: PT0.1S, timeout: PT0.5S, deadLetterSink: { uri: http://dead-letter.default } }"),
		sendTimeout: 2 * time.Second,
		harm:        settled(unwell, 1, 0, false, 2*time.Second),
		well:        settled(unwell, 2, 1, true, long),
	},
	"unknown-ignore": {
		harmful: strings.Replace(trig("t", first), "name: t", "name: t, annotations: { quench.dev/lint-ignore: lopp }", 1),
		silent:  strings.Replace(trig("t", first), "name: t", "name: t, annotations: { quench.dev/lint-ignore: loop }", 1),
	},
}

// replying has the subscriber answer everything with an outcome that has the alert's labels, and counts its calls.
func replying(times int) probe {
	return func(t *testing.T, k *knative, all []*v1.Trigger) {
		k.subscriber.answer = func(n int, w http.ResponseWriter, r *http.Request, e event.Event) {
			if n > 2*times+10 {
				return
			}
			e = e.Clone()
			e.SetType(function.Succeeded.Type())
			e.SetSource("/quench/rollback")
			if err := cehttp.WriteResponseWriter(r.Context(), binding.ToMessage(&e), http.StatusOK, w); err != nil {
				t.Error(err)
			}
		}
		for _, tr := range all {
			tr.Spec.Delivery = nil // one try: the last answer is refused, which would be retried at each of the hops
			k.apply(t, tr)
		}
		k.send(t, fires(t), long)
		if n := k.subscriber.count(); n != times {
			t.Errorf("the subscriber was called %d times, want %d", n, times)
		}
	}
}

// waits asks Knative's own reading of a delivery whether there is a wait before each retry.
func waits(want bool) probe {
	return func(t *testing.T, _ *knative, all []*v1.Trigger) {
		config, err := kncloudevents.RetryConfigFromDeliverySpec(*all[0].Spec.Delivery)
		if err != nil {
			t.Fatal(err)
		}
		for n := range config.RetryMax {
			if wait := config.Backoff(n, nil); (wait > 0) != want {
				t.Errorf("retry %d waits %s", n+1, wait)
			}
		}
	}
}
