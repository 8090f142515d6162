// Package image builds quench's container image from the repository's Dockerfile, with buildah, on a bare Debian machine:
// no container engine, no registry and no image to start from are needed. It needs root, a Go toolchain, and a network
// with Debian's packages and a Go module proxy.
//
// In the place of the Go image stands one with a shell and certificates, which the machine's own toolchain, module
// cache and build cache are mounted into. So what the machine has compiled before with CGO_ENABLED=0 and -trimpath is not
// compiled again, and the image's build fills the caches for the next. All else that is written is below Options.Cache;
// nothing is installed. buildah runs in a mount namespace of its own: however it ends, nothing stays mounted. (Of the
// folders that it mounts over, /var/lib/containers and /var/cache/containers are made where they are missing, empty.)
//
// All files in the image have the time 0, so the same sources, version, compiler and certificates give the same image.
//
// What may go wrong: a cache on a file system without extended attributes; a chroot or mount that the machine does not
// allow even to root (some containers); a Go module that is in no cache and that the proxy does not have. The
// log file in the cache has all that the commands said, and the error has their last lines.
package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Options say what to build and where. Source, Cache and Reference are required.
type Options struct {
	// Source is the folder with the Dockerfile.
	Source string
	// Cache is the folder that everything is kept in, up to about 2 GB. Builds with the same one wait for each other;
	// it may be removed while none runs.
	Cache string
	// Reference is the image's name and tag, for instance dev.local/quench:e2e. The image is kept in the cache until
	// the same reference is built again.
	Reference string
	// Version and Revision are the Dockerfile's arguments of these names. Empty: what it says by default.
	Version, Revision string
	// Archive is the docker-archive file to write, for `ctr images import`; its layers are not compressed. A file
	// that is there is replaced, at once and as a whole. Empty: none is written.
	Archive string
	// Log is told what is being done, a line a call. May be nil.
	Log func(format string, args ...any)
}

// Image is an image that was built.
type Image struct {
	// ID is the hash of its configuration, 64 hexadecimal digits.
	ID string
	// Reference is what Options said.
	Reference string

	buildah *buildah
}

// Build builds the image. With nothing in the Go build cache this takes minutes, after a change to the sources about 10
// seconds, without one 3.
func Build(ctx context.Context, o Options) (*Image, error) {
	if o.Source == "" || o.Cache == "" || o.Reference == "" {
		return nil, errors.New("build image: Source, Cache and Reference are required")
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("build image: only root can: it mounts and changes the root folder")
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	i, err := build(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("build image %s: %w", o.Reference, err)
	}
	return i, nil
}

func build(ctx context.Context, o Options) (*Image, error) {
	cache, err := filepath.Abs(o.Cache)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", cache, err)
	}
	defer unlock()
	commands := runner{file: filepath.Join(cache, "log")}
	if err := os.RemoveAll(commands.file); err != nil {
		return nil, err
	}
	debian := &packages{dir: filepath.Join(cache, "debian"), log: o.Log, runner: commands}
	b, err := newBuildah(ctx, cache, debian)
	if err != nil {
		return nil, fmt.Errorf("set up buildah: %w", err)
	}
	if err := b.tidy(ctx); err != nil {
		return nil, fmt.Errorf("remove what former builds left: %w", err)
	}
	toolchain, err := commands.goEnv(ctx, o.Source)
	if err != nil {
		return nil, fmt.Errorf("ask for the Go toolchain: %w", err)
	}
	base, err := b.goImage(ctx, toolchain, debian.path("bin/busybox"), o.Log)
	if err != nil {
		return nil, fmt.Errorf("make the stand-in for the Go image: %w", err)
	}
	id, err := b.dockerfile(ctx, o, base, toolchain)
	if err != nil {
		return nil, err
	}
	if o.Archive != "" {
		if err := b.archive(ctx, o.Reference, o.Archive); err != nil {
			return nil, fmt.Errorf("write %s: %w", o.Archive, err)
		}
	}
	o.Log("built image %s, %.12s", o.Reference, id)
	return &Image{ID: id, Reference: o.Reference, buildah: b}, nil
}

// dockerfile builds the Dockerfile and gives the image's id.
func (b *buildah) dockerfile(ctx context.Context, o Options, base string, toolchain map[string]string) (string, error) {
	o.Log("building image %s from %s (the log is %s)", o.Reference, filepath.Join(o.Source, "Dockerfile"), b.file)
	source, err := filepath.Abs(o.Source)
	if err != nil {
		return "", err
	}
	idFile := filepath.Join(b.dir, "id")
	args := []string{
		// A chroot and the machine's network: no runtime, no network plugins. Layers are kept, for the next build.
		"build", "--isolation=chroot", "--network=host", "--layers", "--timestamp=0", "--pull=never",
		"--platform=linux/" + toolchain["GOHOSTARCH"], "--iidfile=" + idFile, "--tag=" + o.Reference, "--build-arg=GO_IMAGE=" + base,
	}
	for name, value := range map[string]string{"VERSION": o.Version, "REVISION": o.Revision} {
		if value != "" {
			args = append(args, "--build-arg="+name+"="+value)
		}
	}
	args = append(args, mounts(toolchain)...)
	if err := b.run(ctx, append(args, source)...); err != nil {
		return "", err
	}
	id, err := os.ReadFile(idFile)
	return strings.TrimPrefix(strings.TrimSpace(string(id)), "sha256:"), err
}

// archive writes the image as a docker-archive.
func (b *buildah) archive(ctx context.Context, reference, file string) error {
	next, err := filepath.Abs(file + ".new")
	if err != nil {
		return err
	}
	// buildah adds to no archive that is there.
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := b.run(ctx, "push", "--quiet", reference, "docker-archive:"+next+":"+reference); err != nil {
		return errors.Join(err, os.RemoveAll(next))
	}
	return os.Rename(next, file)
}

// Push sends the image to a registry that speaks plain HTTP, as a destination HOST:PORT/NAME:TAG, and gives the digest
// of its manifest there, sha256:…. It is for registries on the machine itself: the connection proves nothing.
func (i *Image) Push(ctx context.Context, destination string) (digest string, err error) {
	file, err := os.CreateTemp(i.buildah.tmp, "digest-")
	if err != nil {
		return "", fmt.Errorf("push %s: %w", i.Reference, err)
	}
	defer os.Remove(file.Name())
	_ = file.Close()
	if err := i.buildah.run(ctx, "push", "--quiet", "--tls-verify=false", "--digestfile="+file.Name(), i.ID, "docker://"+destination); err != nil {
		return "", fmt.Errorf("push %s to %s: %w", i.Reference, destination, err)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		return "", fmt.Errorf("push %s to %s: read its digest: %w", i.Reference, destination, err)
	}
	return strings.TrimSpace(string(text)), nil
}
