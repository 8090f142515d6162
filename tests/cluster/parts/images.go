package parts

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quench-dev/quench/tests/cluster/archive"
)

// Image is the reference of a program's image. Knative does not ask a registry about names that begin so, and the
// kubelet does not pull a tag other than latest that is there.
func Image(program string) string { return "dev.local/" + program + ":e2e" }

// Archive is the file with the images of the cluster's own parts, Knative's among them.
const Archive = "images.tar"

// images writes the archives.
func (b *Builder) images() error {
	pause := archive.Image{
		Name: "dev.local/pause:1", Entrypoint: []string{"/pause"}, Files: map[string]string{"pause": b.Program(Pause)},
	}
	if err := b.archive("pause.tar", pause); err != nil {
		return err
	}
	var images []archive.Image
	for _, path := range knative {
		images = append(images, b.image(name(path)))
	}
	for _, program := range []string{CoreDNS, KafkaWebhook, KubeStateMetrics, Traefik} {
		images = append(images, b.image(program))
	}
	debian := filepath.Join(b.Cache, "debian")
	kubectl := b.image(Kubectl)
	kubectl.Files["bin/sh"] = filepath.Join(debian, "bin/busybox")
	kubectl.Entrypoint = nil
	kubectl.Env = []string{"PATH=/app:/bin"}
	prometheus := archive.Image{
		Name: Image(Prometheus), Entrypoint: []string{"/usr/bin/prometheus"},
		Files: map[string]string{"usr/bin/prometheus": filepath.Join(debian, "usr/bin/prometheus")},
	}
	if err := b.addLibraries(prometheus.Files); err != nil {
		return fmt.Errorf("find the libraries of prometheus: %w", err)
	}
	postgresql, err := b.postgresql()
	if err != nil {
		return fmt.Errorf("make an image of PostgreSQL: %w", err)
	}
	return b.archive(Archive, append(images, kubectl, prometheus, postgresql)...)
}

func (b *Builder) image(program string) archive.Image {
	return archive.Image{
		Name: Image(program), Entrypoint: []string{"/app/" + program},
		Files: map[string]string{"app/" + program: b.Program(program)},
	}
}

// archive writes an archive unless it is newer than all that goes into it.
func (b *Builder) archive(file string, images ...archive.Image) error {
	path := filepath.Join(b.Cache, file)
	if made, err := os.Stat(path); err == nil {
		old := false
		for _, image := range images {
			for _, from := range image.Files {
				info, err := os.Stat(from)
				if err != nil {
					return err
				}
				old = old || info.ModTime().After(made.ModTime())
			}
		}
		if !old {
			return nil
		}
	}
	b.say("writing %s", file)
	return archive.Write(path, images...)
}

// libraryFolders is where Debian has shared libraries: what was unpacked comes before the machine's own.
var libraryFolders = []string{"/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib"}

// addLibraries adds what the programs among the files are linked with, and what those are.
func (b *Builder) addLibraries(files map[string]string) error {
	roots := []string{filepath.Join(b.Cache, "debian/usr"), filepath.Join(b.Cache, "debian"), "/"}
	var pending []string
	for _, from := range files {
		pending = append(pending, from)
	}
	for len(pending) > 0 {
		program, err := elf.Open(pending[0])
		if err != nil {
			return fmt.Errorf("read %s: %w", pending[0], err)
		}
		pending = pending[1:]
		libraries, err := program.ImportedLibraries()
		if err != nil {
			return err
		}
		if section := program.Section(".interp"); section != nil {
			text, err := section.Data()
			if err != nil {
				return err
			}
			interpreter := strings.TrimRight(string(text), "\x00")
			files[strings.TrimPrefix(interpreter, "/")] = interpreter
		}
		_ = program.Close()
		for _, library := range libraries {
			from, err := findLibrary(roots, library)
			if err != nil {
				return err
			}
			if _, known := files["lib/"+library]; !known {
				files["lib/"+library] = from
				pending = append(pending, from)
			}
		}
	}
	return nil
}

func findLibrary(roots []string, name string) (string, error) {
	for _, root := range roots {
		for _, folder := range libraryFolders {
			if path := filepath.Join(root, folder, name); exists(path) {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is in none of %s, below %s", name, strings.Join(libraryFolders, ", "), strings.Join(roots, " or "))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// KnativeImage is the image of this cluster for what Knative's manifests name ko://knative.dev/….
func KnativeImage(reference string) string {
	return Image(name(strings.TrimPrefix(reference, "ko://knative.dev/")))
}
