package command

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

const (
	// maxValue is what one variable may hold: Linux starts no program with a string
	// of 128 KiB in its environment.
	maxValue = 100 << 10
	// maxEnvironment bounds all of them together, with our own: Linux takes 2 MiB of
	// arguments and environment where a stack may grow to the usual 8 MiB.
	maxEnvironment = 3 << 19
	// perVariable is what a variable costs besides: a pointer, an = and a zero.
	perVariable = 10
)

// notice is what a command is told of: a whole notification of Alertmanager, or
// one alert as a notification of its own.
type notice struct {
	status              alert.Status
	labels, annotations map[string]string // that all alerts have in common
	group               *alert.Group
	alerts              []*alert.Alert
}

func noticeOf(req *function.Request) notice {
	n := notice{
		status: req.Alert.Status, labels: req.Alert.Labels, annotations: req.Alert.Annotations, group: req.Alert.Group,
		alerts: []*alert.Alert{req.Alert},
	}
	if req.Payload != nil {
		n.alerts = req.Payload.Alerts
	}
	return n
}

// environment are the variables that a command gets beside base, this process's
// own, as prometheus-am-executor names them. What no environment can hold, or does
// not fit, is left out, by name: the last alerts' first.
func (n notice) environment(base []string) (env, left []string) {
	used := 0
	for _, v := range base {
		used += len(v) + perVariable
	}
	add := func(name, value string) {
		value = strings.ReplaceAll(value, "\x00", "")
		cost := len(name) + len(value) + perVariable
		if strings.ContainsAny(name, "=\x00") || len(name)+len(value) > maxValue || used+cost > maxEnvironment {
			left = append(left, name)
			return
		}
		used += cost
		env = append(env, name+"="+value)
	}
	all := func(prefix string, of map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(of)) {
			add(prefix+key, of[key])
		}
	}
	add("AMX_RECEIVER", n.group.Receiver)
	add("AMX_STATUS", string(n.status))
	add("AMX_EXTERNAL_URL", n.group.ExternalURL)
	add("AMX_ALERT_LEN", strconv.Itoa(len(n.alerts)))
	all("AMX_LABEL_", n.labels)
	all("AMX_GLABEL_", n.group.GroupLabels)
	all("AMX_ANNOTATION_", n.annotations)
	for i, a := range n.alerts {
		prefix := "AMX_ALERT_" + strconv.Itoa(i+1) + "_"
		add(prefix+"STATUS", string(a.Status))
		add(prefix+"START", seconds(a.StartsAt))
		add(prefix+"END", seconds(a.EndsAt))
		add(prefix+"URL", a.GeneratorURL)
		add(prefix+"FINGERPRINT", a.Fingerprint)
		all(prefix+"LABEL_", a.Labels)
		all(prefix+"ANNOTATION_", a.Annotations)
	}
	return env, left
}

// seconds is a time as whole seconds since 1970, 0 for none.
func seconds(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// fingerprint is that of the alert that a rule's command is run for: the first
// that fires and matches, as max and the end of the alert go by it.
func (n notice) fingerprint(r *Rule) string {
	first := ""
	for _, a := range n.alerts {
		if a.Status != alert.Firing {
			continue
		}
		if r.matches(a.Labels) {
			return a.Fingerprint
		}
		if first == "" {
			first = a.Fingerprint // the common labels match, and no alert has them: somebody made this by hand
		}
	}
	return first
}

// over are the fingerprints of the alerts that have resolved.
func (n notice) over() []string {
	var all []string
	for _, a := range n.alerts {
		if a.Status == alert.Resolved {
			all = append(all, a.Fingerprint)
		}
	}
	return all
}
