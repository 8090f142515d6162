package trigger_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/zap"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"
	"knative.dev/pkg/logging"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/conformance"
)

// hundred are Triggers of the table, which no event makes panic.
func hundred(b *testing.B) []*v1.Trigger {
	b.Helper()
	var triggers []*v1.Trigger
	for i, row := range conformance.Rows() {
		if row.Whole == conformance.Panics || row.Bare == conformance.Panics {
			continue
		}
		k, err := row.Trigger("default", fmt.Sprintf("t%d", i))
		if err != nil {
			b.Fatal(err)
		}
		if triggers = append(triggers, k); len(triggers) == 100 {
			break
		}
	}
	return triggers
}

// BenchmarkHundredTriggers asks 100 Triggers about one event, as a broker does that has them. Knative's filters get it as it
// is delivered.
func BenchmarkHundredTriggers(b *testing.B) {
	triggers := hundred(b)
	sent := conformance.Whole()
	delivered := trigger.AsDelivered(sent)
	var filters []*trigger.Filter
	for _, k := range triggers {
		f, err := trigger.Compile(k)
		if err != nil {
			b.Fatal(err)
		}
		filters = append(filters, f)
	}
	b.Run("quench", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e := trigger.AsDelivered(sent)
			for _, f := range filters {
				if _, err := f.MatchDelivered(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("knative", func(b *testing.B) {
		log := zap.NewNop()
		ctx := logging.WithLogger(context.Background(), log.Sugar())
		var filters []eventfilter.Filter
		for _, k := range triggers {
			f := attributes.NewAttributesFilter(nil)
			switch {
			case len(k.Spec.Filters) > 0:
				f = subscriptionsapi.NewAllFilter(subscriptionsapi.MaterializeFiltersList(log, k.Spec.Filters)...)
			case k.Spec.Filter != nil:
				f = attributes.NewAttributesFilter(k.Spec.Filter.Attributes)
			}
			filters = append(filters, f)
		}
		b.Cleanup(func() {
			for _, f := range filters {
				f.Cleanup()
			}
		})
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range filters {
				f.Filter(ctx, delivered)
			}
		}
	})
}
