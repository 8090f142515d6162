package config

import "time"

// Notifier is what notifier reads beside Function.
type Notifier struct {
	File    string   `envconfig:"NOTIFIER_FILE" default:"/etc/quench/notifier.yaml" desc:"Where messages go: receivers: in YAML. Secrets stand in files of their own, which it names."`
	Timeout Duration `envconfig:"NOTIFIER_TIMEOUT" default:"25s" desc:"How long the receivers of one event may take, a wait that one of them asks for included; at most 30s, because the broker waits for 35s."`
}

// maxNotifierTimeout leaves the Triggers' delivery timeout (35 s) room for the API server.
const maxNotifierTimeout = Duration(30 * time.Second)

// Validate says what is wrong between and beyond the single values.
func (n *Notifier) Validate() error {
	var c check
	c.that(n.Timeout > 0 && n.Timeout <= maxNotifierTimeout, "NOTIFIER_TIMEOUT", n.Timeout, "a duration above 0 and up to 30s")
	return c.err()
}
