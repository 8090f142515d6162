package config

import "time"

// Archive is the environment of the archive.
type Archive struct {
	Port Port `envconfig:"PORT" default:"8080" desc:"The port to listen on."`

	File string `envconfig:"ARCHIVE_FILE" default:"/var/lib/quench/archive.db" desc:"Where SQLite keeps the events, without ARCHIVE_DSN. One process at a time."`
	DSN  Secret `envconfig:"ARCHIVE_DSN" desc:"PostgreSQL to keep the events in instead, a URL or keyword=value pairs. Any number of processes. It is never logged."`

	MaxAge  Duration `envconfig:"ARCHIVE_MAX_AGE" default:"720h" desc:"How long an event is kept, a dead letter that waits, too; 0s: for ever."`
	MaxSize Bytes    `envconfig:"ARCHIVE_MAX_SIZE" default:"1Gi" desc:"How much is kept: the oldest events go first, dead letters that wait last. Leave a quarter more room on the disk."`

	MaxBodyBytes     Bytes    `envconfig:"MAX_BODY_BYTES" default:"4Mi" desc:"The largest event that is read; a larger one is answered with 413."`
	MaxInFlightBytes Bytes    `envconfig:"MAX_IN_FLIGHT_BYTES" default:"32Mi" desc:"How much may be on its way to the disk at once; beyond that the answer is 503."`
	MaxStreams       int      `envconfig:"MAX_STREAMS" default:"32" desc:"How many streams are served at once; one more is answered with 503."`
	WriteTimeout     Duration `envconfig:"WRITE_TIMEOUT" default:"10s" desc:"How long an event may take to its disk before the answer is 503. Keep it below the Trigger's delivery timeout."`

	DrainQuiet   Duration `envconfig:"DRAIN_QUIET" default:"5s" desc:"After SIGTERM: how long to go on serving, not ready, until no request has come for this long."`
	DrainTimeout Duration `envconfig:"DRAIN_TIMEOUT" default:"30s" desc:"After SIGTERM: how long requests under way may take at most. Streams end at once."`
	Log
}

// Secret is a value that is never shown.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "…"
}

// GoString keeps it out of %#v.
func (s Secret) GoString() string { return s.String() }

// Validate says what is wrong between and beyond the single values.
func (a *Archive) Validate() error {
	var c check
	c.that(a.File != "" || a.DSN != "", "ARCHIVE_FILE", a.File, "a file, or ARCHIVE_DSN")
	c.that(a.MaxAge == 0 || a.MaxAge >= Duration(time.Minute), "ARCHIVE_MAX_AGE", a.MaxAge, "0s or at least 1m")
	c.that(a.MaxSize >= 1<<20, "ARCHIVE_MAX_SIZE", a.MaxSize, "at least 1Mi")
	c.that(a.MaxInFlightBytes >= a.MaxBodyBytes, "MAX_IN_FLIGHT_BYTES", a.MaxInFlightBytes, "at least MAX_BODY_BYTES")
	c.that(a.MaxStreams >= 0, "MAX_STREAMS", a.MaxStreams, "0 or more")
	c.that(a.WriteTimeout > 0, "WRITE_TIMEOUT", a.WriteTimeout, "a duration above 0")
	c.that(a.DrainTimeout > 0, "DRAIN_TIMEOUT", a.DrainTimeout, "a duration above 0")
	a.Log.check(&c)
	return c.err()
}
