package catalog

import (
	"fmt"
	"io"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/mask"
)

// FromEnvironment makes the function that the environment describes, which logs
// to w. It asks nothing of the cluster.
func FromEnvironment(w io.Writer) (*function.Function, config.Function, error) {
	var c config.Function
	if err := config.Load(&c); err != nil {
		return nil, c, err
	}
	var jobs config.JobRunner
	if err := config.Load(&jobs); err != nil {
		return nil, c, err
	}
	var back config.Rollback
	if err := config.Load(&back); err != nil {
		return nil, c, err
	}
	var images config.ImagePatcher
	if err := config.Load(&images); err != nil {
		return nil, c, err
	}
	var commands config.Command
	if err := config.Load(&commands); err != nil {
		return nil, c, err
	}
	masker, err := masker()
	if err != nil {
		return nil, c, err
	}
	client, err := cluster.Open(c.Kubeconfig, c.Namespace)
	if err != nil {
		return nil, c, err
	}
	log := c.New(w)
	f, err := Function(c.Name, c, Parts{Client: client, JobsFile: jobs.ConfigFile, Rollback: back, Images: images, Commands: commands.ConfigFile, Masker: masker}, log)
	if err == nil && c.VerifyKeysFile == "" && !listens(c.Name) {
		log.Warn().Msg("VERIFY_KEYS_FILE is not set: who sends an event is not checked")
	}
	return f, c, err
}

// masker is what MASK_PATTERNS and MASK_DEFAULTS say.
func masker() (*mask.Masker, error) {
	var c config.JobResults
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	more, err := mask.Parse(c.MaskPatterns)
	if err != nil {
		return nil, fmt.Errorf("MASK_PATTERNS: %w", err)
	}
	return mask.New(c.MaskDefaults, more...)
}

// listens says whether a function is none that acts, and so asks nobody for a
// signature.
func listens(name string) bool { _, ok := listeners[name]; return ok }
