//go:build !unix

package lease

import (
	"errors"
	"os"
)

func flock(*os.File) error { return errors.New("locks in files need a Unix") }
