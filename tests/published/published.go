// Package published stands in for what is published nowhere yet: the repository as it stands, as a git repository that
// func create reads, and as a module that Go downloads.
package published

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// Module is quench's.
const Module = "github.com/quench-dev/quench"

// Template is the go.mod that the functions of users begin with.
const Template = "function/templates/go/remediation/go.mod"

// Release is a repository, and the module in it.
type Release struct {
	URL     string   // file://…, of a bare git repository
	Version string   // of the module: another one for other contents
	Env     []string // with which Go finds it
}

// New publishes the repository at root as it stands, without what git ignores. The template there requires what is
// published. What Go keeps of the module is removed when the test ends.
func New(tb testing.TB, root string) *Release {
	tb.Helper()
	folder, bare, proxy := filepath.Join(tb.TempDir(), "quench"), filepath.Join(tb.TempDir(), "quench.git"), tb.TempDir()
	Copy(tb, root, folder)
	r := &Release{URL: "file://" + filepath.ToSlash(bare)}
	r.module(tb, folder, proxy)

	name := filepath.Join(folder, Template)
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	file, err := modfile.Parse(name, text, nil)
	if err == nil {
		err = file.AddRequire(Module, r.Version)
	}
	if err == nil {
		text, err = file.Format()
	}
	if err == nil {
		err = os.WriteFile(name, text, 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all", "--force"},
		{"-c", "user.name=quench", "-c", "user.email=quench@example.com", "commit", "--quiet", "--message=As it stands"},
		{"clone", "--quiet", "--bare", folder, bare},
	} {
		command := exec.CommandContext(tb.Context(), "git", args...)
		command.Dir = folder
		if out, err := command.CombinedOutput(); err != nil {
			tb.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	return r
}

// module lays the module out as Go's module proxies have it, with a branch main.
func (r *Release) module(tb testing.TB, folder, proxy string) {
	tb.Helper()
	at := filepath.Join(proxy, filepath.FromSlash(Module), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		tb.Fatal(err)
	}
	r.Version = "v0.1.0-tree." + hash(tb, folder)
	info, err := json.Marshal(map[string]any{"Version": r.Version, "Time": time.Unix(0, 0).UTC()})
	if err != nil {
		tb.Fatal(err)
	}
	goMod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		tb.Fatal(err)
	}
	archive, err := os.Create(filepath.Join(at, r.Version+".zip"))
	if err != nil {
		tb.Fatal(err)
	}
	defer archive.Close()
	if err := zip.CreateFromDir(archive, module.Version{Path: Module, Version: r.Version}, folder); err != nil {
		tb.Fatalf("pack the module: %v", err)
	}
	for name, text := range map[string][]byte{r.Version + ".info": info, r.Version + ".mod": goMod, "main.info": info} {
		if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	r.Env = []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy) + "," + goEnv(tb, "GOPROXY"),
		"GONOSUMDB=" + strings.Trim(Module+","+goEnv(tb, "GONOSUMDB"), ","), "GONOPROXY=", "GOPRIVATE=",
	}
	cache := goEnv(tb, "GOMODCACHE")
	tb.Cleanup(func() { r.forget(tb, cache) })
}

// forget removes the module from Go's cache, where each state of the repository would be one more.
func (r *Release) forget(tb testing.TB, cache string) {
	unpacked := filepath.Join(cache, filepath.FromSlash(Module)+"@"+r.Version)
	_ = filepath.WalkDir(unpacked, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755) // Go takes the right to write away
		}
		return err
	})
	all, err := filepath.Glob(filepath.Join(cache, "cache/download", filepath.FromSlash(Module), "@v", r.Version+".*"))
	if err != nil {
		tb.Error(err)
	}
	for _, path := range append(all, unpacked) {
		if err := os.RemoveAll(path); err != nil {
			tb.Errorf("remove what was published: %v", err)
		}
	}
}

func goEnv(tb testing.TB, name string) string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "go", "env", name).Output()
	if err != nil {
		tb.Fatalf("go env %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// hash is of all files and their names.
func hash(tb testing.TB, folder string) string {
	tb.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s\x00%d\x00%s", strings.TrimPrefix(path, folder), len(text), text)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))[:12]
}

// Copy copies the repository at root as it stands, without what git ignores.
func Copy(tb testing.TB, root, folder string) {
	tb.Helper()
	list := exec.CommandContext(tb.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		tb.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			tb.Fatal(err)
		}
		to := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}
