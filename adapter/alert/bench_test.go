package alert_test

import (
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/tests/bench/sample"
)

func decoded(b testing.TB) *alert.Payload {
	b.Helper()
	p, err := alert.Decode(sample.New(100).Body)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkDecode(b *testing.B) {
	body := sample.New(100).Body
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := alert.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAttributes(b *testing.B) {
	labels, m := decoded(b).Alerts[0].Labels, (*alert.Mapping)(nil)
	b.ReportAllocs()
	for b.Loop() {
		m.Attributes(labels)
	}
}

func BenchmarkID(b *testing.B) {
	a := decoded(b).Alerts[0]
	b.ReportAllocs()
	for b.Loop() {
		_ = a.ID()
	}
}

func BenchmarkToEvent(b *testing.B) {
	a, encoder, now := decoded(b).Alerts[0], alert.Encoder{Source: alert.Source("prod")}, time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encoder.ToEvent(a, now); err != nil {
			b.Fatal(err)
		}
	}
}
