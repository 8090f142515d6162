package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/record"
)

func TestFind(t *testing.T) {
	t.Run("objects", func(t *testing.T) { find(t, &record.Remediations{Client: functiontest.New(t).Client}) })
	t.Run("files", func(t *testing.T) { find(t, &record.Files{Dir: t.TempDir()}) })
}

func find(t *testing.T, s function.Records) {
	now := time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)
	put := func(function, key string, n int, began time.Time) {
		t.Helper()
		id := fmt.Sprintf("%s-%d", key, n)
		err := s.Create(t.Context(), &record.Record{
			Name: record.Name(function, key, id), Function: function, Key: key, EventID: id, CorrelationID: "c", RecordedTime: began,
			Phase: record.Running, StartedAt: began, Attempts: 1, Changes: []record.Change{{Op: "patch", Object: "x"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		put("rollback", "a", i, now.Add(-time.Duration(i)*time.Hour))
	}
	put("rollback", `b: "any" / thing`, 0, now)
	put("other", "a", 0, now)
	for name, test := range map[string]struct {
		query record.Query
		want  int
	}{
		"a key":                    {record.Query{Function: "rollback", Key: "a"}, 3},
		"a key with any letters":   {record.Query{Function: "rollback", Key: `b: "any" / thing`}, 1},
		"a function":               {record.Query{Function: "rollback"}, 4},
		"this hour's":              {record.Query{Function: "rollback", Since: now.Add(-29 * time.Minute), Until: now}, 2},
		"this hour's and the last": {record.Query{Function: "rollback", Since: now.Add(-time.Hour), Until: now}, 3},
		"no more than asked for":   {record.Query{Function: "rollback", Most: 2}, 2},
		"nothing":                  {record.Query{Function: "rollback", Key: "c"}, 0},
	} {
		found, err := s.Find(t.Context(), test.query)
		if err != nil || len(found) != test.want {
			t.Errorf("%s: found %d, %v; want %d", name, len(found), err, test.want)
		}
		for _, r := range found {
			if r.Changes != nil || r.Function != test.query.Function {
				t.Errorf("%s: found %+v", name, r)
			}
		}
	}
}

// What was done about one incarnation of an alert is found, whoever did it.
func TestIncarnation(t *testing.T) {
	s := &record.Remediations{Client: functiontest.New(t).Client}
	for _, of := range []struct{ function, id, correlation string }{
		{"rollback", "e1", "c1"}, {"job-runner", "e1", "c1"}, {"rollback", "e2", "c2"},
	} {
		err := s.Create(t.Context(), &record.Record{
			Name: record.Name(of.function, "a", of.id), Function: of.function, Key: "a", EventID: of.id, CorrelationID: of.correlation, RecordedTime: time.Now(),
			Phase: record.Running, StartedAt: time.Now(), Attempts: 1, Changes: []record.Change{{Op: "patch", Object: "x"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]int{"c1": 2, "c2": 1, "c3": 0} {
		found, err := s.Incarnation(t.Context(), id)
		if err != nil || len(found) != want {
			t.Errorf("%s: found %d, %v; want %d", id, len(found), err, want)
		}
		for _, r := range found {
			if r.CorrelationID != id || r.Changes != nil {
				t.Errorf("%s: found %+v", id, r)
			}
		}
	}
}
