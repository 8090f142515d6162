package parts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quench-dev/quench/tests/cluster/archive"
)

// PostgreSQL is Debian's, in an image with a shell; what it stores goes where it is told.
const PostgreSQL = "postgresql"

// postgresql is that image. The newest of what was unpacked is taken, else the machine's own.
func (b *Builder) postgresql() (archive.Image, error) {
	debian := filepath.Join(b.Cache, "debian")
	passwd := filepath.Join(b.Cache, "passwd") // initdb asks for its user's name
	image := archive.Image{Name: Image(PostgreSQL), Files: map[string]string{}}
	if _, err := os.Stat(passwd); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(passwd, []byte("postgres:x:65532:65532::/tmp:/bin/sh\n"), 0o644); err != nil {
			return image, err
		}
	}
	for _, root := range []string{debian, "/"} {
		found, err := filepath.Glob(filepath.Join(root, "usr/lib/postgresql/*/bin/initdb"))
		if err != nil {
			return image, err
		}
		if len(found) == 0 {
			continue
		}
		bin := filepath.Dir(slices.Max(found))
		for _, program := range []string{"initdb", "pg_isready", "postgres"} {
			image.Files[inImage(root, filepath.Join(bin, program))] = filepath.Join(bin, program)
		}
		if err := b.addLibraries(image.Files); err != nil {
			return image, fmt.Errorf("find its libraries: %w", err)
		}
		version := filepath.Base(filepath.Dir(bin))
		modules, err := filepath.Glob(filepath.Join(filepath.Dir(bin), "lib", "*.so"))
		if err != nil {
			return image, err
		}
		for _, from := range modules {
			image.Files[inImage(root, from)] = from
		}
		err = filepath.WalkDir(filepath.Join(root, "usr/share/postgresql", version), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				image.Files[inImage(root, path)] = path
			}
			return err
		})
		if err != nil {
			return image, err
		}
		image.Files["bin/sh"], image.Files["etc/passwd"] = filepath.Join(debian, "bin/busybox"), passwd
		image.Env = []string{"PATH=/bin:" + "/" + inImage(root, bin)}
		return image, nil
	}
	return image, errors.New("neither Debian's package nor this machine has it")
}

func inImage(root, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
}
