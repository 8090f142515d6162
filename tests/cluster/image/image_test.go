package image

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	reference = "dev.local/quench:image-test"
	version   = "v0.0.0-image-test"
	revision  = "0123456789abcdef0123456789abcdef01234567"
)

// options are those of every test here; what they build is the same, so only the first one waits.
func options(t *testing.T) Options {
	t.Helper()
	if os.Getenv("QUENCH_E2E") != "1" {
		t.Skip("builds the container image with buildah, as root on Debian; QUENCH_E2E=1 runs it")
	}
	source := filepath.Join("..", "..", "..")
	return Options{
		Source: source, Cache: filepath.Join(source, ".build", "image"), Reference: reference,
		Version: version, Revision: revision, Log: t.Logf,
	}
}

func TestImage(t *testing.T) {
	o := options(t)
	o.Archive = filepath.Join(t.TempDir(), "quench.tar")
	var ids []string
	for range 2 {
		started := time.Now()
		built, err := Build(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("built in %s", time.Since(started).Round(100*time.Millisecond))
		ids = append(ids, built.ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("the second build gave another image: %s", ids)
	}
	a := readArchive(t, o.Archive)
	if got := a.references; !slices.Equal(got, []string{reference}) {
		t.Errorf("references %q", got)
	}
	c := a.config
	if c.OS != "linux" || c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/function"}) || len(c.Config.Cmd) > 0 {
		t.Errorf("config %+v", c)
	}
	if _, ok := c.Config.ExposedPorts["8080/tcp"]; !ok || len(c.Config.ExposedPorts) != 1 {
		t.Errorf("ports %v", c.Config.ExposedPorts)
	}
	for _, variable := range c.Config.Env {
		if !strings.HasPrefix(variable, "PATH=") { // the builder's own default
			t.Errorf("variable %s", variable)
		}
	}
	for label, want := range map[string]string{
		"title": "quench", "source": "https://github.com/quench-dev/quench", "licenses": "Apache-2.0",
		"version": version, "revision": revision,
	} {
		if got := c.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s: %q, want %q", label, got, want)
		}
	}
	if c.Config.Labels["org.opencontainers.image.description"] == "" {
		t.Error("no description")
	}

	if len(a.layers) != 2 {
		t.Fatalf("%d layers", len(a.layers))
	}
	if got := slices.Sorted(maps.Keys(a.layers[0].files)); !slices.Equal(got, []string{certificates}) {
		t.Errorf("first layer has %q", got)
	}
	if got := slices.Sorted(maps.Keys(a.layers[1].files)); !slices.Equal(got, executables) {
		t.Errorf("second layer has %q, want %q", got, executables)
	}
	if !maps.Equal(a.layers[1].links, links) {
		t.Errorf("second layer has links %q, want %q", a.layers[1].links, links)
	}
	root := a.extract(t)
	for _, file := range executables {
		static(t, filepath.Join(root, file))
	}
	for _, program := range slices.Concat([]string{"/adapter", "/function"}, slices.Sorted(maps.Keys(links))) {
		runs(t, root, program)
	}
	a.logSizes(t)
}

// What is in the image: executables, and links to them, by which a program is called.
var (
	executables = []string{"/adapter", "/function", "/server"}
	links       = map[string]string{
		"/archive": "server", "/command": "server", "/deadletter": "server", "/gate": "adapter", "/image-patcher": "server", "/keys": "server", "/notifier": "server",
	}
)

func static(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is linked dynamically: it has a %s", file, p.Type)
		}
	}
}

// runs runs a program as its container would: in the image's files alone, as its user, without /proc and /tmp.
func runs(t *testing.T, root, program string) {
	t.Helper()
	name := path.Base(program)
	help, err := inside(t, root, program, "--help")
	if err != nil || !strings.HasPrefix(help, "Usage: "+name+" [--version]") {
		t.Errorf("%s --help: %v: %s", program, err, help)
	}
	out, err := inside(t, root, program, "--version")
	if err != nil || !strings.HasPrefix(out, "quench "+name+" "+version) {
		t.Errorf("%s --version: %v: %s", program, err, out)
	}
}

func inside(t *testing.T, root, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Env, c.Dir = []string{"FUNCTION=none-of-them"}, "/"
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	out, err := c.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	t.Logf("%s %s: %s", program, strings.Join(args, " "), first)
	return string(out), err
}

// logSizes says how large the layers are as a registry would have them.
func (a archive) logSizes(t *testing.T) {
	t.Helper()
	compressed := func(text []byte) int {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Len()
	}
	const mb = 1e6
	total := 0.0
	for i, l := range a.layers {
		for _, name := range slices.Sorted(maps.Keys(l.files)) {
			t.Logf("  %s: %.1f MB, compressed %.1f MB", name, float64(len(l.files[name]))/mb, float64(compressed(l.files[name]))/mb)
		}
		size := float64(compressed(l.tar)) / mb
		total += size
		t.Logf("layer %d: %.1f MB, compressed %.1f MB", i+1, float64(len(l.tar))/mb, size)
	}
	t.Logf("the image is %.1f MB compressed", total)
}
