package replay_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/replay"
)

// keys are the adapter's and an operator's, and what functions believe.
func keys(t *testing.T) (adapter, alice *alert.SigningKey, believed alert.VerifyKeys) {
	t.Helper()
	for _, key := range []**alert.SigningKey{&adapter, &alice} {
		made, err := alert.NewSigningKey()
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	return adapter, alice, alert.VerifyKeys{adapter.Verifier("", time.Now()), alice.Verifier("alice", time.Now())}
}

func TestPrepareKeepsTheIdentity(t *testing.T) {
	adapter, _, believed := keys(t)
	e := firing(t, 1)
	if err := adapter.Sign(&e); err != nil {
		t.Fatal(err)
	}
	came := e.Clone()
	for name, value := range map[string]any{"knativearrivaltime": "x", "knativeerrorcode": "503", "knativebrokerttl": 254, "replayedtime": "2026-11-01T00:00:00Z"} {
		came.SetExtension(name, value)
	}
	run := replay.NewRun(time.Now(), false, nil)
	got, err := run.Prepare(came)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID() != e.ID() || got.Source() != e.Source() || !bytes.Equal(got.Data(), e.Data()) {
		t.Errorf("got %s", got)
	}
	if by, err := believed.Verify(got); err != nil || by.Operator != "" {
		t.Errorf("it is signed by %q: %v", by.Operator, err)
	}
	if at, err := time.Parse(time.RFC3339Nano, history.Attribute(&got, alert.AttrReplayedTime)); err != nil || !at.Equal(run.Time) {
		t.Errorf("replayedtime %s (%v), want %s", at, err, run.Time)
	}
	for name := range got.Extensions() {
		if strings.HasPrefix(name, "knative") {
			t.Errorf("it has %s still", name)
		}
	}
	if came.Extensions()["knativeerrorcode"] == nil {
		t.Error("the event that was given has changed")
	}
}

func TestPrepareAgain(t *testing.T) {
	adapter, alice, believed := keys(t)
	e := firing(t, 1)
	if err := adapter.Sign(&e); err != nil {
		t.Fatal(err)
	}
	if _, err := replay.NewRun(time.Now(), true, nil).Prepare(e); err == nil || !strings.Contains(err.Error(), "--again needs --operator-key") {
		t.Errorf("without a key: %v", err)
	}
	run := replay.NewRun(time.Now(), true, alice)
	got, err := run.Prepare(e)
	if err != nil {
		t.Fatal(err)
	}
	if by, err := believed.Verify(got); err != nil || by.Operator != "alice" {
		t.Errorf("it is signed by %q: %v", by.Operator, err)
	}
	if got.ID() == e.ID() || history.Attribute(&got, alert.AttrCausationID) != e.ID() {
		t.Errorf("id %s because of %s, the old is %s", got.ID(), history.Attribute(&got, alert.AttrCausationID), e.ID())
	}
	same, err := run.Prepare(e)
	if err != nil || same.ID() != got.ID() {
		t.Errorf("in one run it is sent as %s and %s (%v)", got.ID(), same.ID(), err)
	}
	other, err := replay.NewRun(time.Now(), true, alice).Prepare(e)
	if err != nil || other.ID() == got.ID() {
		t.Errorf("in another run it is sent as %s, too (%v)", other.ID(), err)
	}
	if unsigned, err := replay.NewRun(time.Now(), true, nil).Prepare(firing(t, 2)); err != nil || unsigned.ID() == firing(t, 2).ID() {
		t.Errorf("where nothing is signed: %s, %v", unsigned.ID(), err)
	}
}

func TestSelect(t *testing.T) {
	approval := outcome(firing(t, 4))
	approval.SetID("approval")
	approval.SetType("dev.quench.approval.granted")
	all := shelf{firing(t, 1), outcome(firing(t, 1)), firing(t, 2), resolved(t, 1), approval, firing(t, 1)}
	for name, test := range map[string]struct {
		selection replay.Selection
		want      []string
		left      replay.LeftOut
		fails     string
	}{
		"all":           {replay.Selection{}, []string{all[0].ID(), all[2].ID(), all[3].ID()}, replay.LeftOut{Outcomes: 1, Others: 1, Twice: 1}, ""},
		"others too":    {replay.Selection{Others: true}, []string{all[0].ID(), all[2].ID(), all[3].ID(), "approval"}, replay.LeftOut{Outcomes: 1, Twice: 1}, ""},
		"ids":           {replay.Selection{IDs: []string{all[3].ID(), all[2].ID()}}, []string{all[3].ID(), all[2].ID()}, replay.LeftOut{}, ""},
		"an unknown id": {replay.Selection{IDs: []string{"nobody"}}, nil, replay.LeftOut{}, "no event nobody"},
		"a filter":      {replay.Selection{Query: history.Query{Filter: "pod = 'frontend-2'"}}, []string{all[2].ID()}, replay.LeftOut{}, ""},
		"newest first is no order to send in": {
			replay.Selection{Query: history.Query{Descending: true}},
			[]string{all[0].ID(), all[2].ID(), all[3].ID()},
			replay.LeftOut{Outcomes: 1, Others: 1, Twice: 1},
			"",
		},
	} {
		var got []string
		left, err := replay.Select(t.Context(), all, test.selection, func(e history.Entry) error {
			got = append(got, e.Event.ID())
			return nil
		})
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || left != test.left || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, left out %+v, %v; want %q, %+v", name, got, left, err, test.want, test.left)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"5/s": 5, "5": 5, "0.5": 0.5, "90/m": 1.5, "3600/h": 1} {
		if got, err := replay.ParseRate(text); err != nil || float64(got) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "fast", "5/d", "5/", "/s", "1e9", "NaN"} {
		if got, err := replay.ParseRate(text); err == nil || !strings.Contains(err.Error(), "want such as 5/s") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
