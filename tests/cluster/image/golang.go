package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// certificates is where Debian and the Go image have them.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// passed are the settings of the machine's Go that say where modules come from. They are set in the stand-in, so they
// are in no image that is built from it.
var passed = []string{"GOFLAGS", "GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// goEnv is the environment of the Go toolchain that the folder's go.mod asks for.
func (r runner) goEnv(ctx context.Context, dir string) (map[string]string, error) {
	args := append([]string{"env", "-json", "GOROOT", "GOVERSION", "GOHOSTARCH", "GOMODCACHE", "GOCACHE"}, passed...)
	var out bytes.Buffer
	r.out = &out
	if err := r.command(ctx, dir, "go", args...); err != nil {
		return nil, err
	}
	env := map[string]string{}
	if err := json.Unmarshal(out.Bytes(), &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	// They are mounted, so they have to be there.
	return env, errors.Join(os.MkdirAll(env["GOMODCACHE"], 0o755), os.MkdirAll(env["GOCACHE"], 0o755))
}

// mounts are buildah's arguments that put the machine's toolchain and its caches into a container of the stand-in.
func mounts(toolchain map[string]string) []string {
	return []string{
		"--volume=" + toolchain["GOROOT"] + ":/usr/local/go:ro",
		"--volume=" + toolchain["GOMODCACHE"] + ":/host/mod",
		"--volume=" + toolchain["GOCACHE"] + ":/host/build",
	}
}

// goImage makes the stand-in for the Go image, unless it is there, and gives its name.
func (b *buildah) goImage(ctx context.Context, toolchain map[string]string, busybox string, log func(string, ...any)) (string, error) {
	env := map[string]string{
		"PATH": "/usr/local/go/bin:/bin", "GOPATH": "/go", "GOTOOLCHAIN": "local",
		// Not where the Dockerfile mounts caches of its own, which stay empty.
		"GOMODCACHE": "/host/mod", "GOCACHE": "/host/build",
		// The toolchain is not in the image, but another toolchain must give another image: layers are kept by its id.
		"GOLANG_VERSION": toolchain["GOVERSION"],
	}
	for _, name := range passed {
		if toolchain[name] != "" {
			env[name] = toolchain[name]
		}
	}
	root, err := rootFolder(b.tmp, busybox)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(hash, "%s=%s\x00", name, env[name])
	}
	for _, name := range []string{"bin/busybox", certificates} {
		if err := add(hash, filepath.Join(root, name)); err != nil {
			return "", err
		}
	}
	name := "localhost/golang-of-this-machine:" + hex.EncodeToString(hash.Sum(nil))[:16]
	if there, err := b.output(ctx, "images", "--quiet", "--filter=reference="+name); err != nil || len(there) > 0 {
		return name, err
	}
	log("making %s, with %s of this machine, in the place of the Go image", name, toolchain["GOVERSION"])
	container, err := b.output(ctx, "from", "scratch")
	if err != nil || len(container) != 1 {
		return "", fmt.Errorf("buildah from scratch: %q: %w", container, err)
	}
	args := []string{"config"}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "--env="+name+"="+env[name])
	}
	for _, command := range [][]string{
		{"copy", "--quiet", container[0], root, "/"},
		append(args, container[0]),
		{"commit", "--quiet", "--rm", "--timestamp=0", container[0], name},
	} {
		if err := b.run(ctx, command...); err != nil {
			return "", err
		}
	}
	return name, nil
}

// rootFolder makes the files of the stand-in.
func rootFolder(parent, busybox string) (string, error) {
	root, err := os.MkdirTemp(parent, "golang-")
	if err != nil {
		return "", err
	}
	for dir, mode := range map[string]os.FileMode{"bin": 0o755, "tmp": 0o777 | os.ModeSticky, "root": 0o700, "etc/ssl/certs": 0o755} {
		path := filepath.Join(root, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return root, err
		}
		if err := os.Chmod(path, mode); err != nil {
			return root, err
		}
	}
	if err := os.Symlink("busybox", filepath.Join(root, "bin", "sh")); err != nil {
		return root, err
	}
	for _, file := range []struct {
		from, to string
		mode     os.FileMode
	}{{busybox, "bin/busybox", 0o755}, {certificates, certificates, 0o644}} {
		text, err := os.ReadFile(file.from)
		if err != nil {
			return root, err
		}
		path := filepath.Join(root, file.to)
		// Its mode must not depend on the umask: in the image it is read by a user who is not root.
		if err := errors.Join(os.WriteFile(path, text, file.mode), os.Chmod(path, file.mode)); err != nil {
			return root, err
		}
	}
	return root, nil
}

func add(to io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
