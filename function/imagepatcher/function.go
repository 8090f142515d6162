package imagepatcher

import (
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// Function is image-patcher as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.ImagePatcher{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.ImagePatcher
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	rules, err := Load(p.RulesFile(c.File))
	if err != nil {
		return nil, err
	}
	otherwise := Setting{Policy: c.Policy, Constraint: c.Constraint, Tags: c.Tags, Pin: c.Pin}
	variables := map[string]string{"policy": "IMAGE_POLICY", "constraint": "IMAGE_CONSTRAINT", "tags": "IMAGE_TAGS", "pin": "IMAGE_PIN"}
	rule, err := otherwise.Rule(func(field string) string { return variables[field] })
	if err != nil {
		return nil, err
	}
	platforms, err := platformsOf(c.Platforms)
	if err != nil {
		return nil, err
	}
	return p.Acting(New(Options{
		Rules: rules, Default: rule, Platforms: platforms, Namespace: c.Namespace, Timeout: time.Duration(c.Timeout),
		Registry: registry.Options{Insecure: c.Insecure, Request: time.Duration(c.RequestTimeout), Clouds: []registry.Cloud{registry.ECR{}, registry.Google{}}},
	}, p.Client))
}}

// platformsOf reads PLATFORMS; without any it is this program's own.
func platformsOf(texts []string) ([]v1.Platform, error) {
	if len(texts) == 0 {
		return []v1.Platform{OwnPlatform()}, nil
	}
	var platforms []v1.Platform
	for _, text := range texts {
		platform, err := v1.ParsePlatform(text)
		if err == nil && (platform.OS == "" || platform.Architecture == "") {
			err = errors.New("incomplete")
		}
		if err != nil {
			return nil, fmt.Errorf("PLATFORMS=%q: want os/architecture,… such as linux/amd64,linux/arm64", text)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}
