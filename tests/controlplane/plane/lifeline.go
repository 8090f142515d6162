package plane

import (
	"io"
	"os"
	"syscall"
)

// lifelineVariable tells a child that its first extra file is a lifeline.
const (
	lifelineVariable = "QUENCH_LIFELINE"
	lifelineFile     = 3
)

// Lifeline ends this process when the one that started it (with StartProcess) is gone, however that ended. The main of
// the multi-call binary calls it first; in a process that StartProcess did not start it does nothing.
func Lifeline() {
	if os.Getenv(lifelineVariable) == "" {
		return
	}
	_ = os.Unsetenv(lifelineVariable)
	syscall.CloseOnExec(lifelineFile)
	pipe := os.NewFile(lifelineFile, "lifeline")
	go func() {
		// Nothing is ever written: the read returns when the last writer is gone.
		_, _ = io.Copy(io.Discard, pipe)
		os.Exit(1)
	}()
}
