package record

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxFileRecord bounds what is read of one record, in bytes: a proposal keeps its
// event, of 256 KiB at most.
const maxFileRecord = 1 << 20

// errChanged and errExists are the conflicts of files.
var (
	errChanged = errors.New("somebody has changed it meanwhile")
	errExists  = errors.New("it is there already")
)

// Files keeps records where there is no cluster, as JSON in a folder of a local
// disk: one file for each, written whole and synced before anything goes on, so
// that a crash leaves the old or the new one. An empty file in keys/ says which
// records are of one key; it is there before its record, so none is overlooked.
//
// Several processes may share a folder as long as the function's locks keep them
// apart for each key, as lease.Files does.
type Files struct {
	Dir string // made where it is not there

	mu sync.Mutex // between looking at a version and writing
}

// fileRecord is a record in its file.
type fileRecord struct {
	Version string
	*Record
}

func (f *Files) path(name string) string { return filepath.Join(f.Dir, "records", name+".json") }
func (f *Files) keyDir(key string) string {
	return filepath.Join(f.Dir, "keys", keyHash(key))
}

// Get reads a record; nil where there is none.
func (f *Files) Get(_ context.Context, name string) (*Record, error) {
	r, err := f.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}

func (f *Files) read(name string) (*Record, error) {
	info, err := os.Stat(f.path(name))
	if err != nil {
		return nil, fmt.Errorf("get record %s: %w", name, err)
	}
	if info.Size() > maxFileRecord {
		return nil, fmt.Errorf("get record %s: larger than 1 MiB", name)
	}
	text, err := os.ReadFile(f.path(name))
	if err != nil {
		return nil, fmt.Errorf("get record %s: %w", name, err)
	}
	var file fileRecord
	if err := json.Unmarshal(text, &file); err != nil || file.Record == nil {
		return nil, fmt.Errorf("read record %s: %w", f.path(name), errors.Join(err, errors.New("want the JSON of a record; a file that cannot be read is to be removed by hand")))
	}
	file.Record.Version = file.Version
	return file.Record, nil
}

// Create writes a record that is new.
func (f *Files) Create(_ context.Context, r *Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Stat(f.path(r.Name)); err == nil {
		return fmt.Errorf("create record %s: %w", r.Name, errExists)
	}
	for _, dir := range []string{filepath.Dir(f.path(r.Name)), f.keyDir(r.Key)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create record %s: %w", r.Name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.keyDir(r.Key), r.Name), nil, 0o600); err != nil {
		return fmt.Errorf("create record %s: %w", r.Name, err)
	}
	return f.write(r)
}

// Progress writes a record, whole: one file has no part of its own for that.
func (f *Files) Progress(_ context.Context, r *Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, err := f.read(r.Name)
	if err != nil {
		return fmt.Errorf("update record: %w", err)
	}
	if was.Version != r.Version {
		return fmt.Errorf("update record %s: %w", r.Name, errChanged)
	}
	return f.write(r)
}

// Restart writes a record whose action begins again.
func (f *Files) Restart(ctx context.Context, r *Record) error { return f.Progress(ctx, r) }

// write puts a new file in the place of the old one. The lock is held.
func (f *Files) write(r *Record) error {
	r.bound()
	version := rand.Text()
	text, err := json.Marshal(fileRecord{version, r})
	if err != nil {
		return fmt.Errorf("write record %s: %w", r.Name, err)
	}
	if err := replace(f.path(r.Name), text); err != nil {
		return fmt.Errorf("write record %s: %w", r.Name, err)
	}
	r.Version = version
	return nil
}

// replace writes a file so that a crash leaves it as it was or as it is to be.
func replace(path string, text []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), ".next-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // nothing, once it has its name
	_, err = next.Write(text)
	err = errors.Join(err, next.Sync(), next.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Find lists records, in no order, and without what was planned.
func (f *Files) Find(_ context.Context, q Query) ([]*Record, error) {
	most := q.Most
	if most == 0 {
		most = maxFound
	}
	dir := filepath.Join(f.Dir, "records")
	if q.Key != "" {
		dir = f.keyDir(q.Key)
	}
	var found []*Record
	err := f.each(dir, func(name string, touched time.Time) (bool, error) {
		if !q.Since.IsZero() && q.Key == "" && touched.Before(q.Since) {
			return true, nil
		}
		r, err := f.read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // swept, or never written
			return true, nil
		case err != nil:
			return false, err
		}
		hour := r.StartedAt.UTC().Truncate(time.Hour)
		if r.Function == q.Function && (q.Key == "" || r.Key == q.Key) &&
			(q.Since.IsZero() || !hour.Before(q.Since.UTC().Truncate(time.Hour)) && !hour.After(q.Until)) {
			r.Changes, r.Proposal = nil, nil
			found = append(found, r)
		}
		return len(found) < most, nil
	})
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	return found, nil
}

// each hands over the names of the records in a folder, until do says no.
func (f *Files) each(dir string, do func(name string, touched time.Time) (bool, error)) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // of a write that was cut off
		}
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if more, err := do(strings.TrimSuffix(e.Name(), ".json"), info.ModTime()); err != nil || !more {
			return err
		}
	}
	return nil
}

// Sweep deletes up to most records of a function that were last touched before
// a time, and says how many it deleted. A file is touched when it is written.
func (f *Files) Sweep(_ context.Context, function string, before time.Time, most int) (int, error) {
	swept := 0
	err := f.each(filepath.Join(f.Dir, "records"), func(name string, touched time.Time) (bool, error) {
		if !strings.HasPrefix(name, function+"-") || !touched.Before(before) {
			return true, nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		r, err := f.read(name)
		if err != nil || r.StartedAt.After(before) || r.FinishedAt.After(before) {
			return true, nil // what cannot be read is left for people
		}
		if err := os.Remove(f.path(name)); err != nil {
			return false, err
		}
		_ = os.Remove(filepath.Join(f.keyDir(r.Key), name))
		_ = os.Remove(f.keyDir(r.Key)) // only when it is empty
		swept++
		return swept < most, nil
	})
	if err != nil {
		return swept, fmt.Errorf("sweep records: %w", err)
	}
	return swept, nil
}
