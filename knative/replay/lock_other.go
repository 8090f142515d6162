//go:build !unix

package replay

import (
	"errors"
	"os"
)

func lock(*os.File) error { return errors.New("locks in files need a Unix") }
