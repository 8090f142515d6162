package rollback

import (
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

// Function is rollback as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.Rollback{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.Rollback
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	return p.Acting(New(p.Client, Options{To: c.To, Namespace: c.Namespace, Now: p.Now}))
}}
