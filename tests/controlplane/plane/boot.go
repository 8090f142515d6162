package plane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// portTries is how many ports are tried for kube-apiserver: one is picked while free, and may be taken by another
// process before kube-apiserver listens on it.
const portTries = 5

var errPortTaken = errors.New("port is taken")

// Paths in the API by which the controllers are seen to work.
const (
	accountPath = "/api/v1/namespaces/default/serviceaccounts/default"
	rootCAPath  = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
)

// boot starts the components and waits for each to be of use to the next.
func (p *Plane) boot(ctx context.Context) error {
	if _, err := p.start(Etcd, etcdArgs(p.temporary)); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := p.bootAPIServer(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errPortTaken) || try == portTries || p.opts.Port != 0 {
			return err
		}
	}
	if _, err := p.start(ControllerManager, controllerManagerArgs()); err != nil {
		return err
	}
	if err := p.awaitControllers(ctx); err != nil {
		return err
	}
	return p.publishKubeconfig()
}

// bootAPIServer starts kube-apiserver on a free port, and returns when it is ready.
func (p *Plane) bootAPIServer(ctx context.Context) error {
	port := p.opts.Port
	if port == 0 {
		var err error
		if port, err = freePort(ctx, p.opts.Address); err != nil {
			return fmt.Errorf("find free port: %w", err)
		}
	}
	p.server = "https://" + net.JoinHostPort(p.opts.Address, strconv.Itoa(port))
	ca, err := os.ReadFile(p.CAFile())
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	if p.client, err = newClient(p.server, p.token, ca); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if err = writeKubeconfig(filepath.Join(p.opts.Dir, kubeconfigFile), p.server, p.token, ca); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	server, err := p.start(APIServer, apiServerArgs(p.opts.Address, port))
	if err != nil {
		return err
	}
	// kube-controller-manager is started no sooner, because it looks for a healthy API server once a second only.
	err = p.await(ctx, "API server", func(ctx context.Context) error {
		return p.client.get(ctx, "/readyz")
	})
	if err != nil && server.ended() && strings.Contains(server.Tail(), "address already in use") {
		p.forget(server)
		return fmt.Errorf("start %s on %s: %w", APIServer, p.server, errPortTaken)
	}
	return err
}

// awaitControllers waits until kube-controller-manager has done something. In a data folder that is used again all that
// it does is done already, so that one of its objects is removed for it to make again.
func (p *Plane) awaitControllers(ctx context.Context) error {
	if err := p.client.do(ctx, http.MethodDelete, rootCAPath); err != nil && !isNotFound(err) {
		return fmt.Errorf("remove root CA ConfigMap: %w", err)
	}
	return p.await(ctx, "controllers", func(ctx context.Context) error {
		if err := p.client.get(ctx, accountPath); err != nil {
			return err
		}
		return p.client.get(ctx, rootCAPath)
	})
}

// await tries until there is no error, a component ends, or the context does. Its error says what was waited for, and
// ends in the log of the component to blame.
func (p *Plane) await(ctx context.Context, what string, try func(context.Context) error) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		processes := p.Processes()
		for _, process := range processes {
			if process.ended() {
				return fmt.Errorf("wait for %s: %w", what, process.exitError())
			}
		}
		select {
		case <-ctx.Done():
			last := processes[len(processes)-1]
			return fmt.Errorf("wait for %s: %w (last: %w); end of %s:\n%s",
				what, context.Cause(ctx), err, filepath.Base(last.command.Log), last.Tail())
		case <-tick.C:
		}
	}
}

func (p *Plane) start(name string, args []string) (*Process, error) {
	process, err := StartProcess(Command{
		Name: name, Executable: p.opts.Executable, Dir: p.opts.Dir,
		Log:  filepath.Join(p.opts.LogDir, name+".log"),
		Args: append(args, p.opts.Args[name]...),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, process)
	return process, nil
}

// restart starts an ended component again, in its place. It does nothing once Stop has been called.
func (p *Plane) restart(ended *Process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return nil
	}
	again := ended.command
	again.Append = true
	process, err := StartProcess(again)
	if err != nil {
		return fmt.Errorf("start %s again: %w", ended.Name(), err)
	}
	p.running[slices.Index(p.running, ended)] = process
	return nil
}

func (p *Plane) forget(process *Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, running := range p.running {
		if running == process {
			p.running = append(p.running[:i:i], p.running[i+1:]...)
			return
		}
	}
}

func freePort(ctx context.Context, address string) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
