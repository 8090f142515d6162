// Package program runs a program's own main in a process of its own, from the
// program's tests: the test binary is the program when a variable is set, so that
// nothing has to be built, and what runs is main itself.
package program

import (
	"os"
	"os/exec"
	"testing"
)

// as is set in the environment of a test binary that is to be the program.
const as = "QUENCH_TEST_AS_PROGRAM"

// Main is what TestMain does: it runs main where this process is the program, and
// the tests otherwise. It does not return but where main does.
func Main(m *testing.M, main func()) {
	if os.Getenv(as) != "" {
		main()
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
