package sample_test

import (
	"testing"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/tests/bench/sample"
)

func TestNoAlertIsTwiceTheSame(t *testing.T) {
	w, seen := sample.New(100), map[string]bool{}
	for _, first := range []uint64{0, 100, 1 << 40} {
		w.Number(first)
		p, err := alert.Decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range p.Alerts {
			if seen[a.ID()] || seen[a.Labels["pod"]] || len(a.Labels) != 8 || len(a.Annotations) != 2 {
				t.Errorf("%+v", a)
			}
			seen[a.ID()], seen[a.Labels["pod"]] = true, true
		}
	}
	if len(seen) != 600 {
		t.Errorf("%d", len(seen))
	}
}
