package rollback

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// The annotations of rollback's own; the package says what is in them.
const (
	annotationRollbackTo     = "quench.dev/rollback-to"
	annotationKnownGood      = "quench.dev/known-good"
	annotationRolledBack     = "quench.dev/rolled-back"
	annotationRolledBackFrom = "quench.dev/rolled-back-from"
)

// ours is how the names of quench's annotations begin.
const ours = "quench.dev/"

// carries says whether the object was rolled back for this event. Another function
// may have changed it for the same event: the shared annotations do not tell.
func carries(o *unstructured.Unstructured, eventID string) bool {
	says := strings.Fields(o.GetAnnotations()[annotationRolledBackFrom])
	return len(says) == 3 && says[2] == eventID
}

// marked says whether a revision has a mark that is about it: annotations get
// copied to objects that they are not about.
func marked(r *revision, annotation string) bool { return names(r.object, annotation) == r.uid() }

// names is the uid that a mark is about.
func names(o *unstructured.Unstructured, annotation string) string {
	uid, _, _ := strings.Cut(o.GetAnnotations()[annotation], " ")
	return uid
}

// bad says which annotation, of what, tells that a revision was rolled back; it is
// empty where none does.
func (s *seen) bad(r *revision) string {
	switch {
	case marked(r, annotationRolledBack):
		return annotationRolledBack + " of " + r.object.GetName()
	case names(s.live, annotationRolledBackFrom) == r.uid():
		return annotationRolledBackFrom + " of " + s.live.GetName()
	}
	return ""
}

// left is the revision that the object says it was rolled back from; nil where
// that is gone.
func (s *seen) left() *revision {
	for _, r := range s.revisions {
		if r.uid() == names(s.live, annotationRolledBackFrom) {
			return r
		}
	}
	return nil
}

// mark writes an annotation on a revision: its uid, the time, and what else there
// is to say.
func (r *Rollback) mark(ctx context.Context, rev *revision, annotation string, also ...string) error {
	says := append([]string{rev.uid(), r.now().UTC().Format(time.RFC3339)}, also...)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         rev.uid(), // another object of this name is refused
		"annotations": map[string]string{annotation: strings.Join(says, " ")},
	}})
	if err != nil {
		return fmt.Errorf("encode mark: %w", err)
	}
	return r.cluster.patch(ctx, rev.resource, rev.object.GetNamespace(), rev.object.GetName(), types.MergePatchType, patch)
}
