package rollback

import (
	"strconv"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// choose answers the revision to go back to, or a Skip that says why there is none.
func (r *Rollback) choose(s *seen, found *target.Found, a *alert.Alert) (*revision, error) {
	if s.paused() {
		return nil, function.Skip(ReasonPaused, "the rollout of %s is paused; kubectl rollout resume lets it go on", found)
	}
	if err := about(s, found, a); err != nil {
		return nil, err
	}
	to, err := r.earlier(s, found)
	if err != nil {
		return nil, err
	}
	if to == s.current || to.same(s.current.typed) {
		return nil, function.Skip(ReasonSameTemplate, "%s of %s has the pod template of %s", to, found, s.current)
	}
	if mark := s.bad(to); mark != "" {
		return nil, function.Skip(ReasonKnownBad, "%s of %s was rolled back before; once it is fit again, remove the annotation %s", to, found, mark)
	}
	if _, asked := s.live.GetAnnotations()[annotationRollbackTo]; !asked && r.to != KnownGood && s.broughtBack() {
		return nil, function.Skip(ReasonLeftBefore, "%s of %s was left for %s, which had been current before; to go to another one, name it in the annotation %s",
			to, found, s.current, annotationRollbackTo)
	}
	return to, nil
}

// about wants the alert to be about the current revision: by its pod, or, where it
// cannot be told by that, because it started after the revision became current.
func about(s *seen, found *target.Found, a *alert.Alert) error {
	of := podsRevision(found, a)
	if of != "" {
		if of == s.current.object.GetName() {
			return nil
		}
		return function.Skip(ReasonNotCurrent, "the alert is about revision %s of %s, and the current one is %s: it was rolled back or replaced already",
			of, found, s.current)
	}
	if s.broughtBack() {
		return function.Skip(ReasonUnknownRevision, "it cannot be told which revision of %s the alert is about: it names no pod that is there, "+
			"and %s has been current before", found, s.current)
	}
	if since := s.current.created(); a.StartsAt.Before(since) {
		return function.Skip(ReasonUnknownRevision, "the alert names no pod that is there and started at %s, before %s of %s was made at %s: it may be about an earlier one",
			a.StartsAt.UTC().Format(time.RFC3339), s.current, found, since.UTC().Format(time.RFC3339))
	}
	return nil
}

// podsRevision is the name of the revision that the alert's pod was made from;
// empty where that cannot be told. A StatefulSet's pods keep their names, so one
// that was made after the alert started is not the alert's.
func podsRevision(found *target.Found, a *alert.Alert) string {
	if found.Kind == target.Deployment {
		return found.Through
	}
	pod := found.PodObject
	if pod == nil || pod.GetCreationTimestamp().After(a.StartsAt) {
		return ""
	}
	hash := pod.GetLabels()["controller-revision-hash"]
	if hash != "" && found.Kind == target.DaemonSet { // for StatefulSets it is the whole name
		return found.Name + "-" + hash
	}
	return hash
}

// broughtBack says whether the current revision had been current before the one
// that has the number below it. When it became current again is written nowhere.
func (s *seen) broughtBack() bool {
	if s.current.object.GetAnnotations()[annotationHistory] != "" {
		return true
	}
	for _, r := range s.revisions[1:] {
		if r.created().After(s.current.created()) {
			return true
		}
	}
	return false
}

// earlier is the revision that is asked for.
func (r *Rollback) earlier(s *seen, found *target.Found) (*revision, error) {
	if text, set := s.live.GetAnnotations()[annotationRollbackTo]; set {
		return s.numbered(text, found)
	}
	if len(s.revisions) < 2 {
		return nil, function.Skip(ReasonNoEarlierRevision, "%s has no revision before %s", found, s.current)
	}
	if r.to != KnownGood {
		return s.revisions[1], nil
	}
	for _, rev := range s.revisions[1:] {
		if marked(rev, annotationKnownGood) && s.bad(rev) == "" {
			return rev, nil
		}
	}
	return nil, function.Skip(ReasonNoKnownGood, "no revision of %s before %s is noted as having been fully available (annotation %s)",
		found, s.current, annotationKnownGood)
}

func (s *seen) numbered(text string, found *target.Found) (*revision, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return nil, function.Skip(ReasonRevisionNotFound, "annotation %s=%q of %s: want the number of a revision, such as \"7\"", annotationRollbackTo, text, found)
	}
	for _, rev := range s.revisions {
		if rev.number == number {
			return rev, nil
		}
	}
	return nil, function.Skip(ReasonRevisionNotFound, "annotation %s=%q: %s has no such revision (kubectl rollout history shows them)", annotationRollbackTo, text, found)
}
