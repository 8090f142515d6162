//go:build unix

package lease

import (
	"errors"
	"os"
	"syscall"
)

// flock locks an open file, or says ErrHeld.
func flock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}
