package jobresults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// ReasonOOMKilled is the outcome's reason where memory ran out, instead of the
// Job's own, which says only that it was tried in vain.
const ReasonOOMKilled = "OOMKilled"

// maxWhy bounds why a log is missing, in bytes.
const maxWhy = 512

// data is that of other outcome events, and job. Its last member, "alert", is the
// alert event's own data, byte for byte.
type data struct {
	Function string           `json:"function"`
	EventID  string           `json:"eventId"`
	Outcome  function.Outcome `json:"outcome"`
	Reason   string           `json:"reason"`
	Message  string           `json:"message"`
	Target   string           `json:"target"`
	Actions  []function.Acted `json:"actions"`
	Job      result           `json:"job"`
}

// result is how the Job ended. Pod, container and exit code are missing where no
// pod is left, or where its container never ran.
type result struct {
	Reason          string     `json:"reason"` // the Job's condition's: BackoffLimitExceeded, DeadlineExceeded, …
	Pod             string     `json:"pod,omitempty"`
	Container       string     `json:"container,omitempty"`
	ContainerReason string     `json:"containerReason,omitempty"` // Error, OOMKilled, Completed, …
	ExitCode        *int32     `json:"exitCode,omitempty"`
	StartedAt       *time.Time `json:"startedAt,omitempty"`
	FinishedAt      *time.Time `json:"finishedAt,omitempty"`
	Seconds         float64    `json:"durationSeconds,omitempty"`
	Log             string     `json:"log"` // the last lines, masked
	LogTruncated    bool       `json:"logTruncated"`
	LogMissing      string     `json:"logMissing,omitempty"` // why there is none
}

// outcomeID is the same whenever the same end is told.
func outcomeID(job *batchv1.Job, end batchv1.JobCondition) string {
	return alert.Hash(Name, string(job.UID), string(end.Type))
}

// outcome reads what else there is to know, and tells it all.
func (r *Results) outcome(ctx context.Context, cause event.Event, job *batchv1.Job, end batchv1.JobCondition) (*event.Event, error) {
	how, err := r.result(ctx, job, end)
	if err != nil {
		return nil, err
	}
	a := function.Acted{
		Target: "batch/v1/jobs/" + job.Namespace + "/" + job.Name, Outcome: function.Succeeded, Reason: how.Reason,
		StartedAt: how.StartedAt, FinishedAt: how.FinishedAt, Seconds: how.Seconds,
	}
	if end.Type == batchv1.JobFailed {
		a.Outcome = function.Failed
	}
	if a.Outcome == function.Failed && how.ContainerReason == ReasonOOMKilled {
		a.Reason = ReasonOOMKilled
	}
	a.Message = message(job, a, how)

	e := event.New()
	e.SetID(outcomeID(job, end))
	e.SetSource("/quench/" + Name)
	e.SetType(a.Outcome.Type())
	e.SetSubject(alert.AttributeValue(a.Target))
	e.SetTime(end.LastTransitionTime.UTC())
	eventID := job.Annotations[function.AnnotationEventID]
	about := alertOf(job)
	if about != nil {
		for name, v := range (*alert.Mapping)(nil).Attributes(about.Labels) {
			e.SetExtension(name, v)
		}
	}
	attributes := map[string]string{
		"alertname":             job.Annotations[function.AnnotationAlertname],
		alert.AttrFingerprint:   job.Labels[labelFingerprint],
		alert.AttrPartitionKey:  job.Labels[labelFingerprint],
		alert.AttrCorrelationID: job.Labels[labelCorrelationID],
		alert.AttrCausationID:   eventID,
		alert.AttrAction:        Name,
	}
	for name, v := range attributes {
		if v = alert.AttributeValue(v); v != "" {
			e.SetExtension(name, v)
		}
	}
	trace := alert.ParseTrace(job.Annotations[function.AnnotationTraceParent], "")
	if !trace.Valid() { // the alert had none: what is left is that of who told of the Job
		trace = alert.EventTrace(cause)
	}
	trace.SetEvent(&e)
	text, err := json.Marshal(data{
		Function: Name, EventID: eventID, Outcome: a.Outcome, Reason: a.Reason, Message: a.Message, Target: a.Target,
		Actions: []function.Acted{a}, Job: how,
	})
	if err != nil {
		return nil, fmt.Errorf("encode outcome: %w", err)
	}
	if about != nil {
		text = append(text[:len(text)-1], `,"alert":`...)
		text = append(text, about.Data()...)
		text = append(text, '}')
	}
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = text
	return &e, e.Validate()
}

func (r *Results) result(ctx context.Context, job *batchv1.Job, end batchv1.JobCondition) (result, error) {
	how := result{Reason: end.Reason}
	if how.Reason == "" { // older API servers give none for what succeeded
		how.Reason = string(end.Type)
	}
	finished := end.LastTransitionTime.UTC()
	how.FinishedAt = &finished
	if job.Status.StartTime != nil {
		started := job.Status.StartTime.UTC()
		how.StartedAt, how.Seconds = &started, finished.Sub(started).Seconds()
	}
	pods, err := r.cluster.pods(ctx, job)
	if err != nil {
		return how, function.FromAPI("list pods of job "+job.Namespace+"/"+job.Name, err)
	}
	if len(pods) == 0 {
		how.LogMissing = "the Job's pods are gone"
		return how, nil
	}
	pod, container, last := deciding(pods, end.Type == batchv1.JobFailed)
	how.Pod, how.Container = pod, container
	if last != nil {
		how.ExitCode, how.ContainerReason = &last.ExitCode, last.Reason
	}
	how.Log, how.LogTruncated, err = r.logs.Tail(ctx, job.Namespace, pod, container, false)
	if err != nil {
		how.LogMissing = cut("read log: " + err.Error())
	}
	return how, nil
}

func message(job *batchv1.Job, a function.Acted, how result) string {
	text := fmt.Sprintf("Job %s/%s %s: %s", job.Namespace, job.Name, a.Outcome, a.Reason)
	if how.ExitCode != nil {
		text += fmt.Sprintf("; container %s of pod %s ended with exit code %d", how.Container, how.Pod, *how.ExitCode)
	}
	return text
}

func cut(s string) string {
	if len(s) > maxWhy {
		return strings.ToValidUTF8(s[:maxWhy], "")
	}
	return s
}
