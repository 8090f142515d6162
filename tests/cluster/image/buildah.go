package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildah runs buildah on a state of its own.
type buildah struct {
	runner
	program, dir, tmp string
}

// fromDebian is buildah, and those of its libraries that are not on every Debian machine.
var fromDebian = []string{"buildah", "libassuan0", "libdevmapper1.02.1", "libgpgme11"}

// shell is the package with the shell of the stand-in for the Go image.
const shell = "busybox-static"

// newBuildah takes the buildah that is on PATH, or else Debian's, and what the stand-in is made of.
func newBuildah(ctx context.Context, cache string, debian *packages) (*buildah, error) {
	b := &buildah{runner: debian.runner, dir: filepath.Join(cache, "buildah"), tmp: filepath.Join(cache, "tmp")}
	policies := filepath.Join(b.dir, "home", ".config", "containers")
	for _, dir := range []string{policies, b.tmp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	for file, text := range map[string]string{
		// vfs copies where overlay mounts; it works on every file system and inside other containers.
		filepath.Join(b.dir, "storage.conf"): fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n",
			filepath.Join(b.dir, "images"), filepath.Join(b.dir, "run")),
		// Empty: the machine's own settings, if it has any, say nothing here.
		filepath.Join(b.dir, "containers.conf"): "",
		filepath.Join(b.dir, "registries.conf"): "",
		filepath.Join(policies, "policy.json"):  `{"default": [{"type": "insecureAcceptAnything"}]}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	b.env = []string{
		"HOME=" + filepath.Join(b.dir, "home"), "TMPDIR=" + b.tmp,
		"CONTAINERS_CONF=" + filepath.Join(b.dir, "containers.conf"),
		"CONTAINERS_REGISTRIES_CONF=" + filepath.Join(b.dir, "registries.conf"),
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(b.dir, "storage.conf"),
	}
	for _, name := range []string{"PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if value, ok := os.LookupEnv(name); ok {
			b.env = append(b.env, name+"="+value)
		}
	}
	if program, err := exec.LookPath("buildah"); err == nil {
		b.program = program
		return b, debian.unpack(ctx, shell)
	}
	if err := debian.unpack(ctx, append(fromDebian, shell)...); err != nil {
		return nil, err
	}
	b.program = debian.path("usr/bin/buildah")
	return b, b.findLibraries(ctx, debian)
}

// findLibraries makes a cache of the machine's libraries and the unpacked ones. A variable would not do: buildah
// starts itself again without its environment.
func (b *buildah) findLibraries(ctx context.Context, debian *packages) error {
	folders, err := filepath.Glob(debian.path("usr/lib/*-linux-gnu*"))
	if err != nil {
		return err
	}
	more, err := filepath.Glob(debian.path("lib/*-linux-gnu*"))
	if err != nil {
		return err
	}
	list := filepath.Join(b.dir, "ld.so.conf")
	text := strings.Join(append(folders, more...), "\n") + "\ninclude /etc/ld.so.conf\n"
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		return err
	}
	return b.isolated(ctx, "/sbin/ldconfig", "-X", "-f", list, "-C", filepath.Join(b.dir, "ld.so.cache"))
}

// namespace lays folders of $0 over those of the machine that are written to, whatever the settings say, and the cache
// of libraries, if there is one, over the machine's.
const namespace = `set -e
for folder in /var/lib/containers /var/cache/containers /var/cache/ldconfig; do
	mkdir -p "$folder" "$0$folder"
	mount --bind "$0$folder" "$folder"
done
[ ! -e "$0/ld.so.cache" ] || mount --bind "$0/ld.so.cache" /etc/ld.so.cache
exec "$@"`

// isolated runs a command in a mount namespace of its own.
func (b *buildah) isolated(ctx context.Context, command ...string) error {
	return b.command(ctx, "", "unshare", append([]string{"--mount", "/bin/sh", "-c", namespace, b.dir}, command...)...)
}

func (b *buildah) run(ctx context.Context, args ...string) error {
	if err := b.isolated(ctx, append([]string{b.program}, args...)...); err != nil {
		return fmt.Errorf("buildah %s: %w", args[0], err)
	}
	return nil
}

// output is what a command of buildah prints, a line each.
func (b *buildah) output(ctx context.Context, args ...string) ([]string, error) {
	quiet := *b
	var out strings.Builder
	quiet.out = &out
	err := quiet.run(ctx, args...)
	return strings.Fields(out.String()), err
}

// keep is how many images without a name are kept for their layers. Each build of changed sources leaves two of about
// 90 MB, and as much below them.
const keep = 8

// tidy removes containers of builds that were interrupted, and layers once there are many of them.
func (b *buildah) tidy(ctx context.Context) error {
	if err := b.run(ctx, "rm", "--all"); err != nil {
		return err
	}
	nameless, err := b.output(ctx, "images", "--all", "--quiet", "--filter=dangling=true")
	if err != nil || len(nameless) <= keep {
		return err
	}
	return errors.Join(b.run(ctx, "rmi", "--prune", "--force"), os.RemoveAll(b.tmp), os.MkdirAll(b.tmp, 0o755))
}
