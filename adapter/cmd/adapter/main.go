// Command adapter takes webhooks of Prometheus Alertmanager in and sends each
// alert to K_SINK as a CloudEvent. Its settings are environment variables.
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

	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/config/serve/webconfig"
)

func main() {
	version := flag.Bool("version", false, "print the version and exit")
	flag.Usage = usage
	flag.Parse()
	if *version {
		fmt.Println("quench adapter", config.Version, config.Revision())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "adapter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var cfg config.Adapter
	if err := config.Load(&cfg); err != nil {
		return err
	}
	config.CollectSeldom()
	log := cfg.New(os.Stderr)
	a, err := adapter.New(cfg, nil, log)
	if err != nil {
		return err
	}
	hook, err := webconfig.Serve(cfg.WebConfigFile, log)
	if err != nil {
		return err
	}
	s, err := serve.Listen(serve.Options{
		Addr: net.JoinHostPort("", cfg.Port.String()), Handler: a.Handler(), Ready: a.Ready, Serve: hook, Log: log,
		DrainQuiet: time.Duration(cfg.DrainQuiet), DrainTimeout: time.Duration(cfg.DrainTimeout),
	})
	if err != nil {
		return err
	}
	log.Info().Str("addr", s.Addr().String()).Str("sink", adapter.SinkName(cfg)).Msg("listening")
	return s.Run(ctx)
}
