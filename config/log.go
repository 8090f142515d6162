package config

import (
	"io"
	"time"

	"github.com/rs/zerolog"
)

// Log says what is logged, and how.
type Log struct {
	Level  string `envconfig:"LOG_LEVEL" default:"info" desc:"The least level that is logged: trace, debug, info, warn, error."`
	Format string `envconfig:"LOG_FORMAT" default:"json" desc:"json, or console for people."`
}

// Validate says what is wrong with the two.
func (l Log) Validate() error {
	var c check
	l.check(&c)
	return c.err()
}

func (l Log) check(c *check) {
	level, err := zerolog.ParseLevel(l.Level)
	c.that(err == nil && level != zerolog.NoLevel, "LOG_LEVEL", l.Level, "trace, debug, info, warn or error")
	c.that(l.Format == "json" || l.Format == "console", "LOG_FORMAT", l.Format, "json or console")
}

// New makes the logger. Times are UTC with milliseconds.
func (l Log) New(w io.Writer) zerolog.Logger {
	if l.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil || level == zerolog.NoLevel {
		level = zerolog.InfoLevel
	}
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	zerolog.TimestampFunc = func() time.Time { return time.Now().UTC() }
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
