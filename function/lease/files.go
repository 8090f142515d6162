package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

// Files makes locks where there is no cluster: a file for each key, which the
// operating system has locked for its holder. A holder that dies, however it dies,
// holds nothing any more. The folder has to be on a disk of this machine.
type Files struct {
	Dir      string // made where it is not there
	Function string
}

// Lock takes the lock of key, as Locker does. held ends when the lock is released;
// it cannot be lost.
func (f *Files) Lock(ctx context.Context, key string, wait time.Duration) (held context.Context, release func(), err error) {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", key, err)
	}
	path := filepath.Join(f.Dir, f.Function+"-"+alert.Hash("lease", f.Function, key)+".lock")
	deadline := time.Now().Add(wait)
	for try := 0; ; try++ {
		file, err := take(path)
		if err == nil {
			held, lose := context.WithCancel(context.Background())
			return held, func() {
				if held.Err() == nil {
					lose()
					_ = os.Remove(path) // ours still; whoever has it open finds that it is gone
					_ = file.Close()
				}
			}, nil
		}
		left := time.Until(deadline)
		if !errors.Is(err, ErrHeld) || left <= 0 {
			return nil, nil, fmt.Errorf("lock %s: %w", key, err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("lock %s: %w", key, context.Cause(ctx))
		case <-time.After(min(pause(try), left)):
		}
	}
}

// take locks the file at path, which it makes where there is none. A file that its
// holder has removed meanwhile locks nothing.
func take(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = flock(file); err == nil {
		err = same(file, path)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// same is ErrHeld where the path is no longer the file's.
func same(file *os.File, path string) error {
	mine, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return ErrHeld
	}
	return err
}
