package host

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/tests/controlplane/component"
	"github.com/quench-dev/quench/tests/controlplane/plane"

	"github.com/quench-dev/quench/tests/cluster/inside"
	"github.com/quench-dev/quench/tests/cluster/node"
	"github.com/quench-dev/quench/tests/cluster/sandbox"
)

// The test binary is also every process of the cluster that it starts.
func TestMain(m *testing.M) {
	sandbox.Run(os.Args)
	plane.Lifeline()
	component.Run(os.Args)
	node.Run(os.Args)
	inside.Run(os.Args)
	if len(os.Args) > 3 && os.Args[1] == "supervise" {
		cluster := Cluster{Cache: os.Args[3], Say: func(string) {}}
		if err := cluster.Supervise(context.Background()); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A cluster comes up, is reached from the machine, and leaves nothing behind: stopped in good order, and killed.
func TestClusterLeavesNothingBehind(t *testing.T) {
	if os.Getenv("QUENCH_E2E") == "" {
		t.Skip("takes root, and what `quench-cluster build` makes: set QUENCH_E2E=1")
	}
	built, err := filepath.Abs("../../../.build/cluster")
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(t *testing.T, c Cluster, namespace string){
		"stopped": func(*testing.T, Cluster, string) {},
		"killed": func(t *testing.T, c Cluster, namespace string) {
			pid, err := c.pid()
			if err != nil || pid == 0 {
				t.Fatalf("find supervisor: %d, %v", pid, err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "processes to be gone", func() bool { return len(processes(t, namespace)) == 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster{Cache: t.TempDir(), Say: func(line string) { t.Log(line) }}
			for _, part := range []string{"debian", "pause.tar"} {
				if err := os.Symlink(filepath.Join(built, part), filepath.Join(c.Cache, part)); err != nil {
					t.Fatal(err)
				}
			}
			before := left(t)
			if err := c.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Stop() })
			if !c.Running() {
				t.Fatal("started, and is not running")
			}
			if err := c.Start(t.Context()); err != nil {
				t.Fatalf("start again: %v", err)
			}
			if out, err := c.Kubectl(t.Context(), nil, "get", "nodes", "-o", "name"); err != nil || strings.TrimSpace(out) != "node/quench" {
				t.Errorf("nodes are %q, %v", out, err)
			}
			registry, err := c.Registry()
			if err != nil {
				t.Fatal(err)
			}
			if status := get(t, "http://"+registry+"/v2/"); status != http.StatusOK {
				t.Errorf("registry answers %d", status)
			}
			namespace, err := c.namespace()
			if err != nil {
				t.Fatal(err)
			}
			if found := processes(t, namespace); len(found) < 8 {
				t.Errorf("the cluster's processes are %v", found)
			}
			end(t, c, namespace)
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "processes to be gone", func() bool { return len(processes(t, namespace)) == 0 })
			if after := left(t); !slices.Equal(before, after) {
				t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
			if exists(c.Kubeconfig()) {
				t.Error("the kubeconfig is left")
			}
			if groups, err := filepath.Glob("/sys/fs/cgroup/*/" + c.group()); err != nil || len(groups) > 0 {
				t.Errorf("control groups are left: %v, %v", groups, err)
			}
			if conn, err := net.DialTimeout("tcp", registry, time.Second); err == nil {
				_ = conn.Close()
				t.Error("something still listens where the registry was")
			}
		})
	}
}

// left is what of a cluster could stay on the machine: mounts, network interfaces, packet filter rules.
func left(t *testing.T) []string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(mounts), "\n")
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		all = append(all, "interface "+i.Name)
	}
	tables, _ := os.ReadFile("/proc/net/ip_tables_names") // absent where the module is
	all = append(all, "tables "+string(tables))
	slices.Sort(all)
	return all
}

func processes(t *testing.T, namespace string) map[int]string {
	t.Helper()
	found, err := inNamespace(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, holds); err != nil {
		t.Fatalf("wait for %s: %v", what, err)
	}
}

func get(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}
