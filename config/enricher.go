package config

import "time"

// Enricher is what enricher reads beside Function. What the rules say, enricher itself
// checks.
type Enricher struct {
	File    string   `envconfig:"ENRICHER_RULES_FILE" desc:"Rules that say what to do about an alert, rules: in YAML; those that are shipped come after them."`
	Shipped bool     `envconfig:"ENRICHER_SHIPPED_RULES" default:"true" desc:"Use the shipped rules, function/enricher/rules.yaml, too."`
	Part    Duration `envconfig:"ENRICHER_PART_TIMEOUT" default:"4s" desc:"How long one part may take, such as the pod, or the log; all together at most three times that. At most 8s, because the broker waits for 35s."`
	Target
	Mask
}

// maxPartTimeout leaves three parts in a row room in the Triggers' delivery timeout (35 s).
const maxPartTimeout = Duration(8 * time.Second)

// Validate says what is wrong between and beyond the single values.
func (e *Enricher) Validate() error {
	var c check
	c.that(e.Part > 0 && e.Part <= maxPartTimeout, "ENRICHER_PART_TIMEOUT", e.Part, "a duration above 0 and up to 8s")
	return c.err()
}
