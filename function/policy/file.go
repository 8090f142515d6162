package policy

// file is the policy's YAML. What each field means is said by its doc tag, which
// quench policy explain and README.md print.
type file struct {
	Paused    bool             `json:"paused" doc:"Nothing acts while this is true: every alert is answered as skipped (Paused). The switch for a bad night." want:"true or false"`
	Reason    string           `json:"reason" doc:"Why, for people; the outcomes repeat it." want:"a sentence"`
	DryRun    bool             `json:"dryRun" doc:"Every function says what it would do, and does nothing." want:"true or false"`
	Defaults  rules            `json:"defaults" doc:"What holds for every function that does not say otherwise itself."`
	Own       []string         `json:"ownFunctions" doc:"The names of functions of your own, which functions may then speak of; quench knows its own by itself." want:"a list of names"`
	Functions map[string]rules `json:"functions" doc:"By function, such as rollback: each field that is given takes the place of the one in defaults."`
}

type rules struct {
	Enabled           *bool    `json:"enabled" doc:"Whether the function does anything at all." want:"true or false" default:"true"`
	Mode              *string  `json:"mode" doc:"What becomes of a plan: act does it; propose tells it, and does it once it is approved (quench approve); dry-run tells it." want:"act, propose or dry-run" default:"act"`
	ApproveWithin     *string  `json:"approveWithin" doc:"With mode propose: how long a plan may be approved." want:"a duration such as 1h" default:"1h"`
	CoolDown          *string  `json:"coolDown" doc:"How long after an action the same target is left alone, whatever alert asks." want:"a duration such as 10m" default:"0s"`
	MaxPerHour        *int     `json:"maxPerHour" doc:"The most actions that the function begins within any hour; 0 sets no limit." want:"a whole number of at least 0" default:"0"`
	MaxAtOnce         *int     `json:"maxAtOnce" doc:"The most actions of the function that are under way at once; 0 sets no limit." want:"a whole number of at least 0" default:"0"`
	Breaker           *breaker `json:"breaker" doc:"Stops the function when its actions fail."`
	Namespaces        []string `json:"namespaces" doc:"The only namespaces that it acts in, as globs such as shop-*; none given means all but the protected ones." want:"a list of globs"`
	Protected         []string `json:"protectedNamespaces" doc:"Namespaces that it never acts in, as globs; they win over namespaces." want:"a list of globs" default:"kube-*, knative-*"`
	Alerts            []string `json:"alerts" doc:"The only alerts that may start it, each entry a list of Alertmanager's matchers such as severity=\"critical\",alertname=~\"Kube.+\"; an alert must match one entry whole. None given means all." want:"a list of matchers"`
	Windows           []period `json:"maintenanceWindows" doc:"The only times in which it acts; none given means always."`
	Freezes           []period `json:"freezeWindows" doc:"Times in which it does not act; they win over maintenanceWindows."`
	ChangeGitOps      *bool    `json:"changeGitOps" doc:"Whether it changes objects that Argo CD or Flux apply from a repository, and would change back." want:"true or false" default:"false"`
	ChangeControllers *bool    `json:"changeControlled" doc:"Whether it changes objects that belong to a custom resource, whose controller would change them back." want:"true or false" default:"false"`
}

type breaker struct {
	Failures *int    `json:"failures" doc:"After so many failed actions in a row the function is stopped; 0 means never." want:"a whole number of at least 0" default:"0"`
	Pause    *string `json:"pause" doc:"For so long after the last failure. Then one action is tried." want:"a duration such as 30m" default:"30m"`
}

type period struct {
	Schedule string `json:"schedule" doc:"When it begins, as cron has it: minute, hour, day of month, month, day of week." want:"a cron expression such as 0 22 * * 1-5"`
	Duration string `json:"duration" doc:"How long it lasts." want:"a duration of at most 168h such as 8h"`
	TimeZone string `json:"timeZone" doc:"Whose time the schedule is in." want:"a time zone such as Europe/Berlin" default:"UTC"`
}
