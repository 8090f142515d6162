// Package archive writes container images of one file each as an archive that containerd imports (docker-archive):
// uncompressed, since it is read once on the same machine.
package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"time"
)

// Image is an image whose root file system is a few files.
type Image struct {
	// Name is the reference that it gets.
	Name string
	// Files are the paths on this machine of the files, by their path in the image.
	Files map[string]string
	// Entrypoint is the command.
	Entrypoint []string
	// Env are its variables, NAME=value.
	Env []string
}

// user is who the images' processes run as: nobody in particular, and a number, so that it is seen not to be root.
const user = "65532:65532"

type config struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User       string   `json:",omitempty"`
		Entrypoint []string `json:",omitempty"`
		Env        []string `json:",omitempty"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []struct{} `json:"history,omitempty"`
}

type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write writes the images to the file, whole or not at all.
func Write(file string, images ...Image) (err error) {
	next := file + ".new"
	out, err := os.Create(next)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next)
		}
	}()
	defer out.Close()
	to := tar.NewWriter(out)
	manifests := make([]manifest, len(images))
	for i, image := range images {
		if manifests[i], err = write(to, image); err != nil {
			return fmt.Errorf("write image %s: %w", image.Name, err)
		}
	}
	if err := writeJSON(to, "manifest.json", manifests); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.Rename(next, file)
}

func write(to *tar.Writer, image Image) (manifest, error) {
	layer, diff, err := writeLayer(image.Files)
	if err != nil {
		return manifest{}, err
	}
	defer os.Remove(layer)
	var c config
	c.Architecture, c.OS = runtime.GOARCH, "linux"
	c.Config.User, c.Config.Entrypoint, c.Config.Env = user, image.Entrypoint, image.Env
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{"sha256:" + diff}
	text, err := json.Marshal(c)
	if err != nil {
		return manifest{}, err
	}
	sum := sha256.Sum256(text)
	m := manifest{Config: hex.EncodeToString(sum[:]) + ".json", RepoTags: []string{image.Name}, Layers: []string{diff + ".tar"}}
	if err := writeJSON(to, m.Config, c); err != nil {
		return m, err
	}
	return m, writeFile(to, m.Layers[0], layer, 0o644)
}

// writeLayer makes the layer, as a temporary file.
func writeLayer(files map[string]string) (name, diff string, err error) {
	out, err := os.CreateTemp("", "quench-layer-")
	if err != nil {
		return "", "", err
	}
	defer out.Close()
	hash := sha256.New()
	to := tar.NewWriter(io.MultiWriter(out, hash))
	// A folder that anybody may write to: some programs want one.
	header := &tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: time.Unix(0, 0)}
	if err := to.WriteHeader(header); err != nil {
		return out.Name(), "", err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(to, path.Clean("/" + name)[1:], files[name], 0o755); err != nil {
			return out.Name(), "", err
		}
	}
	if err := to.Close(); err != nil {
		return out.Name(), "", err
	}
	return out.Name(), hex.EncodeToString(hash.Sum(nil)), nil
}

func writeFile(to *tar.Writer, name, from string, mode int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: mode, Size: info.Size(), ModTime: time.Unix(0, 0)}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(to, in)
	return err
}

func writeJSON(to *tar.Writer, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}
