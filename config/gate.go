package config

import (
	"os"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Gate is the gate's environment. The first six variables are those of
// prometheus-alert-readiness, with its defaults but for the timeout's.
type Gate struct {
	Prometheus    URLs    `envconfig:"PROMETHEUS_ENDPOINT" desc:"Prometheus servers, separated by commas. Their alerts are asked for at /api/v1/alerts. Default, without ALERTMANAGER_ENDPOINT: http://localhost:9090."`
	APITimeout    Seconds `envconfig:"PROMETHEUS_API_TIMEOUT" default:"4s" desc:"How long an answer may take, of Prometheus and Alertmanager alike. A bare number is seconds. Keep it below the probe's timeoutSeconds."`
	Severities    Names   `envconfig:"PROMETHEUS_ALERT_SEVERITIES" desc:"Values of the label severity, separated by commas, of the alerts that count. Default, without ALERT_SELECT: critical,warning."`
	LivenessPath  string  `envconfig:"KUBE_LIVENESS_PATH" default:"/live" desc:"Where the liveness probe is answered, always with 200."`
	ReadinessPath string  `envconfig:"KUBE_READINESS_PATH" default:"/ready" desc:"Where the readiness probe is answered."`
	Port          Port    `envconfig:"KUBE_PROBE_LISTEN_PORT" default:"8080" desc:"The port to listen on."`

	Alertmanager URLs   `envconfig:"ALERTMANAGER_ENDPOINT" desc:"Alertmanagers, separated by commas, to ask instead of Prometheus, at /api/v2/alerts. What is silenced or inhibited does not count."`
	Select       string `envconfig:"ALERT_SELECT" desc:"The alerts that count, instead of PROMETHEUS_ALERT_SEVERITIES: label matchers as Prometheus and Alertmanager have them, such as severity=~\"critical|warning\",team!=\"x\". Of several lines one is enough."`
	Exclude      string `envconfig:"ALERT_EXCLUDE" desc:"The alerts that do not count all the same: matchers, too."`

	HTTPClientConfigFile string `envconfig:"HTTP_CLIENT_CONFIG_FILE" desc:"How to ask: a YAML file as Prometheus' own HTTP client configuration (authorization, basic_auth, oauth2, tls_config, http_headers, proxy_url …). The files that it names are read again when they change. Default: without credentials, by the proxy of the environment."`
	Log
}

// Seconds is a duration; a bare number is seconds, as prometheus-alert-readiness
// has it.
type Seconds time.Duration

// Decode implements envconfig.Decoder.
func (s *Seconds) Decode(text string) error {
	text = strings.TrimSpace(text)
	if _, err := strconv.Atoi(text); err == nil {
		text += "s"
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		return &valueError{strconv.Quote(text), "a duration above 0 such as 4 (seconds), 4s or 500ms"}
	}
	*s = Seconds(v)
	return nil
}

func (s Seconds) String() string { return time.Duration(s).String() }

// Names are separated by commas; blanks around them are no part of them.
type Names []string

// Decode implements envconfig.Decoder.
func (n *Names) Decode(text string) error {
	*n = nil
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			*n = append(*n, one)
		}
	}
	if len(*n) == 0 {
		return &valueError{strconv.Quote(text), "at least one name"}
	}
	return nil
}

func (n Names) String() string { return strings.Join(n, ",") }

// metricsPath is where the gate's own metrics are.
const metricsPath = "/metrics"

// LoadGate is Load for the gate, where a variable that is set to nothing is one
// that is not set: that is how prometheus-alert-readiness has it, and its chart
// sets them all.
func LoadGate() (Gate, error) {
	for f := range reflect.TypeFor[Gate]().Fields() {
		name := f.Tag.Get("envconfig")
		if v, ok := os.LookupEnv(name); ok && strings.TrimSpace(v) == "" {
			if err := os.Unsetenv(name); err != nil {
				return Gate{}, err
			}
		}
	}
	var g Gate
	err := Load(&g)
	return g, err
}

// Validate says what is wrong between and beyond the single values, and fills in
// the defaults that depend on others.
func (g *Gate) Validate() error {
	var c check
	c.that(len(g.Alertmanager) == 0 || len(g.Prometheus) == 0, "ALERTMANAGER_ENDPOINT", join(g.Alertmanager), "it or PROMETHEUS_ENDPOINT, not both")
	c.that(g.Select == "" || len(g.Severities) == 0, "ALERT_SELECT", g.Select, `it or PROMETHEUS_ALERT_SEVERITIES, not both; severity=~"critical|warning" says what critical,warning does`)
	for _, probe := range []struct{ variable, path string }{{"KUBE_LIVENESS_PATH", g.LivenessPath}, {"KUBE_READINESS_PATH", g.ReadinessPath}} {
		c.that(isPath(probe.path), probe.variable, probe.path, "a path such as /ready, without a query")
		c.that(probe.path != metricsPath, probe.variable, probe.path, "another path than that of the metrics")
	}
	c.that(g.LivenessPath != g.ReadinessPath, "KUBE_LIVENESS_PATH", g.LivenessPath, "another path than KUBE_READINESS_PATH")
	g.Log.check(&c)
	if len(g.Prometheus)+len(g.Alertmanager) == 0 {
		c.that(g.Prometheus.Decode("http://localhost:9090") == nil, "PROMETHEUS_ENDPOINT", "", "an absolute URL")
	}
	if g.Select == "" && len(g.Severities) == 0 {
		g.Severities = Names{"critical", "warning"}
	}
	return c.err()
}

// isPath says whether p can be asked for as it stands: nothing in it that a server
// would clean away, or take for a pattern.
func isPath(p string) bool {
	clean := path.Clean(p)
	return strings.HasPrefix(p, "/") && (p == clean || p == clean+"/") && !strings.ContainsAny(p, "?#{} \t")
}

// join is the URLs for people, without passwords.
func join(urls URLs) string {
	var all []string
	for i := range urls {
		all = append(all, urls[i].Redacted())
	}
	return strings.Join(all, ",")
}
