package remedy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/wiring"
)

// Remedy is what its author writes.
type Remedy struct {
	// Name is the function's: a DNS label of at most 30 characters. The policy, the
	// records and the outcome events know it by this.
	Name string
	// Kinds are the kinds of objects that it acts on. Labels of the alert lead to the
	// one object of these that it is about, as package target says. With none, no
	// object is looked for, and Plan says what the target is.
	Kinds []Kind
	// Plan says what Apply would do. It changes nothing, and says the same while
	// the cluster is the same: no times, nothing random. Errors are made by Skip
	// (deliberately not), Fail (it cannot be done), Retry (it may pass) or FromAPI;
	// any other is final. It is asked twice, before the lock is taken and under it.
	Plan func(ctx context.Context, c *Case) (Plan, error)
	// Apply does it, under the lock, within APPLY_TIMEOUT. Its errors are as Plan's;
	// Retry promises that nothing was done.
	Apply func(ctx context.Context, c *Case, p Plan) (Result, error)
	// Repeatable says that applying it twice does no more than applying it once, so
	// that what was cut off is done again. What Case.Patch does is told by its mark,
	// and not done again where that is there.
	Repeatable bool
}

// Plan is what would be done.
type Plan struct {
	Summary string   // one sentence, such as: restart Deployment shop/frontend
	Changes []Change // for people, and for what an approval is bound to
	// Target is group/version/resource/namespace/name; empty means the object that
	// the alert is about.
	Target string
}

// New makes the function from the environment, which config.Function describes,
// and TARGET_NAMESPACE. It logs to standard error. What is wrong is returned by the
// function's Start, which ends the process with it.
func New(r Remedy) *Function {
	f, err := fromEnvironment(r, os.Stderr)
	if err != nil {
		return function.Broken(err)
	}
	return f
}

func fromEnvironment(r Remedy, w io.Writer) (*Function, error) {
	var c config.Function
	var in config.Target
	if err := errors.Join(config.Load(&c), config.Load(&in)); err != nil {
		return nil, err
	}
	client, err := cluster.Open(c.Kubeconfig, c.Namespace)
	if err != nil {
		return nil, err
	}
	a, err := Action(r, client, in.Namespace)
	if err != nil {
		return nil, err
	}
	log := c.New(w)
	// Which functions there are beside it, it cannot know: the policy may speak of any.
	f, err := wiring.Function(a, c, wiring.Parts{Client: client}, log.With().Str("function", a.Name()).Logger())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	if c.VerifyKeysFile == "" {
		log.Warn().Msg("VERIFY_KEYS_FILE is not set: who sends an event is not checked")
	}
	return f, nil
}

// Action is the remedy without guards; remedytest and Function put it behind them.
// namespace is where to look for what an alert without the label namespace names;
// empty means the client's.
func Action(r Remedy, client *cluster.Client, namespace string) (function.Action, error) {
	switch {
	case r.Plan == nil:
		return nil, errors.New("remedy " + r.Name + ": Plan is missing: want a function that says what would be done")
	case r.Apply == nil:
		return nil, errors.New("remedy " + r.Name + ": Apply is missing: want a function that does it")
	}
	return &action{remedy: r, client: client, namespace: namespace}, nil
}

// NameIn is the name that a func.yaml gives to its function; empty where it gives
// none, which the function's Start then says.
func NameIn(funcYAML []byte) string {
	var f struct {
		Name string `json:"name"`
	}
	if err := yaml.Unmarshal(funcYAML, &f); err != nil {
		return ""
	}
	return f.Name
}
