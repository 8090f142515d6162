package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// packages unpacks packages of Debian into a folder. Nothing is installed, the machine's own lists of packages are not
// touched, and no script of a package runs.
type packages struct {
	runner
	dir string
	log func(string, ...any)
}

// path is where a file of an unpacked package is.
func (p *packages) path(name string) string { return filepath.Join(p.dir, "root", name) }

// unpack downloads and unpacks those of the packages that are not unpacked yet. What they depend on is not added.
func (p *packages) unpack(ctx context.Context, names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := os.Stat(p.done(name)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
		} else if err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, ", ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s comes from Debian: %w", list, err)
	}
	p.log("downloading %s from Debian into %s; nothing is installed", list, p.dir)
	if err := p.download(ctx, missing); err != nil {
		return fmt.Errorf("download %s: %w", list, err)
	}
	for _, name := range missing {
		// apt-get calls a file NAME_VERSION_ARCHITECTURE.deb, and no name has a _.
		files, err := filepath.Glob(filepath.Join(p.dir, "downloads", name+"_*.deb"))
		if err != nil || len(files) != 1 {
			return fmt.Errorf("unpack %s: %d files: %w", name, len(files), err)
		}
		if err := p.command(ctx, "", "dpkg-deb", "--extract", files[0], p.path("")); err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(p.done(name), nil, 0o644), os.Remove(files[0])); err != nil {
			return err
		}
	}
	return nil
}

func (p *packages) done(name string) string { return filepath.Join(p.dir, "unpacked-"+name) }

// download fetches lists of packages of its own, then the packages.
func (p *packages) download(ctx context.Context, names []string) error {
	downloads, lists := filepath.Join(p.dir, "downloads"), filepath.Join(p.dir, "lists")
	if err := os.RemoveAll(downloads); err != nil {
		return err
	}
	for _, dir := range []string{downloads, filepath.Join(lists, "partial"), filepath.Join(p.dir, "cache", "archives", "partial")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	args := []string{
		"-o", "Dir::State::lists=" + lists, "-o", "Dir::Cache=" + filepath.Join(p.dir, "cache"),
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none",
	}
	if err := p.command(ctx, "", "apt-get", append(args, "update")...); err != nil {
		return err
	}
	return p.command(ctx, downloads, "apt-get", append(append(args, "download"), names...)...)
}
