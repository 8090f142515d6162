package catalog

import (
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// imagePatcher makes image-patcher of its variables and its rules file.
func imagePatcher(p Parts) (function.Action, error) {
	c := p.Images
	rules, err := imagepatcher.Load(c.File)
	if err != nil {
		return nil, err
	}
	otherwise := imagepatcher.Setting{Policy: c.Policy, Constraint: c.Constraint, Tags: c.Tags, Pin: c.Pin}
	variables := map[string]string{"policy": "IMAGE_POLICY", "constraint": "IMAGE_CONSTRAINT", "tags": "IMAGE_TAGS", "pin": "IMAGE_PIN"}
	rule, err := otherwise.Rule(func(field string) string { return variables[field] })
	if err != nil {
		return nil, err
	}
	platforms := []v1.Platform{imagepatcher.OwnPlatform()}
	for i, text := range c.Platforms {
		platform, err := v1.ParsePlatform(text)
		if err == nil && (platform.OS == "" || platform.Architecture == "") {
			err = errors.New("incomplete")
		}
		if err != nil {
			return nil, fmt.Errorf("PLATFORMS=%q: want os/architecture,… such as linux/amd64,linux/arm64", text)
		}
		platforms = append(platforms[:i], *platform)
	}
	return imagepatcher.New(imagepatcher.Options{
		Rules: rules, Default: rule, Platforms: platforms, Namespace: c.Namespace, Timeout: time.Duration(c.Timeout),
		Registry: registry.Options{Insecure: c.Insecure, Request: time.Duration(c.RequestTimeout), Clouds: []registry.Cloud{registry.ECR{}, registry.Google{}}},
	}, p.Client), nil
}
