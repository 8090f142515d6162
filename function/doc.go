// Package function is what all functions share: an Action decides and acts, and
// this package sees to it that it does so once, on one object at a time, and that
// what it did is told as an event.
//
// An event goes through, in order: its type (what is no alert, nor a group for an
// action that takes groups, is answered with nothing) → signature, policy, still
// firing, age → Plan → what the policy says of its object → the target's lock → the
// record, the mark of a resolved alert → the same alert under another id, cool-down,
// further locks, limits, the step's own Check → the record is written → Apply → the
// record is completed → the outcome event.
//
// What may go wrong, and what then happens:
//   - What may pass (the API server away or throttling, a lock held by another, a
//     record that cannot be written) is answered with 503, nothing else, so that
//     the broker tries again. All that is decided, failure included, is an
//     outcome event and no error; it is never tried again.
//   - Apply runs to its own deadline even when the sender has gone. It ends early
//     only when the lock is lost.
//   - A crash before the record is written leaves nothing behind but a lock that
//     runs out. A crash after it leaves an unfinished record: the next delivery
//     asks the step what became of it (Recoverer), and a step that cannot tell is
//     failed with reason Unknown and never run again.
//   - A panic in an action is a failed outcome and a log line with the stack.
package function
