package adapter

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/config/serve/webconfig"
)

// Program is the adapter as a process of its own.
func Program() program.Program {
	return program.Program{
		Name: "adapter", Does: "Takes Alertmanager's webhooks in and sends their alerts to K_SINK.",
		Settings: program.Variables(config.Adapter{}), Run: run,
	}
}

func run(ctx context.Context) error {
	var cfg config.Adapter
	if err := config.Load(&cfg); err != nil {
		return err
	}
	config.CollectSeldom()
	log := cfg.New(os.Stderr)
	a, err := New(cfg, nil, log)
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
	log.Info().Str("addr", s.Addr().String()).Str("sink", SinkName(cfg)).Msg("listening")
	return s.Run(ctx)
}
