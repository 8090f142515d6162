package jobrunner

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/kmeta"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// jobName is a DNS label derived from rule and event. A rule that acts on repeats
// has a Job for each recordedtime that it acts on.
func jobName(r *Rule, eventID string, recorded time.Time) string {
	of := []string{"job", r.Name, eventID}
	if r.OnRepeat == function.RepeatAct {
		of = append(of, recorded.UTC().Format(time.RFC3339Nano))
	}
	return kmeta.ChildName(slug(r.Name), "-"+alert.Hash(of...)[:16])
}

var notInName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^a-z0-9]+`) })

// slug is what a name of any length and script leaves of a DNS label.
func slug(name string) string {
	if s := strings.Trim(notInName().ReplaceAllString(strings.ToLower(name), "-"), "-"); s != "" {
		return s
	}
	return "job"
}

// labelValue is v where that can be a label's value, else what is left of it with
// a hash of it.
func labelValue(v string) string {
	if v != "" && len(validation.IsValidLabelValue(v)) == 0 {
		return v
	}
	return kmeta.ChildName(slug(v), "-"+alert.Hash("label", v)[:16])
}
