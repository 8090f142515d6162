package config

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration, written as Go writes it: 50s, 10m, 1h30m.
type Duration time.Duration

// Decode implements envconfig.Decoder.
func (d *Duration) Decode(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return &valueError{strconv.Quote(s), "a duration such as 50s, 10m or 1h30m"}
	}
	*d = Duration(v)
	return nil
}

func (d Duration) String() string { return time.Duration(d).String() }

// Bytes is a size: a whole number of bytes, or one with Ki, Mi or Gi.
type Bytes int64

// Decode implements envconfig.Decoder.
func (b *Bytes) Decode(s string) error {
	digits, shift := s, 0
	for suffix, by := range map[string]int{"Ki": 10, "Mi": 20, "Gi": 30} {
		if len(s) > 2 && s[len(s)-2:] == suffix {
			digits, shift = s[:len(s)-2], by
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > 1<<(50-shift) {
		return &valueError{strconv.Quote(s), "a size in bytes such as 65536, 64Ki or 16Mi"}
	}
	*b = Bytes(n << shift)
	return nil
}

func (b Bytes) String() string { return strconv.FormatInt(int64(b), 10) }

// Port is a TCP port; 0 takes any free one.
type Port int

// Decode implements envconfig.Decoder.
func (p *Port) Decode(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 65535 {
		return &valueError{strconv.Quote(s), "a port from 0 to 65535"}
	}
	*p = Port(n)
	return nil
}

func (p Port) String() string { return strconv.Itoa(int(p)) }

// URL is an absolute http or https URL. Its String leaves a password out.
type URL struct{ url.URL }

// Decode implements envconfig.Decoder.
func (u *URL) Decode(s string) error {
	if s == "" {
		return nil
	}
	v, err := url.Parse(s)
	if err != nil {
		return &valueError{`"…"`, "an absolute URL such as http://broker-ingress.knative-eventing.svc/quench/default"}
	}
	if (v.Scheme != "http" && v.Scheme != "https") || v.Host == "" {
		return &valueError{strconv.Quote(v.Redacted()), "an absolute URL such as http://broker-ingress.knative-eventing.svc/quench/default"}
	}
	u.URL = *v
	return nil
}

// URLs are absolute http or https URLs, separated by commas.
type URLs []url.URL

// Decode implements envconfig.Decoder.
func (u *URLs) Decode(s string) error {
	*u = nil
	for one := range strings.SplitSeq(s, ",") {
		var v URL
		if err := v.Decode(strings.TrimSpace(one)); err != nil {
			return err
		}
		if v.Set() {
			*u = append(*u, v.URL)
		}
	}
	return nil
}

// Set says whether there is a URL at all.
func (u URL) Set() bool { return u.Host != "" }

func (u URL) String() string { return u.Redacted() }

// whole is the duration in whole seconds, the unit of a Lease.
func (d Duration) whole() int { return int(time.Duration(d) / time.Second) }
