package lease_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/function/lease"
)

func TestFilesLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "locks")
	one, two := &lease.Files{Dir: dir, Function: "tester"}, &lease.Files{Dir: dir, Function: "tester"}
	held, release, err := one.Lock(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := two.Lock(t.Context(), key, 50*time.Millisecond); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("held by another: %v", err)
	}
	if _, other, err := two.Lock(t.Context(), "another", 0); err != nil {
		t.Errorf("another key: %v", err)
	} else {
		other()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := two.Lock(ctx, key, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if held.Err() != nil {
		t.Error("it was lost")
	}
	release()
	release()
	if held.Err() == nil {
		t.Error("held has not ended")
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, _, err := (&lease.Files{Dir: "/proc/nowhere"}).Lock(t.Context(), key, 0); err == nil {
		t.Error("a lock in no folder")
	}
}

// Those who wait take turns, though the file comes and goes.
func TestFilesOneHolderAtATime(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	var inside atomic.Int32
	turns := 0 // the lock guards it
	for range 8 {
		l := &lease.Files{Dir: dir, Function: "tester"}
		all.Go(func() {
			for range 25 {
				_, release, err := l.Lock(context.Background(), key, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two hold it")
				}
				turns++
				inside.Add(-1)
				release()
			}
		})
	}
	all.Wait()
	if turns != 200 {
		t.Errorf("%d turns, want 200", turns)
	}
}

// The lock of a process that was killed is free at once.
func TestFilesLockOfAKilledProcess(t *testing.T) {
	if dir := os.Getenv("HOLD_LOCK_IN"); dir != "" {
		if _, _, err := (&lease.Files{Dir: dir, Function: "tester"}).Lock(t.Context(), key, 0); err != nil {
			t.Fatal(err)
		}
		fmt.Println("held")
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFilesLockOfAKilledProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), "HOLD_LOCK_IN="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "held\n" || err != nil {
		t.Fatalf("it says %q, %v", line, err)
	}
	l := &lease.Files{Dir: dir, Function: "tester"}
	if _, _, err := l.Lock(t.Context(), key, 0); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("while it lives: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	_, release, err := l.Lock(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
