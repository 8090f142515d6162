// Package registry asks image registries which images there are: with the pull
// secrets that a pod has, as the kubelet would, and within bounds.
//
// What may go wrong: a registry that is away, throttles or breaks is an AwayError,
// which may pass; one that refuses all credentials a DeniedError, which names them
// and never shows them; what is not there is ErrAbsent. No answer is read further
// than MaxBytes, no list of tags further than MaxTags. Passwords go to their
// own registry, and over plain HTTP only where Options allow that. Errors have
// addresses without their queries, and never a text that a registry wrote.
package registry
