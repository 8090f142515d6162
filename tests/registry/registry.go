// Package registry gives tests a real image registry: distribution's own, as a process of its own with its images in
// memory. Where its binary is missing a test fails and says how to build it: it is never skipped.
package registry

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// patience bounds the start.
const patience = 30 * time.Second

// Registry is one that runs, on loopback and without TLS.
type Registry struct {
	Addr           string // host:port
	user, password string
}

// User may read and write in a registry that Private started.
const User = "puller"

// Password is User's.
const Password = "s3cret-of-the-test"

// Start starts a registry that asks for no password. It ends with the test.
func Start(tb testing.TB) *Registry {
	tb.Helper()
	return start(tb, "")
}

// Private starts a registry that asks for User and Password.
func Private(tb testing.TB) *Registry {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.MinCost)
	if err != nil {
		tb.Fatal(err)
	}
	users := filepath.Join(tb.TempDir(), "htpasswd")
	if err := os.WriteFile(users, []byte(User+":"+string(hash)+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	r := start(tb, "auth: { htpasswd: { realm: tests, path: "+strconv.Quote(users)+" } }\n")
	r.user, r.password = User, Password
	return r
}

var listens = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)

func start(tb testing.TB, auth string) *Registry {
	tb.Helper()
	config := filepath.Join(tb.TempDir(), "registry.yaml")
	text := "version: 0.1\nlog: { level: info, formatter: json, accesslog: { disabled: true } }\nstorage: { inmemory: {} }\n" +
		"http: { addr: 127.0.0.1:0 }\n" + auth
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary(tb), "serve", config)
	command.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	output, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		cancel()
		tb.Fatalf("start registry: %v", err)
	}
	tb.Cleanup(func() {
		cancel()
		_ = command.Wait() // killed, which is an error
	})
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if found := listens.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, output)
	}()
	select {
	case addr, ok := <-address:
		if !ok {
			tb.Fatal("the registry ended at its start")
		}
		return &Registry{Addr: addr}
	case <-time.After(patience):
		tb.Fatal("the registry does not listen")
	}
	return nil
}

func binary(tb testing.TB) string {
	tb.Helper()
	_, self, _, _ := runtime.Caller(0)
	built := filepath.Join(filepath.Dir(self), "../../.build/registry")
	if _, err := os.Stat(built); err != nil {
		tb.Fatalf("no registry to test with (%v): run `make .build/registry`", err)
	}
	return built
}
