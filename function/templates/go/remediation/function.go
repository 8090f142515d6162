// Package function restarts the Deployment, StatefulSet or DaemonSet that an alert
// is about, as kubectl rollout restart does. Write your own remediation in plan.go
// and apply.go.
package function

import (
	_ "embed"

	"github.com/quench-dev/quench/function/remedy"
)

//go:embed func.yaml
var funcYAML []byte // says the function's name

// New is what func's scaffolding calls.
func New() *remedy.Function { return remedy.New(remediation()) }

func remediation() remedy.Remedy {
	return remedy.Remedy{
		Name:  remedy.NameIn(funcYAML),
		Kinds: []remedy.Kind{remedy.Deployment, remedy.StatefulSet, remedy.DaemonSet}, // rbac.yaml lets it act on these
		Plan:  plan,
		Apply: apply,

		Repeatable: true, // all that apply does is one Patch
	}
}
