package function

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/quench-dev/quench/function/policy"
)

// Policy is what the operators allow, read anew for each event. Its error means
// that nothing is done, and that the event is to come again.
type Policy interface {
	Read(ctx context.Context) (*policy.Policy, error)
}

// ruled is the Guard that reads the policy, and asks it what it can tell before
// there is a plan.
type ruled struct {
	policy Policy
	name   string
	now    func() time.Time
}

func (g ruled) Admit(ctx context.Context, req *Request) error {
	var p *policy.Policy
	if g.policy != nil {
		var err error
		if p, err = g.policy.Read(ctx); err != nil {
			return Retry(err)
		}
	}
	req.rules = p.For(g.name)
	return refusal(req.rules.Admit(req.Alert.Labels, g.now()))
}

// admitted asks the policy about the object of a plan.
func (r *Request) admitted(p Plan) error {
	if err := refusal(r.rules.AdmitNamespace(p.namespace())); err != nil {
		return err
	}
	var errs []error
	for _, m := range p.Managers {
		errs = append(errs, refusal(r.rules.AdmitManaged(m.Kind, m.Name)))
	}
	return errors.Join(errs...)
}

func refusal(r *policy.Refusal) error {
	if r == nil {
		return nil
	}
	return Skip(r.Reason, "%s", r.Message)
}

var apiVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v[0-9]`) })

// namespace is the target's; empty for an object that is in none, and for what is
// no object.
func (p Plan) namespace() string {
	if p.Object != nil {
		return p.Object.Namespace
	}
	if p.Namespace != "" {
		return p.Namespace
	}
	parts := strings.Split(p.Target, "/")
	if len(parts) > 0 && apiVersion().MatchString(parts[0]) {
		parts = parts[1:]
	} else if len(parts) > 1 {
		parts = parts[2:]
	}
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}
