package image

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Debian's registry takes the image, and has it under the digest that Push gives.
func TestPush(t *testing.T) {
	built, err := Build(t.Context(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	addr := registry(t, built.buildah)
	d, err := built.Push(t.Context(), addr+"/quench:v1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := built.Push(t.Context(), addr+"/quench:v2")
	if err != nil || again != d {
		t.Errorf("pushed again: %s, first %s: %v", again, d, err)
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/v2/quench/manifests/"+d, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	manifest, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || "sha256:"+digest(manifest) != d {
		t.Errorf("%s: %s: %v: %s", d, resp.Status, err, manifest)
	}
	if !strings.Contains(string(manifest), built.ID) {
		t.Errorf("the manifest does not name %s: %s", built.ID, manifest)
	}
	if _, err := built.Push(t.Context(), "127.0.0.1:1/quench:v1"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("no registry: %v", err)
	}
}

// registry starts a registry, and gives its address.
func registry(t *testing.T, b *buildah) string {
	t.Helper()
	debian := &packages{runner: b.runner, dir: filepath.Join(filepath.Dir(b.dir), "debian"), log: t.Logf}
	if err := debian.unpack(t.Context(), "docker-registry"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	settings := filepath.Join(t.TempDir(), "registry.yml")
	text := "version: 0.1\nstorage: {filesystem: {rootdirectory: " + t.TempDir() + "}}\nhttp: {addr: " + addr + "}\n"
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), debian.path("usr/bin/docker-registry"), "serve", settings)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // the test's context ends it
	for range 100 {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the registry does not listen")
	return ""
}
