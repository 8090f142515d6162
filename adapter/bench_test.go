package adapter

import (
	"context"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/valyala/fasthttp"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/tests/bench/reference"
	"github.com/quench-dev/quench/tests/bench/sample"
)

// requests is what a webhook costs from its bytes to its requests, ours and the reference's.
var requests = map[string]func(t testing.TB, body []byte){
	"quench": func(t testing.TB, body []byte) {
		p, err := alert.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		encoder, now := alert.Encoder{Source: alert.Source("prod")}, time.Now()
		for _, a := range p.Alerts {
			e, err := encoder.ToEvent(a, now)
			if err != nil {
				t.Fatal(err)
			}
			req := fasthttp.AcquireRequest()
			if err := write(req, e); err != nil {
				t.Fatal(err)
			}
			fasthttp.ReleaseRequest(req)
		}
	},
	"reference": func(t testing.TB, body []byte) {
		events, err := reference.Events(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if _, err := cehttp.NewHTTPRequestFromEvent(context.Background(), "http://sink/", e); err != nil {
				t.Fatal(err)
			}
		}
	},
}

// BenchmarkRequests is of webhooks of 100 alerts.
func BenchmarkRequests(b *testing.B) {
	body := sample.New(100).Body
	for name, do := range requests {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				do(b, body)
			}
		})
	}
}

// An alert takes at most two fifths of the allocations that it takes in the reference: they are the same on every machine.
func TestAllocationsAnAlert(t *testing.T) {
	body := sample.New(100).Body
	of := map[string]float64{}
	for name, do := range requests {
		of[name] = testing.AllocsPerRun(10, func() { do(t, body) }) / 100
	}
	t.Logf("%.1f, the reference %.1f", of["quench"], of["reference"])
	if of["quench"] > .4*of["reference"] {
		t.Errorf("%.1f allocations an alert; the reference makes %.1f", of["quench"], of["reference"])
	}
}
