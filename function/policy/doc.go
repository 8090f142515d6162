// Package policy is what the operators of a cluster allow: a ConfigMap, read anew
// for each event, so that a kill switch works at once.
//
// It parses and decides, and leaves it to the caller what a refusal
// means. What may go wrong: a policy that cannot be read or does not parse allows
// nothing, and the error says where it is wrong.
package policy

//go:generate go run ./gen
