// Package install puts on a cluster what quench needs of one: CoreDNS, Traefik as Knative's ingress, Knative Serving and
// Eventing with the in-memory channel, from the manifests in their own modules.
package install

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed manifests
var manifests embed.FS

// Installer installs. All fields are required.
type Installer struct {
	// Kubectl runs kubectl.
	Kubectl func(ctx context.Context, stdin io.Reader, args ...string) (string, error)
	// Source is the folder of the module with the parts' modules.
	Source string
	// Registry is the address of the registry that pods pull from.
	Registry string
	// Say is told what is being done.
	Say func(line string)
}

// settleLimit bounds the wait for what was installed to work.
const settleLimit = 4 * time.Minute

// Install returns when all of it works.
func (in Installer) Install(ctx context.Context) error {
	in.Say("installing CoreDNS, Traefik, Knative Serving and Eventing")
	own, err := in.own()
	if err != nil {
		return err
	}
	knative, err := in.objects(ctx, "knative", folders)
	if err != nil {
		return err
	}
	// Definitions and namespaces before what is in them; what a webhook would look at before the webhooks.
	steps := split(append(own, knative...))
	for _, step := range steps {
		if len(step) == 0 {
			continue
		}
		if err := in.apply(ctx, step); err != nil {
			return err
		}
		if _, err := in.Kubectl(ctx, nil, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"); err != nil {
			return err
		}
	}
	in.Say("waiting for them to work")
	for _, namespace := range []string{"kube-system", "traefik", "knative-serving", "knative-eventing"} {
		_, err := in.Kubectl(ctx, nil, "wait", "--for=condition=Available", "deployment", "--all",
			"--namespace="+namespace, fmt.Sprintf("--timeout=%.0fs", settleLimit.Seconds()))
		if err != nil {
			return err
		}
	}
	return nil
}

func (in Installer) apply(ctx context.Context, objects []object) error {
	text, err := encode(objects)
	if err != nil {
		return err
	}
	_, err = in.Kubectl(ctx, bytes.NewReader(text), "apply", "--server-side", "--force-conflicts", "-f", "-")
	return err
}

// own are the manifests beside this file.
func (in Installer) own() ([]object, error) {
	entries, err := manifests.ReadDir("manifests")
	if err != nil {
		return nil, err
	}
	var all []object
	for _, entry := range entries {
		text, err := manifests.ReadFile("manifests/" + entry.Name())
		if err != nil {
			return nil, err
		}
		text = bytes.ReplaceAll(text, []byte("REGISTRY"), []byte(in.Registry))
		objects, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", entry.Name(), err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

// module is the folder of a module that a part requires.
func (in Installer) module(ctx context.Context, part, path string) (string, error) {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", path)
	command.Dir = filepath.Join(in.Source, "parts", part)
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
