package inside

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const hosts = "127.0.0.1 localhost\n::1 localhost\n" + nodeIP + " " + nodeName + "\n"

// mounts gives the node folders of its own in the places where its programs look: nothing that they write reaches the
// machine's. Debian's packages, unpacked in the cache, show in /usr beside what is there.
func mounts(run, cache string) error {
	// The folders may be below one that is about to be hidden: they are held open.
	for _, held := range []struct {
		path *string
		from string
	}{{&run, run}, {&cache, cache}} {
		folder, err := os.Open(held.from)
		if err != nil {
			return err
		}
		defer folder.Close()
		*held.path = fmt.Sprintf("/proc/self/fd/%d", folder.Fd())
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("/run: %w", err)
	}
	if err := bind(run, runDir); err != nil {
		return err
	}
	if err := bind(cache, cacheDir); err != nil {
		return err
	}
	if err := syscall.Mount("overlay", "/usr", "overlay", syscall.MS_RDONLY,
		"lowerdir="+cacheDir+"/debian/usr:/usr"); err != nil {
		return fmt.Errorf("overlay on /usr: %w", err)
	}
	for own, path := range map[string]string{"lib": "/var/lib", "log/var": "/var/log"} {
		from := filepath.Join(runDir, own)
		if err := os.MkdirAll(from, 0o755); err != nil {
			return err
		}
		if err := bind(from, path); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"hosts": hosts, "resolv.conf": "nameserver " + clusterDNS + "\n"} {
		if err := os.WriteFile(filepath.Join(runDir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := syscall.Mount(filepath.Join(runDir, "hosts"), "/etc/hosts", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("/etc/hosts: %w", err)
	}
	return syscall.Sethostname([]byte(nodeName))
}

func bind(from, path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(from, path, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
