package main

import (
	"archive/tar"
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/quench-dev/quench/tests/registry"
)

const megabyte = 1e6

// executables are a layer of two files that have all in common, further apart than gzip sees, or zstd as it is by default.
func executables(t *testing.T) v1.Layer {
	t.Helper()
	code := make([]byte, megabyte)
	source := rand.NewChaCha8([32]byte{1})
	if _, err := source.Read(code); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, file := range []struct {
		name string
		text []byte
	}{{"adapter", code}, {"empty", make([]byte, 48<<20)}, {"function", code}} {
		if err := w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o755, Size: int64(len(file.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(file.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// built is an image as Docker builds it.
func built(t *testing.T, architecture string) v1.Image {
	t.Helper()
	i, err := mutate.Append(empty.Image, mutate.Addendum{Layer: executables(t), History: v1.History{CreatedBy: "COPY /out/ /"}})
	if err != nil {
		t.Fatal(err)
	}
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{User: "65532:65532", Entrypoint: []string{"/function"}, Labels: map[string]string{"a": "b"}}
	if i, err = mutate.ConfigFile(i, config); err != nil {
		t.Fatal(err)
	}
	return mutate.Annotations(i, map[string]string{"made": "by hand"}).(v1.Image)
}

func packed(t *testing.T, tag name.Tag) v1.Hash {
	t.Helper()
	p := packer{say: t.Logf, options: []remote.Option{remote.WithContext(t.Context())}}
	digest, err := p.pack(tag)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func tagOf(t *testing.T, r *registry.Registry) name.Tag {
	t.Helper()
	tag, err := name.NewTag(r.Addr + "/quench:v1")
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// same checks that an image in the registry is the other one but for how its layer is packed.
func same(t *testing.T, is, was v1.Image) {
	t.Helper()
	for what, of := range map[string]func(v1.Image) (any, error){
		"config":      func(i v1.Image) (any, error) { return i.ConfigFile() },
		"annotations": func(i v1.Image) (any, error) { m, err := i.Manifest(); return m.Annotations, err },
	} {
		got, err := of(is)
		want, wrong := of(was)
		if err != nil || wrong != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s %+v, was %+v (%v, %v)", what, got, want, err, wrong)
		}
	}
	manifest, err := is.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	l := manifest.Layers[0]
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON || len(manifest.Layers) != 1 || l.MediaType != types.OCILayerZStd {
		t.Errorf("manifest %+v", manifest)
	}
	if l.Size < megabyte || l.Size > 1.01*megabyte {
		t.Errorf("the layer has %d bytes, want those of one of two equal files", l.Size)
	}
	layers, err := is.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	got, _, err := v1.SHA256(files)
	config, wrong := is.ConfigFile()
	if err != nil || wrong != nil || len(config.RootFS.DiffIDs) != 1 || got != config.RootFS.DiffIDs[0] {
		t.Errorf("the files are %s, and not those of the configuration: %+v (%v, %v)", got, config, err, wrong)
	}
}

func TestPackImage(t *testing.T) {
	tag, was := tagOf(t, registry.Start(t)), built(t, "amd64")
	if err := remote.Write(tag, was); err != nil {
		t.Fatal(err)
	}
	digest := packed(t, tag)
	is, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	same(t, is, was)
	if got, err := is.Digest(); got != digest || err != nil {
		t.Errorf("the tag is %s, %v; told was %s", got, err, digest)
	}
	if again := packed(t, tag); again != digest {
		t.Errorf("packed again it is %s, was %s", again, digest)
	}
}

func TestPackIndex(t *testing.T) {
	tag := tagOf(t, registry.Start(t))
	var index v1.ImageIndex = empty.Index
	platforms := []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}, {OS: unknown, Architecture: unknown}}
	for _, p := range platforms {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: built(t, p.Architecture), Descriptor: v1.Descriptor{Platform: &p}})
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	digest := packed(t, tag)
	is, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := is.Digest(); got != digest || err != nil {
		t.Errorf("the tag is %s, %v; told was %s", got, err, digest)
	}
	manifest, err := is.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	for i, d := range manifest.Manifests {
		if !d.Platform.Equals(platforms[i]) {
			t.Errorf("image %d is for %s", i, d.Platform)
		}
		image, err := is.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		same(t, image, built(t, d.Platform.Architecture))
	}
}

func TestPackSaysWhatIsWrong(t *testing.T) {
	r := registry.Start(t)
	for reference, want := range map[string]string{
		r.Addr + "/quench:v1":                  "MANIFEST_UNKNOWN",
		r.Addr + "/Quench:v1":                  "want a name and a tag",
		"127.0.0.1:1/quench:v1":                "refused",
		r.Addr + "/quench@sha256:" + "0123abc": "want a name and a tag",
	} {
		if err := run(t.Context(), reference); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", reference, err, want)
		}
	}
}
