// Package parts builds and downloads what a cluster is made of, into a cache folder: programs of Go modules (each in a
// module of its own below the folder of this one, which pins it), packages of Debian, and container images of these.
// What is there already and still the same is left alone.
package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Builder builds. All fields are required.
type Builder struct {
	// Source is the folder with the parts' modules.
	Source string
	// Cache is the folder that holds what was built.
	Cache string
	// Say is told what is being done, a line at a time.
	Say func(line string)
}

// Build makes all that is missing. The first time takes about 10 minutes on two cores.
func (b *Builder) Build(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(b.Cache, "bin"), 0o755); err != nil {
		return err
	}
	if err := b.debian(ctx); err != nil {
		return fmt.Errorf("get Debian's packages: %w", err)
	}
	for _, program := range programs() {
		if err := b.program(ctx, program); err != nil {
			return fmt.Errorf("build %s: %w", program.name, err)
		}
	}
	return b.images()
}

// Program is the path of a built program.
func (b *Builder) Program(name string) string { return filepath.Join(b.Cache, "bin", name) }

func (b *Builder) say(format string, args ...any) { b.Say(fmt.Sprintf(format, args...)) }

// run runs a command; what it says is in the error.
func (b *Builder) run(ctx context.Context, dir, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "DEBIAN_FRONTEND=noninteractive")
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w:\n%s", name, args[0], err, tail(string(out)))
	}
	return nil
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return "  " + strings.Join(lines, "\n  ")
}

// fresh says whether the part was made of the same as now.
func (b *Builder) fresh(part, of string) bool {
	text, err := os.ReadFile(b.stamp(part))
	return err == nil && string(text) == of
}

func (b *Builder) done(part, of string) error { return os.WriteFile(b.stamp(part), []byte(of), 0o644) }

func (b *Builder) stamp(part string) string { return filepath.Join(b.Cache, "."+part+".made-of") }

// program is one that is built of a Go module.
type program struct {
	name   string
	module string // the folder of the module below Source
	pkg    string
	args   []string
}

// program builds one.
func (b *Builder) program(ctx context.Context, p program) error {
	dir := filepath.Join(b.Source, p.module)
	of, err := sources(dir)
	if err != nil {
		return err
	}
	of += " " + runtime.Version() + " " + p.pkg + " " + strings.Join(p.args, " ")
	out, err := filepath.Abs(b.Program(p.name))
	if err != nil {
		return err
	}
	if _, err := os.Stat(out); err == nil && b.fresh(p.name, of) {
		return nil
	}
	b.say("building %s", p.name)
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", out}, p.args...)
	if err := b.run(ctx, dir, "go", append(args, p.pkg)...); err != nil {
		return err
	}
	return b.done(p.name, of)
}

// sources is a hash of a module's own files; what it requires is in go.sum.
func sources(dir string) (string, error) {
	hash := sha256.New()
	for _, pattern := range []string{"go.*", "*.go"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.Open(file)
			if err != nil {
				return "", err
			}
			_, err = io.Copy(hash, text)
			_ = text.Close()
			if err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
