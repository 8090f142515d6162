package catalog

import (
	"fmt"
	"io"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/jobresults"
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
	var enrich config.Enricher
	if err := config.Load(&enrich); err != nil {
		return nil, c, err
	}
	var notify config.Notifier
	if err := config.Load(&notify); err != nil {
		return nil, c, err
	}
	var commands config.Command
	if err := config.Load(&commands); err != nil {
		return nil, c, err
	}
	masker, err := Masker(enrich.Mask)
	if err != nil {
		return nil, c, err
	}
	client, err := cluster.Open(c.Kubeconfig, c.Namespace)
	if err != nil {
		return nil, c, err
	}
	log := c.New(w)
	f, err := Function(c.Name, c, Parts{
		Client: client, JobsFile: jobs.ConfigFile, Rollback: back, Images: images, Commands: commands.ConfigFile,
		Enricher: enrich, Notifier: notify, Masker: masker,
	}, log)
	if err == nil && c.VerifyKeysFile == "" && !believesNobody(c.Name) {
		log.Warn().Msg("VERIFY_KEYS_FILE is not set: who sends an event is not checked")
	}
	return f, c, err
}

// Masker is what MASK_PATTERNS and MASK_DEFAULTS say.
func Masker(c config.Mask) (*mask.Masker, error) {
	more, err := mask.Parse(c.MaskPatterns)
	if err != nil {
		return nil, fmt.Errorf("MASK_PATTERNS: %w", err)
	}
	return mask.New(c.MaskDefaults, more...)
}

// believesNobody says whether a function takes nothing from an event that it could
// not ask the cluster for, and so asks nobody for a signature.
func believesNobody(name string) bool { return name == jobresults.Name }
