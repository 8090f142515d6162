package enricher

import (
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

// Function is enricher as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.Enricher{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.Enricher
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	masker, err := catalog.Masker(c.Mask)
	if err != nil {
		return nil, err
	}
	rules, err := Load(c.File, c.Shipped)
	if err != nil {
		return nil, err
	}
	return p.Listening(New(p.Client, Options{
		Rules: rules, Masker: masker, Namespace: c.Namespace, Part: time.Duration(c.Part), Now: p.Now,
	}), function.Options{MaxEventAge: time.Duration(p.Shared.MaxEventAge)})
}}
