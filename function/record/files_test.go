package record_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function/record"
)

func begun(key, id string, at time.Time) *record.Record {
	return &record.Record{
		Name: record.Name("tester", key, id), Function: "tester", Key: key, EventID: id, CorrelationID: "c", RecordedTime: at,
		Phase: record.Running, StartedAt: at, Attempts: 1, Changes: []record.Change{{Op: "run", Object: "x"}},
	}
}

func TestFilesKeepRecords(t *testing.T) {
	s := &record.Files{Dir: filepath.Join(t.TempDir(), "state")}
	now := time.Now().UTC()
	r := begun("k", "1", now)
	if got, err := s.Get(t.Context(), r.Name); got != nil || err != nil {
		t.Fatalf("before: %v, %v", got, err)
	}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), begun("k", "1", now)); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("the same again: %v", err)
	}
	old := *r
	r.Phase, r.Outcome, r.Message, r.FinishedAt = record.Finished, "succeeded", strings.Repeat("ä", 4<<10), now
	if err := s.Progress(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context(), &old); err == nil || !strings.Contains(err.Error(), "changed it meanwhile") {
		t.Errorf("an older version: %v", err)
	}
	got, err := s.Get(t.Context(), r.Name)
	if err != nil || !got.Done() || got.Version != r.Version || got.Message != r.Message || len(got.Message) > 2<<10 ||
		!got.RecordedTime.Equal(now) || got.Changes[0].Op != "run" || got.Key != "k" {
		t.Errorf("read %+v, %v", got, err)
	}
	for _, dir := range []string{"records", "keys"} {
		info, err := os.Stat(filepath.Join(s.Dir, dir))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others may look in: %v, %v", dir, info.Mode(), err)
		}
	}
}

func TestFilesSayWhichIsWrong(t *testing.T) {
	s := &record.Files{Dir: t.TempDir()}
	r := begun("k", "1", time.Now())
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir, "records", r.Name+".json")
	for _, text := range []string{"", "{", "null"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), r.Name); got != nil || err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	unwritable := &record.Files{Dir: "/proc/nowhere"}
	if err := unwritable.Create(t.Context(), begun("k", "1", time.Now())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestFilesSweep(t *testing.T) {
	s := &record.Files{Dir: t.TempDir()}
	now := time.Now()
	for i := range 3 {
		r := begun("k", fmt.Sprint(i), now.Add(-time.Duration(i)*24*time.Hour))
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(s.Dir, "records", r.Name+".json"), r.StartedAt, r.StartedAt); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Sweep(t.Context(), "other", now, 10); n != 0 || err != nil {
		t.Errorf("another function's: swept %d, %v", n, err)
	}
	if n, err := s.Sweep(t.Context(), "tester", now.Add(-time.Hour), 1); n != 1 || err != nil {
		t.Errorf("one at most: swept %d, %v", n, err)
	}
	if n, err := s.Sweep(t.Context(), "tester", now.Add(-time.Hour), 10); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if left, err := s.Find(t.Context(), record.Query{Function: "tester", Key: "k"}); len(left) != 1 || err != nil {
		t.Errorf("left are %d, %v", len(left), err)
	}
}

// Killed at any moment, a writer leaves every record whole, and none that it said it
// had written is missing.
func TestFilesSurviveKill(t *testing.T) {
	if dir := os.Getenv("WRITE_RECORDS_TO"); dir != "" {
		write(t, &record.Files{Dir: dir})
		return
	}
	dir := t.TempDir()
	s := &record.Files{Dir: dir}
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFilesSurviveKill$", "-test.count=1")
		cmd.Env = append(os.Environ(), "WRITE_RECORDS_TO="+dir, fmt.Sprintf("ROUND=%d", round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var said []string
		lines := bufio.NewScanner(out)
		for len(said) < 20+7*round && lines.Scan() {
			said = append(said, lines.Text())
		}
		_ = cmd.Process.Kill()
		for lines.Scan() {
			said = append(said, lines.Text())
		}
		_ = cmd.Wait()
		if len(said) < 20 {
			t.Fatalf("it wrote %d records", len(said))
		}
		for _, name := range said[:len(said)-1] { // the last line may be half of one
			if r, err := s.Get(t.Context(), name); err != nil || r == nil {
				t.Fatalf("record %s: %v, %v", name, r, err)
			}
		}
		if all, err := s.Find(t.Context(), record.Query{Function: "tester", Key: "k", Most: 100000}); err != nil || len(all) < len(said)-1 {
			t.Fatalf("found %d, %v", len(all), err)
		}
	}
}

// write writes records until it is killed, and says which it has.
func write(t *testing.T, s *record.Files) {
	for i := 0; ; i++ {
		r := begun("k", os.Getenv("ROUND")+"-"+fmt.Sprint(i), time.Now())
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Phase = record.Finished
		if err := s.Progress(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		fmt.Println(r.Name)
	}
}
