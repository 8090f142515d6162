package jobresults

import (
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

// alertOf is the alert that the Job was made for, as job-runner put it into the
// containers' environment. It is nil where that was too large, or where the Job's
// template has something else of that name: then the labels on the Job are all
// that is known.
func alertOf(job *batchv1.Job) *alert.Alert {
	for _, v := range job.Spec.Template.Spec.Containers[0].Env {
		if v.Name != "ALERT_EVENT" {
			continue
		}
		e := event.New()
		e.SetType(alert.TypeFiring)
		// Kubernetes expands $(…) in values, so job-runner doubled each $.
		e.DataEncoded = []byte(strings.ReplaceAll(v.Value, "$$", "$"))
		a, err := alert.FromEvent(e)
		if err == nil && a.CorrelationID() == job.Labels[labelCorrelationID] {
			return a
		}
	}
	return nil
}
