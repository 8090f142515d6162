// Package program runs a program in a process of its own, from the program's tests:
// the test binary is the program when a variable is set, so that nothing has to be
// built, and what runs is what main runs.
package program

import (
	"os"
	"os/exec"
	"testing"

	"github.com/quench-dev/quench/config/program"
)

// as is set in the environment of a test binary that is to be the program.
const as = "QUENCH_TEST_AS_PROGRAM"

// Main is what TestMain does: it runs the program where this process is to be it,
// and the tests otherwise.
func Main(m *testing.M, p program.Program) {
	if os.Getenv(as) != "" {
		program.Main(p)
		return
	}
	os.Exit(m.Run())
}

// Command is the program with these arguments, and with nothing in its environment
// but env; it ends with the test.
func Command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append([]string{as + "=1"}, env...)
	return c
}
