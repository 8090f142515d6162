// Package rollback is the function rollback: what kubectl rollout undo does, for
// the Deployment, StatefulSet or DaemonSet that an alert is about. It brings back
// the whole pod template of an earlier revision, and for a Deployment its
// annotations (the change-cause among them), and waits for nothing.
//
// Which revision: the one that the annotation quench.dev/rollback-to of the
// object says; else, with ROLLBACK_TO=known-good, the newest that is noted as
// having been fully available; else the one before the current.
//
// What it remembers stands on the objects, in annotations that name the uid of
// the revision that they are about, because controllers and kubectl copy
// annotations from one object to the next:
//   - quench.dev/known-good on a ReplicaSet or ControllerRevision: it was fully
//     available when an alert about its object resolved. "UID TIME".
//   - quench.dev/rolled-back on the same: an alert was answered by leaving it.
//     "UID TIME EVENT-ID". It is never gone back to until somebody removes this.
//   - quench.dev/rolled-back-from on the changed object, written together with the
//     change, so that no crash leaves a moment in which the next alert could roll
//     forward again: "UID NAME EVENT-ID", the first two of the revision that was left.
//
// What may go wrong: everything that makes it unsure is a Skip that says why. The
// change is one request, which the API server refuses when the object is not what
// was looked at; that, and an API server that is away, is asked again by the
// broker. A crash after the change is found by the event's id on the object. A
// mark that cannot be written is said in the outcome and changes nothing else: the
// object has its own.
package rollback
