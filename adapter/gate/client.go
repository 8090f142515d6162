package gate

import (
	"fmt"
	"net/http"
	"regexp"

	promconfig "github.com/prometheus/common/config"

	"github.com/quench-dev/quench/config"
)

// quoted is what YAML's errors quote of a file.
var quoted = regexp.MustCompile("`[^`]*`")

// newClient makes the client for all endpoints, from a file as Prometheus' own
// HTTP client configuration, which is checked here. The files with secrets that it
// names are read when they are used. Redirects are followed, as Prometheus does,
// unless follow_redirects says no; credentials do not go along to another host.
func newClient(file string) (*http.Client, error) {
	cfg := &promconfig.DefaultHTTPClientConfig
	if file == "" {
		copied := *cfg
		copied.ProxyFromEnvironment = true
		cfg = &copied
	} else {
		var err error
		if cfg, _, err = promconfig.LoadHTTPConfigFile(file); err != nil {
			// A password in the wrong place must not end in a log.
			return nil, fmt.Errorf("HTTP_CLIENT_CONFIG_FILE=%q: %s", file, quoted.ReplaceAllString(err.Error(), "`…`"))
		}
	}
	client, err := promconfig.NewClientFromConfig(*cfg, "gate", promconfig.WithUserAgent("quench-gate/"+config.Version))
	if err != nil {
		return nil, fmt.Errorf("HTTP_CLIENT_CONFIG_FILE=%q: %w", file, err)
	}
	return client, nil
}
