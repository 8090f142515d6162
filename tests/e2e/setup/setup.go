// Package setup installs on a cluster with Knative what the end-to-end tests and the demonstration need: quench, as a user
// does it, with kubectl apply -k; Prometheus, Alertmanager and kube-state-metrics; a recorder of events.
package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Cluster is where to install. All fields are required.
type Cluster struct {
	// Kubeconfig is the path of the file with an administrator's credentials.
	Kubeconfig string
	// Program is the path of kubectl.
	Program string
	// Source is the folder tests/e2e.
	Source string
	// Artefacts is a folder to write to.
	Artefacts string
	// Image is the reference of quench's image, Images a name with %s in it for the others' (prometheus, recorder, …).
	Image, Images string
}

// Kubectl runs kubectl as a user would, and returns what it prints. What it complains about is in the error.
func (c Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, c.Program, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	command.Stdin = strings.NewReader(stdin)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// Install returns when all of it is ready. It says what it does, a line at a time.
func (c Cluster) Install(ctx context.Context, say func(line string)) error {
	say("installing Prometheus, Alertmanager, kube-state-metrics and a recorder of events")
	for _, folder := range []string{"monitoring", "probe"} {
		text, err := c.Kubectl(ctx, "", "kustomize", filepath.Join(c.Source, folder))
		if err != nil {
			return err
		}
		if _, err := c.Kubectl(ctx, c.WithImages(text), "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
			return err
		}
	}
	say("installing quench: kubectl apply -k")
	site, err := c.Site()
	if err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, "", "apply", "-k", site); err != nil {
		return err
	}
	say("waiting for them to be ready")
	for _, wait := range [][]string{
		{"ksvc,broker,trigger,sinkbinding,apiserversource", "-n", "quench", "--for=condition=Ready"},
		{"ksvc", "-n", "e2e", "--for=condition=Ready"},
		{"deployment", "-n", "e2e", "--for=condition=Available"},
		{"deployment", "-n", "monitoring", "--for=condition=Available"},
		{"pod", "-n", "monitoring", "--for=condition=Ready"},
	} {
		if _, err := c.Kubectl(ctx, "", append([]string{"wait", "--all", "--timeout=180s"}, wait...)...); err != nil {
			return err
		}
	}
	say("installed")
	return nil
}

var imageName = regexp.MustCompile(`E2E/([a-z-]+)`)

// WithImages names the images of what is used beside quench: E2E/recorder and the like.
func (c Cluster) WithImages(text string) string {
	return imageName.ReplaceAllStringFunc(text, func(match string) string {
		return fmt.Sprintf(c.Images, strings.TrimPrefix(match, "E2E/"))
	})
}

// Site makes the overlay of quench; see Overlay.
func (c Cluster) Site() (string, error) { return c.Overlay("site") }

// Overlay makes an overlay that names quench's image, on the one of that name in the source folder, and returns its folder.
func (c Cluster) Overlay(overlay string) (string, error) {
	folder, err := filepath.Abs(filepath.Join(c.Artefacts, overlay))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	base, err := filepath.Abs(filepath.Join(c.Source, overlay))
	if err != nil {
		return "", err
	}
	if base, err = filepath.Rel(folder, base); err != nil {
		return "", err
	}
	name, version := c.Image, ""
	if at := strings.IndexByte(name, '@'); at > 0 {
		name, version = name[:at], "digest: "+name[at+1:]
	} else if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name, version = name[:at], "newTag: "+name[at+1:]
	}
	text := fmt.Sprintf("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [%s]\n"+
		"images: [{ name: quench-dev/quench, newName: %q, %s }]\n", base, name, version)
	return folder, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o644)
}
