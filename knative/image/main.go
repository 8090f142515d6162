// Command image packs an image in a registry anew, so that there is less to pull: its executables have much in common,
// which gzip, with its window of 32 KiB, does not see, and zstd with one of 64 MiB does. containerd, CRI-O, Docker and
// Podman unpack it; nothing else of the image changes.
//
//	go run ./knative/image registry.example.com/quench:v1.2.3
//
// It prints the reference with the new digest. Credentials are those of docker login or podman login.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	flags := flag.NewFlagSet("image", flag.ExitOnError)
	most := flags.Duration("timeout", 15*time.Minute, "how long it may take")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Usage: image [--timeout 15m] REFERENCE\n\nPacks the image with this name and tag anew, in its registry.\n\n")
		flags.PrintDefaults()
	}
	_ = flags.Parse(os.Args[1:]) // exits where it fails
	if flags.NArg() != 1 {
		flags.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *most)
	defer cancel()
	if err := run(ctx, flags.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, reference string) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return fmt.Errorf("want a name and a tag, such as registry.example.com/quench:v1.2.3: %w", err)
	}
	p := packer{
		say:     func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
		options: []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)},
	}
	digest, err := p.pack(tag)
	if err != nil {
		return fmt.Errorf("pack %s: %w", tag, err)
	}
	fmt.Println(tag.Context().Digest(digest.String()))
	return nil
}
