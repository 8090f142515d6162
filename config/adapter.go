package config

import "time"

// Adapter is the adapter's environment.
type Adapter struct {
	Port        Port   `envconfig:"PORT" default:"8080" desc:"The port to listen on."`
	Sink        URL    `envconfig:"K_SINK" desc:"Where events go: the Broker's URL. A SinkBinding sets it; until then readiness is refused."`
	CEOverrides string `envconfig:"K_CE_OVERRIDES" desc:"Attributes to add to every event, as Knative sets them: {\"extensions\":{\"name\":\"value\"}}."`
	CACerts     string `envconfig:"K_CA_CERTS" desc:"PEM certificates to trust for the sink, beside the system's."`

	ClusterName         string `envconfig:"CLUSTER_NAME" default:"default" desc:"Names the cluster in each event's source, /alertmanager/NAME."`
	LabelAttributes     string `envconfig:"LABEL_ATTRIBUTES" desc:"label=attribute,…: labels that become another attribute than their own name says."`
	LabelAttributesOnly bool   `envconfig:"LABEL_ATTRIBUTES_ONLY" default:"false" desc:"Only the labels in LABEL_ATTRIBUTES become attributes."`
	GroupEvents         bool   `envconfig:"GROUP_EVENTS" default:"false" desc:"Also one event for each webhook as a whole."`

	SendTimeout     Duration `envconfig:"SEND_TIMEOUT" default:"50s" desc:"How long the sink may take for one event. Keep it below Alertmanager's group_interval."`
	SendConcurrency int      `envconfig:"SEND_CONCURRENCY" default:"64" desc:"Events of one webhook that are sent side by side."`
	MaxSends        int      `envconfig:"MAX_SENDS" default:"256" desc:"Events that are sent side by side over all webhooks."`
	MaxBodyBytes    Bytes    `envconfig:"MAX_BODY_BYTES" default:"16Mi" desc:"The largest webhook that is read; a larger one is answered with 413."`
	MaxInFlight     int      `envconfig:"MAX_IN_FLIGHT" default:"64" desc:"Webhooks that are worked on at once; one more is answered with 503."`

	BearerTokensFile string `envconfig:"BEARER_TOKENS_FILE" desc:"File of bearer tokens, one a line; # begins a comment. Read again when it changes."`
	BasicAuthFile    string `envconfig:"BASIC_AUTH_FILE" desc:"File of user:bcrypt-hash lines, as htpasswd -B writes them. Read again when it changes."`
	SigningKeyFile   string `envconfig:"SIGNING_KEY_FILE" desc:"File with the private key that events are signed with, as quench keys new writes it. Read again when it changes; while there is none, the adapter is not ready."`
	WebConfigFile    string `envconfig:"WEB_CONFIG_FILE" desc:"Prometheus web configuration file: TLS, client certificates. For serving without an ingress."`

	DrainQuiet   Duration `envconfig:"DRAIN_QUIET" default:"5s" desc:"After SIGTERM: how long to go on serving, not ready, until no request has come for this long."`
	DrainTimeout Duration `envconfig:"DRAIN_TIMEOUT" default:"60s" desc:"After SIGTERM: how long requests under way may take at most."`
	Log
}

// Validate says what is wrong between and beyond the single values.
func (a *Adapter) Validate() error {
	var c check
	c.that(a.SendTimeout > 0, "SEND_TIMEOUT", a.SendTimeout, "a duration above 0")
	c.that(a.SendConcurrency > 0, "SEND_CONCURRENCY", a.SendConcurrency, "a whole number of at least 1")
	c.that(a.MaxSends >= a.SendConcurrency, "MAX_SENDS", a.MaxSends, "a whole number of at least SEND_CONCURRENCY")
	c.that(a.MaxInFlight > 0, "MAX_IN_FLIGHT", a.MaxInFlight, "a whole number of at least 1")
	c.that(a.ClusterName != "", "CLUSTER_NAME", a.ClusterName, "a name")
	c.that(time.Duration(a.DrainTimeout) > 0, "DRAIN_TIMEOUT", a.DrainTimeout, "a duration above 0")
	a.Log.check(&c)
	return c.err()
}
