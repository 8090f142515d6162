package program

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// two are the programs of the executable that this test is when QUENCH_TEST_TWO is set.
var two = []Program{
	{Name: "fails", Does: "Fails at once.", Run: func(context.Context) error { return errors.New("it does") }},
	{Name: "serves", Does: "Serves until it is told to end.", Settings: Variables(struct {
		Port string `envconfig:"PORT" desc:"where it listens"`
	}{}), Run: func(ctx context.Context) error {
		os.Stdout.WriteString("serving\n")
		<-ctx.Done()
		return nil
	}},
}

func TestMain(m *testing.M) {
	if os.Getenv("QUENCH_TEST_TWO") != "" {
		Main(two...)
		return
	}
	os.Exit(m.Run())
}

func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, args...)
	c.Env = []string{"QUENCH_TEST_TWO=1"}
	return c
}

func TestOneOfSeveral(t *testing.T) {
	link := func(name string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.Symlink(os.Args[0], file); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tc := range []struct {
		name string
		run  *exec.Cmd
		exit int
		says string // the beginning of it
	}{
		{"by a link", command(t, link("fails")), 1, "fails: it does\n"},
		{"by its first argument", command(t, link("server"), "fails"), 1, "fails: it does\n"},
		{"by neither", command(t, link("server")), 2, "Usage: server PROGRAM [-h] [--version]\n\nPROGRAM is one of:\n  fails         Fails at once.\n  serves "},
		{"one that is not there", command(t, link("server"), "nobody"), 2, `server: no program "nobody"` + "\n\nUsage: server PROGRAM"},
		{"version", command(t, link("serves"), "--version"), 0, "quench serves "},
		{"help", command(t, link("server"), "serves", "-h"), 0, "Usage: serves [--version]\n\nServes until it is told to end.\n\nEnvironment variables:\n\n| variable | default | meaning |\n|---|---|---|\n| `PORT` |"},
		{"help of all", command(t, link("server"), "--help"), 0, "Usage: server PROGRAM"},
		{"an argument too many", command(t, link("serves"), "now"), 2, `serves: "now": it takes no arguments; serves -h lists its environment variables` + "\n"},
		{"a flag that is not there", command(t, link("serves"), "--port=1"), 2, "flag provided but not defined: -port\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := tc.run.CombinedOutput()
			if got := tc.run.ProcessState.ExitCode(); got != tc.exit || !strings.HasPrefix(string(out), tc.says) {
				t.Errorf("exit code %d (%v), it says %s", got, err, out)
			}
		})
	}
}

func TestSignalEndsIt(t *testing.T) {
	c := command(t, os.Args[0], "serves")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil { // it has begun
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
