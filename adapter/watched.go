package adapter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	credentialBytes = 1 << 20
	// settled is the age from which a file's time tells one content from the
	// next; a younger file is read again each time, for clocks are coarse.
	settled = 2 * time.Second
)

// watched is a file that is read again when it has changed. A stat for each
// request is all it costs; mounted Secrets, which are symbolic links that are
// swapped, are followed.
type watched[T any] struct {
	what, variable, file string // what it holds, for people
	parse                func(string) (T, error)
	log                  zerolog.Logger

	mu    sync.Mutex
	value T
	err   error
	info  os.FileInfo // of the content that value is of; nil after an error
	young bool
}

func watch[T any](what, variable, file string, parse func(string) (T, error), log zerolog.Logger) (*watched[T], error) {
	w := &watched[T]{what: what, variable: variable, file: file, parse: parse, log: log}
	w.read()
	return w, w.err
}

// get gives the file's content as it is now.
func (w *watched[T]) get() (T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.info != nil && !w.young {
		now, err := os.Stat(w.file)
		if err == nil && os.SameFile(now, w.info) && now.ModTime().Equal(w.info.ModTime()) && now.Size() == w.info.Size() {
			return w.value, nil
		}
	}
	before := w.err
	w.read()
	switch {
	case w.err != nil && (before == nil || before.Error() != w.err.Error()):
		w.log.Error().Str("reason", w.err.Error()).Msg(w.what + " cannot be read")
	case w.err == nil && before != nil:
		w.log.Info().Str("file", w.file).Msg(w.what + " can be read again")
	}
	return w.value, w.err
}

func (w *watched[T]) read() {
	var none T
	w.value, w.info, w.err = none, nil, nil
	content, info, err := readFile(w.file)
	if err == nil {
		w.value, err = w.parse(content)
	}
	if err != nil {
		w.value, w.err = none, fmt.Errorf("%s: %w", w.variable, placed(w.file, err))
		return
	}
	w.info, w.young = info, time.Since(info.ModTime()) < settled
}

// readFile gives content and state of one and the same file.
func readFile(file string) (string, os.FileInfo, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, credentialBytes+1))
	if err != nil {
		return "", nil, err
	}
	if len(content) > credentialBytes {
		return "", nil, fmt.Errorf("read %s: more than %d bytes", file, credentialBytes)
	}
	return string(content), info, nil
}

// lineError is a mistake in a line of a file.
type lineError struct {
	line int // 0: of the whole file
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }

// placed says where the mistake is. Errors of os name the file themselves.
func placed(file string, err error) error {
	e, ok := errors.AsType[*lineError](err)
	switch {
	case !ok:
		return err
	case e.line == 0:
		return fmt.Errorf("%s: %w", file, err)
	}
	return fmt.Errorf("%s:%d: %w", file, e.line, err)
}

// credentialLines gives each line that is neither empty nor a comment.
func credentialLines(content string, each func(line string) error) error {
	n, found := 0, false
	for line := range strings.Lines(content) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		found = true
		if err := each(line); err != nil {
			return &lineError{n, err}
		}
	}
	if !found {
		return &lineError{0, errors.New("there is nothing in it")}
	}
	return nil
}
