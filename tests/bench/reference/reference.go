// Package reference is the adapter that a good engineer writes in an afternoon with
// CloudEvents' SDK: one event for each alert, several sent at once. The benchmark
// measures ours beside it.
package reference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many events of one webhook are sent at once, as ours by default.
const atOnce = 64

const maxBody = 16 << 20

type webhook struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []alert           `json:"alerts"`
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

type data struct {
	alert
	Group group `json:"group"`
}

type group struct {
	GroupKey          string            `json:"groupKey"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
}

// Events are the events of one webhook's body.
func Events(body []byte) ([]cloudevents.Event, error) {
	var w webhook
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, err
	}
	g := group{w.GroupKey, w.Receiver, w.GroupLabels, w.CommonLabels, w.CommonAnnotations, w.ExternalURL}
	events := make([]cloudevents.Event, 0, len(w.Alerts))
	for _, a := range w.Alerts {
		e := cloudevents.NewEvent()
		sum := sha256.Sum256([]byte(a.Fingerprint + a.Status + a.StartsAt.String()))
		e.SetID(hex.EncodeToString(sum[:16]))
		e.SetType("io.prometheus.alertmanager.alert." + a.Status)
		e.SetSource("/alertmanager/reference")
		e.SetSubject(a.Labels["alertname"] + "/" + a.Fingerprint)
		e.SetTime(a.StartsAt)
		for name, value := range a.Labels {
			e.SetExtension(attribute(name), value)
		}
		if err := e.SetData(cloudevents.ApplicationJSON, data{a, g}); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func attribute(label string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(label))
}

// Handler takes webhooks and sends their events to a sink.
func Handler(sink string) (http.Handler, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(sink), cloudevents.WithRoundTripper(transport))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		events, err := Events(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sending, ctx := errgroup.WithContext(r.Context())
		sending.SetLimit(atOnce)
		for _, e := range events {
			sending.Go(func() error { return send(ctx, client, e) })
		}
		if err := sending.Wait(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}), nil
}

func send(ctx context.Context, client cloudevents.Client, e cloudevents.Event) error {
	if result := client.Send(ctx, e); !cloudevents.IsACK(result) {
		return fmt.Errorf("event %s: %w", e.ID(), result)
	}
	return nil
}
