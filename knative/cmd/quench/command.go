package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/knative/executor"
)

// defaultListen is prometheus-am-executor's.
const defaultListen = ":8080"

type commandFlags struct {
	file, listen, state, webConfig string
	verbose                        bool
	ackAfter                       time.Duration
}

func newCommand() *cobra.Command {
	var f commandFlags
	c := &cobra.Command{
		Use:   "command [-f FILE] [SCRIPT ARGS...]",
		Short: "Run a command for each of Alertmanager's notifications, on this machine",
		Long: `Takes Alertmanager's webhooks and runs commands, with the alerts in their environment (AMX_...). It stands in for
prometheus-am-executor: the same configuration file, flags, environment, paths and metrics. SCRIPT is run for every
notification, beside the file's commands.

What was run is recorded in the folder of --state, so that nothing runs twice for one notification, not even after a
crash. No cluster is needed. Of the functions' environment variables these apply: POLICY_FILE, ALERTMANAGER_URL, DRY_RUN,
RECORD_TTL, MAX_BODY_BYTES, DRAIN_TIMEOUT, MASK_PATTERNS, MASK_DEFAULTS, LOG_LEVEL and LOG_FORMAT; see config/README.md.`,
		Example: `  quench command -l :8080 ./reboot --now
  quench command -f executor.yml -v`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), c.ErrOrStderr(), args) },
	}
	flags := c.Flags()
	flags.SetInterspersed(false) // what follows SCRIPT is its own
	flags.StringVarP(&f.file, "file", "f", "", "prometheus-am-executor's YAML `file`, or one with more")
	flags.StringVarP(&f.listen, "listen", "l", "", "`address` to take webhooks on (default the file's listen_address, else "+defaultListen+")")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log more")
	flags.StringVar(&f.state, "state", "", "`folder` for locks and records, on a local disk (default $STATE_DIRECTORY, for root /var/lib/quench, else $XDG_STATE_HOME/quench or ~/.local/state/quench)")
	flags.DurationVar(&f.ackAfter, "ack-after", 4*time.Minute, "answer Alertmanager when commands take longer than this; they go on, and can be told of the alert's end. Keep it below Alertmanager's group_interval; 0 always waits")
	flags.StringVar(&f.webConfig, "web-config", "", "Prometheus web configuration `file`: TLS, client certificates, passwords")
	return c
}

func (f *commandFlags) run(ctx context.Context, errOut io.Writer, args []string) error {
	file, err := f.config(args)
	if err != nil {
		return err
	}
	var shared config.Function
	var masks config.Mask
	if err := errors.Join(config.Load(&shared), config.Load(&masks)); err != nil {
		return err
	}
	if f.verbose || file.Verbose {
		shared.Level = "debug"
	}
	log := shared.New(errOut)
	masker, err := catalog.Masker(masks)
	if err != nil {
		return err
	}
	o := executor.Options{
		Command: command.New(file.Rules, command.Options{Masker: masker, Log: log}),
		Listen:  file.Listen, State: f.state, TLSCrt: file.TLSCrt, TLSKey: file.TLSKey, WebConfigFile: f.webConfig,
		DryRun: shared.DryRun, MaxBody: int64(shared.MaxBodyBytes), RecordTTL: time.Duration(shared.RecordTTL),
		AckAfter: f.ackAfter, DrainTimeout: time.Duration(shared.DrainTimeout), Log: log,
	}
	if shared.PolicyFile != "" {
		source := &policy.Source{File: shared.PolicyFile, Known: catalog.Names()}
		if _, err := source.Read(ctx); err != nil {
			return fmt.Errorf("POLICY_FILE: %w", err)
		}
		o.Policy = source
	}
	if len(shared.AlertmanagerURL) > 0 {
		o.Firing = &function.StillFiring{URLs: shared.AlertmanagerURL, Client: &http.Client{}}
	}
	x, err := executor.New(ctx, o)
	if err != nil {
		return err
	}
	findPrograms(file.Rules, log)
	log.Info().Str("addr", x.Addr().String()).Int("commands", len(file.Rules)).Str("state", f.state).Msg("listening")
	return x.Run(ctx)
}

// config merges the file and the command line, which comes first.
func (f *commandFlags) config(args []string) (*command.Config, error) {
	file := &command.Config{}
	if f.file != "" {
		var err error
		if file, err = command.Load(f.file); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 {
		if err := file.AddLine(args); err != nil {
			return nil, usageError{err}
		}
	}
	if len(file.Rules) == 0 {
		return nil, usageError{errors.New("nothing to run: name a SCRIPT, or a file with commands: by -f; quench command --help says more")}
	}
	if f.listen != "" {
		file.Listen = f.listen
	} else if file.Listen == "" {
		file.Listen = defaultListen
	}
	if f.ackAfter < 0 {
		return nil, usageError{fmt.Errorf("--ack-after=%s: want a duration of at least 0, such as 4m", f.ackAfter)}
	}
	if f.state == "" {
		var err error
		if f.state, err = defaultState(); err != nil {
			return nil, usageError{err}
		}
	}
	return file, nil
}

// defaultState is where a program of this user's keeps what survives a restart.
func defaultState() (string, error) {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return dir, nil // systemd's StateDirectory=
	}
	if os.Getuid() == 0 {
		return "/var/lib/quench", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "quench"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("--state is missing: name a folder for locks and records (%w)", err)
	}
	return filepath.Join(home, ".local", "state", "quench"), nil
}

// findPrograms warns of commands that are not there yet; they may come later.
func findPrograms(rules []*command.Rule, log zerolog.Logger) {
	for _, r := range rules {
		if _, err := exec.LookPath(r.Cmd); err != nil {
			log.Warn().Str("command", r.Name).Err(err).Msg("command cannot be started")
		}
	}
}
