package config

import "time"

// ImagePatcher is what image-patcher reads beside Function. What the values say
// about images, image-patcher itself checks.
type ImagePatcher struct {
	File       string `envconfig:"IMAGES_FILE" desc:"Rules by repository, images: in YAML. For a repository that none is for, the variables below are the rule."`
	Policy     string `envconfig:"IMAGE_POLICY" default:"last-good" desc:"Which image to take instead: last-good (one that the workload had before), same-major, semver or newest."`
	Constraint string `envconfig:"IMAGE_CONSTRAINT" desc:"With IMAGE_POLICY=semver: which versions will do, such as ~1.4 or >=1.2 <2."`
	Tags       string `envconfig:"IMAGE_TAGS" desc:"With same-major, semver and newest: only tags that this regular expression (RE2) matches as a whole."`
	Pin        string `envconfig:"IMAGE_PIN" default:"tag" desc:"What is written of an image that was chosen by its tag: tag, or digest for tag and digest."`

	Target
	Platforms      []string `envconfig:"PLATFORMS" desc:"os/architecture,… that an image must be there for. Default: the one that the pods' nodeSelector says, else this program's own."`
	Insecure       []string `envconfig:"INSECURE_REGISTRIES" desc:"host or host:port,… of registries that have no TLS."`
	Timeout        Duration `envconfig:"REGISTRY_TIMEOUT" default:"15s" desc:"How long registries may take, all together; at most 20s, because the broker waits for 35s."`
	RequestTimeout Duration `envconfig:"REGISTRY_REQUEST_TIMEOUT" default:"5s" desc:"How long a registry may take for one request."`
}

// maxRegistryTimeout leaves the Triggers' delivery timeout (35 s) room for the API server.
const maxRegistryTimeout = Duration(20 * time.Second)

// Validate says what is wrong between and beyond the single values.
func (i *ImagePatcher) Validate() error {
	var c check
	c.that(i.Timeout > 0 && i.Timeout <= maxRegistryTimeout, "REGISTRY_TIMEOUT", i.Timeout, "a duration above 0 and up to 20s")
	c.that(i.RequestTimeout > 0, "REGISTRY_REQUEST_TIMEOUT", i.RequestTimeout, "a duration above 0")
	return c.err()
}
