// Package inside is a one-node Kubernetes, run from within a sandbox (see there): containerd, the control plane, kubelet,
// kube-proxy, kube-scheduler, and a plain image registry. It mounts over /usr, /var/lib, /var/log and /run, and so must
// never run anywhere else.
//
// What may go wrong: any of the processes ends (all do then, but for those of the control plane, which are started
// again), or is not ready in time. The error carries the last lines of its log.
package inside

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/quench-dev/quench/tests/controlplane/plane"

	"github.com/quench-dev/quench/tests/cluster/forward"
)

// Name is what the binary is executed as to be the node of a sandbox.
const Name = "quench-cluster-inside"

// Paths within the sandbox. They are short because a socket's may not be long.
const (
	runDir   = "/run/quench"       // the cluster's own folder
	cacheDir = "/run/quench-cache" // what was built and downloaded
	logDir   = runDir + "/log"
)

// Names in the cluster's own folder, to both sides of the sandbox.
const (
	ReadyFile     = "ready"
	ForwardSocket = "forward.sock"
	PlaneDir      = "plane"
)

// Addresses.
const (
	nodeName   = "quench"
	nodeIP     = "10.95.0.1"
	APIServer  = nodeIP + ":6443"
	podCIDR    = "10.244.0.0/16"
	clusterDNS = "10.96.0.10" // in the control plane's range of Service addresses
)

// startLimit bounds the start.
const startLimit = 3 * time.Minute

// Run becomes the node where args[0] says so; otherwise it returns, having done nothing.
//
//	quench-cluster-inside -run DIR -cache DIR -group NAME -registry-port PORT
func Run(args []string) {
	if filepath.Base(args[0]) != Name {
		return
	}
	flags := flag.NewFlagSet(Name, flag.ExitOnError)
	run := flags.String("run", "", "`folder` of the cluster")
	cache := flags.String("cache", "", "`folder` of what was built")
	group := flags.String("group", "", "control `group` that all pods are in")
	registry := flags.Int("registry-port", 0, "`port` of the registry")
	_ = flags.Parse(args[1:])
	if err := serve(*run, *cache, *group, *registry); err != nil {
		say("failed: %v", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// say writes a line of progress, to the log that whoever started the sandbox reads.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

type node struct{ processes []*plane.Process }

func serve(run, cache, group string, registryPort int) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := mounts(run, cache); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if err := network(); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	n := &node{}
	say("starting containerd and the control plane")
	if err := n.containerd(ctx, registryPort); err != nil {
		return err
	}
	control, err := plane.Start(ctx, plane.Options{
		Dir: filepath.Join(runDir, PlaneDir), LogDir: logDir, Address: nodeIP, Port: 6443, Restart: true,
		Args: map[string][]string{
			plane.Etcd: {"--unsafe-no-fsync"},
			plane.APIServer: {
				"--endpoint-reconciler-type=lease",
				"--kubelet-preferred-address-types=InternalIP",
			},
			plane.ControllerManager: {"--controllers=*"}, // the list grows: nodes are real here
		},
	})
	if err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	say("starting kubelet, kube-proxy, kube-scheduler and the registry")
	if err := errors.Join(n.kubelet(group), n.proxy(), n.scheduler(), n.registry(registryPort)); err != nil {
		return err
	}
	if err := forward.Inside(filepath.Join(runDir, ForwardSocket), say); err != nil {
		return fmt.Errorf("forward connections: %w", err)
	}
	if err := n.awaitNode(ctx, control); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(runDir, ReadyFile), []byte(strconv.Itoa(registryPort)), 0o600); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	return n.watch(control)
}

// start starts one of the node's programs.
func (n *node) start(name, executable string, args ...string) error {
	process, err := plane.StartProcess(plane.Command{
		Name: name, Executable: executable, Args: args, Dir: runDir, Log: filepath.Join(logDir, name+".log"),
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	n.processes = append(n.processes, process)
	return nil
}

// ended is the error of a process that has ended.
func (n *node) ended() error {
	for _, process := range n.processes {
		select {
		case <-process.Done():
			return fmt.Errorf("%s ended:\n%s", process.Name(), process.Tail())
		default:
		}
	}
	return nil
}

// await tries until there is no error, a process ends or the context does.
func (n *node) await(ctx context.Context, what string, try func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ended := n.ended(); ended != nil {
			return fmt.Errorf("wait for %s: %w", what, ended)
		}
		select {
		case <-ctx.Done():
			last := n.processes[len(n.processes)-1]
			return fmt.Errorf("wait for %s: %w (last: %w); end of %s's log:\n%s", what, ctx.Err(), err, last.Name(), last.Tail())
		case <-tick.C:
		}
	}
}

// watch returns when something ends that must not.
func (n *node) watch(control *plane.Plane) error {
	cases := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(control.Done())}}
	for _, process := range n.processes {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(process.Done())})
	}
	if chosen, _, _ := reflect.Select(cases); chosen == 0 {
		return control.Err()
	}
	return n.ended()
}
