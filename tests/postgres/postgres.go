// Package postgres starts a real PostgreSQL for tests: Debian's, where it is
// installed, or what make postgresql has unpacked into .build/postgresql. It runs
// as an unprivileged user, listens on a socket in a folder of its own, and is gone
// with its data when the test ends.
package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// nobody is whom root's servers run as: PostgreSQL refuses to run as root, and wants a user that has a name.
const nobody = 65534

// Server is one that runs. Its databases are empty ones, one for each caller.
type Server struct {
	bin, socket string
	env         []string
	made        atomic.Int64
}

// Find is the folder of PostgreSQL's programs; empty where there is none.
func Find() string {
	var patterns []string
	if dir, err := os.Getwd(); err == nil {
		for ; dir != "/"; dir = filepath.Dir(dir) {
			patterns = append(patterns, filepath.Join(dir, ".build/postgresql/usr/lib/postgresql/*/bin/initdb"))
		}
	}
	for _, pattern := range append(patterns, "/usr/lib/postgresql/*/bin/initdb") {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			slices.Sort(found)
			return filepath.Dir(found[len(found)-1])
		}
	}
	return ""
}

// Start starts a server, or skips the test where there is no PostgreSQL.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := Find()
	if bin == "" {
		t.Skip("there is no PostgreSQL here: install Debian's postgresql, or run make postgresql")
	}
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // short: a socket's path has at most 107 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{bin: bin, socket: dir, env: environment(bin)}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := s.command(context.Background(), "initdb", "-D", data, "-U", "quench", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	var log bytes.Buffer
	c := s.command(context.Background(), "postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=60")
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGQUIT) // at once; the data goes, too
		_ = c.Wait()
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", log.String())
		}
	})
	until := time.Now().Add(2 * time.Minute)
	for s.command(t.Context(), "pg_isready", "-q", "-h", dir, "-U", "quench", "-d", "postgres").Run() != nil {
		if time.Now().After(until) {
			t.Fatal("PostgreSQL is not ready after 2 minutes")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return s
}

// Database makes an empty database and says how to reach it.
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	name := "d" + strconv.FormatInt(s.made.Add(1), 10)
	if out, err := s.command(context.Background(), "createdb", "-h", s.socket, "-U", "quench", name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v: %s", err, out)
	}
	return "postgres:///" + name + "?" + url.Values{"host": {s.socket}, "user": {"quench"}, "sslmode": {"disable"}}.Encode()
}

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.Env, c.Dir = s.env, s.socket
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return c
}

// environment has the libraries that were unpacked beside the programs.
func environment(bin string) []string {
	root := filepath.Join(bin, "../../../../..")
	libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu")) // none: the system's
	env := []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	if filepath.Clean(root) != "/" {
		path := ""
		for _, l := range libraries {
			path += l + ":"
		}
		env = append(env, fmt.Sprintf("LD_LIBRARY_PATH=%s", path))
	}
	return env
}
