package plane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const sleeper = "sleeper"

// The test binary is also a child that only its lifeline ends.
func TestMain(m *testing.M) {
	Lifeline()
	if os.Args[0] == sleeper {
		select {}
	}
	os.Exit(m.Run())
}

func startSleeper(t *testing.T) *Process {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process, err := StartProcess(Command{
		Name: sleeper, Executable: executable, Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Stop(time.Minute) })
	return process
}

func TestLifelineEndsChild(t *testing.T) {
	process := startSleeper(t)
	_ = process.lifeline.Close() // as the kernel does when this process is gone
	select {
	case <-process.Done():
	case <-time.After(time.Minute):
		t.Fatal("the child outlives its lifeline")
	}
}

func TestStopEndsChild(t *testing.T) {
	process := startSleeper(t)
	if err := process.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	if !process.ended() {
		t.Error("stopped, and has not ended")
	}
	if err := process.Stop(time.Minute); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func TestTail(t *testing.T) {
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "line %d\n", i)
	}
	for name, c := range map[string]struct {
		log   string
		lines int
		last  string
	}{
		"empty":     {log: "", lines: 1, last: "  "},
		"one line":  {log: "etcd: no\n", lines: 1, last: "  etcd: no"},
		"many":      {log: many.String(), lines: tailLines, last: "  line 9999"},
		"long line": {log: strings.Repeat("x", 10*tailBytes), lines: 1, last: "  " + strings.Repeat("x", tailBytes)},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Process{command: Command{Log: filepath.Join(t.TempDir(), "log")}}
			if err := os.WriteFile(p.command.Log, []byte(c.log), 0o600); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(p.Tail(), "\n")
			if len(lines) != c.lines || lines[len(lines)-1] != c.last {
				t.Errorf("%d lines, want %d; last %.40q, want %.40q", len(lines), c.lines, lines[len(lines)-1], c.last)
			}
		})
	}
}

func TestCertificatesAreKeptWhileGood(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(t *testing.T, dir string)
		address string
		kept    bool
	}{
		"same again":      {address: "127.0.0.1", kept: true},
		"another address": {address: "192.0.2.7"},
		"key is gone": {address: "127.0.0.1", spoil: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
				t.Fatal(err)
			}
		}},
		"not a certificate": {address: "127.0.0.1", spoil: func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, certFile), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := ensurePKI(dir, "127.0.0.1"); err != nil {
				t.Fatal(err)
			}
			ca, accountKey := read(t, dir, caFile), read(t, dir, accountKeyFile)
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			if err := ensurePKI(dir, c.address); err != nil {
				t.Fatal(err)
			}
			if !usable(dir, c.address) {
				t.Error("certificate is not usable")
			}
			if kept := read(t, dir, caFile) == ca; kept != c.kept {
				t.Errorf("kept: %t, want %t", kept, c.kept)
			}
			if read(t, dir, accountKeyFile) != accountKey {
				t.Error("service account key changed: tokens given out would no longer be good")
			}
		})
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
