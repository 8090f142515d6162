// Package plane runs a Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager) as child processes of
// the calling one, on loopback. There is no scheduler and no kubelet: Jobs, Deployments and Pods get created, and
// nothing of them ever runs.
//
// The children are one multi-call binary (see Options.Executable) under the name of the component that it is to be, so
// this package itself imports nothing of Kubernetes.
//
// What may go wrong: the data folder is in use by another control plane (an error, decided by a file lock); the port
// picked for kube-apiserver is taken before it can listen on it (another one is tried, a few times); a component ends
// before it is ready or later on its own (the error carries the last lines of its log; the others are stopped); it is
// not ready when the context ends (the same). A component that does not end on SIGTERM is killed. The caller being
// killed takes the components with it (see Process), but leaves a temporary data folder behind.
package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Names of the components, which are also the names that the multi-call binary is executed under.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
)

// Options say where a control plane lives. The zero value is a throw-away one.
type Options struct {
	// Dir holds the data, certificates and logs, and is kept: a later start on it finds the same objects. Empty means
	// a temporary folder that Stop removes; etcd then does not wait for the disk.
	Dir string
	// Kubeconfig is where the admin kubeconfig is written, mode 0600; empty: "kubeconfig" in the data folder. A file
	// there that is not a control plane's kubeconfig is never overwritten.
	Kubeconfig string
	// LogDir holds one log file a component, begun anew at each start; empty: "log" in the data folder.
	LogDir string
	// Executable is the multi-call binary; empty: the running one.
	Executable string
	// Address is the IP that kube-apiserver listens on and advertises; empty: 127.0.0.1.
	Address string
	// Port is the port that kube-apiserver listens on; 0: one that is free.
	Port int
	// Restart starts a component again that ended on its own, in the same place and with the same arguments. Without it
	// the end of one is the end of all.
	Restart bool
	// Args are added to the arguments of the component that the key names; a flag given here wins over the same flag.
	Args map[string][]string
}

// Plane is a running control plane.
type Plane struct {
	opts      Options
	temporary bool
	unlock    func()
	token     string
	server    string
	client    *client

	mu       sync.Mutex
	running  []*Process // in the order of their start
	stopping bool

	done     chan struct{}
	err      error // why it ended, set before done is closed
	stopOnce sync.Once
	stopErr  error
}

// Start starts the three components and returns when the API server answers and the controllers work, which takes
// seconds. On an error nothing is left running, and the error ends in the log lines that explain it. The context bounds
// the start alone; what has started runs until Stop.
func Start(ctx context.Context, o Options) (*Plane, error) {
	p := &Plane{opts: o, done: make(chan struct{})}
	if err := p.prepare(); err != nil {
		return nil, errors.Join(err, p.cleanUp())
	}
	if err := p.boot(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	go p.watch()
	return p, nil
}

// prepare makes what the components read: the folders, certificates, token.
func (p *Plane) prepare() (err error) {
	if p.opts.Executable == "" {
		if p.opts.Executable, err = os.Executable(); err != nil {
			return fmt.Errorf("find own executable: %w", err)
		}
	}
	if p.opts.Address == "" {
		p.opts.Address = "127.0.0.1"
	}
	if err = p.openDir(); err != nil {
		return err
	}
	if err = ensurePKI(filepath.Join(p.opts.Dir, pkiDir), p.opts.Address); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if p.token, err = writeToken(filepath.Join(p.opts.Dir, tokenFile)); err != nil {
		return fmt.Errorf("make admin token: %w", err)
	}
	return nil
}

// Kubeconfig is the path of the admin kubeconfig.
func (p *Plane) Kubeconfig() string { return p.opts.Kubeconfig }

// Server is the API server's URL.
func (p *Plane) Server() string { return p.server }

// Token is the bearer token of the kubeconfig's user, who may do everything.
func (p *Plane) Token() string { return p.token }

// CAFile is the certificate that the API server's own is verified with.
func (p *Plane) CAFile() string { return filepath.Join(p.opts.Dir, pkiDir, caFile) }

// Dir is the data folder.
func (p *Plane) Dir() string { return p.opts.Dir }

// Processes are the components, in the order of their start.
func (p *Plane) Processes() []*Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Process(nil), p.running...)
}

// Done is closed when the control plane has ended: by Stop, or because a component ended.
func (p *Plane) Done() <-chan struct{} { return p.done }

// Err says, once Done is closed, which component ended on its own; nil after Stop.
func (p *Plane) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}
