package catalog

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/function"
)

// Main is the main of a program that runs one of these functions, the one that
// FUNCTION names: it takes CloudEvents on PORT and answers with outcome events.
func Main(entries ...Entry) {
	flag.Usage = func() { usage(os.Stderr, entries) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, entries)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
}

func usage(w io.Writer, entries []Entry) {
	fmt.Fprint(w, "Usage: FUNCTION=... "+filepath.Base(os.Args[0])+"\n\nTakes CloudEvents and answers with outcome events. Environment variables of every function:\n\n")
	config.WriteTable(w, config.Function{})
	for _, e := range entries {
		fmt.Fprintf(w, "\nOf FUNCTION=%s:\n\n", e.Name)
		config.WriteTable(w, e.Settings)
	}
}

func run(ctx context.Context, entries []Entry) error {
	config.CollectSeldom()
	f, c, err := FromEnvironment(os.Stderr, entries...)
	if err != nil {
		return err
	}
	s, err := serve.Listen(serve.Options{
		Addr:         ":" + c.Port.String(),
		Handler:      function.Handler(f, int64(c.MaxBodyBytes)),
		Ready:        func() error { _, broken := f.Ready(ctx); return broken },
		DrainQuiet:   time.Duration(c.DrainQuiet),
		DrainTimeout: time.Duration(c.DrainTimeout),
		Log:          c.New(os.Stderr),
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, f.Drain)
	err = s.Run(ctx)
	stopping, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = f.Stop(stopping) //nolint:contextcheck // ctx is over; what runs in the background may be left undone
	return err
}
