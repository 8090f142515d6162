// demo lets a real alert fire on a cluster that quench is installed on, and tells the story as it happens.
//
//	demo [--once]
//
// `make demo` runs it. Without --once it keeps Prometheus and Alertmanager within reach until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/tests/e2e/setup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	world := setup.Cluster{Source: filepath.Join("tests", "e2e")}
	flag.StringVar(&world.Kubeconfig, "kubeconfig", os.Getenv("E2E_KUBECONFIG"), "`file` with an administrator's credentials")
	flag.StringVar(&world.Program, "kubectl", filepath.Join(".build", "kubectl"), "`path` of kubectl")
	flag.StringVar(&world.Image, "image", os.Getenv("E2E_IMAGE"), "quench's image on the cluster")
	flag.StringVar(&world.Images, "images", "dev.local/%s:e2e", "the other images, a `name` with %s in it")
	flag.StringVar(&world.Artefacts, "artefacts", filepath.Join(".build", "e2e"), "`folder` to write to")
	once := flag.Bool("once", false, "end with the story")
	flag.Parse()
	if world.Kubeconfig == "" || world.Image == "" {
		return errors.New("--kubeconfig and --image are required; `make demo` gives them")
	}
	config, err := clientcmd.BuildConfigFromFlags("", world.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	installing := time.Now()
	err = world.Install(ctx, func(line string) { fmt.Printf("%5.1fs  %s\n", time.Since(installing).Seconds(), line) })
	if err != nil {
		return err
	}
	s := &story{world: world, client: client}
	if err := s.tell(ctx); err != nil {
		return err
	}
	if *once {
		return nil
	}
	return look(ctx, world)
}

// look keeps Prometheus and Alertmanager within reach until the context ends.
func look(ctx context.Context, world setup.Cluster) error {
	forwards := []struct{ what, pod, ports, address string }{
		{"Prometheus", "prometheus-0", "9090:9090", "http://127.0.0.1:9090/alerts"},
		{"Alertmanager", "alertmanager-0", "9093:9093", "http://127.0.0.1:9093/"},
	}
	ended := make(chan error, len(forwards))
	for _, f := range forwards {
		go func() {
			_, err := world.Kubectl(ctx, "", "port-forward", "-n", "monitoring", "pod/"+f.pod, f.ports)
			ended <- fmt.Errorf("forward %s: %w", f.what, err)
		}()
	}
	fmt.Println("\nLook for yourself, until Ctrl-C (the cluster stays until `make demo-down`):")
	for _, f := range forwards {
		fmt.Printf("  %-14s %s\n", f.what, f.address)
	}
	fmt.Printf("  export KUBECONFIG=%s\n", world.Kubeconfig)
	fmt.Printf("  %s -n quench get remediations,jobs,ksvc,triggers\n", world.Program)
	fmt.Printf("  %s -n quench logs -f -l serving.knative.dev/service=adapter -c adapter\n", world.Program)
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
}
