package enricher_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/function/enriched"
)

// The samples, which the end-to-end tests wrote on a real cluster, are read as what they are.
func TestSamples(t *testing.T) {
	for name, reason := range map[string]string{
		"image-that-is-not-there": "ImagePullBackOff", "memory-that-ran-out": "OOMKilled", "pod-that-fits-nowhere": "Unschedulable",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("samples", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var e event.Event
			if err := json.Unmarshal(text, &e); err != nil {
				t.Fatal(err)
			}
			got, err := enriched.Decode(e)
			if err != nil || got.Reason != reason || got.Pod == nil || got.Suggestion == nil || len(got.Missing) > 0 {
				t.Errorf("%v: %+v", err, got)
			}
		})
	}
}
