//go:build unix

package replay

import (
	"errors"
	"os"
	"syscall"
)

// lock locks an open file until it is closed, or says ErrHeld.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}
