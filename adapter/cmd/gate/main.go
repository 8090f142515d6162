// Command gate answers a readiness probe: not ready while alerts fire. Its
// settings are environment variables.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
)

func main() {
	version := flag.Bool("version", false, "print the version and exit")
	flag.Usage = usage
	flag.Parse()
	if *version {
		fmt.Println("quench gate", config.Version, config.Revision())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadGate()
	if err != nil {
		return err
	}
	log := cfg.New(os.Stderr)
	g, err := gate.New(cfg, log)
	if err != nil {
		return err
	}
	s, err := serve.Listen(serve.Options{
		Addr: net.JoinHostPort("", cfg.Port.String()), Handler: g.Handler(), OwnProbes: true, Log: log,
		DrainTimeout: time.Duration(cfg.APITimeout) + time.Second, // a probe under way is answered by then
	})
	if err != nil {
		return err
	}
	log.Info().Str("addr", s.Addr().String()).Strs("asks", g.Asked()).Msg("listening")
	return s.Run(ctx)
}
