// Package quench is what the func CLI builds: the function that FUNCTION names,
// job-runner where it names none. See func.yaml.
package quench

import (
	"os"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/all"
	"github.com/quench-dev/quench/function/catalog"
)

// New makes the function from the environment. What is wrong with the environment
// is returned by the function's Start, which ends the process with it.
func New() *function.Function {
	f, _, err := catalog.FromEnvironment(os.Stderr, all.Functions()...)
	if err != nil {
		return function.Broken(err)
	}
	return f
}
