package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/history"
)

// A disk that is full refuses writes, keeps what was acknowledged, can be read, and takes writes again once there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small disk takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(dir, "archive.db")
	s, err := store.OpenSQLite(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	big := func(i int) store.Arrival {
		e := alertEvent(fmt.Sprintf("e%d", i), nil)
		e.DataEncoded = []byte(strings.Repeat("x", 4000))
		return store.Arrival{Event: e}
	}
	acked := 0
	for ; acked < 10_000; acked++ {
		if _, err = s.Write(t.Context(), big(acked)); err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, store.ErrBadEvent) || acked == 0 {
		t.Fatalf("%d written, %v", acked, err)
	}
	t.Logf("after %d: %v", acked, err)
	check := func() {
		t.Helper()
		entries := all(t, s, history.Query{})
		for i := range acked {
			if i >= len(entries) || entries[i].Event.ID() != fmt.Sprintf("e%d", i) {
				t.Fatalf("e%d was acknowledged and is not there: %d are", i, len(entries))
			}
		}
	}
	check()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	write(t, s, big(acked))
	acked++
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.OpenSQLite(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	check()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
