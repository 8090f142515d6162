package parts

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

// packages are what comes from Debian. They are unpacked in the cache, not installed: the sandbox shows them in its
// /usr, and no service of theirs is ever started on the machine.
var packages = []string{
	"busybox-static", "containerd", "containernetworking-plugins", "docker-registry", "iptables", "postgresql", "prometheus", "runc",
}

// alternatives are links that a package's installation makes.
var alternatives = map[string]string{
	"usr/sbin/iptables": "iptables-nft", "usr/sbin/iptables-save": "iptables-nft-save",
	"usr/sbin/iptables-restore": "iptables-nft-restore", "usr/sbin/ip6tables": "ip6tables-nft",
	"usr/sbin/ip6tables-save": "ip6tables-nft-save", "usr/sbin/ip6tables-restore": "ip6tables-nft-restore",
}

// debian downloads the packages, with those that they need and the machine lacks, and unpacks them.
func (b *Builder) debian(ctx context.Context) error {
	target := filepath.Join(b.Cache, "debian")
	if b.fresh("debian", strings.Join(packages, " ")) {
		return nil
	}
	b.say("downloading %s from Debian (unpacked in the cache, not installed)", strings.Join(packages, ", "))
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the cluster takes containerd and others from Debian: %w", err)
	}
	downloads := filepath.Join(b.Cache, "debian-packages")
	if err := errors.Join(os.RemoveAll(target), os.RemoveAll(downloads)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(downloads, "partial"), 0o755); err != nil {
		return err
	}
	// A package that is installed is downloaded all the same, since it may be gone the next time.
	args := []string{
		"install", "--yes", "--download-only", "--reinstall", "--no-install-recommends",
		"-o", "Dir::Cache::archives=" + downloads, "-o", "APT::Sandbox::User=root",
	}
	if err := b.run(ctx, "", "apt-get", append(args, packages...)...); err != nil {
		b.say("refreshing the list of packages")
		if err := b.run(ctx, "", "apt-get", "update"); err != nil {
			return err
		}
		if err := b.run(ctx, "", "apt-get", append(args, packages...)...); err != nil {
			return err
		}
	}
	debs, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := b.run(ctx, "", "dpkg-deb", "--extract", deb, target); err != nil {
			return err
		}
	}
	for link, to := range alternatives {
		if err := os.Symlink(to, filepath.Join(target, link)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errors.Join(os.RemoveAll(downloads), b.done("debian", strings.Join(packages, " ")))
}
