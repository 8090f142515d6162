package main

import (
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

const (
	// window is how far back, in bytes, something is found again: all executables are in it. Who unpacks needs as much
	// memory; unpackers take up to 128 MiB without being asked.
	window = 64 << 20
	// maxLayer bounds a layer, in bytes, unpacked.
	maxLayer = 1 << 30
)

// unknown is the platform of what builders push beside images, such as where they are from.
const unknown = "unknown"

type packer struct {
	say     func(format string, args ...any)
	options []remote.Option
}

// pack replaces what a tag names: an image, or the images of an index, one for each platform. What else an index has, such
// as attestations, is about images that are no longer there, and left out.
func (p packer) pack(tag name.Tag) (v1.Hash, error) {
	found, err := remote.Get(tag, p.options...)
	if err != nil {
		return v1.Hash{}, err
	}
	packed, err := p.packed(found)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.Push(tag, packed, p.options...); err != nil {
		return v1.Hash{}, err
	}
	return packed.Digest()
}

// either is an image or an index.
type either interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

func (p packer) packed(found *remote.Descriptor) (either, error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if err != nil {
			return nil, err
		}
		return p.image(image)
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	return p.index(index)
}

func (p packer) index(index v1.ImageIndex) (v1.ImageIndex, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	packed := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, d := range manifest.Manifests {
		if !d.MediaType.IsImage() || d.Platform == nil || d.Platform.OS == unknown {
			continue
		}
		image, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		p.say("%s", d.Platform)
		if image, err = p.image(image); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Platform, err)
		}
		packed = mutate.AppendManifests(packed, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: d.Platform}})
	}
	return packed, nil
}

// image is the image with its layers packed, as OCI has them, in their order.
func (p packer) image(image v1.Image) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	packed := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	var was, is int64
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			return nil, err
		}
		next, err := pack(l)
		if err != nil {
			return nil, err
		}
		now, err := next.Size()
		if err != nil {
			return nil, err
		}
		if packed, err = mutate.AppendLayers(packed, next); err != nil {
			return nil, err
		}
		was, is = was+size, is+now
	}
	p.say("%d layers, %.1f MB: now %.1f MB", len(layers), float64(was)/1e6, float64(is)/1e6)
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Annotations) > 0 {
		packed = mutate.Annotations(packed, manifest.Annotations).(v1.Image)
	}
	return mutate.ConfigFile(packed, config)
}

// layer is one that is packed by zstd; its files are those that it had.
type layer struct {
	v1.Layer // of the packed bytes
	was      v1.Layer
}

func (l *layer) DiffID() (v1.Hash, error)             { return l.was.DiffID() }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return l.was.Uncompressed() }

func pack(l v1.Layer) (*layer, error) {
	files, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer files.Close()
	// As a whole: the window is then no larger than the layer, and the result does not hang on how it was read.
	all, err := io.ReadAll(io.LimitReader(files, maxLayer+1))
	if err != nil {
		return nil, err
	}
	if len(all) > maxLayer {
		return nil, fmt.Errorf("a layer of more than %d MiB", maxLayer>>20)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window))
	if err != nil {
		return nil, err
	}
	return &layer{static.NewLayer(w.EncodeAll(all, nil), types.OCILayerZStd), l}, w.Close()
}
