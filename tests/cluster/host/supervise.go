package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/quench-dev/quench/tests/cluster/forward"
	"github.com/quench-dev/quench/tests/cluster/inside"
	"github.com/quench-dev/quench/tests/cluster/sandbox"
)

// Supervise holds a cluster until the context ends or the cluster does.
func (c Cluster) Supervise(ctx context.Context) error {
	lock, err := c.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	// Paths of sockets are relative, because they may not be long.
	cache, err := filepath.Abs(c.Cache)
	if err != nil {
		return err
	}
	if err := os.Chdir(c.dir()); err != nil {
		return err
	}
	run := filepath.Join(cache, "run")
	api, err := listen()
	if err != nil {
		return err
	}
	defer api.Close()
	registry, err := listen()
	if err != nil {
		return err
	}
	defer registry.Close()
	port := registry.Addr().(*net.TCPAddr).Port
	if err := sandbox.MakeGroup(c.group()); err != nil {
		return err
	}
	box, err := sandbox.Start(sandbox.Options{
		Dir: "/", Log: filepath.Join(run, logFile), Append: true,
		Args: []string{inside.Name, "-run", run, "-cache", cache, "-group", c.group(), "-registry-port", strconv.Itoa(port)},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(initFile, []byte(strconv.Itoa(box.Pid())), 0o644); err != nil {
		return errors.Join(err, box.Stop())
	}
	go forward.Outside(api, inside.ForwardSocket, inside.APIServer)
	go forward.Outside(registry, inside.ForwardSocket, registry.Addr().String())
	ready := make(chan error, 1)
	go func() { ready <- c.publish(ctx, run, cache, api.Addr(), registry.Addr()) }()
	for {
		select {
		case err := <-ready:
			if err != nil {
				return errors.Join(err, box.Stop())
			}
		case <-ctx.Done():
			return box.Stop()
		case <-box.Done():
			return errors.New("the sandbox ended")
		}
	}
}

// lock takes the lock for as long as this process lives, and writes its id there.
func (c Cluster) lock() (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(c.Cache, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another supervisor runs on this folder"), file.Close())
	}
	if err := file.Truncate(0); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(file, os.Getpid())
	return file, err
}

// publish waits for the API server's certificate and token and writes the kubeconfig that reaches it from the machine.
func (c Cluster) publish(ctx context.Context, run, cache string, api, registry net.Addr) error {
	if err := poll(ctx, func() bool { return exists(filepath.Join(run, inside.ReadyFile)) }); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(run, inside.PlaneDir, "kubeconfig"))
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	config := strings.ReplaceAll(string(text), "https://"+inside.APIServer, "https://"+api.String())
	if err := os.WriteFile(filepath.Join(cache, "kubeconfig"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return os.WriteFile(filepath.Join(run, registryFile), []byte(registry.String()), 0o644)
}

func listen() (*net.TCPListener, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return listener, nil
}
