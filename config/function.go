package config

// Function is the environment that all functions share.
type Function struct {
	Name       string `envconfig:"FUNCTION" default:"job-runner" desc:"Which function this process is."`
	Port       Port   `envconfig:"PORT" default:"8080" desc:"The port to listen on."`
	Namespace  string `envconfig:"NAMESPACE" desc:"Where locks and records live, and Jobs that name no namespace. Default: the pod's own, else the kubeconfig's."`
	Kubeconfig string `envconfig:"KUBECONFIG" desc:"A kubeconfig file; without it the pod's service account."`

	VerifyKeysFile  string `envconfig:"VERIFY_KEYS_FILE" desc:"File or folder of public keys. Only what was signed with one of them is acted on. Read at each event. Default: whatever comes is believed."`
	PolicyConfigMap string `envconfig:"POLICY_CONFIG_MAP" desc:"The ConfigMap in NAMESPACE whose policy.yaml says what is allowed; read at each event. What cannot be read allows nothing."`
	PolicyFile      string `envconfig:"POLICY_FILE" desc:"A file that says it instead. Without either all is allowed, but nothing in kube-* and knative-*."`
	AlertmanagerURL URLs   `envconfig:"ALERTMANAGER_URL" desc:"Alertmanagers, separated by commas, that are asked whether an alert fires still and is not silenced; without one the event is believed."`

	DryRun       bool     `envconfig:"DRY_RUN" default:"false" desc:"Say what would be done, and do nothing."`
	MaxEventAge  Duration `envconfig:"MAX_EVENT_AGE" default:"1h" desc:"Events that were recorded longer ago than this are skipped as stale. 0: none is."`
	ApplyTimeout Duration `envconfig:"APPLY_TIMEOUT" default:"30s" desc:"How long one action may take, whatever the sender does."`
	LockDuration Duration `envconfig:"LOCK_DURATION" default:"30s" desc:"How long a lock outlives a pod that died holding it. It is renewed while an action runs."`
	RecordTTL    Duration `envconfig:"RECORD_TTL" default:"720h" desc:"How long Remediation records are kept."`
	MaxBodyBytes Bytes    `envconfig:"MAX_BODY_BYTES" default:"4Mi" desc:"The largest event that is read; a larger one is answered with 413."`

	DrainQuiet   Duration `envconfig:"DRAIN_QUIET" default:"5s" desc:"After SIGTERM: how long to go on serving, not ready, until no request has come for this long."`
	DrainTimeout Duration `envconfig:"DRAIN_TIMEOUT" default:"60s" desc:"After SIGTERM: how long requests under way may take at most."`
	Log
}

// Validate says what is wrong between and beyond the single values.
func (f *Function) Validate() error {
	var c check
	c.that(f.PolicyConfigMap == "" || f.PolicyFile == "", "POLICY_FILE", f.PolicyFile, "it or POLICY_CONFIG_MAP, not both")
	c.that(f.ApplyTimeout > 0, "APPLY_TIMEOUT", f.ApplyTimeout, "a duration above 0")
	c.that(f.LockDuration.whole() >= 1, "LOCK_DURATION", f.LockDuration, "at least 1s")
	c.that(f.RecordTTL > 0, "RECORD_TTL", f.RecordTTL, "a duration above 0")
	c.that(f.DrainTimeout > 0, "DRAIN_TIMEOUT", f.DrainTimeout, "a duration above 0")
	f.Log.check(&c)
	return c.err()
}

// JobRunner is what job-runner reads beside Function.
type JobRunner struct {
	ConfigFile string `envconfig:"JOBS_FILE" default:"/etc/quench/jobs.yaml" desc:"The rules: bailers: as Bailer's config.yaml has them, jobs: with more."`
}

// JobResults is what job-results reads beside Function.
type JobResults struct{ Mask }
