package config

// DeadLetter is the environment of the dead-letter sink.
type DeadLetter struct {
	Port Port `envconfig:"PORT" default:"8080" desc:"The port to listen on."`

	MaxBodyBytes   Bytes `envconfig:"MAX_BODY_BYTES" default:"16Mi" desc:"The largest event that is read; a larger one is answered with 413."`
	MaxLoggedBytes Bytes `envconfig:"MAX_LOGGED_BYTES" default:"256Ki" desc:"The largest data that is logged; larger data is left out of the event's line, which says so."`

	DrainQuiet   Duration `envconfig:"DRAIN_QUIET" default:"5s" desc:"After SIGTERM: how long to go on serving, not ready, until no request has come for this long."`
	DrainTimeout Duration `envconfig:"DRAIN_TIMEOUT" default:"60s" desc:"After SIGTERM: how long requests under way may take at most."`
	Log
}

// Validate says what is wrong between and beyond the single values.
func (d *DeadLetter) Validate() error {
	var c check
	c.that(d.DrainTimeout > 0, "DRAIN_TIMEOUT", d.DrainTimeout, "a duration above 0")
	d.Log.check(&c)
	return c.err()
}
