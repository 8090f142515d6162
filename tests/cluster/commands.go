package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/quench-dev/quench/tests/cluster/archive"
	"github.com/quench-dev/quench/tests/cluster/host"
	"github.com/quench-dev/quench/tests/cluster/image"
	"github.com/quench-dev/quench/tests/cluster/install"
	"github.com/quench-dev/quench/tests/cluster/parts"
)

const help = `quench-cluster COMMAND [--cache DIR] [--source DIR]: a real Kubernetes with Knative, for tests. It takes root on Debian.

  build          build what the cluster is made of (10 to 15 minutes the first time on two cores)
  up             build, start the cluster in the background, install Knative, load the images; where it is up, say so
  down           end the cluster and remove all that it left, also after a kill
  status         say whether it is up, and where
  image          build quench's image from its Dockerfile in the working directory, and push it to the cluster's registry
  archive FILE NAME=PROGRAM …
                 write an archive with an image for each program, dev.local/NAME:e2e
  load FILE …    load images (docker-archive or OCI archives) into the cluster's node
  manifests NAME print the manifests of a part that "up" leaves out, for kubectl apply -f -: kafka (definitions and admission)
  kill NAME      kill a component of the control plane (kube-apiserver …), which is then started again
  kubectl …      kubectl, on the cluster

"image" takes --version and --revision too, which are the Dockerfile's build arguments; it prints the image's reference.
--cache is the folder of what was built and of the running cluster (default .build/cluster); --source the folder of this
program's module (default tests/cluster). "up" prints the path of the kubeconfig.
`

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	c := &commands{out: stdout, log: stderr, started: time.Now()}
	err := c.run(ctx, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "quench-cluster: %v\n", err)
		return 1
	}
	return 0
}

type commands struct {
	out, log io.Writer
	started  time.Time
	cluster  host.Cluster
	builder  parts.Builder
}

func (c *commands) say(line string) {
	fmt.Fprintf(c.log, "%5.1fs  %s\n", time.Since(c.started).Seconds(), line)
}

func (c *commands) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return flag.ErrHelp
	}
	command, rest := args[0], args[1:]
	flags := flag.NewFlagSet("quench-cluster "+command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	cache := flags.String("cache", filepath.Join(".build", "cluster"), "")
	source := flags.String("source", filepath.Join("tests", "cluster"), "")
	version := flags.String("version", "", "")
	revision := flags.String("revision", "", "")
	if command != "kubectl" {
		if err := flags.Parse(rest); err != nil {
			return err
		}
		rest = flags.Args()
	}
	if len(rest) > 0 && !slices.Contains([]string{"archive", "kill", "kubectl", "load", "manifests"}, command) {
		return fmt.Errorf("%s takes no argument %q", command, rest[0])
	}
	folder, err := filepath.Abs(*cache)
	if err != nil {
		return err
	}
	c.cluster = host.Cluster{Cache: folder, Say: c.say}
	c.builder = parts.Builder{Cache: folder, Source: *source, Say: c.say}
	switch command {
	case "build":
		return c.builder.Build(ctx)
	case "up":
		return c.up(ctx)
	case "down":
		return c.cluster.Stop()
	case "status":
		return c.status()
	case "image":
		return c.image(ctx, *version, *revision)
	case "archive":
		return c.archive(rest)
	case "load":
		return c.cluster.Load(ctx, rest...)
	case "manifests":
		return c.manifests(ctx, rest)
	case "kill":
		return c.kill(rest)
	case "kubectl":
		return c.kubectl(rest)
	case "supervise":
		return c.cluster.Supervise(ctx)
	case "help", "-h", "--help":
		return flag.ErrHelp
	}
	return fmt.Errorf("no command %q; try help", command)
}

// up brings the cluster up.
func (c *commands) up(ctx context.Context) error {
	if err := c.builder.Build(ctx); err != nil {
		return err
	}
	if err := c.cluster.Start(ctx); err != nil {
		return err
	}
	if !c.cluster.Installed() {
		c.say("loading the images of Knative and others")
		if err := c.cluster.Load(ctx, filepath.Join(c.cluster.Cache, parts.Archive)); err != nil {
			return err
		}
		registry, err := c.cluster.Registry()
		if err != nil {
			return err
		}
		in := install.Installer{Kubectl: c.cluster.Kubectl, Say: c.say, Source: c.builder.Source, Registry: registry}
		if err := in.Install(ctx); err != nil {
			return fmt.Errorf("install: %w", err)
		}
		if err := c.cluster.SetInstalled(); err != nil {
			return err
		}
	}
	return c.status()
}

func (c *commands) status() error {
	if !c.cluster.Running() {
		return errors.New("no cluster is up; start one with: quench-cluster up")
	}
	registry, err := c.cluster.Registry()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "kubeconfig=%s\nregistry=%s\nlogs=%s\n", c.cluster.Kubeconfig(), registry, c.cluster.Logs())
	return err
}

// image builds quench's image and pushes it to where pods can pull it from.
func (c *commands) image(ctx context.Context, version, revision string) error {
	registry, err := c.cluster.Registry()
	if err != nil {
		return err
	}
	built, err := image.Build(ctx, image.Options{
		Source: ".", Cache: filepath.Join(c.cluster.Cache, "image"), Reference: "localhost/quench:e2e",
		Version: version, Revision: revision,
		Log: func(format string, args ...any) { c.say(fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		return err
	}
	digest, err := built.Push(ctx, registry+"/quench:e2e")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s/quench@%s\n", registry, digest)
	return err
}

// archive writes an archive of images of one program each.
func (c *commands) archive(args []string) error {
	if len(args) < 2 {
		return errors.New("archive takes a file and NAME=PROGRAM for each image")
	}
	var images []archive.Image
	for _, arg := range args[1:] {
		name, program, found := strings.Cut(arg, "=")
		if !found {
			return fmt.Errorf("archive: %q is not NAME=PROGRAM", arg)
		}
		images = append(images, archive.Image{
			Name: parts.Image(name), Entrypoint: []string{"/" + name}, Files: map[string]string{name: program},
		})
	}
	return archive.Write(args[0], images...)
}

// manifests prints those of a part that is not installed by itself.
func (c *commands) manifests(ctx context.Context, names []string) error {
	if len(names) != 1 {
		return errors.New("manifests takes the name of one part, such as kafka")
	}
	text, err := install.Installer{Source: c.builder.Source}.Manifests(ctx, names[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, string(text))
	return err
}

func (c *commands) kill(names []string) error {
	if len(names) != 1 {
		return errors.New("kill takes the name of one component, such as kube-apiserver")
	}
	return c.cluster.Kill(names[0])
}

// kubectl becomes kubectl.
func (c *commands) kubectl(args []string) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	env := append(os.Environ(), "KUBECONFIG="+c.cluster.Kubeconfig())
	return syscall.Exec(executable, append([]string{"kubectl"}, args...), env)
}
