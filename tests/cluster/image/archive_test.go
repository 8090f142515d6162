package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// archive is a docker-archive with one image.
type archive struct {
	references []string
	config     config
	layers     []layer
}

type config struct {
	OS     string
	Config struct {
		User            string
		Env             []string
		Entrypoint, Cmd []string
		ExposedPorts    map[string]struct{}
		Labels          map[string]string
	}
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

// layer is a layer's tar, the regular files in it, and where links lead.
type layer struct {
	tar   []byte
	files map[string][]byte
	links map[string]string
}

// readArchive reads an archive, and checks that its names say what is in it.
func readArchive(t *testing.T, file string) (a archive) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries := map[string][]byte{}
	each(t, f, func(h *tar.Header, text []byte) { entries[h.Name] = text })
	var manifests []struct {
		Config           string
		RepoTags, Layers []string
	}
	decode(t, entries["manifest.json"], &manifests)
	if len(manifests) != 1 {
		t.Fatalf("%d images", len(manifests))
	}
	m := manifests[0]
	a.references = m.RepoTags
	if want := digest(entries[m.Config]) + ".json"; m.Config != want {
		t.Errorf("config %s is %s", m.Config, want)
	}
	decode(t, entries[m.Config], &a.config)
	if len(a.config.RootFS.DiffIDs) != len(m.Layers) {
		t.Fatalf("%d layers, %d diff_ids", len(m.Layers), len(a.config.RootFS.DiffIDs))
	}
	for i, name := range m.Layers {
		if want := "sha256:" + digest(entries[name]); a.config.RootFS.DiffIDs[i] != want {
			t.Errorf("layer %d is %s, not %s", i, want, a.config.RootFS.DiffIDs[i])
		}
		a.layers = append(a.layers, readLayer(t, entries[name]))
	}
	return a
}

func readLayer(t *testing.T, text []byte) layer {
	t.Helper()
	l := layer{tar: text, files: map[string][]byte{}, links: map[string]string{}}
	each(t, bytes.NewReader(text), func(h *tar.Header, text []byte) {
		name, mode := path.Clean("/"+h.Name), h.Mode&0o7777 // buildah adds the type
		switch {
		case h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0:
			t.Errorf("%s belongs to %d:%d, is of %s", name, h.Uid, h.Gid, h.ModTime)
		case h.Typeflag == tar.TypeDir && mode == 0o755:
		case h.Typeflag == tar.TypeReg && (mode == 0o755 || name == certificates && mode == 0o644):
			l.files[name] = text
		case h.Typeflag == tar.TypeSymlink:
			l.links[name] = h.Linkname
		default:
			t.Errorf("%s is of type %c and mode %o", name, h.Typeflag, mode)
		}
	})
	return l
}

// extract writes the files of all layers below a new folder.
func (a archive) extract(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, l := range a.layers {
		for name, text := range l.files {
			file := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			mode := os.FileMode(0o755)
			if strings.HasSuffix(name, ".crt") {
				mode = 0o644
			}
			if err := os.WriteFile(file, text, mode); err != nil {
				t.Fatal(err)
			}
		}
		for name, target := range l.links {
			if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func each(t *testing.T, from io.Reader, do func(*tar.Header, []byte)) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		do(h, text)
	}
}

func decode(t *testing.T, text []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
