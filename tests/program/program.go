// Package program runs a program in a process of its own, from the program's tests:
// the test binary is the program when a variable is set, so that nothing has to be
// built, and what runs is what main runs.
package program

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
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

// Serving starts the program and gives its URL once it listens. What it logs later
// comes on lines, which somebody has to read: it waits for that.
func Serving(t *testing.T, env ...string) (c *exec.Cmd, url string, lines *bufio.Scanner) {
	t.Helper()
	c = Command(t, env)
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines = bufio.NewScanner(out)
	for lines.Scan() {
		var l struct{ Message, Addr string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if l.Message == "listening" {
			_, port, _ := strings.Cut(l.Addr, "]:")
			return c, "http://127.0.0.1:" + port, lines
		}
	}
	t.Fatal("it does not listen")
	return nil, "", nil
}
