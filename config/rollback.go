package config

// Target is what functions read that act on the object that an alert is about.
type Target struct {
	Namespace string `envconfig:"TARGET_NAMESPACE" desc:"Where to look for what an alert without the label namespace names. Default: NAMESPACE."`
}

// Rollback is what rollback reads beside Function.
type Rollback struct {
	To string `envconfig:"ROLLBACK_TO" default:"previous" desc:"Which revision to go back to: previous, or known-good, the newest noted as having been fully available when an alert resolved. The annotation quench.dev/rollback-to of an object overrides it."`
	Target
}

// Validate says what is wrong.
func (r *Rollback) Validate() error {
	var c check
	c.that(r.To == "previous" || r.To == "known-good", "ROLLBACK_TO", r.To, "previous or known-good")
	return c.err()
}
